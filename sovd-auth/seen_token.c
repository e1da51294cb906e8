/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/seen_token.h"
#include "sovd-core/base/error.h"
#include <openssl/crypto.h>

/* In memory of its own: a worker's stack is small, and most clients never send one. */
static _Thread_local struct seen {
        size_t n;
        unsigned char digest[SOVD_AUTH_SHA256_SIZE];
        char text[];
} *seen;

static bool is_token68(const char *s) {
        size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/");

        return n > 0 && s[n + strspn(s + n, "=")] == '\0';
}

/* Eight bytes at once, and to the end whatever they are, as CRYPTO_memcmp() does byte by byte: half of what a known token costs. */
static bool same(const char *a, const char *b, size_t n) {
        uint64_t differs = 0, x, y;
        size_t i = 0;

        for (; i + sizeof(x) <= n; i += sizeof(x)) {
                memcpy(&x, a + i, sizeof(x));
                memcpy(&y, b + i, sizeof(y));
                differs |= x ^ y;
        }
        differs |= (uint64_t)CRYPTO_memcmp(a + i, b + i, n - i);
        return differs == 0;
}

/* Without memory the next request takes its sum again. */
static void remember(const char *token, size_t n, const unsigned char *digest) {
        sovd_seen_token_forget();
        seen = malloc(sizeof(*seen) + n);
        if (!seen)
                return;
        seen->n = n;
        memcpy(seen->text, token, n);
        memcpy(seen->digest, digest, sizeof(seen->digest));
}

int sovd_seen_token(unsigned char ret[static SOVD_AUTH_SHA256_SIZE], const char *token) {
        const size_t n = strlen(token);

        if (seen && n == seen->n && same(seen->text, token, n)) {
                memcpy(ret, seen->digest, sizeof(seen->digest));
                return 0;
        }
        int r = is_token68(token) ? sovd_auth_sha256(ret, token, n) : SOVD_E_UNAUTHORIZED;
        if (!r)
                remember(token, n, ret);
        return r;
}

void sovd_seen_token_forget(void) {
        if (!seen)
                return;
        OPENSSL_cleanse(seen, sizeof(*seen) + seen->n);
        free(seen);
        seen = NULL;
}
