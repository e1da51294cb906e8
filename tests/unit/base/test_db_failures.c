/* SPDX-License-Identifier: Apache-2.0 */
/* The k-th call to the disk fails, for every k: no change is claimed that is not there, and the file stays whole. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include "tests/support/faulty_io.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define N_CHANGES 5
#define CALLS_MAX 5000

static const char *const migrations[] = { "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT", NULL };

struct fixture {
        char folder[64], path[80];
        char text[9001]; /* of a few pages, so that changes move them */
};

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        if (!f)
                return -1;
        memset(f->text, 'x', sizeof(f->text) - 1);
        (void)snprintf(f->folder, sizeof(f->folder), "/dev/shm/sovd-db-XXXXXX"); /* thousands of files: in memory if it can be */
        if (!mkdtemp(f->folder)) {
                (void)snprintf(f->folder, sizeof(f->folder), "/tmp/sovd-db-XXXXXX");
                assert_non_null(mkdtemp(f->folder));
        }
        (void)snprintf(f->path, sizeof(f->path), "%s/state.db", f->folder);
        *state = f;
        return 0;
}

static void remove_files(const struct fixture *f) {
        static const char *const ends[] = { "", "-wal", "-shm", "-journal", "-damaged" };
        char path[100];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(ends); i++) {
                (void)snprintf(path, sizeof(path), "%s%s", f->path, ends[i]);
                (void)unlink(path);
        }
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        faulty_io_plan(NULL, "", 0, 0, 0);
        remove_files(f);
        assert_int_equal(rmdir(f->folder), 0);
        free(f);
        return 0;
}

struct change {
        const struct fixture *f;
        int id;
};

static int insert(struct sovd_db_conn *conn, void *data) {
        const struct change *c = data;
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "INSERT INTO note(id, text) VALUES(?1, ?2)");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, c->id);
        sovd_db_bind_text(s, 2, c->f->text);
        return sovd_db_run(s);
}

static int open_db(const struct fixture *f, struct sovd_db **ret) {
        const struct sovd_db_options o = { .path = f->path, .migrations = migrations, .application_id = 1, .readers = 1,
                                           .queue_max = 10 };

        *ret = NULL;
        return sovd_db_open(ret, &o, NULL);
}

/* Bit i: the change was told to be durable. */
static unsigned write_all(const struct fixture *f) {
        unsigned promised = 0;
        struct sovd_db *db;

        int r = open_db(f, &db);
        assert_true(r <= 0 && r != -EBADMSG && r != -EPROTO && r != -EMEDIUMTYPE);
        for (int i = 0; !r && i < N_CHANGES; i++) {
                struct change c = { f, i };
                int done = sovd_db_write(db, insert, &c);
                assert_true(done <= 0);
                promised |= done ? 0 : 1u << i;
        }
        sovd_db_close(db);
        return promised;
}

static unsigned read_all(const struct fixture *f) {
        struct sovd_db_conn *conn;
        struct sovd_db_stmt *s;
        unsigned found = 0;
        struct sovd_db *db;
        bool row = true;

        assert_int_equal(open_db(f, &db), 0); /* and it was checked */
        assert_int_equal(sovd_db_read_begin(db, &conn), 0);
        assert_int_equal(sovd_db_prepare(conn, &s, "SELECT id FROM note"), 0);
        while (!sovd_db_step(s, &row) && row)
                found |= 1u << sovd_db_int(s, 0);
        sovd_db_read_end(db, conn);
        sovd_db_close(db);
        return found;
}

/* lasts: all calls from the k-th on fail, else that one alone. */
static void sweep(const struct fixture *f, const char *calls, int error, bool lasts) {
        unsigned all = (1u << N_CHANGES) - 1, k = 1, n_made;

        do {
                assert_true(k < CALLS_MAX);
                remove_files(f);
                faulty_io_plan(f->folder, calls, error, k, lasts ? ~0u : k);
                unsigned promised = write_all(f);
                n_made = faulty_io_count();
                faulty_io_plan(NULL, "", 0, 0, 0);
                unsigned found = read_all(f);
                if (promised & ~found)
                        fail_msg("call %u of '%s' failed: %x was promised, and %x is there", k, calls, promised, found);
                if (n_made < k)
                        assert_int_equal(promised, all);
                k++;
        } while (n_made >= k - 1);
        assert_true(k > N_CHANGES || strcmp(calls, "ou") == 0); /* the disk was used at all */
}

static void a_write_that_fails_is_no_success(void **state) {
        sweep(*state, "w", ENOSPC, false);
        sweep(*state, "w", EIO, false);
}

static void writes_that_fail_from_then_on_are_no_success(void **state) {
        sweep(*state, "w", ENOSPC, true);
}

static void a_sync_that_fails_is_no_success(void **state) {
        sweep(*state, "s", EIO, false);
        sweep(*state, "s", EIO, true);
}

static void opening_and_removing_files_may_fail(void **state) {
        sweep(*state, "ou", EACCES, false);
        sweep(*state, "ou", EROFS, true);
}

static void any_call_may_fail(void **state) {
        sweep(*state, "wstou", EIO, false);
        sweep(*state, "wstou", EROFS, true);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                T(a_write_that_fails_is_no_success),
                T(writes_that_fail_from_then_on_are_no_success),
                T(a_sync_that_fails_is_no_success),
                T(opening_and_removing_files_may_fail),
                T(any_call_may_fail),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
