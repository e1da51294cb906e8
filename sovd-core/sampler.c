/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/sampler.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/log.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <time.h>

#define BODY_MAX   (1024 * 1024)
#define KEPT_MAX   (64 * 1024) /* a thread keeps its buffers up to this size */
#define JSON_NODES 100000

#define RECORD_OF(member, node)                                                                              \
        ((struct sovd_record *)(void *)((char *)(node)-offsetof(struct sovd_record, member)))

struct worker {
        struct sovd_arena *arena;
        struct sovd_json_writer body, event;
};

/* --- sources and the list ------------------------------------------------------------------------------- */

static struct sovd_reading_source *find_source(struct sovd_observations *o, const char *name) {
        struct sovd_reading_source *s;

        for (s = o->sources; s; s = s->next)
                if (strncmp(s->name, name, sizeof(s->name) - 1) == 0)
                        return s;
        s = calloc(1, sizeof(*s));
        if (!s)
                return NULL;
        (void)snprintf(s->name, sizeof(s->name), "%s", name);
        s->next = o->sources;
        o->sources = s;
        return s;
}

static void drop_if_unused(struct sovd_observations *o, struct sovd_reading_source *source) {
        struct sovd_reading_source **link = &o->sources;

        if (source->n_users || source->in_flight)
                return;
        while (*link != source)
                link = &(*link)->next;
        *link = source->next;
        sovd_due_done(&source->due);
        free(source);
}

void sovd_sampler_unplan(struct sovd_observations *o, struct sovd_record *record) {
        struct sovd_reading_source *source = SOVD_TAKE(record->source);

        if (!source)
                return;
        sovd_due_remove(&source->due, &record->due);
        source->n_users--;
        drop_if_unused(o, source);
}

int sovd_sampler_plan(struct sovd_observations *o, struct sovd_record *record, const char *name,
                      uint64_t when_usec) {
        struct sovd_reading_source *source = find_source(o, name);
        if (!source)
                return sovd_error_origin(-ENOMEM);

        if (source != record->source) {
                source->n_users++;
                sovd_sampler_unplan(o, record);
                record->source = source;
        }
        sovd_sampler_wake(o, when_usec);
        return sovd_due_put(&source->due, &record->due, when_usec);
}

void sovd_sampler_take_out(struct sovd_observations *o, struct sovd_record *record) {
        *record->link = record->next;
        if (record->next)
                record->next->link = record->link;
        else
                o->last = record->link;
        record->next = NULL;
        record->removed = true;
        o->counters.n[record->kind]--;
        sovd_due_remove(&o->expiry, &record->expiry);
        sovd_sampler_unplan(o, record);
}

struct sovd_record *sovd_sampler_expired(struct sovd_observations *o) {
        uint64_t now = sovd_boottime_usec();
        struct sovd_record *list = NULL;

        for (struct sovd_due *d; (d = sovd_due_first(&o->expiry)) && d->when_usec <= now;) {
                struct sovd_record *record = RECORD_OF(expiry, d);
                sovd_sampler_take_out(o, record);
                record->next = list;
                list = record;
        }
        return list;
}

struct sovd_record *sovd_record_ref(struct sovd_record *r) {
        (void)__atomic_add_fetch(&r->n_refs, 1, __ATOMIC_RELAXED);
        return r;
}

struct sovd_record *sovd_record_unref(struct sovd_record *r) {
        if (!r || __atomic_sub_fetch(&r->n_refs, 1, __ATOMIC_ACQ_REL))
                return NULL;
        if (r->release)
                r->release(r->taker);
        free(r->entity);
        free(r->principal);
        free(r->base);
        free(r->resource);
        free(r->condition_text);
        free(r->path);
        free(r->marker);
        free(r->last_error);
        sovd_condition_free(r->condition);
        sovd_stream_unref(r->stream);
        free(r);
        return NULL;
}

void sovd_sampler_end(struct sovd_observations *o, struct sovd_record *list) {
        (void)o;
        while (list) {
                struct sovd_record *next = list->next;
                if (list->stream)
                        sovd_stream_end(list->stream);
                sovd_record_unref(list);
                list = next;
        }
}

/* --- events --------------------------------------------------------------------------------------------- */

static void write_error(struct sovd_json_writer *w, enum sovd_error error, const char *message) {
        const struct sovd_error_info *info = sovd_error_info(error);
        const struct sovd_generic_error body = { .error_code = info->error_code,
                                                 .vendor_code = info->vendor_code,
                                                 .message = message };

        sovd_json_writer_reset(w);
        sovd_schema_encode(&sovd_schema_generic_error, &body, w);
}

/* The envelope of the standard: payload and error exclude each other. */
static bool emit(struct sovd_observations *o, struct sovd_record *record, struct worker *w,
                 const char *member, const char *text, size_t len) {
        char now[SOVD_TIMESTAMP_SIZE];
        const char *event;
        size_t n;

        sovd_json_writer_reset(&w->event);
        sovd_json_rawf(&w->event,
                       "{\"timestamp\":\"%s\",\"%s\":", sovd_clock_format(now, sovd_realtime_usec()), member);
        sovd_json_raw(&w->event, text, len);
        sovd_json_raw(&w->event, "}", 1);
        if (sovd_json_writer_finish(&w->event, &event, &n) || sovd_stream_push(record->stream, event, n))
                return false;
        (void)__atomic_add_fetch(&o->n_events, 1, __ATOMIC_RELAXED);
        return true;
}

/* The text of a value; the body's writer is free to be used for it once the body is parsed. */
static int emit_value(struct sovd_observations *o, struct sovd_record *record, struct worker *w,
                      const cJSON *value) {
        const char *text;
        size_t len;

        sovd_json_writer_reset(&w->body);
        sovd_json_tree(&w->body, value);
        int r = sovd_json_writer_finish(&w->body, &text, &len);
        if (r)
                return r;
        return emit(o, record, w, "payload", text, len) ? 0 : -ENOMEM;
}

/* What is wrong with the value according to the body itself (ISO 17978-3 7.9): then `data` is a filler. */
static const cJSON *error_inside(const cJSON *body) {
        const cJSON *errors = cJSON_GetObjectItemCaseSensitive(body, "errors");
        const cJSON *first = cJSON_IsArray(errors) ? errors->child : NULL;

        return first ? cJSON_GetObjectItemCaseSensitive(first, "error") : NULL;
}

static int find_value(const struct sovd_record *record, struct worker *w, const char *text, size_t len,
                      const cJSON **ret) {
        const struct sovd_json_limits limits = { .max_nodes = JSON_NODES };
        struct sovd_json_fault fault;
        const cJSON *error = NULL;
        cJSON *body;

        int r = sovd_json_parse_in(w->arena, &body, text, len, &limits, &fault);
        if (r) {
                write_error(&w->body, SOVD_E_BAD_ANSWER, "the answer is too large to be looked into");
                return SOVD_E_BAD_ANSWER;
        }
        *ret = body;
        if (record->only_data) {
                error = error_inside(body);
                *ret = cJSON_GetObjectItemCaseSensitive(body, "data");
        }
        if (error) {
                sovd_json_writer_reset(&w->body);
                sovd_json_tree(&w->body, error);
                return SOVD_E_BAD_ANSWER;
        }
        if (record->path)
                *ret = sovd_pointer_get(*ret, record->path);
        if (*ret)
                return 0;
        write_error(&w->body, SOVD_E_BAD_ANSWER, "the value has no element at the path of the trigger now");
        return SOVD_E_BAD_ANSWER;
}

/* 0, or not and the GenericError is in w->body. *ret_fired: an event was sent. */
static int look(struct sovd_observations *o, struct sovd_record *record, struct worker *w, const char *text,
                size_t len, bool *ret_fired) {
        const cJSON *value;
        int r = find_value(record, w, text, len, &value);

        if (r)
                return r;
        r = sovd_condition_take(record->condition, value, ret_fired);
        if (r)
                write_error(&w->body, SOVD_E_BAD_ANSWER, "the value is not a number now");
        if (!r && *ret_fired && record->persistent && !record->multishot)
                sovd_lasting_terminate(o, record);
        if (!r && *ret_fired)
                r = emit_value(o, record, w, value);
        if (r < 0)
                write_error(&w->body, SOVD_E_INTERNAL, "memory is out");
        return r;
}

static char *emit_error(struct sovd_observations *o, struct sovd_record *record, struct worker *w) {
        const char *text;
        size_t len;

        if (sovd_json_writer_finish(&w->body, &text, &len)) {
                write_error(&w->body, SOVD_E_BAD_ANSWER, "the answer is larger than an event may be");
                if (sovd_json_writer_finish(&w->body, &text, &len))
                        return NULL;
        }
        char *copy = strndup(text, len);
        /* A trigger tells that it cannot be watched once, not at every look. */
        if (record->kind == SOVD_CYCLIC || !record->failing)
                (void)emit(o, record, w, "error", text, len);
        return copy;
}

/* --- one reading ---------------------------------------------------------------------------------------- */

/* What was read of a watched value goes to whoever watches. Returns r, or why the value was not one. */
static int hand_over(struct sovd_record *record, struct worker *w, int r) {
        const cJSON *value;
        const char *text;
        size_t len;

        if (!r)
                r = sovd_json_writer_finish(&w->body, &text, &len);
        if (!r)
                r = find_value(record, w, text, len, &value);
        if (!r) {
                sovd_json_writer_reset(&w->body);
                sovd_json_tree(&w->body, value);
        }
        int unfinished = sovd_json_writer_finish(&w->body, &text, &len);
        if (unfinished) {
                write_error(&w->body, SOVD_E_BAD_ANSWER, "the answer is larger than a value may be");
                r = SOVD_E_BAD_ANSWER;
                if (sovd_json_writer_finish(&w->body, &text, &len))
                        return r; /* memory is out: the next reading tells */
        }
        record->take(record->taker, r < 0 ? SOVD_E_INTERNAL : r, text, len);
        return r;
}

struct outcome {
        bool is_pushed, is_orphan;
        char *error; /* GenericError, owned; NULL = it went well */
        bool failed; /* the reading did; else the error is of the log */
        bool terminated, logged, not_logged;
        char source[SOVD_SOURCE_SIZE];
};

static bool is_removed(struct sovd_observations *o, const struct sovd_record *record) {
        (void)pthread_mutex_lock(&o->mutex);
        bool removed = record->removed;
        (void)pthread_mutex_unlock(&o->mutex);
        return removed;
}

/* The value that was sent is in w->body. Whoever removed the trigger waits for no entry of it any more. */
static void log_firing(struct sovd_observations *o, const struct sovd_record *record, struct worker *w,
                       struct outcome *out) {
        struct sovd_firing firing = {
                .id = record->id,
                .entity = record->entity,
                .base = record->base,
                .resource = record->resource,
                .condition_text = record->condition_text,
                .path = record->path,
                .type = record->type,
                .principal = *record->principal,
                .log = &record->log,
                .deadline_usec = sovd_now_usec() + o->options.read_timeout_usec,
                .arena = w->arena,
                .writer = &w->event,
        };
        const char *text;
        size_t len;

        if (is_removed(o, record) || sovd_json_writer_finish(&w->body, &firing.value, &firing.value_len))
                return;
        sovd_json_writer_reset(&w->event);
        out->not_logged = o->options.log(o->options.data, &firing) != 0;
        out->logged = !out->not_logged;
        if (out->not_logged && !sovd_json_writer_finish(&w->event, &text, &len))
                out->error = strndup(text, len);
}

static void read_one(struct sovd_observations *o, struct sovd_record *record, struct worker *w,
                     struct outcome *out) {
        struct sovd_reading reading = {
                .resource = record->resource,
                .principal = *record->principal,
                .note = &record->note,
                .base = record->base,
                .deadline_usec = sovd_now_usec() + o->options.read_timeout_usec,
                .arena = w->arena,
                .writer = &w->body,
        };
        const char *text;
        size_t len;
        bool fired = false;

        int r = o->options.read(o->options.data, &reading);
        if (record->kind == SOVD_WATCHED) {
                out->failed = hand_over(record, w, r) != 0;
                out->is_pushed = reading.is_pushed;
                memcpy(out->source, reading.source, sizeof(out->source));
                return;
        }
        if (!r)
                r = sovd_json_writer_finish(&w->body, &text, &len);
        if (!r && record->kind == SOVD_TRIGGER)
                r = look(o, record, w, text, len, &fired);
        else if (!r)
                (void)emit(o, record, w, "payload", text, len);
        if (r)
                out->error = emit_error(o, record, w);
        record->failing = out->failed = r != 0;
        out->is_orphan = r && reading.is_orphan;
        out->terminated = fired && !record->multishot;
        if (out->terminated)
                sovd_stream_end(record->stream);
        if (fired && record->is_logged && o->options.log)
                log_firing(o, record, w, out);
        memcpy(out->source, reading.source, sizeof(out->source));
}

static void worker_reset(struct worker *w) {
        struct sovd_json_writer *const writers[] = { &w->body, &w->event };

        sovd_arena_reset(w->arena);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(writers); i++) {
                if (writers[i]->size > KEPT_MAX) {
                        sovd_json_writer_done(writers[i]);
                        sovd_json_writer_init(writers[i], 0, BODY_MAX + 1024);
                }
                sovd_json_writer_reset(writers[i]);
        }
}

/* With the mutex held. A reading that is late is not made up for. */
static void plan_next(struct sovd_observations *o, struct sovd_record *record, const char *source) {
        uint64_t period = record->is_pushed ? SOVD_MAX(record->period_usec, SOVD_PUSHED_LOOK_USEC) : record->period_usec;
        uint64_t now = sovd_now_usec(), next = record->planned_usec + period;

        if (record->poked) {
                record->poked = false;
                next = now;
        } else if (record->again) {
                next = SOVD_MAX(now, record->read_usec + SOVD_NUDGE_GAP_USEC);
        } else if (next <= now) {
                uint64_t n = (now - next) / period + 1;
                o->counters.skipped += n;
                next += n * period;
        }
        if (sovd_sampler_plan(o, record, source, next))
                sovd_log(SOVD_LOG_ERROR, "an observation stops: memory is out");
}

/* With the mutex held. */
static void settle(struct sovd_observations *o, struct sovd_record *record, struct sovd_reading_source *source,
                   const struct outcome *out) {
        const struct sovd_due *first;

        o->counters.readings++;
        o->counters.failed += out->failed;
        o->counters.logged += out->logged;
        o->counters.not_logged += out->not_logged;
        o->counters.in_flight--;
        record->in_flight = false;
        if (out->error) {
                free(record->last_error);
                record->last_error = out->error;
        }
        record->terminated = out->terminated;
        record->is_pushed = out->is_pushed;
        if (!record->removed && !record->terminated)
                plan_next(o, record, out->source);
        else if (!record->removed)
                sovd_sampler_unplan(o, record);
        source->in_flight--;
        first = sovd_due_first(&source->due);
        if (first)
                sovd_sampler_wake(o, first->when_usec); /* it may have waited for its place */
        drop_if_unused(o, source);
}

/* --- the threads ---------------------------------------------------------------------------------------- */

void sovd_sampler_wake(struct sovd_observations *o, uint64_t when_usec) {
        if (!o->has_leader)
                (void)pthread_cond_signal(&o->follow);
        else if (when_usec < o->lead_until_usec)
                (void)pthread_cond_signal(&o->lead);
}

/* The record that is due first among those whose source has a place. */
static struct sovd_record *first_due(const struct sovd_observations *o) {
        struct sovd_due *best = NULL;

        for (const struct sovd_reading_source *s = o->sources; s; s = s->next) {
                struct sovd_due *d = s->in_flight < o->options.per_source ? sovd_due_first(&s->due) : NULL;
                if (d && (!best || d->when_usec < best->when_usec))
                        best = d;
        }
        return best ? RECORD_OF(due, best) : NULL;
}

/* One thread waits for the time, the others for that one to be busy. */
static void wait_for(struct sovd_observations *o, uint64_t until_usec) {
        if (o->has_leader) {
                (void)pthread_cond_wait(&o->follow, &o->mutex);
                return;
        }
        o->has_leader = true;
        o->lead_until_usec = until_usec;
        (void)sovd_cond_wait_until(&o->lead, &o->mutex, until_usec);
        o->has_leader = false;
}

/* With the mutex held, which is free meanwhile. When the state cannot be written, the next reading tries again. */
static void end_orphan(struct sovd_observations *o, struct sovd_record *record) {
        sovd_log(SOVD_LOG_INFO, "a %s of %s ends: the credentials behind it were taken away",
                 record->kind == SOVD_TRIGGER ? "trigger" : "subscription", record->entity);
        if (!record->persistent)
                sovd_sampler_take_out(o, record);
        (void)pthread_mutex_unlock(&o->mutex);
        if (record->persistent)
                (void)sovd_lasting_remove(o, record->id);
        else
                sovd_sampler_end(o, record);
        (void)pthread_mutex_lock(&o->mutex);
}

/* With the mutex held, which is free during the reading. */
static void sample(struct sovd_observations *o, struct sovd_record *record, struct worker *w) {
        struct sovd_reading_source *source = record->source;
        struct outcome out = { 0 };

        sovd_due_remove(&source->due, &record->due);
        source->in_flight++;
        o->counters.in_flight++;
        record->in_flight = true;
        record->planned_usec = record->due.when_usec;
        record->read_usec = sovd_now_usec();
        record->again = false;
        (void)sovd_record_ref(record);
        (void)pthread_cond_signal(&o->follow); /* somebody else waits for the next */
        (void)pthread_mutex_unlock(&o->mutex);

        read_one(o, record, w, &out);
        worker_reset(w);

        (void)pthread_mutex_lock(&o->mutex);
        settle(o, record, source, &out);
        if (out.is_orphan && !record->removed)
                end_orphan(o, record);
        sovd_record_unref(record);
}

/* When the next one ends, if the machine does not sleep before. */
static uint64_t next_end(const struct sovd_observations *o) {
        const struct sovd_due *expiry = sovd_due_first(&o->expiry);
        const uint64_t boot = sovd_boottime_usec();

        return !expiry ? UINT64_MAX : sovd_now_usec() + (expiry->when_usec > boot ? expiry->when_usec - boot : 0);
}

static void work_on(struct sovd_observations *o, struct worker *w) {
        struct sovd_record *list = sovd_sampler_expired(o), *record = first_due(o);
        uint64_t until = record ? record->due.when_usec : UINT64_MAX;

        if (list) {
                (void)pthread_mutex_unlock(&o->mutex);
                sovd_sampler_end(o, list);
                (void)pthread_mutex_lock(&o->mutex);
        } else if (record && until <= sovd_now_usec()) {
                sample(o, record, w);
        } else {
                wait_for(o, SOVD_MIN(until, next_end(o)));
        }
}

static void *run(void *data) {
        struct sovd_observations *o = data;
        struct worker w = { 0 };

        (void)pthread_setname_np(pthread_self(), "sampler");
        if (sovd_arena_new(&w.arena, 4096)) {
                sovd_log(SOVD_LOG_ERROR, "a reading thread ends: memory is out");
                return NULL;
        }
        sovd_json_writer_init(&w.body, 0, BODY_MAX);
        sovd_json_writer_init(&w.event, 0, BODY_MAX + 1024);

        (void)pthread_mutex_lock(&o->mutex);
        while (!o->quit)
                work_on(o, &w);
        (void)pthread_mutex_unlock(&o->mutex);

        sovd_json_writer_done(&w.body);
        sovd_json_writer_done(&w.event);
        sovd_arena_free(w.arena);
        return NULL;
}

int sovd_sampler_start(struct sovd_observations *o) {
        o->threads = calloc(o->options.threads, sizeof(*o->threads));
        if (!o->threads)
                return sovd_error_origin(-ENOMEM);
        for (; o->n_threads < o->options.threads; o->n_threads++) {
                int r = pthread_create(&o->threads[o->n_threads], NULL, run, o);
                if (r)
                        return sovd_error_origin(-r);
        }
        return 0;
}

void sovd_sampler_stop(struct sovd_observations *o) {
        for (unsigned i = 0; i < o->n_threads; i++)
                (void)pthread_join(o->threads[i], NULL);
        o->n_threads = 0;
        free(SOVD_TAKE(o->threads));
}
