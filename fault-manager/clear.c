/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <errno.h>

struct clear {
        struct fm_manager *m;
        const char *entity, *code, *scope;
        struct sovd_arena *arena;
        const char *about, *scope_of_row; /* of the row of code */
        struct fm_event event;
        char *body; /* of the event; owned */
        int64_t n;
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

static int take_about(const struct fm_row *row, void *data) {
        struct clear *c = data;

        c->about = sovd_arena_strdup(c->arena, row->about);
        c->scope_of_row = sovd_arena_strdup(c->arena, row->scope);
        return c->about && c->scope_of_row ? 0 : sovd_error_origin(-ENOMEM);
}

/* What is told: of one fault what it was and that nothing is known of it any more, of all that they are gone. */
static int make_event(struct sovd_db_conn *conn, struct clear *c) {
        struct fm_descriptor *about = NULL;

        c->about = NULL; /* the work may be done again */
        int r = c->code ? fm_store_load(conn, c->entity, c->code, take_about, c) : 0;
        if (!r && c->code)
                r = c->about ? fm_descriptor_read(c->arena, c->about, &about) : SOVD_E_NOT_FOUND;
        if (r)
                return r;
        c->event = (struct fm_event){ .usec = sovd_realtime_usec(),
                                      .entity = c->entity,
                                      .code = c->code ? c->code : "",
                                      .changed = FM_CLEARED,
                                      .about = about,
                                      .scope = about ? c->scope_of_row : c->scope ? c->scope : "" };
        fm_state_clear(&c->event.state);
        r = fm_event_body(&c->event, c->arena, &c->body);
        c->event.body = c->body;
        return r;
}

static int clear_work(struct sovd_db_conn *conn, void *data) {
        struct clear *c = data;

        int r = make_event(conn, c);
        if (!r)
                r = fm_store_clear(conn, c->entity, c->code, c->scope, &c->n);
        if (!r && !c->n && c->code)
                return SOVD_E_NOT_FOUND;
        if (!r)
                r = fm_store_event(conn, &c->event, &c->event.id);
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

        if (!result && m->options.published)
                m->options.published(&c->event, m->options.data);
        (void)pthread_mutex_lock(&m->mutex);
        if (c->forgotten) /* else nothing was touched */
                fm_table_each(&m->table, c->entity, result ? take_back : drop_frames, c);
        c->result = result;
        c->finished = true;
        m->n_clearing--;
        (void)pthread_cond_broadcast(&m->progress);
        (void)pthread_mutex_unlock(&m->mutex);
}

void fm_clearing_begin(struct fm_manager *m) {
        (void)pthread_mutex_lock(&m->mutex);
        m->n_clearing++;
        m->n_clears++;
        (void)pthread_mutex_unlock(&m->mutex);
}

void fm_clearing_end(struct fm_manager *m) {
        (void)pthread_mutex_lock(&m->mutex);
        m->n_clearing--;
        (void)pthread_cond_broadcast(&m->progress);
        (void)pthread_mutex_unlock(&m->mutex);
}

static int wait_for_clear(struct clear *c) {
        (void)pthread_mutex_lock(&c->m->mutex);
        while (!c->finished)
                (void)pthread_cond_wait(&c->m->progress, &c->m->mutex);
        (void)pthread_mutex_unlock(&c->m->mutex);
        return c->result;
}

int fm_manager_clear(struct fm_manager *m, const char *entity, const char *code, const char *scope) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct clear c = { .m = m, .entity = entity, .code = code, .scope = scope };

        int r = sovd_arena_new(&arena, 2048);
        if (r)
                return r;
        c.arena = arena;
        fm_flush_later(m); /* what was reported before is written before, so that it can be found */
        fm_clearing_begin(m);
        r = sovd_db_post(m->options.db, clear_work, clear_done, &c);
        if (r)
                fm_clearing_end(m); /* it was not taken */
        else
                r = wait_for_clear(&c);
        free(c.body);
        return r;
}
