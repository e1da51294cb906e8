#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Database - what is SQLite's, for the two files that know it: db.c, and db_copy.c for what goes between two databases
 */
#include "sovd-core/base/db_inside.h"
#include <sqlite3.h>

#define SOVD_DB_STATEMENTS_MAX 192 /* cached per connection */

struct sovd_db_stmt {
        sqlite3_stmt *stmt;
        struct sovd_db_conn *conn;
        const char *sql; /* SQLite's copy */
        int bind_result;
};

struct sovd_db_conn {
        sqlite3 *sqlite;
        struct sovd_db *db;
        uint64_t deadline_usec; /* of a reading; 0 = none; atomic */
        struct sovd_db_stmt statements[SOVD_DB_STATEMENTS_MAX];
        size_t n_statements;
        struct sovd_db_conn *next; /* free readers */
};

/* The result of SQLite as one of ours, with its message in the debug log. */
int sovd_db_failed(struct sovd_db_conn *conn, int sqlite);
