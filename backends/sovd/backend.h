#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * SOVD backend, inside - what its files share
 *
 * Requests come in on many threads and touch the atomics, the pool, the breaker and, for a moment, `mutex`;
 * the watch thread alone builds views and publishes them, and holds no lock while it does.
 */
#include "backends/sovd/sovd_backend.h"
#include "backends/sovd/view.h"
#include "sovd-core/base/breaker.h"
#include "sovd-core/base/http_client.h"
#include <pthread.h>
#include <stdatomic.h>

/* Most entities that are taken from one server. */
#define SOVD_BACKEND_ENTITIES_MAX 20000

struct fetcher;

/* How one kind of server is spoken to. ops: the resource ops only; none NULL that the
 * contract says must be there. */
struct dialect {
        const char *name;
        const char *const *type_paths; /* path of each enum sovd_entity_type's collection */
        const struct sovd_backend_ops *ops;
        /* Fills the view, see discovery.h. */
        int (*discover)(struct fetcher *fetcher, struct view *view, const struct view *before);
};

extern const struct dialect dialect_iso, dialect_odata;

struct sovd_sovd {
        struct sovd_backend base;
        struct sovd_arena *arena; /* of the options */
        struct sovd_sovd_options options;
        uint64_t timeout_usec, refresh_usec;
        struct sovd_http_pool *pool;           /* requests */
        struct sovd_http_pool *discovery_pool; /* the watch thread: it needs no place among the requests */
        struct sovd_http_pool *bulk_pool;      /* transfers: they must not take the places of requests */
        struct sovd_breaker *breaker;          /* of requests */

        _Atomic(const struct dialect *) dialect; /* NULL until known */
        const char *source;                      /* whose view it is: the settings that say so */
        atomic_bool view_is_stored;              /* or on its way there (remember.h) */
        atomic_uint_fast64_t last_seen_usec, n_calls, n_failures, n_retries, n_rejected;

        pthread_t thread;
        bool is_running;        /* start() and stop() only, which are not called together */
        pthread_mutex_t mutex;  /* leaf; all below */
        pthread_cond_t changed; /* stopping or woken */
        bool stopping, woken;
        enum sovd_connection connection;
        bool discovered;
        bool remembered; /* the view is that of a run before */
        size_t n_skipped;
        char last_error[160];
        struct view *view; /* what was published last; replaced by the watch thread only */
};

static inline struct sovd_sovd *sovd_sovd_of(struct sovd_backend *backend) {
        return (struct sovd_sovd *)backend;
}

static inline uint64_t sovd_sovd_usec_of(const struct sovd_number *seconds) {
        return (uint64_t)(seconds->value * (double)SOVD_USEC_PER_SEC);
}

int sovd_sovd_options_copy(struct sovd_sovd_options *ret, const struct sovd_sovd_options *options,
                           struct sovd_arena *arena);

/* What the pool of calls is made of; strings stay the options'. */
struct sovd_http_pool_options sovd_sovd_pool_options(const struct sovd_sovd_options *options);

extern const struct sovd_backend_ops sovd_sovd_ops; /* forward.c */

int sovd_sovd_start(struct sovd_backend *base);
void sovd_sovd_stop(struct sovd_backend *base);
void sovd_sovd_free(struct sovd_backend *base);
void sovd_sovd_status(struct sovd_backend *base, struct sovd_backend_status *ret);
