/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/data_lists.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <pthread.h>

struct record {
        char id[SOVD_ID_SIZE];
        enum sovd_entity_type type;
        char *entity, *client;
        char **ids;
        size_t n_ids;
        uint64_t used_usec; /* monotonic */
};

struct sovd_data_lists {
        struct sovd_data_lists_options options;
        pthread_mutex_t mutex;   /* everything below */
        struct record **records; /* oldest first, options.max places */
        size_t n;
};

static struct record *record_free(struct record *r) {
        if (!r)
                return NULL;
        for (size_t i = 0; i < r->n_ids; i++)
                free(r->ids[i]);
        free(r->ids);
        free(r->entity);
        free(r->client);
        free(r);
        return NULL;
}
SOVD_DEFINE_CLEANUP(struct record *, record_free)

int sovd_data_lists_new(struct sovd_data_lists **ret, const struct sovd_data_lists_options *options) {
        _cleanup_(sovd_data_lists_freep) struct sovd_data_lists *x = calloc(1, sizeof(*x));
        if (!x)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&x->mutex, NULL);
        x->options = *options;
        x->records = calloc(options->max + 1, sizeof(*x->records));
        if (!x->records)
                return sovd_error_origin(-ENOMEM);

        *ret = SOVD_TAKE(x);
        return 0;
}

struct sovd_data_lists *sovd_data_lists_free(struct sovd_data_lists *x) {
        if (!x)
                return NULL;
        for (size_t i = 0; i < x->n; i++)
                record_free(x->records[i]);
        free(x->records);
        (void)pthread_mutex_destroy(&x->mutex);
        free(x);
        return NULL;
}

size_t sovd_data_lists_ids_max(const struct sovd_data_lists *x) {
        return x->options.ids_max;
}

/* --- with the mutex held -------------------------------------------------------------------------------- */

static void drop(struct sovd_data_lists *x, size_t i) {
        record_free(x->records[i]);
        SOVD_REMOVE(x->records, x->n, i);
}

/* Judged at use, so no timer is needed. */
static uint64_t drop_unused(struct sovd_data_lists *x) {
        const uint64_t now = sovd_now_usec();

        for (size_t i = x->n; i-- > 0;)
                if (now - x->records[i]->used_usec >= x->options.idle_usec)
                        drop(x, i);
        return now;
}

static bool is_of(const struct record *r, const struct sovd_entity *e, const char *client) {
        return strcmp(r->client, client) == 0 && (!e || (r->type == e->type && strcmp(r->entity, e->id) == 0));
}

static ssize_t find(const struct sovd_data_lists *x, const struct sovd_entity *e, const char *client, const char *id) {
        for (size_t i = 0; i < x->n; i++)
                if (strcmp(x->records[i]->id, id) == 0)
                        return is_of(x->records[i], e, client) ? (ssize_t)i : -1;
        return -1;
}

/* Is a place free, for this client too? If not: whose places are taken, and when the first one may be free. */
static bool has_room(struct sovd_data_lists *x, const char *client, bool *ret_own, uint64_t *ret_wait_usec) {
        const uint64_t now = drop_unused(x);
        uint64_t first = now, first_own = now;
        size_t own = 0;

        for (size_t i = 0; i < x->n; i++) {
                const struct record *r = x->records[i];
                first = SOVD_MIN(first, r->used_usec);
                if (!is_of(r, NULL, client))
                        continue;
                first_own = SOVD_MIN(first_own, r->used_usec);
                own++;
        }
        *ret_own = own >= x->options.max_per_client;
        *ret_wait_usec = (*ret_own ? first_own : first) + x->options.idle_usec - now;
        return !*ret_own && x->n < x->options.max;
}

/* --- one list ------------------------------------------------------------------------------------------- */

static int record_new(struct record **ret, const struct sovd_entity *e, const char *client,
                      const struct sovd_strings *ids) {
        _cleanup_(record_freep) struct record *r = calloc(1, sizeof(*r));
        if (!r)
                return sovd_error_origin(-ENOMEM);

        r->type = e->type;
        r->entity = strdup(e->id);
        r->client = strdup(client);
        r->ids = calloc(ids->n + 1, sizeof(*r->ids));
        if (!r->entity || !r->client || !r->ids)
                return sovd_error_origin(-ENOMEM);
        for (; r->n_ids < ids->n; r->n_ids++) {
                r->ids[r->n_ids] = strdup(ids->items[r->n_ids]);
                if (!r->ids[r->n_ids])
                        return sovd_error_origin(-ENOMEM);
        }
        int error = sovd_id_new(r->id);
        if (error)
                return error;

        r->used_usec = sovd_now_usec();
        *ret = SOVD_TAKE(r);
        return 0;
}

static int to_ref(const struct record *r, struct sovd_data_list_ref *ret, struct sovd_arena *arena) {
        const char **ids = sovd_arena_array(arena, const char *, r->n_ids + 1);

        *ret = (struct sovd_data_list_ref){ .id = sovd_arena_strdup(arena, r->id),
                                            .ids = { .items = ids, .n = r->n_ids, .set = true } };
        if (!ids || !ret->id)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < r->n_ids; i++) {
                ids[i] = sovd_arena_strdup(arena, r->ids[i]);
                if (!ids[i])
                        return sovd_error_origin(-ENOMEM);
        }
        return 0;
}

/* --- what callers see ----------------------------------------------------------------------------------- */

int sovd_data_lists_add(struct sovd_data_lists *x, const struct sovd_entity *e, const char *client,
                        const struct sovd_strings *ids, char ret_id[static SOVD_ID_SIZE], bool *ret_own,
                        uint64_t *ret_wait_usec) {
        _cleanup_(record_freep) struct record *record = NULL;

        int r = record_new(&record, e, client, ids);
        if (r)
                return r;

        (void)pthread_mutex_lock(&x->mutex);
        bool room = has_room(x, client, ret_own, ret_wait_usec);
        if (room) {
                memcpy(ret_id, record->id, SOVD_ID_SIZE);
                x->records[x->n++] = SOVD_TAKE(record);
        }
        (void)pthread_mutex_unlock(&x->mutex);
        return room ? 0 : SOVD_E_OVERLOAD;
}

int sovd_data_lists_find(struct sovd_data_lists *x, const struct sovd_entity *e, const char *client, const char *id,
                         struct sovd_data_list_ref *ret, struct sovd_arena *arena) {
        int r = SOVD_E_NOT_FOUND;

        (void)pthread_mutex_lock(&x->mutex);
        const uint64_t now = drop_unused(x);
        const ssize_t i = find(x, e, client, id);
        if (i >= 0) {
                x->records[i]->used_usec = now;
                r = to_ref(x->records[i], ret, arena);
        }
        (void)pthread_mutex_unlock(&x->mutex);
        return r;
}

int sovd_data_lists_list(struct sovd_data_lists *x, const struct sovd_entity *e, const char *client,
                         struct sovd_list *ret, struct sovd_arena *arena) {
        int r = 0;

        (void)pthread_mutex_lock(&x->mutex);
        (void)drop_unused(x);
        struct sovd_data_list_ref *items = sovd_arena_array(arena, struct sovd_data_list_ref, x->n + 1);
        *ret = (struct sovd_list){ .items = items, .set = true };
        for (size_t i = 0; items && !r && i < x->n; i++)
                if (is_of(x->records[i], e, client))
                        r = to_ref(x->records[i], &items[ret->n++], arena);
        (void)pthread_mutex_unlock(&x->mutex);
        return items ? r : sovd_error_origin(-ENOMEM);
}

bool sovd_data_lists_remove(struct sovd_data_lists *x, const struct sovd_entity *e, const char *client,
                            const char *id) {
        (void)pthread_mutex_lock(&x->mutex);
        (void)drop_unused(x);
        const ssize_t i = find(x, e, client, id);
        if (i >= 0)
                drop(x, (size_t)i);
        (void)pthread_mutex_unlock(&x->mutex);
        return i >= 0;
}

size_t sovd_data_lists_clear(struct sovd_data_lists *x, const char *client, const struct sovd_entity *e) {
        size_t n = 0;

        (void)pthread_mutex_lock(&x->mutex);
        for (size_t i = x->n; i-- > 0;)
                if (is_of(x->records[i], e, client)) {
                        drop(x, i);
                        n++;
                }
        (void)pthread_mutex_unlock(&x->mutex);
        return n;
}

size_t sovd_data_lists_count(struct sovd_data_lists *x) {
        (void)pthread_mutex_lock(&x->mutex);
        (void)drop_unused(x);
        const size_t n = x->n;
        (void)pthread_mutex_unlock(&x->mutex);
        return n;
}
