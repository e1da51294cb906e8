#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Executions - the gateway's names for what runs behind it
 *
 * A client sees the gateway's own id: unguessable, never used twice, and the same for as long as the retention
 * lasts, even when the backend has forgotten the execution. The last known status of an ended one is kept as
 * text for that reason. All functions are thread-safe; none blocks.
 */
#include "sovd-core/base/id.h"
#include "sovd-core/model/entity.h"
#include "sovd-core/model/operations.h"

struct sovd_arena;
struct sovd_executions;

struct sovd_execution_ref {
        char id[SOVD_ID_SIZE];
        const char *backend_id; /* in the arena; "" when the backend has given the id to another execution */
        const char *ended;      /* JSON text of the final status, in the arena; NULL while it runs */
        int capability;         /* what was asked last: enum sovd_capability */
};

/* max: how many are kept (running ones are never dropped for a new one); retention_usec: for how long after
 * the end. */
int sovd_executions_new(struct sovd_executions **ret, size_t max, uint64_t retention_usec);
struct sovd_executions *sovd_executions_free(struct sovd_executions *executions);
SOVD_DEFINE_CLEANUP(struct sovd_executions *, sovd_executions_free)

/* Is there room for one more? To be asked before a backend is told to start. Counts as taken until add or
 * release. false: every place is taken by a running execution. */
bool sovd_executions_reserve(struct sovd_executions *x);
void sovd_executions_release(struct sovd_executions *x);

/* Names the execution `backend_id` of an operation at the backend that provides the entity's operations; "" = the
 * backend has not named it, as nobody knows whether it runs. One that
 * has a name keeps it, unless it was just started: then a former one with this id is history.
 * reserved: a place was reserved for it. SOVD_E_OVERLOAD: full; -ENOMEM, -errno of the random numbers. */
int sovd_executions_add(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                        const char *backend_id, bool reserved, struct sovd_execution_ref *ret,
                        struct sovd_arena *arena);

/* Looks one up. SOVD_E_NOT_FOUND. */
int sovd_executions_find(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                         const char *id, struct sovd_execution_ref *ret, struct sovd_arena *arena);

/* Keeps the final status (JSON text, copied; at most 64 KiB, else it is not kept). Retention begins. */
void sovd_executions_end(struct sovd_executions *x, const char *id, const char *final_status);

/* A control was accepted: it runs again under this capability. */
void sovd_executions_resume(struct sovd_executions *x, const char *id, int capability);

/* Is an execution of this operation known under the backend's id? */
bool sovd_executions_knows(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                           const char *backend_id);

struct sovd_execution_owner {
        char id[SOVD_ID_SIZE];
        enum sovd_entity_type type;
        const char *entity, *operation, *backend_id; /* in the arena */
};

/* The oldest execution that counts as running, after `skip` older ones: what nobody has asked about may have ended
 * long ago. SOVD_E_NOT_FOUND: there is none; -ENOMEM. */
int sovd_executions_oldest_running(struct sovd_executions *x, size_t skip, struct sovd_execution_owner *ret,
                                   struct sovd_arena *arena);

/* Forgets one. */
void sovd_executions_remove(struct sovd_executions *x, const char *id);

/* The ids of an operation's executions, oldest first, in the arena. -ENOMEM. */
int sovd_executions_list(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                         struct sovd_strings *ret, struct sovd_arena *arena);

/* How many are kept, and how many of them run. */
void sovd_executions_count(struct sovd_executions *x, size_t *ret_total, size_t *ret_running);
