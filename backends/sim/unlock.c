/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modes that ask for a proof - seed and key, or challenge and answer
 *
 * The algorithm is a toy that anybody can write down: hex of HMAC-SHA256 with the scenario's key over the bytes of the
 * seed, followed by the name of the value that is asked for. What is around it is not: a seed is used once, by the
 * client that asked for it, and wrong keys make everybody wait.
 */
#include "backends/sim/backend.h"
#include "sovd-core/base/fingerprint.h"
#include "sovd-core/base/id.h"
#include <cjson/cJSON.h>
#include <errno.h>

#define SEED_USEC      (60 * SOVD_USEC_PER_SEC) /* how long a seed may be answered */
#define FAILURES_FREE  3                        /* the third wrong key makes the client wait */
#define DELAY_SECS     10
#define DELAY_SECS_MAX 3600

struct words {
        const char *suffix, *member, *nonce, *proof;
};
static const struct words words_of_access[] = {
        [SIM_SEED_KEY] = { "_RequestSeed", "seed", "Request_Seed", "key" },
        [SIM_CHALLENGE] = { "_RequestChallenge", "challenge", "Request_Challenge", "proof" },
};

const char *sim_unlock_requested(const struct sim_mode *mode, const char *value) {
        if (mode->access == SIM_FREE)
                return NULL;
        const char *suffix = words_of_access[mode->access].suffix;
        const size_t n = strlen(value), n_suffix = strlen(suffix);

        if (n <= n_suffix || strcmp(value + n - n_suffix, suffix) != 0)
                return NULL;
        for (size_t i = 0; i < mode->values.n; i++) {
                const char *level = mode->values.items[i];
                if (strlen(level) == n - n_suffix && strncmp(level, value, n - n_suffix) == 0 &&
                    strcmp(level, mode->initial) != 0)
                        return level;
        }
        return NULL;
}

/* --- waiting after wrong keys ---------------------------------------------------------------------------- */

static int check_delay(struct sovd_call *call, const struct sim_mode *mode, const struct unlock_state *u,
                       uint64_t now) {
        if (now >= u->blocked_usec)
                return 0;
        const unsigned seconds = (unsigned)((u->blocked_usec - now) / SOVD_USEC_PER_SEC) + 1;
        (void)sovd_fail(call, SOVD_E_CONFLICT,
                        "mode '%s' takes no attempt for %u more seconds, after wrong ones", mode->named.id,
                        seconds);
        sovd_fail_retry_after(call, seconds);
        return SOVD_E_CONFLICT;
}

/* 0: none yet. */
static uint64_t delay_after(unsigned n_failures) {
        uint64_t seconds = DELAY_SECS;

        if (n_failures < FAILURES_FREE)
                return 0;
        for (unsigned i = FAILURES_FREE; i < n_failures && seconds < DELAY_SECS_MAX; i++)
                seconds *= 2;
        return SOVD_MIN(seconds, (uint64_t)DELAY_SECS_MAX);
}

/* The wait begins anew with the process. */
void sim_unlock_restore(struct unlock_state *u, unsigned n_failures, uint64_t now) {
        if (u->is_restored)
                return;
        u->is_restored = true;
        u->n_failures = n_failures;
        u->blocked_usec = now + delay_after(n_failures) * SOVD_USEC_PER_SEC;
}

static int refuse_proof(struct sovd_call *call, const struct sim_mode *mode, struct unlock_state *u,
                        uint64_t now) {
        const uint64_t seconds = delay_after(++u->n_failures);

        if (!seconds)
                return sovd_fail(call, SOVD_E_FORBIDDEN, "the %s for mode '%s' is wrong",
                                 words_of_access[mode->access].proof, mode->named.id);
        u->blocked_usec = now + seconds * SOVD_USEC_PER_SEC;
        return sovd_fail(call, SOVD_E_FORBIDDEN,
                         "the %s for mode '%s' is wrong; the next attempt is in %u seconds",
                         words_of_access[mode->access].proof, mode->named.id, (unsigned)seconds);
}

/* --- seeds ---------------------------------------------------------------------------------------------- */

static bool is_of(const struct seed_state *s, const char *client, uint64_t now) {
        return s->client && sovd_fingerprint_equal(s->client, client) && now < s->until_usec;
}

static void forget(struct seed_state *s) {
        free(s->client);
        *s = (struct seed_state){ 0 };
}

/* That of the client, else a free one, else the oldest. */
static struct seed_state *place_for(struct unlock_state *u, const char *client, uint64_t now) {
        struct seed_state *oldest = &u->seeds[0];

        for (size_t i = 0; i < SIM_SEEDS_MAX; i++)
                if (is_of(&u->seeds[i], client, now))
                        return &u->seeds[i];
        for (size_t i = 0; i < SIM_SEEDS_MAX; i++)
                if (u->seeds[i].until_usec < oldest->until_usec)
                        oldest = &u->seeds[i];
        return oldest;
}

static int describe_seed(struct sovd_call *call, const struct sim_mode *mode, const char *seed,
                         struct sovd_mode_set *ret) {
        const struct words *words = &words_of_access[mode->access];
        struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, words->nonce, seed);
        sovd_json_object_end(&w);
        int r = sim_written_node(call->arena, &w, &ret->seed);
        if (r)
                return r;
        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, words->member, seed);
        sovd_json_object_end(&w);
        return sim_written_node(call->arena, &w, &ret->parameters);
}

int sim_unlock_request(struct sovd_call *call, const struct sim_mode *mode, struct unlock_state *u,
                       const char *level, uint64_t now, struct sovd_mode_set *ret) {
        int r = check_delay(call, mode, u, now);
        if (r)
                return r;

        const char *client = call->principal.id ? call->principal.id : "";
        struct seed_state *s = place_for(u, client, now);
        forget(s);
        s->client = strdup(client);
        r = s->client ? sovd_id_new(s->seed) : sovd_error_origin(-ENOMEM);
        if (r) {
                forget(s);
                return r;
        }
        s->level = level;
        s->fence = call->fence;
        s->until_usec = now + SEED_USEC;
        return describe_seed(call, mode, s->seed, ret);
}

void sim_unlock_free(struct unlock_state *u) {
        for (size_t i = 0; i < SIM_SEEDS_MAX; i++)
                forget(&u->seeds[i]);
}

/* --- keys ----------------------------------------------------------------------------------------------- */

static const char *string_in(const cJSON *object, const char *name) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

        return cJSON_IsString(member) ? member->valuestring : NULL;
}

/* As member key, a string or an object with Send_Key; or in the parameters. */
static const char *proof_of(const struct sovd_mode_write *write, const char *word) {
        const char *proof = NULL;

        if (cJSON_IsString(write->key))
                return write->key->valuestring;
        if (cJSON_IsObject(write->key))
                proof = string_in(write->key, "Send_Key");
        if (!proof && cJSON_IsObject(write->parameters)) {
                proof = string_in(write->parameters, word);
                if (!proof)
                        proof = string_in(write->parameters, "key");
        }
        return proof;
}

static unsigned nibble(char c) {
        return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static int compute(const struct sim_mode *mode, const char *seed, const char *level,
                   char ret[static SOVD_FINGERPRINT_SIZE]) {
        unsigned char message[SOVD_ID_SIZE + SIM_LEVEL_MAX];
        const size_t n_level = SOVD_MIN(strlen(level), (size_t)SIM_LEVEL_MAX);
        size_t n = 0;

        for (; seed[2 * n]; n++)
                message[n] = (unsigned char)(nibble(seed[2 * n]) << 4 | nibble(seed[2 * n + 1]));
        memcpy(message + n, level, n_level);
        return sovd_fingerprint_keyed(ret, mode->key, message, n + n_level);
}

int sim_unlock_prove(struct sovd_call *call, const struct sim_mode *mode, struct unlock_state *u,
                     const char *level, const struct sovd_mode_write *write, uint64_t now) {
        const struct words *words = &words_of_access[mode->access];
        const char *proof = proof_of(write, words->proof);
        char expected[SOVD_FINGERPRINT_SIZE];
        struct seed_state *s;

        if (!proof)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/parameters",
                                    "'%s' of mode '%s' needs a %s in the parameters", level, mode->named.id,
                                    words->proof);
        int r = check_delay(call, mode, u, now);
        if (r)
                return r;
        const char *client = call->principal.id ? call->principal.id : "";
        s = place_for(u, client, now);
        if (!is_of(s, client, now) || strcmp(s->level, level) != 0 || s->fence != call->fence)
                return sovd_fail(call, SOVD_E_CONFLICT,
                                 "this client has asked for no %s by '%s%s' under this lock, or has used it", words->member,
                                 level, words->suffix);
        r = compute(mode, s->seed, level, expected);
        forget(s);
        if (r)
                return r;
        if (!sim_hmac_equals(expected, proof))
                return refuse_proof(call, mode, u, now);
        u->n_failures = 0;
        return 0;
}
