/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"

struct clear {
        struct fm_manager *m;
        const char *entity, *code, *scope;
        int64_t id, n;
        bool forgotten, finished;
        int result;
};

static bool is_meant(const struct clear *c, const struct fm_fault *f) {
        const char *scope = f->definition ? f->definition->about->scope : NULL;

        return (!c->code || strcmp(c->code, f->code) == 0) && (!c->scope || strcmp(c->scope, scope ? scope : "") == 0);
}

static void forget(struct fm_fault *f, void *data) {
        const struct clear *c = data;
        if (!is_meant(c, f))
                return;

        f->before_clear = f->state;
        f->changed_before_clear = f->changed | f->owed;
        fm_state_clear(&f->state);
        f->changed = f->owed = 0; /* what was about to be written is cleared with it */
        f->n_untold = 0;
        fm_arm(c->m, f);
}

/* The file still has them. A fault that failed anew meanwhile is newer than both. */
static void take_back(struct fm_fault *f, void *data) {
        const struct clear *c = data;
        if (!is_meant(c, f) || f->state.n_occurrences)
                return;

        f->state = f->before_clear;
        if (f->changed_before_clear && f->state.n_occurrences)
                fm_make_dirty(c->m, f, f->changed_before_clear);
        fm_arm(c->m, f);
}

static void drop_frames(struct fm_fault *f, void *data) {
        if (!is_meant(data, f) || f->state.n_occurrences)
                return;
        f->loaded = true;
        fm_keep_frame(&f->first_frame, NULL);
        fm_keep_frame(&f->last_frame, NULL);
}

static int clear_work(struct sovd_db_conn *conn, void *data) {
        struct clear *c = data;
        const struct fm_row row = { .entity = c->entity, .code = c->code ? c->code : "", .scope = "" };

        int r = fm_store_clear(conn, c->entity, c->code, c->scope, &c->n);
        if (!r && !c->n && c->code)
                return SOVD_E_NOT_FOUND;
        if (!r)
                r = fm_store_event(conn, &row, sovd_realtime_usec(), FM_CLEARED, NULL, &c->id);
        if (r)
                return r;
        (void)pthread_mutex_lock(&c->m->mutex);
        fm_table_each(&c->m->table, c->entity, forget, c);
        c->forgotten = true;
        (void)pthread_mutex_unlock(&c->m->mutex);
        return 0;
}

static void clear_done(int result, void *data) {
        struct clear *c = data;
        struct fm_manager *m = c->m;
        const struct fm_event event = { .id = c->id, .usec = sovd_realtime_usec(), .entity = c->entity,
                                        .code = c->code ? c->code : "", .changed = FM_CLEARED };

        if (!result && m->options.published)
                m->options.published(&event, m->options.data);
        (void)pthread_mutex_lock(&m->mutex);
        if (c->forgotten) /* else nothing was touched */
                fm_table_each(&m->table, c->entity, result ? take_back : drop_frames, c);
        c->result = result;
        c->finished = true;
        m->n_clearing--;
        (void)pthread_cond_broadcast(&m->progress);
        (void)pthread_mutex_unlock(&m->mutex);
}

/* From here on nothing is read from the file that the clear will forget. */
static void begin(struct fm_manager *m) {
        (void)pthread_mutex_lock(&m->mutex);
        m->n_clearing++;
        m->n_clears++;
        (void)pthread_mutex_unlock(&m->mutex);
}

int fm_manager_clear(struct fm_manager *m, const char *entity, const char *code, const char *scope) {
        struct clear c = { .m = m, .entity = entity, .code = code, .scope = scope };

        fm_flush_later(m); /* what was reported before is written before, so that it can be found */
        begin(m);
        int r = sovd_db_post(m->options.db, clear_work, clear_done, &c);
        (void)pthread_mutex_lock(&m->mutex);
        if (r) { /* it was not taken */
                m->n_clearing--;
                (void)pthread_cond_broadcast(&m->progress);
                c.result = r;
                c.finished = true;
        }
        while (!c.finished)
                (void)pthread_cond_wait(&m->progress, &m->mutex);
        (void)pthread_mutex_unlock(&m->mutex);
        return c.result;
}
