/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of executions: each change is written first, and then counts in memory, in the order of the commits. */
#include "sovd-core/backend.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-core/executions_inside.h"
#include "sovd-core/state_clock.h"
#include <stdio.h>

#define ENDED_MAX (64 * 1024)

/* --- being started, being found --------------------------------------------------------------------------- */

/* A place, an execution, or the two in one: what is written of them, and what becomes of it in memory. */
struct change {
        struct sovd_executions *x;
        const char *id;
        struct execution *record; /* hidden until this is written */
        char merged[SOVD_ID_SIZE];  /* the place of a start that was seen in a list before: its name is `id` then */
        char history[SOVD_ID_SIZE]; /* one whose id at the backend was given anew */
        bool started;
        struct execution_row row;
        sovd_db_work also;
        void *data;
        const char *text;
        int capability;
        uint64_t now_usec; /* of the state (state_clock.h) */
};

static int write_begin(struct sovd_db_conn *conn, void *data) {
        const struct change *c = data;
        const uint64_t kept = SOVD_MIN(c->x->retention_usec, c->now_usec);

        int r = execution_store_tidy(conn, c->now_usec - kept, c->x->max ? c->x->max - 1 : 0);
        if (!r)
                r = execution_store_put(conn, &c->row);
        return r || !c->also ? r : c->also(conn, c->data);
}

int sovd_executions_begin(struct sovd_executions *x, const struct sovd_entity *e, const char *operation, const char *client,
                          sovd_db_work also, void *data, char ret_id[static SOVD_ID_SIZE]) {
        struct change c = { .x = x, .also = also, .data = data, .now_usec = sovd_state_usec() };

        int r = sovd_id_new(ret_id);
        if (r || !x->db)
                return r;
        c.row = (struct execution_row){ .id = ret_id,
                                        .backend = execution_backend_of(e, false),
                                        .entity_type = sovd_entity_type_paths[e->type],
                                        .entity = e->id,
                                        .operation = operation,
                                        .backend_id = "",
                                        .client = client,
                                        .capability = sovd_capability_names[SOVD_CAPABILITY_EXECUTE - 1] };
        return sovd_db_write(x->db, write_begin, &c);
}

static int write_removal(struct sovd_db_conn *conn, void *data) {
        return execution_store_remove(conn, data);
}

static void release_written(int result, void *data) {
        if (result)
                sovd_log(SOVD_LOG_WARN, "a start that came to nothing will be taken for one with an unknown outcome");
        free(data);
}

void sovd_executions_release(struct sovd_executions *x, const char *id, bool wait) {
        char *copy = *id && x->db ? strdup(id) : NULL;

        (void)pthread_mutex_lock(&x->mutex);
        x->n_reserved--;
        (void)pthread_mutex_unlock(&x->mutex);
        if (!copy)
                return;
        int r = wait ? sovd_db_write(x->db, write_removal, copy) : sovd_db_post(x->db, write_removal, release_written, copy);
        if (wait || r)
                release_written(r, copy);
}

struct execution_row execution_row_of(const struct execution *r) {
        return (struct execution_row){ .id = r->id,
                                       .backend = r->backend,
                                       .entity_type = sovd_entity_type_paths[r->type],
                                       .entity = r->entity,
                                       .operation = r->operation,
                                       .backend_id = r->backend_id,
                                       .capability = sovd_capability_names[r->capability - 1],
                                       .client = r->client,
                                       .state = EXECUTION_RUNNING,
                                       .script = r->is_script,
                                       .adopted = r->adopted };
}

static int write_add(struct sovd_db_conn *conn, void *data) {
        const struct change *c = data;
        int r = 0;

        if (*c->history)
                r = execution_store_unname(conn, c->history);
        if (!r && *c->merged)
                r = execution_store_merge(conn, c->merged, c->id);
        if (r || !c->record)
                return r;
        if (c->started)
                return execution_store_name(conn, c->id, c->row.backend_id);
        r = execution_store_tidy(conn, 0, c->x->max ? c->x->max - 1 : 0);
        return r ? r : execution_store_put(conn, &c->row);
}

static void added(int result, void *data) {
        struct change *c = data;

        if (!c->record)
                return;
        (void)pthread_mutex_lock(&c->x->mutex);
        c->record->hidden = false;
        if (result && !c->started)
                execution_drop(c->x, c->record);
        (void)pthread_mutex_unlock(&c->x->mutex);
}

/* With the mutex held. */
static int add(struct change *c, const struct sovd_entity *e, const char *operation, const char *backend_id,
               const char *reserved, struct execution **ret) {
        struct sovd_executions *x = c->x;

        x->n_reserved -= reserved != NULL;
        struct execution *same = execution_at_backend(x, e, operation, backend_id);
        if (same && (!reserved || (same->adopted && !same->ended_usec && !same->hidden))) {
                *ret = same; /* a fresh one may have been seen in a list before its start was answered */
                (void)snprintf(c->merged, sizeof(c->merged), "%s", reserved ? reserved : "");
                return 0;
        }
        if (same) { /* the backend counts anew, after a restart: that one is history */
                same->backend_id[0] = '\0';
                memcpy(c->history, same->id, sizeof(c->history));
        }
        if (!execution_make_room(x))
                return SOVD_E_OVERLOAD;

        int r = execution_new(&x->records[x->n], e, false, operation, backend_id, reserved && *reserved ? reserved : NULL);
        if (r)
                return r;
        c->record = *ret = x->records[x->n++];
        c->record->adopted = !reserved;
        c->record->hidden = x->db != NULL;
        c->started = reserved;
        c->row = execution_row_of(c->record);
        return 0;
}

int sovd_executions_add(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                        const char *backend_id, const char *reserved, struct sovd_execution_ref *ret,
                        struct sovd_arena *arena) {
        struct change c = { .x = x };
        struct execution *record;

        (void)pthread_mutex_lock(&x->mutex);
        int r = add(&c, e, operation, backend_id, reserved, &record);
        if (!r)
                r = execution_to_ref(record, ret, arena);
        (void)pthread_mutex_unlock(&x->mutex);
        if (r && !c.record)
                return r;
        c.id = ret->id;
        bool is_new = c.record || *c.merged || *c.history;
        int error = x->db && is_new ? sovd_db_apply(x->db, write_add, added, &c) : 0;
        return r ? r : error;
}

static int write_end(struct sovd_db_conn *conn, void *data) {
        const struct change *c = data;

        return execution_store_end(conn, c->id, c->text, c->now_usec);
}

static void ended(int result, void *data) {
        struct change *c = data;
        char *copy = !result && c->text ? strdup(c->text) : NULL;

        (void)pthread_mutex_lock(&c->x->mutex);
        struct execution *r = result ? NULL : execution_find(c->x, c->id);
        if (r && !r->ended_usec) {
                r->ended = SOVD_TAKE(copy);
                r->ended_usec = sovd_now_usec();
        }
        (void)pthread_mutex_unlock(&c->x->mutex);
        free(copy);
}

int sovd_executions_end(struct sovd_executions *x, const char *id, const char *final_status) {
        struct change c = { .x = x,
                            .id = id,
                            .text = strlen(final_status) <= ENDED_MAX ? final_status : NULL,
                            .now_usec = sovd_state_usec() };

        return sovd_db_apply(x->db, write_end, ended, &c);
}

/* --- other changes ------------------------------------------------------------------------------------------ */

static int write_resumption(struct sovd_db_conn *conn, void *data) {
        const struct change *c = data;

        return execution_store_resume(conn, c->id, sovd_capability_names[c->capability - 1]);
}

/* The backend has carried it out, whatever becomes of the row. */
static void resumed(int result, void *data) {
        struct change *c = data;
        char *old = NULL;

        (void)result;
        (void)pthread_mutex_lock(&c->x->mutex);
        struct execution *r = execution_find(c->x, c->id);
        if (r) {
                r->capability = c->capability;
                r->ended_usec = 0;
                old = SOVD_TAKE(r->ended);
        }
        (void)pthread_mutex_unlock(&c->x->mutex);
        free(old);
}

int sovd_executions_resume(struct sovd_executions *x, const char *id, int capability) {
        struct change c = { .x = x, .id = id, .capability = capability };

        return sovd_db_apply(x->db, write_resumption, resumed, &c);
}

static int write_remove(struct sovd_db_conn *conn, void *data) {
        return execution_store_remove(conn, ((struct change *)data)->id);
}

static void removed(int result, void *data) {
        struct change *c = data;

        (void)pthread_mutex_lock(&c->x->mutex);
        struct execution *r = result ? NULL : execution_find(c->x, c->id);
        if (r)
                execution_drop(c->x, r);
        (void)pthread_mutex_unlock(&c->x->mutex);
}

int sovd_executions_remove(struct sovd_executions *x, const char *id) {
        struct change c = { .x = x, .id = id };

        return sovd_db_apply(x->db, write_remove, removed, &c);
}
