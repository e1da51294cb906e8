/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/breaker.h"
#include <pthread.h>
#include <stdatomic.h>

#define SEC       SOVD_USEC_PER_SEC
#define START     (1000 * SEC)
#define N_THREADS 16
#define N_ROUNDS  200

static int make_breaker(void **state) {
        return sovd_breaker_new((struct sovd_breaker **)state, NULL);
}

static int free_breaker(void **state) {
        sovd_breaker_free(*state);
        return 0;
}

/* Asks for admission; the answer is one number: -seconds, or 0 = admitted, 1 = admitted as the probe. */
static int ask(struct sovd_breaker *b, uint64_t now_usec) {
        unsigned retry_after_sec = 0;
        bool probe = false;

        if (sovd_breaker_admit(b, now_usec, &retry_after_sec, &probe))
                return probe;
        return -(int)retry_after_sec;
}

static void fail_times(struct sovd_breaker *b, unsigned n, uint64_t now_usec) {
        for (unsigned i = 0; i < n; i++) {
                assert_int_equal(ask(b, now_usec), 0);
                sovd_breaker_failure(b, false, now_usec);
        }
}

static void closed_breaker_admits_without_a_probe(void **state) {
        assert_int_equal(sovd_breaker_state(*state), SOVD_BREAKER_CLOSED);
        for (int i = 0; i < 20; i++)
                assert_int_equal(ask(*state, START), 0);
}

static void four_failures_in_a_row_keep_it_closed(void **state) {
        fail_times(*state, 4, START);

        assert_int_equal(sovd_breaker_state(*state), SOVD_BREAKER_CLOSED);
        assert_int_equal(ask(*state, START), 0);
}

static void fifth_failure_in_a_row_opens_it_for_five_seconds(void **state) {
        fail_times(*state, 5, START);

        assert_int_equal(sovd_breaker_state(*state), SOVD_BREAKER_OPEN);
        assert_int_equal(ask(*state, START), -5);
        assert_int_equal(ask(*state, START + 1), -5);
        assert_int_equal(ask(*state, START + 4 * SEC), -1);
        assert_int_equal(ask(*state, START + 5 * SEC - 1), -1);
}

static void success_in_between_starts_the_count_anew(void **state) {
        fail_times(*state, 4, START);
        sovd_breaker_success(*state, false);
        fail_times(*state, 4, START);

        assert_int_equal(sovd_breaker_state(*state), SOVD_BREAKER_CLOSED);
}

static void exactly_one_probe_is_let_through_after_the_time(void **state) {
        fail_times(*state, 5, START);

        assert_int_equal(ask(*state, START + 5 * SEC), 1);
        assert_int_equal(sovd_breaker_state(*state), SOVD_BREAKER_HALF_OPEN);
        assert_int_equal(ask(*state, START + 5 * SEC), -1);
        assert_int_equal(ask(*state, START + 500 * SEC), -1);
}

static void probe_that_succeeds_closes_it(void **state) {
        fail_times(*state, 5, START);
        assert_int_equal(ask(*state, START + 5 * SEC), 1);

        sovd_breaker_success(*state, true);

        assert_int_equal(sovd_breaker_state(*state), SOVD_BREAKER_CLOSED);
        fail_times(*state, 4, START);
        assert_int_equal(sovd_breaker_state(*state), SOVD_BREAKER_CLOSED);
}

static void failed_probe_opens_it_for_the_same_time(void **state) {
        uint64_t now = START;

        fail_times(*state, 5, now);
        for (int i = 0; i < 5; i++) {
                assert_int_equal(ask(*state, now), -5);
                now += 5 * SEC;
                assert_int_equal(ask(*state, now), 1);
                sovd_breaker_failure(*state, true, now);
        }
}

static void abandoned_probe_lets_the_next_caller_probe(void **state) {
        fail_times(*state, 5, START);
        assert_int_equal(ask(*state, START + 5 * SEC), 1);

        sovd_breaker_abandon(*state, true);

        assert_int_equal(sovd_breaker_state(*state), SOVD_BREAKER_HALF_OPEN);
        assert_int_equal(ask(*state, START + 5 * SEC), 1);
        sovd_breaker_failure(*state, true, START + 5 * SEC);
        assert_int_equal(ask(*state, START + 5 * SEC), -5);
}

static void abandoned_call_counts_neither_way(void **state) {
        fail_times(*state, 4, START);
        sovd_breaker_abandon(*state, false);
        assert_int_equal(sovd_breaker_state(*state), SOVD_BREAKER_CLOSED);

        fail_times(*state, 1, START);
        assert_int_equal(sovd_breaker_state(*state), SOVD_BREAKER_OPEN);
}

static void results_of_calls_from_before_the_opening_change_nothing(void **state) {
        fail_times(*state, 5, START);

        sovd_breaker_success(*state, false);
        sovd_breaker_failure(*state, false, START + 3 * SEC);
        assert_int_equal(sovd_breaker_state(*state), SOVD_BREAKER_OPEN);
        assert_int_equal(ask(*state, START + 3 * SEC), -2);

        assert_int_equal(ask(*state, START + 5 * SEC), 1);
        sovd_breaker_success(*state, false);
        sovd_breaker_failure(*state, false, START + 5 * SEC);
        sovd_breaker_abandon(*state, false);
        assert_int_equal(sovd_breaker_state(*state), SOVD_BREAKER_HALF_OPEN);
        assert_int_equal(ask(*state, START + 5 * SEC), -1);
}

static void options_replace_the_defaults(void **state) {
        _cleanup_(sovd_breaker_freep) struct sovd_breaker *b = NULL;
        const struct sovd_breaker_options options = { 1, 2 * SEC };

        assert_int_equal(sovd_breaker_new(&b, &options), 0);
        fail_times(b, 1, START);
        assert_int_equal(ask(b, START), -2);
        assert_int_equal(ask(b, START + 2 * SEC), 1);
        sovd_breaker_failure(b, true, START + 2 * SEC);
        assert_int_equal(ask(b, START + 2 * SEC), -2);
}

/* All threads ask at the same time, round by round; the probe's holder alone reports, when all have asked. */
struct race {
        struct sovd_breaker *breaker;
        pthread_barrier_t barrier;
        atomic_uint n_probes, n_rounds_with_one_probe;
};

static void *race_thread(void *userdata) {
        struct race *race = userdata;

        for (unsigned round = 0; round < N_ROUNDS; round++) {
                uint64_t now = START + (round + 1) * 60 * SEC;

                (void)pthread_barrier_wait(&race->barrier);
                bool probe = ask(race->breaker, now) == 1;
                if (probe)
                        atomic_fetch_add(&race->n_probes, 1);

                (void)pthread_barrier_wait(&race->barrier);
                if (probe) {
                        atomic_fetch_add(&race->n_rounds_with_one_probe, atomic_load(&race->n_probes) == 1);
                        atomic_store(&race->n_probes, 0);
                        sovd_breaker_failure(race->breaker, true, now);
                }
        }
        return NULL;
}

static void of_many_threads_exactly_one_is_the_probe(void **state) {
        struct race race = { .breaker = *state };
        pthread_t threads[N_THREADS];

        fail_times(*state, 5, START);
        (void)pthread_barrier_init(&race.barrier, NULL, N_THREADS);
        for (int i = 0; i < N_THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, race_thread, &race), 0);
        for (int i = 0; i < N_THREADS; i++)
                (void)pthread_join(threads[i], NULL);
        (void)pthread_barrier_destroy(&race.barrier);

        assert_int_equal(race.n_rounds_with_one_probe, N_ROUNDS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_breaker, free_breaker)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(closed_breaker_admits_without_a_probe),
                TEST(four_failures_in_a_row_keep_it_closed),
                TEST(fifth_failure_in_a_row_opens_it_for_five_seconds),
                TEST(success_in_between_starts_the_count_anew),
                TEST(exactly_one_probe_is_let_through_after_the_time),
                TEST(probe_that_succeeds_closes_it),
                TEST(failed_probe_opens_it_for_the_same_time),
                TEST(abandoned_probe_lets_the_next_caller_probe),
                TEST(abandoned_call_counts_neither_way),
                TEST(results_of_calls_from_before_the_opening_change_nothing),
                TEST(options_replace_the_defaults),
                TEST(of_many_threads_exactly_one_is_the_probe),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
