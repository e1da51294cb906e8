/* SPDX-License-Identifier: Apache-2.0 */
/* All watches: opening one, and what ends or moves them from outside. */
#include "sovd-core/data_watches.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_writer.h"
#include "sovd-core/data_watch.h"
#include <stdio.h>

#define IDS_PER_COMMIT 10000 /* a block of event ids */

static const char no_id[] = "no event id can be reserved now: the disk does not take it";

int sovd_data_watches_new(struct sovd_data_watches **ret, const struct sovd_data_watches_options *options) {
        struct sovd_data_watches *all = calloc(1, sizeof(*all));
        if (!all)
                return sovd_error_origin(-ENOMEM);

        all->options = *options;
        int r = sovd_sequence_new(&all->sequence, options->db, "data", IDS_PER_COMMIT);
        if (r) {
                free(all);
                return r;
        }
        (void)pthread_mutex_init(&all->mutex, NULL);
        *ret = all;
        return 0;
}

static void end_watch(struct sovd_data_watches *all, struct data_watch *w) {
        for (size_t i = 0; i < w->n_values; i++) {
                (void)pthread_mutex_lock(&all->mutex);
                struct sovd_record *record = SOVD_TAKE(w->values[i].record);
                (void)pthread_mutex_unlock(&all->mutex);
                if (record)
                        sovd_observations_unwatch(all->options.observations, record);
        }
        data_watch_unref(w);
}

void sovd_data_watches_stop(struct sovd_data_watches *all) {
        (void)pthread_mutex_lock(&all->mutex);
        struct data_watch *list = SOVD_TAKE(all->list);
        all->stopped = true;
        __atomic_store_n(&all->n_watches, 0, __ATOMIC_RELAXED);
        for (struct data_watch *w = list; w; w = w->next) {
                w->ended = true;
                for (struct watch_reader *r = w->readers; r; r = r->next)
                        if (r->sleeping) {
                                r->sleeping = false;
                                r->wake(r->data);
                        }
        }
        (void)pthread_mutex_unlock(&all->mutex);
        for (struct data_watch *next; list; list = next) {
                next = list->next;
                end_watch(all, list);
        }
        sovd_sequence_settle(all->sequence);
}

struct sovd_data_watches *sovd_data_watches_free(struct sovd_data_watches *all) {
        if (!all)
                return NULL;

        if (!all->stopped)
                sovd_data_watches_stop(all);
        sovd_sequence_free(all->sequence);
        (void)pthread_mutex_destroy(&all->mutex);
        free(all);
        return NULL;
}

/* --- opening -------------------------------------------------------------------------------------------- */

static bool is_of(const struct data_watch *w, enum sovd_entity_type type, const char *entity) {
        return w->type == type && strcmp(w->entity, entity) == 0;
}

static struct data_watch *find_watch(const struct sovd_data_watches *all,
                                     const struct sovd_watch_request *q) {
        for (struct data_watch *w = all->list; w; w = w->next)
                if (w->interval == q->interval && is_of(w, q->entity->type, q->entity->id))
                        return w;
        return NULL;
}

static struct watch_value *find_value(const struct data_watch *w, const char *id) {
        for (size_t i = 0; i < w->n_values; i++)
                if (w->values[i].id && strcmp(w->values[i].id, id) == 0)
                        return &w->values[i];
        return NULL;
}

static bool is_free(const struct watch_value *v) {
        return !v->n_users && !v->record && !v->starting;
}

static char *about(const struct sovd_entity *e, const char *id) {
        struct sovd_json_writer out;
        const char *text;
        char *copy = NULL, entity[192];
        size_t len;

        (void)snprintf(entity, sizeof(entity), "%s/%s", sovd_entity_type_paths[e->type], e->id);
        sovd_json_writer_init(&out, 0, 0);
        sovd_json_object_begin(&out);
        sovd_json_key_string(&out, "entity", entity);
        sovd_json_key_string(&out, "id", id);
        sovd_json_object_end(&out);
        if (!sovd_json_writer_finish(&out, &text, &len))
                copy = strndup(text + 1, len - 2); /* without the braces */
        sovd_json_writer_done(&out);
        return copy;
}

/* A place for a value: its own, one that nobody uses, or a new one. -ENOMEM; SOVD_E_OVERLOAD: they are too many. */
static int place_for(struct data_watch *w, const struct sovd_entity *e, const char *id, size_t *ret) {
        struct watch_value *v = find_value(w, id);

        for (size_t i = 0; !v && i < w->n_values; i++)
                if (is_free(&w->values[i]))
                        v = &w->values[i];
        if (!v && w->n_values == w->all->options.ids_max)
                return SOVD_E_OVERLOAD;
        if (!v) {
                struct watch_value *more = realloc(w->values, (w->n_values + 1) * sizeof(*more));
                if (!more)
                        return sovd_error_origin(-ENOMEM);
                w->values = more;
                v = &more[w->n_values++];
                *v = (struct watch_value){ 0 };
        }
        *ret = (size_t)(v - w->values);
        if (sovd_streq(v->id, id))
                return 0;
        data_watch_forget(w, v);
        free(v->id);
        free(v->about);
        v->id = strdup(id);
        v->about = about(e, id);
        return v->id && v->about ? 0 : sovd_error_origin(-ENOMEM);
}

static int by_value(const void *a, const void *b) {
        const struct watch_wanted *x = a, *y = b;

        return (x->value > y->value) - (x->value < y->value);
}

/* Marks the places as used while it goes, so that no place is found twice. */
static int find_places(struct data_watch *w, const struct sovd_watch_request *q, struct watch_reader *r) {
        int error = 0;

        for (size_t i = 0; !error && i < q->n_ids; i++) {
                size_t place = 0;
                error = place_for(w, q->entity, q->ids[i].id, &place);
                if (error)
                        break;
                w->values[place].n_users++;
                r->wanted[r->n_wanted++].value = place;
        }
        for (size_t i = 0; error && i < r->n_wanted; i++) {
                struct watch_value *v = &w->values[r->wanted[i].value];
                if (--v->n_users == 0)
                        v->idle_usec = sovd_now_usec();
        }
        qsort(r->wanted, r->n_wanted, sizeof(r->wanted[0]), by_value);
        return error;
}

/* Values that nobody reads yet begin now, behind `mark`. */
static void begin_values(struct data_watch *w, struct watch_reader *r, uint64_t mark) {
        for (size_t i = 0; i < r->n_wanted; i++) {
                struct watch_value *v = &w->values[r->wanted[i].value];
                if (v->record || v->starting)
                        continue;
                data_watch_forget(w, v);
                r->wanted[i].starts = v->starting = true;
                v->since_id = mark;
        }
}

/* Were all events of its values behind this id kept? */
static bool is_complete(const struct data_watch *w, const struct watch_reader *r, uint64_t last) {
        if (last < w->dropped_id)
                return false;
        for (size_t i = 0; i < r->n_wanted; i++)
                if (last < w->values[r->wanted[i].value].since_id)
                        return false;
        return true;
}

static void set_phase(const struct data_watch *w, const struct sovd_watch_request *q, struct watch_reader *r,
                      uint64_t mark) {
        r->position = q->resumes ? q->last_id : mark;
        if (q->resumes)
                r->phase = is_complete(w, r, q->last_id) ? WATCH_LIVE : WATCH_GAP;
        else
                r->phase = q->snapshot ? WATCH_SNAPSHOT : WATCH_BEGIN;
}

/* With the mutex held. */
static const char *why_not(const struct sovd_data_watches *all, const struct data_watch *w) {
        if (all->stopped)
                return "the server is stopping";
        if (!w && all->n_watches >= all->options.max)
                return "the limit of watched entities is reached (limits.watches)";
        if (w && w->n_readers >= all->options.readers_max)
                return "the limit of readers of this stream is reached (events.readers)";
        return NULL;
}

static int attach(struct sovd_data_watches *all, const struct sovd_watch_request *q,
                  struct data_watch **fresh, struct watch_reader *r, const char **reason) {
        struct data_watch *w = find_watch(all, q);
        uint64_t mark;

        *reason = why_not(all, w);
        if (!*reason && !sovd_sequence_next(all->sequence, &mark))
                *reason = no_id;
        if (*reason)
                return SOVD_E_OVERLOAD;
        int error = find_places(w ? w : *fresh, q, r);
        if (error > 0)
                *reason = "the limit of watched values of this entity is reached (limits.watch_values)";
        if (error)
                return error;
        if (!w) {
                w = SOVD_TAKE(*fresh);
                w->next = all->list;
                all->list = w;
                (void)__atomic_add_fetch(&all->n_watches, 1, __ATOMIC_RELAXED);
        }
        begin_values(w, r, mark);
        set_phase(w, q, r, mark);
        r->watch = data_watch_ref(w);
        r->next = w->readers;
        w->readers = r;
        w->n_readers++;
        all->counters.readers++;
        return 0;
}

static const char *resource_of(const struct sovd_watch_request *q, const char *id) {
        for (size_t i = 0; i < q->n_ids; i++)
                if (strcmp(q->ids[i].id, id) == 0)
                        return q->ids[i].resource;
        return NULL;
}

/* Without the mutex. The value is starting, and nobody else starts it. */
static int start_reading(struct data_watch *w, size_t place, uint64_t generation,
                         const struct sovd_watch_request *q, const char *resource, struct sovd_record **ret) {
        struct watch_taker *taker = calloc(1, sizeof(*taker));
        if (!taker)
                return sovd_error_origin(-ENOMEM);

        *taker = (struct watch_taker){ data_watch_ref(w), place, generation };
        const struct sovd_watch_spec spec = {
                .entity = q->entity,
                .base = q->base,
                .resource = resource,
                .source = q->source,
                .period_usec = q->period_usec,
                .take = data_watch_take,
                .release = data_watch_release,
                .taker = taker,
        };
        int r = sovd_observations_watch(w->all->options.observations, &spec, ret);
        if (r)
                data_watch_release(taker);
        return r;
}

/* Those of the reader's values that are to be started, one after the other. */
static int start_values(struct sovd_data_watches *all, struct watch_reader *r,
                        const struct sovd_watch_request *q) {
        struct data_watch *w = r->watch;
        int error = 0;

        for (size_t i = 0; i < r->n_wanted; i++) {
                size_t place = r->wanted[i].value;
                struct sovd_record *record = NULL;
                if (!r->wanted[i].starts)
                        continue;
                (void)pthread_mutex_lock(&all->mutex);
                uint64_t generation = w->values[place].generation;
                const char *resource = resource_of(q, w->values[place].id);
                (void)pthread_mutex_unlock(&all->mutex);
                if (!error)
                        error = start_reading(w, place, generation, q, resource, &record);
                (void)pthread_mutex_lock(&all->mutex);
                w->values[place].starting = false;
                if (record && !w->ended)
                        w->values[place].record = SOVD_TAKE(record);
                (void)pthread_mutex_unlock(&all->mutex);
                if (record) /* the watches were stopped meanwhile */
                        sovd_observations_unwatch(all->options.observations, record);
        }
        return error;
}

int sovd_data_watches_open(struct sovd_data_watches *all, const struct sovd_watch_request *q,
                           struct sovd_stream_reader **ret, const char **reason) {
        struct data_watch *fresh = data_watch_new(all, q);
        struct watch_reader *r = calloc(1, sizeof(*r) + q->n_ids * sizeof(r->wanted[0]));
        int error = fresh && r ? 0 : sovd_error_origin(-ENOMEM);

        if (!error && sovd_sequence_begin(all->sequence)) {
                *reason = no_id;
                error = SOVD_E_OVERLOAD;
        }
        if (!error) {
                r->base.ops = &watch_reader_ops;
                (void)pthread_mutex_lock(&all->mutex);
                error = attach(all, q, &fresh, r, reason);
                (void)pthread_mutex_unlock(&all->mutex);
        }
        data_watch_unref(fresh);
        if (error) {
                free(r);
                return error;
        }
        error = start_values(all, r, q);
        if (error) {
                sovd_stream_close(&r->base);
                *reason = "the server is stopping";
                return error;
        }
        *ret = &r->base;
        return 0;
}

/* --- the rest ------------------------------------------------------------------------------------------- */

bool sovd_data_watches_has(struct sovd_data_watches *all, const struct sovd_entity *e, const char *id) {
        bool has = false;

        (void)pthread_mutex_lock(&all->mutex);
        for (const struct data_watch *w = all->list; w && !has; w = w->next) {
                const struct watch_value *v = is_of(w, e->type, e->id) ? find_value(w, id) : NULL;
                has = v && v->record;
        }
        (void)pthread_mutex_unlock(&all->mutex);
        return has;
}

int sovd_data_watches_last_id(struct sovd_data_watches *all, uint64_t *ret) {
        int r = sovd_sequence_begin(all->sequence);

        if (!r)
                *ret = sovd_sequence_last(all->sequence);
        return r;
}

/* A few at a time, so that the mutex is not held while they are planned. */
#define NUDGES 32

static size_t collect(const struct sovd_data_watches *all, enum sovd_entity_type type, const char *entity,
                      const char *id, size_t skip, struct sovd_record *ret[static NUDGES]) {
        size_t n = 0, seen = 0;

        for (const struct data_watch *w = all->list; w; w = w->next)
                for (size_t i = 0; is_of(w, type, entity) && i < w->n_values && n < NUDGES; i++) {
                        const struct watch_value *v = &w->values[i];
                        if (v->record && (!id || strcmp(v->id, id) == 0) && seen++ >= skip)
                                ret[n++] = sovd_record_ref(v->record);
                }
        return n;
}

void sovd_data_watches_changed(struct sovd_data_watches *all, enum sovd_entity_type type, const char *entity,
                               const char *id) {
        struct sovd_record *found[NUDGES];
        size_t n, done = 0;

        if (!__atomic_load_n(&all->n_watches, __ATOMIC_RELAXED))
                return;
        do {
                (void)pthread_mutex_lock(&all->mutex);
                n = collect(all, type, entity, id, done, found);
                all->counters.told += n;
                (void)pthread_mutex_unlock(&all->mutex);
                for (size_t i = 0; i < n; i++) {
                        sovd_observations_nudge(all->options.observations, found[i]);
                        sovd_record_unref(found[i]);
                }
                done += n;
        } while (n == NUDGES);
}

void sovd_data_watches_count(struct sovd_data_watches *all, struct sovd_data_watches_counters *ret) {
        (void)pthread_mutex_lock(&all->mutex);
        *ret = all->counters;
        ret->watches = 0;
        for (const struct data_watch *w = all->list; w; w = w->next) {
                ret->watches++;
                for (size_t i = 0; i < w->n_values; i++)
                        ret->values += w->values[i].record != NULL;
        }
        (void)pthread_mutex_unlock(&all->mutex);
}
