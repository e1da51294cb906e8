#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Database - durable state: one SQLite file, one writer
 *
 * Every change runs on one writer thread, many of them in one transaction (group commit), and whoever asked is
 * told only after the commit is on the disk (WAL, synchronous=FULL). Reads use connections of their own and see
 * the last commit. This is the one place that knows SQLite.
 *
 * Results below: 0; -ENOSPC disk or quota full; -EIO; -EROFS; -EBADMSG the file is damaged; -EEXIST a constraint
 * refuses the change; -EBUSY; -EACCES; -ENOMEM; SOVD_E_OVERLOAD too many changes wait.
 */
#include "sovd-core/base/util.h"

struct sovd_db;
struct sovd_db_conn; /* a connection that the caller may use for the moment */
struct sovd_db_stmt;

struct sovd_db_options {
        const char *path;               /* NULL = in memory: gone with the process */
        const char *const *migrations;  /* SQL scripts, ends with NULL; script n leads from version n to n + 1 */
        uint32_t application_id;        /* of the file; another one is refused */
        size_t readers;                 /* connections for reading, at least 1 */
        size_t queue_max;               /* changes that may wait */
};

/* Opens or makes the file, checks it when it was not closed in order, and migrates it. *ret_aside, when asked for:
 * a damaged file was renamed to this path (owned by the caller) and an empty one begun; else NULL. Without
 * ret_aside a damaged file is -EBADMSG. -EPROTO: it is of a newer version; -EMEDIUMTYPE: it is another program's. Both
 * are left as they are. */
int sovd_db_open(struct sovd_db **ret, const struct sovd_db_options *options, char **ret_aside);

/* A file that is only looked at, whosever it is: one connection for reading, nothing is written, not even beside it. What
 * a journal beside it holds is not seen, and a program that writes at the same time makes what is read worthless; so give it
 * a file at rest. with_journal: it is a copy of the caller's in a folder of its own, where SQLite may take a journal in. */
int sovd_db_open_to_read(struct sovd_db **ret, const char *path, bool with_journal);

/* Takes over a file descriptor, which is closed after everything else: whatever it locks is locked as long. */
void sovd_db_guard(struct sovd_db *db, int fd);

/* Carries out what waits, then closes. Nobody may use it any more. */
struct sovd_db *sovd_db_close(struct sovd_db *db);
SOVD_DEFINE_CLEANUP(struct sovd_db *, sovd_db_close)

/* A change; on the writer thread, inside the transaction. Another result than 0 undoes this change alone and
 * reaches the caller. It must not wait for anything. */
typedef int (*sovd_db_work)(struct sovd_db_conn *conn, void *data);

/* After the commit (result 0) or its failure; on the writer thread, in the order of the changes. */
typedef void (*sovd_db_done)(int result, void *data);

/* Carries a change out and waits until it is durable. */
int sovd_db_write(struct sovd_db *db, sovd_db_work work, void *data);

/* The same for what is kept in memory too: done is told on the writer thread, in the order of the changes and before
 * the caller goes on, so memory never differs from the file. It is always called once; when the change was not even
 * taken, by the caller's thread. db NULL: nothing is kept, and done is told 0. */
int sovd_db_apply(struct sovd_db *db, sovd_db_work work, sovd_db_done done, void *data);

/* The same without waiting; done may be NULL. Another result than 0: it was not taken, done is not called. */
int sovd_db_post(struct sovd_db *db, sovd_db_work work, sovd_db_done done, void *data);

/* What goes with the changes of others, in their transactions. All of it is called on the writer thread. */
struct sovd_db_hooks {
        /* A change of a thread that said sovd_db_accompany(number) was carried out, and changed something. Inside the same
         * savepoint: another result than 0 undoes both. */
        int (*accompany)(struct sovd_db_conn *conn, uint64_t number, void *data);
        /* Before each commit. Another result than 0 undoes the whole group. */
        int (*before_commit)(struct sovd_db_conn *conn, void *data);
        /* The group is durable (0), or undone; before anybody who waits is told. */
        void (*after)(int result, void *data);
        void *data;
};

/* NULL = none from now on. hooks must live until then, and none of them is called after it. */
void sovd_db_set_hooks(struct sovd_db *db, const struct sovd_db_hooks *hooks);

/* What this thread changes from now on is accompanied, in any database with hooks; 0 = nothing is. Returns the number before. */
uint64_t sovd_db_accompany(uint64_t number);

/* The number of the last change of this thread that was accompanied and became durable; 0 = there was none. */
uint64_t sovd_db_accompanied(void);

/* A connection for reading, on one snapshot until it is given back. Waits for a free one. */
int sovd_db_read_begin(struct sovd_db *db, struct sovd_db_conn **ret);
/* From this monotonic time on its statements end with -ETIMEDOUT: what a client asks for must not keep a connection for
 * longer than the client may wait. */
void sovd_db_read_until(struct sovd_db_conn *conn, uint64_t deadline_usec);
void sovd_db_read_end(struct sovd_db *db, struct sovd_db_conn *conn);

/* A statement of the connection's cache, without bindings. It is the caller's until the next prepare of the same
 * text, or until the work or the reading ends. */
int sovd_db_prepare(struct sovd_db_conn *conn, struct sovd_db_stmt **ret, const char *sql);

/* Parameters count from 1; text and blobs must live until the last step. A failure shows in the next step. */
void sovd_db_bind_int(struct sovd_db_stmt *stmt, int i, int64_t value);
void sovd_db_bind_text(struct sovd_db_stmt *stmt, int i, const char *text); /* NULL = null */
void sovd_db_bind_blob(struct sovd_db_stmt *stmt, int i, const void *bytes, size_t n);

/* *ret_row: there is a row to read. */
int sovd_db_step(struct sovd_db_stmt *stmt, bool *ret_row);

/* Runs to the end; rows are dropped. */
int sovd_db_run(struct sovd_db_stmt *stmt);

/* Prepares and runs a statement with one parameter. */
int sovd_db_run_int(struct sovd_db_conn *conn, const char *sql, int64_t value);
int sovd_db_run_text(struct sovd_db_conn *conn, const char *sql, const char *text);

/* Columns count from 0. Text and blobs live until the next step. NULL: null. */
int64_t sovd_db_int(struct sovd_db_stmt *stmt, int column);
const char *sovd_db_text(struct sovd_db_stmt *stmt, int column);
const void *sovd_db_blob(struct sovd_db_stmt *stmt, int column, size_t *ret_n);

bool sovd_db_is_null(struct sovd_db_stmt *stmt, int column);

/* Rows that the last change of the connection touched, and the rowid it gave. */
int64_t sovd_db_changes(struct sovd_db_conn *conn);
int64_t sovd_db_last_id(struct sovd_db_conn *conn);

/* Makes a table equal to the same one of another database: what is there goes. From inside a work on `to`. *ret_n: the
 * rows. -EBADMSG: it is no table there, or has other columns. */
int sovd_db_copy_table(struct sovd_db_conn *to, struct sovd_db_conn *from, const char *table, int64_t *ret_n);

/* Reads every page. -EBADMSG: the file is damaged. */
int sovd_db_check(struct sovd_db *db);
int sovd_db_check_in(struct sovd_db_conn *conn);

/* From any thread, before the reading ends: what it does ends soon with -ETIMEDOUT, also a check, which does not ask for a
 * deadline before it is through with a table. */
void sovd_db_interrupt(struct sovd_db_conn *conn);

/* What the head of a file says (the SQLite file format, 1.3), without opening it as a database. */
struct sovd_db_file {
        bool is_database;
        uint32_t application_id, version;
        uint64_t bytes, bytes_said; /* how long it is, and should be at least; 0 = it does not say */
};
int sovd_db_identify(const char *path, struct sovd_db_file *ret);

/* Is there a file, which outlives the process? false for NULL. */
bool sovd_db_is_file(const struct sovd_db *db);

struct sovd_db_status {
        int error;                /* of the last transaction; 0 = it was committed; -EBADMSG = the file is damaged */
        size_t n_waiting;         /* changes in the queue */
        uint64_t n_changes, n_commits, n_failed;
        uint64_t bytes;           /* of the file, 0 in memory */
        uint64_t wal_bytes;       /* of its journal, the same */
};
void sovd_db_status(struct sovd_db *db, struct sovd_db_status *ret);
