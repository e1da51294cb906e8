#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Trigger store - the table of the triggers that outlive the process
 *
 * All functions run as work of the state's writer (base/db.h).
 */
#include "sovd-core/base/db.h"
#include "sovd-core/observations.h"

/* The strings of a spec, and what changes. */
struct trigger_row {
        const char *id;
        struct sovd_observation_spec spec; /* entity, owner, base, resource, condition_text, path, log, flags */
        uint64_t expires_usec;             /* of the state (state_clock.h) */
        bool terminated;
};

int trigger_store_put(struct sovd_db_conn *conn, const struct trigger_row *row);
int trigger_store_expire(struct sovd_db_conn *conn, const char *id, uint64_t expires_usec);
int trigger_store_terminate(struct sovd_db_conn *conn, const char *id);
int trigger_store_remove(struct sovd_db_conn *conn, const char *id);

/* All that a client has at an entity. */
int trigger_store_clear(struct sovd_db_conn *conn, const struct sovd_entity *e, const char *owner);

/* The oldest max whose time is not over; the others are dropped. What a row points to lives during `each`. */
int trigger_store_load(struct sovd_db_conn *conn, uint64_t now_usec, size_t max,
                       int (*each)(const struct trigger_row *row, void *data), void *data);
