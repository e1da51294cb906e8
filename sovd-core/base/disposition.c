/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/disposition.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <stdio.h>
#include <strings.h>

#define TOKEN "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

struct parameter {
        const char *name; /* not ended by NUL */
        size_t name_len;
        char *value;
};

static const char *skip_space(const char *s) {
        return s + strspn(s, " \t");
}

/* A quoted string, whose backslashes are taken out; *p moves behind it. */
static int take_quoted(const char **p, struct sovd_arena *arena, char **ret) {
        const char *s = *p + 1;
        char *out = sovd_arena_alloc(arena, strlen(s) + 1);
        size_t n = 0;
        if (!out)
                return sovd_error_origin(-ENOMEM);

        for (; *s && *s != '"'; s++) {
                if (*s == '\\' && s[1])
                        s++;
                out[n++] = *s;
        }
        if (!*s)
                return SOVD_E_BAD_REQUEST;
        *p = s + 1;
        *ret = out;
        return 0;
}

/* The next ";name=value" from *p. 0 with name NULL: the end. */
static int take_parameter(const char **p, struct sovd_arena *arena, struct parameter *ret) {
        const char *s = skip_space(*p);

        *ret = (struct parameter){ 0 };
        if (!*s)
                return 0;
        if (*s != ';')
                return SOVD_E_BAD_REQUEST;
        s = skip_space(s + 1);
        if (!*s)
                return 0;
        size_t n = strspn(s, TOKEN);
        *ret = (struct parameter){ .name = s, .name_len = n };
        s = skip_space(s + n); /* RFC 6266 lets blanks stand around the '=' */
        if (!n || *s != '=')
                return SOVD_E_BAD_REQUEST;
        s = skip_space(s + 1);
        if (*s == '"') {
                *p = s;
                return take_quoted(p, arena, &ret->value);
        }
        n = strspn(s, TOKEN);
        ret->value = n ? sovd_arena_strndup(arena, s, n) : NULL;
        *p = s + n;
        return ret->value ? 0 : n ? sovd_error_origin(-ENOMEM) : SOVD_E_BAD_REQUEST;
}

static bool is_named(const struct parameter *p, const char *name) {
        return p->name_len == strlen(name) && strncasecmp(p->name, name, p->name_len) == 0;
}

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        return (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* UTF-8'language'percent-encoded (RFC 8187), in place. */
static bool decode_extended(char *value) {
        char *in = strncasecmp(value, "UTF-8'", 6) == 0 ? strchr(value + 6, '\'') : NULL, *out = value;

        if (!in)
                return false;
        for (in++; *in; in++) {
                if (*in != '%') {
                        *out++ = *in;
                        continue;
                }
                int high = hex_value(in[1]), low = high < 0 ? -1 : hex_value(in[2]);
                if (low < 0)
                        return false;
                *out++ = (char)(high << 4 | low);
                in += 2;
        }
        *out = '\0';
        return true;
}

static bool is_text(const char *s) {
        for (const unsigned char *p = (const unsigned char *)s; *p; p++)
                if (*p < 0x20 || *p == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0))
                        return false;
        return *s && strlen(s) <= SOVD_DISPOSITION_NAME_MAX && sovd_utf8_is_valid(s, strlen(s));
}

/* What a browser on another system sends may be a path: only its end names the file. */
static const char *without_path(const char *filename) {
        for (const char *p = filename; *p; p++)
                if (*p == '/' || *p == '\\')
                        filename = p + 1;
        return filename;
}

static int bad(const char **reason, const char *text) {
        *reason = text;
        return SOVD_E_BAD_REQUEST;
}

/* filename* wins over filename, in whatever order they come. */
static int keep(struct sovd_disposition *d, const struct parameter *p, bool *extended, const char **reason) {
        if (is_named(p, "filename*")) {
                if (!decode_extended(p->value))
                        return bad(reason, "filename* is not UTF-8''… with percent-encoding");
                *extended = true;
                d->filename = p->value;
        } else if (is_named(p, "filename")) {
                d->filename = *extended ? d->filename : p->value;
        } else if (is_named(p, "name")) {
                if (d->name)
                        return bad(reason, "name comes twice");
                d->name = p->value;
        }
        return 0;
}

static int check(struct sovd_disposition *d, const char **reason) {
        if (d->name && !is_text(d->name))
                return bad(reason, "name must be 1 to 255 bytes of UTF-8 without control characters");
        if (!d->filename)
                return 0;
        d->filename = without_path(d->filename);
        if (!is_text(d->filename))
                return bad(reason, "filename must be 1 to 255 bytes of UTF-8 without control characters");
        return 0;
}

int sovd_disposition_parse(const char *field, struct sovd_arena *arena, struct sovd_disposition *ret,
                           const char **reason) {
        struct sovd_disposition d = { 0 };
        struct parameter p;
        bool extended = false;
        const char *s = skip_space(field);
        size_t n = strspn(s, TOKEN);

        if (!n)
                return bad(reason, "it names no type, such as attachment or form-data");
        d.type = sovd_arena_strndup(arena, s, n);
        if (!d.type)
                return sovd_error_origin(-ENOMEM);
        s += n;
        for (;;) {
                int r = take_parameter(&s, arena, &p);
                if (r > 0)
                        return bad(reason, "it is not a type with parameters like name=\"value\"");
                if (!r && p.name)
                        r = keep(&d, &p, &extended, reason);
                if (r)
                        return r;
                if (!p.name)
                        break;
        }
        int r = check(&d, reason);
        if (!r)
                *ret = d;
        return r;
}

int sovd_field_parameter(const char *field, const char *name, struct sovd_arena *arena, const char **ret) {
        const char *s = field + strcspn(field, ";");
        struct parameter p;

        *ret = NULL;
        for (;;) {
                int r = take_parameter(&s, arena, &p);
                if (r)
                        return r;
                if (!p.name)
                        return 0;
                if (is_named(&p, name)) {
                        *ret = p.value;
                        return 0;
                }
        }
}

const char *sovd_disposition_format(struct sovd_arena *arena, const char *filename) {
        static const char hex[] = "0123456789ABCDEF";
        size_t len = strlen(filename), n = 0;
        char *plain = sovd_arena_alloc(arena, len + 1), *encoded = sovd_arena_calloc(arena, len + 1, 3);
        bool same = true;
        if (!plain || !encoded)
                return NULL;

        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)filename[i];
                bool safe = c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '%';
                plain[i] = safe ? (char)c : '_';
                same = same && safe;
                if (c &&
                    strchr("!#$&+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", c)) {
                        encoded[n++] = (char)c;
                } else {
                        encoded[n++] = '%';
                        encoded[n++] = hex[c >> 4];
                        encoded[n++] = hex[c & 15];
                }
        }
        if (same)
                return sovd_arena_printf(arena, "attachment; filename=\"%s\"", plain);
        return sovd_arena_printf(arena, "attachment; filename=\"%s\"; filename*=UTF-8''%s", plain, encoded);
}

bool sovd_media_type_is_valid(const char *type) {
        size_t n = strspn(type, TOKEN), m = type[n] == '/' ? strspn(type + n + 1, TOKEN) : 0;

        if (!n || !m || strlen(type) > SOVD_DISPOSITION_NAME_MAX)
                return false;
        for (const unsigned char *p = (const unsigned char *)type; *p; p++)
                if (*p < 0x20 || *p >= 0x7f)
                        return false;
        const char *rest = skip_space(type + n + 1 + m);
        return !*rest || *rest == ';';
}

bool sovd_media_type_is(const char *type, const char *plain) {
        size_t n = strcspn(type, "; \t");

        return n == strlen(plain) && strncasecmp(type, plain, n) == 0;
}
