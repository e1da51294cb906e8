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
#define KEY_SIZE   (sizeof(PREFIX) + 44)
#define VALID_USEC (365 * 86400 * SOVD_USEC_PER_SEC)

static int make(char key[static KEY_SIZE], char hex[static 65]) {
        unsigned char bytes[RANDOM], digest[32];
        unsigned char *text = (unsigned char *)stpcpy(key, PREFIX);

        if (RAND_priv_bytes(bytes, sizeof(bytes)) != 1)
                return sovd_error_origin(-EIO);
        int n = EVP_EncodeBlock(text, bytes, sizeof(bytes));
        OPENSSL_cleanse(bytes, sizeof(bytes));
        for (unsigned char *c = text; *c; c++)
                *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
        text[n - 1] = '\0'; /* the padding */
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
