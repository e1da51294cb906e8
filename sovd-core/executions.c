/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/executions.h"
#include "sovd-core/backend.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <pthread.h>

#define ENDED_MAX (64 * 1024)

struct record {
        char id[SOVD_ID_SIZE];
        enum sovd_entity_type type;
        char *backend;       /* name of the one it runs at: the entity may come to be served by another */
        char *entity, *operation;
        char *backend_id;    /* "" = the backend has given the id to another execution since */
        bool adopted;        /* found at the backend, not started here */
        char *ended;         /* final status as JSON text; NULL while it runs, or when it was too large to keep */
        uint64_t ended_usec; /* monotonic; 0 = it runs */
        int capability;
};

struct sovd_executions {
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

int sovd_executions_new(struct sovd_executions **ret, size_t max, uint64_t retention_usec) {
        _cleanup_(sovd_executions_freep) struct sovd_executions *x = calloc(1, sizeof(*x));
        if (!x)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&x->mutex, NULL);
        x->max = max;
        x->retention_usec = retention_usec;
        x->records = calloc(max + 1, sizeof(*x->records));
        if (!x->records)
                return sovd_error_origin(-ENOMEM);

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

void sovd_executions_release(struct sovd_executions *x) {
        (void)pthread_mutex_lock(&x->mutex);
        x->n_reserved--;
        (void)pthread_mutex_unlock(&x->mutex);
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
        *ret = (struct sovd_execution_ref){ .capability = r->capability };
        memcpy(ret->id, r->id, sizeof(ret->id));
        ret->backend_id = sovd_arena_strdup(arena, r->backend_id);
        ret->ended = sovd_arena_strdup(arena, r->ended);
        return ret->backend_id && (ret->ended || !r->ended) ? 0 : sovd_error_origin(-ENOMEM);
}

static int record_new(struct record **ret, const struct sovd_entity *e, const char *operation,
                      const char *backend_id) {
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

        int error = sovd_id_new(r->id);
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

/* With the mutex held. */
static int add(struct sovd_executions *x, const struct sovd_entity *e, const char *operation, const char *backend_id,
               bool reserved, struct record **ret) {
        x->n_reserved -= reserved;
        struct record *same = find_at_backend(x, e, operation, backend_id);
        if (same && (!reserved || (same->adopted && !same->ended_usec))) {
                *ret = same; /* a fresh one may have been seen in a list before its start was answered */
                return 0;
        }
        if (same)
                same->backend_id[0] = '\0'; /* the backend counts anew, after a restart: that one is history */
        if (!make_room(x))
                return SOVD_E_OVERLOAD;

        int r = record_new(&x->records[x->n], e, operation, backend_id);
        if (r)
                return r;
        x->records[x->n]->adopted = !reserved;
        *ret = x->records[x->n++];
        return 0;
}

int sovd_executions_add(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                        const char *backend_id, bool reserved, struct sovd_execution_ref *ret,
                        struct sovd_arena *arena) {
        struct record *record;

        (void)pthread_mutex_lock(&x->mutex);
        int r = add(x, e, operation, backend_id, reserved, &record);
        if (!r)
                r = to_ref(record, ret, arena);
        (void)pthread_mutex_unlock(&x->mutex);
        return r;
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
        int r = record && is_of(record, e, operation) ? to_ref(record, ret, arena) : SOVD_E_NOT_FOUND;
        (void)pthread_mutex_unlock(&x->mutex);
        return r;
}

void sovd_executions_end(struct sovd_executions *x, const char *id, const char *final_status) {
        char *copy = strlen(final_status) <= ENDED_MAX ? strdup(final_status) : NULL;

        (void)pthread_mutex_lock(&x->mutex);
        struct record *r = find(x, id);
        if (r && !r->ended_usec) {
                r->ended = SOVD_TAKE(copy);
                r->ended_usec = sovd_now_usec();
        }
        (void)pthread_mutex_unlock(&x->mutex);
        free(copy);
}

void sovd_executions_resume(struct sovd_executions *x, const char *id, int capability) {
        char *old = NULL;

        (void)pthread_mutex_lock(&x->mutex);
        struct record *r = find(x, id);
        if (r) {
                r->capability = capability;
                r->ended_usec = 0;
                old = SOVD_TAKE(r->ended);
        }
        (void)pthread_mutex_unlock(&x->mutex);
        free(old);
}

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

void sovd_executions_remove(struct sovd_executions *x, const char *id) {
        (void)pthread_mutex_lock(&x->mutex);
        for (size_t i = 0; i < x->n; i++)
                if (strcmp(x->records[i]->id, id) == 0) {
                        drop(x, i);
                        break;
                }
        (void)pthread_mutex_unlock(&x->mutex);
}

int sovd_executions_list(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                         struct sovd_strings *ret, struct sovd_arena *arena) {
        bool ok = true;

        (void)pthread_mutex_lock(&x->mutex);
        drop_expired(x);
        *ret = (struct sovd_strings){ .items = sovd_arena_array(arena, const char *, x->n + 1), .set = true };
        for (size_t i = 0; ret->items && i < x->n; i++)
                if (is_of(x->records[i], e, operation)) {
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
