/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/idempotency.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"

#define SECOND SOVD_USEC_PER_SEC

static struct sovd_idempotency *keys;
static struct sovd_arena *arena;
static struct sovd_idempotent_answer answer;
static uint64_t now_usec, ticket;

static uint64_t fake_now(void) {
        return now_usec;
}

static int set_up(void **state) {
        static const struct sovd_clock fake = { fake_now, fake_now };
        static const struct sovd_idempotency_limits limits = { .keys = 3,
                                                               .keys_per_client = 3,
                                                               .bytes = SOVD_IDEMPOTENCY_BODY_MAX + 10,
                                                               .retention_usec = 60 * SECOND };

        now_usec = 1000 * SECOND;
        sovd_clock_replace(&fake);
        if (sovd_arena_new(&arena, 4096))
                return -1;
        return sovd_idempotency_new(&keys, NULL, &limits);
}

static int tear_down(void **state) {
        keys = sovd_idempotency_free(keys);
        arena = sovd_arena_free(arena);
        sovd_clock_replace(NULL);
        return 0;
}

static enum sovd_idempotency_state begin_as(const char *principal, const char *resource, const char *key,
                                            const char *body) {
        const struct sovd_idempotency_use use = { principal, resource, key, body, strlen(body) };
        enum sovd_idempotency_state state;

        assert_int_equal(sovd_idempotency_begin(keys, &use, &state, &ticket, &answer, arena), 0);
        return state;
}

static enum sovd_idempotency_state begin(const char *key, const char *body) {
        return begin_as("me", "start", key, body);
}

static void end(const char *body) {
        const struct sovd_idempotent_answer kept = { 202, "/there", body, strlen(body) };

        sovd_idempotency_end(keys, ticket, &kept);
}

static void an_answer_is_given_again(void **state) {
        assert_int_equal(begin("a", "{}"), SOVD_IDEMPOTENCY_NEW);
        assert_int_equal(begin("a", "{}"), SOVD_IDEMPOTENCY_RUNNING);
        end("{\"id\":1}");
        assert_int_equal(begin("a", "{}"), SOVD_IDEMPOTENCY_ANSWERED);
        assert_int_equal(answer.status, 202);
        assert_string_equal(answer.location, "/there");
        assert_string_equal(answer.body, "{\"id\":1}");
        assert_int_equal(begin("a", "{ }"), SOVD_IDEMPOTENCY_OTHER);
}

static void a_key_belongs_to_who_asks_and_for_what(void **state) {
        assert_int_equal(begin_as("me", "start", "a", ""), SOVD_IDEMPOTENCY_NEW);
        assert_int_equal(begin_as("you", "start", "a", ""), SOVD_IDEMPOTENCY_NEW);
        assert_int_equal(begin_as("me", "stop", "a", ""), SOVD_IDEMPOTENCY_NEW);
        assert_int_equal(begin_as("me", "start", "a", ""), SOVD_IDEMPOTENCY_RUNNING);
}

static void a_key_that_is_given_back_is_new(void **state) {
        assert_int_equal(begin("a", "1"), SOVD_IDEMPOTENCY_NEW);
        sovd_idempotency_abandon(keys, ticket);
        assert_int_equal(begin("a", "2"), SOVD_IDEMPOTENCY_NEW);
}

static void a_key_is_forgotten_after_the_retention_but_not_while_it_runs(void **state) {
        assert_int_equal(begin("runs", ""), SOVD_IDEMPOTENCY_NEW);
        assert_int_equal(begin("ended", ""), SOVD_IDEMPOTENCY_NEW);
        end("{}");
        now_usec += 59 * SECOND;
        assert_int_equal(begin("ended", ""), SOVD_IDEMPOTENCY_ANSWERED);
        now_usec += SECOND;
        assert_int_equal(begin("runs", ""), SOVD_IDEMPOTENCY_RUNNING);
        assert_int_equal(begin("ended", ""), SOVD_IDEMPOTENCY_NEW);
}

static void over_the_limit_there_is_no_place(void **state) {
        size_t n;
        uint64_t n_replays;

        assert_int_equal(begin("a", ""), SOVD_IDEMPOTENCY_NEW);
        assert_int_equal(begin("b", ""), SOVD_IDEMPOTENCY_NEW);
        assert_int_equal(begin("c", ""), SOVD_IDEMPOTENCY_NEW);
        end("{}");
        assert_int_equal(begin("d", ""), SOVD_IDEMPOTENCY_FULL);
        assert_int_equal(begin("c", ""), SOVD_IDEMPOTENCY_ANSWERED);
        sovd_idempotency_count(keys, &n, &n_replays);
        assert_int_equal(n, 3);
        assert_int_equal(n_replays, 1);
}

static void a_client_has_a_share(void **state) {
        const struct sovd_idempotency_limits limits = {
                .keys = 3, .keys_per_client = 2, .bytes = 1, .retention_usec = SECOND
        };

        sovd_idempotency_free(keys);
        assert_int_equal(sovd_idempotency_new(&keys, NULL, &limits), 0);
        assert_int_equal(begin_as("me", "start", "a", ""), SOVD_IDEMPOTENCY_NEW);
        assert_int_equal(begin_as("me", "stop", "a", ""), SOVD_IDEMPOTENCY_NEW);
        assert_int_equal(begin_as("me", "start", "b", ""), SOVD_IDEMPOTENCY_FULL);
        assert_int_equal(begin_as("you", "start", "b", ""), SOVD_IDEMPOTENCY_NEW);
}

static void an_answer_that_is_too_long_is_known_but_not_kept(void **state) {
        char text[SOVD_IDEMPOTENCY_BODY_MAX + 2];

        memset(text, 'x', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(begin("long", ""), SOVD_IDEMPOTENCY_NEW);
        end(text);
        assert_int_equal(begin("long", ""), SOVD_IDEMPOTENCY_ANSWERED);
        assert_int_equal(answer.status, 202);
        assert_null(answer.body);
}

static void all_answers_together_have_a_limit(void **state) {
        char text[SOVD_IDEMPOTENCY_BODY_MAX + 1];

        memset(text, 'x', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(begin("first", ""), SOVD_IDEMPOTENCY_NEW);
        end(text);
        assert_int_equal(begin("second", ""), SOVD_IDEMPOTENCY_NEW);
        end("more than ten bytes");
        assert_int_equal(begin("second", ""), SOVD_IDEMPOTENCY_ANSWERED);
        assert_null(answer.body);
        now_usec += 60 * SECOND;
        assert_int_equal(begin("third", ""), SOVD_IDEMPOTENCY_NEW);
        end(text);
        assert_int_equal(begin("third", ""), SOVD_IDEMPOTENCY_ANSWERED);
        assert_string_equal(answer.body, text);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(an_answer_is_given_again),
                TEST(a_key_belongs_to_who_asks_and_for_what),
                TEST(a_key_that_is_given_back_is_new),
                TEST(a_key_is_forgotten_after_the_retention_but_not_while_it_runs),
                TEST(over_the_limit_there_is_no_place),
                TEST(a_client_has_a_share),
                TEST(an_answer_that_is_too_long_is_known_but_not_kept),
                TEST(all_answers_together_have_a_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
