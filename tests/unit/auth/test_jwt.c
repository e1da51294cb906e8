/* SPDX-License-Identifier: Apache-2.0 */
/* Who a token makes of a client, with a clock that the test sets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>
#include "sovd-auth/jwt.h"
#include "sovd-auth/jwt_cache.h"
#include "sovd-auth/seen_token.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/call.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define SECRET "0123456789abcdef0123456789abcdef"
#define NOW    UINT64_C(1800000000)                          /* seconds */
#define PRINT  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" /* the bytes 0 to 31 */
#define HEX    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static uint64_t monotonic = 1000 * SOVD_USEC_PER_SEC, realtime = NOW * SOVD_USEC_PER_SEC;

static uint64_t get_monotonic(void) {
        return monotonic;
}

static uint64_t get_realtime(void) {
        return realtime;
}

struct fixture {
        struct sovd_arena *arena;
        struct sovd_jwt *jwt;
        struct sovd_call call;
};

static int setup(void **state) {
        static const struct sovd_clock clock = { get_monotonic, get_realtime, get_monotonic };
        char file[] = "/tmp/test-jwt-XXXXXX";
        struct sovd_issuer_settings settings = { .name = "local",
                                                 .issuer = "me",
                                                 .audience = "us",
                                                 .roles_claim = "roles",
                                                 .tenant_claim = "tenant_id",
                                                 .secret_file = file,
                                                 .leeway = SOVD_INT(30),
                                                 .cached_tokens = SOVD_INT(64) };
        struct fixture *f = calloc(1, sizeof(*f));
        int fd = mkstemp(file);

        monotonic = 1000 * SOVD_USEC_PER_SEC;
        realtime = NOW * SOVD_USEC_PER_SEC;
        sovd_clock_replace(&clock);
        assert_int_equal(write(fd, SECRET "\n", 33), 33);
        (void)close(fd);
        assert_int_equal(sovd_arena_new(&f->arena, 4096), 0);
        assert_int_equal(sovd_jwt_new(&f->jwt), 0);
        assert_int_equal(sovd_jwt_apply(f->jwt, &settings, NULL), 0);
        (void)unlink(file);
        f->call = (struct sovd_call){ .arena = f->arena };
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        sovd_jwt_free(f->jwt);
        sovd_arena_free(f->arena);
        free(f);
        sovd_clock_replace(NULL);
        return 0;
}

static void encode(char *ret, const void *bytes, size_t n) {
        int len = EVP_EncodeBlock((unsigned char *)ret, bytes, (int)n);

        while (len && ret[len - 1] == '=')
                len--;
        ret[len] = '\0';
        for (char *c = ret; *c; c++)
                *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
}

/* A token with these claims beside the usual ones. */
static const char *token(const char *claims) {
        static const char header[] = "{\"alg\":\"HS256\"}";
        static char text[4096];
        char payload[1024];
        unsigned char mac[32];
        unsigned n = 0;

        (void)snprintf(payload, sizeof(payload), "{\"iss\":\"me\",\"aud\":\"us\",\"sub\":\"alice\",%s}",
                       claims);
        encode(text, header, strlen(header));
        (void)strcat(text, ".");
        encode(text + strlen(text), payload, strlen(payload));
        (void)HMAC(EVP_sha256(), SECRET, 32, (const unsigned char *)text, strlen(text), mac, &n);
        (void)strcat(text, ".");
        encode(text + strlen(text), mac, n);
        return text;
}

static int identify(struct fixture *f, const char *text, const char *certificate) {
        f->call.principal = (struct sovd_principal){ .id = "anonymous@1", .anonymous = true, .certificate = certificate };
        unsigned char digest[SOVD_AUTH_SHA256_SIZE];

        assert_int_equal(sovd_seen_token(digest, text), 0);
        return sovd_jwt_identify(f->jwt, &f->call, text, digest);
}

static void a_token_says_all_that_is_known_of_its_bearer(void **state) {
        struct fixture *f = *state;
        const struct sovd_principal *p = &f->call.principal;
        const char *text = token("\"exp\":1800000300,\"roles\":[\"tester\",\"admin\"],\"scope\":\"a b "
                                 "c\",\"tenant_id\":\"t\",\"jti\":\"7\"");

        for (unsigned i = 0; i < 2; i++) { /* verified, then remembered */
                assert_int_equal(identify(f, text, "cert"), 0);
                assert_string_equal(p->id, "jwt:local:alice");
                assert_string_equal(p->method, "jwt");
                assert_string_equal(p->tenant, "t");
                assert_string_equal(p->token_id, "7");
                assert_string_equal(p->certificate, "cert");
                assert_int_equal(p->roles.n, 2);
                assert_string_equal(p->roles.items[1], "admin");
                assert_int_equal(p->scopes.n, 3);
                assert_string_equal(p->scopes.items[2], "c");
                assert_true(p->roles.set && p->scopes.set && p->admin && !p->anonymous);
                assert_int_equal(p->expires_usec, (NOW + 330) * SOVD_USEC_PER_SEC);
        }
        assert_int_equal(identify(f, token("\"exp\":1800000300"), NULL), 0);
        assert_true(!p->roles.set && !p->scopes.set && !p->admin && !p->tenant && !p->token_id &&
                    !p->certificate);
        assert_int_equal(identify(f, token("\"exp\":1800000300,\"scope\":\"\""), NULL), 0);
        assert_true(p->scopes.set && p->scopes.n == 0); /* given out for nothing */
}

static void a_token_ends_with_its_second_and_the_leeway(void **state) {
        struct fixture *f = *state;

        realtime = NOW * SOVD_USEC_PER_SEC - 1;
        assert_int_equal(identify(f, token("\"exp\":1799999970"), NULL), 0);
        realtime++;
        assert_int_equal(identify(f, token("\"exp\":1799999970"), NULL),
                         SOVD_E_UNAUTHORIZED); /* although it is remembered */
        assert_int_equal(identify(f, token("\"exp\":1800000300,\"nbf\":1800000030"), NULL), 0);
        assert_int_equal(identify(f, token("\"exp\":1800000300,\"nbf\":1800000031"), NULL),
                         SOVD_E_UNAUTHORIZED);
        assert_int_equal(identify(f, token("\"exp\":1800000300,\"iat\":1800000030"), NULL), 0);
        assert_int_equal(identify(f, token("\"exp\":1800000300,\"iat\":1800000031"), NULL),
                         SOVD_E_UNAUTHORIZED);
        assert_int_equal(identify(f, token("\"exp\":253402300799"), NULL), 0);
        assert_int_equal(identify(f, token("\"exp\":253402300800"), NULL), SOVD_E_UNAUTHORIZED);
        assert_int_equal(identify(f, token("\"exp\":9223372036854775807"), NULL), SOVD_E_UNAUTHORIZED);
        assert_int_equal(identify(f, token("\"exp\":9223372036854775808"), NULL), SOVD_E_UNAUTHORIZED);
}

static void a_bound_token_is_good_with_its_certificate_only_remembered_or_not(void **state) {
        struct fixture *f = *state;
        const char *text = token("\"exp\":1800000300,\"cnf\":{\"x5t#S256\":\"" PRINT "\"}");
        char other[] = HEX;

        assert_int_equal(identify(f, text, NULL), SOVD_E_UNAUTHORIZED);
        assert_int_equal(identify(f, text, HEX), 0);
        assert_string_equal(f->call.principal.certificate, HEX);
        other[63] = '0';
        assert_int_equal(identify(f, text, other), SOVD_E_UNAUTHORIZED);
        assert_string_equal(f->call.principal.id, "anonymous@1");
        other[63] = '\0';
        assert_int_equal(identify(f, text, other), SOVD_E_UNAUTHORIZED);
        assert_int_equal(identify(f, text, NULL), SOVD_E_UNAUTHORIZED);
        assert_int_equal(identify(f, text, HEX), 0);
}

static void without_an_issuer_no_token_is_good(void **state) {
        struct fixture *f = *state;
        const char *text = token("\"exp\":1800000300");

        assert_true(sovd_jwt_is_configured(f->jwt));
        assert_int_equal(identify(f, text, NULL), 0);
        assert_int_equal(sovd_jwt_apply(f->jwt, NULL, NULL), 0);
        assert_false(sovd_jwt_is_configured(f->jwt));
        assert_int_equal(identify(f, text, NULL), SOVD_E_UNAUTHORIZED);
}

static void settings_whose_key_cannot_be_read_leave_the_old_ones(void **state) {
        struct fixture *f = *state;
        struct sovd_issuer_settings settings = { .name = "local",
                                                 .issuer = "me",
                                                 .audience = "other",
                                                 .roles_claim = "roles",
                                                 .tenant_claim = "",
                                                 .secret_file = "/nonexistent/file" };

        assert_true(sovd_jwt_apply(f->jwt, &settings, NULL) < 0);
        assert_int_equal(identify(f, token("\"exp\":1800000300"), NULL), 0);
}

/* --- the cache ------------------------------------------------------------------------------------------- */

static bool cached(struct fixture *f, struct sovd_jwt_cache *cache, unsigned n, uint64_t generation) {
        unsigned char digest[SOVD_TOKEN_DIGEST_SIZE] = { (unsigned char)n, (unsigned char)(n >> 8) };
        struct sovd_claims claims;
        int r;

        bool found = sovd_jwt_cache_get(cache, digest, generation, &claims, f->arena, &r);
        assert_int_equal(r, 0);
        return found;
}

static void put(struct sovd_jwt_cache *cache, unsigned n, uint64_t generation, uint64_t ends) {
        unsigned char digest[SOVD_TOKEN_DIGEST_SIZE] = { (unsigned char)n, (unsigned char)(n >> 8) };
        struct sovd_claims claims = { .principal = { .id = "x", .expires_usec = ends * SOVD_USEC_PER_SEC } };

        sovd_jwt_cache_put(cache, digest, generation, &claims);
}

static void tokens_are_remembered_for_a_minute_and_never_past_their_end(void **state) {
        struct fixture *f = *state;
        struct sovd_jwt_cache *cache;

        assert_int_equal(sovd_jwt_cache_new(&cache, 8), 0);
        put(cache, 1, 1, NOW + 10);
        put(cache, 2, 1, NOW + 1000);
        assert_true(cached(f, cache, 1, 1) && cached(f, cache, 2, 1));
        realtime += 10 * SOVD_USEC_PER_SEC; /* the clock of the world may jump */
        assert_true(!cached(f, cache, 1, 1) && cached(f, cache, 2, 1));
        realtime -= 10 * SOVD_USEC_PER_SEC;
        monotonic += 60 * SOVD_USEC_PER_SEC; /* or stand still */
        assert_false(cached(f, cache, 2, 1));
        sovd_jwt_cache_free(cache);
}

static void with_other_keys_nothing_is_remembered(void **state) {
        struct fixture *f = *state;
        struct sovd_jwt_cache_counters c;
        struct sovd_jwt_cache *cache;

        assert_int_equal(sovd_jwt_cache_new(&cache, 8), 0);
        put(cache, 1, 1, NOW + 1000);
        assert_true(cached(f, cache, 1, 1));
        assert_false(cached(f, cache, 1, 2));
        sovd_jwt_cache_count(cache, &c);
        assert_int_equal(c.entries, 0);
        put(cache, 1, 1, NOW + 1000); /* verified with the old keys, and late */
        assert_true(!cached(f, cache, 1, 1) && !cached(f, cache, 1, 2));
        sovd_jwt_cache_free(cache);
}

static void the_cache_is_bounded_and_gives_up_what_was_not_used_longest(void **state) {
        struct fixture *f = *state;
        struct sovd_jwt_cache_counters c;
        struct sovd_jwt_cache *cache;

        assert_int_equal(sovd_jwt_cache_new(&cache, 8), 0);
        for (unsigned i = 0; i < 8; i++)
                put(cache, i, 1, NOW + 1000);
        assert_true(cached(f, cache, 0, 1));
        put(cache, 8, 1, NOW + 1000);
        assert_true(cached(f, cache, 0, 1) && !cached(f, cache, 1, 1) && cached(f, cache, 8, 1));
        sovd_jwt_cache_count(cache, &c);
        assert_true(c.entries == 8 && c.evictions == 1 && c.max == 8 && c.hits == 3 && c.misses == 1);
        sovd_jwt_cache_free(cache);

        assert_int_equal(sovd_jwt_cache_new(&cache, 0), 0);
        put(cache, 1, 1, NOW + 1000);
        assert_false(cached(f, cache, 1, 1));
        sovd_jwt_cache_free(cache);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_token_says_all_that_is_known_of_its_bearer),
                TEST(a_token_ends_with_its_second_and_the_leeway),
                TEST(a_bound_token_is_good_with_its_certificate_only_remembered_or_not),
                TEST(without_an_issuer_no_token_is_good),
                TEST(settings_whose_key_cannot_be_read_leave_the_old_ones),
                TEST(tokens_are_remembered_for_a_minute_and_never_past_their_end),
                TEST(with_other_keys_nothing_is_remembered),
                TEST(the_cache_is_bounded_and_gives_up_what_was_not_used_longest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
