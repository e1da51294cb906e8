/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/target.h"
#include "sovd-core/base/json_reader.h"
#include <errno.h>

static int hex(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 32;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes n bytes of s; what comes out is clean text, or the reason says why not. */
static int decode(char **ret, const char *s, size_t n, struct sovd_arena *arena, const char **reason) {
        char *out = sovd_arena_alloc(arena, n + 1);
        size_t len = 0;

        if (!out)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < n; i++) {
                if (s[i] != '%') {
                        out[len++] = s[i];
                        continue;
                }
                if (n - i < 3 || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0) {
                        *reason = "a percent sign needs two hexadecimal digits";
                        return SOVD_E_BAD_REQUEST;
                }
                out[len++] = (char)(hex(s[i + 1]) * 16 + hex(s[i + 2]));
                i += 2;
        }

        for (size_t i = 0; i < len; i++)
                if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f) {
                        *reason = "a control character in the target";
                        return SOVD_E_BAD_REQUEST;
                }
        if (!sovd_utf8_is_valid(out, len)) {
                *reason = "the target is not valid UTF-8";
                return SOVD_E_BAD_REQUEST;
        }
        *ret = out;
        return 0;
}

static int add_segment(struct sovd_target *t, const char *s, size_t n, struct sovd_arena *arena, const char **reason) {
        char *segment;

        if (t->n == SOVD_SEGMENTS_MAX) {
                *reason = "too many path segments";
                return SOVD_E_URI_TOO_LONG;
        }
        int r = decode(&segment, s, n, arena, reason);
        if (r)
                return r;
        if (!*segment || strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0) {
                *reason = "an empty segment or a dot segment in the path";
                return SOVD_E_BAD_REQUEST;
        }
        t->segments[t->n++] = segment;
        return 0;
}

int sovd_target_parse(struct sovd_target *ret, const char *path, struct sovd_arena *arena, const char **reason) {
        ret->n = 0;
        ret->trailing_slash = false;
        if (*path != '/') {
                *reason = "the path does not start with a slash";
                return SOVD_E_BAD_REQUEST;
        }
        while (*path == '/' && path[1]) {
                size_t n = strcspn(++path, "/");
                int r = add_segment(ret, path, n, arena, reason);
                if (r)
                        return r;
                path += n;
        }
        ret->trailing_slash = *path == '/' && ret->n > 0;
        return 0;
}

bool sovd_target_leads_on(const char *segment) {
        const bool is_path = strpbrk(segment, "/\\");

        for (const char *p = segment; (p = strchr(p, '%')); p++)
                if (hex(p[1]) >= 0 && hex(p[2]) >= 0)
                        return true;
        for (const char *p = segment; is_path; p++) {
                const size_t n = strcspn(p, "/\\");
                if (!n || (n <= 2 && strspn(p, ".") >= n))
                        return true;
                p += n;
                if (!*p)
                        return false;
        }
        return false;
}

/* "status[pendingDTC]" becomes name "status", key "pendingDTC". */
static void split_key(char *name, struct sovd_query_item *item) {
        char *open = strchr(name, '['), *end = name + strlen(name);

        item->name = name;
        if (!open || open == name || end[-1] != ']')
                return;
        *open = end[-1] = '\0';
        item->key = open + 1;
}

static int parse_item(struct sovd_query_item *item, const char *s, size_t n, struct sovd_arena *arena,
                      const char **reason) {
        const char *equals = memchr(s, '=', n);
        size_t n_name = equals ? (size_t)(equals - s) : n;
        char *name, *value;

        int r = decode(&name, s, n_name, arena, reason);
        if (!r)
                r = decode(&value, equals ? equals + 1 : "", equals ? n - n_name - 1 : 0, arena, reason);
        if (r)
                return r;

        *item = (struct sovd_query_item){ .value = value };
        split_key(name, item);
        return 0;
}

int sovd_query_parse(struct sovd_query_item ret[static SOVD_QUERY_MAX], size_t *ret_n, const char *query,
                     struct sovd_arena *arena, const char **reason) {
        *ret_n = 0;
        while (query && *query) {
                size_t n = strcspn(query, "&");
                if (n) {
                        if (*ret_n == SOVD_QUERY_MAX) {
                                *reason = "more than 32 query parameters";
                                return SOVD_E_BAD_REQUEST;
                        }
                        int r = parse_item(&ret[(*ret_n)++], query, n, arena, reason);
                        if (r)
                                return r;
                }
                query += n + (query[n] == '&');
        }
        return 0;
}
