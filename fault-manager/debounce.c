/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/debounce.h"

const char *const fm_debounce_names[] = { "edge", "counter", "time", NULL };

void fm_state_clear(struct fm_state *state) {
        *state = (struct fm_state){ .status = FM_NOT_COMPLETED_SINCE_CLEAR | FM_NOT_COMPLETED_THIS_CYCLE };
}

static bool has(const struct fm_state *state, unsigned bits) {
        return state->status & bits;
}

static void set(struct fm_state *state, unsigned bits) {
        state->status = (uint8_t)(state->status | bits);
}

static void unset(struct fm_state *state, unsigned bits) {
        state->status = (uint8_t)(state->status & ~bits);
}

static void count(uint32_t *n) {
        *n += *n < UINT32_MAX;
}

static unsigned confirm(struct fm_state *state, const struct fm_rule *rule) {
        unsigned before = state->status & FM_CONFIRMED;

        if (state->n_failed_cycles >= SOVD_MAX(rule->confirm_cycles, 1u))
                set(state, FM_CONFIRMED);
        if (rule->heal_cycles && has(state, FM_CONFIRMED))
                set(state, FM_WARNING_INDICATOR);
        return has(state, FM_CONFIRMED) && !before ? FM_NOW_CONFIRMED : 0;
}

/* The test is complete and failed. */
static unsigned fail(struct fm_state *state, const struct fm_rule *rule) {
        if (has(state, FM_TEST_FAILED))
                return 0;

        if (!has(state, FM_TEST_FAILED_THIS_CYCLE))
                count(&state->n_failed_cycles);
        set(state, FM_TEST_FAILED | FM_TEST_FAILED_THIS_CYCLE | FM_PENDING | FM_FAILED_SINCE_CLEAR);
        unset(state, FM_NOT_COMPLETED_SINCE_CLEAR | FM_NOT_COMPLETED_THIS_CYCLE);
        count(&state->n_occurrences);
        state->n_passed_cycles = 0;
        return FM_CHANGED | FM_NOW_FAILED | confirm(state, rule);
}

/* The test is complete and passed. */
static unsigned pass(struct fm_state *state) {
        uint8_t before = state->status;

        unset(state, FM_TEST_FAILED | FM_NOT_COMPLETED_SINCE_CLEAR | FM_NOT_COMPLETED_THIS_CYCLE);
        if (state->status == before)
                return 0;
        return FM_CHANGED | (before & FM_TEST_FAILED ? FM_NOW_PASSED : 0);
}

static bool is_failure(enum fm_report report) {
        return report == FM_FAILED || report == FM_PREFAILED;
}

static bool is_final(enum fm_report report) {
        return report == FM_FAILED || report == FM_PASSED;
}

static unsigned report_edge(struct fm_state *state, const struct fm_rule *rule, enum fm_report report, uint64_t now) {
        if (!is_failure(report)) {
                state->since_usec = 0;
                return pass(state);
        }
        state->since_usec = rule->hold_usec ? SOVD_MAX(now, (uint64_t)1) : 0;
        return fail(state, rule);
}

/* Where the counter stands after a report. It never leaves the thresholds, however often a fault flaps. */
static int moved(const struct fm_state *state, const struct fm_rule *rule, enum fm_report report) {
        int from = state->counter;

        if (is_final(report))
                return is_failure(report) ? rule->failed_at : rule->passed_at;
        if (rule->jump && (is_failure(report) ? from < 0 : from > 0))
                from = 0;
        return is_failure(report) ? SOVD_MIN(from + rule->step_up, rule->failed_at)
                                  : SOVD_MAX(from - rule->step_down, rule->passed_at);
}

static unsigned report_counter(struct fm_state *state, const struct fm_rule *rule, enum fm_report report) {
        state->counter = moved(state, rule, report);
        if (state->counter >= rule->failed_at)
                return fail(state, rule);
        return state->counter <= rule->passed_at ? pass(state) : 0;
}

/* A report of the kind that waits already does not start the time anew. */
static unsigned report_time(struct fm_state *state, const struct fm_rule *rule, enum fm_report report, uint64_t now) {
        bool failure = is_failure(report);

        if (is_final(report)) {
                state->since_usec = 0;
                return failure ? fail(state, rule) : pass(state);
        }
        if (!state->since_usec || state->waits_for_failed != failure) {
                state->since_usec = SOVD_MAX(now, (uint64_t)1);
                state->waits_for_failed = failure;
        }
        return fm_state_tick(state, rule, now);
}

unsigned fm_state_report(struct fm_state *state, const struct fm_rule *rule, enum fm_report report,
                         uint64_t now_usec) {
        switch (rule->kind) {
        case FM_COUNTER:
                return report_counter(state, rule, report);
        case FM_TIME:
                return report_time(state, rule, report, now_usec);
        case FM_EDGE:
        default:
                return report_edge(state, rule, report, now_usec);
        }
}

/* Has the report that waits come true already? */
static bool is_settled(const struct fm_state *state) {
        return state->waits_for_failed ? has(state, FM_TEST_FAILED)
                                       : !has(state, FM_TEST_FAILED | FM_NOT_COMPLETED_THIS_CYCLE);
}

uint64_t fm_state_next_usec(const struct fm_state *state, const struct fm_rule *rule) {
        if (!state->since_usec || rule->kind == FM_COUNTER)
                return UINT64_MAX;
        if (rule->kind == FM_EDGE)
                return state->since_usec + rule->hold_usec;
        if (is_settled(state))
                return UINT64_MAX;
        return state->since_usec + (state->waits_for_failed ? rule->failed_usec : rule->passed_usec);
}

unsigned fm_state_tick(struct fm_state *state, const struct fm_rule *rule, uint64_t now_usec) {
        if (now_usec < fm_state_next_usec(state, rule))
                return 0;
        if (rule->kind == FM_EDGE)
                state->since_usec = 0;
        return rule->kind == FM_TIME && state->waits_for_failed ? fail(state, rule) : pass(state);
}

/* A cycle in which the test was complete and never failed brings healing and ageing on. */
static unsigned count_passed_cycle(struct fm_state *state, const struct fm_rule *rule) {
        count(&state->n_passed_cycles);
        state->n_failed_cycles = 0;
        unset(state, FM_PENDING);
        if (rule->heal_cycles && state->n_passed_cycles >= rule->heal_cycles)
                unset(state, FM_WARNING_INDICATOR);
        if (!has(state, FM_CONFIRMED) || !rule->age_cycles || state->n_passed_cycles < rule->age_cycles)
                return 0;
        unset(state, FM_CONFIRMED | FM_WARNING_INDICATOR);
        return FM_NOW_AGED;
}

unsigned fm_state_cycle(struct fm_state *state, const struct fm_rule *rule) {
        const struct fm_state before = *state;
        bool passed = !has(state, FM_NOT_COMPLETED_THIS_CYCLE | FM_TEST_FAILED_THIS_CYCLE);
        unsigned changed = passed ? count_passed_cycle(state, rule) : 0;

        unset(state, FM_TEST_FAILED_THIS_CYCLE);
        set(state, FM_NOT_COMPLETED_THIS_CYCLE);
        if (has(state, FM_TEST_FAILED)) { /* it fails on, so the new cycle has its failure too */
                set(state, FM_TEST_FAILED_THIS_CYCLE);
                unset(state, FM_NOT_COMPLETED_THIS_CYCLE);
                count(&state->n_failed_cycles);
                changed |= confirm(state, rule);
        } else { /* what was half counted does not reach into the new cycle */
                state->counter = 0;
                state->since_usec = 0;
        }
        if (state->status != before.status || state->n_passed_cycles != before.n_passed_cycles ||
            state->n_failed_cycles != before.n_failed_cycles)
                changed |= FM_CHANGED;
        return changed;
}

/* After two cycles without a report nothing moves any more but the failed cycles of a test that fails on. */
unsigned fm_state_cycles(struct fm_state *state, const struct fm_rule *rule, uint64_t n) {
        unsigned changed = 0;

        for (int i = 0; i < 2 && n; i++, n--)
                changed |= fm_state_cycle(state, rule);
        if (n && has(state, FM_TEST_FAILED)) {
                state->n_failed_cycles += (uint32_t)SOVD_MIN(n, (uint64_t)(UINT32_MAX - state->n_failed_cycles));
                changed |= confirm(state, rule) | FM_CHANGED;
        }
        return changed;
}

void fm_state_resume(struct fm_state *state, const struct fm_rule *rule, uint64_t now_usec) {
        bool holds = rule->kind == FM_EDGE && rule->hold_usec && has(state, FM_TEST_FAILED);

        state->counter = 0;
        state->since_usec = holds ? SOVD_MAX(now_usec, (uint64_t)1) : 0;
}

const char *fm_state_word(const struct fm_state *state) {
        if (has(state, FM_TEST_FAILED))
                return "active";
        if (has(state, FM_CONFIRMED))
                return "confirmed";
        return has(state, FM_PENDING) ? "pending" : "passive";
}
