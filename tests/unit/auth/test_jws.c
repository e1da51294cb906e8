/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-auth/base64url.h"
#include "sovd-auth/jws.h"
#include "sovd-core/base/error.h"
#include <cjson/cJSON.h>
#include <stdio.h>

/* RFC 7515 A.1 to A.3: one payload, signed in three ways. RFC 8037 A.4: a payload that is no JSON. */
#define PAYLOAD "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define HMAC_KEY "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
#define HMAC_TOKEN "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." PAYLOAD ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define RSA_N                                                                                                           \
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-p" \
        "CgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg" \
        "665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRW" \
        "yuXpoQ"
#define RSA_TOKEN                                                                                                       \
        "eyJhbGciOiJSUzI1NiJ9." PAYLOAD                                                                                 \
        ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7" \
        "t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12" \
        "jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ" \
        "Ge77Rw"
#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC_TOKEN \
        "eyJhbGciOiJFUzI1NiJ9." PAYLOAD ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define ED_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define ED_TOKEN                                               \
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc." \
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
#define SET \
        "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}," \
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}," \
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED_X "\"}]}"

struct fixture {
        struct sovd_arena *arena;
        struct sovd_jwks *set, *secret;
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        unsigned char key[SOVD_BASE64URL_BYTES(sizeof(HMAC_KEY))];
        const char *why = NULL;

        assert_int_equal(sovd_arena_new(&f->arena, 4096), 0);
        assert_int_equal(sovd_jwks_from_json(&f->set, SET, strlen(SET), 0, f->arena, &why), 0);
        assert_int_equal(f->set->n, 3);
        ssize_t n = sovd_base64url_decode(key, HMAC_KEY, strlen(HMAC_KEY));
        assert_int_equal(n, 64);
        assert_int_equal(sovd_jwks_from_secret(&f->secret, key, (size_t)n, 0, &why), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        sovd_jwks_unref(f->set);
        sovd_jwks_unref(f->secret);
        sovd_arena_free(f->arena);
        free(f);
        return 0;
}

static bool verifies(struct fixture *f, const struct sovd_jwks *set, const char *token) {
        const char *why = NULL;
        struct sovd_jws jws;
        size_t i = 0;

        if (sovd_jws_open(&jws, token, f->arena, &why))
                return false;
        const struct sovd_jwk *key = sovd_jwks_find(set, jws.algorithm, jws.kid, &i);
        return key && sovd_jws_verify(&jws, key);
}

static void the_examples_of_the_standards_are_good(void **state) {
        struct fixture *f = *state;

        assert_true(verifies(f, f->secret, HMAC_TOKEN));
        assert_true(verifies(f, f->set, RSA_TOKEN));
        assert_true(verifies(f, f->set, EC_TOKEN));
        assert_true(verifies(f, f->set, ED_TOKEN));
        assert_false(verifies(f, f->set, HMAC_TOKEN));
        assert_false(verifies(f, f->secret, RSA_TOKEN));
}

/* Whatever bit is wrong, in the header, the payload or the signature. */
static void one_character_more_less_or_other_is_one_too_many(void **state) {
        static const char *const tokens[] = { HMAC_TOKEN, RSA_TOKEN, EC_TOKEN, ED_TOKEN };
        struct fixture *f = *state;
        char buf[1024];

        for (size_t t = 0; t < SOVD_N_ELEMENTS(tokens); t++) {
                const struct sovd_jwks *set = t ? f->set : f->secret;
                size_t n = strlen(tokens[t]);
                for (size_t i = 0; i < n; i++) {
                        memcpy(buf, tokens[t], n + 1);
                        for (const char *c = "AB_."; *c; c++) {
                                buf[i] = *c;
                                assert_int_equal(verifies(f, set, buf), *c == tokens[t][i]);
                        }
                        memmove(buf + i, tokens[t] + i + 1, n - i);
                        assert_false(verifies(f, set, buf));
                        memcpy(buf, tokens[t], i);
                        buf[i] = 'A';
                        memcpy(buf + i + 1, tokens[t] + i, n - i + 1);
                        assert_false(verifies(f, set, buf));
                        sovd_arena_reset(f->arena);
                }
        }
}

static void bytes_have_one_spelling(void **state) {
        static const struct {
                const char *text;
                ssize_t n;
        } cases[] = { { "", 0 },   { "AA", 1 },   { "AAA", 2 },  { "AAAA", 3 }, { "-_-_", 3 }, { "A", -1 },     { "AAAAA", -1 },
                      { "AB", -1 }, { "AAB", -1 }, { "AA==", -1 }, { "A+", -1 }, { "A/AA", -1 }, { "AA A", -1 }, { "AAA\n", -1 } };
        unsigned char bytes[16];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(cases); i++)
                assert_int_equal(sovd_base64url_decode(bytes, cases[i].text, strlen(cases[i].text)), cases[i].n);
        assert_int_equal(sovd_base64url_decode(bytes, "_-8", 3), 2);
        assert_int_equal(bytes[0], 0xff);
        assert_int_equal(bytes[1], 0xef);
        assert_int_equal(sovd_base64url_decode(bytes, "AA\0A", 4), -1);
}

static void a_payload_is_an_object(void **state) {
        struct fixture *f = *state;
        const struct cJSON *payload;
        const char *why = NULL;
        struct sovd_jws jws;

        assert_int_equal(sovd_jws_open(&jws, ED_TOKEN, f->arena, &why), 0);
        assert_int_equal(sovd_jws_payload(&jws, f->arena, &payload, &why), SOVD_E_UNAUTHORIZED);
        assert_int_equal(sovd_jws_open(&jws, RSA_TOKEN, f->arena, &why), 0);
        assert_int_equal(sovd_jws_payload(&jws, f->arena, &payload, &why), 0);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(payload, "iss")), "joe");
}

static void a_token_that_names_no_key_fits_one_key_only(void **state) {
        struct fixture *f = *state;
        const char *why = NULL;
        char text[4096];
        struct sovd_jwks *set;
        size_t i = 0;

        (void)snprintf(text, sizeof(text), "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\",\"kid\":\"a\"},"
                                           "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\",\"kid\":\"a\"}]}", EC_X, ED_X);
        assert_int_equal(sovd_jwks_from_json(&set, text, strlen(text), 0, f->arena, &why), 0);
        assert_null(sovd_jwks_find(set, SOVD_JWA_EDDSA, NULL, &i));
        /* Several of one name are all tried, one after the other. */
        i = 0;
        assert_ptr_equal(sovd_jwks_find(set, SOVD_JWA_EDDSA, "a", &i), &set->keys[0]);
        assert_ptr_equal(sovd_jwks_find(set, SOVD_JWA_EDDSA, "a", &i), &set->keys[1]);
        assert_null(sovd_jwks_find(set, SOVD_JWA_EDDSA, "a", &i));
        i = 0;
        assert_null(sovd_jwks_find(set, SOVD_JWA_EDDSA, "b", &i));
        i = 0;
        assert_null(sovd_jwks_find(set, SOVD_JWA_ES256, "a", &i));
        sovd_jwks_unref(set);
}

static void a_secret_is_as_long_as_its_digest(void **state) {
        static const unsigned char secret[64] = { 1 };
        struct sovd_jwks *set;
        const char *why;

        assert_int_equal(sovd_jwks_from_secret(&set, secret, 31, 0, &why), SOVD_E_BAD_REQUEST);
        for (size_t n = 32; n <= 64; n += 16) {
                assert_int_equal(sovd_jwks_from_secret(&set, secret, n, 0, &why), 0);
                assert_int_equal(set->keys[0].algorithms & SOVD_JWA_BIT(SOVD_JWA_HS512), n == 64 ? SOVD_JWA_BIT(SOVD_JWA_HS512) : 0);
                assert_int_equal(set->keys[0].algorithms & SOVD_JWA_BIT(SOVD_JWA_HS384), n >= 48 ? SOVD_JWA_BIT(SOVD_JWA_HS384) : 0);
                sovd_jwks_unref(set);
        }
        assert_int_equal(sovd_jwks_from_secret(&set, secret, 63, SOVD_JWA_BIT(SOVD_JWA_HS512), &why), SOVD_E_BAD_REQUEST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(the_examples_of_the_standards_are_good),
                TEST(one_character_more_less_or_other_is_one_too_many),
                TEST(bytes_have_one_spelling),
                TEST(a_payload_is_an_object),
                TEST(a_token_that_names_no_key_fits_one_key_only),
                TEST(a_secret_is_as_long_as_its_digest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
