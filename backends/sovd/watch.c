/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/watch.h"
#include "backends/sovd/fetch.h"
#include "backends/sovd/remember.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#define AWAY_USEC SOVD_USEC_PER_SEC          /* between two tries while the server is away */
#define GAP_USEC  (250 * SOVD_USEC_PER_MSEC) /* at least, between two looks that calls ask for */

/* What the thread keeps to itself. */
struct watch {
        struct sovd_sovd *backend;
        bool view_is_real; /* not the stubs */
        bool view_is_out;  /* published as it is, with `connection` */
        bool told_skipped, told_read;
        struct remember remember;
        enum sovd_connection connection;
};

/* Each offers everything: a request to it is answered "not reachable" and not "does not exist". */
int watch_new_stubs(struct view **ret, const struct sovd_strings *component_ids) {
        _cleanup_(view_freep) struct view *view = NULL;

        int r = view_new(&view, SOVD_BACKEND_ENTITIES_MAX);
        for (size_t i = 0; !r && i < component_ids->n; i++) {
                struct sovd_entity_spec *e = NULL;
                r = view_add(view, SOVD_COMPONENT, component_ids->items[i], NULL, &e);
                if (!r && e)
                        e->collections = ALL_COLLECTIONS;
        }
        if (r)
                return r;

        *ret = SOVD_TAKE(view);
        return 0;
}

/* --- publishing ----------------------------------------------------------------------------------------- */

/* The view is replaced before it is published: a path must be known when the first request for it comes. */
static void replace_view(struct watch *w, struct view *view) {
        struct sovd_sovd *b = w->backend;

        (void)pthread_mutex_lock(&b->mutex);
        struct view *old = b->view;
        b->view = view;
        (void)pthread_mutex_unlock(&b->mutex);
        view_free(old);
        w->view_is_out = false;
        atomic_store(&b->view_is_stored, false);
}

/* Only this thread writes b->view, so it may read it without the mutex. */
static void publish(struct watch *w, enum sovd_connection connection) {
        struct sovd_sovd *b = w->backend;
        struct sovd_view view = {
                .backend = &b->base,
                .entities = b->view->entities,
                .n_entities = b->view->n,
                .connection = connection,
                .updates = b->view->updates,
                .remembered = b->remembered && connection != SOVD_CONNECTED,
        };

        if (w->view_is_out && w->connection == connection)
                return;

        int r = sovd_backend_publish(&b->base, &view);
        w->view_is_out = !r;
        w->connection = connection;
        if (r < 0 && r != -ENOENT) /* it was removed meanwhile */
                sovd_log(SOVD_LOG_ERROR, "backend '%s': its entities could not be taken over: %s",
                         b->base.name, strerror(-r));
}

static void set_state(struct sovd_sovd *b, enum sovd_connection connection, const char *problem) {
        (void)pthread_mutex_lock(&b->mutex);
        bool news = b->connection != connection;
        b->connection = connection;
        b->discovered = b->discovered || connection != SOVD_CONNECTING;
        b->n_skipped = b->view->n_skipped;
        b->remembered = b->remembered && connection != SOVD_CONNECTED;
        (void)snprintf(b->last_error, sizeof(b->last_error), "%s", problem);
        (void)pthread_mutex_unlock(&b->mutex);

        if (!news)
                return;
        if (connection == SOVD_CONNECTED)
                sovd_log(SOVD_LOG_INFO, "backend '%s' is connected, dialect %s", b->base.name,
                         atomic_load(&b->dialect)->name);
        else
                sovd_log(SOVD_LOG_WARN, "backend '%s' is disconnected: %s", b->base.name, problem);
}

static void tell_skipped(struct watch *w, const struct view *view) {
        if (view->n_skipped && !w->told_skipped)
                sovd_log(SOVD_LOG_WARN,
                         "backend '%s': %zu entities, relations or texts are left out: their ids cannot be "
                         "used, or they are more than %d entities or %zu MiB",
                         w->backend->base.name, view->n_skipped, SOVD_BACKEND_ENTITIES_MAX,
                         VIEW_BYTES_MAX >> 20);
        w->told_skipped = w->told_skipped || view->n_skipped;
}

/* Once per contact: that the details have arrived too. */
static void tell_read(struct watch *w, const struct view *view) {
        if (!w->told_read)
                sovd_log(SOVD_LOG_INFO, "backend '%s' was read: %zu entities", w->backend->base.name,
                         view->n);
        w->told_read = true;
}

/* --- looking -------------------------------------------------------------------------------------------- */

bool watch_is_stopping(struct sovd_sovd *b) {
        (void)pthread_mutex_lock(&b->mutex);
        bool stopping = b->stopping;
        (void)pthread_mutex_unlock(&b->mutex);
        return stopping;
}

/* What fails because of stop() says nothing about the server. */
static void lose(struct watch *w, const char *problem) {
        if (watch_is_stopping(w->backend))
                return;

        if (w->connection == SOVD_CONNECTED)
                remember_seen(w->backend, &w->remember, false);
        w->told_read = false;
        publish(w, SOVD_DISCONNECTED);
        set_state(w->backend, SOVD_DISCONNECTED, problem);
}

/* The server answers again: the breaker need not wait for its time. While the server was never away the
 * breaker is right to stay open, as a server can answer lists and hang with everything else. */
static void greet(struct watch *w, const struct dialect *dialect) {
        struct sovd_sovd *b = w->backend;

        if (atomic_exchange(&b->dialect, dialect) != dialect)
                atomic_store(&b->view_is_stored, false);
        if (b->connection != SOVD_CONNECTED) /* this thread alone writes it */
                sovd_breaker_reset(b->breaker);
}

static const struct view *view_before(const struct watch *w) {
        return w->view_is_real ? w->backend->view : NULL;
}

static void take(struct watch *w, struct view *view) {
        if (w->view_is_real && view_equals(w->backend->view, view)) {
                w->backend->view->n_skipped = view->n_skipped;
                view_free(view);
        } else
                replace_view(w, view);
        w->view_is_real = true;
        publish(w, SOVD_CONNECTED);
        set_state(w->backend, SOVD_CONNECTED, "");
}

/* Clients need not wait until every entity was asked for its details: what there is, is told at once. */
static int outline(struct watch *w, const struct cJSON *components) {
        _cleanup_(view_freep) struct view *view = NULL;

        int r = view_new(&view, SOVD_BACKEND_ENTITIES_MAX);
        if (!r)
                r = discovery_outline(view, view_before(w), components);
        if (!r)
                take(w, SOVD_TAKE(view));
        return r;
}

static int survey(struct watch *w, const struct dialect *dialect, struct cJSON *components) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *scratch = NULL;
        _cleanup_(view_freep) struct view *view = NULL;

        int r = sovd_arena_new(&scratch, 8192);
        if (!r)
                r = view_new(&view, SOVD_BACKEND_ENTITIES_MAX);
        if (r)
                return r;

        struct fetch fetch = {
                .base = { .get = fetch_get, .components = components },
                .backend = w->backend,
                .scratch = scratch,
        };
        r = dialect->discover(&fetch.base, view, view_before(w));
        if (r)
                return r;
        tell_skipped(w, view);
        take(w, SOVD_TAKE(view));
        tell_read(w, w->backend->view);
        remember_view(w->backend, &w->remember);
        return 0;
}

/* full: everything; else only whether the server is there. */
static void look(struct watch *w, bool full) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        const struct dialect *dialect = NULL;
        struct cJSON *components;
        char problem[160];

        if (sovd_arena_new(&arena, 8192)) {
                lose(w, "out of memory");
                return;
        }
        if (!fetch_components(w->backend, arena, &components, &dialect, problem, sizeof(problem))) {
                lose(w, problem);
                return;
        }
        if (!full)
                return;

        greet(w, dialect);
        int r = outline(w, components);
        if (!r)
                r = survey(w, dialect, components);
        if (r)
                lose(w, r == -ENOMEM ? "out of memory" : "it was lost while its entities were read");
}

/* --- the thread ----------------------------------------------------------------------------------------- */

/* Until that time, or somebody wakes it and the gap since the last look is over. */
static void sleep_until(struct sovd_sovd *b, uint64_t due_usec) {
        uint64_t gap_usec = SOVD_MIN(sovd_now_usec() + GAP_USEC, due_usec);

        (void)pthread_mutex_lock(&b->mutex);
        for (;;) {
                uint64_t until_usec = b->woken ? gap_usec : due_usec;
                if (b->stopping || sovd_now_usec() >= until_usec)
                        break;
                (void)sovd_cond_wait_until(&b->changed, &b->mutex, until_usec);
        }
        b->woken = false;
        (void)pthread_mutex_unlock(&b->mutex);
}

static void *run(void *data) {
        struct sovd_sovd *b = data;
        struct watch w = { .backend = b, .view_is_real = b->remembered };
        uint64_t due_usec = 0;

        while (!watch_is_stopping(b)) {
                bool full = b->connection != SOVD_CONNECTED || sovd_now_usec() >= due_usec;

                look(&w, full);
                if (full)
                        due_usec = sovd_now_usec() + b->refresh_usec;
                if (b->connection == SOVD_CONNECTED)
                        sleep_until(b, due_usec);
                else
                        sleep_until(b, sovd_now_usec() + SOVD_MIN(AWAY_USEC, b->refresh_usec));
        }
        if (b->connection == SOVD_CONNECTED)
                remember_seen(b, &w.remember, true);
        return NULL;
}

/* Signals are the main thread's. */
int watch_start(struct sovd_sovd *b) {
        struct watch w = { .backend = b };
        sigset_t all, before;

        remember_load(b);
        publish(&w, SOVD_CONNECTING); /* here, so that the first request finds what is known */
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        int r = pthread_create(&b->thread, NULL, run, b);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r)
                return sovd_error_origin(-r);

        b->is_running = true;
        return 0;
}

void watch_stop(struct sovd_sovd *b) {
        (void)pthread_mutex_lock(&b->mutex);
        b->stopping = true;
        (void)pthread_cond_broadcast(&b->changed);
        (void)pthread_mutex_unlock(&b->mutex);
        sovd_http_pool_stop(b->pool);
        sovd_http_pool_stop(b->discovery_pool);
        sovd_http_pool_stop(b->bulk_pool);

        if (b->is_running)
                (void)pthread_join(b->thread, NULL);
        b->is_running = false;
}

void watch_wake(struct sovd_sovd *b, bool failed) {
        (void)pthread_mutex_lock(&b->mutex);
        if (!failed || b->connection == SOVD_CONNECTED) {
                b->woken = true;
                (void)pthread_cond_broadcast(&b->changed);
        }
        (void)pthread_mutex_unlock(&b->mutex);
}
