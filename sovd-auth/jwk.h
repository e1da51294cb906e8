#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Keys that tokens are verified with: from a PEM file, a shared secret, or a JWK set (RFC 7517)
 *
 * A set never changes once it is made; whoever uses it holds a reference. Each key carries the algorithms that it may
 * verify: those of its kind, less what its `alg`, its size and the configuration exclude.
 */
#include "sovd-auth/jwa.h"
#include "sovd-core/base/arena.h"

struct sovd_secret;

#define SOVD_JWKS_KEYS_MAX  64
#define SOVD_JWKS_BYTES_MAX ((size_t)64 * 1024)
#define SOVD_KID_MAX        64

struct sovd_jwk {
        char *kid;           /* NULL: it has none */
        bool any_kid;        /* it is the only one, and it fits whatever a token calls it */
        enum sovd_key_kind kind;
        unsigned algorithms; /* SOVD_JWA_BIT */
        uint64_t proof;      /* what tells it from others, whatever its kid */
        EVP_PKEY *key;       /* NULL for a secret */
        const unsigned char *secret; /* of kept */
        size_t secret_len;
        struct sovd_secret *kept;
};

struct sovd_jwks {
        unsigned refs;               /* atomic */
        uint64_t generation;         /* of whoever publishes it; 0 until then */
        unsigned char digest[32];    /* SHA-256 of what it was read from */
        struct sovd_jwk *keys;
        size_t n, n_left_out;        /* left out: of a kind, size or use that is not verified with */
        const char *why_left_out;    /* the last of them; static text, or NULL */
};

/* Is it a name that a key may have: 1 to 64 characters, no white space and nothing that would break out of a quote? */
bool sovd_kid_is_valid(const char *kid);

/* A public key in PEM (SubjectPublicKeyInfo). SOVD_E_BAD_REQUEST with *ret_why (static text); -ENOMEM, -EIO. */
int sovd_jwks_from_pem(struct sovd_jwks **ret, const char *text, size_t len, unsigned algorithms, const char **ret_why);

/* A secret for HMAC; `algorithms` are those asked for, 0 = all that it is long enough for. The same errors. */
int sovd_jwks_from_secret(struct sovd_jwks **ret, const unsigned char *secret, size_t len, unsigned algorithms,
                          const char **ret_why);

/* A JWK set. Keys that cannot be used are left out, secrets and private keys among them; a set without any other, with too
 * many or that is no JWK set is SOVD_E_BAD_REQUEST. `arena` is for the work only. */
int sovd_jwks_from_json(struct sovd_jwks **ret, const char *text, size_t len, unsigned algorithms,
                        struct sovd_arena *arena, const char **ret_why);

/* Is the key with this proof in it? */
bool sovd_jwks_has(const struct sovd_jwks *set, uint64_t proof);

struct sovd_jwks *sovd_jwks_ref(struct sovd_jwks *set);
struct sovd_jwks *sovd_jwks_unref(struct sovd_jwks *set);
SOVD_DEFINE_CLEANUP(struct sovd_jwks *, sovd_jwks_unref)

/* The next key from *i on that may verify a token of that algorithm and key id (NULL: it names none), or NULL. A token that
 * names no key fits a set with exactly one key for its algorithm. */
const struct sovd_jwk *sovd_jwks_find(const struct sovd_jwks *set, enum sovd_jwa algorithm, const char *kid, size_t *i);
