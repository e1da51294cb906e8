/* SPDX-License-Identifier: Apache-2.0 */
/* Proof that a client is at the vehicle: a challenge for one client and one operation, answered once and soon. */
#include "backends/sim/backend.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/fingerprint.h"
#include "sovd-core/base/id.h"
#include <errno.h>

#define PROOFS_MAX 16
#define TRIES_MAX  3
#define VALID_USEC (30 * SOVD_USEC_PER_SEC)

struct proof {
        char challenge[SOVD_ID_SIZE]; /* "" = free */
        char client[SOVD_FINGERPRINT_SIZE];
        uint64_t expires_usec; /* monotonic */
        unsigned n_tries;
};

struct sim_proofs {
        struct proof items[PROOFS_MAX];
};

static int client_of(const struct sovd_call *call, char ret[static SOVD_FINGERPRINT_SIZE]) {
        const char *id = call->principal.id ? call->principal.id : "";

        return sovd_fingerprint(ret, id, strlen(id));
}

static bool is_open(const struct proof *p, uint64_t now) {
        return *p->challenge && now < p->expires_usec;
}

/* A free place, or that of the one that ends first. */
static struct proof *find_place(struct sim_proofs *proofs, uint64_t now) {
        struct proof *first = proofs->items;

        for (size_t i = 0; i < PROOFS_MAX; i++) {
                if (!is_open(&proofs->items[i], now))
                        return &proofs->items[i];
                if (proofs->items[i].expires_usec < first->expires_usec)
                        first = &proofs->items[i];
        }
        return first;
}

int sim_proximity_challenge(struct sovd_call *call, const struct sim_call *c, struct operation_state *state,
                            struct sovd_proximity_challenge **ret) {
        struct sovd_proximity_challenge *challenge =
                sovd_arena_new0(call->arena, struct sovd_proximity_challenge);
        struct proof fresh = { .expires_usec = c->now_usec + VALID_USEC };
        char until[SOVD_TIMESTAMP_SIZE];

        int r = sovd_id_new(fresh.challenge);
        if (!r)
                r = client_of(call, fresh.client);
        if (r)
                return r;
        if (!state->proofs)
                state->proofs = calloc(1, sizeof(*state->proofs));
        if (!state->proofs || !challenge)
                return sovd_error_origin(-ENOMEM);

        *find_place(state->proofs, c->now_usec) = fresh;
        challenge->challenge = sovd_arena_strdup(call->arena, fresh.challenge);
        challenge->valid_until =
                sovd_arena_strdup(call->arena, sovd_clock_format(until, sovd_realtime_usec() + VALID_USEC));
        *ret = challenge;
        return challenge->challenge && challenge->valid_until ? 0 : sovd_error_origin(-ENOMEM);
}

/* Every open challenge of the client is compared, and each wrong answer counts for all of them. */
static int try_all(struct sim_proofs *proofs, const char *client, const char *key, const char *response,
                   uint64_t now, struct proof **ret_match, size_t *ret_n) {
        char expected[SOVD_FINGERPRINT_SIZE];

        *ret_match = NULL;
        *ret_n = 0;
        for (size_t i = 0; proofs && i < PROOFS_MAX; i++) {
                struct proof *p = &proofs->items[i];
                if (!is_open(p, now) || strcmp(p->client, client) != 0)
                        continue;
                int r = sovd_fingerprint_keyed(expected, key, p->challenge, strlen(p->challenge));
                if (r)
                        return r;
                (*ret_n)++;
                if (sovd_fingerprint_equal(expected, response))
                        *ret_match = p;
                else if (++p->n_tries >= TRIES_MAX)
                        *p = (struct proof){ 0 };
        }
        return 0;
}

int sim_proximity_check(struct sovd_call *call, const struct sim_call *c,
                        const struct sim_operation *operation, struct operation_state *state,
                        const char *response) {
        char client[SOVD_FINGERPRINT_SIZE];
        struct proof *match;
        size_t n;

        if (!operation->proximity_proof.value)
                return 0;
        if (!response)
                return sovd_fail_at(
                        call, SOVD_E_BAD_VALUE, "/proximity_response",
                        "operation '%s' needs a proof of proximity: read it, and answer its challenge",
                        operation->named.id);
        int r = client_of(call, client);
        if (!r)
                r = try_all(state->proofs, client, operation->proximity_key, response, c->now_usec, &match,
                            &n);
        if (r)
                return r;
        if (!n)
                return sovd_fail(
                        call, SOVD_E_CONFLICT,
                        "no challenge of operation '%s' is open for this client: read it for a new one",
                        operation->named.id);
        if (!match)
                return sovd_fail(call, SOVD_E_FORBIDDEN, "proximity_response does not answer the challenge");
        *match = (struct proof){ 0 };
        return 0;
}
