/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/fault_manager.h"
#include "fault-manager/sources.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/call.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define PAGE        200
#define IDLE_USEC   (SOVD_USEC_PER_SEC) /* what could not be written is tried again */
#define ENTITY_MAX  200

struct fm_sink {
        struct sovd_fault_sink base;
        struct fm_manager *manager;
        struct fm_retention *retention; /* or NULL */
        struct fm_sources sources;
        pthread_t thread;
        bool has_thread;
        pthread_mutex_t mutex; /* leaf: the two below */
        pthread_cond_t wake;
        bool stopping, poked;
        void (*published)(const struct fm_event *event, void *data); /* of whoever made it */
        void *data;
};

static struct fm_manager *manager_of(struct sovd_fault_sink *sink) {
        return ((struct fm_sink *)sink)->manager;
}

/* --- reports -------------------------------------------------------------------------------------------- */

static int define(struct sovd_fault_sink *sink, const char *entity, const struct cJSON *json,
                  struct sovd_arena *arena, const char **ret_why) {
        struct sovd_schema_error error;
        struct fm_catalog catalog;
        const char *path;

        int r = sovd_schema_decode(&fm_schema_catalog, json, &catalog, arena, 0, &error);
        if (r == SOVD_E_BAD_REQUEST)
                *ret_why = sovd_arena_printf(arena, "%s: %s", error.path, error.reason);
        if (r)
                return r;
        const char *why = fm_catalog_check(&catalog, json, arena, &path);
        if (why) {
                *ret_why = sovd_arena_printf(arena, "%s: %s", path, why);
                return SOVD_E_BAD_REQUEST;
        }
        return fm_sources_take_app(&((struct fm_sink *)sink)->sources, entity, json);
}

static bool is_defined(struct sovd_fault_sink *sink, const char *entity) {
        return fm_sources_has_file(&((struct fm_sink *)sink)->sources, entity);
}

static int is_known(struct sovd_fault_sink *sink, const char *entity, bool *ret) {
        return fm_manager_knows(manager_of(sink), entity, ret);
}

static int freeze_frame(struct sovd_fault_sink *sink, const char *entity, const char *code, struct sovd_arena *arena,
                        struct sovd_strings *ret) {
        return fm_manager_freeze_frame(manager_of(sink), entity, code, arena, ret);
}

static int report(struct sovd_fault_sink *sink, const char *entity, const char *code, enum sovd_report kind,
                  const char *environment, uint64_t *ret_ticket) {
        static const enum fm_report kinds[] = { FM_FAILED, FM_PASSED, FM_PREFAILED, FM_PREPASSED };

        return fm_manager_report(manager_of(sink), entity, code, kinds[kind], environment, ret_ticket);
}

static int wait(struct sovd_fault_sink *sink, uint64_t ticket) {
        return fm_manager_wait(manager_of(sink), ticket);
}

static void counters(struct sovd_fault_sink *sink, struct sovd_fault_counters *ret) {
        fm_manager_counters(manager_of(sink), ret);
}

static int condition(struct sovd_fault_sink *sink, const char *name, bool on) {
        return fm_manager_condition(manager_of(sink), name, on);
}

static int cycle(struct sovd_fault_sink *sink, const char *kind, uint64_t *ret_ticket) {
        return fm_manager_cycle(manager_of(sink), kind, ret_ticket);
}

static int observe(struct sovd_fault_sink *sink, struct sovd_observed_faults *observed, struct sovd_arena *arena) {
        return fm_manager_observe(manager_of(sink), observed, arena);
}

static int followed(struct sovd_fault_sink *sink, const char *const *entities, size_t n, uint64_t keep_usec) {
        return fm_manager_followed(manager_of(sink), entities, n, keep_usec);
}

static int forget(struct sovd_fault_sink *sink, const char *entity, const char *code, const char *scope) {
        return fm_manager_clear(manager_of(sink), entity, code, scope);
}

/* --- reading and clearing ------------------------------------------------------------------------------- */

static const char *key_of(char buf[static ENTITY_MAX], const struct sovd_entity *e) {
        (void)snprintf(buf, ENTITY_MAX, "%s/%s", sovd_entity_type_paths[e->type], e->id);
        return buf;
}

/* The wanted tags as a JSON array; *ret NULL: all. */
static int tags_of(const struct sovd_fault_filter *filter, struct sovd_arena *arena, const char **ret) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        *ret = NULL;
        if (!filter->tags.n)
                return 0;
        sovd_json_writer_init(&w, 0, 0);
        sovd_json_array_begin(&w);
        for (size_t i = 0; i < filter->tags.n; i++)
                sovd_json_string(&w, filter->tags.items[i]);
        sovd_json_array_end(&w);
        int r = sovd_json_writer_finish(&w, &text, &len);
        if (!r)
                *ret = sovd_arena_strndup(arena, text, len);
        sovd_json_writer_done(&w);
        return r ? sovd_error_fold(r) : *ret ? 0 : sovd_error_origin(-ENOMEM);
}

static unsigned severity_below(const struct sovd_fault_filter *filter) {
        bool all = !filter->severity.set || filter->severity.value >= INT32_MAX;

        return all ? 0 : (unsigned)SOVD_MAX(filter->severity.value, INT64_C(1));
}

/* Everything in the filter is the query's to judge. */
static int make_query(const struct sovd_fault_filter *filter, struct sovd_arena *arena, uint64_t statuses[static 4],
                      struct fm_query *q) {
        fm_statuses_of(filter, statuses);
        q->statuses = statuses;
        q->scope = filter->scope;
        q->from_usec = filter->from_usec;
        q->to_usec = filter->to_usec;
        q->by_key = filter->steady;
        q->after_usec = filter->after.usec;
        q->after_code = *filter->after.code ? filter->after.code : NULL;
        q->after_entity = filter->after.entity;
        q->severity_below = severity_below(filter);
        q->without_frames = true;
        q->sight = filter->sight;
        return tags_of(filter, arena, &q->tags);
}

struct collector {
        struct sovd_fault *items;
        size_t n, size;
};

static int append(struct sovd_arena *arena, struct collector *c, const struct fm_record *record, bool with_entity) {
        if (c->n == c->size) {
                size_t size = c->size ? c->size * 2 : 64;
                struct sovd_fault *items = sovd_arena_array(arena, struct sovd_fault, size);
                if (!items)
                        return sovd_error_origin(-ENOMEM);
                if (c->n)
                        memcpy(items, c->items, c->n * sizeof(*items));
                c->items = items;
                c->size = size;
        }
        int r = fm_record_fault(record, arena, &c->items[c->n]);
        if (!r && with_entity)
                c->items[c->n].entity = fm_entity_reference(record->entity, arena);
        c->n += !r;
        return r;
}

/* Space is what a change lacks. */
static int reading_failed(struct sovd_call *call, int r) {
        return sovd_fail_storage(call, r == -ENOSPC ? -EIO : r);
}

static void set_place(struct sovd_fault_place *place, const struct fm_query *q) {
        place->usec = q->after_usec;
        (void)snprintf(place->code, sizeof(place->code), "%s", q->after_code);
        (void)snprintf(place->entity, sizeof(place->entity), "%s", q->after_entity);
}

/* One row more than is shown tells whether something follows. */
static int list(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e,
                const struct sovd_fault_filter *filter, struct sovd_fault_list *ret) {
        char key[ENTITY_MAX];
        struct collector c = { 0 };
        struct fm_record *records;
        uint64_t statuses[4];
        size_t max = filter->max ? filter->max : SIZE_MAX - 1, n, i;
        struct fm_query q = { .entity = e ? key_of(key, e) : NULL, .deadline_usec = call->deadline_usec };

        int r = make_query(filter, call->arena, statuses, &q);
        do {
                i = 0;
                q.max = SOVD_MIN((size_t)PAGE, max - c.n + 1);
                if (!r)
                        r = fm_manager_list(manager_of(sink), &q, call->arena, &records, &n);
                for (; !r && i < n && c.n < max; i++) {
                        r = append(call->arena, &c, &records[i], !e);
                        q.after_usec = records[i].last_usec;
                        q.after_code = records[i].code;
                        q.after_entity = records[i].entity;
                }
                if (r)
                        return reading_failed(call, r);
        } while (i == n && n == q.max);
        ret->items = (struct sovd_list){ .items = c.items, .n = c.n, .set = true };
        ret->kept = true;
        if (i < n)
                set_place(&ret->next, &q);
        return 0;
}

static int history(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e,
                   const struct sovd_fault_history_filter *filter, struct sovd_fault_history *ret) {
        char key[ENTITY_MAX];
        uint64_t statuses[4];
        struct fm_past *past;
        size_t n;
        const struct fm_history_query q = { .entity = e ? key_of(key, e) : NULL,
                                            .code = filter->code,
                                            .scope = filter->faults->scope,
                                            .severity_below = severity_below(filter->faults),
                                            .statuses = statuses,
                                            .from_usec = filter->faults->from_usec,
                                            .to_usec = filter->faults->to_usec,
                                            .oldest_first = filter->oldest_first,
                                            .after_usec = filter->after_usec,
                                            .after_id = filter->after_id,
                                            .to_id = filter->to_id,
                                            .max = filter->faults->max,
                                            .deadline_usec = call->deadline_usec,
                                            .sight = filter->faults->sight };

        fm_statuses_of(filter->faults, statuses);
        int r = fm_manager_history(manager_of(sink), &q, call->arena, &past, &n, &ret->more);
        struct sovd_fault_past *items = r ? NULL : sovd_arena_array(call->arena, struct sovd_fault_past, n + 1);
        if (!items)
                return reading_failed(call, r ? r : sovd_error_origin(-ENOMEM));
        for (size_t i = 0; i < n; i++)
                items[i] = (struct sovd_fault_past){ .id = SOVD_INT(past[i].id), .usec = past[i].usec,
                                                     .frame = past[i].frame, .body = past[i].body };
        ret->items = (struct sovd_list){ .items = items, .n = n, .set = true };
        return 0;
}

static int no_fault(struct sovd_call *call, const struct sovd_entity *e, const char *code) {
        return sovd_fail(call, SOVD_E_NOT_FOUND, "%s '%s' has no fault '%s' in its memory",
                         sovd_entity_type_words[e->type], e->id, code);
}

static int read_one(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e, const char *code,
                    struct sovd_fault_detail *ret) {
        char key[ENTITY_MAX];
        const struct fm_query q = { .entity = key_of(key, e), .code = code, .max = 1 };
        struct fm_record *records;
        struct fm_ignored ignored;
        size_t n;

        int r = fm_manager_list(manager_of(sink), &q, call->arena, &records, &n);
        if (r || !n)
                return r ? reading_failed(call, r) : no_fault(call, e, code);
        ret->item = sovd_arena_new0(call->arena, struct sovd_fault);
        if (!ret->item)
                return sovd_error_origin(-ENOMEM);
        fm_manager_ignored(manager_of(sink), key, code, &ignored);
        r = fm_record_fault(records, call->arena, ret->item);
        if (!r)
                r = fm_record_environment(records, &ignored, call->arena, &ret->environment_data);
        if (!r && sovd_streq(sovd_call_query(call, "include-schema"), "true"))
                r = fm_environment_schema(call->arena, &ret->schema);
        return r;
}

static int clear(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e, const char *code) {
        char key[ENTITY_MAX];
        int r = fm_manager_clear(manager_of(sink), key_of(key, e), code, NULL);

        if (r == SOVD_E_NOT_FOUND)
                return no_fault(call, e, code);
        return r ? sovd_fail_storage(call, r) : 0;
}

static int clear_all(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e,
                     const char *scope) {
        char key[ENTITY_MAX];
        int r = fm_manager_clear(manager_of(sink), key_of(key, e), NULL, scope);

        return r ? sovd_fail_storage(call, r) : 0;
}

static int restore(struct sovd_fault_sink *sink, struct sovd_db *from, const struct sovd_snapshot *about, const char *by,
                   struct sovd_arena *arena, int64_t *ret_n, const char **ret_why) {
        char bad[FM_RESTORE_BAD_SIZE];

        int r = fm_manager_restore(manager_of(sink), from, about, by, ret_n, bad);
        if (r == SOVD_E_BAD_REQUEST)
                *ret_why = sovd_arena_printf(arena, "its %s cannot be used", bad);
        if (r == -EBADMSG || r == -EINVAL) {
                *ret_why = "its tables are not those of a snapshot";
                return SOVD_E_BAD_REQUEST;
        }
        return r;
}

/* --- events --------------------------------------------------------------------------------------------- */

static int show_present(const struct fm_record *record, struct sovd_arena *arena,
                        int (*each)(const struct sovd_fact *fact, void *data), void *data) {
        _cleanup_(sovd_freep) char *body = NULL;
        struct sovd_fact fact = { .entity = record->entity,
                                  .code = record->code,
                                  .scope = record->about->scope ? record->about->scope : "",
                                  .severity = record->about->severity.value,
                                  .status = record->state.status };

        int r = fm_record_body(record, arena, &body);
        fact.body = body;
        return r ? r : each(&fact, data);
}

static int present(struct sovd_fault_sink *sink, const char *entity, struct sovd_fault_place *place, size_t max,
                   int (*each)(const struct sovd_fact *fact, void *data), void *data, bool *ret_more) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        const struct fm_query q = { .entity = entity, .max = max, .after_usec = place->usec,
                                    .after_code = place->code, .after_entity = place->entity };
        struct fm_record *records;
        size_t n = 0;

        int r = sovd_arena_new(&arena, 4096);
        if (!r)
                r = fm_manager_list(manager_of(sink), &q, arena, &records, &n);
        for (size_t i = 0; !r && i < n; i++)
                r = show_present(&records[i], arena, each, data);
        if (r)
                return r;
        *ret_more = n == max;
        if (n) {
                place->usec = records[n - 1].last_usec;
                (void)snprintf(place->code, sizeof(place->code), "%s", records[n - 1].code);
                (void)snprintf(place->entity, sizeof(place->entity), "%s", records[n - 1].entity);
        }
        return 0;
}

static bool status_matches(struct sovd_fault_sink *sink, uint8_t status, const char *key, const char *value) {
        (void)sink;
        return fm_status_matches(status, key, value);
}

static void count(struct sovd_fault_sink *sink, struct sovd_kept_faults *ret) {
        struct fm_sink *s = (struct fm_sink *)sink;
        struct fm_retention_counters c = { 0 };

        if (s->retention)
                fm_retention_counters(s->retention, &c);
        *ret = (struct sovd_kept_faults){
                .n_events = c.n_events,
                .n_faults = c.n_faults,
                .n_events_removed = c.n_events_removed,
                .n_faults_removed = c.n_faults_removed,
                .n_rounds = c.n_rounds,
                .n_failed_rounds = c.n_failed,
                .free_bytes = c.free_bytes,
                .longest_change_usec = c.longest_usec,
        };
}

static const struct sovd_fault_sink_ops sink_ops = {
        .define = define,
        .is_defined = is_defined,
        .is_known = is_known,
        .freeze_frame = freeze_frame,
        .report = report,
        .wait = wait,
        .counters = counters,
        .condition = condition,
        .cycle = cycle,
        .observe = observe,
        .followed = followed,
        .forget = forget,
        .list = list,
        .history = history,
        .read = read_one,
        .clear = clear,
        .clear_all = clear_all,
        .restore = restore,
        .count = count,
        .present = present,
        .status_matches = status_matches,
};

/* --- life ----------------------------------------------------------------------------------------------- */

static void wait_until(struct fm_sink *s, uint64_t next_usec) {
        const uint64_t until = SOVD_MIN(next_usec, sovd_now_usec() + IDLE_USEC);

        (void)pthread_mutex_lock(&s->mutex);
        if (!s->stopping && !s->poked)
                (void)sovd_cond_wait_until(&s->wake, &s->mutex, until);
        s->poked = false;
        (void)pthread_mutex_unlock(&s->mutex);
}

static void poke(void *data) {
        struct fm_sink *s = data;

        (void)pthread_mutex_lock(&s->mutex);
        s->poked = true;
        (void)pthread_cond_signal(&s->wake);
        (void)pthread_mutex_unlock(&s->mutex);
}

static void publish(const struct fm_event *event, void *data) {
        const struct fm_sink *s = data;

        if (s->published)
                s->published(event, s->data);
}

static bool is_stopping(struct fm_sink *s) {
        (void)pthread_mutex_lock(&s->mutex);
        bool stopping = s->stopping;
        (void)pthread_mutex_unlock(&s->mutex);
        return stopping;
}

static void *keep_time(void *data) {
        struct fm_sink *s = data;

        while (!is_stopping(s))
                wait_until(s, fm_manager_tick(s->manager));
        return NULL;
}

int fm_sink_new(struct fm_sink **ret, const struct fm_options *options) {
        _cleanup_(fm_sink_freep) struct fm_sink *s = calloc(1, sizeof(*s));
        if (!s)
                return sovd_error_origin(-ENOMEM);

        s->base.ops = &sink_ops;
        (void)pthread_mutex_init(&s->mutex, NULL);
        (void)sovd_cond_init(&s->wake);
        struct fm_options own = *options;
        own.published = publish;
        own.sooner = poke;
        own.data = s;
        s->published = options->published;
        s->data = options->data;
        int r = fm_manager_new(&s->manager, &own);
        fm_sources_init(&s->sources, s->manager);
        if (!r)
                r = -pthread_create(&s->thread, NULL, keep_time, s);
        s->has_thread = !r;
        if (r)
                return r;

        *ret = SOVD_TAKE(s);
        return 0;
}

int fm_sink_retain(struct fm_sink *s, const struct fm_retention_options *options) {
        return fm_retention_new(&s->retention, s->manager, options);
}

struct fm_sink *fm_sink_free(struct fm_sink *s) {
        if (!s)
                return NULL;

        (void)pthread_mutex_lock(&s->mutex);
        s->stopping = true;
        (void)pthread_cond_signal(&s->wake);
        (void)pthread_mutex_unlock(&s->mutex);
        if (s->has_thread)
                (void)pthread_join(s->thread, NULL);
        fm_retention_free(s->retention);
        fm_sources_done(&s->sources);
        fm_manager_free(s->manager);
        (void)pthread_cond_destroy(&s->wake);
        (void)pthread_mutex_destroy(&s->mutex);
        free(s);
        return NULL;
}

struct sovd_fault_sink *fm_sink_base(struct fm_sink *sink) {
        return &sink->base;
}

int fm_sink_set_catalogs(struct fm_sink *sink, const struct fm_catalog_source *sources, size_t n) {
        return fm_sources_take_files(&sink->sources, sources, n);
}

struct fm_manager *fm_sink_manager(struct fm_sink *sink) {
        return sink->manager;
}
