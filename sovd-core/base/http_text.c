/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/http_text.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/http_client.h"
#include <errno.h>
#include <limits.h>
#include <strings.h>

/* A piece of a line. */
struct span {
        const char *s;
        size_t len;
};

static struct span span_trim(struct span v) {
        while (v.len && (v.s[0] == ' ' || v.s[0] == '\t')) {
                v.s++;
                v.len--;
        }
        while (v.len && strchr(" \t\r\n", v.s[v.len - 1]))
                v.len--;
        return v;
}

/* 1*DIGIT only: no sign, no list, no overflow. */
static bool span_number(struct span v, uint64_t *ret) {
        uint64_t n = 0;

        for (size_t i = 0; i < v.len; i++)
                if (v.s[i] < '0' || v.s[i] > '9' || __builtin_mul_overflow(n, UINT64_C(10), &n) ||
                    __builtin_add_overflow(n, (uint64_t)(v.s[i] - '0'), &n))
                        return false;
        *ret = n;
        return v.len > 0;
}

static int take_retry_after(struct sovd_http_head *head, struct span v) {
        uint64_t sec;

        if (span_number(v, &sec))
                head->retry_after_sec = (unsigned)SOVD_MIN(sec, (uint64_t)UINT_MAX);
        return 0;
}

static int take_content_length(struct sovd_http_head *head, struct span v) {
        uint64_t length;

        if (!span_number(v, &length) || head->chunked || (head->has_length && head->length != length))
                return -EBADMSG;
        head->has_length = true;
        head->length = length;
        return 0;
}

static int take_transfer_encoding(struct sovd_http_head *head, struct span v) {
        head->chunked = true;
        return head->has_length ? -EBADMSG : 0;
}

static const struct {
        const char *name;
        size_t len;
        int (*take)(struct sovd_http_head *head, struct span v);
} fields[] = {
        { "content-length", 14, take_content_length },
        { "transfer-encoding", 17, take_transfer_encoding },
        { "retry-after", 11, take_retry_after },
};

static int take_field(struct sovd_http_head *head, const char *line, size_t len) {
        const char *colon = memchr(line, ':', len);
        size_t name_len = colon ? (size_t)(colon - line) : 0;

        /* also the folded line, which begins with a blank, and the blank before the colon */
        if (!name_len || memchr(line, ' ', name_len) || memchr(line, '\t', name_len))
                return -EBADMSG;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(fields); i++)
                if (fields[i].len == name_len && strncasecmp(fields[i].name, line, name_len) == 0)
                        return fields[i].take(head,
                                              span_trim((struct span){ colon + 1, len - name_len - 1 }));
        return 0;
}

/* "HTTP/1.1 200 OK": begins an answer; what 1xx answers said before is forgotten. */
static int take_status_line(struct sovd_http_head *head, const char *line, size_t len) {
        size_t n_bytes = head->n_bytes;
        uint64_t status;

        if (len < 13 || line[8] != ' ' || !span_number((struct span){ line + 9, 3 }, &status) || status < 100)
                return -EBADMSG;
        *head = (struct sovd_http_head){ .n_bytes = n_bytes, .status = (unsigned)status };
        return 0;
}

int sovd_http_head_line(struct sovd_http_head *head, const char *line, size_t len) {
        bool fresh = !head->status || (head->ended && head->status < 200);

        head->n_bytes += len;
        if (head->n_bytes > SOVD_HTTP_HEAD_MAX)
                return -EBADMSG;
        if (fresh)
                return take_status_line(head, line, len);
        if (head->ended)
                return 0;

        head->ended = span_trim((struct span){ line, len }).len == 0;
        return head->ended ? 0 : take_field(head, line, len);
}

bool sovd_http_method_is_valid(const char *method) {
        size_t len = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

        return len > 0 && len < 16 && !method[len];
}

bool sovd_http_target_is_valid(const char *target) {
        for (const char *p = target; *p; p++)
                if (*p <= ' ' || *p >= 0x7f || *p == '#')
                        return false;
        return target[0] == '/';
}

bool sovd_http_field_is_valid(const char *line) {
        for (const char *p = line; *p; p++)
                if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
                        return false;
        return true;
}

const char *sovd_http_encode_segment(struct sovd_arena *arena, const char *s) {
        static const char hex[] = "0123456789ABCDEF";
        bool dots = sovd_streq(s, ".") || sovd_streq(s, ".."); /* would climb the path */
        char *out = sovd_arena_calloc(arena, strlen(s) + 1, 3);
        char *p = out;

        if (!out)
                return NULL;
        for (; *s; s++) {
                unsigned char c = (unsigned char)*s;
                bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
                if (letter || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '~' ||
                    (c == '.' && !dots)) {
                        *p++ = (char)c;
                        continue;
                }
                *p++ = '%';
                *p++ = hex[c >> 4];
                *p++ = hex[c & 15];
        }
        return out;
}
