/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/id.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <errno.h>
#include <sys/random.h>

#define ID_BYTES_MAX 128

/* The names under which routes hang beside ids, at any level (ISO 17978-3). */
static const char *const reserved_ids[] = {
        "autonomous",   "bulk-read", "bulk-write", "cached-data", "client-defined-resources",
        "config",       "docs",      "entries",    "events",      "executions",
        "learned-data", "status",    "subscribe",
};

static int read_random(void *buf, size_t n) {
        ssize_t got;

        do
                got = getrandom(buf, n, 0);
        while (got < 0 && errno == EINTR);

        if (got < 0)
                return sovd_error_origin(-errno);
        return (size_t)got == n ? 0 : sovd_error_origin(-EIO); /* up to 256 bytes come whole */
}

int sovd_id_new(char buf[static SOVD_ID_SIZE]) {
        uint8_t bytes[(SOVD_ID_SIZE - 1) / 2];

        int r = read_random(bytes, sizeof(bytes));
        if (r)
                return r;

        sovd_hex(buf, bytes, sizeof(bytes));
        return 0;
}

/* splitmix64: one addition and a mix, every seed is good. */
static uint64_t next_random(void) {
        static _Thread_local uint64_t state;
        static _Thread_local bool seeded;

        if (!seeded && read_random(&state, sizeof(state)))
                state = sovd_now_usec() ^ (uint64_t)(uintptr_t)&state; /* no secret: distinct is enough */
        seeded = true;

        uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

void sovd_id_trace(char *buf, size_t n_hex) {
        uint64_t bits = 0;

        for (size_t i = 0; i < n_hex; i++) {
                bits = i % 16 == 0 ? next_random() : bits >> 4;
                buf[i] = SOVD_HEX_DIGITS[bits & 0xf];
        }
        buf[n_hex] = '\0';
}

/* C0, DEL, and C1 (U+0080 to U+009F, two bytes of UTF-8). */
static bool has_control(const char *s) {
        for (const unsigned char *p = (const unsigned char *)s; *p; p++)
                if (*p < 0x20 || *p == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0))
                        return true;
        return false;
}

bool sovd_id_is_valid(const char *s) {
        size_t n = s ? strnlen(s, ID_BYTES_MAX + 1) : 0;

        if (n == 0 || n > ID_BYTES_MAX || s[0] == '$' || sovd_streq(s, ".") || sovd_streq(s, ".."))
                return false;
        return !strpbrk(s, "/\\") && !has_control(s) && sovd_utf8_is_valid(s, n);
}

bool sovd_id_is_reserved(const char *s) {
        if (!s)
                return false;
        if (s[0] == '$')
                return true;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(reserved_ids); i++)
                if (strcmp(s, reserved_ids[i]) == 0)
                        return true;
        return false;
}

bool sovd_id_is_reserved_in(const char *s, const char *collection) {
        static const struct {
                const char *collection, *id;
        } rows[] = {
                { "data", "bulk-read" },   { "data", "bulk-write" }, { "data", "subscribe" },    { "faults", "subscribe" },
                { "logs", "entries" },    { "logs", "config" },       { "clear-data", "status" },
                { "clear-data", "cached-data" }, { "clear-data", "learned-data" },
                { "clear-data", "client-defined-resources" },
                { "faults", "history" },
        };

        if (!s || s[0] == '$' || strcmp(s, "docs") == 0)
                return true;
        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++)
                if (strcmp(rows[i].collection, collection) == 0 && strcmp(rows[i].id, s) == 0)
                        return true;
        return false;
}
