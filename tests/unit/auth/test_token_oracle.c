/* SPDX-License-Identifier: Apache-2.0 */
/* What libjwt signs is verified here, and what is verified here libjwt verifies too: two programs that share no code but
 * OpenSSL. libjwt is the laxer one (it takes padding, any critical header and what stands behind a signature). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "sovd-auth/jws.h"
#include <cjson/cJSON.h>
#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define SECRET  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CHANGES 3000

struct kind {
        const char *type, *curve;
        jwt_alg_t algorithms[3];
};
static const struct kind kinds[] = {
        { NULL, NULL, { JWT_ALG_HS256, JWT_ALG_HS384, JWT_ALG_HS512 } },
        { "RSA", NULL, { JWT_ALG_RS256, JWT_ALG_RS384, JWT_ALG_RS512 } },
        { "EC", "P-256", { JWT_ALG_ES256 } },
        { "EC", "P-384", { JWT_ALG_ES384 } },
};

struct keys {
        char private[8192], public[8192];
        struct sovd_jwks *set;
};

static void to_text(char ret[static 8192], EVP_PKEY *key, bool is_private) {
        BIO *bio = BIO_new(BIO_s_mem());
        char *data;

        assert_int_equal(is_private ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                                    : PEM_write_bio_PUBKEY(bio, key),
                         1);
        long n = BIO_get_mem_data(bio, &data);
        memcpy(ret, data, (size_t)n);
        ret[n] = '\0';
        BIO_free(bio);
}

static void make(struct keys *k, const struct kind *kind) {
        const char *why = NULL;

        if (!kind->type) {
                (void)strcpy(k->private, SECRET);
                (void)strcpy(k->public, SECRET);
                assert_int_equal(sovd_jwks_from_secret(&k->set, (const unsigned char *)SECRET, strlen(SECRET),
                                                       0, &why),
                                 0);
                return;
        }
        EVP_PKEY *key = kind->curve ? EVP_EC_gen(kind->curve) : EVP_RSA_gen(2048);
        assert_non_null(key);
        to_text(k->private, key, true);
        to_text(k->public, key, false);
        EVP_PKEY_free(key);
        assert_int_equal(sovd_jwks_from_pem(&k->set, k->public, strlen(k->public), 0, &why), 0);
}

static char *sign(const struct keys *k, jwt_alg_t algorithm) {
        jwt_t *jwt;

        assert_int_equal(jwt_new(&jwt), 0);
        assert_int_equal(jwt_add_grant(jwt, "sub", "alice"), 0);
        assert_int_equal(jwt_add_grant_int(jwt, "exp", 1800000000), 0);
        assert_int_equal(
                jwt_set_alg(jwt, algorithm, (const unsigned char *)k->private, (int)strlen(k->private)), 0);
        char *text = jwt_encode_str(jwt);
        assert_non_null(text);
        jwt_free(jwt);
        return text;
}

static bool ours(const struct sovd_jwks *set, const char *token, struct sovd_arena *arena) {
        const struct cJSON *payload;
        const char *why = NULL;
        struct sovd_jws jws;
        size_t i = 0;

        sovd_arena_reset(arena);
        if (sovd_jws_open(&jws, token, arena, &why))
                return false;
        const struct sovd_jwk *key = sovd_jwks_find(set, jws.algorithm, jws.kid, &i);
        return key && sovd_jws_verify(&jws, key) && sovd_jws_payload(&jws, arena, &payload, &why) == 0;
}

static bool theirs(const struct keys *k, const char *token) {
        jwt_t *jwt = NULL;
        bool good = jwt_decode(&jwt, token, (const unsigned char *)k->public, (int)strlen(k->public)) == 0;

        jwt_free(jwt);
        return good;
}

/* Changes one to three characters; the pseudo-random numbers are the same each time. */
static void change(char *token, uint64_t *seed) {
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ";
        size_t n = strlen(token);

        for (unsigned i = 0; i < 3; i++) {
                *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                if (i == 0 || *seed >> 63)
                        token[(*seed >> 33) % n] = letters[(*seed >> 20) % (sizeof(letters) - 1)];
        }
}

static void compare(const struct keys *k, const char *token, struct sovd_arena *arena, uint64_t *seed) {
        char buf[2048];
        unsigned n_good = 0;

        for (unsigned i = 0; i < CHANGES; i++) {
                (void)snprintf(buf, sizeof(buf), "%s", token);
                change(buf, seed);
                bool good = ours(k->set, buf, arena);
                n_good += good;
                if (good)
                        assert_true(theirs(k, buf) &&
                                    strcmp(buf, token) == 0); /* the change changed nothing */
        }
        assert_true(n_good < CHANGES / 10);
}

static void what_libjwt_signs_is_good_and_nothing_that_it_refuses(void **state) {
        struct sovd_arena *arena;
        uint64_t seed = 7;

        assert_int_equal(sovd_arena_new(&arena, 4096), 0);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(kinds); i++) {
                struct keys k = { .set = NULL }, other = { .set = NULL };
                make(&k, &kinds[i]);
                if (kinds[i].type)
                        make(&other, &kinds[i]);
                for (size_t a = 0; a < 3 && kinds[i].algorithms[a] != JWT_ALG_NONE; a++) {
                        char *token = sign(&k, kinds[i].algorithms[a]);
                        assert_true(ours(k.set, token, arena) && theirs(&k, token));
                        assert_false(other.set && ours(other.set, token, arena));
                        compare(&k, token, arena, &seed);
                        free(token);
                }
                sovd_jwks_unref(k.set);
                sovd_jwks_unref(other.set);
        }
        sovd_arena_free(arena);
}

/* libjwt takes an HMAC under the text of a public key when it is given that text. */
static void a_public_key_is_no_secret(void **state) {
        struct keys rsa = { .set = NULL }, forged;
        struct sovd_arena *arena;

        assert_int_equal(sovd_arena_new(&arena, 4096), 0);
        make(&rsa, &kinds[1]);
        forged = rsa;
        (void)strcpy(forged.private, rsa.public);
        char *token = sign(&forged, JWT_ALG_HS256);
        assert_true(theirs(&rsa, token));
        assert_false(ours(rsa.set, token, arena));
        free(token);
        sovd_jwks_unref(rsa.set);
        sovd_arena_free(arena);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_libjwt_signs_is_good_and_nothing_that_it_refuses),
                cmocka_unit_test(a_public_key_is_no_secret),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
