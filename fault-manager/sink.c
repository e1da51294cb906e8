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
        const char *why = fm_catalog_check(&catalog, arena, &path);
        if (why) {
                *ret_why = sovd_arena_printf(arena, "%s: %s", path, why);
                return SOVD_E_BAD_REQUEST;
        }
        return fm_sources_take_app(&((struct fm_sink *)sink)->sources, entity, json);
}

static bool is_defined(struct sovd_fault_sink *sink, const char *entity) {
        return fm_sources_has_file(&((struct fm_sink *)sink)->sources, entity);
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

/* --- reading and clearing ------------------------------------------------------------------------------- */

static const char *key_of(char buf[static ENTITY_MAX], const struct sovd_entity *e) {
        (void)snprintf(buf, ENTITY_MAX, "%s/%s", sovd_entity_type_paths[e->type], e->id);
        return buf;
}

struct collector {
        struct sovd_fault *items;
        size_t n, size;
};

static int append(struct sovd_call *call, struct collector *c, const struct sovd_fault *fault) {
        if (c->n == c->size) {
                size_t size = c->size ? c->size * 2 : 64;
                struct sovd_fault *items = sovd_arena_array(call->arena, struct sovd_fault, size);
                if (!items)
                        return sovd_error_origin(-ENOMEM);
                if (c->n)
                        memcpy(items, c->items, c->n * sizeof(*items));
                c->items = items;
                c->size = size;
        }
        c->items[c->n++] = *fault;
        return 0;
}

static int append_page(struct sovd_call *call, const struct sovd_fault_filter *filter,
                       const struct fm_record *records, size_t n, struct collector *c) {
        for (size_t i = 0; i < n; i++) {
                struct sovd_fault fault;
                int r = fm_record_fault(&records[i], call->arena, &fault);
                if (!r && sovd_fault_filter_matches(filter, &fault))
                        r = append(call, c, &fault);
                if (r)
                        return r;
        }
        return 0;
}

/* Page after page; what SQL cannot filter is filtered here. */
static int list(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e,
                const struct sovd_fault_filter *filter, struct sovd_fault_list *ret) {
        char key[ENTITY_MAX];
        struct collector c = { 0 };
        struct fm_record *records;
        size_t n = PAGE;
        struct fm_query q = { .entity = key_of(key, e), .scope = filter->scope, .max = PAGE };

        if (filter->severity.set && filter->severity.value < INT32_MAX)
                q.severity_below = (unsigned)SOVD_MAX(filter->severity.value, INT64_C(1));
        while (n == PAGE) {
                int r = fm_manager_list(manager_of(sink), &q, call->arena, &records, &n);
                if (!r)
                        r = append_page(call, filter, records, n, &c);
                if (r)
                        return r;
                if (n) {
                        q.after_usec = records[n - 1].last_usec;
                        q.after_code = records[n - 1].code;
                }
        }
        ret->items = (struct sovd_list){ .items = c.items, .n = c.n, .set = true };
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
                return r ? r : no_fault(call, e, code);
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

/* The disk's troubles are the client's to know: it may try again, and nothing was changed. */
static int storage_failed(struct sovd_call *call, int r) {
        if (r == SOVD_E_OVERLOAD)
                sovd_fail(call, SOVD_E_OVERLOAD, "too many changes wait for the disk");
        else
                sovd_fail(call, SOVD_E_OVERLOAD, "the state cannot be written now: %s", strerror(-r));
        sovd_fail_retry_after(call, 1);
        return SOVD_E_OVERLOAD;
}

static int clear(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e, const char *code) {
        char key[ENTITY_MAX];
        int r = fm_manager_clear(manager_of(sink), key_of(key, e), code, NULL);

        if (r == SOVD_E_NOT_FOUND)
                return no_fault(call, e, code);
        return r ? storage_failed(call, r) : 0;
}

static int clear_all(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e,
                     const char *scope) {
        char key[ENTITY_MAX];
        int r = fm_manager_clear(manager_of(sink), key_of(key, e), NULL, scope);

        return r ? storage_failed(call, r) : 0;
}

static const struct sovd_fault_sink_ops sink_ops = {
        .define = define,
        .is_defined = is_defined,
        .freeze_frame = freeze_frame,
        .report = report,
        .wait = wait,
        .counters = counters,
        .condition = condition,
        .cycle = cycle,
        .list = list,
        .read = read_one,
        .clear = clear,
        .clear_all = clear_all,
};

/* --- life ----------------------------------------------------------------------------------------------- */

static void wait_until(struct fm_sink *s, uint64_t next_usec) {
        uint64_t left = SOVD_MIN(sovd_clock_left_usec(next_usec), IDLE_USEC);
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        uint64_t nsec = (uint64_t)until.tv_nsec + left % SOVD_USEC_PER_SEC * 1000;
        until.tv_sec += (time_t)(left / SOVD_USEC_PER_SEC + nsec / 1000000000);
        until.tv_nsec = (long)(nsec % 1000000000);
        (void)pthread_mutex_lock(&s->mutex);
        if (!s->stopping && !s->poked)
                (void)pthread_cond_timedwait(&s->wake, &s->mutex, &until);
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
        pthread_condattr_t attributes;
        if (!s)
                return sovd_error_origin(-ENOMEM);

        s->base.ops = &sink_ops;
        (void)pthread_mutex_init(&s->mutex, NULL);
        (void)pthread_condattr_init(&attributes);
        (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        (void)pthread_cond_init(&s->wake, &attributes);
        (void)pthread_condattr_destroy(&attributes);
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

struct fm_sink *fm_sink_free(struct fm_sink *s) {
        if (!s)
                return NULL;

        (void)pthread_mutex_lock(&s->mutex);
        s->stopping = true;
        (void)pthread_cond_signal(&s->wake);
        (void)pthread_mutex_unlock(&s->mutex);
        if (s->has_thread)
                (void)pthread_join(s->thread, NULL);
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
