/* SPDX-License-Identifier: Apache-2.0 */
/* Operation cycles - from one ignition to the next, as the status bits of ISO 14229 count them. */
#include "backends/sim/backend.h"

static uint64_t cycle_length(const struct sim_call *c) {
        const struct sovd_number *secs = &c->unit->entity->operation_cycle_secs;

        return secs->set ? sim_usec(*secs) : UINT64_MAX;
}

/* The beginning of the cycle of a time; without cycles there is one, from the start on. */
static uint64_t cycle_start(const struct sim_call *c, uint64_t usec) {
        const uint64_t start = c->sim->start_usec, length = cycle_length(c);

        return usec <= start ? start : start + (usec - start) / length * length;
}

/* Was the fault there at any time from a to b? */
static bool failed_between(const struct sim_fault *f, uint64_t first, uint64_t a, uint64_t b) {
        const uint64_t period = f->period_secs.set ? sim_usec(f->period_secs) : 0;

        if (b < first)
                return false;
        const uint64_t last = first + (period ? (b - first) / period * period : 0);
        return last >= a || !f->heals_after_secs.set || last + sim_usec(f->heals_after_secs) > a;
}

/* Cycles with the fault since it was cleared, counted up to `enough`. Cycles without it are stepped over. */
static int64_t count_cycles(const struct sim_call *c, const struct sim_fault *f, const struct sighting *s,
                            int64_t enough) {
        const uint64_t length = cycle_length(c), period = f->period_secs.set ? sim_usec(f->period_secs) : 0;
        uint64_t at = SOVD_MAX(s->first_usec, s->cleared_usec);
        int64_t n = 0;

        while (n < enough && at <= c->now_usec) {
                const uint64_t begin = cycle_start(c, at);
                if (length == UINT64_MAX)
                        return failed_between(f, s->first_usec, at, c->now_usec);
                const uint64_t end = begin + length;
                n += failed_between(f, s->first_usec, at, SOVD_MIN(end - 1, c->now_usec));
                if (failed_between(f, s->first_usec, end, end))
                        at = end;
                else if (!period)
                        break;
                else
                        at = s->first_usec + ((end - s->first_usec) / period + 1) * period;
        }
        return n;
}

struct cycle_state sim_judge_cycle(const struct sim_call *c, const struct sim_fault *f,
                                   const struct sighting *s) {
        const uint64_t now = c->now_usec, begin = cycle_start(c, now), first = s->first_usec;
        const uint64_t before = begin > c->sim->start_usec ? begin - cycle_length(c) : begin;
        const uint64_t since = SOVD_MAX(begin, s->cleared_usec), test = sim_usec(f->test_secs);
        const bool failed = failed_between(f, first, since, now);

        return (struct cycle_state){
                .failed = failed,
                .pending = failed_between(f, first, SOVD_MAX(before, s->cleared_usec), now),
                .confirmed = count_cycles(c, f, s, f->confirmed_after_cycles.value) >=
                             f->confirmed_after_cycles.value,
                .not_completed = !failed && now < since + test,
        };
}
