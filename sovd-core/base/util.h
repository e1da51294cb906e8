#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Small helpers that every file may use: ownership by the cleanup attribute, array sizes, string tests
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define _cleanup_(f)       __attribute__((cleanup(f)))
#define _printf_(fmt, arg) __attribute__((format(printf, fmt, arg)))
#define _public_           __attribute__((visibility("default")))

#define SOVD_N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))
#define SOVD_MIN(a, b)     ((a) < (b) ? (a) : (b))
#define SOVD_MAX(a, b)     ((a) > (b) ? (a) : (b))

#define SOVD_HEX_DIGITS "0123456789abcdef"

#define SOVD_USEC_PER_MSEC UINT64_C(1000)
#define SOVD_USEC_PER_SEC  UINT64_C(1000000)

/* Hands a pointer over: the variable is NULL afterwards, so its cleanup does nothing. */
#define SOVD_TAKE(p)                 \
        ({                           \
                __auto_type _p = (p); \
                (p) = NULL;          \
                _p;                  \
        })

/* Takes an element out of an array; the others keep their order. */
#define SOVD_REMOVE(array, n, i)                                                            \
        do {                                                                                \
                const size_t _i = (i);                                                      \
                (n)--;                                                                      \
                memmove(&(array)[_i], &(array)[_i + 1], ((n) - _i) * sizeof((array)[0]));    \
        } while (0)

/* Defines f##p for _cleanup_(): calls f on the variable unless it is NULL. */
#define SOVD_DEFINE_CLEANUP(type, f)                    \
        static inline __attribute__((unused)) void f##p(type *p) { \
                if (*p)                                 \
                        (void)f(*p);                    \
        }

static inline void sovd_freep(void *p) {
        free(*(void **)p);
}

/* n bytes as 2 * n lower-case hex digits and a NUL. */
static inline void sovd_hex(char *ret, const unsigned char *bytes, size_t n) {
        for (size_t i = 0; i < 2 * n; i++)
                ret[i] = SOVD_HEX_DIGITS[i % 2 ? bytes[i / 2] & 15 : bytes[i / 2] >> 4];
        ret[2 * n] = '\0';
}

static inline bool sovd_streq(const char *a, const char *b) {
        return a && b && strcmp(a, b) == 0;
}

static inline bool sovd_has_prefix(const char *s, const char *prefix) {
        return strncmp(s, prefix, strlen(prefix)) == 0;
}
