/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-auth/browser_session.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/secret.h"
#include <stdio.h>

static uint64_t now_usec;
static struct sovd_browser_sessions *sessions;
static struct sovd_browser_session session;
static char cookie[SOVD_SESSION_COOKIE_SIZE];

static uint64_t fake_now(void) {
        return now_usec;
}

static const struct sovd_clock fake = { fake_now, fake_now, NULL };
static const struct sovd_browser_session_settings SETTINGS = { .enabled = { true, true },
                                                               .idle = { true, 100 },
                                                               .max = { true, 1000 },
                                                               .sessions = { true, 4 },
                                                               .per_client = { true, 2 } };

static int set_up(void **state) {
        now_usec = 1000000 * SOVD_USEC_PER_SEC;
        sovd_clock_replace(&fake);
        assert_int_equal(sovd_browser_sessions_new(&sessions), 0);
        assert_int_equal(sovd_browser_sessions_apply(sessions, &SETTINGS), 0);
        return 0;
}

static int clean_up(void **state) {
        sessions = sovd_browser_sessions_free(sessions);
        sovd_clock_replace(NULL);
        return 0;
}

static int open_as(const char *client, uint64_t expires_usec) {
        const struct sovd_browser_session_of of = { .client = client,
                                                    .credentials = "Bearer x",
                                                    .expires_usec = expires_usec };
        int r = sovd_browser_sessions_open(sessions, &of, cookie, &session);

        sovd_browser_session_done(&session);
        return r;
}

static int find(const char *value) {
        int r = sovd_browser_sessions_find(sessions, value, &session);

        sovd_browser_session_done(&session);
        return r;
}

static void pass(uint64_t seconds) {
        now_usec += seconds * SOVD_USEC_PER_SEC;
}

static void one_is_found_by_its_cookie_and_tells_what_it_rests_on(void **state) {
        const struct sovd_browser_session_of of = {
                .client = "key:a", .certificate = "abc", .credentials = "k", .is_api_key = true
        };
        char csrf[SOVD_SESSION_COOKIE_SIZE];
        size_t n;

        assert_int_equal(sovd_browser_sessions_open(sessions, &of, cookie, &session), 0);
        assert_int_equal(strspn(cookie, "0123456789abcdef"), 64);
        memcpy(csrf, session.csrf, sizeof(csrf));
        sovd_browser_session_done(&session);
        assert_int_equal(sovd_browser_sessions_find(sessions, cookie, &session), 0);
        assert_string_equal(session.csrf, csrf);
        assert_string_not_equal(csrf, cookie);
        assert_string_equal(session.certificate, "abc");
        assert_string_equal(sovd_secret_bytes(session.credentials, &n), "k");
        assert_true(session.is_api_key);
        assert_true(sovd_browser_session_proves(&session, csrf));
        assert_false(sovd_browser_session_proves(&session, ""));
        assert_false(sovd_browser_session_proves(&session, NULL));
        assert_false(sovd_browser_session_proves(&session, cookie));
        sovd_browser_session_done(&session);
        assert_false(
                sovd_browser_session_proves(&session, "")); /* nothing is proved to one that is done with */
        cookie[0] = cookie[0] == 'a' ? 'b' : 'a';
        assert_int_equal(find(cookie), SOVD_E_UNAUTHORIZED);
}

static void it_ends_when_it_is_not_used(void **state) {
        assert_int_equal(open_as("a", 0), 0);
        pass(99);
        assert_int_equal(find(cookie), 0);
        pass(99);
        assert_true(sovd_browser_sessions_hold(sessions, session.digest)); /* which is no use of it */
        pass(1);
        assert_false(sovd_browser_sessions_hold(sessions, session.digest));
        assert_int_equal(find(cookie), SOVD_E_UNAUTHORIZED);
}

static void it_ends_however_much_it_is_used(void **state) {
        assert_int_equal(open_as("a", 0), 0);
        const uint64_t ends = now_usec + 1000 * SOVD_USEC_PER_SEC;
        for (int i = 0; i < 19; i++) {
                pass(50);
                assert_int_equal(find(cookie), 0);
                assert_int_equal(session.ends_usec, ends);
        }
        pass(50);
        assert_int_equal(find(cookie), SOVD_E_UNAUTHORIZED);
}

static void it_ends_with_its_credentials(void **state) {
        assert_int_equal(open_as("a", now_usec + 5 * SOVD_USEC_PER_SEC), 0);
        pass(4);
        assert_int_equal(find(cookie), 0);
        assert_int_equal(session.ends_usec, now_usec + SOVD_USEC_PER_SEC);
        pass(1);
        assert_int_equal(find(cookie), SOVD_E_UNAUTHORIZED);
}

static void one_too_many_of_a_client_ends_its_own_and_of_all_is_refused(void **state) {
        char first[SOVD_SESSION_COOKIE_SIZE], second[SOVD_SESSION_COOKIE_SIZE];

        assert_int_equal(open_as("a", 0), 0);
        memcpy(first, cookie, sizeof(first));
        pass(1);
        assert_int_equal(open_as("a", 0), 0);
        memcpy(second, cookie, sizeof(second));
        pass(1);
        assert_int_equal(find(first), 0);
        assert_int_equal(open_as("a", 0), 0);
        assert_int_equal(find(second), SOVD_E_UNAUTHORIZED);
        assert_int_equal(find(first), 0);
        assert_int_equal(open_as("b", 0), 0);
        assert_int_equal(open_as("c", 0), 0);
        assert_int_equal(open_as("d", 0), SOVD_E_OVERLOAD);
        assert_int_equal(open_as("b", 0), SOVD_E_OVERLOAD);
        assert_int_equal(open_as("a", 0), 0);
        assert_int_equal(find(first), 0);
}

static void settings_that_change_times_keep_it_and_others_end_it(void **state) {
        struct sovd_browser_session_settings other = SETTINGS;

        assert_int_equal(open_as("a", 0), 0);
        other.idle = SOVD_INT(10);
        assert_int_equal(sovd_browser_sessions_apply(sessions, &other), 0);
        assert_int_equal(find(cookie), 0);
        pass(10);
        assert_int_equal(find(cookie), SOVD_E_UNAUTHORIZED);
        assert_int_equal(open_as("a", 0), 0);
        assert_int_equal(sovd_browser_sessions_apply(sessions, NULL), 0);
        assert_int_equal(find(cookie), SOVD_E_UNAUTHORIZED);
        assert_int_equal(open_as("a", 0), SOVD_E_NOT_IMPLEMENTED);
        assert_int_equal(sovd_browser_sessions_apply(sessions, &SETTINGS), 0);
        assert_int_equal(find(cookie), SOVD_E_UNAUTHORIZED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(one_is_found_by_its_cookie_and_tells_what_it_rests_on),
                TEST(it_ends_when_it_is_not_used),
                TEST(it_ends_however_much_it_is_used),
                TEST(it_ends_with_its_credentials),
                TEST(one_too_many_of_a_client_ends_its_own_and_of_all_is_refused),
                TEST(settings_that_change_times_keep_it_and_others_end_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
