/* SPDX-License-Identifier: Apache-2.0 */
/* Time rules and operation cycles. */
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <errno.h>

#define RETRY_USEC SOVD_USEC_PER_SEC

/* --- time ----------------------------------------------------------------------------------------------- */

/* Without memory for a place in the heap the next report tries again. */
void fm_arm(struct fm_manager *m, struct fm_fault *f) {
        uint64_t next = f->loaded ? fm_state_next_usec(&f->state, &f->definition->rule) : UINT64_MAX;

        if (f->owed)
                next = SOVD_MIN(next, f->events_usec + SOVD_USEC_PER_SEC);
        if (next == UINT64_MAX)
                sovd_due_remove(&m->due, &f->due);
        else
                (void)sovd_due_put(&m->due, &f->due, next);
}

bool fm_is_sooner(struct fm_manager *m) {
        const struct sovd_due *first = sovd_due_first(&m->due);
        uint64_t next = SOVD_MIN(first ? first->when_usec : UINT64_MAX, fm_settle_next(m));
        bool sooner = next < m->tick_usec;

        if (sooner)
                m->tick_usec = next;
        return sooner;
}

static void tick_one(struct fm_manager *m, struct fm_fault *f, uint64_t now) {
        unsigned changed = f->loaded ? fm_state_tick(&f->state, &f->definition->rule, now) : 0;

        if (changed)
                fm_note_change(m, f, changed, f->waiting_frame);
        if (f->owed && now >= f->events_usec + SOVD_USEC_PER_SEC) {
                fm_make_dirty(m, f, f->owed);
                f->owed = 0;
        }
        fm_arm(m, f);
}

uint64_t fm_manager_tick(struct fm_manager *m) {
        const uint64_t now = sovd_now_usec();
        struct sovd_due *first;

        (void)pthread_mutex_lock(&m->mutex);
        while ((first = sovd_due_first(&m->due)) && first->when_usec <= now) {
                sovd_due_remove(&m->due, first);
                tick_one(m, (struct fm_fault *)first, now);
        }
        uint64_t next = first ? first->when_usec : UINT64_MAX;
        if (m->retry)
                next = SOVD_MIN(next, now + RETRY_USEC);
        m->tick_usec = next;
        (void)pthread_mutex_unlock(&m->mutex);
        fm_flush_later(m);
        return SOVD_MIN(next, fm_settle(m));
}

/* --- cycles --------------------------------------------------------------------------------------------- */

struct fm_kind *fm_kind_find(struct fm_manager *m, const char *name) {
        for (size_t i = 0; i < m->n_kinds; i++)
                if (strcmp(m->kinds[i].name, name) == 0)
                        return &m->kinds[i];
        return NULL;
}

struct fm_kind *fm_kind_get(struct fm_manager *m, const char *name) {
        struct fm_kind *kind = fm_kind_find(m, name);

        if (kind || m->n_kinds == FM_KINDS_MAX)
                return kind;
        kind = &m->kinds[m->n_kinds];
        kind->name = strdup(name);
        if (!kind->name)
                return NULL;
        m->n_kinds++;
        return kind;
}

struct step {
        struct fm_manager *m;
        const struct fm_kind *kind; /* NULL = any */
};

/* What is in the file only follows in the background (settle.c). */
static void cycle_one(struct fm_fault *f, void *data) {
        const struct step *step = data;
        if (!f->loaded || (step->kind && f->kind != step->kind))
                return;

        unsigned changed = fm_state_cycle(&f->state, &f->definition->rule);
        if (changed)
                fm_note_change(step->m, f, changed, NULL);
        else
                fm_arm(step->m, f); /* what was half counted is gone */
}

/* With the mutex held. */
static void begin(struct fm_manager *m, const struct fm_kind *only) {
        struct step step = { m, only };

        for (size_t i = 0; i < m->n_kinds; i++)
                if (!only || only == &m->kinds[i]) {
                        m->kinds[i].n++;
                        m->kinds[i].changed = m->cycles_changed = true;
                        m->kinds[i].behind = true;
                        m->kinds[i].settled_row = 0;
                }
        m->counters.n_cycles++;
        fm_table_each(&m->table, NULL, cycle_one, &step);
        m->seq++;
}

int fm_manager_cycle(struct fm_manager *m, const char *name, uint64_t *ret_ticket) {
        (void)pthread_mutex_lock(&m->mutex);
        struct fm_kind *kind = fm_kind_get(m, name ? name : FM_POWER_CYCLE);
        if (kind) {
                begin(m, name ? kind : NULL);
                *ret_ticket = m->seq;
        }
        (void)pthread_mutex_unlock(&m->mutex);
        if (!kind)
                return SOVD_E_OVERLOAD;
        fm_flush_later(m);
        return 0;
}

uint64_t fm_manager_cycle_number(struct fm_manager *m, const char *name) {
        (void)pthread_mutex_lock(&m->mutex);
        const struct fm_kind *kind = fm_kind_find(m, name);
        uint64_t n = kind ? kind->n : 0;
        (void)pthread_mutex_unlock(&m->mutex);
        return n;
}
