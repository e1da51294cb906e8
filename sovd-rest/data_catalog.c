/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/data_catalog.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-rest/rest.h"
#include <errno.h>
#include <pthread.h>
#include <time.h>

#define GAP_USEC (500 * SOVD_USEC_PER_MSEC) /* between two walks through all entities, at least */

struct sovd_data_catalog {
        struct sovd_rest *rest;
        struct sovd_data_catalog_options options;
        pthread_t thread;
        bool running; /* main thread */
        bool stop;    /* atomic */

        pthread_mutex_t mutex; /* all below */
        pthread_cond_t wanted, made;
        uint64_t n_wanted, n_made; /* an index that was begun after the wish n fulfils it */
        struct sovd_catalog_index *index;
        struct sovd_data_catalog_counters counters;
};

struct sovd_catalog_index *sovd_catalog_index_unref(struct sovd_catalog_index *index) {
        if (!index || __atomic_sub_fetch(&index->n_refs, 1, __ATOMIC_ACQ_REL))
                return NULL;
        for (size_t i = 0; i < index->n_parts; i++)
                if (index->parts[i])
                        sovd_arena_free(index->parts[i]->arena); /* the part is in it */
        free(index->parts);
        free(index->rows);
        sovd_tree_unref(index->tree);
        free(index);
        return NULL;
}

/* --- the thread ----------------------------------------------------------------------------------------- */

static bool is_stopped(const struct sovd_data_catalog *c) {
        return __atomic_load_n(&c->stop, __ATOMIC_ACQUIRE);
}

/* With the mutex held, which is free while the backends are asked. */
static void make(struct sovd_data_catalog *c) {
        const uint64_t wish = c->n_wanted, started = sovd_now_usec();
        struct sovd_catalog_index *index = NULL, *old = NULL;

        (void)pthread_mutex_unlock(&c->mutex);
        const struct sovd_catalog_job job = { c->rest, &c->options, sovd_gateway_tree(c->rest->gateway),
                                              &c->stop };
        int r = sovd_data_catalog_build(&index, &job);
        sovd_tree_unref(job.tree);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the data catalogue could not be made: %s", strerror(abs(r)));
        (void)pthread_mutex_lock(&c->mutex);
        if (index) {
                old = c->index;
                c->index = index;
                c->counters.items = index->n_rows;
                c->counters.incomplete = index->n_errors;
        }
        c->counters.builds++;
        c->counters.build_usec += sovd_now_usec() - started;
        c->n_made = wish;
        (void)pthread_cond_broadcast(&c->made);
        (void)pthread_mutex_unlock(&c->mutex);
        sovd_catalog_index_unref(old);
        (void)pthread_mutex_lock(&c->mutex);
}

static void *run(void *data) {
        struct sovd_data_catalog *c = data;
        uint64_t next = 0;

        (void)pthread_setname_np(pthread_self(), "catalog");
        (void)pthread_mutex_lock(&c->mutex);
        while (!is_stopped(c)) {
                if (c->n_wanted == c->n_made) {
                        (void)pthread_cond_wait(&c->wanted, &c->mutex);
                } else if (sovd_now_usec() < next) {
                        (void)sovd_cond_wait_until(&c->wanted, &c->mutex, next);
                } else {
                        make(c);
                        next = sovd_now_usec() + GAP_USEC;
                }
        }
        (void)pthread_cond_broadcast(&c->made);
        (void)pthread_mutex_unlock(&c->mutex);
        return NULL;
}

/* --- life ----------------------------------------------------------------------------------------------- */

int sovd_data_catalog_new(struct sovd_data_catalog **ret, struct sovd_rest *rest,
                          const struct sovd_data_catalog_options *options) {
        struct sovd_data_catalog *c = calloc(1, sizeof(*c));
        if (!c)
                return sovd_error_origin(-ENOMEM);

        c->rest = rest;
        c->options = *options;
        if (options->vss)
                (void)sovd_vss_leaves(options->vss, &c->counters.leaves);
        (void)pthread_mutex_init(&c->mutex, NULL);
        (void)sovd_cond_init(&c->wanted);
        (void)sovd_cond_init(&c->made);
        int r = pthread_create(&c->thread, NULL, run, c);
        if (r) {
                sovd_data_catalog_free(c);
                return sovd_error_origin(-r);
        }
        c->running = true;
        *ret = c;
        return 0;
}

void sovd_data_catalog_quit(struct sovd_data_catalog *c) {
        (void)pthread_mutex_lock(&c->mutex);
        __atomic_store_n(&c->stop, true, __ATOMIC_RELEASE);
        (void)pthread_cond_broadcast(&c->wanted);
        (void)pthread_cond_broadcast(&c->made);
        (void)pthread_mutex_unlock(&c->mutex);
}

void sovd_data_catalog_stop(struct sovd_data_catalog *c) {
        sovd_data_catalog_quit(c);
        if (c->running)
                (void)pthread_join(c->thread, NULL);
        c->running = false;
}

struct sovd_data_catalog *sovd_data_catalog_free(struct sovd_data_catalog *c) {
        if (!c)
                return NULL;

        sovd_data_catalog_stop(c);
        sovd_catalog_index_unref(c->index);
        (void)pthread_cond_destroy(&c->wanted);
        (void)pthread_cond_destroy(&c->made);
        (void)pthread_mutex_destroy(&c->mutex);
        free(c);
        return NULL;
}

/* --- reading -------------------------------------------------------------------------------------------- */

/* With the mutex held. */
static bool is_of(const struct sovd_data_catalog *c, const struct sovd_tree *tree) {
        return c->index && c->index->tree == tree;
}

/* With the mutex held. Asks for another index, and waits for it. */
static bool wait_for_next(struct sovd_data_catalog *c, uint64_t deadline_usec) {
        const uint64_t wish = ++c->n_wanted;

        (void)pthread_cond_signal(&c->wanted);
        while (c->n_made < wish && !is_stopped(c) && sovd_clock_left_usec(deadline_usec))
                (void)sovd_cond_wait_until(&c->made, &c->mutex, deadline_usec);
        return c->n_made >= wish;
}

int sovd_data_catalog_get(struct sovd_data_catalog *c, const struct sovd_tree *tree, uint64_t deadline_usec,
                          struct sovd_catalog_index **ret) {
        struct sovd_catalog_index *index = NULL;

        (void)pthread_mutex_lock(&c->mutex);
        const bool is_present = is_of(c, tree);
        if (is_present && sovd_now_usec() - c->index->made_usec >= c->options.refresh_usec) {
                c->n_wanted = SOVD_MAX(c->n_wanted, c->n_made + 1); /* for the next request */
                (void)pthread_cond_signal(&c->wanted);
        }
        if (is_present || wait_for_next(c, deadline_usec))
                index = c->index;
        if (index)
                (void)__atomic_add_fetch(&index->n_refs, 1, __ATOMIC_RELAXED);
        (void)pthread_mutex_unlock(&c->mutex);
        *ret = index;
        return index ? 0 : SOVD_E_OVERLOAD;
}

const struct sovd_data_catalog_options *sovd_data_catalog_options(const struct sovd_data_catalog *c) {
        return &c->options;
}

void sovd_data_catalog_count(struct sovd_data_catalog *c, struct sovd_data_catalog_counters *ret) {
        (void)pthread_mutex_lock(&c->mutex);
        *ret = c->counters;
        (void)pthread_mutex_unlock(&c->mutex);
}
