/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of entities that are not there any more. When an entity was there last is in the file, since a vehicle is
 * switched off more often than an ECU is taken out. */
#include "fault-manager/fault_manager.h"
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/state_clock.h"
#include <errno.h>

#define FORGET_MAX 100 /* entities in one change; the others wait for the next */

struct gone {
        struct fm_event event;
        char *body;
};

struct followed {
        struct fm_manager *m;
        struct sovd_arena *arena;
        const char *const *entities;
        size_t n;
        uint64_t now_usec, keep_usec; /* of the state (state_clock.h); how long faults stay */
        struct gone gone[FORGET_MAX];
        size_t n_gone;
        bool finished;
        int result;
};

static int note_seen(const struct followed *f, struct sovd_db_conn *conn) {
        struct sovd_db_stmt *s;
        int r = 0;

        for (size_t i = 0; !r && i < f->n; i++) {
                r = sovd_db_prepare(conn, &s, "INSERT INTO fault_entity(entity, seen_usec) VALUES(?1,?2) "
                                              "ON CONFLICT(entity) DO UPDATE SET seen_usec=excluded.seen_usec");
                if (r)
                        return r;
                sovd_db_bind_text(s, 1, f->entities[i]);
                sovd_db_bind_int(s, 2, (int64_t)f->now_usec);
                r = sovd_db_run(s);
        }
        return r;
}

static int find_gone(struct followed *f, struct sovd_db_conn *conn) {
        struct sovd_db_stmt *s;
        bool more = true;

        int r = sovd_db_prepare(conn, &s, "SELECT entity FROM fault_entity WHERE seen_usec<?1 ORDER BY seen_usec LIMIT ?2");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)(f->now_usec - SOVD_MIN(f->keep_usec, f->now_usec)));
        sovd_db_bind_int(s, 2, FORGET_MAX);
        while (!(r = sovd_db_step(s, &more)) && more) {
                const char *entity = sovd_arena_strdup(f->arena, sovd_db_text(s, 0));
                if (!entity)
                        return sovd_error_origin(-ENOMEM);
                f->gone[f->n_gone++].event = (struct fm_event){ .usec = sovd_realtime_usec(), .entity = entity, .code = "",
                                                                .changed = FM_CLEARED, .scope = "" };
        }
        return r;
}

/* Only faults that were observed: what was reported under the same name is not meant. */
static int forget(struct followed *f, struct sovd_db_conn *conn, struct gone *g) {
        int r = sovd_db_run_text(conn, "DELETE FROM fault WHERE entity=?1 AND json_type(about, '$.observed') IS NOT NULL",
                        g->event.entity);
        const bool had_faults = !r && sovd_db_changes(conn) > 0;

        if (!r)
                r = sovd_db_run_text(conn, "DELETE FROM fault_entity WHERE entity=?1", g->event.entity);
        if (r || !had_faults)
                return r;
        fm_state_clear(&g->event.state);
        r = fm_event_body(&g->event, f->arena, &g->body);
        g->event.body = g->body;
        return r ? r : fm_store_event(conn, &g->event, &g->event.id);
}

static void drop_bodies(struct followed *f) {
        for (size_t i = 0; i < f->n_gone; i++) {
                free(f->gone[i].body);
                f->gone[i].body = NULL;
        }
        f->n_gone = 0;
}

static int work(struct sovd_db_conn *conn, void *data) {
        struct followed *f = data;

        drop_bodies(f);
        f->now_usec = sovd_state_usec();
        int r = note_seen(f, conn);
        if (!r)
                r = find_gone(f, conn);
        for (size_t i = 0; !r && i < f->n_gone; i++)
                r = forget(f, conn, &f->gone[i]);
        return r;
}

static void done(int result, void *data) {
        struct followed *f = data;
        struct fm_manager *m = f->m;

        for (size_t i = 0; !result && m->options.published && i < f->n_gone; i++)
                if (f->gone[i].body)
                        m->options.published(&f->gone[i].event, m->options.data);
        (void)pthread_mutex_lock(&m->mutex);
        f->result = result;
        f->finished = true;
        (void)pthread_cond_broadcast(&m->progress);
        (void)pthread_mutex_unlock(&m->mutex);
}

int fm_manager_followed(struct fm_manager *m, const char *const *entities, size_t n, uint64_t keep_usec) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct followed *f = calloc(1, sizeof(*f));
        int r = f ? sovd_arena_new(&arena, 2048) : sovd_error_origin(-ENOMEM);

        if (!r) {
                *f = (struct followed){ .m = m, .arena = arena, .entities = entities, .n = n, .keep_usec = keep_usec };
                r = sovd_db_post(m->options.db, work, done, f);
        }
        if (!r) {
                (void)pthread_mutex_lock(&m->mutex);
                while (!f->finished)
                        (void)pthread_cond_wait(&m->progress, &m->mutex);
                (void)pthread_mutex_unlock(&m->mutex);
                r = f->result;
        }
        if (f)
                drop_bodies(f);
        free(f);
        return r;
}
