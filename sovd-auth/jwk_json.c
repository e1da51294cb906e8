/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/base64url.h"
#include "sovd-auth/jwk_inside.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#define MATERIAL_MAX 1024 /* bytes of one number: RSA with 8192 bits */
#define DEPTH_MAX    8

static const char *text_of(const cJSON *object, const char *name) {
        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static bool has(const cJSON *object, const char *name) {
        return cJSON_GetObjectItemCaseSensitive(object, name);
}

struct material {
        unsigned char bytes[SOVD_BASE64URL_BYTES(MATERIAL_MAX / 3 * 4 + 4)];
        size_t n;
};

static bool read_material(const cJSON *jwk, const char *name, struct material *ret) {
        const char *text = text_of(jwk, name);
        size_t len = text ? strlen(text) : 0;
        ssize_t n = len > 0 && len <= MATERIAL_MAX / 3 * 4 + 4 ? sovd_base64url_decode(ret->bytes, text, len)
                                                               : -1;

        ret->n = n > 0 ? (size_t)n : 0;
        return n > 0;
}

static EVP_PKEY *make(const char *type, OSSL_PARAM_BLD *builder) {
        OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
        EVP_PKEY_CTX *context = params ? EVP_PKEY_CTX_new_from_name(NULL, type, NULL) : NULL;
        EVP_PKEY *key = NULL;

        if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
            EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
                key = NULL;
        EVP_PKEY_CTX_free(context);
        OSSL_PARAM_free(params);
        return key;
}

static EVP_PKEY *make_rsa(const cJSON *jwk) {
        struct material n, e;
        EVP_PKEY *key = NULL;

        if (!read_material(jwk, "n", &n) || !read_material(jwk, "e", &e))
                return NULL;
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        BIGNUM *bn = BN_bin2bn(n.bytes, (int)n.n, NULL), *be = BN_bin2bn(e.bytes, (int)e.n, NULL);
        if (builder && bn && be && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, bn) &&
            OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, be))
                key = make("RSA", builder);
        OSSL_PARAM_BLD_free(builder);
        BN_free(bn);
        BN_free(be);
        return key;
}

/* The point in its long form: 04, x, y. Coordinates have all their bytes (RFC 7518 6.2.1.2). */
static EVP_PKEY *make_ec(const cJSON *jwk) {
        const char *curve = text_of(jwk, "crv");
        size_t size = sovd_streq(curve, "P-256") ? 32 : sovd_streq(curve, "P-384") ? 48 : 0;
        struct material x, y;
        unsigned char point[1 + 2 * 48] = { 4 };
        EVP_PKEY *key = NULL;

        if (!size || !read_material(jwk, "x", &x) || !read_material(jwk, "y", &y) || x.n != size ||
            y.n != size)
                return NULL;
        memcpy(point + 1, x.bytes, size);
        memcpy(point + 1 + size, y.bytes, size);
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        if (builder &&
            OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME,
                                            size == 32 ? SN_X9_62_prime256v1 : SN_secp384r1, 0) &&
            OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size))
                key = make("EC", builder);
        OSSL_PARAM_BLD_free(builder);
        return key;
}

static EVP_PKEY *make_okp(const cJSON *jwk) {
        struct material x;

        if (!sovd_streq(text_of(jwk, "crv"), "Ed25519") || !read_material(jwk, "x", &x) || x.n != 32)
                return NULL;
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x.bytes, x.n);
}

/* RFC 7517 4.2, 4.3: what the key says that it is for. */
static bool is_for_verifying(const cJSON *jwk) {
        const cJSON *ops = cJSON_GetObjectItemCaseSensitive(jwk, "key_ops"), *item;

        if (has(jwk, "use") && !sovd_streq(text_of(jwk, "use"), "sig"))
                return false;
        if (!ops)
                return true;
        cJSON_ArrayForEach (item, ops)
                if (cJSON_IsArray(ops) && sovd_streq(cJSON_GetStringValue(item), "verify"))
                        return true;
        return false;
}

static EVP_PKEY *make_key(const cJSON *jwk, const char **ret_why) {
        static const struct {
                const char *kty;
                EVP_PKEY *(*make)(const cJSON *jwk);
        } kinds[] = { { "RSA", make_rsa }, { "EC", make_ec }, { "OKP", make_okp } };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(kinds); i++)
                if (sovd_streq(text_of(jwk, "kty"), kinds[i].kty)) {
                        EVP_PKEY *key = kinds[i].make(jwk);
                        *ret_why =
                                key ? NULL
                                    : "a key's members make no key of a curve or size that is verified with";
                        return key;
                }
        *ret_why = sovd_streq(text_of(jwk, "kty"), "oct") ? "a secret is nothing to publish"
                                                          : "a key's kty is not known";
        return NULL;
}

/* NULL, or why it cannot be used. */
static const char *add(struct sovd_jwks *set, const cJSON *jwk, unsigned algorithms) {
        static const char *const private[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k" };
        const char *kid = text_of(jwk, "kid"), *why;

        if (!cJSON_IsObject(jwk))
                return "a key is no object";
        for (size_t i = 0; i < SOVD_N_ELEMENTS(private); i++)
                if (has(jwk, private[i]))
                        return "a private or secret key was published, so that anybody may have it";
        if (!is_for_verifying(jwk))
                return "a key is for something else than to verify";
        if (has(jwk, "kid") && (!kid || !sovd_kid_is_valid(kid)))
                return "a kid is too long, or has characters that are not accepted";
        if (has(jwk, "alg"))
                algorithms &= SOVD_JWA_BIT(sovd_jwa_of(text_of(jwk, "alg")));
        EVP_PKEY *key = make_key(jwk, &why);
        if (!key) {
                ERR_clear_error();
                return why;
        }
        char *name = kid ? strdup(kid) : NULL;
        if (kid && !name) {
                EVP_PKEY_free(key);
                return "out of memory";
        }
        return sovd_jwks_add(set, key, name, algorithms & SOVD_JWA_ALL);
}

static int refuse(const char **ret_why, const char *why) {
        *ret_why = why;
        return SOVD_E_BAD_REQUEST;
}

int sovd_jwks_from_json(struct sovd_jwks **ret, const char *text, size_t len, unsigned algorithms,
                        struct sovd_arena *arena, const char **ret_why) {
        const struct sovd_json_limits limits = { .max_depth = DEPTH_MAX };
        _cleanup_(sovd_jwks_unrefp) struct sovd_jwks *set = NULL;
        struct sovd_json_fault fault;
        cJSON *tree;

        if (len > SOVD_JWKS_BYTES_MAX)
                return refuse(ret_why, "the set has more than 65536 bytes");
        int r = sovd_json_parse_in(arena, &tree, text, len, &limits, &fault);
        if (r)
                return r > 0 ? refuse(ret_why, "the set is no acceptable JSON") : r;
        const cJSON *keys = cJSON_GetObjectItemCaseSensitive(tree, "keys"), *jwk;
        if (!cJSON_IsObject(tree) || !cJSON_IsArray(keys))
                return refuse(ret_why, "the set has no array of keys");
        if (cJSON_GetArraySize(keys) > SOVD_JWKS_KEYS_MAX)
                return refuse(ret_why, "the set has more than 64 keys");
        r = sovd_jwks_new(&set, SOVD_JWKS_KEYS_MAX, text, len);
        if (r)
                return r;
        cJSON_ArrayForEach (jwk, keys) {
                const char *why = add(set, jwk, algorithms ? algorithms : SOVD_JWA_ALL);
                if (why)
                        set->n_left_out++, set->why_left_out = why;
        }
        if (!set->n)
                return refuse(ret_why, set->why_left_out ? set->why_left_out : "the set has no keys");
        *ret = SOVD_TAKE(set);
        return 0;
}
