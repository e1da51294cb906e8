/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "backends/native/logs.h"
#include "sovd-core/base/clock.h"
#include <stdio.h>
#include <string.h>

static const struct native_ring_limits limits = { .entries = 4, .bytes = 100000, .per_sec = 10 };
static const struct sovd_log_context context = {
        .type = SOVD_CONTEXT_RFC5424, .host = "h", .process = "p", .pid = SOVD_INT(7)
};

static int set_up(void **state) {
        static struct native_ring ring;

        ring = (struct native_ring){ 0 };
        *state = &ring;
        return 0;
}

static int tear_down(void **state) {
        native_ring_clear(*state);
        return 0;
}

static bool add(struct native_ring *ring, const char *msg, uint64_t now) {
        return native_ring_add(ring, &limits, &context, SOVD_SEVERITY_INFO, msg, 5, true, now);
}

static void an_entry_owns_what_it_says(void **state) {
        struct native_ring *ring = *state;
        char msg[] = "before", host[] = "host";
        const struct sovd_log_context own = { .type = SOVD_CONTEXT_RFC5424, .host = host };

        assert_true(native_ring_add(ring, &limits, &own, SOVD_SEVERITY_WARN, msg, 5, true, 1));
        msg[0] = host[0] = 'X';
        assert_string_equal(ring->first->msg, "before");
        assert_string_equal(ring->first->context.host, "host");
        assert_null(ring->first->context.process);
        assert_int_equal(ring->first->severity, SOVD_SEVERITY_WARN);
        assert_int_equal(ring->first->usec, 5);
}

static void the_oldest_goes_when_there_are_too_many(void **state) {
        struct native_ring *ring = *state;
        char msg[8];

        for (int i = 0; i < 6; i++) {
                (void)snprintf(msg, sizeof(msg), "%d", i);
                assert_true(add(ring, msg, 1));
        }
        assert_int_equal(ring->n, 4);
        assert_string_equal(ring->first->msg, "2");
        assert_string_equal(ring->last->msg, "5");
        assert_int_equal(ring->n_taken, 6);
        assert_int_equal(ring->n_lost, 0);
}

static void bytes_are_counted_and_one_entry_always_stays(void **state) {
        struct native_ring *ring = *state;
        static const struct native_ring_limits narrow = { .entries = 100, .bytes = 1000, .per_sec = 100 };
        static char msg[900];

        memset(msg, 'x', sizeof(msg) - 1);
        for (int i = 0; i < 5; i++)
                assert_true(native_ring_add(ring, &narrow, &context, SOVD_SEVERITY_INFO, msg, 5, true, 1));
        assert_int_equal(ring->n, 1);
        assert_int_equal(ring->n_bytes, ring->first->size);
}

static void what_comes_too_fast_is_counted_and_told_once(void **state) {
        struct native_ring *ring = *state;

        for (int i = 0; i < 30; i++)
                assert_int_equal(add(ring, "x", 1), i < 10);
        assert_int_equal(ring->n_lost, 20);
        assert_true(add(ring, "after", 1 + SOVD_USEC_PER_SEC));
        assert_string_equal(ring->last->msg, "after");
        assert_int_equal(ring->n_missed, 0);
        const struct native_entry *told = ring->first;
        while (told->next != ring->last)
                told = told->next;
        assert_non_null(strstr(told->msg, "20 entries"));
        assert_int_equal(told->severity, SOVD_SEVERITY_WARN);
        assert_true(add(ring, "again", 2 + SOVD_USEC_PER_SEC));
        assert_string_equal(ring->last->msg, "again");
        assert_int_equal(ring->n_taken, 13); /* ten, the hint, and two */
}

static void entries_of_the_gateway_have_no_limit_per_second(void **state) {
        struct native_ring *ring = *state;

        for (int i = 0; i < 50; i++)
                assert_true(native_ring_add(ring, &limits, &context, SOVD_SEVERITY_INFO, "x", 5, false, 1));
        assert_int_equal(ring->n_lost, 0);
}

static void a_reader_keeps_what_it_holds(void **state) {
        struct native_ring *ring = *state;

        assert_true(add(ring, "kept", 1));
        struct native_entry *held = ring->first;
        held->n_refs++;
        native_ring_clear(ring);
        assert_int_equal(ring->n, 0);
        assert_int_equal(ring->n_bytes, 0);
        assert_string_equal(held->msg, "kept");
        assert_null(native_entry_unref(held));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(an_entry_owns_what_it_says, set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_oldest_goes_when_there_are_too_many, set_up, tear_down),
                cmocka_unit_test_setup_teardown(bytes_are_counted_and_one_entry_always_stays, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(what_comes_too_fast_is_counted_and_told_once, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(entries_of_the_gateway_have_no_limit_per_second, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(a_reader_keeps_what_it_holds, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
