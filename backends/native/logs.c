/* SPDX-License-Identifier: Apache-2.0 */
/* Logs of apps: what they write goes into a ring each, as far as the configuration of the log wants it. */
#include "backends/native/peer.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/log.h"

static const struct native_log_context *contexts_of(const struct native_app *app, size_t *ret_n) {
        const struct sovd_list *list = app->registration ? &app->registration->lists.logs : NULL;

        *ret_n = list ? list->n : 0;
        return list ? list->items : NULL;
}

static struct sovd_log_context describe(const struct native *b, const struct native_app *app,
                                        const struct native_log_context *c) {
        struct sovd_log_context context = { .type = c->type };

        if (c->type == SOVD_CONTEXT_AUTOSAR_DLT) {
                context.application_id = c->application_id ? c->application_id : app->id;
                context.context_id = c->id;
        } else {
                context.host = *b->host ? b->host : NULL;
                context.process = c->process ? c->process : c->id;
                if (app->pid)
                        context.pid = SOVD_INT(app->pid);
        }
        return context;
}

static int severity_at(const struct native_app *app, const struct native_log_context *contexts, size_t i) {
        return app->log_levels[i] ? app->log_levels[i] : contexts[i].severity;
}

/* What a client has configured holds for contexts that are registered again. */
int *native_log_levels(const struct native_app *app, const struct sovd_list *wanted) {
        const struct native_log_context *news = wanted->items, *olds;
        int *levels = calloc(wanted->n + 1, sizeof(*levels));
        size_t n;

        olds = contexts_of(app, &n);
        for (size_t i = 0; levels && i < wanted->n; i++)
                for (size_t k = 0; k < n; k++)
                        if (strcmp(news[i].id, olds[k].id) == 0)
                                levels[i] = app->log_levels[k];
        return levels;
}

/* --- what an app writes ------------------------------------------------------------------------------------ */

/* An app that registered no log writes into that of the gateway. */
static void write_own_log(const struct native_app *app, const struct native_log *log) {
        static const enum sovd_log_level levels[] = { SOVD_LOG_ERROR, SOVD_LOG_ERROR, SOVD_LOG_WARN,
                                                      SOVD_LOG_INFO, SOVD_LOG_DEBUG };
        const struct sovd_log_field fields[] = { { "entity", app->key }, { 0 } };
        const enum sovd_log_level level = levels[log->severity - 1];

        if (sovd_log_enabled(level))
                sovd_log_event(level, fields, "app '%s': %s", app->key, log->msg);
}

/* A time in the future would be a lie; none is now. */
static uint64_t time_of(const struct native_log *log) {
        const uint64_t now = sovd_realtime_usec();
        const uint64_t then = log->time_ms.set ? (uint64_t)log->time_ms.value * SOVD_USEC_PER_MSEC : now;

        return SOVD_MIN(then, now);
}

static void keep(struct native *b, struct native_app *app, size_t i, const struct native_log *log) {
        const uint64_t usec = time_of(log), now = sovd_now_usec();
        const struct native_log_context *contexts;
        size_t n;

        (void)pthread_mutex_lock(&b->mutex);
        contexts = contexts_of(app, &n);
        if (sovd_log_severity_passes(log->severity, severity_at(app, contexts, i))) {
                const struct sovd_log_context context = describe(b, app, &contexts[i]);
                (void)native_ring_add(&app->ring, &b->ring_limits, &context, log->severity, log->msg, usec,
                                      true, now);
        }
        (void)pthread_mutex_unlock(&b->mutex);
}

/* The registration is this thread's to replace, so it can be looked at without the mutex. */
void native_on_log(struct native_peer *p, struct native_message *m, struct sovd_arena **arena) {
        const struct native_log *log = &m->log;
        const struct native_log_context *contexts;
        size_t i = 0, n;
        (void)arena;

        contexts = contexts_of(p->app, &n);
        while (log->context && i < n && strcmp(contexts[i].id, log->context) != 0)
                i++;
        if (!n)
                write_own_log(p->app, log);
        else if (i == n) {
                native_peer_error(p, m->seq, "bad-value", "/context: it is not registered");
                return;
        } else
                keep(p->b, p->app, i, log);
        native_peer_reply(p, m->seq);
}

/* --- what is wanted of an app ------------------------------------------------------------------------------ */

/* Tells the app from which severity on a context is kept, so that it need not send the rest. */
void native_log_tell(struct native *b, struct native_app *app) {
        const struct native_log_context *contexts;
        struct native_chunk *chunk;
        struct sovd_json_writer w;
        size_t n;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "type", "log_config");
        sovd_json_key(&w, "contexts");
        sovd_json_object_begin(&w);
        (void)pthread_mutex_lock(&b->mutex);
        const uint64_t session = app->session;
        contexts = contexts_of(app, &n);
        for (size_t i = 0; i < n; i++)
                sovd_json_key_string(&w, contexts[i].id,
                                     sovd_log_severity_names[severity_at(app, contexts, i) - 1]);
        (void)pthread_mutex_unlock(&b->mutex);
        sovd_json_object_end(&w);
        sovd_json_object_end(&w);
        if (n && !native_chunk_new(&chunk, &w))
                (void)native_send(b, app, session, chunk);
        sovd_json_writer_done(&w);
}

/* Entries of an app that is gone are kept for a while: they may say why it went. */
uint64_t native_log_forget(struct native *b, uint64_t now) {
        uint64_t next = 0;

        for (size_t i = 0; i < b->n_apps; i++) {
                struct native_app *app = &b->apps[i];
                if (!app->forget_usec)
                        continue;
                if (now < app->forget_usec) {
                        next = next ? SOVD_MIN(next, app->forget_usec) : app->forget_usec;
                        continue;
                }
                app->forget_usec = 0;
                (void)pthread_mutex_lock(&b->mutex);
                native_ring_clear(&app->ring);
                (void)pthread_mutex_unlock(&b->mutex);
        }
        return next;
}

/* --- for clients --------------------------------------------------------------------------------------------- */

static struct native_app *app_of(const struct sovd_entity *e) {
        return native_find_app(native_of(e->providers[SOVD_COLLECTION_LOGS]), e->type, e->id);
}

struct taken {
        struct native_entry **entries; /* references */
        size_t n;
};

static void drop_taken(void *data) {
        struct taken *taken = data;

        for (size_t i = 0; i < taken->n; i++)
                native_entry_unref(taken->entries[i]);
        free(taken->entries);
}

/* References to the entries of a severity, which live as long as the call. */
static int take_entries(struct sovd_call *call, struct native *b, struct native_app *app, int least,
                        struct taken **ret) {
        struct taken *taken = sovd_arena_new0(call->arena, struct taken);
        if (!taken)
                return sovd_error_origin(-ENOMEM);

        taken->entries = malloc(b->ring_limits.entries * sizeof(struct native_entry *));
        if (!taken->entries)
                return sovd_error_origin(-ENOMEM);
        (void)pthread_mutex_lock(&b->mutex);
        for (struct native_entry *x = app->ring.first; x; x = x->next)
                if (sovd_log_severity_passes(x->severity, least)) {
                        (void)__atomic_add_fetch(&x->n_refs, 1, __ATOMIC_RELAXED);
                        taken->entries[taken->n++] = x;
                }
        (void)pthread_mutex_unlock(&b->mutex);
        *ret = taken;
        return sovd_arena_defer(call->arena, drop_taken, taken);
}

int native_log_entries(struct sovd_call *call, const struct sovd_entity *e, int least,
                       struct sovd_log_list *ret) {
        struct native *b = native_of(e->providers[SOVD_COLLECTION_LOGS]);
        char when[SOVD_TIMESTAMP_SIZE];
        struct taken *taken = NULL;

        int r = take_entries(call, b, app_of(e), least, &taken);
        if (r)
                return r;
        struct sovd_log_entry *items = sovd_arena_array(call->arena, struct sovd_log_entry, taken->n + 1);
        if (!items)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < taken->n; i++) {
                struct native_entry *x = taken->entries[i];
                items[i] = (struct sovd_log_entry){
                        .timestamp = sovd_arena_strdup(call->arena, sovd_clock_format(when, x->usec)),
                        .context = &x->context,
                        .severity = x->severity,
                        .msg = x->msg,
                };
                if (!items[i].timestamp)
                        return sovd_error_origin(-ENOMEM);
        }
        ret->items = (struct sovd_list){ .items = items, .n = taken->n, .set = true };
        return 0;
}

/* The contexts that are registered, with the severity of each; lives as long as the call. */
static int configuration_of(struct sovd_call *call, const struct sovd_entity *e,
                            struct sovd_log_configuration **ret, size_t *ret_n) {
        struct native *b = native_of(e->providers[SOVD_COLLECTION_LOGS]);
        const struct native_log_context *contexts;
        const struct native_register *lists;
        struct native_app *app;
        size_t n;

        int r = native_lookup(call, e, SOVD_COLLECTION_LOGS, &app, &lists);
        if (r)
                return r;
        struct sovd_log_configuration *items =
                sovd_arena_array(call->arena, struct sovd_log_configuration, lists->logs.n + 1);
        struct sovd_log_context *own =
                sovd_arena_array(call->arena, struct sovd_log_context, lists->logs.n + 1);
        if (!items || !own)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_lock(&b->mutex);
        contexts = contexts_of(app, &n);
        n = SOVD_MIN(n, lists->logs.n); /* it may have registered anew meanwhile */
        for (size_t i = 0; i < n; i++) {
                own[i] = describe(b, app, (const struct native_log_context *)lists->logs.items + i);
                items[i] = (struct sovd_log_configuration){ .context = &own[i],
                                                            .severity = severity_at(app, contexts, i) };
        }
        (void)pthread_mutex_unlock(&b->mutex);
        *ret = items;
        *ret_n = n;
        return 0;
}

int native_log_config_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_log_config *ret) {
        struct sovd_log_configuration *items = NULL;
        size_t n = 0;

        int r = configuration_of(call, e, &items, &n);
        ret->contexts = (struct sovd_list){ .items = items, .n = n, .set = true };
        return r;
}

/* With the mutex held: all or nothing. Returns the first of the wanted that names no context, or how many they are. */
static size_t configure(const struct native *b, struct native_app *app, const struct sovd_list *wanted,
                        int *levels) {
        const struct sovd_log_configuration *all = wanted->items;
        const struct native_log_context *contexts;
        size_t n;

        contexts = contexts_of(app, &n);
        memcpy(levels, app->log_levels, n * sizeof(*levels));
        for (size_t i = 0; i < wanted->n; i++) {
                bool found = false;
                for (size_t k = 0; k < n; k++) {
                        const struct sovd_log_context context = describe(b, app, &contexts[k]);
                        if (!sovd_log_context_matches(all[i].context, &context))
                                continue;
                        levels[k] = all[i].severity;
                        found = true;
                }
                if (!found)
                        return i;
        }
        memcpy(app->log_levels, levels, n * sizeof(*levels));
        return wanted->n;
}

int native_log_config_write(struct sovd_call *call, const struct sovd_entity *e,
                            const struct sovd_log_config *config) {
        struct native *b = native_of(e->providers[SOVD_COLLECTION_LOGS]);
        int *levels = sovd_arena_array(call->arena, int, NATIVE_CONTEXTS_MAX);
        struct native_app *app = app_of(e);

        if (!levels)
                return sovd_error_origin(-ENOMEM);
        (void)pthread_mutex_lock(&b->mutex);
        const size_t bad = configure(b, app, &config->contexts, levels);
        (void)pthread_mutex_unlock(&b->mutex);
        if (bad < config->contexts.n)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, sovd_call_printf(call, "/items/%zu/context", bad),
                                    "'%s' has no such log context", e->id);
        native_log_tell(b, app);
        return 0;
}

int native_log_config_reset(struct sovd_call *call, const struct sovd_entity *e) {
        struct native *b = native_of(e->providers[SOVD_COLLECTION_LOGS]);
        struct native_app *app = app_of(e);
        bool configured = false;
        size_t n;

        (void)pthread_mutex_lock(&b->mutex);
        (void)contexts_of(app, &n);
        for (size_t i = 0; i < n; i++) {
                configured = configured || app->log_levels[i];
                app->log_levels[i] = 0;
        }
        (void)pthread_mutex_unlock(&b->mutex);
        if (!configured)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "the log of '%s' is not configured", e->id);
        native_log_tell(b, app);
        return 0;
}

/* The gateway's own entries pass by the configuration as all others do, but not by the limit per second. */
int native_log_append(struct sovd_call *call, const struct sovd_entity *e,
                      const struct sovd_log_entry *entry) {
        struct native *b = native_of(e->providers[SOVD_COLLECTION_LOGS]);
        const uint64_t usec = sovd_realtime_usec(), now = sovd_now_usec();
        struct native_app *app = app_of(e);
        const struct native_log_context *contexts;
        bool kept = true;
        size_t n, i = 0;
        (void)call;

        (void)pthread_mutex_lock(&b->mutex);
        contexts = contexts_of(app, &n);
        for (size_t k = n; entry->context && k-- > 0;) {
                const struct sovd_log_context context = describe(b, app, &contexts[k]);
                if (sovd_log_context_matches(entry->context, &context))
                        i = k;
        }
        if (i < n && sovd_log_severity_passes(entry->severity, severity_at(app, contexts, i))) {
                const struct sovd_log_context context = describe(b, app, &contexts[i]);
                kept = native_ring_add(&app->ring, &b->ring_limits, &context, entry->severity, entry->msg,
                                       usec, false, now);
        }
        (void)pthread_mutex_unlock(&b->mutex);
        return kept ? 0 : sovd_error_origin(-ENOMEM);
}
