#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* For civetweb's scanner of heads, which else looks at each byte by itself (civetweb-lean.patch). */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* How many of the n bytes at s are certainly plain: neither a control character (nor tab, CR, LF) nor DEL; the bytes of UTF-8 are. May stop
 * up to seven bytes early: it takes eight at once. */
static inline size_t plain_run(const char *s, size_t n) {
        const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
        size_t i = 0;

        for (uint64_t w, del; i + sizeof(w) <= n; i += sizeof(w)) {
                memcpy(&w, s + i, sizeof(w));
                del = w ^ ones * 0x7f;
                /* A byte below 0x20, or one that is zero now. */
                if ((((w - ones * 0x20) & ~w) | ((del - ones) & ~del)) & tops)
                        break;
        }
        return i;
}
