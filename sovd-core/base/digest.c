/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/digest.h"
#include "sovd-core/base/error.h"
#include <openssl/evp.h>

struct sovd_sha256 {
        EVP_MD_CTX *context;
        bool failed;
};

int sovd_sha256_new(struct sovd_sha256 **ret) {
        _cleanup_(sovd_sha256_freep) struct sovd_sha256 *sha = calloc(1, sizeof(*sha));
        if (!sha)
                return sovd_error_origin(-ENOMEM);

        sha->context = EVP_MD_CTX_new();
        if (!sha->context || EVP_DigestInit_ex(sha->context, EVP_sha256(), NULL) != 1)
                return sovd_error_origin(-ENOMEM);

        *ret = SOVD_TAKE(sha);
        return 0;
}

void sovd_sha256_add(struct sovd_sha256 *sha, const void *data, size_t n) {
        if (EVP_DigestUpdate(sha->context, data, n) != 1)
                sha->failed = true;
}

int sovd_sha256_end(struct sovd_sha256 *sha, char ret[static SOVD_SHA256_SIZE]) {
        unsigned char sum[EVP_MAX_MD_SIZE];
        unsigned n = 0;

        if (sha->failed || EVP_DigestFinal_ex(sha->context, sum, &n) != 1 || n != 32)
                return sovd_error_origin(-EIO);
        sovd_hex(ret, sum, n);
        return 0;
}

struct sovd_sha256 *sovd_sha256_free(struct sovd_sha256 *sha) {
        if (!sha)
                return NULL;
        EVP_MD_CTX_free(sha->context);
        free(sha);
        return NULL;
}
