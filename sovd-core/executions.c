/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/executions_inside.h"
#include "sovd-core/backend.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <stdio.h>

struct execution *execution_free(struct execution *r) {
        if (!r)
                return NULL;
        free(r->backend);
        free(r->entity);
        free(r->operation);
        free(r->backend_id);
        free(r->client);
        free(r->ended);
        free(r);
        return NULL;
}

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
        int r = db ? execution_load(x) : 0;
        if (r)
                return r;

        *ret = SOVD_TAKE(x);
        return 0;
}

struct sovd_executions *sovd_executions_free(struct sovd_executions *x) {
        if (!x)
                return NULL;
        for (size_t i = 0; i < x->n; i++)
                execution_free(x->records[i]);
        for (size_t i = 0; i < x->n_claims; i++)
                free(x->claims[i]);
        free(x->claims);
        free(x->records);
        (void)pthread_mutex_destroy(&x->mutex);
        free(x);
        return NULL;
}

static void drop(struct sovd_executions *x, size_t i) {
        execution_free(x->records[i]);
        SOVD_REMOVE(x->records, x->n, i);
}

void execution_drop(struct sovd_executions *x, const struct execution *r) {
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
bool execution_make_room(struct sovd_executions *x) {
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
        bool ok = execution_make_room(x);
        x->n_reserved += ok;
        (void)pthread_mutex_unlock(&x->mutex);
        return ok;
}

const char *execution_backend_of(const struct sovd_entity *e, bool is_script) {
        const struct sovd_backend *backend =
                e->providers[is_script ? SOVD_COLLECTION_SCRIPTS : SOVD_COLLECTION_OPERATIONS];

        return backend ? backend->name : "";
}

/* An execution belongs to the backend that runs it. Another one that serves the entity now is not asked about it. */
static bool is_of(const struct execution *r, const struct sovd_entity *e, const char *operation) {
        return !r->is_script && r->type == e->type && strcmp(r->backend, execution_backend_of(e, false)) == 0 && strcmp(r->entity, e->id) == 0 && strcmp(r->operation, operation) == 0;
}

int execution_to_ref(const struct execution *r, struct sovd_execution_ref *ret, struct sovd_arena *arena) {
        *ret = (struct sovd_execution_ref){ .capability = r->capability, .is_restored = r->restored };
        memcpy(ret->id, r->id, sizeof(ret->id));
        ret->backend_id = sovd_arena_strdup(arena, r->backend_id);
        ret->ended = sovd_arena_strdup(arena, r->ended);
        return ret->backend_id && (ret->ended || !r->ended) ? 0 : sovd_error_origin(-ENOMEM);
}

int execution_new(struct execution **ret, const struct sovd_entity *e, bool is_script, const char *operation,
                  const char *backend_id, const char *id) {
        _cleanup_(execution_freep) struct execution *r = calloc(1, sizeof(*r));
        if (!r)
                return sovd_error_origin(-ENOMEM);

        r->type = e->type;
        r->capability = SOVD_CAPABILITY_EXECUTE;
        r->is_script = is_script;
        r->backend = strdup(execution_backend_of(e, is_script));
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

struct execution *execution_at_backend(const struct sovd_executions *x, const struct sovd_entity *e,
                                      const char *operation, const char *backend_id) {
        for (size_t i = 0; *backend_id && i < x->n; i++)
                if (is_of(x->records[i], e, operation) && strcmp(x->records[i]->backend_id, backend_id) == 0)
                        return x->records[i];
        return NULL;
}

/* --- looking ------------------------------------------------------------------------------------------------- */

struct execution *execution_find(const struct sovd_executions *x, const char *id) {
        for (size_t i = 0; i < x->n; i++)
                if (strcmp(x->records[i]->id, id) == 0)
                        return x->records[i];
        return NULL;
}

int sovd_executions_find(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                         const char *id, struct sovd_execution_ref *ret, struct sovd_arena *arena) {
        (void)pthread_mutex_lock(&x->mutex);
        drop_expired(x);
        const struct execution *record = execution_find(x, id);
        int r = record && !record->hidden && is_of(record, e, operation) ? execution_to_ref(record, ret, arena) : SOVD_E_NOT_FOUND;
        (void)pthread_mutex_unlock(&x->mutex);
        return r;
}

bool sovd_executions_knows(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                           const char *backend_id) {
        (void)pthread_mutex_lock(&x->mutex);
        drop_expired(x);
        bool known = execution_at_backend(x, e, operation, backend_id);
        (void)pthread_mutex_unlock(&x->mutex);
        return known;
}

static int to_owner(const struct execution *r, struct sovd_execution_owner *ret, struct sovd_arena *arena) {
        memcpy(ret->id, r->id, sizeof(ret->id));
        ret->type = r->type;
        ret->is_script = r->is_script;
        ret->is_restored = r->restored;
        ret->backend = sovd_arena_strdup(arena, r->backend);
        ret->entity = sovd_arena_strdup(arena, r->entity);
        ret->operation = sovd_arena_strdup(arena, r->operation);
        ret->backend_id = sovd_arena_strdup(arena, r->backend_id);
        return ret->backend && ret->entity && ret->operation && ret->backend_id ? 0 : sovd_error_origin(-ENOMEM);
}

int sovd_executions_oldest_running(struct sovd_executions *x, size_t skip, struct sovd_execution_owner *ret,
                                   struct sovd_arena *arena) {
        return sovd_executions_oldest_running_of(x, NULL, skip, ret, arena);
}

int sovd_executions_oldest_running_of(struct sovd_executions *x, const char *client, size_t skip,
                                      struct sovd_execution_owner *ret, struct sovd_arena *arena) {
        int r = SOVD_E_NOT_FOUND;

        (void)pthread_mutex_lock(&x->mutex);
        for (size_t i = 0; i < x->n; i++)
                if (!x->records[i]->ended_usec && !x->records[i]->hidden && (!client || sovd_streq(x->records[i]->client, client)) && !skip--) {
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
