/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db_handle.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define GROUP_MAX      256  /* changes of one transaction */
#define BUSY_MSEC      5000
#define JOURNAL_BYTES  "8388608"
#define STEPS          20000 /* of SQLite's machine between two looks at the clock: about a millisecond */
#define RETRY_SEC      1
/* KiB. A reader's pages are worth nothing after the next commit, and are given back in parts of the heap that other threads
 * do not use: 4 MiB of each took 70 MB together, and made no page of faults faster. */
#define READER_CACHE   "PRAGMA cache_size=-512"
#define WRITER_CACHE   "PRAGMA cache_size=-4000"
#define TELL_USEC      (10 * SOVD_USEC_PER_SEC) /* between two lines of the log about the same trouble */

struct sovd_db_job {
        sovd_db_work work;
        sovd_db_done done; /* or NULL; one that is not posted is waited for with `finished` */
        void *data;
        uint64_t number; /* of what accompanies it; 0 = nothing */
        int result;
        uint32_t finished; /* atomic: 1 = it is */
        bool posted;
        struct sovd_db_job *next;
};

/* What the system said to the journal or to the file, where SQLite has one word for many reasons. */
static int reason_of(sqlite3 *sqlite, int otherwise) {
        sqlite3_file *journal = NULL;
        int system = 0;

        if (sqlite3_file_control(sqlite, "main", SQLITE_FCNTL_JOURNAL_POINTER, &journal) == SQLITE_OK && journal &&
            journal->pMethods)
                (void)journal->pMethods->xFileControl(journal, SQLITE_FCNTL_LAST_ERRNO, &system);
        if (!system)
                (void)sqlite3_file_control(sqlite, "main", SQLITE_FCNTL_LAST_ERRNO, &system);
        if (!system)
                system = sqlite3_system_errno(sqlite);
        if (system == ENOSPC || system == EDQUOT || system == EFBIG)
                return -ENOSPC;
        return system == EROFS || system == EACCES ? -system : otherwise;
}

static int error_of(sqlite3 *sqlite, int result) {
        switch (result & 0xff) {
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
        case SQLITE_INTERRUPT:
                return -ETIMEDOUT;
        case SQLITE_CANTOPEN:
                return sqlite ? reason_of(sqlite, -ENOENT) : -ENOENT;
        case SQLITE_IOERR:
                return sqlite ? reason_of(sqlite, -EIO) : -EIO;
        default:
                return -EINVAL;
        }
}

/* A page made no sense: the writer thread finds out whether the file is damaged, or the disk did not read. */
static void suspect(struct sovd_db *db) {
        (void)pthread_mutex_lock(&db->mutex);
        db->suspected = db->path != NULL;
        (void)pthread_cond_signal(&db->queued);
        (void)pthread_mutex_unlock(&db->mutex);
}

int sovd_db_failed(struct sovd_db_conn *conn, int result) {
        int r = error_of(conn->sqlite, result);

        if (r == -EBADMSG && conn->db->has_thread)
                suspect(conn->db);
        if (r)
                sovd_log(SOVD_LOG_DEBUG, "database: %s", conn->sqlite ? sqlite3_errmsg(conn->sqlite) : sqlite3_errstr(result));
        return sovd_error_origin(r);
}

int sovd_db_exec(struct sovd_db_conn *conn, const char *sql) {
        return sovd_db_failed(conn, sqlite3_exec(conn->sqlite, sql, NULL, NULL, NULL));
}

/* --- connections ---------------------------------------------------------------------------------------- */

struct sovd_db_conn *sovd_db_conn_free(struct sovd_db_conn *conn) {
        if (!conn)
                return NULL;
        for (size_t i = 0; i < conn->n_statements; i++)
                (void)sqlite3_finalize(conn->statements[i].stmt);
        (void)sqlite3_close(conn->sqlite);
        free(conn);
        return NULL;
}

/* A file that somebody could have changed: nothing in it may run code or reach other files. What a large change has to
 * keep for its undoing goes to a temporary file: a restore of 10^6 faults took 290 MB of memory without. */
static int harden(struct sovd_db_conn *conn) {
        (void)sqlite3_extended_result_codes(conn->sqlite, 1);
        (void)sqlite3_busy_timeout(conn->sqlite, BUSY_MSEC);
        (void)sqlite3_db_config(conn->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void)sqlite3_db_config(conn->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        return sovd_db_exec(conn, "PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0");
}

/* SQLite asks now and then whether to go on. */
static int is_late(void *data) {
        const struct sovd_db_conn *conn = data;
        uint64_t deadline = __atomic_load_n(&conn->deadline_usec, __ATOMIC_RELAXED);

        return deadline && sovd_now_usec() >= deadline;
}

int sovd_db_conn_open(struct sovd_db_conn **ret, struct sovd_db *db, bool writer) {
        int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | (writer ? SQLITE_OPEN_CREATE : 0);
        _cleanup_(sovd_db_conn_freep) struct sovd_db_conn *conn = calloc(1, sizeof(*conn));
        if (!conn)
                return -ENOMEM; /* not traced: the compiler must see that it is no success */

        conn->db = db;
        int r = sovd_db_failed(conn, sqlite3_open_v2(db->uri, &conn->sqlite, flags, NULL));
        if (!r)
                r = harden(conn);
        if (!r && !writer)
                sqlite3_progress_handler(conn->sqlite, STEPS, is_late, conn);
        if (!r)
                r = sovd_db_exec(conn, writer ? WRITER_CACHE : READER_CACHE "; PRAGMA query_only=ON");
        if (r)
                return r;

        *ret = SOVD_TAKE(conn);
        return 0;
}

int sovd_db_conn_make_durable(struct sovd_db_conn *conn) {
        return sovd_db_exec(conn, "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=1000; "
                                  "PRAGMA journal_size_limit=" JOURNAL_BYTES);
}

void sovd_db_conn_leave_alone(struct sovd_db_conn *conn) {
        (void)sqlite3_db_config(conn->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
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

        if (conn->n_statements == SOVD_DB_STATEMENTS_MAX)
                return -ENOBUFS; /* texts are constants of the program: there are not so many */
        int r = sovd_db_failed(conn, sqlite3_prepare_v3(conn->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL));
        if (r)
                return r;
        s->conn = conn;
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
        int r = sovd_db_failed(stmt->conn, result);

        *ret_row = result == SQLITE_ROW;
        if (result != SQLITE_ROW)
                (void)sqlite3_reset(stmt->stmt);
        return r;
}

int sovd_db_run(struct sovd_db_stmt *stmt) {
        bool row;
        int r;

        do
                r = sovd_db_step(stmt, &row);
        while (!r && row);
        return r;
}

int sovd_db_run_int(struct sovd_db_conn *conn, const char *sql, int64_t value) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, sql);
        if (r)
                return r;
        sovd_db_bind_int(s, 1, value);
        return sovd_db_run(s);
}

int sovd_db_run_text(struct sovd_db_conn *conn, const char *sql, const char *text) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, sql);
        if (r)
                return r;
        sovd_db_bind_text(s, 1, text);
        return sovd_db_run(s);
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

int sovd_db_ask(struct sovd_db_conn *conn, const char *sql, int64_t *ret) {
        sqlite3_stmt *stmt = NULL;
        int result = sqlite3_prepare_v2(conn->sqlite, sql, -1, &stmt, NULL);

        if (result == SQLITE_OK)
                result = sqlite3_step(stmt);
        if (result == SQLITE_ROW)
                *ret = sqlite3_column_int64(stmt, 0);
        (void)sqlite3_finalize(stmt);
        return result == SQLITE_DONE ? -EBADMSG : sovd_db_failed(conn, result);
}

static int is_ok(void *data, int n, char **values, char **names) {
        (void)names;
        *(bool *)data = n == 1 && sovd_streq(values[0], "ok");
        return 0;
}

int sovd_db_conn_check(struct sovd_db_conn *conn, bool whole) {
        const char *sql = whole ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)";
        bool ok = false;
        int r = sovd_db_failed(conn, sqlite3_exec(conn->sqlite, sql, is_ok, &ok, NULL));

        return r ? r : ok ? 0 : -EBADMSG;
}

/* A statement that stands at a row keeps the snapshot that it reads: the journal could not be taken in. */
static void end_statements(struct sovd_db_conn *conn) {
        for (size_t i = 0; i < conn->n_statements; i++)
                (void)sqlite3_reset(conn->statements[i].stmt);
}

/* --- the writer ----------------------------------------------------------------------------------------- */

static bool is_of_storage(int r) {
        return r == -ENOSPC || r == -EIO || r == -EROFS || r == -EBADMSG;
}

/* What belongs to the change, when there was one. */
static int accompany(struct sovd_db_conn *conn, const struct sovd_db_job *job, int64_t before) {
        const struct sovd_db_hooks *hooks = conn->db->hooks;

        if (!hooks || !job->number || sqlite3_total_changes64(conn->sqlite) == before)
                return 0;
        return hooks->accompany(conn, job->number, hooks->data);
}

/* One change inside the transaction; what it did is undone when it does not want it. After a failure of the file, or
 * when SQLite gave up the transaction, nothing of the group can be kept. */
static int carry_out(struct sovd_db_conn *conn, struct sovd_db_job *job) {
        int64_t before = sqlite3_total_changes64(conn->sqlite);
        int r = sovd_db_exec(conn, "SAVEPOINT change");
        if (r)
                return r;

        job->result = job->work(conn, job->data);
        if (!job->result)
                job->result = accompany(conn, job, before);
        end_statements(conn);
        if (job->result && (is_of_storage(job->result) || sqlite3_get_autocommit(conn->sqlite)))
                return job->result > 0 ? sovd_error_origin(-EIO) : job->result;
        if (job->result)
                r = sovd_db_exec(conn, "ROLLBACK TO change");
        return r ? r : sovd_db_exec(conn, "RELEASE change");
}

static int run_group(struct sovd_db_conn *conn, struct sovd_db_job *group) {
        const struct sovd_db_hooks *hooks = conn->db->hooks;
        int r = sovd_db_exec(conn, "BEGIN IMMEDIATE");

        for (struct sovd_db_job *job = group; !r && job; job = job->next)
                r = carry_out(conn, job);
        if (!r && hooks)
                r = hooks->before_commit(conn, hooks->data);
        end_statements(conn);
        if (!r)
                r = sovd_db_exec(conn, "COMMIT");
        if (r && !sqlite3_get_autocommit(conn->sqlite))
                (void)sovd_db_exec(conn, "ROLLBACK");
        if (hooks)
                hooks->after(r, hooks->data);
        return r;
}

/* After a failure of the file nothing that the connection has in memory may be trusted: a second fsync may claim a
 * success that the first denied. */
static int open_again(struct sovd_db *db) {
        struct sovd_db_conn *conn = NULL;

        if (!db->distrusted || !db->path)
                return 0; /* what is in memory would be gone */
        int r = sovd_db_conn_open(&conn, db, true);
        if (!r)
                r = sovd_db_conn_make_durable(conn);
        if (r) {
                sovd_db_conn_free(conn);
                return r;
        }
        sovd_db_conn_free(db->writer);
        db->writer = conn;
        db->distrusted = false;
        return 0;
}

/* Says when trouble begins and ends, and now and then while it lasts. */
static void tell_log(struct sovd_db *db, int r, size_t n) {
        uint64_t now = sovd_now_usec();

        db->n_untold += r ? n : 0;
        if (r && (!db->told_usec || now - db->told_usec >= TELL_USEC)) {
                sovd_log(SOVD_LOG_ERROR, "%llu changes could not be made durable: %s", (unsigned long long)db->n_untold,
                         strerror(abs(r)));
                db->told_usec = now;
                db->n_untold = 0;
        } else if (!r && db->told_usec) {
                sovd_log(SOVD_LOG_WARN, "changes are made durable again; %llu more could not be",
                         (unsigned long long)db->n_untold);
                db->told_usec = 0;
                db->n_untold = 0;
        }
}

/* Those that failed by themselves keep their own result. */
static size_t settle(struct sovd_db_job *group, int r) {
        size_t n = 0;

        for (struct sovd_db_job *job = group; job; job = job->next, n++)
                job->result = r ? r : job->result;
        return n;
}

/* Each who waits is woken alone, and finds nothing locked: woken together, those of other groups would wake too, and all of them
 * would meet at one mutex. With 64 that was a third of all time. */
static void wait_finished(struct sovd_db_job *job) {
        while (!__atomic_load_n(&job->finished, __ATOMIC_ACQUIRE))
                (void)syscall(SYS_futex, &job->finished, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

/* From the first line on the job may be gone; waking whatever is there then does no harm. */
static void finish(struct sovd_db_job *job) {
        __atomic_store_n(&job->finished, 1, __ATOMIC_RELEASE);
        (void)syscall(SYS_futex, &job->finished, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void tell(struct sovd_db_job *group) {
        for (struct sovd_db_job *job = group; job; job = job->next)
                if (job->done)
                        job->done(job->result, job->data);

        while (group) {
                struct sovd_db_job *job = group;
                group = job->next;
                if (job->posted)
                        free(job);
                else
                        finish(job); /* it lives on its caller's stack */
        }
}

/* With the mutex held. After a failure it does not wait for long: the file is tried again. */
static void wait_for_change(struct sovd_db *db) {
        const uint64_t until = db->error ? sovd_now_usec() + RETRY_SEC * SOVD_USEC_PER_SEC : UINT64_MAX;
        int r = 0;

        while (!db->first && !db->stopping && !db->suspected && r != ETIMEDOUT)
                r = sovd_cond_wait_until(&db->queued, &db->mutex, until);
}

/* The next changes, at most GROUP_MAX; none: it is time to try the file again. false: the end. */
static bool take_group(struct sovd_db *db, struct sovd_db_job **ret) {
        (void)pthread_mutex_lock(&db->mutex);
        wait_for_change(db);
        db->hooks = db->hooks_wanted;

        struct sovd_db_job *group = db->first, **end = &group;
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
        bool more = group || !db->stopping;
        (void)pthread_mutex_unlock(&db->mutex);
        *ret = group;
        return more;
}

void sovd_db_note_damage(struct sovd_db *db) {
        char mark[SOVD_DB_NAME_SIZE];
        int fd = open(sovd_db_name(mark, db->path, SOVD_DB_MARK), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        if (fd >= 0)
                (void)close(fd);
        sovd_log(SOVD_LOG_ERROR, "%s is damaged: at the next start it is put aside", db->path);
        (void)pthread_mutex_lock(&db->mutex);
        db->damaged = true;
        (void)pthread_mutex_unlock(&db->mutex);
}

/* Looks with new eyes: what the old connections hold in memory may be what is wrong. Nothing is promised any more in a
 * file that will be put aside. */
static int verify(struct sovd_db *db) {
        _cleanup_(sovd_db_conn_freep) struct sovd_db_conn *conn = NULL;

        (void)pthread_mutex_lock(&db->mutex);
        bool damaged = db->damaged, wanted = db->suspected || db->unverified;
        db->suspected = false;
        (void)pthread_mutex_unlock(&db->mutex);
        if (damaged || !wanted)
                return damaged ? -EBADMSG : 0;
        int r = sovd_db_conn_open(&conn, db, false);
        if (!r)
                r = sovd_db_conn_check(conn, true);
        (void)pthread_mutex_lock(&db->mutex);
        db->suspected = false; /* by the check itself */
        (void)pthread_mutex_unlock(&db->mutex);
        if (r == -EBADMSG)
                sovd_db_note_damage(db);
        db->unverified = r && r != -EBADMSG;
        return r;
}

/* Writes what is there already: whether a commit works shows in no other way. */
static int rewrite_version(struct sovd_db_conn *conn, void *data) {
        int64_t version = 0;
        char sql[64];

        int r = sovd_db_ask(conn, "PRAGMA user_version", &version);
        (void)snprintf(sql, sizeof(sql), "PRAGMA user_version=%lld", (long long)version);
        return r ? r : sovd_db_exec(conn, sql);
}

void *sovd_db_write_loop(void *data) {
        struct sovd_db *db = data;
        struct sovd_db_job *group;

        while (take_group(db, &group)) {
                struct sovd_db_job probe = { .work = rewrite_version };
                int r = verify(db);
                if (!r)
                        r = open_again(db);
                if (!r)
                        r = run_group(db->writer, group ? group : &probe);
                db->distrusted = r != 0;
                size_t n = settle(group, r);
                tell_log(db, r, n);
                (void)pthread_mutex_lock(&db->mutex);
                db->error = r;
                db->n_changes += r ? 0 : n;
                db->n_failed += r ? n : 0;
                db->n_commits += !r;
                (void)pthread_mutex_unlock(&db->mutex);
                tell(group);
        }
        return NULL;
}

static int do_nothing(struct sovd_db_conn *conn, void *data) {
        (void)conn;
        (void)data;
        return 0;
}

/* The group that a change comes with is the first one, or the last one, that knows of it. */
void sovd_db_set_hooks(struct sovd_db *db, const struct sovd_db_hooks *hooks) {
        (void)pthread_mutex_lock(&db->mutex);
        db->hooks_wanted = hooks;
        (void)pthread_mutex_unlock(&db->mutex);
        if (!hooks)
                (void)sovd_db_write(db, do_nothing, NULL);
}

static __thread uint64_t accompanied;
static __thread uint64_t accompanied_last;

uint64_t sovd_db_accompany(uint64_t number) {
        uint64_t before = accompanied;

        accompanied = number;
        return before;
}

uint64_t sovd_db_accompanied(void) {
        return accompanied_last;
}

/* With the mutex held. */
static int enqueue(struct sovd_db *db, struct sovd_db_job *job) {
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
static int wait_for(struct sovd_db *db, struct sovd_db_job *job, bool *ret_taken) {
        (void)pthread_mutex_lock(&db->mutex);
        int r = enqueue(db, job);
        (void)pthread_mutex_unlock(&db->mutex);
        if (!r)
                wait_finished(job);
        *ret_taken = !r;
        if (!r && !job->result && job->number)
                accompanied_last = job->number;
        return r ? r : job->result;
}

int sovd_db_write(struct sovd_db *db, sovd_db_work work, void *data) {
        struct sovd_db_job job = { .work = work, .data = data, .number = accompanied };
        bool taken;

        return wait_for(db, &job, &taken);
}

int sovd_db_apply(struct sovd_db *db, sovd_db_work work, sovd_db_done done, void *data) {
        struct sovd_db_job job = { .work = work, .done = done, .data = data, .number = accompanied };
        bool taken = false;

        int r = db ? wait_for(db, &job, &taken) : 0;
        if (!taken)
                done(r, data);
        return r;
}

int sovd_db_post(struct sovd_db *db, sovd_db_work work, sovd_db_done done, void *data) {
        struct sovd_db_job *job = calloc(1, sizeof(*job));
        if (!job)
                return sovd_error_origin(-ENOMEM);

        *job = (struct sovd_db_job){ .work = work, .done = done, .data = data, .number = accompanied,
                                       .posted = true };
        (void)pthread_mutex_lock(&db->mutex);
        int r = enqueue(db, job);
        (void)pthread_mutex_unlock(&db->mutex);
        if (r)
                free(job);
        return r;
}

/* --- readers -------------------------------------------------------------------------------------------- */

void sovd_db_conn_give(struct sovd_db *db, struct sovd_db_conn *conn) {
        (void)pthread_mutex_lock(&db->mutex);
        conn->next = db->readers;
        db->readers = conn;
        (void)pthread_cond_signal(&db->reader_free);
        (void)pthread_mutex_unlock(&db->mutex);
}

struct sovd_db_conn *sovd_db_conn_take(struct sovd_db *db) {
        struct sovd_db_conn *conn = db->readers;

        if (conn)
                db->readers = conn->next;
        return conn;
}

int sovd_db_read_begin(struct sovd_db *db, struct sovd_db_conn **ret) {
        (void)pthread_mutex_lock(&db->mutex);
        while (!db->readers)
                (void)pthread_cond_wait(&db->reader_free, &db->mutex);
        struct sovd_db_conn *conn = sovd_db_conn_take(db);
        (void)pthread_mutex_unlock(&db->mutex);

        int r = sovd_db_exec(conn, "BEGIN");
        if (r)
                sovd_db_conn_give(db, conn);
        else
                *ret = conn;
        return r;
}

void sovd_db_read_until(struct sovd_db_conn *conn, uint64_t deadline_usec) {
        __atomic_store_n(&conn->deadline_usec, deadline_usec, __ATOMIC_RELAXED);
}

void sovd_db_read_end(struct sovd_db *db, struct sovd_db_conn *conn) {
        sovd_db_read_until(conn, 0);
        end_statements(conn);
        (void)sovd_db_exec(conn, "COMMIT");
        sovd_db_conn_give(db, conn);
}

bool sovd_db_is_file(const struct sovd_db *db) {
        return db && db->path;
}
