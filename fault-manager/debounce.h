#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Debounce - from what a monitor reports to the status of a fault
 *
 * A pure state machine: reports, time and operation cycles go in; the eight status bits of ISO 14229-1 (Annex D.2)
 * and the counters come out. It knows no clock, no storage and no thread.
 *
 * Three rules decide when a test counts as failed or passed:
 *   edge      the first report decides; a fault that only ever reports its failure ends by itself after hold_usec
 *   counter   reports move a bounded counter between its two thresholds (hysteresis)
 *   time      a report must last for failed_usec or passed_usec without an opposite one
 */
#include "sovd-core/base/util.h"

enum fm_debounce { FM_EDGE = 1, FM_COUNTER, FM_TIME };
extern const char *const fm_debounce_names[]; /* "edge", "counter", "time" */

enum fm_report { FM_FAILED, FM_PASSED, FM_PREFAILED, FM_PREPASSED }; /* pre-: counts, but does not decide alone */

/* Bits of the status byte. */
enum {
        FM_TEST_FAILED = 1 << 0,
        FM_TEST_FAILED_THIS_CYCLE = 1 << 1,
        FM_PENDING = 1 << 2,
        FM_CONFIRMED = 1 << 3,
        FM_NOT_COMPLETED_SINCE_CLEAR = 1 << 4,
        FM_FAILED_SINCE_CLEAR = 1 << 5,
        FM_NOT_COMPLETED_THIS_CYCLE = 1 << 6,
        FM_WARNING_INDICATOR = 1 << 7
};

struct fm_rule {
        enum fm_debounce kind;
        int failed_at, passed_at;          /* counter: thresholds, passed_at < 0 < failed_at, within +-32767 */
        int step_up, step_down;            /* counter: how far a report moves it, at least 1 */
        bool jump;                         /* counter: an opposite report starts from 0, not from where it stood */
        uint64_t failed_usec, passed_usec; /* time */
        uint64_t hold_usec;                /* edge: 0 = until a report says passed */
        unsigned confirm_cycles;           /* operation cycles with a failure until it is confirmed; 1 = at once */
        unsigned heal_cycles;              /* passed cycles until the warning indicator goes out; 0 = it is not used */
        unsigned age_cycles;               /* passed cycles until a confirmed fault is forgotten; 0 = never */
};

struct fm_state {
        uint8_t status;
        int counter;                       /* of the counter rule */
        uint64_t since_usec;               /* time: of the report that waits; edge: of the failure; 0 = none */
        bool waits_for_failed;             /* time: which of the two waits */
        uint32_t n_occurrences;            /* times that the test went from not failed to failed since the clear */
        uint32_t n_failed_cycles;          /* in a row */
        uint32_t n_passed_cycles;          /* in a row since the last failure */
};

/* What a step changed; the caller stores, tells and captures environment data by it. */
enum {
        FM_CHANGED = 1 << 0,               /* the status byte, or a counter that is shown */
        FM_NOW_FAILED = 1 << 1,            /* the test failed: an occurrence */
        FM_NOW_PASSED = 1 << 2,
        FM_NOW_CONFIRMED = 1 << 3,
        FM_NOW_AGED = 1 << 4               /* the confirmed bit fell by age: the fault is history */
};

/* The state after a clear: nothing tested yet. */
void fm_state_clear(struct fm_state *state);

/* A report at monotonic time now_usec. Returns what changed. */
unsigned fm_state_report(struct fm_state *state, const struct fm_rule *rule, enum fm_report report,
                         uint64_t now_usec);

/* Time has come to now_usec. */
unsigned fm_state_tick(struct fm_state *state, const struct fm_rule *rule, uint64_t now_usec);

/* When fm_state_tick() has something to do; UINT64_MAX = never. */
uint64_t fm_state_next_usec(const struct fm_state *state, const struct fm_rule *rule);

/* An operation cycle ended and the next began. */
unsigned fm_state_cycle(struct fm_state *state, const struct fm_rule *rule);

/* The same n times, without a report in between; in constant time. */
unsigned fm_state_cycles(struct fm_state *state, const struct fm_rule *rule, uint64_t n);

/* A state that was stored, or judged by another rule, goes on by this one: what was half counted begins anew, and a hold
 * time too. */
void fm_state_resume(struct fm_state *state, const struct fm_rule *rule, uint64_t now_usec);

/* For the aggregatedStatus of ISO 17978-3 7.8: "active" the test fails now; "confirmed" it passed, but is stored;
 * "pending" it failed in this or the last cycle; "passive" none of them. */
const char *fm_state_word(const struct fm_state *state);
