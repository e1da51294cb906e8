#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Executions - the gateway's names for what runs behind it
 *
 * A client sees the gateway's own id: unguessable, never used twice, and the same for as long as the retention
 * lasts, even when the backend has forgotten the execution. The last known status of an ended one is kept as
 * text for that reason.
 *
 * They are durable: the row of an execution is in the state before the backend is told to start, and what becomes of it
 * before a client hears of it. After a restart those that run are known by the same ids; one whose start was never
 * answered has failed, as nobody can say what became of it. All functions are thread-safe; what changes something
 * waits for the disk, and fails with what the database says (base/db.h).
 */
#include "sovd-core/base/db.h"
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
        bool is_restored;       /* it ran when the gateway was restarted: the backend may not know it any more */
};

/* max: how many are kept (running ones are never dropped for a new one); retention_usec: for how long after
 * the end. Takes in those of the process before. db NULL: nothing is kept. */
int sovd_executions_new(struct sovd_executions **ret, struct sovd_db *db, size_t max, uint64_t retention_usec);
struct sovd_executions *sovd_executions_free(struct sovd_executions *executions);
SOVD_DEFINE_CLEANUP(struct sovd_executions *, sovd_executions_free)

/* Is there room for one more? To be asked before a backend is told to start. Counts as taken until add or
 * release. false: every place is taken by a running execution. */
bool sovd_executions_reserve(struct sovd_executions *x);

/* The same for a client that may have so many of its own that run; then sovd_executions_settle() is to be called in any
 * case, behind add or release: id is what add gave, or "" when it came to nothing. SOVD_E_OVERLOAD: no room;
 * SOVD_E_TOO_MANY: not for this client; -ENOMEM. */
void sovd_executions_limit_clients(struct sovd_executions *x, size_t max_per_client);
int sovd_executions_reserve_for(struct sovd_executions *x, const char *client);
void sovd_executions_settle(struct sovd_executions *x, const char *client, const char *id);

/* Writes down, for a place that was reserved, that this client is about to start the operation; also (or NULL) is written
 * in the same transaction. ret_id: the name that it will have. A failure leaves the place reserved. */
int sovd_executions_begin(struct sovd_executions *x, const struct sovd_entity *e, const char *operation, const char *client,
                          sovd_db_work also, void *data, char ret_id[static SOVD_ID_SIZE]);

/* Gives the place back; id: what begin gave, or "". wait: until that is on the disk. */
void sovd_executions_release(struct sovd_executions *x, const char *id, bool wait);

/* Names the execution `backend_id` of an operation at the backend that provides the entity's operations; "" = the
 * backend has not named it, as nobody knows whether it runs. One that
 * has a name keeps it, unless it was just started: then a former one with this id is history.
 * reserved: a place was reserved for it, and this is what begin gave, or ""; NULL: it was found at the backend.
 * SOVD_E_OVERLOAD: full; -ENOMEM, -errno of the random numbers. When the row cannot be written:
 * one that was started is known all the same, as it runs; one that was found is not. */
int sovd_executions_add(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                        const char *backend_id, const char *reserved, struct sovd_execution_ref *ret,
                        struct sovd_arena *arena);

/* Looks one up. SOVD_E_NOT_FOUND. */
int sovd_executions_find(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                         const char *id, struct sovd_execution_ref *ret, struct sovd_arena *arena);

/* Keeps the final status (JSON text, copied; at most 64 KiB, else it is not kept). Retention begins. When it cannot be
 * written the execution goes on to count as running. */
int sovd_executions_end(struct sovd_executions *x, const char *id, const char *final_status);

/* The same for one that ran when the gateway was restarted, and that the backend does not know: it has failed, as nobody
 * can say what became of it. */
int sovd_executions_end_lost(struct sovd_executions *x, const char *id);

/* A control was accepted: it runs again under this capability, in memory even if that cannot be written. */
int sovd_executions_resume(struct sovd_executions *x, const char *id, int capability);

/* Is an execution of this operation known under the backend's id? */
bool sovd_executions_knows(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                           const char *backend_id);

struct sovd_execution_owner {
        char id[SOVD_ID_SIZE];
        enum sovd_entity_type type;
        const char *backend, *entity, *operation, *backend_id; /* in the arena; backend: its name */
        bool is_script;                              /* operation is its id */
        bool is_restored;
};

/* The oldest execution that counts as running, after `skip` older ones: what nobody has asked about may have ended
 * long ago. SOVD_E_NOT_FOUND: there is none; -ENOMEM. */
int sovd_executions_oldest_running(struct sovd_executions *x, size_t skip, struct sovd_execution_owner *ret,
                                   struct sovd_arena *arena);

/* The same among those of a client. */
int sovd_executions_oldest_running_of(struct sovd_executions *x, const char *client, size_t skip,
                                      struct sovd_execution_owner *ret, struct sovd_arena *arena);

/* Executions of scripts have the names that their backend gives them; here they count for their clients, and take places,
 * while they run. Counts one that has started, for a place that was reserved for the client: instead of add and settle. One
 * that cannot be written counts until the process ends (logged). -ENOMEM, SOVD_E_OVERLOAD. */
int sovd_executions_add_script(struct sovd_executions *x, const struct sovd_entity *e, const char *script,
                               const char *backend_id, const char *client);

/* It has ended, or is gone; nothing for one that does not count. */
void sovd_executions_end_script(struct sovd_executions *x, const struct sovd_entity *e, const char *script,
                                const char *backend_id);

/* Forgets one, once that is written. */
int sovd_executions_remove(struct sovd_executions *x, const char *id);

/* The ids of an operation's executions, oldest first, in the arena. -ENOMEM. */
int sovd_executions_list(struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                         struct sovd_strings *ret, struct sovd_arena *arena);

/* How many are kept, and how many of them run. */
void sovd_executions_count(struct sovd_executions *x, size_t *ret_total, size_t *ret_running);
