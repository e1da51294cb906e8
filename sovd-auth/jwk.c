/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of keys, and keys from files. Members of JWK sets are read in jwk_json.c. */
#include "sovd-auth/jwk_inside.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/secret.h"
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define RSA_BITS_MIN  2048
#define RSA_BITS_MAX  8192
#define EXPONENT_BITS 64

bool sovd_kid_is_valid(const char *kid) {
        size_t n = strspn(kid, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~=+/:@|");

        return n > 0 && n <= SOVD_KID_MAX && !kid[n];
}

/* --- sets ------------------------------------------------------------------------------------------------ */

int sovd_jwks_new(struct sovd_jwks **ret, size_t n_max, const void *source, size_t len) {
        _cleanup_(sovd_jwks_unrefp) struct sovd_jwks *set = calloc(1, sizeof(*set));
        if (!set)
                return sovd_error_origin(-ENOMEM);

        set->refs = 1;
        set->keys = calloc(n_max, sizeof(*set->keys));
        if (!set->keys)
                return sovd_error_origin(-ENOMEM);
        if (EVP_Digest(source, len, set->digest, NULL, EVP_sha256(), NULL) != 1)
                return sovd_error_origin(-EIO);
        *ret = SOVD_TAKE(set);
        return 0;
}

struct sovd_jwks *sovd_jwks_ref(struct sovd_jwks *set) {
        if (set)
                (void)__atomic_add_fetch(&set->refs, 1, __ATOMIC_RELAXED);
        return set;
}

struct sovd_jwks *sovd_jwks_unref(struct sovd_jwks *set) {
        if (!set || __atomic_sub_fetch(&set->refs, 1, __ATOMIC_ACQ_REL))
                return NULL;
        for (size_t i = 0; set->keys && i < set->n; i++) {
                free(set->keys[i].kid);
                EVP_PKEY_free(set->keys[i].key);
                sovd_secret_unref(set->keys[i].kept);
        }
        OPENSSL_cleanse(set->digest, sizeof(set->digest));
        free(set->keys);
        free(set);
        return NULL;
}

bool sovd_jwks_has(const struct sovd_jwks *set, uint64_t proof) {
        for (size_t i = 0; i < set->n; i++)
                if (set->keys[i].proof == proof)
                        return true;
        return false;
}

static bool fits(const struct sovd_jwk *k, enum sovd_jwa algorithm, const char *kid) {
        if (!(k->algorithms & SOVD_JWA_BIT(algorithm)))
                return false;
        return !kid || k->any_kid || (k->kid && strcmp(k->kid, kid) == 0);
}

const struct sovd_jwk *sovd_jwks_find(const struct sovd_jwks *set, enum sovd_jwa algorithm, const char *kid,
                                      size_t *i) {
        const struct sovd_jwk *found = NULL;
        size_t n = 0;

        for (; *i < set->n; (*i)++)
                if (fits(&set->keys[*i], algorithm, kid)) {
                        found = &set->keys[*i];
                        n++;
                        if (kid)
                                break; /* several may have the same name, one after the other */
                }
        (*i)++;
        return kid || n == 1 ? found : NULL;
}

/* --- one key --------------------------------------------------------------------------------------------- */

/* An exponent of 1 makes every signature good, and a huge one costs time. */
static const char *check_rsa(EVP_PKEY *key) {
        BIGNUM *e = NULL;
        int bits = EVP_PKEY_get_bits(key);
        bool good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_odd(e) &&
                    !BN_is_one(e) && BN_num_bits(e) <= EXPONENT_BITS;

        BN_free(e);
        if (bits < RSA_BITS_MIN)
                return "an RSA key has fewer than 2048 bits";
        if (bits > RSA_BITS_MAX)
                return "an RSA key has more than 8192 bits";
        return good ? NULL : "the exponent of an RSA key is not acceptable";
}

static const char *check_ec(EVP_PKEY *key, enum sovd_key_kind *ret) {
        char group[32] = "";

        (void)EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
        if (strcmp(group, SN_X9_62_prime256v1) == 0)
                *ret = SOVD_KEY_P256;
        else if (strcmp(group, SN_secp384r1) == 0)
                *ret = SOVD_KEY_P384;
        else
                return "only the curves P-256 and P-384 are verified with";

        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
        bool good = context && EVP_PKEY_public_check(context) == 1;
        EVP_PKEY_CTX_free(context);
        return good ? NULL : "a point is not on its curve";
}

static const char *check_key(EVP_PKEY *key, enum sovd_key_kind *ret) {
        switch (EVP_PKEY_get_base_id(key)) {
        case EVP_PKEY_RSA:
                *ret = SOVD_KEY_RSA;
                return check_rsa(key);
        case EVP_PKEY_EC:
                return check_ec(key, ret);
        case EVP_PKEY_ED25519:
                *ret = SOVD_KEY_ED25519;
                return NULL;
        default:
                return "only RSA, EC and Ed25519 keys are verified with";
        }
}

static bool make_proof(EVP_PKEY *key, uint64_t *ret) {
        unsigned char *der = NULL, digest[32];
        int n = i2d_PUBKEY(key, &der);
        bool good = n > 0 && EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL) == 1;

        OPENSSL_free(der);
        if (good)
                memcpy(ret, digest, sizeof(*ret));
        return good;
}

const char *sovd_jwks_add(struct sovd_jwks *set, EVP_PKEY *key, char *kid, unsigned algorithms) {
        struct sovd_jwk *k = &set->keys[set->n];
        const char *why = check_key(key, &k->kind);

        k->algorithms = why ? 0 : algorithms & sovd_jwa_of_kind(k->kind);
        if (!why && !k->algorithms)
                why = "a key serves none of the algorithms that are allowed";
        if (!why && !make_proof(key, &k->proof))
                why = "a key cannot be written down";
        if (why) {
                EVP_PKEY_free(key);
                free(kid);
                ERR_clear_error();
                return why;
        }
        k->key = key;
        k->kid = kid;
        set->n++;
        return NULL;
}

/* --- files ----------------------------------------------------------------------------------------------- */

/* Only the first would count, and the one that was meant may be another. */
static bool has_another(const char *text, size_t len) {
        static const char mark[] = "-----BEGIN PUBLIC KEY";
        const char *first = memmem(text, len, mark, strlen(mark));

        return first && memmem(first + 1, len - (size_t)(first + 1 - text), mark, strlen(mark));
}

int sovd_jwks_from_pem(struct sovd_jwks **ret, const char *text, size_t len, unsigned algorithms,
                       const char **ret_why) {
        _cleanup_(sovd_jwks_unrefp) struct sovd_jwks *set = NULL;
        BIO *bio = BIO_new_mem_buf(text, (int)SOVD_MIN(len, SOVD_JWKS_BYTES_MAX));
        EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, sovd_no_passphrase, NULL) : NULL;

        BIO_free(bio);
        if (key && has_another(text, len)) {
                EVP_PKEY_free(key);
                *ret_why = "there is more than one public key in it; jwks_url is for sets of them";
                return SOVD_E_BAD_REQUEST;
        }
        if (!key) {
                ERR_clear_error();
                *ret_why = "there is no public key in PEM in it (BEGIN PUBLIC KEY)";
                return SOVD_E_BAD_REQUEST;
        }
        int r = sovd_jwks_new(&set, 1, text, len);
        if (r) {
                EVP_PKEY_free(key);
                return r;
        }
        *ret_why = sovd_jwks_add(set, key, NULL, algorithms ? algorithms : SOVD_JWA_ALL);
        if (*ret_why)
                return SOVD_E_BAD_REQUEST;
        if (algorithms & ~set->keys[0].algorithms) {
                *ret_why = "the key cannot serve all of the algorithms that are configured";
                return SOVD_E_BAD_REQUEST;
        }
        set->keys[0].any_kid = true;
        *ret = SOVD_TAKE(set);
        return 0;
}

static unsigned long_enough_for(size_t len) {
        unsigned bits = 0;

        for (unsigned a = SOVD_JWA_UNKNOWN + 1; a < SOVD_JWA_MAX; a++)
                if (sovd_jwa_secret_size((enum sovd_jwa)a) && len >= sovd_jwa_secret_size((enum sovd_jwa)a))
                        bits |= SOVD_JWA_BIT(a);
        return bits;
}

/* A key or a certificate that somebody put into the wrong setting. */
static bool is_pem(const unsigned char *secret, size_t len) {
        static const char mark[] = "-----BEGIN ";

        return memmem(secret, len, mark, strlen(mark));
}

int sovd_jwks_from_secret(struct sovd_jwks **ret, const unsigned char *secret, size_t len,
                          unsigned algorithms, const char **ret_why) {
        const unsigned possible = long_enough_for(len);
        _cleanup_(sovd_jwks_unrefp) struct sovd_jwks *set = NULL;

        *ret_why = is_pem(secret, len) ? "what is in PEM is no secret: if it is a public key, everybody could sign with it"
                   : !possible ? "a secret has at least 32 bytes"
                   : algorithms & ~possible
                           ? "the secret cannot serve all of the algorithms that are configured: HS256 "
                             "needs 32 bytes, HS384 48 and HS512 64"
                           : NULL;
        if (*ret_why)
                return SOVD_E_BAD_REQUEST;
        int r = sovd_jwks_new(&set, 1, secret, len);
        if (r)
                return r;
        struct sovd_jwk *k = &set->keys[0];
        set->n = 1;
        r = sovd_secret_new(&k->kept, (const char *)secret, len);
        if (r)
                return r;
        k->secret = (const unsigned char *)sovd_secret_bytes(k->kept, &k->secret_len);
        k->kind = SOVD_KEY_SECRET;
        k->algorithms = algorithms ? algorithms : possible;
        k->any_kid = true;
        memcpy(&k->proof, set->digest, sizeof(k->proof));
        *ret = SOVD_TAKE(set);
        return 0;
}
