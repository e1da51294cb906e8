#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fetch - the watch thread's requests
 *
 * They have a pool of their own, so a full house of requests does not make the server look lost, and they
 * pass by the breaker, which is about requests. A resource that hangs says nothing about its neighbours: the
 * server counts as lost only when it cannot be connected to or its list of components fails.
 */
#include "backends/sovd/discovery.h"

/* Reads the list of components into the arena and finds the dialect. false: problem (of size bytes) says
 * why. */
bool fetch_components(struct sovd_sovd *b, struct sovd_arena *arena, struct cJSON **ret,
                      const struct dialect **ret_dialect, char *problem, size_t size);

/* A fetcher over the socket; scratch is reset by each get. */
struct fetch {
        struct fetcher base;
        struct sovd_sovd *backend;
        struct sovd_arena *scratch;
        unsigned n_failures;   /* in a row */
        uint64_t spent_usec;   /* on requests that brought nothing */
};

int fetch_get(struct fetcher *fetcher, const char *path, unsigned *ret_status, struct cJSON **ret);
