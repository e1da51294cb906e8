/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/base64url.h"

static int value_of(char c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '-' ? 62 : c == '_' ? 63 : -1;
}

ssize_t sovd_base64url_decode(unsigned char *ret, const char *text, size_t n) {
        unsigned bits = 0, n_bits = 0;
        size_t len = 0;

        if (n % 4 == 1)
                return -1;
        for (size_t i = 0; i < n; i++) {
                int v = value_of(text[i]);
                if (v < 0)
                        return -1;
                bits = bits << 6 | (unsigned)v;
                n_bits += 6;
                if (n_bits < 8)
                        continue;
                n_bits -= 8;
                ret[len++] = (unsigned char)(bits >> n_bits);
                bits &= (1u << n_bits) - 1;
        }
        return bits ? -1 : (ssize_t)len;
}

unsigned char *sovd_base64url_decode_in(struct sovd_arena *arena, const char *text, size_t n, size_t *ret_n) {
        unsigned char *bytes = sovd_arena_alloc(arena, SOVD_BASE64URL_BYTES(n) + 1);
        ssize_t len = bytes ? sovd_base64url_decode(bytes, text, n) : -1;

        if (len < 0)
                return NULL;
        bytes[len] = '\0';
        *ret_n = (size_t)len;
        return bytes;
}
