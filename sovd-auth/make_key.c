/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/make_key.h"
#include "sovd-auth/auth.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define PREFIX     "sovd_" /* by which scanners for leaked secrets know it */
#define RANDOM     32
#define KEY_SIZE   (sizeof(PREFIX) + SOVD_RANDOM_TEXT)
#define VALID_USEC (365 * 86400 * SOVD_USEC_PER_SEC)

int sovd_make_random(char *ret, const char *prefix) {
        unsigned char bytes[RANDOM], *text = (unsigned char *)stpcpy(ret, prefix), block[48];

        if (RAND_priv_bytes(bytes, sizeof(bytes)) != 1)
                return sovd_error_origin(-EIO);
        (void)EVP_EncodeBlock(block, bytes, sizeof(bytes));
        for (size_t i = 0; i < SOVD_RANDOM_TEXT - 1; i++)
                text[i] = block[i] == '+' ? '-' : block[i] == '/' ? '_' : block[i];
        text[SOVD_RANDOM_TEXT - 1] = '\0'; /* in the place of the padding */
        OPENSSL_cleanse(bytes, sizeof(bytes));
        OPENSSL_cleanse(block, sizeof(block));
        return 0;
}

static int make(char key[static KEY_SIZE], char hex[static 65]) {
        unsigned char digest[32];
        int r = sovd_make_random(key, PREFIX);

        if (r)
                return r;
        if (EVP_Digest(key, strlen(key), digest, NULL, EVP_sha256(), NULL) != 1)
                return sovd_error_origin(-EIO);
        sovd_hex(hex, digest, sizeof(digest));
        return 0;
}

int sovd_make_key(const char *name, FILE *out) {
        char key[KEY_SIZE], hex[65], expires[SOVD_TIMESTAMP_SIZE];

        if (!sovd_auth_is_name(name))
                return -EINVAL;
        int r = make(key, hex);
        if (!r && (fprintf(out,
                           "%s\n\n"
                           "The line above is the key. It is shown this once: give it to the client. The configuration knows its digest:\n\n"
                           "auth:\n"
                           "  api_keys:\n"
                           "    - name: \"%s\"\n"
                           "      key_sha256: \"%s\"\n"
                           "      roles: [viewer]\n"
                           "      expires: \"%s\"\n",
                           key, name, hex, sovd_clock_format(expires, sovd_realtime_usec() + VALID_USEC)) < 0 ||
                   fflush(out)))
                r = sovd_error_origin(-EIO);
        OPENSSL_cleanse(key, sizeof(key));
        return r;
}
