#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Executions, inside - what executions.c, execution_changes.c and execution_restart.c share
 *
 * What is in memory is what the table says, but for records that are hidden. With the mutex held unless said otherwise.
 */
#include "sovd-core/execution_store.h"
#include "sovd-core/executions.h"
#include <pthread.h>

struct execution {
        char id[SOVD_ID_SIZE];
        enum sovd_entity_type type;
        char *backend;       /* name of the one it runs at: the entity may come to be served by another */
        char *entity, *operation;
        char *backend_id;    /* "" = the backend has given the id to another execution since */
        char *client;        /* whose limit it counts for while it runs; NULL = nobody's: it was found */
        bool is_script;      /* of a script: named by the backend alone, and kept while it runs only */
        bool adopted;        /* found at the backend, not started here */
        bool hidden;         /* its row is on the way to the disk: nobody sees it yet, and nobody drops it */
        bool restored;       /* it ran when the gateway was restarted */
        char *ended;         /* final status as JSON text; NULL while it runs, or when it was too large to keep */
        uint64_t ended_usec; /* monotonic; 0 = it runs */
        int capability;
};

struct sovd_executions {
        struct sovd_db *db;
        size_t max, max_per_client; /* per client: 0 = no limit */
        uint64_t retention_usec;
        pthread_mutex_t mutex;   /* everything below */
        struct execution **records; /* oldest first, `max` places */
        size_t n, n_reserved;
        char **claims;           /* who is about to start one, once for each */
        size_t n_claims;
};

struct execution *execution_free(struct execution *e);
SOVD_DEFINE_CLEANUP(struct execution *, execution_free)

/* The name of the backend that provides the entity's operations, or its scripts; or "". */
const char *execution_backend_of(const struct sovd_entity *e, bool is_script);

/* id NULL: a new one. */
int execution_new(struct execution **ret, const struct sovd_entity *e, bool is_script, const char *operation,
                  const char *backend_id, const char *id);

/* One that runs; the texts stay those of the record. */
struct execution_row execution_row_of(const struct execution *e);

/* Takes it out of the list and frees it. */
void execution_drop(struct sovd_executions *x, const struct execution *e);

/* Room for one more; the oldest ended execution gives way. */
bool execution_make_room(struct sovd_executions *x);

struct execution *execution_find(const struct sovd_executions *x, const char *id);
struct execution *execution_at_backend(const struct sovd_executions *x, const struct sovd_entity *e, const char *operation,
                                       const char *backend_id);
int execution_to_ref(const struct execution *e, struct sovd_execution_ref *ret, struct sovd_arena *arena);

/* Takes in those of the process before. Without the mutex. */
int execution_load(struct sovd_executions *x);
