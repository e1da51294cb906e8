/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>
#include "sovd-auth/auth.h"
#include "sovd-auth/jwt.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/principal.h"

#define KEY_SHA256   "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683" /* of "key" */
#define OTHER_SHA256 "D9298A10D1B0735837DC4BD85DAC641B0F3CEF27A47E5D53A54F2F3F5B2FCFFA" /* of "other" */

static uint64_t now_usec = 1000000;

static uint64_t fixed(void) {
        return now_usec;
}

struct fixture {
        struct sovd_arena *arena;
        struct sovd_auth *auth;
        struct sovd_call call;
};

static int setup(void **state) {
        static const struct sovd_clock clock = { fixed, fixed, fixed };
        struct fixture *f = calloc(1, sizeof(*f));

        sovd_clock_replace(&clock);
        assert_int_equal(sovd_arena_new(&f->arena, 4096), 0);
        assert_int_equal(sovd_auth_new(&f->auth), 0);
        f->call = (struct sovd_call){ .arena = f->arena, .principal = { .id = "anonymous@1", .anonymous = true } };
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        sovd_auth_free(f->auth);
        sovd_arena_free(f->arena);
        free(f);
        sovd_clock_replace(NULL);
        return 0;
}

static int identify(struct fixture *f, const char *authorization, const char *api_key, int64_t uid) {
        const struct sovd_credentials credentials = { authorization, api_key, uid };

        f->call.principal = (struct sovd_principal){ .id = "anonymous@1", .anonymous = true, .certificate = "cert" };
        return sovd_auth_identify(f->auth, &f->call, &credentials);
}

static void apply(struct fixture *f, struct sovd_api_key_settings *keys, size_t n) {
        const struct sovd_auth_settings settings = { .api_keys = { .items = keys, .n = n, .set = true } };
        const char *pointer;

        assert_null(sovd_auth_settings_check(&settings, f->arena, &pointer));
        assert_int_equal(sovd_auth_apply(f->auth, &settings), 0);
}

static void a_key_makes_its_client_the_principal(void **state) {
        struct fixture *f = *state;
        const char *roles[] = { "tester", "admin" }, *scopes[] = { "read" };
        struct sovd_api_key_settings keys[] = {
                { .name = "a", .key_sha256 = KEY_SHA256, .roles = { roles, 2, true }, .scopes = { scopes, 1, true }, .tenant = "t" },
                { .name = "b", .key_sha256 = OTHER_SHA256 },
        };

        apply(f, keys, 2);
        memset(keys, 'x', sizeof(keys)); /* nothing of the settings is needed any more */
        assert_int_equal(identify(f, "Bearer key", NULL, -1), 0);
        assert_string_equal(f->call.principal.id, "key:a");
        assert_string_equal(f->call.principal.method, "api-key");
        assert_string_equal(f->call.principal.token_id, "a");
        assert_string_equal(f->call.principal.tenant, "t");
        assert_string_equal(f->call.principal.roles.items[1], "admin");
        assert_string_equal(f->call.principal.scopes.items[0], "read");
        assert_string_equal(f->call.principal.certificate, "cert");
        assert_true(f->call.principal.admin && f->call.principal.scopes.set && !f->call.principal.anonymous);

        assert_int_equal(identify(f, NULL, "other", -1), 0);
        assert_string_equal(f->call.principal.id, "key:b");
        assert_false(f->call.principal.admin || f->call.principal.roles.n || f->call.principal.scopes.set);
        /* A principal outlives the settings in force. */
        apply(f, NULL, 0);
        assert_string_equal(f->call.principal.id, "key:b");
        assert_int_equal(identify(f, "Bearer key", NULL, -1), SOVD_E_UNAUTHORIZED);
        assert_true(f->call.principal.anonymous);
}

static void a_key_ends_with_the_microsecond_that_it_names(void **state) {
        struct fixture *f = *state;
        struct sovd_api_key_settings key = { .name = "a", .key_sha256 = KEY_SHA256, .expires = "1970-01-01T01:00:02+01:00" };

        apply(f, &key, 1);
        now_usec = 1999999;
        assert_int_equal(identify(f, NULL, "key", -1), 0);
        assert_int_equal(f->call.principal.expires_usec, 2000000);
        now_usec = 2000000;
        assert_int_equal(identify(f, NULL, "key", -1), SOVD_E_UNAUTHORIZED);
        assert_true(f->call.principal.anonymous);
        now_usec = 1000000;
}

static void credentials_of_two_kinds_prove_nothing(void **state) {
        struct fixture *f = *state;
        struct sovd_api_key_settings key = { .name = "a", .key_sha256 = KEY_SHA256 };

        apply(f, &key, 1);
        assert_int_equal(identify(f, "Bearer key", "key", -1), SOVD_E_BAD_REQUEST);
        assert_int_equal(identify(f, NULL, "", -1), SOVD_E_UNAUTHORIZED);
        assert_int_equal(identify(f, "", NULL, -1), SOVD_E_UNAUTHORIZED);
        assert_true(f->call.principal.anonymous);
}

static void what_has_three_parts_is_a_token_where_an_issuer_is_trusted_and_nothing_else_is(void **state) {
        static const char *const tokens[] = { "Bearer key", "Bearer one.dot", "Bearer a.b.c.d" };
        struct fixture *f = *state;
        char file[] = "/tmp/test-auth-XXXXXX";
        struct sovd_api_key_settings key = { .name = "a", .key_sha256 = KEY_SHA256 };
        struct sovd_issuer_settings jwt = { .name = "local", .issuer = "i", .audience = "a", .roles_claim = "roles",
                                            .tenant_claim = "", .secret_file = file };
        struct sovd_auth_settings settings = { .api_keys = { .items = &key, .n = 1, .set = true }, .jwt = &jwt };

        apply(f, &key, 1);
        assert_int_equal(identify(f, "Bearer a.b.c", NULL, -1), SOVD_E_UNAUTHORIZED);
        assert_string_equal(f->call.failure.body.message, "the key or token is not known here");
        int fd = mkstemp(file);
        assert_int_equal(write(fd, "0123456789abcdef0123456789abcdef", 32), 32);
        (void)close(fd);
        assert_int_equal(sovd_auth_apply(f->auth, &settings), 0);
        (void)unlink(file);
        assert_int_equal(identify(f, "Bearer a.b.c", NULL, -1), SOVD_E_UNAUTHORIZED);
        assert_true(sovd_has_prefix(f->call.failure.body.message, "the token has a header"));
        for (size_t i = 1; i < SOVD_N_ELEMENTS(tokens); i++) {
                assert_int_equal(identify(f, tokens[i], NULL, -1), SOVD_E_UNAUTHORIZED);
                assert_string_equal(f->call.failure.body.message, "the key or token is not known here");
        }
        assert_int_equal(identify(f, tokens[0], NULL, -1), 0);
        assert_int_equal(identify(f, NULL, "a.b.c", -1), SOVD_E_UNAUTHORIZED); /* a key is no token */
        assert_string_equal(f->call.failure.body.message, "the key or token is not known here");
}

static void users_are_known_by_their_number_and_others_are_anonymous_when_it_matters(void **state) {
        struct fixture *f = *state;
        struct sovd_unix_user_settings users[] = { { .uid = SOVD_INT(7), .name = "seven" }, { .user = "root", .name = "r" } };
        struct sovd_auth_settings settings = { .unix_users = { .items = users, .n = 2, .set = true }, .enabled = SOVD_BOOL(true) };

        assert_int_equal(sovd_auth_apply(f->auth, &settings), 0);
        assert_int_equal(identify(f, NULL, NULL, 7), 0);
        assert_string_equal(f->call.principal.id, "unix:seven");
        assert_string_equal(f->call.principal.method, "unix-user");
        assert_int_equal(identify(f, NULL, NULL, 0), 0);
        assert_string_equal(f->call.principal.id, "unix:r");
        const struct sovd_credentials stranger = { .uid = 8 };
        f->call.principal = (struct sovd_principal){ .id = "uid:8" };
        assert_int_equal(sovd_auth_identify(f->auth, &f->call, &stranger), 0);
        assert_true(f->call.principal.anonymous);
        settings.enabled.value = false;
        assert_int_equal(sovd_auth_apply(f->auth, &settings), 0);
        f->call.principal = (struct sovd_principal){ .id = "uid:8" };
        assert_int_equal(sovd_auth_identify(f->auth, &f->call, &stranger), 0);
        assert_false(f->call.principal.anonymous);
}

static void settings_that_cannot_hold_leave_the_old_ones(void **state) {
        struct fixture *f = *state;
        struct sovd_api_key_settings key = { .name = "a", .key_sha256 = KEY_SHA256 };
        struct sovd_unix_user_settings user = { .user = "no-such-user-here", .name = "x" };
        const struct sovd_auth_settings broken = { .unix_users = { .items = &user, .n = 1, .set = true } };

        const struct sovd_auth_settings good = { .api_keys = { .items = &key, .n = 1, .set = true }, .enabled = SOVD_BOOL(true) };
        assert_int_equal(sovd_auth_apply(f->auth, &good), 0);
        assert_true(sovd_auth_apply(f->auth, &broken) < 0);
        assert_true(sovd_auth_is_enabled(f->auth));
        assert_int_equal(identify(f, "Bearer key", NULL, -1), 0);
}

static void the_demo_is_known_by_the_keys_that_are_documented(void **state) {
        struct fixture *f = *state;

        assert_int_equal(sovd_auth_apply(f->auth, &sovd_auth_demo_settings), 0);
        assert_int_equal(identify(f, "Bearer demo-tester-a", NULL, -1), 0);
        assert_int_equal(identify(f, "Bearer demo-tester-b", NULL, -1), 0);
        assert_false(f->call.principal.admin);
        assert_int_equal(identify(f, "Bearer demo-admin-of-this-machine", NULL, -1), 0);
        assert_string_equal(f->call.principal.id, "key:demo-admin");
        assert_true(f->call.principal.admin);
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
                TEST(a_key_makes_its_client_the_principal),
                TEST(a_key_ends_with_the_microsecond_that_it_names),
                TEST(credentials_of_two_kinds_prove_nothing),
                TEST(what_has_three_parts_is_a_token_where_an_issuer_is_trusted_and_nothing_else_is),
                TEST(users_are_known_by_their_number_and_others_are_anonymous_when_it_matters),
                TEST(settings_that_cannot_hold_leave_the_old_ones),
                TEST(the_demo_is_known_by_the_keys_that_are_documented),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
