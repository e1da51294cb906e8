/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/jwt_keys.h"
#include "sovd-auth/secrets.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/secret.h"
#include <sys/stat.h>
#include <unistd.h>

/* A public key: everybody may read it, but who can write it can be anybody. */
static int read_public(struct sovd_jwks **ret, const char *file, unsigned algorithms,
                       struct sovd_arena *arena, const char **ret_why) {
        const char *text;
        size_t len;
        struct stat st;

        if (stat(file, &st) == 0) {
                *ret_why = !S_ISREG(st.st_mode)                    ? "is no file"
                           : st.st_mode & (S_IWGRP | S_IWOTH)      ? "may be changed by others than its owner"
                           : st.st_uid && st.st_uid != geteuid() ? "belongs to another user"
                                                                   : NULL;
                if (*ret_why)
                        return SOVD_E_BAD_REQUEST;
        }
        int r = sovd_config_read_file(&text, &len, file, arena);
        if (r) {
                *ret_why = sovd_arena_printf(arena, "cannot be read: %s", strerror(-r));
                return r;
        }
        if (len > SOVD_JWKS_BYTES_MAX) {
                *ret_why = "has more than 65536 bytes";
                return SOVD_E_BAD_REQUEST;
        }
        return sovd_jwks_from_pem(ret, text, len, algorithms, ret_why);
}

static int read_secret(struct sovd_jwks **ret, struct sovd_secrets *secrets, const char *notation,
                       unsigned algorithms, struct sovd_arena *arena, const char **ret_why) {
        _cleanup_(sovd_secret_unrefp) struct sovd_secret *secret = NULL;
        size_t len;
        int r = secrets ? sovd_secrets_read(secrets, notation, &secret, arena, ret_why)
                        : sovd_secret_read(&secret, notation, arena, ret_why);

        if (r)
                return r;
        const char *bytes = sovd_secret_bytes(secret, &len);
        return sovd_jwks_from_secret(ret, (const unsigned char *)bytes, len, algorithms, ret_why);
}

int sovd_issuer_read_keys(struct sovd_jwks **ret, const struct sovd_issuer_settings *s,
                          struct sovd_secrets *secrets, struct sovd_arena *arena, const char **ret_why) {
        unsigned algorithms;

        *ret_why = "an algorithm is not known";
        if (!sovd_issuer_algorithms(s, &algorithms))
                return SOVD_E_BAD_REQUEST;
        *ret_why = NULL;
        return s->secret_file ? read_secret(ret, secrets, s->secret_file, algorithms, arena, ret_why)
                              : read_public(ret, s->public_key_file, algorithms, arena, ret_why);
}
