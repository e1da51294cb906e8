/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/error.h"
#include "sovd-core/snapshot.h"
#include "sovd-core/state.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define ENTITY "components/hpc"

struct fixture {
        char folder[64], path[80];
        struct sovd_arena *arena;
        struct sovd_db *db;
        struct fm_manager *m;
        int n_owed; /* atomic: events that tell of more than one change */
};

static void published(const struct fm_event *event, void *data) {
        struct fixture *f = data;

        if (event->merged)
                (void)__atomic_add_fetch(&f->n_owed, 1, __ATOMIC_RELAXED);
}

static int set_up(void **state) {
        static const char text[] = "faults:\n"
                                   "- {code: HOLDS, name: h, debounce: {kind: edge, hold_secs: 0.2}}\n"
                                   "- {code: FLAPS, name: f, reports_per_sec: 0}\n";
        struct fixture *f = calloc(1, sizeof(*f));
        struct fm_catalog catalog;
        const char *message;

        assert_non_null(f);
        (void)snprintf(f->folder, sizeof(f->folder), "/tmp/sovd-fm-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->path, sizeof(f->path), "%s/state.db", f->folder);
        const struct sovd_db_options db = { .path = f->path, .migrations = sovd_state_migrations, .readers = 2,
                                            .application_id = SOVD_STATE_APPLICATION_ID, .queue_max = 1000 };
        assert_int_equal(sovd_arena_new(&f->arena, 4096), 0);
        assert_int_equal(sovd_db_open(&f->db, &db, NULL), 0);
        const struct fm_options options = { .db = f->db, .faults_max = 100, .events_per_sec = 2, .published = published,
                                            .data = f };
        assert_int_equal(fm_manager_new(&f->m, &options), 0);
        assert_int_equal(sovd_config_parse(&fm_schema_catalog, &catalog, "x", text, strlen(text), NULL, f->arena, NULL,
                                           &message), 0);
        assert_int_equal(fm_manager_define(f->m, ENTITY, &catalog), 0);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;
        char command[128];

        fm_manager_free(f->m);
        sovd_db_close(f->db);
        sovd_arena_free(f->arena);
        (void)snprintf(command, sizeof(command), "rm -rf -- '%s'", f->folder);
        assert_int_equal(system(command), 0);
        free(f);
        return 0;
}

static void tell(struct fixture *f, const char *code, enum fm_report report) {
        uint64_t ticket;

        assert_int_equal(fm_manager_report(f->m, ENTITY, code, report, NULL, &ticket), 0);
        assert_true(!ticket || fm_manager_wait(f->m, ticket) == 0);
}

static unsigned status_of(struct fixture *f, const char *code) {
        const struct fm_query q = { .entity = ENTITY, .code = code, .max = 1 };
        struct fm_record *records;
        size_t n;

        assert_int_equal(fm_manager_list(f->m, &q, f->arena, &records, &n), 0);
        return n ? records[0].state.status : 0;
}

static struct sovd_db *take_snapshot(struct fixture *f, struct sovd_snapshot *about) {
        struct sovd_db *snapshot;
        const char *path, *why;

        assert_int_equal(sovd_snapshot_file(f->folder, f->arena, &path), 0);
        assert_int_equal(sovd_snapshot_make(f->db, path), 0);
        assert_int_equal(sovd_snapshot_open(&snapshot, path, f->arena, about, &why), 0);
        return snapshot;
}

static void restore(struct fixture *f, struct sovd_db *snapshot, const struct sovd_snapshot *about) {
        char bad[FM_RESTORE_BAD_SIZE];
        int64_t n;

        assert_int_equal(fm_manager_restore(f->m, snapshot, about, "test", &n, bad), 0);
        assert_int_equal(n, 1);
        sovd_db_close(snapshot);
}

/* Nobody reports anything any more; only the clock goes on. */
static void what_waited_for_its_time_waits_again_when_it_is_restored(void **state) {
        struct fixture *f = *state;
        struct sovd_snapshot about;
        uint64_t until = sovd_now_usec() + 20 * SOVD_USEC_PER_SEC;

        tell(f, "HOLDS", FM_FAILED);
        struct sovd_db *snapshot = take_snapshot(f, &about);
        assert_int_equal(fm_manager_clear(f->m, ENTITY, NULL, NULL), 0);
        restore(f, snapshot, &about);
        assert_true(status_of(f, "HOLDS") & FM_TEST_FAILED);
        while (status_of(f, "HOLDS") & FM_TEST_FAILED && sovd_clock_left_usec(until)) {
                (void)fm_manager_tick(f->m);
                (void)poll(NULL, 0, 5);
        }
        assert_true(status_of(f, "HOLDS") & FM_CONFIRMED);
        assert_false(status_of(f, "HOLDS") & FM_TEST_FAILED);
}

static void an_event_that_was_owed_is_told_when_it_is_restored(void **state) {
        struct fixture *f = *state;
        struct sovd_snapshot about;
        uint64_t until = sovd_now_usec() + 20 * SOVD_USEC_PER_SEC;

        for (int i = 0; i < 7; i++)
                tell(f, "FLAPS", i % 2 ? FM_PASSED : FM_FAILED);
        struct sovd_db *snapshot = take_snapshot(f, &about);
        assert_int_equal(fm_manager_clear(f->m, ENTITY, NULL, NULL), 0);
        int before = __atomic_load_n(&f->n_owed, __ATOMIC_RELAXED);
        restore(f, snapshot, &about);
        while (__atomic_load_n(&f->n_owed, __ATOMIC_RELAXED) == before && sovd_clock_left_usec(until)) {
                (void)fm_manager_tick(f->m);
                (void)poll(NULL, 0, 5);
        }
        assert_int_equal(__atomic_load_n(&f->n_owed, __ATOMIC_RELAXED), before + 1);
}

static void set_restoring(struct fixture *f, bool restoring) {
        (void)pthread_mutex_lock(&f->m->mutex);
        f->m->restoring = restoring;
        (void)pthread_mutex_unlock(&f->m->mutex);
}

static bool is_durable(struct fixture *f, uint64_t ticket) {
        (void)pthread_mutex_lock(&f->m->mutex);
        bool durable = f->m->durable_seq >= ticket;
        (void)pthread_mutex_unlock(&f->m->mutex);
        return durable;
}

static uint64_t n_flushes(struct fixture *f) {
        struct sovd_fault_counters c;

        fm_manager_counters(f->m, &c);
        return c.n_flushes;
}

static void a_cycle_that_begins_while_something_is_restored_is_durable_afterwards(void **state) {
        struct fixture *f = *state;
        uint64_t ticket, until = sovd_now_usec() + 20 * SOVD_USEC_PER_SEC, before = n_flushes(f);

        set_restoring(f, true);
        assert_int_equal(fm_manager_cycle(f->m, "power", &ticket), 0);
        while (n_flushes(f) == before && sovd_clock_left_usec(until))
                (void)poll(NULL, 0, 1);
        assert_false(is_durable(f, ticket));
        set_restoring(f, false);
        fm_flush_later(f->m);
        while (!is_durable(f, ticket) && sovd_clock_left_usec(until))
                (void)poll(NULL, 0, 1);
        assert_true(is_durable(f, ticket));
        assert_int_equal(fm_manager_cycle_number(f->m, "power"), 1);
}

static int see_long_ago(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *s;
        int r = sovd_db_prepare(conn, &s, "INSERT INTO fault_entity(entity, seen_usec) VALUES('components/bms', 1)");

        return r ? r : sovd_db_run(s);
}

static int count_long_ago(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *s;
        bool row;
        int r = sovd_db_prepare(conn, &s, "SELECT count(*) FROM fault_entity WHERE seen_usec=1");

        if (!r)
                r = sovd_db_step(s, &row);
        *(int64_t *)data = r ? -1 : sovd_db_int(s, 0);
        return r;
}

/* The snapshot may be old, or of another gateway with a clock of its own: that it was there so long ago says nothing. */
static void what_is_restored_is_not_forgotten_at_once(void **state) {
        struct fixture *f = *state;
        struct sovd_snapshot about;
        int64_t n = -1;

        tell(f, "HOLDS", FM_FAILED);
        assert_int_equal(sovd_db_write(f->db, see_long_ago, NULL), 0);
        struct sovd_db *snapshot = take_snapshot(f, &about);
        restore(f, snapshot, &about);
        assert_int_equal(sovd_db_write(f->db, count_long_ago, &n), 0);
        assert_int_equal(n, 0);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                T(what_waited_for_its_time_waits_again_when_it_is_restored),
                T(an_event_that_was_owed_is_told_when_it_is_restored),
                T(what_is_restored_is_not_forgotten_at_once),
                T(a_cycle_that_begins_while_something_is_restored_is_durable_afterwards),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
