#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JWS - a signed token in its compact form (RFC 7515 7.1), taken apart strictly
 *
 * What a token says of keys is a name to look up and nothing else: one that brings a key, a certificate or an address along
 * is refused, and so is one with `crit`, compression, or another type than an access token. The payload is not looked at
 * before the signature is good.
 */
#include "sovd-auth/jwk.h"

struct cJSON;

#define SOVD_TOKEN_MAX ((size_t)8 * 1024)

struct sovd_jws {
        enum sovd_jwa algorithm;
        const char *kid;                /* NULL: it names none */
        const char *input;              /* what is signed; in the token */
        size_t input_len;
        const char *payload;            /* still in base64url; in the token */
        size_t payload_len;
        const unsigned char *signature; /* in the arena */
        size_t signature_len;
};

/* Has it the form of a signed token: three parts with dots between them? */
bool sovd_jws_looks_like(const char *token);

/* Takes the token apart; it must outlive *ret. SOVD_E_UNAUTHORIZED with *ret_why (static text: a clause that ends "the
 * token …"); -ENOMEM. */
int sovd_jws_open(struct sovd_jws *ret, const char *token, struct sovd_arena *arena, const char **ret_why);

/* Is the signature good by this key? The key's algorithms must include that of the token. */
bool sovd_jws_verify(const struct sovd_jws *jws, const struct sovd_jwk *key);

/* The payload, an object; only for a token that was verified. The same errors. */
int sovd_jws_payload(const struct sovd_jws *jws, struct sovd_arena *arena, const struct cJSON **ret, const char **ret_why);
