/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/audit/canon.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <stdio.h>

/* The letters that follow a backslash, for the bytes below 0x20 and the two that need one. */
static char short_escape(unsigned char c) {
        switch (c) {
        case '"':
        case '\\':
                return (char)c;
        case '\b':
                return 'b';
        case '\f':
                return 'f';
        case '\n':
                return 'n';
        case '\r':
                return 'r';
        case '\t':
                return 't';
        default:
                return 0;
        }
}

/* --- writing -------------------------------------------------------------------------------------------- */

static void fail(struct sovd_canon_writer *w, int error) {
        if (!w->error)
                w->error = error;
}

static void put(struct sovd_canon_writer *w, const char *s, size_t n) {
        if (w->error || n >= w->size - w->len) /* one byte stays for the NUL */
                return fail(w, -E2BIG);
        memcpy(w->data + w->len, s, n);
        w->len += n;
}

void sovd_canon_begin(struct sovd_canon_writer *w, char *buf, size_t size) {
        *w = (struct sovd_canon_writer){ .data = buf, .size = size, .error = size ? 0 : -E2BIG };
}

static void separate(struct sovd_canon_writer *w) {
        if (w->comma)
                put(w, ",", 1);
        w->comma = false;
}

void sovd_canon_open(struct sovd_canon_writer *w, char bracket) {
        separate(w);
        put(w, &bracket, 1);
}

void sovd_canon_close(struct sovd_canon_writer *w, char bracket) {
        put(w, &bracket, 1);
        w->comma = true;
}

void sovd_canon_name(struct sovd_canon_writer *w, const char *name) {
        separate(w);
        put(w, "\"", 1);
        put(w, name, strlen(name));
        put(w, "\":", 2);
}

static void put_escaped(struct sovd_canon_writer *w, unsigned char c) {
        char text[8] = { '\\', short_escape(c), 0 };

        if (!text[1])
                (void)snprintf(text, sizeof(text), "\\u%04x", c);
        put(w, text, strlen(text));
}

static bool is_plain(unsigned char c) {
        return c >= 0x20 && c != '"' && c != '\\';
}

void sovd_canon_string(struct sovd_canon_writer *w, const char *s, size_t n) {
        if (memchr(s, 0, n) || !sovd_utf8_is_valid(s, n))
                return fail(w, -EINVAL);
        separate(w);
        put(w, "\"", 1);
        for (size_t i = 0; i < n && !w->error;) {
                size_t run = i;
                while (run < n && is_plain((unsigned char)s[run]))
                        run++;
                put(w, s + i, run - i);
                if (run < n)
                        put_escaped(w, (unsigned char)s[run++]);
                i = run;
        }
        put(w, "\"", 1);
        w->comma = true;
}

void sovd_canon_int(struct sovd_canon_writer *w, uint64_t v) {
        char text[24];

        if (v > SOVD_CANON_INT_MAX)
                return fail(w, -EINVAL);
        separate(w);
        put(w, text, (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)v));
        w->comma = true;
}

void sovd_canon_member(struct sovd_canon_writer *w, const char *name, const char *s) {
        sovd_canon_name(w, name);
        sovd_canon_string(w, s, strlen(s));
}

void sovd_canon_number(struct sovd_canon_writer *w, const char *name, uint64_t v) {
        sovd_canon_name(w, name);
        sovd_canon_int(w, v);
}

int sovd_canon_end(struct sovd_canon_writer *w, size_t *ret_len) {
        if (w->error)
                return w->error;
        w->data[w->len] = '\0';
        *ret_len = w->len;
        return 0;
}

/* --- reading -------------------------------------------------------------------------------------------- */

void sovd_canon_read(struct sovd_canon_reader *r, const char *text, char *room, size_t room_size) {
        *r = (struct sovd_canon_reader){ .p = text, .room = room, .room_left = room_size };
}

bool sovd_canon_fail(struct sovd_canon_reader *r, const char *reason) {
        if (!r->reason)
                r->reason = reason;
        return false;
}

bool sovd_canon_is(const struct sovd_canon_reader *r, char c) {
        return !r->reason && *r->p == c;
}

bool sovd_canon_take(struct sovd_canon_reader *r, char c) {
        if (!sovd_canon_is(r, c))
                return sovd_canon_fail(r, "it is not written in the canonical form");
        r->p++;
        return true;
}

static bool take_name(struct sovd_canon_reader *r, char *name) {
        size_t n = 0;

        if (!sovd_canon_take(r, '"'))
                return false;
        while (n < SOVD_CANON_NAME_MAX && ((*r->p >= 'a' && *r->p <= 'z') || *r->p == '_'))
                name[n++] = *r->p++;
        name[n] = '\0';
        return n ? sovd_canon_take(r, '"') && sovd_canon_take(r, ':')
                 : sovd_canon_fail(r, "a member has a bad name");
}

bool sovd_canon_next(struct sovd_canon_reader *r, char name[static SOVD_CANON_NAME_MAX + 1]) {
        char before[SOVD_CANON_NAME_MAX + 1];

        if (sovd_canon_is(r, '}')) {
                r->p++;
                return false;
        }
        memcpy(before, name, sizeof(before));
        if ((*before && !sovd_canon_take(r, ',')) || !take_name(r, name))
                return false;
        return strcmp(before, name) < 0 || sovd_canon_fail(r, "its members are not in order");
}

static int hex_of(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What stands behind a backslash: only where the writer would have put one. */
static bool unescape(struct sovd_canon_reader *r, char *ret) {
        static const char letters[] = "\"\\bfnrt", bytes[] = "\"\\\b\f\n\r\t";
        const char *found = *r->p ? strchr(letters, *r->p) : NULL;

        if (found) {
                *ret = bytes[found - letters];
                r->p++;
                return true;
        }
        if (strncmp(r->p, "u00", 3) == 0) {
                int high = hex_of(r->p[3]), low = high < 0 ? -1 : hex_of(r->p[4]);
                int c = low < 0 ? -1 : high << 4 | low;
                if (c > 0 && c < 0x20 && !short_escape((unsigned char)c)) {
                        *ret = (char)c;
                        r->p += 5;
                        return true;
                }
        }
        return sovd_canon_fail(r, "a character is not written in the canonical form");
}

static bool keep(struct sovd_canon_reader *r, size_t *n, const char *s, size_t len) {
        if (len >= r->room_left - *n) /* one byte stays for the NUL */
                return sovd_canon_fail(r, "it is too long");
        memcpy(r->room + *n, s, len);
        *n += len;
        return true;
}

const char *sovd_canon_get_string(struct sovd_canon_reader *r, size_t *ret_len) {
        const char *from = r->room;
        size_t n = 0;

        if (!r->room_left || !sovd_canon_take(r, '"'))
                return NULL;
        while (!r->reason && *r->p != '"') {
                const char *start = r->p;
                char c;

                while (is_plain((unsigned char)*r->p))
                        r->p++;
                (void)keep(r, &n, start, (size_t)(r->p - start));
                if (*r->p == '\\' && r->p++ && unescape(r, &c))
                        (void)keep(r, &n, &c, 1);
                else if (*r->p != '"')
                        (void)sovd_canon_fail(r, "a string does not end, or has a control character");
        }
        if (r->reason)
                return NULL;
        r->p++;
        if (!sovd_utf8_is_valid(from, n)) {
                (void)sovd_canon_fail(r, "a string is not UTF-8");
                return NULL;
        }
        r->room[n] = '\0';
        r->room += n + 1;
        r->room_left -= n + 1;
        if (ret_len)
                *ret_len = n;
        return from;
}

bool sovd_canon_get_int(struct sovd_canon_reader *r, uint64_t *ret) {
        const char *start = r->p;
        uint64_t v = 0;

        if (r->reason)
                return false;
        for (; *r->p >= '0' && *r->p <= '9'; r->p++) {
                v = v * 10 + (uint64_t)(*r->p - '0');
                if (v > SOVD_CANON_INT_MAX)
                        return sovd_canon_fail(r, "a number is too large");
        }
        if (r->p == start || (*start == '0' && r->p - start > 1))
                return sovd_canon_fail(r, "a number is not written in the canonical form");
        *ret = v;
        return true;
}

bool sovd_canon_is_end(struct sovd_canon_reader *r) {
        return !r->reason && (!*r->p || sovd_canon_fail(r, "something follows its end"));
}
