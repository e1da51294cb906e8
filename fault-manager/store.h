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
        const char *cycle_kind; /* "" or NULL: no cycle moves it */
        uint64_t cycle, first_cycle, last_cycle; /* cycle: for which the state holds */
        uint32_t merged; /* of an event: further changes that it tells of */
        unsigned owed;   /* what the next event has to tell too, of so many changes */
        uint32_t untold;
};

/* Writes the row; one that says nothing any more is deleted. */
int fm_store_put(struct sovd_db_conn *conn, const struct fm_row *row);

/* Adds to the history; *ret_id is the id of the event. */
int fm_store_event(struct sovd_db_conn *conn, const struct fm_event *event, int64_t *ret_id);

/* Calls each for what is stored of one fault, or of all of an entity (code NULL); as fm_store_list(). */
int fm_store_load(struct sovd_db_conn *conn, const char *entity, const char *code,
                  int (*each)(const struct fm_row *row, void *data), void *data);

/* Calls each for at most max rows, after the one with this id, of what a cycle of the kind changes: tests that ran in the last
 * one, or fail on. *ret_n: how many there were. */
int fm_store_unsettled(struct sovd_db_conn *conn, const char *kind, int64_t after, size_t max,
                       int (*each)(int64_t id, const struct fm_row *row, void *data), void *data, size_t *ret_n);

/* As fm_store_load() for rows that owe an event. */
int fm_store_owed(struct sovd_db_conn *conn, int (*each)(const struct fm_row *row, void *data), void *data);

/* Rows of another gateway, or of before, hold for the present cycles. */
int fm_store_rebase(struct sovd_db_conn *conn);

/* The number of the present cycle of a kind. */
int fm_store_cycle(struct sovd_db_conn *conn, const char *kind, uint64_t n);
/* settled: no row that a cycle changes holds for an earlier one. */
int fm_store_cycles(struct sovd_db_conn *conn, int (*each)(const char *kind, uint64_t n, bool settled, void *data), void *data);
int fm_store_settled(struct sovd_db_conn *conn, const char *kind, uint64_t n);

/* Begins a cycle of the kind when another mark began the present one. */
int fm_store_mark(struct sovd_db_conn *conn, const char *kind, const char *mark);

/* Deletes one (code) or all of an entity, of a scope or all (NULL); *ret_n: how many. */
int fm_store_clear(struct sovd_db_conn *conn, const char *entity, const char *code, const char *scope,
                   int64_t *ret_n);

/* The page of a query: calls each for every row; strings live until it returns. each stops it by another value than
 * 0, which is returned. */
int fm_store_list(struct sovd_db_conn *conn, const struct fm_query *query,
                  int (*each)(const struct fm_row *row, void *data), void *data);
