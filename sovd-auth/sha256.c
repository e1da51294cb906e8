/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/sha256.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>

static EVP_MD *digest;         /* lives as long as the process */
static pthread_key_t contexts; /* one of each thread, which goes with it */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_context(void *context) {
        EVP_MD_CTX_free(context);
}

static void prepare(void) {
        if (pthread_key_create(&contexts, free_context) == 0)
                digest = EVP_MD_fetch(NULL, "SHA2-256", NULL);
}

static EVP_MD_CTX *context_of_thread(void) {
        EVP_MD_CTX *context = pthread_getspecific(contexts);

        if (context)
                return context;
        context = EVP_MD_CTX_new();
        if (context && pthread_setspecific(contexts, context)) {
                EVP_MD_CTX_free(context);
                return NULL;
        }
        return context;
}

int sovd_auth_sha256(unsigned char ret[static SOVD_AUTH_SHA256_SIZE], const void *data, size_t n) {
        (void)pthread_once(&once, prepare);
        EVP_MD_CTX *context = digest ? context_of_thread() : NULL;

        if (!context || EVP_DigestInit_ex2(context, digest, NULL) != 1 ||
            EVP_DigestUpdate(context, data, n) != 1 || EVP_DigestFinal_ex(context, ret, NULL) != 1)
                return sovd_error_origin(-EIO);
        return 0;
}
