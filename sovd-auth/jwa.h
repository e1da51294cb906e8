#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signature algorithms of tokens (RFC 7518 3, RFC 8037)
 *
 * One table binds each name to the kind of key that it needs, so that a key never serves an algorithm of another kind.
 * `none` has no row.
 */
#include "sovd-core/base/util.h"
#include <openssl/types.h>

enum sovd_jwa {
        SOVD_JWA_UNKNOWN,
        SOVD_JWA_HS256, SOVD_JWA_HS384, SOVD_JWA_HS512,
        SOVD_JWA_RS256, SOVD_JWA_RS384, SOVD_JWA_RS512,
        SOVD_JWA_PS256, SOVD_JWA_PS384, SOVD_JWA_PS512,
        SOVD_JWA_ES256, SOVD_JWA_ES384,
        SOVD_JWA_EDDSA,
        SOVD_JWA_MAX
};

enum sovd_key_kind { SOVD_KEY_SECRET, SOVD_KEY_RSA, SOVD_KEY_P256, SOVD_KEY_P384, SOVD_KEY_ED25519 };

#define SOVD_JWA_BIT(a) (1u << (a))
#define SOVD_JWA_ALL    (SOVD_JWA_BIT(SOVD_JWA_MAX) - 1 - SOVD_JWA_BIT(SOVD_JWA_UNKNOWN))

/* By its exact name; SOVD_JWA_UNKNOWN, also for NULL. */
enum sovd_jwa sovd_jwa_of(const char *name);
const char *sovd_jwa_name(enum sovd_jwa a);

/* Bits of the algorithms that a key of this kind can serve. */
unsigned sovd_jwa_of_kind(enum sovd_key_kind kind);

/* Bytes of a secret that an HMAC needs at least (RFC 7518 3.2). */
size_t sovd_jwa_secret_size(enum sovd_jwa a);

/* Does sig sign the n bytes of data? The key must be of the algorithm's kind: `secret` for an HMAC, else `key`. False for
 * any failure. */
bool sovd_jwa_verify(enum sovd_jwa a, EVP_PKEY *key, const unsigned char *secret, size_t secret_len, const char *data,
                     size_t n, const unsigned char *sig, size_t sig_len);
