/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/seen_token.h"
#include "sovd-core/base/error.h"
#include <openssl/crypto.h>

static _Thread_local struct {
        size_t n; /* 0: none */
        unsigned char digest[SOVD_AUTH_SHA256_SIZE];
        char text[SOVD_SEEN_TOKEN_MAX];
} seen;

static bool is_token68(const char *s) {
        size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/");

        return n > 0 && s[n + strspn(s + n, "=")] == '\0';
}

int sovd_seen_token(unsigned char ret[static SOVD_AUTH_SHA256_SIZE], const char *token) {
        const size_t n = strlen(token);

        if (n && n == seen.n && CRYPTO_memcmp(seen.text, token, n) == 0) {
                memcpy(ret, seen.digest, sizeof(seen.digest));
                return 0;
        }
        int r = is_token68(token) ? sovd_auth_sha256(ret, token, n) : SOVD_E_UNAUTHORIZED;
        if (r || n > sizeof(seen.text))
                return r;
        sovd_seen_token_forget();
        seen.n = n;
        memcpy(seen.text, token, n);
        memcpy(seen.digest, ret, sizeof(seen.digest));
        return 0;
}

void sovd_seen_token_forget(void) {
        OPENSSL_cleanse(seen.text, seen.n);
        seen.n = 0;
}
