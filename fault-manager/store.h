#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Store - faults as rows
 */
#include "fault-manager/manager.h"

struct fm_row {
        const char *entity, *code, *about; /* about: JSON of the descriptor */
        int64_t severity;
        const char *scope; /* "" = none */
        struct fm_state state;
        uint64_t first_usec, last_usec;
        const char *first_frame, *last_frame;
};

/* Writes the row; one that says nothing any more is deleted. */
int fm_store_put(struct sovd_db_conn *conn, const struct fm_row *row);

/* Adds to the history; *ret_id is the id of the event. */
int fm_store_event(struct sovd_db_conn *conn, const struct fm_event *event, int64_t *ret_id);

/* What is stored of one fault, in the arena. SOVD_E_NOT_FOUND. */
int fm_store_load(struct sovd_db_conn *conn, const char *entity, const char *code, struct sovd_arena *arena,
                  struct fm_row *ret);

/* Deletes one (code) or all of an entity, of a scope or all (NULL); *ret_n: how many. */
int fm_store_clear(struct sovd_db_conn *conn, const char *entity, const char *code, const char *scope,
                   int64_t *ret_n);

/* The page of a query: calls each for every row; strings live until it returns. each stops it by another value than
 * 0, which is returned. */
int fm_store_list(struct sovd_db_conn *conn, const struct fm_query *query,
                  int (*each)(const struct fm_row *row, void *data), void *data);
