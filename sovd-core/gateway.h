#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Gateway - owns the tree, the backends, the executions and the locks; start and stop order
 */
#include "sovd-core/backend.h"
#include "sovd-core/data_lists.h"
#include "sovd-core/executions.h"
#include "sovd-core/idempotency.h"
#include "sovd-core/locks.h"

struct sovd_db;
struct sovd_gateway;
struct sovd_principal;
struct sovd_updates;

struct sovd_gateway_options {
        struct sovd_db *db;        /* with sovd_state_migrations; outlives the gateway */
        size_t executions_max;
        size_t executions_per_client; /* that run; 0 = as many as there are places */
        uint64_t executions_retention_usec;
        struct sovd_data_lists_options data_lists;
        struct sovd_idempotency_limits idempotency;
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

/* Where native apps and the gateway itself report faults; NULL = nobody keeps them. Not owned. Set before backends
 * are added. */
struct sovd_fault_sink;
void sovd_gateway_set_fault_sink(struct sovd_gateway *gateway, struct sovd_fault_sink *sink);
struct sovd_fault_sink *sovd_gateway_fault_sink(const struct sovd_gateway *gateway);

struct sovd_db *sovd_gateway_db(const struct sovd_gateway *gateway);
struct sovd_executions *sovd_gateway_executions(struct sovd_gateway *gateway);
struct sovd_data_lists *sovd_gateway_data_lists(struct sovd_gateway *gateway);
struct sovd_idempotency *sovd_gateway_idempotency(struct sovd_gateway *gateway);
struct sovd_updates *sovd_gateway_updates(struct sovd_gateway *gateway);

/* Where changes are put on record; NULL = nowhere. Not owned; set before backends are added. */
struct sovd_audit;
void sovd_gateway_set_audit(struct sovd_gateway *gateway, struct sovd_audit *audit);
struct sovd_audit *sovd_gateway_audit(const struct sovd_gateway *gateway);

/* What an admin switched off; the gateway's own, read from the state at its start. */
struct sovd_features;
struct sovd_features *sovd_gateway_features(const struct sovd_gateway *gateway);

/* Who watches values hears of the changes that backends tell about. Set once; they outlive the backends. */
struct sovd_data_watches;
void sovd_gateway_set_data_watches(struct sovd_gateway *gateway, struct sovd_data_watches *watches);

/* Who keeps something that clients defined at entities (data lists, triggers, …) says how to forget it. f must not
 * fail; it is called on the threads of requests, with no lock held. Main thread only, before the first request.
 * Returns 0 or -ENOSPC. */
typedef void (*sovd_clear_hook)(void *data, const struct sovd_entity *entity, const struct sovd_principal *principal);
int sovd_gateway_on_clear(struct sovd_gateway *gateway, sovd_clear_hook f, void *data);

/* Calls all of them: clear-data/client-defined-resources was asked for. */
void sovd_gateway_clear_client_defined(struct sovd_gateway *gateway, const struct sovd_entity *entity,
                                       const struct sovd_principal *principal);
struct sovd_locks *sovd_gateway_locks(struct sovd_gateway *gateway);

/* What stands behind the gateway, so not the backend that is the gateway itself: with a reference each for the caller, at
 * most max; returns how many. */
size_t sovd_gateway_backends(struct sovd_gateway *gateway, struct sovd_backend **ret, size_t max);
#define SOVD_BACKENDS_CONFIGURED_MAX 64
#define SOVD_BACKENDS_MAX (SOVD_BACKENDS_CONFIGURED_MAX + 3) /* the apps, the simulated vehicle, the gateway itself */

/* Has every backend ended its first discovery? */
bool sovd_gateway_is_discovered(struct sovd_gateway *gateway);

/* Monotonic time of the gateway's start. */
uint64_t sovd_gateway_started_usec(const struct sovd_gateway *gateway);
