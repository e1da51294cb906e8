/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/jwt_issuer.h"
#include "sovd-auth/jwt_keys.h"
#include "sovd-auth/key_store.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/log.h"
#include <errno.h>

struct issuer {
        unsigned refs;            /* atomic */
        struct sovd_arena *arena; /* of the strings */
        char *text;               /* the settings, to compare others with */
        struct sovd_issuer_settings settings;
        struct sovd_claims_policy policy;
        struct sovd_key_store *keys;
        struct sovd_jwt_cache *cache;
        uint64_t *changes; /* of keys that are fetched */
        uint64_t n_verified, n_refused; /* atomic */
};

/* --- life ------------------------------------------------------------------------------------------------ */

struct issuer *issuer_ref(struct issuer *s) {
        (void)__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
        return s;
}

struct issuer *issuer_unref(struct issuer *s) {
        if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
                return NULL;
        sovd_key_store_free(s->keys);
        sovd_jwt_cache_free(s->cache);
        sovd_arena_free(s->arena);
        free(s->text);
        free(s);
        return NULL;
}
SOVD_DEFINE_CLEANUP(struct issuer *, issuer_unref)

bool issuer_made(const struct issuer *s, const char *id) {
        const size_t n = strlen(s->settings.name);

        return sovd_has_prefix(id, "jwt:") && strncmp(id + 4, s->settings.name, n) == 0 && id[4 + n] == ':';
}

static int write_settings(char **ret, const struct sovd_schema *schema,
                          const struct sovd_issuer_settings *settings) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(schema, settings, &w);
        int r = sovd_json_writer_finish(&w, &text, &len);
        if (!r) {
                *ret = strndup(text, len);
                r = *ret ? 0 : sovd_error_origin(-ENOMEM);
        }
        sovd_json_writer_done(&w);
        return r;
}

static bool keep(struct sovd_arena *arena, const char **text) {
        if (*text)
                *text = sovd_arena_strdup(arena, *text);
        return *text;
}

static int copy_settings(struct issuer *s, const struct sovd_issuer_settings *from) {
        s->settings = *from;
        struct sovd_issuer_settings *c = &s->settings;
        const char **const texts[] = {
                &c->name,        &c->issuer,          &c->audience, &c->roles_claim, &c->tenant_claim,
                &c->secret_file, &c->public_key_file, &c->jwks_url, &c->ca_file
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++)
                if (*texts[i] && !keep(s->arena, texts[i]))
                        return sovd_error_origin(-ENOMEM);
        c->algorithms.items = sovd_arena_array(s->arena, const char *, c->algorithms.n + 1);
        for (size_t i = 0; c->algorithms.items && i < c->algorithms.n; i++)
                c->algorithms.items[i] = sovd_jwa_name(sovd_jwa_of(from->algorithms.items[i]));
        s->policy =
                (struct sovd_claims_policy){ .name = c->name,
                                             .issuer = c->issuer,
                                             .audience = c->audience,
                                             .roles_claim = c->roles_claim,
                                             .tenant_claim = c->tenant_claim,
                                             .leeway_usec = (uint64_t)c->leeway.value * SOVD_USEC_PER_SEC };
        return c->algorithms.items ? 0 : sovd_error_origin(-ENOMEM);
}

/* --- keys ------------------------------------------------------------------------------------------------ */

static int read_keys(struct sovd_jwks **ret, struct issuer *s, struct sovd_secrets *secrets) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        const char *why = NULL;
        int r = sovd_arena_new(&arena, 1024);

        if (!r)
                r = sovd_issuer_read_keys(ret, &s->settings, secrets, arena, &why);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "tokens of '%s': its key cannot be used: %s", s->settings.name,
                         why ? why : strerror(r < 0 ? -r : EINVAL));
        return r > 0 ? -EINVAL : r;
}

static int start_remote(struct issuer *s) {
        const struct sovd_issuer_settings *c = &s->settings;
        struct sovd_key_store_options options = {
                .name = c->name,
                .fetch = { .jwks_url = c->jwks_url, .issuer_url = c->issuer, .ca_file = c->ca_file },
                .refresh_usec = (uint64_t)c->refresh.value * SOVD_USEC_PER_SEC,
                .max_stale_usec = (uint64_t)c->max_stale.value * SOVD_USEC_PER_SEC,
                .min_gap_usec = (uint64_t)c->unknown_key.value * SOVD_USEC_PER_SEC,
                .changes = s->changes,
        };

        if (!sovd_issuer_algorithms(c, &options.fetch.algorithms))
                return sovd_error_origin(-EINVAL);
        return sovd_key_store_new_remote(&s->keys, &options);
}

static int start_keys(struct issuer *s, struct sovd_secrets *secrets) {
        struct sovd_jwks *set = NULL;

        if (sovd_issuer_is_remote(&s->settings))
                return start_remote(s);
        int r = read_keys(&set, s, secrets);
        if (r)
                return r;
        r = sovd_key_store_new_fixed(&s->keys, set);
        if (r)
                sovd_jwks_unref(set);
        return r;
}

static int issuer_new(struct issuer **ret, char *text, const struct sovd_issuer_settings *settings,
                      struct sovd_secrets *secrets, uint64_t *changes) {
        _cleanup_(issuer_unrefp) struct issuer *s = calloc(1, sizeof(*s));
        if (!s) {
                free(text);
                return sovd_error_origin(-ENOMEM);
        }
        s->refs = 1;
        s->text = text;
        s->changes = changes;
        int r = sovd_arena_new(&s->arena, 1024);
        if (!r)
                r = copy_settings(s, settings);
        if (!r)
                r = sovd_jwt_cache_new(&s->cache, (size_t)settings->cached_tokens.value);
        if (!r)
                r = start_keys(s, secrets);
        if (r)
                return r;
        *ret = SOVD_TAKE(s);
        return 0;
}

int issuer_read_again(struct issuer *s, struct sovd_secrets *secrets) {
        struct sovd_jwks *set = NULL;

        if (sovd_issuer_is_remote(&s->settings))
                return 0;
        int r = read_keys(&set, s, secrets);
        if (!r && sovd_key_store_replace(s->keys, set))
                sovd_log(SOVD_LOG_INFO, "tokens of '%s': there is another key, which holds now",
                         s->settings.name);
        return r;
}

int issuer_renew(struct issuer **ret, struct issuer *before, const struct sovd_schema *schema,
                 const struct sovd_issuer_settings *settings, struct sovd_secrets *secrets, uint64_t *changes) {
        char *text = NULL;

        int r = write_settings(&text, schema, settings);
        if (r)
                return r;
        if (!before || strcmp(before->text, text) != 0)
                return issuer_new(ret, text, settings, secrets, changes);
        free(text);
        /* The settings are those of before; what they name may not be. */
        if (sovd_issuer_is_remote(&before->settings))
                sovd_key_store_refresh(before->keys);
        r = issuer_read_again(before, secrets);
        if (!r)
                *ret = issuer_ref(before);
        return r;
}

/* --- tokens ---------------------------------------------------------------------------------------------- */

bool issuer_recall(struct issuer *s, const unsigned char *digest, struct sovd_claims *ret,
                   struct sovd_arena *arena, int *ret_r) {
        struct sovd_jwks *set = sovd_key_store_get(s->keys);
        bool found = set && sovd_jwt_cache_get(s->cache, digest, set->generation, ret, arena, ret_r);

        sovd_jwks_unref(set);
        return found;
}

enum match { NO_KEY, WRONG, GOOD };

static enum match try_keys(const struct sovd_jwks *set, const struct sovd_jws *jws, uint64_t *ret_proof) {
        const struct sovd_jwk *key;
        enum match match = NO_KEY;
        size_t i = 0;

        while (match != GOOD && (key = sovd_jwks_find(set, jws->algorithm, jws->kid, &i))) {
                match = sovd_jws_verify(jws, key) ? GOOD : WRONG;
                *ret_proof = key->proof;
        }
        return match;
}

/* Looks for other keys when the one that is named is not there. Returns the set that decided in *set. */
static int match_keys(struct issuer *s, const struct sovd_jws *jws, uint64_t deadline_usec,
                      struct sovd_jwks **set, enum match *ret, struct issuer_verdict *verdict) {
        struct sovd_jwks *newer = NULL;

        *ret = *set ? try_keys(*set, jws, &verdict->proof) : NO_KEY;
        if (*ret != NO_KEY)
                return 0;
        const uint64_t seen = *set ? (*set)->generation : 0;
        int r = sovd_key_store_look_again(s->keys, seen, deadline_usec, &newer, &verdict->retry_after_sec);
        if (r)
                return r;
        sovd_jwks_unref(*set);
        *set = newer;
        if (newer->generation != seen)
                *ret = try_keys(newer, jws, &verdict->proof);
        return 0;
}

static int judge(struct issuer *s, const struct sovd_jws *jws, struct sovd_arena *arena,
                 struct sovd_claims *ret, struct issuer_verdict *verdict) {
        const struct cJSON *payload = NULL;
        int r = sovd_jws_payload(jws, arena, &payload, &verdict->why);

        return r ? r : sovd_claims_read(ret, payload, &s->policy, sovd_realtime_usec(), arena, &verdict->why);
}

int issuer_verify(struct issuer *s, const struct sovd_jws *jws, const unsigned char *digest,
                  uint64_t deadline_usec, struct sovd_arena *arena, struct sovd_claims *ret,
                  struct issuer_verdict *verdict) {
        struct sovd_jwks *set = sovd_key_store_get(s->keys);
        enum match match = NO_KEY;

        int r = match_keys(s, jws, deadline_usec, &set, &match, verdict);
        if (!r && match != GOOD) {
                verdict->why = match == WRONG ? "is not signed with the key that it names"
                                              : "is not signed with a key that is known here";
                r = SOVD_E_UNAUTHORIZED;
        }
        verdict->signature_is_good = !r;
        if (!r)
                r = judge(s, jws, arena, ret, verdict);
        if (!r)
                ret->principal.proof = verdict->proof;
        if (!r)
                sovd_jwt_cache_put(s->cache, digest, set->generation, ret);
        (void)__atomic_add_fetch(r ? &s->n_refused : &s->n_verified, 1, __ATOMIC_RELAXED);
        sovd_jwks_unref(set);
        return r;
}

bool issuer_has_keys(struct issuer *s) {
        struct sovd_key_store_counters k;

        sovd_key_store_count(s->keys, &k);
        return k.usable;
}

bool issuer_may_have(struct issuer *s, uint64_t proof) {
        struct sovd_jwks *set = sovd_key_store_get(s->keys);
        bool has = !set || sovd_jwks_has(set, proof);

        sovd_jwks_unref(set);
        return has;
}

const char *issuer_name(const struct issuer *s) {
        return s->settings.name;
}

/* --- metrics --------------------------------------------------------------------------------------------- */

enum {
        VERIFIED,
        REFUSED,
        HITS,
        MISSES,
        EVICTIONS,
        ENTRIES,
        KEYS,
        AGE,
        FETCHES,
        FAILURES,
        UNKNOWN,
        N_METRICS
};

static const struct {
        const char *name, *type, *help;
} metrics[N_METRICS] = {
        [VERIFIED] = { "sovd_tokens_verified_total", "counter",
                       "Signed tokens that were verified, those of the cache left out." },
        [REFUSED] = { "sovd_tokens_refused_total", "counter", "Signed tokens that were not accepted." },
        [HITS] = { "sovd_token_cache_hits_total", "counter", "Tokens found in the cache of verified ones." },
        [MISSES] = { "sovd_token_cache_misses_total", "counter", "Tokens not found there." },
        [EVICTIONS] = { "sovd_token_cache_evictions_total", "counter",
                        "Tokens given up for others before their time." },
        [ENTRIES] = { "sovd_token_cache_entries", "gauge", "Tokens in the cache." },
        [KEYS] = { "sovd_token_keys", "gauge", "Keys that tokens are verified with now." },
        [AGE] = { "sovd_token_keys_age_seconds", "gauge", "Time since the keys were fetched." },
        [FETCHES] = { "sovd_token_key_fetches_total", "counter", "Fetches of keys." },
        [FAILURES] = { "sovd_token_key_fetches_failed_total", "counter", "Fetches that failed." },
        [UNKNOWN] = { "sovd_token_keys_unknown_total", "counter",
                      "Tokens that named a key that was not there." },
};

static void measure(struct issuer *s, double ret[static N_METRICS]) {
        struct sovd_jwt_cache_counters c;
        struct sovd_key_store_counters k;

        sovd_jwt_cache_count(s->cache, &c);
        sovd_key_store_count(s->keys, &k);
        ret[VERIFIED] = (double)__atomic_load_n(&s->n_verified, __ATOMIC_RELAXED);
        ret[REFUSED] = (double)__atomic_load_n(&s->n_refused, __ATOMIC_RELAXED);
        ret[HITS] = (double)c.hits;
        ret[MISSES] = (double)c.misses;
        ret[EVICTIONS] = (double)c.evictions;
        ret[ENTRIES] = (double)c.entries;
        ret[KEYS] = (double)k.n_keys;
        ret[AGE] = (double)k.age_usec / 1e6;
        ret[FETCHES] = (double)k.fetches;
        ret[FAILURES] = (double)k.failures;
        ret[UNKNOWN] = (double)k.unknown;
}

void issuers_write_metrics(struct issuer *const *issuers, size_t n, struct sovd_json_writer *w) {
        for (size_t m = 0; m < N_METRICS; m++) {
                sovd_json_rawf(w, "# HELP %s %s\n# TYPE %s %s\n", metrics[m].name, metrics[m].help,
                               metrics[m].name, metrics[m].type);
                for (size_t i = 0; i < n; i++) {
                        double values[N_METRICS];
                        measure(issuers[i], values);
                        if (m >= AGE && m <= FAILURES && !sovd_issuer_is_remote(&issuers[i]->settings))
                                continue; /* a file is not fetched */
                        sovd_json_rawf(w, "%s{issuer=\"%s\"} %.15g\n", metrics[m].name,
                                       issuers[i]->settings.name, values[m]);
                }
        }
}
