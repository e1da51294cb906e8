/* SPDX-License-Identifier: Apache-2.0 */
/* Reports, and the limits on them. */
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"

/* --- limits --------------------------------------------------------------------------------------------- */

static bool is_enabled(const struct fm_manager *m, const struct fm_descriptor *d) {
        for (size_t i = 0; i < d->conditions.n; i++)
                for (size_t k = 0; k < m->n_conditions; k++)
                        if (!m->conditions[k].on &&
                            strcmp(m->conditions[k].name, d->conditions.items[i]) == 0)
                                return false;
        return true;
}

static bool is_within_limit(struct fm_fault *f, uint64_t now) {
        const double limit = f->definition->about->reports_per_sec.value;
        const unsigned n = SOVD_MAX((unsigned)limit, 1u); /* in the time that so many take: about a second, or longer */

        if (limit <= 0)
                return true;
        if ((double)(now - f->window_usec) * limit >= (double)SOVD_USEC_PER_SEC * n) {
                f->window_usec = now;
                f->n_in_window = 0;
        }
        return f->n_in_window++ < n;
}

/* A bucket that fills with the rate and holds a second of it; a new one is full. */
bool fm_reporter_takes(struct fm_manager *m, struct fm_reporter *reporter, uint64_t now) {
        const double rate = m->options.reports_per_sec, most = SOVD_MAX(rate, 1.0);

        if (rate <= 0)
                return true;
        if (!reporter->usec)
                reporter->tokens = most;
        else if (now > reporter->usec)
                reporter->tokens += (double)(now - reporter->usec) * rate / (double)SOVD_USEC_PER_SEC;
        reporter->tokens = SOVD_MIN(reporter->tokens, most);
        reporter->usec = SOVD_MAX(now, (uint64_t)1);
        if (reporter->tokens < 1)
                return false;
        reporter->tokens -= 1;
        return true;
}

/* --- judging -------------------------------------------------------------------------------------------- */

void fm_keep_frame(char **to, const char *frame) {
        char *copy = frame ? strdup(frame) : NULL;

        if (copy || !frame) {
                free(*to);
                *to = copy;
        }
}

static void note_occurrence(struct fm_fault *f, const char *frame) {
        f->last_usec = sovd_realtime_usec();
        f->last_cycle = f->kind->n;
        if (f->state.n_occurrences == 1) {
                f->first_usec = f->last_usec;
                f->first_cycle = f->last_cycle;
                fm_keep_frame(&f->first_frame, frame);
        }
        fm_keep_frame(&f->last_frame, frame);
}

void fm_note_change(struct fm_manager *m, struct fm_fault *f, unsigned changed, const char *frame) {
        if (changed & FM_NOW_FAILED)
                note_occurrence(f, frame);
        fm_arm(m, f);
        if (!f->state.n_occurrences)
                return; /* a test that never failed is no fault: nothing to store or to tell */
        fm_make_dirty(m, f, changed);
        f->n_untold++;
        f->seq = ++m->seq;
        m->counters.n_changes++;
}

/* Each failure that waits replaces it: an occurrence has what was so when it came true, or shortly before. */
static void keep_waiting_frame(struct fm_fault *f, enum fm_report report, const char *frame) {
        bool waits = f->definition->rule.kind == FM_TIME && report == FM_PREFAILED && !(f->state.status & FM_TEST_FAILED);

        fm_keep_frame(&f->waiting_frame, waits ? frame : NULL);
}

/* With the mutex held. */
static int judge(struct fm_manager *m, struct fm_fault *f, enum fm_report report, const char *frame,
                 uint64_t *ret_ticket) {
        uint64_t now = sovd_now_usec();

        if (!is_enabled(m, f->definition->about)) {
                m->counters.n_disabled++;
                f->ignored.n_disabled++;
                return 0;
        }
        if (!fm_reporter_takes(m, f->reporter, now) || !is_within_limit(f, now)) {
                m->counters.n_limited++;
                f->ignored.n_limited++;
                return SOVD_E_OVERLOAD;
        }
        m->counters.n_judged++;
        unsigned changed = fm_state_report(&f->state, &f->definition->rule, report, now);
        keep_waiting_frame(f, report, frame);
        if (changed)
                fm_note_change(m, f, changed, frame);
        else
                fm_arm(m, f); /* it may have begun to wait */
        /* A report that repeats what is under way is as durable as that. */
        *ret_ticket = f->seq > m->durable_seq ? f->seq : 0;
        return 0;
}

static struct fm_fault *find_defined(struct fm_manager *m, const char *entity, const char *code,
                                     bool *ret_loaded) {
        (void)pthread_mutex_lock(&m->mutex);
        struct fm_fault *f = fm_table_find(&m->table, entity, code);
        if (f && !f->defined)
                f = NULL;
        m->counters.n_reports++;
        m->counters.n_unknown += !f;
        *ret_loaded = f && f->loaded;
        (void)pthread_mutex_unlock(&m->mutex);
        return f;
}

/* Takes the mutex when it returns 0. What was restored meanwhile is to be read before it is judged, else it would be lost. */
static int lock_loaded(struct fm_manager *m, const struct fm_fault *f, bool loaded) {
        for (;;) {
                int r = loaded ? 0 : fm_load(m, f->entity, f->code);
                if (r)
                        return r;
                (void)pthread_mutex_lock(&m->mutex);
                if (f->defined && f->loaded)
                        return 0;
                bool defined = f->defined;
                (void)pthread_mutex_unlock(&m->mutex);
                if (!defined)
                        return SOVD_E_NOT_FOUND;
                loaded = false;
        }
}

int fm_manager_report(struct fm_manager *m, const char *entity, const char *code, enum fm_report report,
                      const char *frame, uint64_t *ret_ticket) {
        uint64_t ticket = 0;
        bool loaded;
        struct fm_fault *f = find_defined(m, entity, code, &loaded);
        if (!f)
                return SOVD_E_NOT_FOUND;

        int r = lock_loaded(m, f, loaded);
        if (r)
                return r;
        r = judge(m, f, report, frame, &ticket);
        bool sooner = fm_is_sooner(m);
        (void)pthread_mutex_unlock(&m->mutex);
        if (sooner && m->options.sooner)
                m->options.sooner(m->options.data);
        if (ticket)
                fm_flush_later(m);
        if (ret_ticket)
                *ret_ticket = ticket;
        return r;
}
