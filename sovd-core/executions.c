/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/executions.h"
#include "sovd-core/backend.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_writer.h"
#include "sovd-core/base/log.h"
#include "sovd-core/call.h"
#include "sovd-core/execution_store.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#define ENDED_MAX (64 * 1024)

struct record {
        char id[SOVD_ID_SIZE];
        enum sovd_entity_type type;
        char *backend;       /* name of the one it runs at: the entity may come to be served by another */
        char *entity, *operation;
        char *backend_id;    /* "" = the backend has given the id to another execution since */
        bool adopted;        /* found at the backend, not started here */
        bool hidden;         /* its row is on the way to the disk: nobody sees it yet, and nobody drops it */
        bool restored;       /* it ran when the gateway was restarted */
        char *ended;         /* final status as JSON text; NULL while it runs, or when it was too large to keep */
        uint64_t ended_usec; /* monotonic; 0 = it runs */
        int capability;
};

struct sovd_executions {
        struct sovd_db *db;
        size_t max;
        uint64_t retention_usec;
        pthread_mutex_t mutex;   /* everything below */
        struct record **records; /* oldest first, `max` places */
        size_t n, n_reserved;
};

static struct record *record_free(struct record *r) {
        if (!r)
                return NULL;
        free(r->backend);
        free(r->entity);
        free(r->operation);
        free(r->backend_id);
        free(r->ended);
        free(r);
        return NULL;
}
SOVD_DEFINE_CLEANUP(struct record *, record_free)

static int load(struct sovd_executions *x);

int sovd_executions_new(struct sovd_executions **ret, struct sovd_db *db, size_t max, uint64_t retention_usec) {
        _cleanup_(sovd_executions_freep) struct sovd_executions *x = calloc(1, sizeof(*x));
        if (!x)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&x->mutex, NULL);
        x->db = db;
        x->max = max;
        x->retention_usec = retention_usec;
        x->records = calloc(max + 1, sizeof(*x->records));
        if (!x->records)
                return sovd_error_origin(-ENOMEM);
        int r = db ? load(x) : 0;
        if (r)
                return r;

        *ret = SOVD_TAKE(x);
        return 0;
}

struct sovd_executions *sovd_executions_free(struct sovd_executions *x) {
        if (!x)
                return NULL;
        for (size_t i = 0; i < x->n; i++)
                record_free(x->records[i]);
        free(x->records);
        (void)pthread_mutex_destroy(&x->mutex);
        free(x);
        return NULL;
}

static void drop(struct sovd_executions *x, size_t i) {
        record_free(x->records[i]);
        x->n--;
        memmove(&x->records[i], &x->records[i + 1], (x->n - i) * sizeof(*x->records));
}

static void drop_record(struct sovd_executions *x, const struct record *r) {
        for (size_t i = 0; i < x->n; i++)
                if (x->records[i] == r) {
                        drop(x, i);
                        return;
                }
}

/* Expiry is judged at use, so no timer is needed. */
static void drop_expired(struct sovd_executions *x) {
        uint64_t now = sovd_now_usec();

        for (size_t i = x->n; i-- > 0;)
                if (x->records[i]->ended_usec && now - x->records[i]->ended_usec >= x->retention_usec)
                        drop(x, i);
}

/* Room for one more; the oldest ended execution gives way. */
static bool make_room(struct sovd_executions *x) {
        drop_expired(x);
        if (x->n + x->n_reserved < x->max)
                return true;
        for (size_t i = 0; i < x->n; i++)
                if (x->records[i]->ended_usec) {
                        drop(x, i);
                        return true;
                }
        return false;
}

bool sovd_executions_reserve(struct sovd_executions *x) {
        (void)pthread_mutex_lock(&x->mutex);
        bool ok = make_room(x);
        x->n_reserved += ok;
        (void)pthread_mutex_unlock(&x->mutex);
        return ok;
}

static const char *backend_of(const struct sovd_entity *e) {
        const struct sovd_backend *backend = e->providers[SOVD_COLLECTION_OPERATIONS];

        return backend ? backend->name : "";
}

/* An execution belongs to the backend that runs it. Another one that serves the entity now is not asked about it. */
static bool is_of(const struct record *r, const struct sovd_entity *e, const char *operation) {
        return r->type == e->type && strcmp(r->backend, backend_of(e)) == 0 && strcmp(r->entity, e->id) == 0 && strcmp(r->operation, operation) == 0;
}

static int to_ref(const struct record *r, struct sovd_execution_ref *ret, struct sovd_arena *arena) {
        *ret = (struct sovd_execution_ref){ .capability = r->capability, .is_restored = r->restored };
        memcpy(ret->id, r->id, sizeof(ret->id));
        ret->backend_id = sovd_arena_strdup(arena, r->backend_id);
        ret->ended = sovd_arena_strdup(arena, r->ended);
        return ret->backend_id && (ret->ended || !r->ended) ? 0 : sovd_error_origin(-ENOMEM);
}

static int record_new(struct record **ret, const struct sovd_entity *e, const char *operation,
                      const char *backend_id, const char *id) {
        _cleanup_(record_freep) struct record *r = calloc(1, sizeof(*r));
        if (!r)
                return sovd_error_origin(-ENOMEM);

        r->type = e->type;
        r->capability = SOVD_CAPABILITY_EXECUTE;
        r->backend = strdup(backend_of(e));
        r->entity = strdup(e->id);
        r->operation = strdup(operation);
        r->backend_id = strdup(backend_id);
        if (!r->backend || !r->entity || !r->operation || !r->backend_id)
                return sovd_error_origin(-ENOMEM);

        int error = id ? 0 : sovd_id_new(r->id);
        if (id)
                (void)snprintf(r->id, sizeof(r->id), "%s", id);
        if (error)
                return error;

        *ret = SOVD_TAKE(r);
        return 0;
}

static struct record *find_at_backend(const struct sovd_executions *x, const struct sovd_entity *e,
                                      const char *operation, const char *backend_id) {
        for (size_t i = 0; *backend_id && i < x->n; i++)
                if (is_of(x->records[i], e, operation) && strcmp(x->records[i]->backend_id, backend_id) == 0)
                        return x->records[i];
        return NULL;
}

/* --- being started, being found --------------------------------------------------------------------------- */

/* A place, an execution, or the two in one: what is written of them, and what becomes of it in memory. */
struct change {
        struct sovd_executions *x;
        const char *id;
        struct record *record; /* hidden until this is written */
        char merged[SOVD_ID_SIZE];  /* the place of a start that was seen in a list before: its name is `id` then */
        char history[SOVD_ID_SIZE]; /* one whose id at the backend was given anew */
        bool started;
        struct execution_row row;
        sovd_db_work also;
        void *data;
        const char *text;
        int capability;
        uint64_t now_usec; /* realtime */
};

static int write_begin(struct sovd_db_conn *conn, void *data) {
        const struct change *c = data;
        const uint64_t kept = SOVD_MIN(c->x->retention_usec, c->now_usec);

        int r = execution_store_tidy(conn, c->now_usec - kept, c->x->max ? c->x->max - 1 : 0);
        if (!r)
                r = execution_store_put(conn, &c->row);
        return r || !c->also ? r : c->also(conn, c->data);
}

int sovd_executions_begin(struct sovd_executions *x, const struct sovd_entity *e, const char *operation, sovd_db_work also,
                          void *data, char ret_id[static SOVD_ID_SIZE]) {
        struct change c = { .x = x, .also = also, .data = data, .now_usec = sovd_realtime_usec() };

        int r = sovd_id_new(ret_id);
        if (r || !x->db)
                return r;
        c.row = (struct execution_row){ .id = ret_id,
                                        .backend = backend_of(e),
                                        .entity_type = sovd_entity_type_paths[e->type],
                                        .entity = e->id,
                                        .operation = operation,
                                        .backend_id = "",
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

static struct execution_row row_of(const struct record *r) {
        return (struct execution_row){ .id = r->id,
                                       .backend = r->backend,
                                       .entity_type = sovd_entity_type_paths[r->type],
                                       .entity = r->entity,
                                       .operation = r->operation,
                                       .backend_id = r->backend_id,
                                       .capability = sovd_capability_names[r->capability - 1],
                                       .state = EXECUTION_RUNNING,
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
                drop_record(c->x, c->record);
        (void)pthread_mutex_unlock(&c->x->mutex);
}

/* With the mutex held. */
static int add(struct change *c, const struct sovd_entity *e, const char *operation, const char *backend_id,
               const char *reserved, struct record **ret) {
        struct sovd_executions *x = c->x;

        x->n_reserved -= reserved != NULL;
        struct record *same = find_at_backend(x, e, operation, backend_id);
        if (same && (!reserved || (same->adopted && !same->ended_usec && !same->hidden))) {
                *ret = same; /* a fresh one may have been seen in a list before its start was answered */
                (void)snprintf(c->merged, sizeof(c->merged), "%s", reserved ? reserved : "");
                return 0;
        }
        if (same) { /* the backend counts anew, after a restart: that one is history */
                same->backend_id[0] = '\0';
                memcpy(c->history, same->id, sizeof(c->history));
        }
        if (!make_room(x))
                return SOVD_E_OVERLOAD;

        int r = record_new(&x->records[x->n], e, operation, backend_id, reserved && *reserved ? reserved : NULL);
        if (r)
                return r;
        c->record = *ret = x->records[x->n++];
        c->record->adopted = !reserved;
        c->record->hidden = x->db != NULL;
        c->started = reserved;
        c->row = row_of(c->record);
        return 0;
}

int sovd_executions_add(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                        const char *backend_id, const char *reserved, struct sovd_execution_ref *ret,
                        struct sovd_arena *arena) {
        struct change c = { .x = x };
        struct record *record;

        (void)pthread_mutex_lock(&x->mutex);
        int r = add(&c, e, operation, backend_id, reserved, &record);
        if (!r)
                r = to_ref(record, ret, arena);
        (void)pthread_mutex_unlock(&x->mutex);
        if (r && !c.record)
                return r;
        c.id = ret->id;
        bool is_new = c.record || *c.merged || *c.history;
        int error = x->db && is_new ? sovd_db_apply(x->db, write_add, added, &c) : 0;
        return r ? r : error;
}

static struct record *find(const struct sovd_executions *x, const char *id) {
        for (size_t i = 0; i < x->n; i++)
                if (strcmp(x->records[i]->id, id) == 0)
                        return x->records[i];
        return NULL;
}

int sovd_executions_find(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                         const char *id, struct sovd_execution_ref *ret, struct sovd_arena *arena) {
        (void)pthread_mutex_lock(&x->mutex);
        drop_expired(x);
        const struct record *record = find(x, id);
        int r = record && !record->hidden && is_of(record, e, operation) ? to_ref(record, ret, arena) : SOVD_E_NOT_FOUND;
        (void)pthread_mutex_unlock(&x->mutex);
        return r;
}

static int write_end(struct sovd_db_conn *conn, void *data) {
        const struct change *c = data;

        return execution_store_end(conn, c->id, c->text, c->now_usec);
}

static void ended(int result, void *data) {
        struct change *c = data;
        char *copy = !result && c->text ? strdup(c->text) : NULL;

        (void)pthread_mutex_lock(&c->x->mutex);
        struct record *r = result ? NULL : find(c->x, c->id);
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
                            .now_usec = sovd_realtime_usec() };

        return sovd_db_apply(x->db, write_end, ended, &c);
}

/* --- what a restart leaves open ---------------------------------------------------------------------------- */

static int write_lost(struct sovd_json_writer *w, const char *message) {
        const struct sovd_error_info *info = sovd_error_info(SOVD_E_INTERNAL);
        struct sovd_generic_error error = { .error_code = info->error_code,
                                            .vendor_code = SOVD_OUTCOME_UNKNOWN,
                                            .message = message };
        struct sovd_data_error item = { .path = "/", .error = &error };
        const struct sovd_execution execution = { .capability = SOVD_CAPABILITY_EXECUTE,
                                                  .status = SOVD_EXECUTION_FAILED,
                                                  .error = { .items = &item, .n = 1 } };

        sovd_json_writer_init(w, 0, 0);
        sovd_schema_encode(&sovd_schema_execution, &execution, w);
        return w->error;
}

int sovd_executions_end_lost(struct sovd_executions *x, const char *id) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        int r = write_lost(&w, "the gateway was restarted while this ran, and the backend does not know it any more: "
                               "the outcome is unknown");
        if (!r)
                r = sovd_json_writer_finish(&w, &text, &len);
        if (!r)
                r = sovd_executions_end(x, id, text);
        sovd_json_writer_done(&w);
        return r;
}

struct loading {
        struct sovd_executions *x;
        const char *pending; /* the final status of those whose start was not answered */
        uint64_t now_usec;   /* realtime */
        int64_t n_pending;
        size_t n_running;
};

/* Realtime may have been set back meanwhile: then it has just ended. */
static uint64_t ended_at(const struct loading *l, const struct execution_row *row) {
        const uint64_t age = l->now_usec > row->ended_usec ? l->now_usec - row->ended_usec : 0, now = sovd_now_usec();

        return now - age ? now - age : 1; /* 0 is "it runs" */
}

static int take(const struct execution_row *row, void *data) {
        struct loading *l = data;
        struct sovd_executions *x = l->x;
        const int type = sovd_name_find(sovd_entity_type_paths, row->entity_type);
        const int capability = sovd_enum_parse(sovd_capability_names, row->capability);
        _cleanup_(record_freep) struct record *r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM; /* not traced: the compiler must see that it is no success */

        (void)snprintf(r->id, sizeof(r->id), "%s", row->id);
        r->type = (enum sovd_entity_type)type;
        r->capability = capability ? capability : SOVD_CAPABILITY_EXECUTE;
        r->backend = strdup(row->backend);
        r->entity = strdup(row->entity);
        r->operation = strdup(row->operation);
        r->backend_id = strdup(row->backend_id);
        r->ended = row->status ? strdup(row->status) : NULL;
        r->adopted = row->adopted;
        r->restored = row->state == EXECUTION_RUNNING;
        r->ended_usec = r->restored ? 0 : ended_at(l, row);
        if (!r->backend || !r->entity || !r->operation || !r->backend_id || (row->status && !r->ended))
                return sovd_error_origin(-ENOMEM);
        if (type < 0 || x->n >= x->max)
                return 0;
        l->n_running += r->restored;
        x->records[x->n++] = SOVD_TAKE(r);
        return 0;
}

static int read_rows(struct sovd_db_conn *conn, void *data) {
        struct loading *l = data;
        const uint64_t kept = SOVD_MIN(l->x->retention_usec, l->now_usec);

        int r = execution_store_end_pending(conn, l->pending, l->now_usec, &l->n_pending);
        if (!r)
                r = execution_store_tidy(conn, l->now_usec - kept, l->x->max);
        return r ? r : execution_store_load(conn, l->x->max, take, l);
}

static int load(struct sovd_executions *x) {
        struct loading l = { .x = x, .now_usec = sovd_realtime_usec() };
        struct sovd_json_writer w;
        size_t len;

        int r = write_lost(&w, "the gateway was restarted before the start was answered: it is not known whether it was started");
        if (!r)
                r = sovd_json_writer_finish(&w, &l.pending, &len);
        if (!r)
                r = sovd_db_write(x->db, read_rows, &l);
        sovd_json_writer_done(&w);
        if (l.n_pending)
                sovd_log(SOVD_LOG_WARN, "%lld starts were under way at the restart; nobody knows what became of them",
                         (long long)l.n_pending);
        if (x->n)
                sovd_log(SOVD_LOG_INFO, "%zu executions of before the restart are known, %zu of them ran", x->n, l.n_running);
        return r;
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
        struct record *r = find(c->x, c->id);
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
        struct record *r = result ? NULL : find(c->x, c->id);
        if (r)
                drop_record(c->x, r);
        (void)pthread_mutex_unlock(&c->x->mutex);
}

int sovd_executions_remove(struct sovd_executions *x, const char *id) {
        struct change c = { .x = x, .id = id };

        return sovd_db_apply(x->db, write_remove, removed, &c);
}

/* --- looking ------------------------------------------------------------------------------------------------- */

bool sovd_executions_knows(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                           const char *backend_id) {
        (void)pthread_mutex_lock(&x->mutex);
        drop_expired(x);
        bool known = find_at_backend(x, e, operation, backend_id);
        (void)pthread_mutex_unlock(&x->mutex);
        return known;
}

static int to_owner(const struct record *r, struct sovd_execution_owner *ret, struct sovd_arena *arena) {
        memcpy(ret->id, r->id, sizeof(ret->id));
        ret->type = r->type;
        ret->is_restored = r->restored;
        ret->entity = sovd_arena_strdup(arena, r->entity);
        ret->operation = sovd_arena_strdup(arena, r->operation);
        ret->backend_id = sovd_arena_strdup(arena, r->backend_id);
        return ret->entity && ret->operation && ret->backend_id ? 0 : sovd_error_origin(-ENOMEM);
}

int sovd_executions_oldest_running(struct sovd_executions *x, size_t skip, struct sovd_execution_owner *ret,
                                   struct sovd_arena *arena) {
        int r = SOVD_E_NOT_FOUND;

        (void)pthread_mutex_lock(&x->mutex);
        for (size_t i = 0; i < x->n; i++)
                if (!x->records[i]->ended_usec && !skip--) {
                        r = to_owner(x->records[i], ret, arena);
                        break;
                }
        (void)pthread_mutex_unlock(&x->mutex);
        return r;
}

int sovd_executions_list(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                         struct sovd_strings *ret, struct sovd_arena *arena) {
        bool ok = true;

        (void)pthread_mutex_lock(&x->mutex);
        drop_expired(x);
        *ret = (struct sovd_strings){ .items = sovd_arena_array(arena, const char *, x->n + 1), .set = true };
        for (size_t i = 0; ret->items && i < x->n; i++)
                if (!x->records[i]->hidden && is_of(x->records[i], e, operation)) {
                        ret->items[ret->n] = sovd_arena_strdup(arena, x->records[i]->id);
                        ok = ok && ret->items[ret->n++];
                }
        (void)pthread_mutex_unlock(&x->mutex);
        return ret->items && ok ? 0 : sovd_error_origin(-ENOMEM);
}

void sovd_executions_count(struct sovd_executions *x, size_t *ret_total, size_t *ret_running) {
        (void)pthread_mutex_lock(&x->mutex);
        drop_expired(x);
        *ret_total = x->n;
        *ret_running = 0;
        for (size_t i = 0; i < x->n; i++)
                *ret_running += !x->records[i]->ended_usec;
        (void)pthread_mutex_unlock(&x->mutex);
}
