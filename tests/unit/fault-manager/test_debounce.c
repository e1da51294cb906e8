/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "fault-manager/debounce.h"

#define SECOND SOVD_USEC_PER_SEC

static const struct fm_rule counter_rule = { .kind = FM_COUNTER, .failed_at = 3, .passed_at = -3, .step_up = 1,
                                             .step_down = 1, .confirm_cycles = 1, .age_cycles = 2 };
static const struct fm_rule time_rule = { .kind = FM_TIME, .failed_usec = 2 * SECOND, .passed_usec = SECOND,
                                          .confirm_cycles = 1 };
static const struct fm_rule edge_rule = { .kind = FM_EDGE, .hold_usec = 5 * SECOND, .confirm_cycles = 1 };

static struct fm_state fresh(void) {
        struct fm_state s;

        fm_state_clear(&s);
        return s;
}

static unsigned report(struct fm_state *s, const struct fm_rule *rule, enum fm_report r, unsigned times) {
        unsigned all = 0;

        while (times--)
                all |= fm_state_report(s, rule, r, 1);
        return all;
}

static void after_a_clear_nothing_is_tested(void **state) {
        struct fm_state s = fresh();
        (void)state;

        assert_int_equal(s.status, 0x50);
        assert_string_equal(fm_state_word(&s), "passive");
}

static void a_counter_fails_at_its_threshold_and_not_before(void **state) {
        struct fm_state s = fresh();
        (void)state;

        assert_int_equal(report(&s, &counter_rule, FM_PREFAILED, 2), 0);
        assert_int_equal(s.status, 0x50);
        assert_int_equal(report(&s, &counter_rule, FM_PREFAILED, 1), FM_CHANGED | FM_NOW_FAILED | FM_NOW_CONFIRMED);
        assert_int_equal(s.status, 0x2f);
        assert_int_equal(s.n_occurrences, 1);
        assert_string_equal(fm_state_word(&s), "active");
}

static void a_counter_has_hysteresis(void **state) {
        struct fm_state s = fresh();
        (void)state;

        (void)report(&s, &counter_rule, FM_PREFAILED, 3);
        assert_int_equal(report(&s, &counter_rule, FM_PREPASSED, 5), 0);
        assert_true(s.status & FM_TEST_FAILED);
        assert_int_equal(report(&s, &counter_rule, FM_PREPASSED, 1), FM_CHANGED | FM_NOW_PASSED);
        assert_string_equal(fm_state_word(&s), "confirmed");
}

static void a_flapping_fault_does_not_grow_without_bound(void **state) {
        struct fm_state s = fresh();
        (void)state;

        (void)report(&s, &counter_rule, FM_PREFAILED, 1000000);
        assert_int_equal(s.counter, 3);
        assert_int_equal(s.n_occurrences, 1);
        (void)report(&s, &counter_rule, FM_PREPASSED, 1000000);
        assert_int_equal(s.counter, -3);
}

static void an_opposite_report_jumps_when_the_rule_says_so(void **state) {
        struct fm_rule rule = counter_rule;
        struct fm_state s = fresh();
        (void)state;

        rule.jump = true;
        (void)report(&s, &rule, FM_PREPASSED, 3);
        assert_int_equal(s.counter, -3);
        (void)report(&s, &rule, FM_PREFAILED, 1);
        assert_int_equal(s.counter, 1);
}

static void a_final_report_decides_at_once_under_every_rule(void **state) {
        const struct fm_rule *const rules[] = { &counter_rule, &time_rule, &edge_rule };
        (void)state;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rules); i++) {
                struct fm_state s = fresh();
                assert_true(report(&s, rules[i], FM_FAILED, 1) & FM_NOW_FAILED);
                assert_int_equal(report(&s, rules[i], FM_FAILED, 1), 0);
                assert_true(report(&s, rules[i], FM_PASSED, 1) & FM_NOW_PASSED);
                assert_true(report(&s, rules[i], FM_FAILED, 1) & FM_NOW_FAILED);
                assert_int_equal(s.n_occurrences, 2);
        }
}

static void a_time_rule_waits_for_an_uninterrupted_report(void **state) {
        struct fm_state s = fresh();
        (void)state;

        assert_int_equal(fm_state_report(&s, &time_rule, FM_PREFAILED, 10 * SECOND), 0);
        assert_int_equal(fm_state_next_usec(&s, &time_rule), 12 * SECOND);
        assert_int_equal(fm_state_report(&s, &time_rule, FM_PREPASSED, 11 * SECOND), 0);
        assert_int_equal(fm_state_report(&s, &time_rule, FM_PREFAILED, 11 * SECOND + 1), 0);
        assert_int_equal(fm_state_tick(&s, &time_rule, 13 * SECOND), 0);
        assert_true(fm_state_tick(&s, &time_rule, 13 * SECOND + 1) & FM_NOW_FAILED);
        assert_int_equal(fm_state_next_usec(&s, &time_rule), UINT64_MAX);
        assert_int_equal(fm_state_report(&s, &time_rule, FM_PREFAILED, 14 * SECOND), 0);
        assert_int_equal(fm_state_next_usec(&s, &time_rule), UINT64_MAX);
        assert_int_equal(fm_state_report(&s, &time_rule, FM_PREPASSED, 20 * SECOND), 0);
        assert_true(fm_state_tick(&s, &time_rule, 21 * SECOND) & FM_NOW_PASSED);
}

static void an_event_that_fires_once_is_confirmed_and_ends_by_itself(void **state) {
        struct fm_state s = fresh();
        (void)state;

        assert_int_equal(fm_state_report(&s, &edge_rule, FM_PREFAILED, 10 * SECOND),
                         FM_CHANGED | FM_NOW_FAILED | FM_NOW_CONFIRMED);
        assert_int_equal(fm_state_next_usec(&s, &edge_rule), 15 * SECOND);
        assert_int_equal(fm_state_tick(&s, &edge_rule, 15 * SECOND - 1), 0);
        assert_true(fm_state_tick(&s, &edge_rule, 15 * SECOND) & FM_NOW_PASSED);
        assert_int_equal(fm_state_next_usec(&s, &edge_rule), UINT64_MAX);
        assert_string_equal(fm_state_word(&s), "confirmed");
}

static void a_fault_is_confirmed_only_after_so_many_cycles(void **state) {
        struct fm_rule rule = counter_rule;
        struct fm_state s = fresh();
        (void)state;

        rule.confirm_cycles = 2;
        (void)report(&s, &rule, FM_FAILED, 1);
        assert_string_equal(fm_state_word(&s), "active");
        assert_false(s.status & FM_CONFIRMED);
        (void)report(&s, &rule, FM_PASSED, 1);
        assert_string_equal(fm_state_word(&s), "pending");
        (void)fm_state_cycle(&s, &rule);
        assert_true(report(&s, &rule, FM_FAILED, 1) & FM_NOW_CONFIRMED);
}

static void a_passed_cycle_between_failures_starts_the_count_anew(void **state) {
        struct fm_rule rule = counter_rule;
        struct fm_state s = fresh();
        (void)state;

        rule.confirm_cycles = 2;
        (void)report(&s, &rule, FM_FAILED, 1);
        (void)report(&s, &rule, FM_PASSED, 1);
        (void)fm_state_cycle(&s, &rule);
        (void)report(&s, &rule, FM_PASSED, 1);
        (void)fm_state_cycle(&s, &rule);
        assert_false(s.status & FM_PENDING);
        assert_false(report(&s, &rule, FM_FAILED, 1) & FM_NOW_CONFIRMED);
}

static void a_fault_that_fails_on_is_confirmed_by_the_cycles(void **state) {
        struct fm_rule rule = counter_rule;
        struct fm_state s = fresh();
        (void)state;

        rule.confirm_cycles = 3;
        (void)report(&s, &rule, FM_FAILED, 1);
        assert_false(fm_state_cycle(&s, &rule) & FM_NOW_CONFIRMED);
        assert_true(fm_state_cycle(&s, &rule) & FM_NOW_CONFIRMED);
        assert_true(s.status & FM_TEST_FAILED_THIS_CYCLE);
}

static void a_confirmed_fault_ages_in_passed_cycles_only(void **state) {
        struct fm_state s = fresh();
        (void)state;

        (void)report(&s, &counter_rule, FM_FAILED, 1);
        (void)report(&s, &counter_rule, FM_PASSED, 1);
        (void)fm_state_cycle(&s, &counter_rule); /* that cycle had the failure */
        (void)fm_state_cycle(&s, &counter_rule); /* nothing was tested */
        assert_int_equal(s.n_passed_cycles, 0);
        (void)report(&s, &counter_rule, FM_PASSED, 1);
        assert_false(fm_state_cycle(&s, &counter_rule) & FM_NOW_AGED);
        (void)report(&s, &counter_rule, FM_PASSED, 1);
        assert_int_equal(fm_state_cycle(&s, &counter_rule), FM_CHANGED | FM_NOW_AGED);
        assert_string_equal(fm_state_word(&s), "passive");
        assert_true(s.status & FM_FAILED_SINCE_CLEAR);
}

static void the_warning_indicator_goes_out_before_the_fault_is_forgotten(void **state) {
        struct fm_rule rule = counter_rule;
        struct fm_state s = fresh();
        (void)state;

        rule.heal_cycles = 1;
        (void)report(&s, &rule, FM_FAILED, 1);
        assert_true(s.status & FM_WARNING_INDICATOR);
        (void)report(&s, &rule, FM_PASSED, 1);
        (void)fm_state_cycle(&s, &rule);
        assert_true(s.status & FM_WARNING_INDICATOR);
        (void)report(&s, &rule, FM_PASSED, 1);
        (void)fm_state_cycle(&s, &rule);
        assert_false(s.status & FM_WARNING_INDICATOR);
        assert_true(s.status & FM_CONFIRMED);
}

static void half_counted_reports_do_not_reach_into_the_next_cycle(void **state) {
        struct fm_state s = fresh();
        (void)state;

        (void)report(&s, &counter_rule, FM_PREFAILED, 2);
        (void)fm_state_cycle(&s, &counter_rule);
        assert_int_equal(report(&s, &counter_rule, FM_PREFAILED, 2), 0);
}

/* Whatever comes, in whatever order: the bits stay consistent. */
static void no_sequence_breaks_the_rules_of_the_status_byte(void **state) {
        const struct fm_rule *const rules[] = { &counter_rule, &time_rule, &edge_rule };
        uint32_t random = 1;
        (void)state;

        for (size_t k = 0; k < SOVD_N_ELEMENTS(rules); k++) {
                struct fm_state s = fresh();
                for (unsigned i = 1; i < 200000; i++) {
                        random = random * 1664525u + 1013904223u;
                        unsigned pick = random >> 24;
                        uint32_t before = s.n_occurrences;
                        unsigned changed;
                        if (pick < 8)
                                changed = fm_state_cycle(&s, rules[k]);
                        else if (pick < 40)
                                changed = fm_state_tick(&s, rules[k], i * (SECOND / 4));
                        else
                                changed = fm_state_report(&s, rules[k], (enum fm_report)(pick % 4), i * (SECOND / 4));
                        assert_int_equal(s.n_occurrences - before, !!(changed & FM_NOW_FAILED));
                        assert_false((s.status & FM_TEST_FAILED) && !(s.status & FM_TEST_FAILED_THIS_CYCLE));
                        assert_false((s.status & FM_TEST_FAILED_THIS_CYCLE) && !(s.status & FM_PENDING));
                        assert_false((s.status & FM_PENDING) && !(s.status & FM_FAILED_SINCE_CLEAR));
                        assert_false((s.status & FM_FAILED_SINCE_CLEAR) && (s.status & FM_NOT_COMPLETED_SINCE_CLEAR));
                        assert_false((s.status & FM_TEST_FAILED_THIS_CYCLE) && (s.status & FM_NOT_COMPLETED_THIS_CYCLE));
                        assert_in_range(s.counter + 3, 0, 6);
                }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(after_a_clear_nothing_is_tested),
                cmocka_unit_test(a_counter_fails_at_its_threshold_and_not_before),
                cmocka_unit_test(a_counter_has_hysteresis),
                cmocka_unit_test(a_flapping_fault_does_not_grow_without_bound),
                cmocka_unit_test(an_opposite_report_jumps_when_the_rule_says_so),
                cmocka_unit_test(a_final_report_decides_at_once_under_every_rule),
                cmocka_unit_test(a_time_rule_waits_for_an_uninterrupted_report),
                cmocka_unit_test(an_event_that_fires_once_is_confirmed_and_ends_by_itself),
                cmocka_unit_test(a_fault_is_confirmed_only_after_so_many_cycles),
                cmocka_unit_test(a_passed_cycle_between_failures_starts_the_count_anew),
                cmocka_unit_test(a_fault_that_fails_on_is_confirmed_by_the_cycles),
                cmocka_unit_test(a_confirmed_fault_ages_in_passed_cycles_only),
                cmocka_unit_test(the_warning_indicator_goes_out_before_the_fault_is_forgotten),
                cmocka_unit_test(half_counted_reports_do_not_reach_into_the_next_cycle),
                cmocka_unit_test(no_sequence_breaks_the_rules_of_the_status_byte),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
