#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Gateway - owns the tree, the backends, the executions and the locks; start and stop order
 */
#include "sovd-core/backend.h"
#include "sovd-core/executions.h"
#include "sovd-core/locks.h"

struct sovd_gateway;

struct sovd_gateway_options {
        size_t executions_max;
        uint64_t executions_retention_usec;
        struct sovd_locks_options locks;
};

int sovd_gateway_new(struct sovd_gateway **ret, const struct sovd_gateway_options *options);
/* Every backend is removed. */
struct sovd_gateway *sovd_gateway_free(struct sovd_gateway *gateway);
SOVD_DEFINE_CLEANUP(struct sovd_gateway *, sovd_gateway_free)

/* Adds a backend behind those that are there (the order decides who owns a clashing id) and starts it. Takes
 * over the reference, also on failure. Main thread only. */
int sovd_gateway_add(struct sovd_gateway *gateway, struct sovd_backend *backend);

/* Stops a backend and takes its entities out of the tree. Main thread only. */
void sovd_gateway_remove(struct sovd_gateway *gateway, struct sovd_backend *backend);

/* Puts `new` in the place of `old`, which is stopped. What `old` offered stays listed until `new` is connected and
 * has published its own view. Takes over the reference to `new`, also on failure. Main thread only. */
int sovd_gateway_replace(struct sovd_gateway *gateway, struct sovd_backend *old, struct sovd_backend *new);

/* Stops all backends: calls that wait for them end. Their entities are gone from the tree. Main thread only. */
void sovd_gateway_stop(struct sovd_gateway *gateway);

/* Puts the backends into this order of precedence; `order` names each backend once. Main thread only. */
void sovd_gateway_reorder(struct sovd_gateway *gateway, const char *const *order, size_t n);

/* The tree of this moment, with a reference for the caller. Never NULL. */
struct sovd_tree *sovd_gateway_tree(struct sovd_gateway *gateway);

struct sovd_executions *sovd_gateway_executions(struct sovd_gateway *gateway);
struct sovd_locks *sovd_gateway_locks(struct sovd_gateway *gateway);

/* The backends with a reference each for the caller, at most max; returns how many. */
size_t sovd_gateway_backends(struct sovd_gateway *gateway, struct sovd_backend **ret, size_t max);
#define SOVD_BACKENDS_MAX 64

/* Has every backend ended its first discovery? */
bool sovd_gateway_is_discovered(struct sovd_gateway *gateway);

/* Monotonic time of the gateway's start. */
uint64_t sovd_gateway_started_usec(const struct sovd_gateway *gateway);
