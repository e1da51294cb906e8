/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/sha256.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>

static EVP_MD *digest; /* lives as long as the process */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void) {
        digest = EVP_MD_fetch(NULL, "SHA2-256", NULL);
}

int sovd_auth_sha256(unsigned char ret[static SOVD_AUTH_SHA256_SIZE], const void *data, size_t n) {
        (void)pthread_once(&once, fetch);
        if (!digest || EVP_Digest(data, n, ret, NULL, digest, NULL) != 1)
                return sovd_error_origin(-EIO);
        return 0;
}
