/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is what a client sends on a new connection
 *
 * An accepted head is measured again on the bytes as they came: each field's line ends with CRLF and with nothing
 * else, starts with a name, and there are as many of them as the parser found. So nothing can hide between two
 * fields. What it says of proxies is read as if it came from one, and means nothing when it comes from anybody else.
 */
#include "sovd-rest/http_server.h"
#include "sovd-rest/origin.h"
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
        if (!condition)
                abort();
}

static bool is_inside(const struct sovd_head *head, const char *s) {
        return s >= head->buf && s < head->buf + head->len &&
               memchr(s, '\0', (size_t)(head->buf + head->len - s));
}

/* One line of the bytes as they came; returns the start of the next. */
static const char *check_raw_line(const char *line, const char *end, const struct sovd_head_field *f) {
        const char *cr = memchr(line, '\r', (size_t)(end - line));
        const char *lf = memchr(line, '\n', (size_t)(end - line));
        size_t n_name = strlen(f->name), n_value = strlen(f->value);

        must(cr && lf == cr + 1);
        while (cr > line && (cr[-1] == ' ' || cr[-1] == '\t'))
                cr--;
        must((size_t)(cr - line) >= n_name + 1 + n_value && line[n_name] == ':');
        must(memcmp(line, f->name, n_name) == 0 && memcmp(cr - n_value, f->value, n_value) == 0);
        for (const char *p = line + n_name + 1; p < cr - n_value; p++)
                must(*p == ' ' || *p == '\t');
        return lf + 1;
}

static size_t count(const struct sovd_head *head, const char *name) {
        size_t n = 0;

        for (size_t i = 0; i < head->n_fields; i++)
                n += strcasecmp(head->fields[i].name, name) == 0;
        return n;
}

static void check_accepted(const struct sovd_head *head, const struct sovd_head_info *info, const char *raw) {
        const char *end = raw + head->len;

        must(is_inside(head, head->method) && is_inside(head, head->uri) && is_inside(head, head->version));
        must(head->n_fields <= SOVD_HEAD_FIELDS_MAX);

        const char *line = raw + (head->version - head->buf) + strlen(head->version) + 2;
        must(memcmp(line - 2, "\r\n", 2) == 0);
        for (size_t i = 0; i < head->n_fields; i++) {
                must(is_inside(head, head->fields[i].name) && is_inside(head, head->fields[i].value));
                line = check_raw_line(line, end, &head->fields[i]);
        }
        must(end - line == 2 && memcmp(line, "\r\n", 2) == 0);

        must(count(head, "Host") <= 1 && count(head, "Content-Length") <= 1 &&
             count(head, "Transfer-Encoding") <= 1);
        must(info->has_body == (info->chunked || info->content_length > 0));
        must(info->chunked == (count(head, "Transfer-Encoding") == 1));
        must(!(info->chunked && count(head, "Content-Length")));
        must(info->content_length <= UINT64_C(9999999999));
}

static void check_forwarded(const struct sovd_head *head) {
        static const char *const trusted[] = { "10.0.0.0/8", "unix", NULL };
        const struct sovd_origin_request proxy = { head, "10.1.2.3", false }, unix_proxy = { head, "", false },
                                         stranger = { head, "192.0.2.7", false };
        struct sovd_address address, own;
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        const char *base = NULL, *reason = NULL;

        must(sovd_origin_client(&proxy, trusted, &address));
        (void)sovd_origin_client(&unix_proxy, trusted, &address);
        must(sovd_address_read(&own, stranger.remote) && sovd_origin_client(&stranger, trusted, &address));
        must(memcmp(&own, &address, sizeof(own)) == 0);
        if (sovd_arena_new(&arena, 1024))
                return;
        int r = sovd_origin_base(&base, &proxy, trusted, arena, &reason);
        must(r ? r == SOVD_E_BAD_REQUEST && reason : base && strstr(base, "/sovd/v1"));
        must(sovd_origin_base(&base, &stranger, trusted, arena, &reason) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct sovd_head_field storage[SOVD_HEAD_FIELDS_MAX + 1];
        struct sovd_head head = { .buf = NULL };
        struct sovd_head_info info;
        const char *reason = NULL;
        _cleanup_(sovd_freep) char *buf = malloc(size ? size : 1);

        if (!buf)
                return 0;
        if (size)
                memcpy(buf, data, size);
        int r = sovd_http_parse_head(buf, size, &head, storage, &info, &reason);
        if (r)
                must(r > 0 && r < SOVD_E_MAX && reason && *reason);
        else
                check_accepted(&head, &info, (const char *)data), check_forwarded(&head);
        return 0;
}
