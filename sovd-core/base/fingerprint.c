/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/fingerprint.h"
#include "sovd-core/base/error.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define DIGEST_BYTES 32

static void to_hex(char *ret, const unsigned char *bytes) {
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < DIGEST_BYTES; i++) {
                ret[2 * i] = digits[bytes[i] >> 4];
                ret[2 * i + 1] = digits[bytes[i] & 15];
        }
        ret[2 * DIGEST_BYTES] = '\0';
}

int sovd_fingerprint(char ret[static SOVD_FINGERPRINT_SIZE], const void *data, size_t n) {
        unsigned char bytes[EVP_MAX_MD_SIZE];

        if (!EVP_Digest(n ? data : "", n, bytes, NULL, EVP_sha256(), NULL))
                return sovd_error_origin(-EIO);
        to_hex(ret, bytes);
        return 0;
}

int sovd_fingerprint_keyed(char ret[static SOVD_FINGERPRINT_SIZE], const char *key, const char *text) {
        unsigned char bytes[EVP_MAX_MD_SIZE];
        const void *data = text;

        if (!HMAC(EVP_sha256(), key, (int)strlen(key), data, strlen(text), bytes, NULL))
                return sovd_error_origin(-EIO);
        to_hex(ret, bytes);
        return 0;
}

bool sovd_fingerprint_equal(const char *a, const char *b) {
        const size_t n = strlen(a);

        return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}
