/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/fingerprint.h"
#include "sovd-core/base/error.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define DIGEST_BYTES ((SOVD_FINGERPRINT_SIZE - 1) / 2)

int sovd_fingerprint(char ret[static SOVD_FINGERPRINT_SIZE], const void *data, size_t n) {
        unsigned char bytes[EVP_MAX_MD_SIZE];

        if (!EVP_Digest(n ? data : "", n, bytes, NULL, EVP_sha256(), NULL))
                return sovd_error_origin(-EIO);
        sovd_hex(ret, bytes, DIGEST_BYTES);
        return 0;
}

int sovd_fingerprint_keyed(char ret[static SOVD_FINGERPRINT_SIZE], const char *key, const void *data,
                           size_t n) {
        unsigned char bytes[EVP_MAX_MD_SIZE];

        if (!HMAC(EVP_sha256(), key, (int)strlen(key), n ? data : (const void *)"", n, bytes, NULL))
                return sovd_error_origin(-EIO);
        sovd_hex(ret, bytes, DIGEST_BYTES);
        return 0;
}

bool sovd_fingerprint_equal(const char *a, const char *b) {
        const size_t n = strlen(a);

        return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}
