#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Small helpers - what every file of demo-ecu needs
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define _cleanup_(_x)    __attribute__((__cleanup__(_x)))
#define _printf_(_f, _a) __attribute__((__format__(__printf__, _f, _a)))
#define N_ELEMENTS(_a)   (sizeof(_a) / sizeof((_a)[0]))

static inline void freep(void *p) {
        free(*(void **)p);
}

static inline bool equal(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

/* Copies what fits; the ids and texts that come here are longer than their place only in hostile input. */
static inline void copy_text(char *to, size_t n_to, const char *from) {
        size_t n = strlen(from);

        if (n > n_to - 1)
                n = n_to - 1;
        memcpy(to, from, n);
        to[n] = '\0';
}
