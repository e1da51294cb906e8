/* SPDX-License-Identifier: Apache-2.0 */
/* The one file that knows SQLite (docs/decisions). */
#include "sovd-core/base/db.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATEMENTS_MAX 192  /* cached per connection */
#define GROUP_MAX      256  /* changes of one transaction */
#define BUSY_MSEC      5000
#define JOURNAL_BYTES  "8388608"

struct sovd_db_stmt {
        sqlite3_stmt *stmt;
        const char *sql; /* SQLite's copy */
        int bind_result;
};

struct sovd_db_conn {
        sqlite3 *sqlite;
        struct sovd_db_stmt statements[STATEMENTS_MAX];
        size_t n_statements;
        struct sovd_db_conn *next; /* free readers */
};

struct job {
        sovd_db_work work;
        sovd_db_done done; /* or NULL; one that is not posted is waited for with `finished` */
        void *data;
        int result;
        bool posted, finished;
        struct job *next;
};

struct sovd_db {
        char *uri; /* as SQLite opens it */
        char *path; /* NULL = in memory */
        size_t queue_max;
        struct sovd_db_conn *writer; /* the writer thread's */
        pthread_t thread;
        bool has_thread;

        pthread_mutex_t mutex; /* everything below */
        pthread_cond_t queued, finished, reader_free;
        struct job *first, **last;
        size_t n_waiting;
        bool stopping;
        struct sovd_db_conn *readers;
        int error;
        uint64_t n_changes, n_commits, n_failed;
};

static int error_of(int sqlite) {
        switch (sqlite & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return 0;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return -EBADMSG;
        case SQLITE_CONSTRAINT:
                return -EEXIST;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_CANTOPEN:
                return -ENOENT;
        case SQLITE_IOERR:
                return -EIO;
        default:
                return -EINVAL;
        }
}

static int failed(struct sovd_db_conn *conn, int sqlite) {
        int r = error_of(sqlite);

        if (r)
                sovd_log(SOVD_LOG_DEBUG, "database: %s", conn->sqlite ? sqlite3_errmsg(conn->sqlite) : sqlite3_errstr(sqlite));
        return sovd_error_origin(r);
}

static int exec(struct sovd_db_conn *conn, const char *sql) {
        return failed(conn, sqlite3_exec(conn->sqlite, sql, NULL, NULL, NULL));
}

/* --- connections ---------------------------------------------------------------------------------------- */

static struct sovd_db_conn *conn_free(struct sovd_db_conn *conn) {
        if (!conn)
                return NULL;
        for (size_t i = 0; i < conn->n_statements; i++)
                (void)sqlite3_finalize(conn->statements[i].stmt);
        (void)sqlite3_close(conn->sqlite);
        free(conn);
        return NULL;
}
SOVD_DEFINE_CLEANUP(struct sovd_db_conn *, conn_free)

/* A file that somebody could have changed: nothing in it may run code or reach other files. */
static int harden(struct sovd_db_conn *conn) {
        (void)sqlite3_extended_result_codes(conn->sqlite, 1);
        (void)sqlite3_busy_timeout(conn->sqlite, BUSY_MSEC);
        (void)sqlite3_db_config(conn->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void)sqlite3_db_config(conn->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        return exec(conn, "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-4000; "
                          "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0");
}

static int conn_open(struct sovd_db_conn **ret, const struct sovd_db *db, bool writer) {
        int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | (writer ? SQLITE_OPEN_CREATE : 0);
        _cleanup_(conn_freep) struct sovd_db_conn *conn = calloc(1, sizeof(*conn));
        if (!conn)
                return -ENOMEM; /* not traced: the compiler must see that it is no success */

        int r = failed(conn, sqlite3_open_v2(db->uri, &conn->sqlite, flags, NULL));
        if (!r)
                r = harden(conn);
        if (!r && db->path && writer)
                r = exec(conn, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=1000; "
                               "PRAGMA journal_size_limit=" JOURNAL_BYTES);
        if (!r && !writer)
                r = exec(conn, "PRAGMA query_only=ON");
        if (r)
                return r;

        *ret = SOVD_TAKE(conn);
        return 0;
}

/* --- statements ----------------------------------------------------------------------------------------- */

static struct sovd_db_stmt *find_statement(struct sovd_db_conn *conn, const char *sql) {
        for (size_t i = 0; i < conn->n_statements; i++)
                if (strcmp(conn->statements[i].sql, sql) == 0)
                        return &conn->statements[i];
        return NULL;
}

static int add_statement(struct sovd_db_conn *conn, const char *sql, struct sovd_db_stmt **ret) {
        struct sovd_db_stmt *s = &conn->statements[conn->n_statements];

        if (conn->n_statements == STATEMENTS_MAX)
                return -ENOSPC; /* texts are constants of the program: there are not so many */
        int r = failed(conn, sqlite3_prepare_v3(conn->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL));
        if (r)
                return r;
        s->sql = sqlite3_sql(s->stmt);
        conn->n_statements++;
        *ret = s;
        return 0;
}

int sovd_db_prepare(struct sovd_db_conn *conn, struct sovd_db_stmt **ret, const char *sql) {
        struct sovd_db_stmt *s = find_statement(conn, sql);

        if (!s) {
                int r = add_statement(conn, sql, &s);
                if (r)
                        return r;
        }
        (void)sqlite3_reset(s->stmt);
        (void)sqlite3_clear_bindings(s->stmt);
        s->bind_result = SQLITE_OK;
        *ret = s;
        return 0;
}

static void note(struct sovd_db_stmt *stmt, int result) {
        if (result != SQLITE_OK && stmt->bind_result == SQLITE_OK)
                stmt->bind_result = result;
}

void sovd_db_bind_int(struct sovd_db_stmt *stmt, int i, int64_t value) {
        note(stmt, sqlite3_bind_int64(stmt->stmt, i, value));
}

void sovd_db_bind_text(struct sovd_db_stmt *stmt, int i, const char *text) {
        note(stmt, text ? sqlite3_bind_text(stmt->stmt, i, text, -1, SQLITE_STATIC) : sqlite3_bind_null(stmt->stmt, i));
}

void sovd_db_bind_blob(struct sovd_db_stmt *stmt, int i, const void *bytes, size_t n) {
        note(stmt, sqlite3_bind_blob64(stmt->stmt, i, bytes, n, SQLITE_STATIC));
}

int sovd_db_step(struct sovd_db_stmt *stmt, bool *ret_row) {
        int result = stmt->bind_result != SQLITE_OK ? stmt->bind_result : sqlite3_step(stmt->stmt);

        *ret_row = result == SQLITE_ROW;
        if (result != SQLITE_ROW)
                (void)sqlite3_reset(stmt->stmt);
        return sovd_error_origin(error_of(result));
}

int sovd_db_run(struct sovd_db_stmt *stmt) {
        bool row;
        int r;

        do
                r = sovd_db_step(stmt, &row);
        while (!r && row);
        return r;
}

int64_t sovd_db_int(struct sovd_db_stmt *stmt, int column) {
        return sqlite3_column_int64(stmt->stmt, column);
}

const char *sovd_db_text(struct sovd_db_stmt *stmt, int column) {
        return (const char *)sqlite3_column_text(stmt->stmt, column);
}

const void *sovd_db_blob(struct sovd_db_stmt *stmt, int column, size_t *ret_n) {
        const void *bytes = sqlite3_column_blob(stmt->stmt, column);

        *ret_n = (size_t)sqlite3_column_bytes(stmt->stmt, column);
        return bytes;
}

bool sovd_db_is_null(struct sovd_db_stmt *stmt, int column) {
        return sqlite3_column_type(stmt->stmt, column) == SQLITE_NULL;
}

int64_t sovd_db_changes(struct sovd_db_conn *conn) {
        return sqlite3_changes64(conn->sqlite);
}

int64_t sovd_db_last_id(struct sovd_db_conn *conn) {
        return sqlite3_last_insert_rowid(conn->sqlite);
}

/* One integer, of a pragma. */
static int ask(struct sovd_db_conn *conn, const char *sql, int64_t *ret) {
        sqlite3_stmt *stmt = NULL;
        int result = sqlite3_prepare_v2(conn->sqlite, sql, -1, &stmt, NULL);

        if (result == SQLITE_OK)
                result = sqlite3_step(stmt);
        if (result == SQLITE_ROW)
                *ret = sqlite3_column_int64(stmt, 0);
        (void)sqlite3_finalize(stmt);
        return result == SQLITE_DONE ? -EBADMSG : failed(conn, result);
}

/* --- the writer ----------------------------------------------------------------------------------------- */

/* One change inside the transaction; what it did is undone when it does not want it. */
static int carry_out(struct sovd_db_conn *conn, struct job *job) {
        int r = exec(conn, "SAVEPOINT change");
        if (r)
                return r;

        job->result = job->work(conn, job->data);
        if (job->result)
                r = exec(conn, "ROLLBACK TO change");
        return r ? r : exec(conn, "RELEASE change");
}

static int run_group(struct sovd_db_conn *conn, struct job *group) {
        int r = exec(conn, "BEGIN IMMEDIATE");

        for (struct job *job = group; !r && job; job = job->next)
                r = carry_out(conn, job);
        if (!r)
                r = exec(conn, "COMMIT");
        if (r && !sqlite3_get_autocommit(conn->sqlite))
                (void)exec(conn, "ROLLBACK");
        return r;
}

/* After a failure of the file nothing that the connection has in memory may be trusted: a second fsync may claim a
 * success that the first denied. */
static void open_again(struct sovd_db *db) {
        struct sovd_db_conn *conn = NULL;

        if (!db->path)
                return; /* the memory would be gone */
        int r = conn_open(&conn, db, true);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the database cannot be opened again: %s", strerror(-r));
        else
                db->writer = (conn_free(db->writer), conn);
}

/* Those that failed by themselves keep their own result. */
static size_t settle(struct job *group, int r) {
        size_t n = 0;

        for (struct job *job = group; job; job = job->next, n++)
                job->result = r ? r : job->result;
        return n;
}

/* Those who wait are woken once for all: each wake-up of each of them would be many more. */
static void tell(struct sovd_db *db, struct job *group) {
        for (struct job *job = group; job; job = job->next)
                if (job->done)
                        job->done(job->result, job->data);

        (void)pthread_mutex_lock(&db->mutex);
        while (group) {
                struct job *job = group;
                group = job->next;
                if (job->posted)
                        free(job);
                else
                        job->finished = true; /* it lives on its caller's stack */
        }
        (void)pthread_cond_broadcast(&db->finished);
        (void)pthread_mutex_unlock(&db->mutex);
}

/* The next changes, at most GROUP_MAX; NULL: the end. */
static struct job *take_group(struct sovd_db *db) {
        (void)pthread_mutex_lock(&db->mutex);
        while (!db->first && !db->stopping)
                (void)pthread_cond_wait(&db->queued, &db->mutex);

        struct job *group = db->first, **end = &group;
        size_t n = 0;
        while (*end && n < GROUP_MAX) {
                end = &(*end)->next;
                n++;
        }
        db->first = group ? *end : NULL;
        if (group)
                *end = NULL;
        if (!db->first)
                db->last = &db->first;
        db->n_waiting -= n;
        (void)pthread_mutex_unlock(&db->mutex);
        return group;
}

static void *write_loop(void *data) {
        struct sovd_db *db = data;
        struct job *group;

        while ((group = take_group(db))) {
                int r = run_group(db->writer, group);
                size_t n = settle(group, r);
                if (r) {
                        sovd_log(SOVD_LOG_ERROR, "%zu changes could not be made durable: %s", n, strerror(-r));
                        open_again(db);
                }
                (void)pthread_mutex_lock(&db->mutex);
                db->error = r;
                db->n_changes += r ? 0 : n;
                db->n_failed += r ? n : 0;
                db->n_commits += !r;
                (void)pthread_mutex_unlock(&db->mutex);
                tell(db, group);
        }
        return NULL;
}

/* With the mutex held. */
static int enqueue(struct sovd_db *db, struct job *job) {
        if (db->stopping)
                return -ESHUTDOWN;
        if (db->n_waiting >= db->queue_max)
                return SOVD_E_OVERLOAD;
        *db->last = job;
        db->last = &job->next;
        db->n_waiting++;
        (void)pthread_cond_signal(&db->queued);
        return 0;
}

/* *ret_taken: it was carried out, or tried. */
static int wait_for(struct sovd_db *db, struct job *job, bool *ret_taken) {
        (void)pthread_mutex_lock(&db->mutex);
        int r = enqueue(db, job);
        while (!r && !job->finished)
                (void)pthread_cond_wait(&db->finished, &db->mutex);
        (void)pthread_mutex_unlock(&db->mutex);
        *ret_taken = !r;
        return r ? r : job->result;
}

int sovd_db_write(struct sovd_db *db, sovd_db_work work, void *data) {
        struct job job = { .work = work, .data = data };
        bool taken;

        return wait_for(db, &job, &taken);
}

int sovd_db_apply(struct sovd_db *db, sovd_db_work work, sovd_db_done done, void *data) {
        struct job job = { .work = work, .done = done, .data = data };
        bool taken = false;

        int r = db ? wait_for(db, &job, &taken) : 0;
        if (!taken)
                done(r, data);
        return r;
}

int sovd_db_post(struct sovd_db *db, sovd_db_work work, sovd_db_done done, void *data) {
        struct job *job = calloc(1, sizeof(*job));
        if (!job)
                return sovd_error_origin(-ENOMEM);

        *job = (struct job){ .work = work, .done = done, .data = data, .posted = true };
        (void)pthread_mutex_lock(&db->mutex);
        int r = enqueue(db, job);
        (void)pthread_mutex_unlock(&db->mutex);
        if (r)
                free(job);
        return r;
}

/* --- readers -------------------------------------------------------------------------------------------- */

static void give_back(struct sovd_db *db, struct sovd_db_conn *conn) {
        (void)pthread_mutex_lock(&db->mutex);
        conn->next = db->readers;
        db->readers = conn;
        (void)pthread_cond_signal(&db->reader_free);
        (void)pthread_mutex_unlock(&db->mutex);
}

int sovd_db_read_begin(struct sovd_db *db, struct sovd_db_conn **ret) {
        (void)pthread_mutex_lock(&db->mutex);
        while (!db->readers)
                (void)pthread_cond_wait(&db->reader_free, &db->mutex);
        struct sovd_db_conn *conn = db->readers;
        db->readers = conn->next;
        (void)pthread_mutex_unlock(&db->mutex);

        int r = exec(conn, "BEGIN");
        if (r)
                give_back(db, conn);
        else
                *ret = conn;
        return r;
}

void sovd_db_read_end(struct sovd_db *db, struct sovd_db_conn *conn) {
        for (size_t i = 0; i < conn->n_statements; i++)
                (void)sqlite3_reset(conn->statements[i].stmt);
        (void)exec(conn, "COMMIT");
        give_back(db, conn);
}

/* --- open and close ------------------------------------------------------------------------------------- */

static int set_version(struct sovd_db_conn *conn, const struct sovd_db_options *o, int64_t version) {
        char sql[120];

        (void)snprintf(sql, sizeof(sql), "PRAGMA application_id=%u; PRAGMA user_version=%lld", o->application_id,
                       (long long)version);
        return exec(conn, sql);
}

/* Each step is one transaction: a crash in the middle leaves the version before it. */
static int migrate(struct sovd_db_conn *conn, const struct sovd_db_options *o) {
        int64_t version = 0, application = 0, n = 0;

        while (o->migrations[n])
                n++;
        int r = ask(conn, "PRAGMA user_version", &version);
        if (!r)
                r = ask(conn, "PRAGMA application_id", &application);
        if (!r && (version > n || version < 0 || (version && application != o->application_id)))
                return -EPROTO;

        for (; !r && version < n; version++) {
                r = exec(conn, "BEGIN IMMEDIATE");
                if (!r)
                        r = exec(conn, o->migrations[version]);
                if (!r)
                        r = set_version(conn, o, version + 1);
                if (!r)
                        r = exec(conn, "COMMIT");
        }
        return r;
}

/* Whoever closed the file in order left no journal beside it. */
static bool was_left_open(const struct sovd_db *db) {
        struct stat st;
        char wal[4200];

        (void)snprintf(wal, sizeof(wal), "%s-wal", db->path);
        return stat(wal, &st) == 0 && st.st_size > 0;
}

static int is_ok(void *data, int n, char **values, char **names) {
        (void)names;
        *(bool *)data = n == 1 && sovd_streq(values[0], "ok");
        return 0;
}

static int check(struct sovd_db_conn *conn) {
        bool ok = false;
        int r = failed(conn, sqlite3_exec(conn->sqlite, "PRAGMA quick_check(1)", is_ok, &ok, NULL));

        return r ? r : ok ? 0 : -EBADMSG;
}

static int open_writer(struct sovd_db *db, const struct sovd_db_options *o) {
        bool suspicious = db->path && was_left_open(db);
        int64_t tables;

        int r = conn_open(&db->writer, db, true);
        if (!r)
                r = ask(db->writer, "SELECT count(*) FROM sqlite_schema", &tables);
        if (!r && suspicious)
                r = check(db->writer);
        if (!r)
                r = migrate(db->writer, o);
        if (r)
                db->writer = conn_free(db->writer);
        return r;
}

/* The damaged file and its journal are kept under another name. */
static int put_aside(struct sovd_db *db, char **ret) {
        static const char *const ends[] = { "", "-wal", "-shm" };
        _cleanup_(sovd_freep) char *aside = NULL;

        if (asprintf(&aside, "%s.damaged-%llu", db->path, (unsigned long long)(sovd_realtime_usec() / 1000)) < 0) {
                aside = NULL;
                return sovd_error_origin(-ENOMEM);
        }
        for (size_t i = 0; i < SOVD_N_ELEMENTS(ends); i++) {
                char from[4200], to[4200];
                (void)snprintf(from, sizeof(from), "%s%s", db->path, ends[i]);
                (void)snprintf(to, sizeof(to), "%s%s", aside, ends[i]);
                if (rename(from, to) && errno != ENOENT)
                        return sovd_error_origin(-errno);
        }
        *ret = SOVD_TAKE(aside);
        return 0;
}

static int add_readers(struct sovd_db *db, size_t n) {
        for (size_t i = 0; i < n; i++) {
                struct sovd_db_conn *conn = NULL;
                int r = conn_open(&conn, db, false);
                if (r)
                        return r;
                conn->next = db->readers;
                db->readers = conn;
        }
        return 0;
}

static int db_new(struct sovd_db **ret, const struct sovd_db_options *o) {
        _cleanup_(sovd_db_closep) struct sovd_db *db = calloc(1, sizeof(*db));
        if (!db)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&db->mutex, NULL);
        (void)pthread_cond_init(&db->queued, NULL);
        (void)pthread_cond_init(&db->finished, NULL);
        (void)pthread_cond_init(&db->reader_free, NULL);
        db->last = &db->first;
        db->queue_max = o->queue_max;
        /* Connections of one process share what the memdb VFS keeps under a name that begins with a slash. */
        if (o->path ? !(db->path = strdup(o->path)) || !(db->uri = strdup(o->path))
                    : asprintf(&db->uri, "file:/sovd-%p?vfs=memdb", (void *)db) < 0)
                return sovd_error_origin(-ENOMEM);

        *ret = SOVD_TAKE(db);
        return 0;
}

int sovd_db_open(struct sovd_db **ret, const struct sovd_db_options *options, char **ret_aside) {
        _cleanup_(sovd_db_closep) struct sovd_db *db = NULL;

        if (ret_aside)
                *ret_aside = NULL;
        int r = db_new(&db, options);
        if (r)
                return r;

        r = open_writer(db, options);
        if (r == -EBADMSG && ret_aside && db->path) {
                r = put_aside(db, ret_aside);
                if (!r)
                        r = open_writer(db, options);
        }
        if (!r)
                r = add_readers(db, options->readers);
        if (!r)
                r = -pthread_create(&db->thread, NULL, write_loop, db);
        db->has_thread = !r;
        if (r) {
                if (ret_aside)
                        free(SOVD_TAKE(*ret_aside));
                return r;
        }
        *ret = SOVD_TAKE(db);
        return 0;
}

struct sovd_db *sovd_db_close(struct sovd_db *db) {
        if (!db)
                return NULL;

        (void)pthread_mutex_lock(&db->mutex);
        db->stopping = true;
        (void)pthread_cond_signal(&db->queued);
        (void)pthread_mutex_unlock(&db->mutex);
        if (db->has_thread)
                (void)pthread_join(db->thread, NULL);

        while (db->readers) {
                struct sovd_db_conn *conn = db->readers;
                db->readers = conn->next;
                conn_free(conn);
        }
        conn_free(db->writer); /* last: it takes the journal in and removes it */
        (void)pthread_cond_destroy(&db->queued);
        (void)pthread_cond_destroy(&db->finished);
        (void)pthread_cond_destroy(&db->reader_free);
        (void)pthread_mutex_destroy(&db->mutex);
        free(db->uri);
        free(db->path);
        free(db);
        return NULL;
}

bool sovd_db_is_file(const struct sovd_db *db) {
        return db && db->path;
}

/* --- copies and status ---------------------------------------------------------------------------------- */

int sovd_db_copy(struct sovd_db *db, const char *path) {
        struct sovd_db_conn *conn;
        struct sovd_db_stmt *stmt;

        if (access(path, F_OK) == 0)
                return -EEXIST;
        int r = sovd_db_read_begin(db, &conn);
        if (r)
                return r;
        (void)exec(conn, "COMMIT"); /* VACUUM INTO has a transaction of its own */
        (void)exec(conn, "PRAGMA query_only=OFF");
        r = sovd_db_prepare(conn, &stmt, "VACUUM INTO ?1");
        if (!r) {
                sovd_db_bind_text(stmt, 1, path);
                r = sovd_db_run(stmt);
        }
        (void)exec(conn, "PRAGMA query_only=ON");
        (void)exec(conn, "BEGIN");
        sovd_db_read_end(db, conn);
        if (r)
                (void)unlink(path);
        return r;
}

void sovd_db_status(struct sovd_db *db, struct sovd_db_status *ret) {
        struct stat st;
        bool has_file = db->path && stat(db->path, &st) == 0;

        (void)pthread_mutex_lock(&db->mutex);
        *ret = (struct sovd_db_status){
                .error = db->error,
                .n_waiting = db->n_waiting,
                .n_changes = db->n_changes,
                .n_commits = db->n_commits,
                .n_failed = db->n_failed,
                .bytes = has_file ? (uint64_t)st.st_size : 0,
        };
        (void)pthread_mutex_unlock(&db->mutex);
}
