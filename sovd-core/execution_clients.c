/* SPDX-License-Identifier: Apache-2.0 */
/* Who started what: how many executions of one client run, or are about to. */
#include "sovd-core/base/error.h"
#include "sovd-core/executions_inside.h"
#include <errno.h>

void sovd_executions_limit_clients(struct sovd_executions *x, size_t max_per_client) {
        x->max_per_client = max_per_client;
}

/* With the mutex held. */
static size_t count_of(const struct sovd_executions *x, const char *client) {
        size_t n = 0;

        for (size_t i = 0; i < x->n_claims; i++)
                n += strcmp(x->claims[i], client) == 0;
        for (size_t i = 0; i < x->n; i++)
                n += !x->records[i]->ended_usec && sovd_streq(x->records[i]->client, client);
        return n;
}

/* The same. */
static int claim(struct sovd_executions *x, const char *client) {
        char **claims = reallocarray(x->claims, x->n_claims + 1, sizeof(*claims));
        if (!claims)
                return sovd_error_origin(-ENOMEM);

        x->claims = claims;
        x->claims[x->n_claims] = strdup(client);
        if (!x->claims[x->n_claims])
                return sovd_error_origin(-ENOMEM);
        x->n_claims++;
        return 0;
}

int sovd_executions_reserve_for(struct sovd_executions *x, const char *client) {
        int r = SOVD_E_TOO_MANY;

        (void)pthread_mutex_lock(&x->mutex);
        if (!x->max_per_client || count_of(x, client) < x->max_per_client)
                r = execution_make_room(x) ? claim(x, client) : SOVD_E_OVERLOAD;
        x->n_reserved += !r;
        (void)pthread_mutex_unlock(&x->mutex);
        return r;
}

/* Of those that are equal it does not matter which one goes. */
static char *take_claim(struct sovd_executions *x, const char *client) {
        for (size_t i = 0; i < x->n_claims; i++)
                if (strcmp(x->claims[i], client) == 0) {
                        char *claim = x->claims[i];
                        x->claims[i] = x->claims[--x->n_claims];
                        return claim;
                }
        return NULL;
}

void sovd_executions_settle(struct sovd_executions *x, const char *client, const char *id) {
        (void)pthread_mutex_lock(&x->mutex);
        char *claim = take_claim(x, client);
        struct execution *r = execution_find(x, id);
        if (r && !r->client)
                r->client = SOVD_TAKE(claim);
        (void)pthread_mutex_unlock(&x->mutex);
        free(claim);
}
