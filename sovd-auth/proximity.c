/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/proximity.h"
#include "sovd-auth/proximity_rules.h"
#include "sovd-auth/secrets.h"
#include "sovd-core/attempts.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/fingerprint.h"
#include "sovd-core/base/log.h"
#include <openssl/crypto.h>
#include <stdio.h>

#define DELAY_SECS     10
#define DELAY_SECS_MAX 3600
#define FORGET_USEC    (3600 * SOVD_USEC_PER_SEC) /* how long wrong answers are remembered behind the wait */
#define RESOURCE_MAX   2048
#define PLACE_PREFIX   "proximity/"
#define PLACE_SIZE     (sizeof(PLACE_PREFIX) + 2 * SOVD_FINGERPRINT_SIZE)

const char *const sovd_proximity_verdict_names[] = {
        [SOVD_PROXIMITY_PROVED] = "proved",
        [SOVD_PROXIMITY_WRONG] = "wrong",
        [SOVD_PROXIMITY_NOT_OPEN] = "not_open",
        [SOVD_PROXIMITY_BUSY] = "busy",
        [SOVD_PROXIMITY_WAIT] = "wait",
        [SOVD_PROXIMITY_UNKNOWN] = "unknown",
        NULL,
};

/* Of one client and one resource. */
struct entry {
        char client[SOVD_FINGERPRINT_SIZE]; /* "" = free */
        char resource[SOVD_FINGERPRINT_SIZE];
        char challenge[SOVD_ID_SIZE]; /* "" = none is open */
        uint64_t expires_usec;        /* monotonic, as all of them */
        unsigned n_tries;
        bool busy; /* an answer is looked at, or wrong ones are written: it stays where it is */
        bool restored; /* its wrong answers are of the process before */
        unsigned n_failures;
        uint64_t blocked_usec, failed_usec;
};

struct sovd_proximity {
        pthread_mutex_t mutex;         /* leaf; of rules and entries */
        struct proximity_rules *rules; /* NULL: none */
        struct sovd_secrets *secrets;
        struct sovd_db *db; /* NULL: wrong answers end with the process */
        bool is_sweeping;
        size_t max;
        struct entry *entries;
        bool *leaving; /* of the sweeper: entries, which are busy, whose wrong answers are forgotten on the disk, too */
        bool has_rules;                                 /* atomic */
        uint64_t n_verdicts[SOVD_PROXIMITY_N_VERDICTS]; /* atomic */
        uint64_t n_challenges, n_refused;               /* atomic */
};

static void count(uint64_t *counter) {
        (void)__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

/* --- rules -------------------------------------------------------------------------------------------------- */

static struct proximity_rules *take_rules(struct sovd_proximity *p) {
        (void)pthread_mutex_lock(&p->mutex);
        struct proximity_rules *rules = p->rules ? proximity_rules_ref(p->rules) : NULL;
        (void)pthread_mutex_unlock(&p->mutex);
        return rules;
}

static void refresh(void *data) {
        _cleanup_(proximity_rules_unrefp) struct proximity_rules *rules = take_rules(data);

        if (rules)
                proximity_rules_refresh(rules, ((struct sovd_proximity *)data)->secrets);
}

/* --- wrong answers outlive the process ---------------------------------------------------------------------- */

static const char *place_of(char ret[static PLACE_SIZE], const struct entry *e) {
        (void)snprintf(ret, PLACE_SIZE, PLACE_PREFIX "%s/%s", e->client, e->resource);
        return ret;
}

static void count_kept(const char *place, unsigned n, void *data) {
        ++*(size_t *)data;
}

struct restoring {
        struct sovd_proximity *p;
        size_t n;
};

/* The wait, and the time for which they are remembered, begin anew: nobody knows how long the process was away. */
static void take_kept(const char *place, unsigned n, void *data) {
        struct restoring *restoring = data;
        const size_t n_prefix = strlen(PLACE_PREFIX), n_print = SOVD_FINGERPRINT_SIZE - 1;

        if (restoring->n >= restoring->p->max || strlen(place) != n_prefix + 2 * n_print + 1)
                return;
        struct entry *e = &restoring->p->entries[restoring->n++];
        memcpy(e->client, place + n_prefix, n_print);
        memcpy(e->resource, place + n_prefix + n_print + 1, n_print);
        e->n_failures = n;
        e->restored = true;
        e->failed_usec = sovd_now_usec();
}

/* All of them are taken in, also when the limit is lower now. */
static int restore(struct sovd_proximity *p) {
        struct restoring restoring = { .p = p };
        size_t n = 0;

        int r = sovd_attempts_each(p->db, PLACE_PREFIX, count_kept, &n);
        p->max = SOVD_MAX(p->max, n);
        p->entries = calloc(p->max, sizeof(*p->entries));
        p->leaving = calloc(p->max, sizeof(*p->leaving));
        if (!p->entries || !p->leaving)
                return sovd_error_origin(-ENOMEM);
        return r ? r : sovd_attempts_each(p->db, PLACE_PREFIX, take_kept, &restoring);
}

/* Of an entry that is busy. A disk that refuses changes nothing of the answer. */
static void keep(struct sovd_proximity *p, const struct entry *e, unsigned n) {
        char place[PLACE_SIZE];

        if (sovd_attempts_write(p->db, place_of(place, e), n))
                sovd_log(SOVD_LOG_WARN, "wrong proofs of proximity cannot be kept now");
}

static int drop_kept(struct sovd_db_conn *conn, void *data) {
        const struct sovd_proximity *p = data;
        char place[PLACE_SIZE];
        int r = 0;

        for (size_t i = 0; !r && i < p->max; i++)
                if (p->leaving[i])
                        r = sovd_attempts_put(conn, place_of(place, &p->entries[i]), 0);
        return r;
}

int sovd_proximity_new(struct sovd_proximity **ret, struct sovd_secrets *secrets, size_t max, struct sovd_db *db) {
        struct sovd_proximity *p = calloc(1, sizeof(*p));
        if (!p)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&p->mutex, NULL);
        p->secrets = secrets;
        p->db = db;
        p->max = max ? max : 1;
        int r = restore(p);
        if (!r && secrets)
                r = sovd_secrets_watch(secrets, refresh, p);
        if (r)
                sovd_proximity_free(p);
        else
                *ret = p;
        return r;
}

struct sovd_proximity *sovd_proximity_free(struct sovd_proximity *p) {
        if (!p)
                return NULL;
        proximity_rules_unref(p->rules);
        if (p->entries)
                OPENSSL_cleanse(p->entries, p->max * sizeof(*p->entries));
        free(p->entries);
        free(p->leaving);
        (void)pthread_mutex_destroy(&p->mutex);
        free(p);
        return NULL;
}

static void close_challenge(struct entry *e) {
        OPENSSL_cleanse(e->challenge, sizeof(e->challenge));
        e->n_tries = 0;
}

int sovd_proximity_apply(struct sovd_proximity *p, const struct sovd_list *settings) {
        struct proximity_rules *rules = NULL;
        int r = proximity_rules_new(&rules, settings, p->secrets);

        if (r)
                return r;
        (void)pthread_mutex_lock(&p->mutex);
        struct proximity_rules *before = p->rules;
        p->rules = rules;
        for (size_t i = 0; i < p->max; i++)
                close_challenge(&p->entries[i]);
        (void)pthread_mutex_unlock(&p->mutex);
        __atomic_store_n(&p->has_rules, settings->n > 0, __ATOMIC_RELEASE);
        proximity_rules_unref(before);
        return 0;
}

bool sovd_proximity_demands(struct sovd_proximity *p, const struct sovd_proximity_of *of) {
        _cleanup_(proximity_rules_unrefp) struct proximity_rules *rules = NULL;

        if (!__atomic_load_n(&p->has_rules, __ATOMIC_ACQUIRE))
                return false;
        rules = take_rules(p);
        return rules && proximity_rules_find(rules, of->segments);
}

/* --- entries (with the mutex) ------------------------------------------------------------------------------- */

struct key {
        char text[RESOURCE_MAX]; /* the resource */
        char client[SOVD_FINGERPRINT_SIZE], resource[SOVD_FINGERPRINT_SIZE];
};

static int make_key(struct key *ret, const struct sovd_proximity_of *of) {
        int n = snprintf(ret->text, sizeof(ret->text), "%s/%s/%s/%s", of->segments[0], of->segments[1],
                         of->segments[2], of->segments[3]);
        int r = n < 0 || (size_t)n >= sizeof(ret->text) ? sovd_error_origin(-E2BIG) : 0;

        if (!r)
                r = sovd_fingerprint(ret->client, of->client, strlen(of->client));
        return r ? r : sovd_fingerprint(ret->resource, ret->text, strlen(ret->text));
}

static bool is_open(const struct entry *e, uint64_t now) {
        return *e->challenge && now < e->expires_usec;
}

/* Does it still say something of its client? How long it has to wait after a restart is not known yet: as long as can be. */
static bool has_failed(const struct entry *e, uint64_t now) {
        const uint64_t longest = e->failed_usec + DELAY_SECS_MAX * SOVD_USEC_PER_SEC;
        const uint64_t end = e->restored ? longest : SOVD_MAX(e->failed_usec, e->blocked_usec);

        return e->n_failures && now < end + FORGET_USEC;
}

static bool is_in_use(const struct entry *e, uint64_t now) {
        return *e->client && (e->busy || is_open(e, now) || has_failed(e, now));
}

static struct entry *find(struct sovd_proximity *p, const struct key *key) {
        for (size_t i = 0; i < p->max; i++)
                if (strcmp(p->entries[i].client, key->client) == 0 &&
                    strcmp(p->entries[i].resource, key->resource) == 0)
                        return &p->entries[i];
        return NULL;
}

/* A free one; for who has as many as it may, its own that ends first. What is remembered of wrong answers is never given up. */
static struct entry *place_for(struct sovd_proximity *p, const struct key *key, uint64_t now) {
        struct entry *free_one = NULL, *own = NULL;
        size_t n_own = 0;

        for (size_t i = 0; i < p->max; i++) {
                struct entry *e = &p->entries[i];
                if (!is_in_use(e, now)) {
                        free_one = free_one ? free_one : e;
                        continue;
                }
                if (strcmp(e->client, key->client) != 0)
                        continue;
                n_own++;
                if (!e->busy && !has_failed(e, now) && (!own || e->expires_usec < own->expires_usec))
                        own = e;
        }
        return n_own >= SOVD_PROXIMITY_PER_CLIENT ? own : free_one;
}

/* Is it of somebody who was remembered long enough? */
static bool may_leave(const struct entry *e, uint64_t now) {
        return e->n_failures && !is_in_use(e, now);
}

static bool mark_leaving(struct sovd_proximity *p, uint64_t now) {
        bool any = false;

        for (size_t i = 0; !p->is_sweeping && i < p->max; i++)
                if (may_leave(&p->entries[i], now))
                        any = p->entries[i].busy = p->leaving[i] = true;
        p->is_sweeping = p->is_sweeping || any;
        return any;
}

static void end_leaving(struct sovd_proximity *p, bool is_gone) {
        for (size_t i = 0; i < p->max; i++) {
                struct entry *e = &p->entries[i];
                if (!p->leaving[i])
                        continue;
                e->busy = p->leaving[i] = false;
                if (is_gone)
                        OPENSSL_cleanse(e, sizeof(*e));
        }
        p->is_sweeping = false;
}

/* What is not remembered any more must not come back with the next process. */
static void sweep(struct sovd_proximity *p) {
        (void)pthread_mutex_lock(&p->mutex);
        const bool any = mark_leaving(p, sovd_now_usec());
        (void)pthread_mutex_unlock(&p->mutex);
        if (!any)
                return;
        int r = p->db ? sovd_db_write(p->db, drop_kept, p) : 0;
        (void)pthread_mutex_lock(&p->mutex);
        end_leaving(p, !r);
        (void)pthread_mutex_unlock(&p->mutex);
}

static uint64_t delay_usec(unsigned n_failures, unsigned tries) {
        uint64_t seconds = DELAY_SECS;

        if (n_failures < tries)
                return 0;
        for (unsigned i = tries; i < n_failures && seconds < DELAY_SECS_MAX; i++)
                seconds *= 2;
        return SOVD_MIN(seconds, (uint64_t)DELAY_SECS_MAX) * SOVD_USEC_PER_SEC;
}

/* How long that is says the rule, which is not known before somebody asks. */
static void settle(struct entry *e, unsigned tries) {
        if (e->restored)
                e->blocked_usec = e->failed_usec + delay_usec(e->n_failures, tries);
        e->restored = false;
}

static unsigned seconds_until(uint64_t then, uint64_t now) {
        return then > now ? (unsigned)((then - now) / SOVD_USEC_PER_SEC) + 1 : 0;
}

static struct entry *entry_for(struct sovd_proximity *p, const struct key *key, uint64_t now) {
        struct entry *e = find(p, key);
        if (e) {
                if (!has_failed(e, now))
                        e->n_failures = 0;
                return e;
        }
        e = place_for(p, key, now);
        if (!e)
                return NULL;
        OPENSSL_cleanse(e, sizeof(*e));
        memcpy(e->client, key->client, sizeof(e->client));
        memcpy(e->resource, key->resource, sizeof(e->resource));
        return e;
}

/* --- challenges --------------------------------------------------------------------------------------------- */

/* Reading again must not disturb who is about to answer, so the one that is open is told again while a third of its time is
 * left. */
static int put_challenge(struct sovd_proximity *p, const struct key *key, unsigned tries,
                         char challenge[static SOVD_ID_SIZE], uint64_t *usec, unsigned *ret_wait) {
        const uint64_t now = sovd_now_usec();
        struct entry *e = entry_for(p, key, now);

        if (!e)
                return SOVD_E_OVERLOAD;
        settle(e, tries);
        *ret_wait = seconds_until(e->blocked_usec, now);
        if (*ret_wait)
                return SOVD_E_CONFLICT;
        if (is_open(e, now) && (e->busy || e->expires_usec - now >= *usec / 3)) {
                *usec = e->expires_usec - now;
                memcpy(challenge, e->challenge, SOVD_ID_SIZE);
                return 0;
        }
        if (e->busy)
                return SOVD_E_CONFLICT;
        e->n_tries = 0;
        e->expires_usec = now + *usec;
        memcpy(e->challenge, challenge, sizeof(e->challenge));
        count(&p->n_challenges);
        return 0;
}

int sovd_proximity_challenge(struct sovd_proximity *p, const struct sovd_proximity_of *of,
                             char ret[static SOVD_ID_SIZE], uint64_t *ret_usec, unsigned *ret_wait) {
        _cleanup_(proximity_rules_unrefp) struct proximity_rules *rules = take_rules(p);
        const struct proximity_rule *rule = rules ? proximity_rules_find(rules, of->segments) : NULL;
        struct key key;

        *ret_wait = 0;
        if (!rule)
                return SOVD_E_NOT_FOUND;
        int r = make_key(&key, of);
        if (!r)
                r = sovd_id_new(ret);
        if (r)
                return r;
        *ret_usec = rule->valid_usec;
        sweep(p);
        (void)pthread_mutex_lock(&p->mutex);
        r = put_challenge(p, &key, rule->tries, ret, ret_usec, ret_wait);
        (void)pthread_mutex_unlock(&p->mutex);
        if (r)
                count(&p->n_refused);
        return r;
}

/* --- answers ------------------------------------------------------------------------------------------------ */

/* Takes the challenge for one look. With the mutex. */
static enum sovd_proximity_verdict begin(struct sovd_proximity *p, const struct proximity_rules *rules,
                                         const struct key *key, unsigned tries, struct entry **ret_entry,
                                         char ret[static SOVD_ID_SIZE], unsigned *ret_wait) {
        const uint64_t now = sovd_now_usec();
        struct entry *e = find(p, key);

        *ret_entry = e;
        if (e)
                settle(e, tries);
        *ret_wait = e ? seconds_until(e->blocked_usec, now) : 0;
        if (*ret_wait)
                return SOVD_PROXIMITY_WAIT;
        if (!e || !is_open(e, now) || p->rules != rules) /* others hold meanwhile */
                return SOVD_PROXIMITY_NOT_OPEN;
        if (e->busy)
                return SOVD_PROXIMITY_BUSY;
        e->busy = true;
        e->n_tries++;
        memcpy(ret, e->challenge, SOVD_ID_SIZE);
        return SOVD_PROXIMITY_PROVED;
}

static void punish(struct entry *e, unsigned tries, unsigned *ret_wait) {
        const uint64_t usec = delay_usec(++e->n_failures, tries);

        e->failed_usec = sovd_now_usec();
        if (!usec)
                return;
        e->blocked_usec = e->failed_usec + usec;
        *ret_wait = (unsigned)(usec / SOVD_USEC_PER_SEC);
        close_challenge(e);
}

/* r: what the verifier said. The entry was busy, so it is the same; its challenge may have ended with its rules. */
static enum sovd_proximity_verdict finish(struct entry *e, const char *challenge, unsigned tries, int r,
                                          unsigned *ret_wait) {
        const bool same = strcmp(e->challenge, challenge) == 0;

        if (!r)
                punish(e, tries, ret_wait);
        if (r > 0 && same) {
                close_challenge(e);
                e->n_failures = 0;
                e->blocked_usec = 0;
        }
        if (r <= 0 && e->n_tries >= tries)
                close_challenge(e);
        return r < 0  ? SOVD_PROXIMITY_UNKNOWN
               : !r   ? SOVD_PROXIMITY_WRONG
               : same ? SOVD_PROXIMITY_PROVED
                      : SOVD_PROXIMITY_NOT_OPEN;
}

/* A wrong answer is told when it is on the disk, so that ending the process gives no further try. The entry stays busy until
 * then: the last that is written is the last that was looked at. */
static enum sovd_proximity_verdict conclude(struct sovd_proximity *p, struct entry *e, const char *challenge,
                                            unsigned tries, int r, unsigned *ret_wait) {
        (void)pthread_mutex_lock(&p->mutex);
        const unsigned before = e->n_failures;
        enum sovd_proximity_verdict v = finish(e, challenge, tries, r, ret_wait);
        const unsigned n = e->n_failures;
        (void)pthread_mutex_unlock(&p->mutex);
        if (n != before)
                keep(p, e, n);
        (void)pthread_mutex_lock(&p->mutex);
        e->busy = false;
        (void)pthread_mutex_unlock(&p->mutex);
        return v;
}

static enum sovd_proximity_verdict prove(struct sovd_proximity *p, struct proximity_rules *rules,
                                         const struct proximity_rule *rule, const struct key *key,
                                         const char *response, uint64_t deadline_usec, unsigned *ret_wait) {
        char challenge[SOVD_ID_SIZE];
        const struct sovd_proximity_question question = { challenge, key->text, key->client, response };
        struct entry *e;

        (void)pthread_mutex_lock(&p->mutex);
        enum sovd_proximity_verdict v = begin(p, rules, key, rule->tries, &e, challenge, ret_wait);
        (void)pthread_mutex_unlock(&p->mutex);
        if (v != SOVD_PROXIMITY_PROVED)
                return v;
        int r = proximity_rules_verify(rules, rule, deadline_usec, &question);
        if (r < 0)
                sovd_log(SOVD_LOG_WARN, "a proof of proximity cannot be verified: %s%s%s",
                         rule->socket ? rule->socket : "", rule->socket ? ": " : "", strerror(-r));
        v = conclude(p, e, challenge, rule->tries, r, ret_wait);
        OPENSSL_cleanse(challenge, sizeof(challenge));
        return v;
}

enum sovd_proximity_verdict sovd_proximity_prove(struct sovd_proximity *p, const struct sovd_proximity_of *of,
                                                 const char *response, uint64_t deadline_usec,
                                                 unsigned *ret_wait) {
        _cleanup_(proximity_rules_unrefp) struct proximity_rules *rules = take_rules(p);
        const struct proximity_rule *rule = rules ? proximity_rules_find(rules, of->segments) : NULL;
        enum sovd_proximity_verdict v = SOVD_PROXIMITY_UNKNOWN;
        struct key key;

        *ret_wait = 0;
        if (rule && !make_key(&key, of))
                v = prove(p, rules, rule, &key, response, deadline_usec, ret_wait);
        count(&p->n_verdicts[v]);
        return v;
}

/* --- metrics ------------------------------------------------------------------------------------------------ */

static size_t count_open(struct sovd_proximity *p) {
        const uint64_t now = sovd_now_usec();
        size_t n = 0;

        (void)pthread_mutex_lock(&p->mutex);
        for (size_t i = 0; i < p->max; i++)
                n += is_in_use(&p->entries[i], now);
        (void)pthread_mutex_unlock(&p->mutex);
        return n;
}

void sovd_proximity_write_metrics(struct sovd_proximity *p, struct sovd_json_writer *w) {
        sovd_json_rawf(
                w,
                "# HELP sovd_proximity_challenges Challenges that are open, or whose client has to wait.\n"
                "# TYPE sovd_proximity_challenges gauge\nsovd_proximity_challenges %zu\n",
                count_open(p));
        sovd_json_rawf(w,
                       "# HELP sovd_proximity_challenges_max Their limit.\n"
                       "# TYPE sovd_proximity_challenges_max gauge\nsovd_proximity_challenges_max %zu\n",
                       p->max);
        sovd_json_rawf(
                w,
                "# HELP sovd_proximity_challenges_total Challenges that were given out.\n"
                "# TYPE sovd_proximity_challenges_total counter\nsovd_proximity_challenges_total %llu\n",
                (unsigned long long)__atomic_load_n(&p->n_challenges, __ATOMIC_RELAXED));
        sovd_json_rawf(w,
                       "# HELP sovd_proximity_challenges_refused_total Those that were not: the client has "
                       "to wait, or too many are open.\n"
                       "# TYPE sovd_proximity_challenges_refused_total "
                       "counter\nsovd_proximity_challenges_refused_total %llu\n",
                       (unsigned long long)__atomic_load_n(&p->n_refused, __ATOMIC_RELAXED));
        sovd_json_rawf(w, "# HELP sovd_proximity_proofs_total Answers to challenges.\n# TYPE "
                          "sovd_proximity_proofs_total counter\n");
        for (size_t i = 0; i < SOVD_PROXIMITY_N_VERDICTS; i++)
                sovd_json_rawf(w, "sovd_proximity_proofs_total{verdict=\"%s\"} %llu\n",
                               sovd_proximity_verdict_names[i],
                               (unsigned long long)__atomic_load_n(&p->n_verdicts[i], __ATOMIC_RELAXED));
}
