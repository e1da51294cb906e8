#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Execution store - the table of executions
 *
 * A row is there before a backend is told to start. All functions run as work of the state's writer (base/db.h).
 */
#include "sovd-core/base/db.h"

enum execution_state {
        EXECUTION_PENDING, /* the backend has not answered to the start */
        EXECUTION_RUNNING,
        EXECUTION_ENDED
};

struct execution_row {
        const char *id, *backend, *entity_type, *entity, *operation;
        const char *backend_id; /* "" = it has none (any more) */
        const char *capability; /* asked for last */
        const char *status;     /* the final one, or NULL */
        const char *client;     /* who started it, or NULL */
        enum execution_state state;
        uint64_t ended_usec; /* of the state (state_clock.h) */
        bool script; /* of one; operation is its id */
        bool adopted;
};

int execution_store_put(struct sovd_db_conn *conn, const struct execution_row *row);

/* The backend has named it: it runs. */
int execution_store_name(struct sovd_db_conn *conn, const char *id, const char *backend_id);

/* The backend has given the id to another one. */
int execution_store_unname(struct sovd_db_conn *conn, const char *id);

/* What waits for the start of one execution waits for another one, and who starts it has started that one: they are the
 * same. */
int execution_store_merge(struct sovd_db_conn *conn, const char *id, const char *into);

/* Only one that has not ended yet. */
int execution_store_end(struct sovd_db_conn *conn, const char *id, const char *status, uint64_t ended_usec);

int execution_store_resume(struct sovd_db_conn *conn, const char *id, const char *capability);
int execution_store_remove(struct sovd_db_conn *conn, const char *id);

/* Drops those that ended at this moment or before, and the oldest ended ones while there are more than max. */
int execution_store_tidy(struct sovd_db_conn *conn, uint64_t ended_usec, size_t max);

/* Those whose start was never answered end with this status; returns how many in *ret_n. */
int execution_store_end_pending(struct sovd_db_conn *conn, const char *status, uint64_t ended_usec, int64_t *ret_n);

/* The newest max, oldest first; the others are dropped. */
int execution_store_load(struct sovd_db_conn *conn, size_t max, int (*each)(const struct execution_row *row, void *data),
                         void *data);
