/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/observations.h"
#include "sovd-core/backend.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/sampler.h"
#include "sovd-core/principal.h"
#include "sovd-core/state_clock.h"
#include <stdio.h>

#define STREAM_BYTES (64 * 1024) /* of events that are kept, per stream */

int sovd_observations_new(struct sovd_observations **ret, const struct sovd_observations_options *options) {
        _cleanup_(sovd_observations_freep) struct sovd_observations *o = calloc(1, sizeof(*o));
        if (!o)
                return sovd_error_origin(-ENOMEM);

        o->options = *options;
        o->last = &o->records;
        (void)pthread_mutex_init(&o->mutex, NULL);
        (void)sovd_cond_init(&o->lead);
        (void)sovd_cond_init(&o->follow);
        int r = sovd_sampler_start(o);
        if (!r)
                r = sovd_lasting_load(o);
        if (r)
                return r;

        *ret = SOVD_TAKE(o);
        return 0;
}

void sovd_observations_quit(struct sovd_observations *o) {
        (void)pthread_mutex_lock(&o->mutex);
        o->quit = true;
        (void)pthread_cond_broadcast(&o->lead);
        (void)pthread_cond_broadcast(&o->follow);
        (void)pthread_mutex_unlock(&o->mutex);
}

void sovd_observations_stop(struct sovd_observations *o) {
        struct sovd_record *list = NULL;

        sovd_observations_quit(o);
        sovd_sampler_stop(o);
        (void)pthread_mutex_lock(&o->mutex);
        while (o->records) {
                struct sovd_record *record = o->records;
                sovd_sampler_take_out(o, record);
                record->next = list;
                list = record;
        }
        (void)pthread_mutex_unlock(&o->mutex);
        sovd_sampler_end(o, list);
}

struct sovd_observations *sovd_observations_free(struct sovd_observations *o) {
        if (!o)
                return NULL;

        sovd_observations_stop(o);
        sovd_due_done(&o->expiry);
        (void)pthread_cond_destroy(&o->lead);
        (void)pthread_cond_destroy(&o->follow);
        (void)pthread_mutex_destroy(&o->mutex);
        free(o);
        return NULL;
}

/* --- adding --------------------------------------------------------------------------------------------- */

static char *copy(const char *s, bool *ok) {
        char *c = s ? strdup(s) : NULL;

        *ok = *ok && (c || !s);
        return c;
}

/* Of "/apps/nav/faults/GPS" it is "/GPS"; NULL: it is another collection. */
static const char *behind_faults(const char *resource) {
        const char *p = resource;

        for (int i = 0; i < 2 && p; i++)
                p = strchr(p + 1, '/');
        if (!p || !sovd_has_prefix(p, "/faults"))
                return NULL;
        p += strlen("/faults");
        return !*p || *p == '/' || *p == '?' ? p : NULL;
}

static int record_new(struct sovd_record **ret, const struct sovd_observations *o,
                      const struct sovd_observation_spec *spec, const char *id) {
        struct sovd_record *r = calloc(1, sizeof(*r));
        bool ok = true;
        if (!r)
                return -ENOMEM; /* not traced: the compiler must see that it is no success */

        r->n_refs = 1;
        r->kind = spec->kind;
        r->type = spec->entity->type;
        r->entity = copy(spec->entity->id, &ok);
        r->principal = sovd_principal_dup(&spec->owner);
        r->owner = r->principal ? r->principal->id : NULL;
        ok = ok && r->principal;
        r->base = copy(spec->base, &ok);
        r->resource = copy(spec->resource, &ok);
        r->behind_faults = r->kind == SOVD_TRIGGER ? behind_faults(r->resource) : NULL;
        r->condition_text = copy(spec->condition_text, &ok);
        r->path = copy(spec->path, &ok);
        if (spec->log) {
                r->is_logged = true;
                r->log = *spec->log;
                r->log.marker = r->marker = copy(spec->log->marker, &ok);
        }
        r->only_data = spec->only_data;
        r->is_private = spec->is_private;
        r->persistent = r->hidden = spec->persistent;
        r->multishot = spec->multishot;
        r->period_usec = spec->period_usec;
        r->interval = spec->interval;
        int error = !ok ? sovd_error_origin(-ENOMEM) : id ? 0 : sovd_id_new(r->id);
        if (id)
                (void)snprintf(r->id, sizeof(r->id), "%s", id);
        if (!error && r->kind != SOVD_WATCHED)
                error = sovd_stream_new(&r->stream, o->options.kept, STREAM_BYTES, o->options.readers);
        if (error) {
                r->next = NULL;
                sovd_sampler_end(NULL, r);
                return error;
        }
        *ret = r;
        return 0;
}

static const char *why_not(const struct sovd_observations *o, const struct sovd_record *new) {
        static const char *const total[] = {
                "the limit of cyclic subscriptions is reached (limits.subscriptions)",
                "the limit of triggers is reached (limits.triggers)"
        };
        static const char *const own[] = {
                "the limit of cyclic subscriptions per client is reached (limits.subscriptions_per_client)",
                "the limit of triggers per client is reached (limits.triggers_per_client)"
        };
        size_t n = 0;

        if (o->quit)
                return "the server is stopping";
        if (o->counters.n[new->kind] >= o->options.max[new->kind])
                return total[new->kind];
        for (const struct sovd_record *r = o->records; r; r = r->next)
                n += r->kind == new->kind &&strcmp(r->owner, new->owner) == 0;
        return n >= o->options.per_client[new->kind] ? own[new->kind] : NULL;
}

static void set_expiry(struct sovd_observations *o, struct sovd_record *r, uint64_t lifetime_usec) {
        r->expires_usec = sovd_state_usec() + lifetime_usec;
        (void)sovd_due_put(&o->expiry, &r->expiry, sovd_boottime_usec() + lifetime_usec); /* it has its place already */
        sovd_sampler_wake(o, sovd_now_usec() + lifetime_usec);
}

/* With the mutex held. */
static int insert(struct sovd_observations *o, struct sovd_record *r,
                  const struct sovd_observation_spec *spec) {
        uint64_t now = sovd_now_usec();
        int error = sovd_due_put(&o->expiry, &r->expiry, sovd_boottime_usec() + spec->lifetime_usec);

        if (!error && !r->persistent)
                /* The value that a trigger starts from was read a moment ago; a subscription has had nothing yet. What
                 * happened to a fault since that moment has poked nobody. */
                error = sovd_sampler_plan(o, r, spec->source,
                                          now + (r->kind == SOVD_TRIGGER && !r->behind_faults ? r->period_usec : 0));
        if (error) {
                sovd_due_remove(&o->expiry, &r->expiry);
                sovd_sampler_unplan(o, r);
                return error;
        }
        set_expiry(o, r, spec->lifetime_usec);
        r->condition = spec->condition;
        r->link = o->last;
        *o->last = r;
        o->last = &r->next;
        o->counters.n[r->kind]++;
        return 0;
}

int sovd_observations_add(struct sovd_observations *o, const struct sovd_observation_spec *spec,
                          char id[static SOVD_ID_SIZE], const char **reason) {
        struct sovd_record *r = NULL;
        int error = record_new(&r, o, spec, NULL);
        if (error)
                return error;

        memcpy(id, r->id, SOVD_ID_SIZE);
        r->n_refs += r->persistent;
        (void)pthread_mutex_lock(&o->mutex);
        struct sovd_record *expired = sovd_sampler_expired(o);
        *reason = why_not(o, r);
        error = *reason ? SOVD_E_OVERLOAD : insert(o, r, spec);
        (void)pthread_mutex_unlock(&o->mutex);
        sovd_sampler_end(o, expired);
        if (!error)
                return spec->persistent ? sovd_lasting_add(o, r, spec) : 0;
        r->n_refs = 1;
        sovd_sampler_end(o, r);
        return error;
}

int sovd_observations_restore(struct sovd_observations *o, const struct sovd_observation_spec *spec, const char *id,
                              struct sovd_record **ret) {
        struct sovd_record *r = NULL;
        int error = record_new(&r, o, spec, id);
        if (error)
                return error;

        (void)pthread_mutex_lock(&o->mutex);
        error = insert(o, r, spec);
        r->hidden = false;
        (void)pthread_mutex_unlock(&o->mutex);
        if (error)
                sovd_sampler_end(o, r);
        else
                *ret = r;
        return error;
}

/* --- watched values ------------------------------------------------------------------------------------- */

#define FOR_EVER_USEC (UINT64_C(100) * 365 * 86400 * SOVD_USEC_PER_SEC)

int sovd_observations_watch(struct sovd_observations *o, const struct sovd_watch_spec *watch, struct sovd_record **ret) {
        const struct sovd_observation_spec spec = {
                .kind = SOVD_WATCHED,
                .entity = watch->entity,
                .owner = { .id = "gateway", .is_gateway = true },
                .base = watch->base,
                .resource = watch->resource,
                .source = watch->source,
                .period_usec = watch->period_usec,
                .lifetime_usec = FOR_EVER_USEC,
                .only_data = true,
        };
        struct sovd_record *r = NULL;
        int error = record_new(&r, o, &spec, NULL);
        if (error)
                return error;

        r->take = watch->take;
        r->release = watch->release;
        r->taker = watch->taker;
        (void)sovd_record_ref(r); /* the caller's */
        (void)pthread_mutex_lock(&o->mutex);
        error = o->quit ? SOVD_E_OVERLOAD : insert(o, r, &spec);
        (void)pthread_mutex_unlock(&o->mutex);
        if (error) {
                r->release = NULL;
                sovd_record_unref(r);
                sovd_record_unref(r);
                return error;
        }
        *ret = r;
        return 0;
}

void sovd_observations_unwatch(struct sovd_observations *o, struct sovd_record *r) {
        (void)pthread_mutex_lock(&o->mutex);
        bool listed = !r->removed;
        if (listed)
                sovd_sampler_take_out(o, r);
        (void)pthread_mutex_unlock(&o->mutex);
        if (listed)
                sovd_sampler_end(o, r);
        sovd_record_unref(r);
}

void sovd_observations_nudge(struct sovd_observations *o, struct sovd_record *r) {
        (void)pthread_mutex_lock(&o->mutex);
        uint64_t when = SOVD_MAX(sovd_now_usec(), r->read_usec + SOVD_NUDGE_GAP_USEC);
        r->again = r->again || r->in_flight;
        if (!r->removed && !r->in_flight && r->source && when < r->due.when_usec)
                (void)sovd_sampler_plan(o, r, r->source->name, when); /* it has a place */
        (void)pthread_mutex_unlock(&o->mutex);
}

/* --- finding -------------------------------------------------------------------------------------------- */

static bool is_of(const struct sovd_record *r, enum sovd_observation_kind kind, const struct sovd_entity *e) {
        return !r->hidden && r->kind == kind && r->type == e->type && strcmp(r->entity, e->id) == 0;
}

static struct sovd_record *find(const struct sovd_observations *o, enum sovd_observation_kind kind,
                                const struct sovd_entity *e, const char *id) {
        for (struct sovd_record *r = o->records; r; r = r->next)
                if (is_of(r, kind, e) && strcmp(r->id, id) == 0)
                        return r->expiry.when_usec > sovd_boottime_usec() ? r : NULL;
        return NULL;
}

static const char *keep(struct sovd_arena *arena, const char *s, bool *ok) {
        const char *c = sovd_arena_strdup(arena, s);

        *ok = *ok && (c || !s);
        return c;
}

/* With what the client left out. */
static const struct sovd_trigger_log *describe_log(const struct sovd_record *r, struct sovd_arena *arena,
                                                   bool *ok) {
        struct sovd_trigger_log *log = r->is_logged ? sovd_arena_new0(arena, struct sovd_trigger_log) : NULL;

        *ok = *ok && (log || !r->is_logged);
        if (log)
                *log = (struct sovd_trigger_log){
                        .severity = r->log.severity,
                        .resource = SOVD_BOOL(r->log.resource.value),
                        .condition = SOVD_BOOL(r->log.condition.value),
                        .marker = keep(arena, r->marker ? r->marker : "", ok),
                };
        return log;
}

static int describe(const struct sovd_record *r, struct sovd_observation *ret, struct sovd_arena *arena) {
        bool ok = true;

        *ret = (struct sovd_observation){
                .resource = keep(arena, r->resource, &ok),
                .owner = keep(arena, r->owner, &ok),
                .condition_text = keep(arena, r->condition_text, &ok),
                .path = keep(arena, r->path, &ok),
                .last_error = keep(arena, r->last_error, &ok),
                .log = describe_log(r, arena, &ok),
                .expires_usec = sovd_state_to_utc(r->expires_usec),
                .interval = r->interval,
                .only_data = r->only_data,
                .multishot = r->multishot,
                .persistent = r->persistent,
                .terminated = r->terminated,
        };
        memcpy(ret->id, r->id, sizeof(ret->id));
        return ok ? 0 : sovd_error_origin(-ENOMEM);
}

int sovd_observations_find(struct sovd_observations *o, enum sovd_observation_kind kind,
                           const struct sovd_entity *e, const char *id, struct sovd_observation *ret,
                           struct sovd_arena *arena) {
        (void)pthread_mutex_lock(&o->mutex);
        const struct sovd_record *r = find(o, kind, e, id);
        int error = r ? describe(r, ret, arena) : SOVD_E_NOT_FOUND;
        (void)pthread_mutex_unlock(&o->mutex);
        return error;
}

int sovd_observations_list(struct sovd_observations *o, enum sovd_observation_kind kind,
                           const struct sovd_entity *e, struct sovd_observation **ret, size_t *ret_n,
                           struct sovd_arena *arena) {
        int error = 0;

        (void)pthread_mutex_lock(&o->mutex);
        struct sovd_observation *items =
                sovd_arena_array(arena, struct sovd_observation, o->counters.n[kind] + 1);
        uint64_t now = sovd_boottime_usec();
        *ret_n = 0;
        for (const struct sovd_record *r = items ? o->records : NULL; r && !error; r = r->next)
                if (is_of(r, kind, e) && r->expiry.when_usec > now)
                        error = describe(r, &items[(*ret_n)++], arena);
        (void)pthread_mutex_unlock(&o->mutex);
        *ret = items;
        return items ? error : sovd_error_origin(-ENOMEM);
}

int sovd_observations_stream(struct sovd_observations *o, enum sovd_observation_kind kind,
                             const struct sovd_entity *e, const char *id, const char *who,
                             struct sovd_stream **ret) {
        (void)pthread_mutex_lock(&o->mutex);
        const struct sovd_record *r = find(o, kind, e, id);
        bool mine = r && (!r->is_private || strcmp(r->owner, who) == 0);
        if (mine)
                *ret = sovd_stream_ref(r->stream);
        (void)pthread_mutex_unlock(&o->mutex);
        return mine ? 0 : r ? SOVD_E_FORBIDDEN : SOVD_E_NOT_FOUND;
}

/* --- changing ------------------------------------------------------------------------------------------- */

static int find_own(const struct sovd_observations *o, enum sovd_observation_kind kind,
                    const struct sovd_entity *e, const char *id, const char *who, struct sovd_record **ret) {
        *ret = find(o, kind, e, id);
        if (!*ret)
                return SOVD_E_NOT_FOUND;
        return strcmp((*ret)->owner, who) == 0 ? 0 : SOVD_E_FORBIDDEN;
}

int sovd_observations_apply(struct sovd_observations *o, struct sovd_record *r, const struct sovd_observation_change *c) {
        if (r->terminated)
                return SOVD_E_CONFLICT;
        if (c->period_usec) {
                r->interval = c->interval;
                r->period_usec = c->period_usec;
        }
        if (c->period_usec && !r->in_flight && r->source)
                (void)sovd_sampler_plan(o, r, r->source->name,
                                        sovd_now_usec() + c->period_usec); /* it has a place */
        if (c->lifetime_usec)
                set_expiry(o, r, c->lifetime_usec);
        return 0;
}

int sovd_observations_change(struct sovd_observations *o, enum sovd_observation_kind kind,
                             const struct sovd_entity *e, const char *id, const char *who,
                             const struct sovd_observation_change *c) {
        struct sovd_record *r;

        (void)pthread_mutex_lock(&o->mutex);
        int error = find_own(o, kind, e, id, who, &r);
        bool lasting = !error && r->persistent && !r->terminated;
        if (!error && !lasting)
                error = sovd_observations_apply(o, r, c);
        (void)pthread_mutex_unlock(&o->mutex);
        return lasting ? sovd_lasting_change(o, id, c) : error;
}

int sovd_observations_remove(struct sovd_observations *o, enum sovd_observation_kind kind,
                             const struct sovd_entity *e, const char *id, const char *who) {
        struct sovd_record *r;

        (void)pthread_mutex_lock(&o->mutex);
        int error = find_own(o, kind, e, id, who, &r);
        bool lasting = !error && r->persistent;
        if (!error && !lasting)
                sovd_sampler_take_out(o, r);
        (void)pthread_mutex_unlock(&o->mutex);
        if (lasting)
                return sovd_lasting_remove(o, id);
        if (!error)
                sovd_sampler_end(o, r);
        return error;
}

size_t sovd_observations_clear(struct sovd_observations *o, const struct sovd_entity *e, const char *who) {
        struct sovd_record *list = NULL, *next;
        const bool stay = sovd_lasting_clear(o, e, who) != 0; /* those that are persistent */
        size_t n = 0;

        (void)pthread_mutex_lock(&o->mutex);
        for (struct sovd_record *r = o->records; r; r = next) {
                next = r->next;
                if (r->kind == SOVD_WATCHED || r->hidden || (r->persistent && stay) || r->type != e->type ||
                    strcmp(r->entity, e->id) != 0 || strcmp(r->owner, who) != 0)
                        continue;
                sovd_sampler_take_out(o, r);
                r->next = list;
                list = r;
                n++;
        }
        (void)pthread_mutex_unlock(&o->mutex);
        sovd_sampler_end(o, list);
        return n;
}

/* --- poking --------------------------------------------------------------------------------------------- */

/* Is the segment, up to a slash or the query, this id? It is encoded. */
static bool segment_is(const char *segment, const char *id) {
        for (; *segment && *segment != '/' && *segment != '?'; id++) {
                int c = (unsigned char)*segment++;
                if (c == '%' && sscanf(segment, "%2x", (unsigned *)&c) == 1)
                        segment += 2;
                if (c != (unsigned char)*id)
                        return false;
        }
        return !*id;
}

static bool is_about(const struct sovd_record *r, const char *entity, const char *code) {
        const char *slash = strchr(entity, '/'), *word = sovd_entity_type_paths[r->type];
        size_t n = strlen(word);

        if (!r->behind_faults || !slash || (size_t)(slash - entity) != n || memcmp(entity, word, n) != 0 ||
            strcmp(r->entity, slash + 1) != 0)
                return false;
        return !*code || *r->behind_faults != '/' || segment_is(r->behind_faults + 1, code);
}

void sovd_observations_poke(struct sovd_observations *o, const char *entity, const char *code) {
        (void)pthread_mutex_lock(&o->mutex);
        for (struct sovd_record *r = o->records; r; r = r->next) {
                if (!is_about(r, entity, code))
                        continue;
                if (r->in_flight)
                        r->poked = true;
                else if (r->source)
                        (void)sovd_sampler_plan(o, r, r->source->name, sovd_now_usec()); /* it has a place */
        }
        (void)pthread_mutex_unlock(&o->mutex);
}

void sovd_observations_count(struct sovd_observations *o, struct sovd_observations_counters *ret) {
        (void)pthread_mutex_lock(&o->mutex);
        *ret = o->counters;
        ret->events = __atomic_load_n(&o->n_events, __ATOMIC_RELAXED);
        (void)pthread_mutex_unlock(&o->mutex);
}
