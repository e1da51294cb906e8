/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

static const char *const first[] = { "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT", NULL };
static const char *const second[] = { "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT",
                                      "ALTER TABLE note ADD COLUMN kind INTEGER NOT NULL DEFAULT 7", NULL };

struct fixture {
        char folder[64], path[80], copy[80];
};

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        (void)snprintf(f->folder, sizeof(f->folder), "/tmp/sovd-db-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->path, sizeof(f->path), "%s/state.db", f->folder);
        (void)snprintf(f->copy, sizeof(f->copy), "%s/copy.db", f->folder);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;
        char command[128];

        (void)snprintf(command, sizeof(command), "rm -rf -- '%s'", f->folder);
        assert_int_equal(system(command), 0);
        free(f);
        return 0;
}

static struct sovd_db_options options(const char *path) {
        return (struct sovd_db_options){ .path = path, .migrations = first, .application_id = 0x534f5644, .readers = 2,
                                         .queue_max = 1000 };
}

static struct sovd_db *open_db(const char *path) {
        struct sovd_db_options o = options(path);
        struct sovd_db *db = NULL;

        assert_int_equal(sovd_db_open(&db, &o, NULL), 0);
        return db;
}

static int insert(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *stmt;

        int r = sovd_db_prepare(conn, &stmt, "INSERT INTO note(text) VALUES(?1)");
        if (r)
                return r;
        sovd_db_bind_text(stmt, 1, data);
        return sovd_db_run(stmt);
}

static int insert_then_refuse(struct sovd_db_conn *conn, void *data) {
        int r = insert(conn, data);

        return r ? r : SOVD_E_CONFLICT;
}

static int put(struct sovd_db *db, const char *text) {
        return sovd_db_write(db, insert, (void *)(uintptr_t)text);
}

static int64_t count(struct sovd_db *db) {
        struct sovd_db_conn *conn;
        struct sovd_db_stmt *stmt;
        bool row;

        assert_int_equal(sovd_db_read_begin(db, &conn), 0);
        assert_int_equal(sovd_db_prepare(conn, &stmt, "SELECT count(*) FROM note"), 0);
        assert_int_equal(sovd_db_step(stmt, &row), 0);
        assert_true(row);
        int64_t n = sovd_db_int(stmt, 0);
        sovd_db_read_end(db, conn);
        return n;
}

static void what_was_written_is_there_after_a_reopen(void **state) {
        struct fixture *f = *state;
        struct sovd_db *db = open_db(f->path);

        assert_int_equal(put(db, "a"), 0);
        assert_int_equal(count(db), 1);
        sovd_db_close(db);

        db = open_db(f->path);
        assert_int_equal(count(db), 1);
        sovd_db_close(db);
}

static void memory_serves_readers_and_the_writer(void **state) {
        struct sovd_db *db = open_db(NULL), *other = open_db(NULL);
        (void)state;

        assert_int_equal(put(db, "a"), 0);
        assert_int_equal(count(db), 1);
        assert_int_equal(count(other), 0);
        sovd_db_close(db);
        sovd_db_close(other);
}

static void a_refused_change_leaves_nothing_and_its_neighbours_stay(void **state) {
        struct fixture *f = *state;
        struct sovd_db *db = open_db(f->path);

        assert_int_equal(put(db, "a"), 0);
        assert_int_equal(sovd_db_write(db, insert_then_refuse, (void *)(uintptr_t)"b"), SOVD_E_CONFLICT);
        assert_int_equal(put(db, "a"), -EEXIST);
        assert_int_equal(put(db, "c"), 0);
        assert_int_equal(count(db), 2);
        sovd_db_close(db);
}

struct many {
        struct sovd_db *db;
        int worker;
};

static void *write_many(void *data) {
        const struct many *m = data;

        for (int i = 0; i < 100; i++) {
                char text[32];
                (void)snprintf(text, sizeof(text), "%d-%d", m->worker, i);
                assert_int_equal(put(m->db, text), 0);
        }
        return NULL;
}

static void changes_of_many_threads_share_commits(void **state) {
        struct fixture *f = *state;
        struct sovd_db *db = open_db(f->path);
        struct sovd_db_status status;
        struct many many[8];
        pthread_t threads[8];

        for (int i = 0; i < 8; i++) {
                many[i] = (struct many){ db, i };
                assert_int_equal(pthread_create(&threads[i], NULL, write_many, &many[i]), 0);
        }
        for (int i = 0; i < 8; i++)
                (void)pthread_join(threads[i], NULL);
        sovd_db_status(db, &status);
        assert_int_equal(count(db), 800);
        assert_int_equal(status.n_changes, 800);
        assert_true(status.n_commits < 800);
        assert_int_equal(status.n_waiting, 0);
        assert_true(status.bytes > 0);
        sovd_db_close(db);
}

static void note_order(int result, void *data) {
        int *next = data;

        assert_int_equal(result, 0);
        (*next)++;
}

static int insert_next(struct sovd_db_conn *conn, void *data) {
        char text[32];

        (void)snprintf(text, sizeof(text), "posted %p %ld", data, (long)sovd_db_last_id(conn));
        return insert(conn, text);
}

static void posted_changes_are_told_after_their_commit_and_closing_waits_for_them(void **state) {
        struct fixture *f = *state;
        struct sovd_db *db = open_db(f->path);
        int n_done = 0;

        for (int i = 0; i < 50; i++)
                assert_int_equal(sovd_db_post(db, insert_next, note_order, &n_done), 0);
        sovd_db_close(db);
        assert_int_equal(n_done, 50);
        db = open_db(f->path);
        assert_int_equal(count(db), 50);
        sovd_db_close(db);
}

struct gate {
        pthread_mutex_t mutex;
        pthread_cond_t changed;
        bool entered, open;
};

static int wait_for_the_gate(struct sovd_db_conn *conn, void *data) {
        struct gate *gate = data;
        (void)conn;

        (void)pthread_mutex_lock(&gate->mutex);
        gate->entered = true;
        (void)pthread_cond_broadcast(&gate->changed);
        while (!gate->open)
                (void)pthread_cond_wait(&gate->changed, &gate->mutex);
        (void)pthread_mutex_unlock(&gate->mutex);
        return 0;
}

static void a_full_queue_refuses_more(void **state) {
        struct gate gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false };
        struct sovd_db_options o = options(NULL);
        struct sovd_db *db = NULL;
        int n_done = 0;
        (void)state;

        o.queue_max = 3;
        assert_int_equal(sovd_db_open(&db, &o, NULL), 0);
        assert_int_equal(sovd_db_post(db, wait_for_the_gate, NULL, &gate), 0);
        (void)pthread_mutex_lock(&gate.mutex);
        while (!gate.entered)
                (void)pthread_cond_wait(&gate.changed, &gate.mutex);
        (void)pthread_mutex_unlock(&gate.mutex);
        for (int i = 0; i < 3; i++)
                assert_int_equal(sovd_db_post(db, insert_next, note_order, &n_done), 0);
        assert_int_equal(sovd_db_post(db, insert_next, note_order, &n_done), SOVD_E_OVERLOAD);
        assert_int_equal(put(db, "x"), SOVD_E_OVERLOAD);

        (void)pthread_mutex_lock(&gate.mutex);
        gate.open = true;
        (void)pthread_cond_broadcast(&gate.changed);
        (void)pthread_mutex_unlock(&gate.mutex);
        sovd_db_close(db);
        assert_int_equal(n_done, 3);
}

static void an_older_file_is_migrated_and_a_newer_one_refused(void **state) {
        struct fixture *f = *state;
        struct sovd_db_options o = options(f->path);
        struct sovd_db *db = open_db(f->path);
        struct sovd_db_conn *conn;
        struct sovd_db_stmt *stmt;
        bool row;

        assert_int_equal(put(db, "old"), 0);
        sovd_db_close(db);
        o.migrations = second;
        assert_int_equal(sovd_db_open(&db, &o, NULL), 0);
        assert_int_equal(sovd_db_read_begin(db, &conn), 0);
        assert_int_equal(sovd_db_prepare(conn, &stmt, "SELECT kind, text FROM note"), 0);
        assert_int_equal(sovd_db_step(stmt, &row), 0);
        assert_int_equal(sovd_db_int(stmt, 0), 7);
        assert_string_equal(sovd_db_text(stmt, 1), "old");
        sovd_db_read_end(db, conn);
        sovd_db_close(db);

        o.migrations = first;
        db = NULL;
        assert_int_equal(sovd_db_open(&db, &o, NULL), -EPROTO);
        o = options(f->path);
        o.migrations = second;
        o.application_id = 1;
        assert_int_equal(sovd_db_open(&db, &o, NULL), -EMEDIUMTYPE);
}

static void a_damaged_file_is_put_aside(void **state) {
        struct fixture *f = *state;
        struct sovd_db_options o = options(f->path);
        _cleanup_(sovd_freep) char *aside = NULL;
        struct sovd_db *db = NULL;
        struct stat st;
        int fd = open(f->path, O_WRONLY | O_CREAT, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, "this is no database, but long enough to be read", 47), 47);
        (void)close(fd);
        assert_int_equal(sovd_db_open(&db, &o, NULL), -EBADMSG);
        assert_int_equal(sovd_db_open(&db, &o, &aside), 0);
        assert_non_null(aside);
        assert_int_equal(stat(aside, &st), 0);
        assert_int_equal(st.st_size, 47);
        assert_int_equal(count(db), 0);
        sovd_db_close(db);
}

/* Stops at the first row, as who needs no other does. */
static int peek(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *stmt;
        bool row;
        (void)data;

        int r = sovd_db_prepare(conn, &stmt, "SELECT text FROM note");
        return r ? r : sovd_db_step(stmt, &row);
}

static void a_change_that_leaves_rows_unread_does_not_keep_the_journal(void **state) {
        struct fixture *f = *state;
        struct sovd_db *db = open_db(f->path);
        struct sovd_db_status status;
        char text[8000];

        assert_int_equal(sovd_db_write(db, insert, (void *)(uintptr_t)"one"), 0);
        assert_int_equal(sovd_db_write(db, peek, NULL), 0);
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        for (int i = 0; i < 1000; i++) {
                (void)snprintf(text, 8, "%06d", i);
                text[6] = 'x';
                assert_int_equal(sovd_db_write(db, insert, text), 0);
        }
        sovd_db_status(db, &status);
        assert_in_range(status.wal_bytes, 1, 7 << 20);
        sovd_db_close(db);
}

struct copying {
        struct sovd_db_conn *from;
        const char *table;
        int64_t n;
};

static int copy_table(struct sovd_db_conn *conn, void *data) {
        struct copying *c = data;

        return sovd_db_copy_table(conn, c->from, c->table, &c->n);
}

static int copy_between(struct sovd_db *from, struct sovd_db *to, const char *table, int64_t *ret_n) {
        struct copying c = { .table = table };

        assert_int_equal(sovd_db_read_begin(from, &c.from), 0);
        int r = sovd_db_write(to, copy_table, &c);
        sovd_db_read_end(from, c.from);
        *ret_n = c.n;
        return r;
}

struct checking {
        struct sovd_db_conn *conn;
        atomic_bool began, ended;
        int result;
};

static void *check_again_and_again(void *data) {
        struct checking *c = data;

        for (atomic_store(&c->began, true); !c->result;)
                c->result = sovd_db_check_in(c->conn);
        atomic_store(&c->ended, true);
        return NULL;
}

static void a_check_can_be_interrupted(void **state) {
        struct fixture *f = *state;
        struct sovd_db *db = open_db(f->path);
        struct checking c = { .conn = NULL };
        pthread_t thread;

        assert_int_equal(put(db, "a"), 0);
        assert_int_equal(sovd_db_read_begin(db, &c.conn), 0);
        assert_int_equal(pthread_create(&thread, NULL, check_again_and_again, &c), 0);
        while (!atomic_load(&c.began))
                (void)poll(NULL, 0, 1);
        while (!atomic_load(&c.ended)) {
                sovd_db_interrupt(c.conn);
                (void)poll(NULL, 0, 1);
        }
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(c.result, -ETIMEDOUT);
        sovd_db_read_end(db, c.conn);
        assert_int_equal(sovd_db_check(db), 0); /* the next one is not meant */
        sovd_db_close(db);
}

static void a_table_can_be_copied_from_another_database(void **state) {
        struct fixture *f = *state;
        struct sovd_db *from = open_db(f->path), *to = open_db(f->copy);
        int64_t n = 0;

        assert_int_equal(put(from, "a"), 0);
        assert_int_equal(put(from, "b"), 0);
        assert_int_equal(put(to, "what goes"), 0);
        assert_int_equal(copy_between(from, to, "no_such_table", &n), -EBADMSG);
        assert_int_equal(count(to), 1);
        assert_int_equal(copy_between(from, to, "note", &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(count(to), 2);
        assert_int_equal(sovd_db_check(to), 0);
        sovd_db_close(from);
        sovd_db_close(to);
}

static void a_file_is_identified_by_its_head(void **state) {
        struct fixture *f = *state;
        struct sovd_db *db = open_db(f->path);
        struct sovd_db_file file;

        assert_int_equal(put(db, "a"), 0);
        sovd_db_close(db);
        assert_int_equal(sovd_db_identify(f->path, &file), 0);
        assert_true(file.is_database);
        assert_int_equal(file.application_id, 0x534f5644);
        assert_int_equal(file.version, 1);
        assert_true(file.bytes && file.bytes == file.bytes_said);
        assert_int_equal(truncate(f->path, 5000), 0);
        assert_int_equal(sovd_db_identify(f->path, &file), 0);
        assert_true(file.bytes < file.bytes_said);
        assert_int_equal(truncate(f->path, 50), 0);
        assert_int_equal(sovd_db_identify(f->path, &file), 0);
        assert_false(file.is_database);
        assert_int_equal(sovd_db_identify("/nowhere/at/all", &file), -ENOENT);
}

static int insert_much(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *stmt;

        int r = sovd_db_prepare(conn, &stmt, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<2500) "
                                             "INSERT INTO note(text) SELECT ?1||i||hex(zeroblob(4000)) FROM n");
        if (r)
                return r;
        sovd_db_bind_text(stmt, 1, data);
        return sovd_db_run(stmt);
}

/* Files of a database that is open, as a power cut would leave them. */
static void copy_open(const struct fixture *f) {
        char command[400];

        (void)snprintf(command, sizeof(command), "cp '%s' '%s' && cp '%s-wal' '%s-wal'", f->path, f->copy, f->path, f->copy);
        assert_int_equal(system(command), 0);
}

static void overwrite(const char *path, off_t from, size_t n) {
        char *bytes = malloc(n);
        int fd = open(path, O_WRONLY);

        assert_true(fd >= 0 && bytes);
        memset(bytes, 0xff, n);
        assert_int_equal(pwrite(fd, bytes, n, from), n);
        (void)close(fd);
        free(bytes);
}

static void a_large_file_that_was_left_open_is_checked_while_it_is_used(void **state) {
        struct fixture *f = *state;
        struct sovd_db_options o = options(f->copy);
        _cleanup_(sovd_freep) char *aside = NULL;
        struct sovd_db *db = open_db(f->path);
        struct stat st;
        int r = 0;

        assert_int_equal(sovd_db_write(db, insert_much, (void *)(uintptr_t)"a"), 0);
        assert_int_equal(put(db, "last"), 0);
        copy_open(f);
        sovd_db_close(db);
        db = open_db(f->copy); /* closing it ends the check */
        sovd_db_close(db);

        db = open_db(f->path);
        assert_int_equal(put(db, "journal"), 0);
        copy_open(f);
        sovd_db_close(db);
        assert_int_equal(stat(f->copy, &st), 0);
        assert_true(st.st_size > 17 << 20);
        overwrite(f->copy, 10 << 20, 1 << 20);
        db = open_db(f->copy);
        for (int i = 0; !r; i++) {
                char text[32];
                (void)snprintf(text, sizeof(text), "new %d", i);
                r = put(db, text);
        }
        assert_int_equal(r, -EBADMSG);
        sovd_db_close(db);
        assert_int_equal(sovd_db_open(&db, &o, &aside), 0);
        assert_non_null(aside);
        assert_int_equal(count(db), 0);
        sovd_db_close(db);
}

static void a_reading_ends_when_its_time_is_over_and_the_next_one_works(void **state) {
        struct fixture *f = *state;
        struct sovd_db *db = open_db(f->path);
        struct sovd_db_conn *conn;
        struct sovd_db_stmt *stmt;
        bool row;

        assert_int_equal(put(db, "a"), 0);
        assert_int_equal(sovd_db_read_begin(db, &conn), 0);
        sovd_db_read_until(conn, sovd_now_usec() + 20000);
        assert_int_equal(sovd_db_prepare(conn, &stmt, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) "
                                                      "SELECT count(*) FROM n"), 0);
        assert_int_equal(sovd_db_step(stmt, &row), -ETIMEDOUT);
        sovd_db_read_end(db, conn);
        assert_int_equal(count(db), 1);
        assert_int_equal(put(db, "b"), 0);
        assert_int_equal(count(db), 2);
        sovd_db_close(db);
}

static void a_full_disk_fails_the_change_and_the_next_one_after_it_works(void **state) {
        struct fixture *f = *state;
        struct sovd_db *db = open_db(f->path);
        struct rlimit before, small;
        struct sovd_db_status status;
        char *large = calloc(1, 400000);

        assert_non_null(large);
        memset(large, 'x', 399999);
        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(put(db, "before"), 0);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        small = before;
        small.rlim_cur = 100000;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        int r = put(db, large);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(r, -ENOSPC);
        sovd_db_status(db, &status);
        assert_int_equal(status.error, r);
        assert_int_equal(count(db), 1);
        assert_int_equal(put(db, "after"), 0);
        assert_int_equal(count(db), 2);
        sovd_db_status(db, &status);
        assert_int_equal(status.error, 0);
        free(large);
        sovd_db_close(db);
}

/* The child writes and tells each durable number through a pipe until it is killed. */
static void write_until_killed(const char *path, int out) {
        struct sovd_db_options o = options(path);
        struct sovd_db *db = NULL;

        if (sovd_db_open(&db, &o, NULL))
                _exit(1);
        int64_t start = 0;
        struct sovd_db_conn *conn;
        struct sovd_db_stmt *stmt;
        bool row;
        if (sovd_db_read_begin(db, &conn) || sovd_db_prepare(conn, &stmt, "SELECT count(*) FROM note") ||
            sovd_db_step(stmt, &row))
                _exit(1);
        start = sovd_db_int(stmt, 0);
        sovd_db_read_end(db, conn);
        for (int64_t i = start;; i++) {
                char text[32];
                (void)snprintf(text, sizeof(text), "%lld", (long long)i);
                if (put(db, text) || write(out, &i, sizeof(i)) != sizeof(i))
                        _exit(1);
        }
}

static void a_kill_loses_nothing_that_was_acknowledged(void **state) {
        struct fixture *f = *state;

        for (int round = 0; round < 10; round++) {
                int pipes[2];
                int64_t last = -1, n;
                assert_int_equal(pipe(pipes), 0);
                pid_t child = fork();
                if (child == 0)
                        write_until_killed(f->path, pipes[1]);
                assert_true(child > 0);
                (void)close(pipes[1]);
                for (int i = 0; i < 20; i++)
                        if (read(pipes[0], &n, sizeof(n)) == sizeof(n))
                                last = n;
                assert_int_equal(kill(child, SIGKILL), 0);
                while (read(pipes[0], &n, sizeof(n)) == sizeof(n))
                        last = n;
                (void)close(pipes[0]);
                assert_int_equal(waitpid(child, NULL, 0), child);
                assert_true(last >= 0);

                struct sovd_db *db = open_db(f->path);
                assert_true(count(db) >= last + 1);
                sovd_db_close(db);
        }
}

struct applied {
        const char *text;
        int n, result;
        pthread_t thread;
};

static int insert_text(struct sovd_db_conn *conn, void *data) {
        return insert(conn, (void *)(uintptr_t)((struct applied *)data)->text);
}

static void note_applied(int result, void *data) {
        struct applied *a = data;

        a->n++;
        a->result = result;
        a->thread = pthread_self();
}

static void an_applied_change_is_told_once_before_its_caller_goes_on(void **state) {
        struct fixture *f = *state;
        struct sovd_db *db = open_db(f->path);
        struct applied a = { .text = "a" }, same = { .text = "a" }, none = { .text = "b" };

        assert_int_equal(sovd_db_apply(db, insert_text, note_applied, &a), 0);
        assert_int_equal(a.n, 1);
        assert_int_equal(a.result, 0);
        assert_false(pthread_equal(a.thread, pthread_self()));
        assert_int_equal(sovd_db_apply(db, insert_text, note_applied, &same), -EEXIST);
        assert_int_equal(same.n, 1);
        assert_int_equal(same.result, -EEXIST);
        assert_int_equal(sovd_db_apply(NULL, insert_text, note_applied, &none), 0);
        assert_int_equal(none.n, 1);
        assert_int_equal(none.result, 0);
        assert_int_equal(count(db), 1);
        assert_true(sovd_db_is_file(db));
        assert_false(sovd_db_is_file(NULL));
        sovd_db_close(db);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                T(a_kill_loses_nothing_that_was_acknowledged), /* forks: before any thread was there */
                T(what_was_written_is_there_after_a_reopen),
                T(memory_serves_readers_and_the_writer),
                T(a_refused_change_leaves_nothing_and_its_neighbours_stay),
                T(changes_of_many_threads_share_commits),
                T(posted_changes_are_told_after_their_commit_and_closing_waits_for_them),
                T(a_full_queue_refuses_more),
                T(an_applied_change_is_told_once_before_its_caller_goes_on),
                T(an_older_file_is_migrated_and_a_newer_one_refused),
                T(a_damaged_file_is_put_aside),
                T(a_check_can_be_interrupted),
                T(a_table_can_be_copied_from_another_database),
                T(a_file_is_identified_by_its_head),
                T(a_change_that_leaves_rows_unread_does_not_keep_the_journal),
                T(a_large_file_that_was_left_open_is_checked_while_it_is_used),
                T(a_reading_ends_when_its_time_is_over_and_the_next_one_works),
                T(a_full_disk_fails_the_change_and_the_next_one_after_it_works),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
