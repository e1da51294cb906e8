/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file may be used: whose it is, whether it is whole, and which version it has. */
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db_inside.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Up to here a file is checked at each start: it takes no longer than a moment. A larger one that was left open is checked
 * while it is used: 350 MB take half a second, and as long as the disk needs when they are not in memory. */
#define CHECK_BYTES (16 << 20)

const char *sovd_db_name(char buf[static SOVD_DB_NAME_SIZE], const char *path, const char *end) {
        (void)snprintf(buf, SOVD_DB_NAME_SIZE, "%s%s", path, end);
        return buf;
}

/* --- whose it is ---------------------------------------------------------------------------------------- */

/* An empty file is as good as none. */
static int identify(struct sovd_db_conn *conn, const struct sovd_db_options *o, int64_t *ret_version) {
        int64_t application, tables, newest = 0;

        while (o->migrations[newest])
                newest++;
        int r = sovd_db_ask(conn, "SELECT count(*) FROM sqlite_schema", &tables);
        if (!r)
                r = sovd_db_ask(conn, "PRAGMA application_id", &application);
        if (!r)
                r = sovd_db_ask(conn, "PRAGMA user_version", ret_version);
        if (r)
                return r;
        if (application != (int64_t)(int32_t)o->application_id && (application || tables || *ret_version))
                return -EMEDIUMTYPE;
        return *ret_version > newest || *ret_version < 0 ? -EPROTO : 0;
}

static int set_version(struct sovd_db_conn *conn, const struct sovd_db_options *o, int64_t version) {
        char sql[120];

        (void)snprintf(sql, sizeof(sql), "PRAGMA application_id=%d; PRAGMA user_version=%lld",
                       (int)o->application_id, (long long)version);
        return sovd_db_exec(conn, sql);
}

/* Each step is one transaction: a crash in the middle leaves the version before it. */
static int migrate(struct sovd_db_conn *conn, const struct sovd_db_options *o, int64_t version) {
        int r = 0;

        for (; !r && o->migrations[version]; version++) {
                r = sovd_db_exec(conn, "BEGIN IMMEDIATE");
                if (!r)
                        r = sovd_db_exec(conn, o->migrations[version]);
                if (!r)
                        r = set_version(conn, o, version + 1);
                if (!r)
                        r = sovd_db_exec(conn, "COMMIT");
        }
        return r;
}

/* --- whether it is whole -------------------------------------------------------------------------------- */

static int64_t size_of(const struct sovd_db *db, const char *end) {
        char name[SOVD_DB_NAME_SIZE];
        struct stat st;

        return stat(sovd_db_name(name, db->path, end), &st) ? -1 : (int64_t)st.st_size;
}

/* Whoever closed the file in order left no journal beside it. */
static int check(struct sovd_db *db, struct sovd_db_conn *conn, bool was_left_open) {
        char mark[SOVD_DB_NAME_SIZE];
        bool marked = size_of(db, SOVD_DB_MARK) >= 0;

        if (!marked && size_of(db, "") > CHECK_BYTES) {
                db->to_be_checked = was_left_open;
                return 0;
        }
        int r = sovd_db_conn_check(conn, marked);
        if (!r && marked)
                (void)unlink(sovd_db_name(mark, db->path, SOVD_DB_MARK));
        return r;
}

static void *check_behind(void *data) {
        struct sovd_db *db = data;
        int r = sovd_db_conn_check(db->checker, false);

        if (r == -EBADMSG)
                sovd_db_note_damage(db);
        else if (r && r != -ETIMEDOUT) /* the end of the database */
                sovd_log(SOVD_LOG_WARN, "%s was left open, and could not be checked: %s", db->path, strerror(-r));
        return NULL;
}

static int start_check(struct sovd_db *db) {
        if (!db->to_be_checked)
                return 0;
        int r = sovd_db_conn_open(&db->checker, db, false);
        if (!r)
                r = -pthread_create(&db->check_thread, NULL, check_behind, db);
        db->is_checked_behind = !r;
        return r;
}

static void end_check(struct sovd_db *db) {
        struct timespec soon = { 0 };

        while (db->is_checked_behind) { /* again: an interrupt before a statement begins is lost */
                sovd_db_interrupt(db->checker);
                (void)clock_gettime(CLOCK_REALTIME, &soon);
                soon.tv_nsec += 10000000;
                soon.tv_sec += soon.tv_nsec / 1000000000;
                soon.tv_nsec %= 1000000000;
                db->is_checked_behind = pthread_timedjoin_np(db->check_thread, NULL, &soon) != 0;
        }
        sovd_db_conn_free(db->checker);
}

static int open_writer(struct sovd_db *db, const struct sovd_db_options *o) {
        _cleanup_(sovd_db_conn_freep) struct sovd_db_conn *conn = NULL;
        bool was_left_open = db->path && size_of(db, "-wal") > 0;
        int64_t version;

        int r = sovd_db_conn_open(&conn, db, true);
        if (!r) {
                r = identify(conn, o, &version);
                if (was_left_open && (r == -EMEDIUMTYPE || r == -EPROTO))
                        sovd_db_conn_leave_alone(conn); /* the journal is not ours to take in */
        }
        if (!r && db->path)
                r = check(db, conn, was_left_open);
        if (!r && db->path)
                r = sovd_db_conn_make_durable(conn);
        if (!r && !db->path) /* before there are tables; pages that are free can be given back */
                r = sovd_db_exec(conn, "PRAGMA auto_vacuum=INCREMENTAL");
        if (!r)
                r = migrate(conn, o, version);
        if (!r)
                db->writer = SOVD_TAKE(conn);
        return r;
}

/* The damaged file and its journal are kept under another name. */
static int put_aside(struct sovd_db *db, char **ret) {
        static const char *const ends[] = { "", "-wal", "-shm" };
        _cleanup_(sovd_freep) char *aside = NULL;
        char from[SOVD_DB_NAME_SIZE], to[SOVD_DB_NAME_SIZE];

        if (asprintf(&aside, "%s.damaged-%llu", db->path, (unsigned long long)(sovd_realtime_usec() / 1000)) < 0) {
                aside = NULL;
                return sovd_error_origin(-ENOMEM);
        }
        for (size_t i = 0; i < SOVD_N_ELEMENTS(ends); i++)
                if (rename(sovd_db_name(from, db->path, ends[i]), sovd_db_name(to, aside, ends[i])) && errno != ENOENT)
                        return sovd_error_origin(-errno);
        (void)unlink(sovd_db_name(from, db->path, SOVD_DB_MARK));
        *ret = SOVD_TAKE(aside);
        return 0;
}

/* --- open and close ------------------------------------------------------------------------------------- */

static int add_readers(struct sovd_db *db, size_t n) {
        for (size_t i = 0; i < n; i++) {
                struct sovd_db_conn *conn = NULL;
                int r = sovd_db_conn_open(&conn, db, false);
                if (r)
                        return r;
                sovd_db_conn_give(db, conn);
        }
        return 0;
}

static int db_new(struct sovd_db **ret, const struct sovd_db_options *o) {
        _cleanup_(sovd_db_closep) struct sovd_db *db = calloc(1, sizeof(*db));
        if (!db)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&db->mutex, NULL);
        (void)sovd_cond_init(&db->queued);
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
                r = -pthread_create(&db->thread, NULL, sovd_db_write_loop, db);
        db->has_thread = !r;
        if (!r)
                r = start_check(db);
        if (r) {
                if (ret_aside)
                        free(SOVD_TAKE(*ret_aside));
                return r;
        }
        *ret = SOVD_TAKE(db);
        return 0;
}

/* As a file: URI, where some bytes mean something. */
static char *uri_of(const char *path) {
        char *uri = malloc(3 * strlen(path) + sizeof("file:?mode=ro&immutable=1")), *p;
        if (!uri)
                return NULL;

        for (p = stpcpy(uri, "file:"); *path; path++)
                if (strchr("?#%", *path))
                        p += sprintf(p, "%%%02x", (unsigned char)*path);
                else
                        *p++ = *path;
        (void)strcpy(p, "?mode=ro&immutable=1");
        return uri;
}

int sovd_db_open_to_read(struct sovd_db **ret, const char *path, bool with_journal) {
        const struct sovd_db_options options = { .path = path };
        _cleanup_(sovd_db_closep) struct sovd_db *db = NULL;

        int r = db_new(&db, &options);
        if (r)
                return r;
        if (!with_journal) {
                free(db->uri);
                db->uri = uri_of(path);
                if (!db->uri)
                        return sovd_error_origin(-ENOMEM);
        }
        r = add_readers(db, 1);
        if (!r)
                *ret = SOVD_TAKE(db);
        return r;
}

void sovd_db_guard(struct sovd_db *db, int fd) {
        db->guard = fd;
        db->is_guarded = fd >= 0;
}

struct sovd_db *sovd_db_close(struct sovd_db *db) {
        struct sovd_db_conn *reader;
        if (!db)
                return NULL;

        (void)pthread_mutex_lock(&db->mutex);
        db->stopping = true;
        (void)pthread_cond_signal(&db->queued);
        (void)pthread_mutex_unlock(&db->mutex);
        if (db->has_thread)
                (void)pthread_join(db->thread, NULL);
        end_check(db);

        while ((reader = sovd_db_conn_take(db)))
                sovd_db_conn_free(reader);
        sovd_db_conn_free(db->writer); /* last: it takes the journal in and removes it */
        (void)pthread_cond_destroy(&db->queued);
        (void)pthread_cond_destroy(&db->reader_free);
        (void)pthread_mutex_destroy(&db->mutex);
        free(db->uri);
        free(db->path);
        if (db->is_guarded)
                (void)close(db->guard);
        free(db);
        return NULL;
}
