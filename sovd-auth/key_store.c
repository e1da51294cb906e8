/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/key_store.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/id.h"
#include "sovd-core/base/log.h"
#include <errno.h>
#include <pthread.h>

#define FETCH_USEC     (10 * SOVD_USEC_PER_SEC) /* one fetch takes at most */
#define PAUSE_MIN_USEC SOVD_USEC_PER_SEC        /* after the first failure; doubles */
#define PAUSE_MAX_USEC (60 * SOVD_USEC_PER_SEC)
#define WAIT_USEC      (2 * SOVD_USEC_PER_SEC) /* a request waits at most */
#define WAITING_MAX    4u                      /* requests: each holds a worker */

struct sovd_key_store {
        struct sovd_key_store_options options;
        struct sovd_key_fetch *fetch; /* NULL: the keys stand still */
        pthread_t thread;
        struct sovd_arena *arena; /* of the thread */
        pthread_mutex_t mutex;    /* leaf; all below */
        pthread_cond_t to_do, done;
        struct sovd_jwks *set; /* or NULL */
        uint64_t generation;
        uint64_t fetched_usec; /* monotonic: the last success */
        uint64_t began_usec, next_usec;
        uint64_t pause_usec; /* 0: the last fetch was good */
        bool wanted, fetching, stopping, began;
        unsigned waiting;
        uint64_t n_fetches, n_failures, n_unknown;
};

/* --- keys ------------------------------------------------------------------------------------------------ */

/* With the mutex held. Returns what is to be given up without it. */
static struct sovd_jwks *publish(struct sovd_key_store *s, struct sovd_jwks *set, bool *ret_news) {
        struct sovd_jwks *before = s->set;

        *ret_news = !before || memcmp(before->digest, set->digest, sizeof(set->digest)) != 0;
        if (!*ret_news)
                return set;
        set->generation = ++s->generation;
        s->set = set;
        return before;
}

static bool is_usable(const struct sovd_key_store *s) {
        return s->set && (!s->fetch || sovd_now_usec() - s->fetched_usec < s->options.max_stale_usec);
}

struct sovd_jwks *sovd_key_store_get(struct sovd_key_store *s) {
        (void)pthread_mutex_lock(&s->mutex);
        struct sovd_jwks *set = is_usable(s) ? sovd_jwks_ref(s->set) : NULL;
        (void)pthread_mutex_unlock(&s->mutex);
        return set;
}

bool sovd_key_store_replace(struct sovd_key_store *s, struct sovd_jwks *set) {
        bool news;

        (void)pthread_mutex_lock(&s->mutex);
        struct sovd_jwks *old = publish(s, set, &news);
        (void)pthread_mutex_unlock(&s->mutex);
        sovd_jwks_unref(old);
        return news;
}

/* --- the thread ------------------------------------------------------------------------------------------ */

static void wait_until(struct sovd_key_store *s, pthread_cond_t *cond, uint64_t usec) {
        (void)sovd_cond_wait_until(cond, &s->mutex, usec);
}

/* Up to a tenth sooner, so that a fleet does not ask at one moment. */
static uint64_t spread(uint64_t usec) {
        char hex[9];

        sovd_id_trace(hex, 8);
        return usec - usec / 10 * (strtoul(hex, NULL, 16) % 1000) / 1000;
}

static void say_good(const struct sovd_key_store *s, const struct sovd_jwks *set) {
        sovd_log(SOVD_LOG_INFO, "tokens of '%s': there are %zu keys to verify them with", s->options.name,
                 set->n);
        if (set->n_left_out)
                sovd_log(SOVD_LOG_WARN, "tokens of '%s': %zu keys are left out: %s", s->options.name,
                         set->n_left_out, set->why_left_out);
}

static void take(struct sovd_key_store *s, struct sovd_jwks *set) {
        bool news;

        (void)pthread_mutex_lock(&s->mutex);
        struct sovd_jwks *old = publish(s, set, &news), *now = sovd_jwks_ref(s->set);
        bool was_away = s->pause_usec;
        s->fetched_usec = sovd_now_usec();
        s->pause_usec = 0;
        s->next_usec = s->fetched_usec + spread(s->options.refresh_usec);
        (void)pthread_mutex_unlock(&s->mutex);
        if (news && s->options.changes)
                (void)__atomic_add_fetch(s->options.changes, 1, __ATOMIC_RELEASE);
        if (news || was_away)
                say_good(s, now);
        sovd_jwks_unref(old);
        sovd_jwks_unref(now);
}

static void lose(struct sovd_key_store *s, const char *why) {
        (void)pthread_mutex_lock(&s->mutex);
        bool first = !s->pause_usec, stopping = s->stopping;
        s->pause_usec = first ? PAUSE_MIN_USEC : SOVD_MIN(2 * s->pause_usec, PAUSE_MAX_USEC);
        s->next_usec = sovd_now_usec() + spread(s->pause_usec);
        s->n_failures++;
        (void)pthread_mutex_unlock(&s->mutex);
        if (first && !stopping)
                sovd_log(SOVD_LOG_WARN, "tokens of '%s': keys cannot be fetched: %s", s->options.name, why);
}

static void fetch(struct sovd_key_store *s) {
        const char *why = NULL;
        struct sovd_jwks *set = NULL;
        int r = sovd_key_fetch_now(s->fetch, sovd_now_usec() + FETCH_USEC, s->arena, &set, &why);

        if (r)
                lose(s, r > 0 && why ? why : strerror(r < 0 ? -r : ENOMEM));
        else
                take(s, set);
        sovd_arena_reset(s->arena);
}

static void *run(void *data) {
        struct sovd_key_store *s = data;

        (void)pthread_mutex_lock(&s->mutex);
        while (!s->stopping) {
                if (!s->wanted && sovd_now_usec() < s->next_usec) {
                        wait_until(s, &s->to_do, s->next_usec);
                        continue;
                }
                s->wanted = false;
                s->fetching = s->began = true;
                s->began_usec = sovd_now_usec();
                (void)pthread_mutex_unlock(&s->mutex);
                fetch(s);
                (void)pthread_mutex_lock(&s->mutex);
                s->fetching = false;
                s->n_fetches++;
                (void)pthread_cond_broadcast(&s->done);
        }
        (void)pthread_mutex_unlock(&s->mutex);
        return NULL;
}

/* --- tokens whose key is not there ------------------------------------------------------------------------ */

void sovd_key_store_refresh(struct sovd_key_store *s) {
        (void)pthread_mutex_lock(&s->mutex);
        s->wanted = true;
        (void)pthread_cond_signal(&s->to_do);
        (void)pthread_mutex_unlock(&s->mutex);
}

/* With the mutex held: is a fetch under way or about to be, or may one begin? */
static bool want(struct sovd_key_store *s) {
        if (!s->fetch || s->stopping)
                return false;
        if (s->fetching || s->wanted || !s->began)
                return true;
        if (sovd_now_usec() - s->began_usec < s->options.min_gap_usec)
                return false;
        s->wanted = true;
        (void)pthread_cond_signal(&s->to_do);
        return true;
}

/* With the mutex held. false: it took too long, or too many wait. */
static bool wait_for_fetch(struct sovd_key_store *s, uint64_t deadline_usec) {
        const uint64_t before = s->n_fetches;

        if (s->waiting >= WAITING_MAX)
                return false;
        s->waiting++;
        while (s->n_fetches == before && !s->stopping && sovd_now_usec() < deadline_usec)
                wait_until(s, &s->done, deadline_usec);
        s->waiting--;
        return s->n_fetches != before;
}

int sovd_key_store_look_again(struct sovd_key_store *s, uint64_t seen, uint64_t deadline_usec,
                              struct sovd_jwks **ret, unsigned *ret_retry_after_sec) {
        const uint64_t until = SOVD_MIN(deadline_usec, sovd_now_usec() + WAIT_USEC);
        bool answered = true;

        (void)pthread_mutex_lock(&s->mutex);
        s->n_unknown++;
        if (!is_usable(s) || s->set->generation == seen)
                answered = !want(s) || wait_for_fetch(s, until);
        struct sovd_jwks *set = answered && is_usable(s) ? sovd_jwks_ref(s->set) : NULL;
        uint64_t left = sovd_clock_left_usec(s->next_usec);
        (void)pthread_mutex_unlock(&s->mutex);

        if (!set) {
                *ret_retry_after_sec = (unsigned)SOVD_MIN(1 + (answered ? left / SOVD_USEC_PER_SEC : 0), 60);
                return SOVD_E_UNAVAILABLE;
        }
        *ret = set;
        return 0;
}

/* --- life ------------------------------------------------------------------------------------------------ */

static struct sovd_key_store *make(void) {
        struct sovd_key_store *s = calloc(1, sizeof(*s));

        if (!s)
                return NULL;
        (void)pthread_mutex_init(&s->mutex, NULL);
        (void)sovd_cond_init(&s->to_do);
        (void)sovd_cond_init(&s->done);
        return s;
}

static struct sovd_key_store *unmake(struct sovd_key_store *s) {
        sovd_jwks_unref(s->set);
        sovd_key_fetch_free(s->fetch);
        sovd_arena_free(s->arena);
        (void)pthread_cond_destroy(&s->to_do);
        (void)pthread_cond_destroy(&s->done);
        (void)pthread_mutex_destroy(&s->mutex);
        free(s);
        return NULL;
}

int sovd_key_store_new_fixed(struct sovd_key_store **ret, struct sovd_jwks *set) {
        struct sovd_key_store *s = make();
        if (!s)
                return sovd_error_origin(-ENOMEM);

        (void)sovd_key_store_replace(s, set);
        *ret = s;
        return 0;
}

int sovd_key_store_new_remote(struct sovd_key_store **ret, const struct sovd_key_store_options *options) {
        struct sovd_key_store *s = make();
        if (!s)
                return sovd_error_origin(-ENOMEM);

        s->options = *options;
        int r = sovd_key_fetch_new(&s->fetch, &options->fetch);
        if (!r)
                r = sovd_arena_new(&s->arena, 4096);
        if (!r)
                r = -pthread_create(&s->thread, NULL, run, s);
        if (r) {
                unmake(s);
                return sovd_error_origin(r);
        }
        *ret = s;
        return 0;
}

struct sovd_key_store *sovd_key_store_free(struct sovd_key_store *s) {
        if (!s)
                return NULL;
        if (s->fetch) {
                (void)pthread_mutex_lock(&s->mutex);
                s->stopping = true;
                (void)pthread_cond_broadcast(&s->to_do);
                (void)pthread_cond_broadcast(&s->done);
                (void)pthread_mutex_unlock(&s->mutex);
                sovd_key_fetch_stop(s->fetch);
                (void)pthread_join(s->thread, NULL);
        }
        return unmake(s);
}

void sovd_key_store_count(struct sovd_key_store *s, struct sovd_key_store_counters *ret) {
        (void)pthread_mutex_lock(&s->mutex);
        bool usable = is_usable(s);
        *ret = (struct sovd_key_store_counters){ .n_keys = usable ? s->set->n : 0,
                                                 .is_remote = s->fetch,
                                                 .usable = usable,
                                                 .age_usec = s->set && s->fetch
                                                                     ? sovd_now_usec() - s->fetched_usec
                                                                     : 0,
                                                 .fetches = s->n_fetches,
                                                 .failures = s->n_failures,
                                                 .unknown = s->n_unknown };
        (void)pthread_mutex_unlock(&s->mutex);
}
