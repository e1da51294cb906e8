/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/mint.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_writer.h"
#include "sovd-core/base/secret.h"
#include <errno.h>
#include <jwt.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define RSA_BITS_MIN 2048

struct sovd_mint {
        struct sovd_secret *pem;
        jwt_alg_t algorithm;
};

static EVP_PKEY *read_key(const struct sovd_secret *secret) {
        size_t n;
        const char *pem = sovd_secret_bytes(secret, &n);
        BIO *bio = BIO_new_mem_buf(pem, (int)n);
        EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, sovd_no_passphrase, NULL) : NULL;

        BIO_free(bio);
        ERR_clear_error();
        return key;
}

static jwt_alg_t algorithm_of(const EVP_PKEY *key) {
        char curve[64];
        size_t n;

        if (EVP_PKEY_is_a(key, "RSA"))
                return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN ? JWT_ALG_RS256 : JWT_ALG_NONE;
        if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, curve, sizeof(curve), &n) == 1 && strcmp(curve, "prime256v1") == 0)
                return JWT_ALG_ES256;
        return JWT_ALG_NONE;
}

int sovd_mint_new(struct sovd_mint **ret, const struct sovd_secret *key, const char **ret_why) {
        EVP_PKEY *parsed = read_key(key);
        const jwt_alg_t algorithm = parsed ? algorithm_of(parsed) : JWT_ALG_NONE;

        EVP_PKEY_free(parsed);
        if (algorithm == JWT_ALG_NONE) {
                *ret_why = parsed ? "the key must be EC P-256, or RSA of at least 2048 bits" : "there is no private key in PEM without a password";
                return -EINVAL;
        }
        struct sovd_mint *mint = calloc(1, sizeof(*mint));
        if (!mint) {
                *ret_why = "out of memory";
                return sovd_error_origin(-ENOMEM);
        }
        mint->pem = sovd_secret_ref((struct sovd_secret *)(uintptr_t)key);
        mint->algorithm = algorithm;
        *ret = mint;
        return 0;
}

struct sovd_mint *sovd_mint_free(struct sovd_mint *mint) {
        if (!mint)
                return NULL;
        sovd_secret_unref(mint->pem);
        free(mint);
        return NULL;
}

/* Roles are an array, which the library takes as JSON only. */
static int add_roles(jwt_t *jwt, const struct sovd_strings *roles) {
        struct sovd_json_writer w;
        const char *text;
        size_t n;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key(&w, "roles");
        sovd_json_array_begin(&w);
        for (size_t i = 0; i < roles->n; i++)
                sovd_json_string(&w, roles->items[i]);
        sovd_json_array_end(&w);
        sovd_json_object_end(&w);
        int r = sovd_json_writer_finish(&w, &text, &n);
        if (!r && jwt_add_grants_json(jwt, text))
                r = sovd_error_origin(-EIO);
        sovd_json_writer_done(&w);
        return r;
}

static int add_claims(jwt_t *jwt, const struct sovd_minted_claims *c) {
        const char *const texts[][2] = { { "iss", c->issuer }, { "aud", c->audience }, { "sub", c->subject }, { "jti", c->id },
                                         { "client_id", c->client }, { "scope", c->scope }, { "tenant_id", c->tenant } };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++)
                if (texts[i][1] && jwt_add_grant(jwt, texts[i][0], texts[i][1]))
                        return sovd_error_origin(-EIO);
        if (jwt_add_grant_int(jwt, "iat", (long)c->issued_sec) || jwt_add_grant_int(jwt, "exp", (long)c->expires_sec))
                return sovd_error_origin(-EIO);
        return add_roles(jwt, c->roles);
}

static int encode(const struct sovd_mint *mint, jwt_t *jwt, struct sovd_arena *arena, const char **ret) {
        size_t n;
        const char *pem = sovd_secret_bytes(mint->pem, &n);

        if (jwt_set_alg(jwt, mint->algorithm, (const unsigned char *)pem, (int)n))
                return sovd_error_origin(-EIO);
        char *text = jwt_encode_str(jwt);
        const char *copy = text ? sovd_arena_strdup(arena, text) : NULL;
        if (text)
                explicit_bzero(text, strlen(text));
        free(text);
        if (!copy)
                return sovd_error_origin(-EIO);
        *ret = copy;
        return 0;
}

int sovd_mint_token(const struct sovd_mint *mint, const struct sovd_minted_claims *claims, struct sovd_arena *arena,
                    const char **ret) {
        jwt_t *jwt;
        int r = jwt_new(&jwt) ? sovd_error_origin(-ENOMEM) : 0;

        if (r)
                return r;
        r = add_claims(jwt, claims);
        if (!r)
                r = encode(mint, jwt, arena, ret);
        jwt_free(jwt);
        return r;
}
