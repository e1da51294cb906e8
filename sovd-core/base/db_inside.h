#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Database - its inside
 *
 * db.c speaks SQLite: connections, statements, the writer (and db_copy.c, see db_handle.h). db_open.c decides whether a file may be used: whose it is,
 * whether it is whole, and which version it has.
 */
#include "sovd-core/base/db.h"
#include <pthread.h>

struct sovd_db_job;

struct sovd_db {
        char *uri;  /* as SQLite opens it */
        char *path; /* NULL = in memory */
        size_t queue_max;
        int guard; /* if is_guarded: closed at the end */
        bool is_guarded;
        struct sovd_db_conn *writer; /* the writer thread's */
        bool distrusted;             /* the writer's too: open it again before it is used */
        uint64_t told_usec;          /* when the log had the last failure */
        uint64_t n_untold;
        bool unverified;             /* whether the file is damaged could not be found out */
        pthread_t thread;
        bool has_thread;
        bool to_be_checked, is_checked_behind; /* by a thread of its own, while it is used */
        struct sovd_db_conn *checker;
        pthread_t check_thread;

        pthread_mutex_t mutex; /* everything below */
        pthread_cond_t queued, reader_free;
        struct sovd_db_job *first, **last;
        size_t n_waiting;
        const struct sovd_db_hooks *hooks, *hooks_wanted; /* hooks: the writer thread's, without the mutex */
        bool stopping, suspected, damaged;
        struct sovd_db_conn *readers;
        int error;
        uint64_t n_changes, n_commits, n_failed;
};

/* A connection that changes nothing in the file by being opened. */
int sovd_db_conn_open(struct sovd_db_conn **ret, struct sovd_db *db, bool writer);
struct sovd_db_conn *sovd_db_conn_free(struct sovd_db_conn *conn);
SOVD_DEFINE_CLEANUP(struct sovd_db_conn *, sovd_db_conn_free)

/* From now on a commit is on the disk when it returns. */
int sovd_db_conn_make_durable(struct sovd_db_conn *conn);

/* Closing it will not touch the file. */
void sovd_db_conn_leave_alone(struct sovd_db_conn *conn);

/* Looks at all pages, or (whole) at every row too. -EBADMSG: the file is damaged. */
int sovd_db_conn_check(struct sovd_db_conn *conn, bool whole);

/* Hands a reader back; takes one that is free, or NULL, with the mutex held. */
void sovd_db_conn_give(struct sovd_db *db, struct sovd_db_conn *conn);
struct sovd_db_conn *sovd_db_conn_take(struct sovd_db *db);

int sovd_db_exec(struct sovd_db_conn *conn, const char *sql);

/* One integer, of a pragma or a count. */
int sovd_db_ask(struct sovd_db_conn *conn, const char *sql, int64_t *ret);

/* Name of a file beside the database's. */
#define SOVD_DB_NAME_SIZE 4200
const char *sovd_db_name(char buf[static SOVD_DB_NAME_SIZE], const char *path, const char *end);
#define SOVD_DB_MARK "-damaged" /* found damaged while it was used: to be checked at the next start */

/* From now on no change is taken, and the next start checks the file and puts it aside. */
void sovd_db_note_damage(struct sovd_db *db);

/* The writer thread. */
void *sovd_db_write_loop(void *db);
