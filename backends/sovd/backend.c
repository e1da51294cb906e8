/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/backend.h"
#include "backends/sovd/watch.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <errno.h>

/* Transfers to one server at a time. */
#define BULK_MAX 4u

static int new_pools(struct sovd_sovd *b) {
        struct sovd_http_pool_options pool = sovd_sovd_pool_options(&b->options);

        int r = sovd_http_pool_new(&b->pool, &pool);
        if (r)
                return r;

        pool.max_in_flight = SOVD_MIN(pool.max_in_flight, BULK_MAX);
        r = sovd_http_pool_new(&b->bulk_pool, &pool);
        if (r)
                return r;

        pool.max_in_flight = 1;
        pool.max_waiting = 0;
        return sovd_http_pool_new(&b->discovery_pool, &pool);
}

void sovd_sovd_free(struct sovd_backend *base) {
        struct sovd_sovd *b = sovd_sovd_of(base);

        sovd_http_pool_free(b->pool);
        sovd_http_pool_free(b->discovery_pool);
        sovd_http_pool_free(b->bulk_pool);
        sovd_breaker_free(b->breaker);
        view_free(b->view);
        sovd_arena_free(b->arena);
        (void)pthread_cond_destroy(&b->changed);
        (void)pthread_mutex_destroy(&b->mutex);
        free(b);
}

/* How it is reached and by which credentials may change; which server it is, and what is taken of it, may not. */
static int make_source(struct sovd_sovd *b) {
        const struct sovd_sovd_options *o = &b->options;
        const char *text = sovd_arena_printf(b->arena, "%s%s %s %d", o->base_url, o->api_prefix,
                                             o->unix_socket ? o->unix_socket : "", o->dialect);

        for (size_t i = 0; text && i < o->component_ids.n; i++)
                text = sovd_arena_printf(b->arena, "%s %s", text, o->component_ids.items[i]);
        b->source = text;
        return text ? 0 : sovd_error_origin(-ENOMEM);
}

static int fill(struct sovd_sovd *b, const struct sovd_sovd_options *options) {
        int r = sovd_arena_new(&b->arena, 1024);
        if (!r)
                r = sovd_sovd_options_copy(&b->options, options, b->arena);
        if (r)
                return r;

        b->base.name = b->options.name;
        r = make_source(b);
        if (r)
                return r;
        b->timeout_usec = sovd_sovd_usec_of(&options->timeout_secs);
        b->refresh_usec = sovd_sovd_usec_of(&options->refresh_secs);
        if (options->dialect != SOVD_DIALECT_AUTO)
                atomic_init(&b->dialect,
                            options->dialect == SOVD_DIALECT_ISO ? &dialect_iso : &dialect_odata);

        const struct sovd_breaker_options breaker = {
                .threshold = (unsigned)options->breaker_failures.value,
                .open_usec = sovd_sovd_usec_of(&options->breaker_open_secs),
        };
        r = sovd_breaker_new(&b->breaker, &breaker);
        if (!r)
                r = watch_new_stubs(&b->view, &b->options.component_ids);
        return r ? r : new_pools(b);
}

int sovd_sovd_backend_new(struct sovd_backend **ret, const struct sovd_sovd_options *options) {
        const char *member;
        if (sovd_sovd_options_check(options, &member))
                return sovd_error_origin(-EINVAL);

        struct sovd_sovd *b = calloc(1, sizeof(*b));
        if (!b)
                return sovd_error_origin(-ENOMEM);

        b->base.ops = &sovd_sovd_ops;
        b->base.n_refs = 1;
        b->connection = SOVD_CONNECTING;
        int r = sovd_cond_init(&b->changed);
        if (r) {
                free(b);
                return r;
        }
        (void)pthread_mutex_init(&b->mutex, NULL);
        r = fill(b, options);
        if (r) {
                sovd_sovd_free(&b->base);
                return r;
        }

        *ret = &b->base;
        return 0;
}

/* --- ops ------------------------------------------------------------------------------------------------ */

int sovd_sovd_start(struct sovd_backend *base) {
        return watch_start(sovd_sovd_of(base));
}

void sovd_sovd_stop(struct sovd_backend *base) {
        watch_stop(sovd_sovd_of(base));
}

static const char *breaker_word(enum sovd_breaker_state state) {
        return state == SOVD_BREAKER_CLOSED ? "closed" : state == SOVD_BREAKER_OPEN ? "open" : "half-open";
}

void sovd_sovd_status(struct sovd_backend *base, struct sovd_backend_status *ret) {
        struct sovd_sovd *b = sovd_sovd_of(base);
        const struct dialect *dialect = atomic_load(&b->dialect);
        struct sovd_http_counters counters = { 0 };

        sovd_http_pool_counters(b->pool, &counters);
        *ret = (struct sovd_backend_status){
                .address = b->options.unix_socket ? b->options.unix_socket : b->options.base_url,
                .breaker = breaker_word(sovd_breaker_state(b->breaker)),
                .dialect = dialect ? dialect->name : NULL,
                .last_seen_usec = atomic_load_explicit(&b->last_seen_usec, memory_order_relaxed),
                .in_flight = counters.in_flight,
                .waiting = counters.waiting,
                .n_calls = atomic_load_explicit(&b->n_calls, memory_order_relaxed),
                .n_failures = atomic_load_explicit(&b->n_failures, memory_order_relaxed),
                .n_retries = atomic_load_explicit(&b->n_retries, memory_order_relaxed),
                .n_rejected = atomic_load_explicit(&b->n_rejected, memory_order_relaxed),
        };

        (void)pthread_mutex_lock(&b->mutex);
        ret->connection = b->connection;
        ret->discovered = b->discovered;
        ret->n_entities = b->view->n;
        ret->n_skipped = b->n_skipped;
        ret->remembered = b->remembered;
        memcpy(ret->last_error, b->last_error, sizeof(ret->last_error));
        (void)pthread_mutex_unlock(&b->mutex);
}
