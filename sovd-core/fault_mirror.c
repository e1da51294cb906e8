/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/fault_mirror_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/id.h"
#include "sovd-core/base/log.h"
#include "sovd-core/call.h"
#include "sovd-core/fault_sink.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define LOOK_USEC    (250 * SOVD_USEC_PER_MSEC) /* how often the tree is looked at for other entities */
#define TELL_USEC    (3600 * SOVD_USEC_PER_SEC) /* how often the sink is told which entities there are */
#define FIRST_USEC   (60 * SOVD_USEC_PER_SEC)   /* the same, after the start: when backends were found */
#define SLOWER_MAX   3u                         /* an entity that fails is read 2^3 times less often, at most */
#define COMPARE_EACH 12u                        /* so many readings without a difference, then the file is looked at too */

/* --- reading --------------------------------------------------------------------------------------------- */

struct ids {
        char request[33], trace[33], span[17];
};

static int make_call(struct sovd_fault_mirror *m, struct sovd_arena *arena, struct sovd_tree *tree,
                     const struct sovd_entity *e, struct sovd_call *ret) {
        struct ids *ids = sovd_arena_new0(arena, struct ids);
        if (!ids)
                return sovd_error_origin(-ENOMEM);

        sovd_id_trace(ids->request, 32);
        sovd_id_trace(ids->trace, 32);
        sovd_id_trace(ids->span, 16);
        *ret = (struct sovd_call){ .arena = arena,
                                   .gateway = m->options.gateway,
                                   .deadline_usec = sovd_now_usec() + m->options.timeout_usec,
                                   .request_id = ids->request,
                                   .principal = { .id = "gateway" },
                                   .base = "",
                                   .tree = tree,
                                   .entity = e };
        ret->traceparent = sovd_call_printf(ret, "00-%s-%s-00", ids->trace, ids->span);
        return 0;
}

enum outcome { SKIPPED, FAILED, READ };

/* Without the mutex. *observed: what was read, in the arena. */
static enum outcome read_faults(struct sovd_fault_mirror *m, const struct mirror_target *t, struct sovd_arena *arena,
                                struct sovd_observed_faults *observed) {
        const struct sovd_fault_filter filter = { 0 };
        struct sovd_fault_list list = { 0 };
        struct sovd_tree *tree = sovd_gateway_tree(m->options.gateway);
        const struct sovd_entity *e = sovd_tree_find(tree, t->type, t->id);
        enum outcome outcome = SKIPPED;
        struct sovd_call call;

        if (e && mirror_is_followed(e) && e->connection == SOVD_CONNECTED) {
                int r = make_call(m, arena, tree, e, &call);
                if (!r)
                        r = e->providers[SOVD_COLLECTION_FAULTS]->ops->faults_list(&call, e, &filter, &list);
                outcome = r ? FAILED : READ;
                observed->faults = list.items.items;
                observed->n = list.items.n;
        }
        sovd_tree_unref(tree);
        return outcome;
}

/* With the mutex held: what has become of a reading. */
static void take_outcome(struct sovd_fault_mirror *m, struct mirror_target *t, enum outcome outcome,
                         const struct sovd_observed_faults *observed) {
        m->counters.n_readings += outcome != SKIPPED;
        m->counters.n_failed += outcome == FAILED;
        t->n_failed = outcome == FAILED ? SOVD_MIN(t->n_failed + 1, SLOWER_MAX) : 0;
        if (outcome != READ)
                return;
        m->counters.n_changes += observed->n_changes;
        if (t->again)
                return;
        t->n_same = observed->n_changes ? 0 : t->n_same + 1;
        t->fingerprint = t->n_same && t->n_same % COMPARE_EACH == 0 ? 0 : observed->fingerprint;
        if (!t->gone)
                m->counters.n_left_out += observed->n_left_out - t->n_left_out;
        t->n_left_out = observed->n_left_out;
}

static bool is_outdated(struct sovd_fault_mirror *m, const struct mirror_target *t) {
        (void)pthread_mutex_lock(&m->mutex);
        bool outdated = t->again || t->gone;
        (void)pthread_mutex_unlock(&m->mutex);
        return outdated;
}

/* Without the mutex; t is in flight, so it stays. */
static enum outcome follow(struct sovd_fault_mirror *m, const struct mirror_target *t, struct sovd_observed_faults *observed) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;

        if (sovd_arena_new(&arena, 8192))
                return FAILED;
        enum outcome outcome = read_faults(m, t, arena, observed);
        if (outcome != READ || is_outdated(m, t))
                return outcome;
        size_t n_left_out = t->n_left_out;
        int r = m->sink->ops->observe(m->sink, observed, arena);
        if (!r && observed->n_left_out && observed->n_left_out != n_left_out)
                sovd_log(SOVD_LOG_WARN, "%zu faults of %s are not followed: they are too many, or too long",
                         observed->n_left_out, t->key);
        return r ? FAILED : READ;
}

/* --- threads --------------------------------------------------------------------------------------------- */

/* When something of a source may be read; UINT64_MAX: when a reading ends, or never. */
static uint64_t next_of(const struct sovd_fault_mirror *m, const struct mirror_source *s) {
        const struct sovd_due *due = s->in_flight < m->options.per_backend ? sovd_due_first(&s->due) : NULL;

        return due ? SOVD_MAX(due->when_usec, s->rest_usec) : UINT64_MAX;
}

/* With the mutex held: the entity that is due first and whose backend may be asked; *ret_usec: when the next one is. */
static struct mirror_target *take_due(struct sovd_fault_mirror *m, uint64_t now, uint64_t *ret_usec) {
        struct mirror_source *first = NULL;

        for (struct mirror_source *s = m->sources; s; s = s->next)
                if (!first || next_of(m, s) < next_of(m, first))
                        first = s;
        *ret_usec = SOVD_MIN(m->look_usec, first ? next_of(m, first) : UINT64_MAX);
        if (!first || next_of(m, first) > now)
                return NULL;
        struct mirror_target *t = (struct mirror_target *)sovd_due_first(&first->due);
        first->rest_usec = SOVD_MAX(first->rest_usec + m->options.gap_usec, now);
        sovd_due_remove(&first->due, &t->due);
        t->in_flight = true;
        t->again = false;
        t->source->in_flight++;
        m->counters.in_flight++;
        return t;
}

/* With the mutex held. A tenth more or less, so that entities do not come together in step. */
static uint64_t next_time(const struct sovd_fault_mirror *m, const struct mirror_target *t) {
        const uint64_t period = m->options.period_usec << t->n_failed;
        char digits[5];

        if (t->again)
                return sovd_now_usec();
        sovd_id_trace(digits, 4);
        return sovd_now_usec() + period * 9 / 10 +
               m->options.period_usec * strtoul(digits, NULL, 16) / 0xffff / 5;
}

static void put_back(struct sovd_fault_mirror *m, struct mirror_target *t) {
        t->in_flight = false;
        t->source->in_flight--;
        m->counters.in_flight--;
        if (!t->gone) {
                mirror_target_plan(t, next_time(m, t));
                return;
        }
        t->source->n_targets--;
        mirror_target_free(t);
}

/* With the mutex held, which is free meanwhile. */
static void read_one(struct sovd_fault_mirror *m, struct mirror_target *t) {
        struct sovd_observed_faults observed = { .entity = t->key, .fingerprint = t->fingerprint };

        (void)pthread_mutex_unlock(&m->mutex);
        enum outcome outcome = follow(m, t, &observed);
        (void)pthread_mutex_lock(&m->mutex);
        take_outcome(m, t, outcome, &observed);
        put_back(m, t);
        (void)pthread_cond_signal(&m->wake); /* the backend has room for one more */
}

static uint64_t tell_period(const struct sovd_fault_mirror *m) {
        return SOVD_MIN(SOVD_MAX(m->options.keep_usec / 4, LOOK_USEC), TELL_USEC);
}

/* Without the mutex, by the one that looks: so the list stays as it is. */
static void tell_followed(struct sovd_fault_mirror *m) {
        const char **keys;

        if (sovd_now_usec() < m->tell_usec)
                return;
        m->tell_usec = sovd_now_usec() + tell_period(m);
        keys = calloc(m->n_targets + 1, sizeof(*keys));
        for (size_t i = 0; keys && i < m->n_targets; i++)
                keys[i] = m->targets[i]->key;
        if (!keys || m->sink->ops->followed(m->sink, keys, m->n_targets, m->options.keep_usec))
                sovd_log(SOVD_LOG_WARN, "it could not be noted which entities are there; it is tried again");
        free(keys);
}

/* With the mutex held, which is free meanwhile. */
static void look(struct sovd_fault_mirror *m) {
        struct mirror_list list;

        m->looking = true;
        m->look_usec = UINT64_MAX;
        (void)pthread_mutex_unlock(&m->mutex);
        struct sovd_tree *tree = sovd_gateway_tree(m->options.gateway);
        bool changed = tree != m->tree; /* only who looks writes it, and the list */
        tell_followed(m);
        int r = changed ? mirror_list_tree(tree, &list) : 0;
        (void)pthread_mutex_lock(&m->mutex);
        if (changed && !r) {
                mirror_list_replace(m, &list);
                m->counters.n_entities = m->n_targets;
                struct sovd_tree *old = m->tree;
                m->tree = tree;
                tree = old;
        }
        m->look_usec = sovd_now_usec() + LOOK_USEC;
        (void)pthread_mutex_unlock(&m->mutex);
        sovd_tree_unref(tree);
        (void)pthread_mutex_lock(&m->mutex);
        m->looking = false;
        (void)pthread_cond_broadcast(&m->wake); /* who found nothing to do meanwhile sleeps without an end */
}

/* With the mutex held. */
static void sleep_until(struct sovd_fault_mirror *m, uint64_t when_usec) {
        (void)sovd_cond_wait_until(&m->wake, &m->mutex, when_usec);
}

static void *run(void *data) {
        struct sovd_fault_mirror *m = data;

        (void)pthread_mutex_lock(&m->mutex);
        while (!m->quit) {
                uint64_t now = sovd_now_usec(), next;
                if (!m->looking && now >= m->look_usec) {
                        look(m);
                        continue;
                }
                struct mirror_target *t = take_due(m, now, &next);
                if (t)
                        read_one(m, t);
                else
                        sleep_until(m, next);
        }
        (void)pthread_mutex_unlock(&m->mutex);
        return NULL;
}

/* --- clearing -------------------------------------------------------------------------------------------- */

void sovd_fault_mirror_restored(struct sovd_fault_mirror *m) {
        (void)pthread_mutex_lock(&m->mutex);
        for (size_t i = 0; i < m->n_targets; i++) {
                struct mirror_target *t = m->targets[i];
                t->again = true;
                t->fingerprint = 0;
                if (t->source && !t->in_flight)
                        mirror_target_plan(t, sovd_now_usec());
        }
        (void)pthread_cond_broadcast(&m->wake);
        (void)pthread_mutex_unlock(&m->mutex);
}

/* What is being read now may be of before the clear: it must not be stored behind it. */
static void note_cleared(struct sovd_fault_mirror *m, char *key) {
        (void)pthread_mutex_lock(&m->mutex);
        struct mirror_target *t = mirror_target_find(m, key);
        if (t && t->in_flight)
                t->again = true;
        (void)pthread_mutex_unlock(&m->mutex);
}

void sovd_fault_mirror_cleared(struct sovd_fault_mirror *m, const struct sovd_entity *e, const char *code,
                               const char *scope) {
        _cleanup_(sovd_freep) char *key = NULL;

        if (!mirror_is_followed(e) || asprintf(&key, "%s/%s", sovd_entity_type_paths[e->type], e->id) < 0)
                return;
        note_cleared(m, key);
        int r = m->sink->ops->forget(m->sink, key, code, scope);
        if (r && r != SOVD_E_NOT_FOUND)
                sovd_log(SOVD_LOG_WARN, "that faults of %s were cleared is told late: the state cannot be written", key);

        (void)pthread_mutex_lock(&m->mutex);
        struct mirror_target *t = mirror_target_find(m, key);
        if (t) {
                t->again = true;
                t->fingerprint = 0;
        }
        if (t && t->source && !t->in_flight)
                mirror_target_plan(t, sovd_now_usec());
        (void)pthread_cond_signal(&m->wake);
        (void)pthread_mutex_unlock(&m->mutex);
}

void sovd_fault_mirror_count(struct sovd_fault_mirror *m, struct sovd_fault_mirror_counters *ret) {
        (void)pthread_mutex_lock(&m->mutex);
        *ret = m->counters;
        (void)pthread_mutex_unlock(&m->mutex);
}

/* --- life ------------------------------------------------------------------------------------------------ */

static int start_threads(struct sovd_fault_mirror *m) {
        sigset_t all, before;
        int r = 0;

        m->threads = calloc(m->options.threads, sizeof(*m->threads));
        if (!m->threads)
                return sovd_error_origin(-ENOMEM);
        (void)sigfillset(&all); /* signals are the main thread's */
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        while (!r && m->n_threads < m->options.threads) {
                r = -pthread_create(&m->threads[m->n_threads], NULL, run, m);
                m->n_threads += !r;
        }
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        return r ? sovd_error_origin(r) : 0;
}

int sovd_fault_mirror_new(struct sovd_fault_mirror **ret, const struct sovd_fault_mirror_options *options) {
        _cleanup_(sovd_fault_mirror_freep) struct sovd_fault_mirror *m = calloc(1, sizeof(*m));
        if (!m)
                return sovd_error_origin(-ENOMEM);

        m->options = *options;
        m->sink = sovd_gateway_fault_sink(options->gateway);
        (void)pthread_mutex_init(&m->mutex, NULL);
        (void)sovd_cond_init(&m->wake);
        m->tell_usec = sovd_now_usec() + SOVD_MIN(tell_period(m), FIRST_USEC);
        int r = start_threads(m);
        if (r)
                return r;

        *ret = SOVD_TAKE(m);
        return 0;
}

void sovd_fault_mirror_quit(struct sovd_fault_mirror *m) {
        if (!m)
                return;
        (void)pthread_mutex_lock(&m->mutex);
        m->quit = true;
        (void)pthread_cond_broadcast(&m->wake);
        (void)pthread_mutex_unlock(&m->mutex);
}

struct sovd_fault_mirror *sovd_fault_mirror_free(struct sovd_fault_mirror *m) {
        if (!m)
                return NULL;

        sovd_fault_mirror_quit(m);
        for (unsigned i = 0; i < m->n_threads; i++)
                (void)pthread_join(m->threads[i], NULL);
        free(m->threads);
        mirror_list_done(m);
        sovd_tree_unref(m->tree);
        (void)pthread_cond_destroy(&m->wake);
        (void)pthread_mutex_destroy(&m->mutex);
        free(m);
        return NULL;
}
