/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "fault-manager/fault_manager.h"
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/config.h"
#include "sovd-core/state.h"
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define DAY_USEC (UINT64_C(86400) * SOVD_USEC_PER_SEC)

struct fixture {
        char folder[64], path[80];
        struct sovd_arena *arena;
        struct sovd_db *db;
        struct fm_manager *m;
};

static int set_up_at(void **state, bool in_memory) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        (void)snprintf(f->folder, sizeof(f->folder), "/tmp/sovd-ret-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->path, sizeof(f->path), "%s/state.db", f->folder);
        const struct sovd_db_options db = { .path = in_memory ? NULL : f->path, .migrations = sovd_state_migrations, .readers = 2,
                                            .application_id = SOVD_STATE_APPLICATION_ID, .queue_max = 1000 };
        assert_int_equal(sovd_arena_new(&f->arena, 4096), 0);
        assert_int_equal(sovd_db_open(&f->db, &db, NULL), 0);
        const struct fm_options options = { .db = f->db, .faults_max = 100 };
        assert_int_equal(fm_manager_new(&f->m, &options), 0);
        *state = f;
        return 0;
}

static int set_up(void **state) {
        return set_up_at(state, false);
}

static int set_up_in_memory(void **state) {
        return set_up_at(state, true);
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

struct rows {
        int n;
        uint64_t age_usec;
        const char *prefix;
};

static int add_events(struct sovd_db_conn *conn, void *data) {
        const struct rows *rows = data;
        struct sovd_db_stmt *s;
        int r = 0;

        for (int i = 0; !r && i < rows->n; i++) {
                r = sovd_db_prepare(conn, &s, "INSERT INTO fault_event(usec, entity, code, changed, status, severity, scope, body)"
                                              " VALUES(?1, 'apps/a', 'C', 1, 47, 2, '', ?2)");
                sovd_db_bind_int(s, 1, (int64_t)(sovd_realtime_usec() - rows->age_usec));
                sovd_db_bind_text(s, 2, "{\"fill\":\"................................................................................\"}");
                if (!r)
                        r = sovd_db_run(s);
        }
        return r;
}

/* The first one is the oldest. */
static int add_faults(struct sovd_db_conn *conn, void *data) {
        const struct rows *rows = data;
        struct sovd_db_stmt *s;
        int r = 0;

        for (int i = 0; !r && i < rows->n; i++) {
                char code[16];
                (void)snprintf(code, sizeof(code), "%s%d", rows->prefix, i);
                r = sovd_db_prepare(conn, &s, "INSERT INTO fault(entity, code, about, severity, scope, status, occurrences, "
                                              "failed_cycles, passed_cycles, first_usec, last_usec, first_frame, last_frame) VALUES('apps/a', ?1, '{\"code\":\"x\",\"name\":\"x\"}', 2, '', 40, 1,"
                                              " 0, 1, ?2, ?2, NULL, NULL)");
                sovd_db_bind_text(s, 1, code);
                sovd_db_bind_int(s, 2, (int64_t)(sovd_realtime_usec() - rows->age_usec) + i);
                if (!r)
                        r = sovd_db_run(s);
        }
        return r;
}

static void add(struct fixture *f, sovd_db_work work, int n, uint64_t age_usec, const char *prefix) {
        struct rows rows = { n, age_usec, prefix };

        assert_int_equal(sovd_db_write(f->db, work, &rows), 0);
}

static struct fm_retention_counters run(struct fixture *f, struct fm_retention_options options) {
        struct fm_retention_counters c;
        struct fm_retention *r;

        assert_int_equal(fm_retention_new(&r, f->m, &options), 0);
        assert_int_equal(fm_retention_run(r), 0);
        fm_retention_counters(r, &c);
        fm_retention_free(r);
        return c;
}

static size_t history(struct fixture *f, struct fm_past **ret) {
        const struct fm_history_query q = { .max = 1000, .oldest_first = true };
        bool full;
        size_t n;

        assert_int_equal(fm_manager_history(f->m, &q, f->arena, ret, &n, &full), 0);
        return n;
}

static void what_is_too_old_goes(void **state) {
        struct fixture *f = *state;
        struct fm_past *past;

        add(f, add_events, 25, 3 * DAY_USEC, NULL);
        add(f, add_events, 10, 0, NULL);
        struct fm_retention_counters c = run(f, (struct fm_retention_options){ .keep_usec = 2 * DAY_USEC, .rows = 10 });
        assert_int_equal(c.n_events_removed, 25);
        assert_int_equal(c.n_events, 10);
        assert_int_equal(history(f, &past), 10);
        assert_int_equal(past[0].id, 26);
        assert_int_equal(run(f, (struct fm_retention_options){ 0 }).n_events_removed, 0);
}

static void the_newest_stay_of_too_many_and_ids_go_on(void **state) {
        struct fixture *f = *state;
        struct fm_past *past;

        add(f, add_events, 95, 0, NULL);
        struct fm_retention_counters c = run(f, (struct fm_retention_options){ .events_max = 30, .rows = 20 });
        assert_int_equal(c.n_events_removed, 65);
        assert_int_equal(history(f, &past), 30);
        assert_int_equal(past[0].id, 66);
        add(f, add_events, 1, 0, NULL);
        assert_int_equal(history(f, &past), 31);
        assert_int_equal(past[30].id, 96);
        assert_int_equal(run(f, (struct fm_retention_options){ .events_max = 31 }).n_events_removed, 0);
}

static void the_newest_event_stays_whatever_its_age(void **state) {
        struct fixture *f = *state;
        struct fm_past *past;

        add(f, add_events, 5, 9 * DAY_USEC, NULL);
        assert_int_equal(run(f, (struct fm_retention_options){ .keep_usec = DAY_USEC }).n_events_removed, 4);
        assert_int_equal(history(f, &past), 1);
        assert_int_equal(past[0].id, 5);
}

/* A vehicle whose battery was off starts in 1970, until somebody tells it the time. */
static void an_event_is_not_older_than_what_happened_before_it(void **state) {
        struct fixture *f = *state;
        const uint64_t since_1970 = sovd_realtime_usec() - 100 * SOVD_USEC_PER_SEC;
        const struct fm_retention_options options = { .keep_usec = 2 * DAY_USEC, .rows = 10 };
        struct fm_past *past;

        add(f, add_events, 5, since_1970, NULL);
        assert_int_equal(run(f, options).n_events_removed, 0);
        add(f, add_events, 10, 3 * DAY_USEC, NULL);
        add(f, add_events, 5, DAY_USEC, NULL);
        add(f, add_events, 25, since_1970, NULL);
        assert_int_equal(run(f, options).n_events_removed, 15);
        assert_int_equal(history(f, &past), 30);
        add(f, add_events, 1, 0, NULL);
        assert_int_equal(run(f, options).n_events_removed, 0);
}

static void a_time_that_has_not_come_keeps_nothing_and_removes_nothing(void **state) {
        struct fixture *f = *state;

        add(f, add_events, 5, -1000 * DAY_USEC, NULL);
        add(f, add_events, 25, 3 * DAY_USEC, NULL);
        add(f, add_events, 5, -1000 * DAY_USEC, NULL);
        add(f, add_events, 1, 0, NULL);
        assert_int_equal(run(f, (struct fm_retention_options){ .keep_usec = 2 * DAY_USEC, .rows = 10 }).n_events_removed, 30);
}

/* More of them than one change removes: a storm of faults before the clock was set. */
static void many_events_without_a_time_keep_no_old_ones(void **state) {
        const struct fm_retention_options options = { .keep_usec = 2 * DAY_USEC, .rows = 10 };
        struct fixture *f = *state;

        add(f, add_events, 35, sovd_realtime_usec() - 100 * SOVD_USEC_PER_SEC, NULL);
        add(f, add_events, 15, 3 * DAY_USEC, NULL);
        add(f, add_events, 5, 0, NULL);
        assert_int_equal(run(f, options).n_events_removed, 50);
        assert_int_equal(run(f, options).n_events_removed, 0);
        add(f, add_events, 35, sovd_realtime_usec() - 100 * SOVD_USEC_PER_SEC, NULL);
        assert_int_equal(run(f, options).n_events_removed, 0); /* the five are young */
}

static uint64_t ahead_usec;

static uint64_t realtime_ahead(void) {
        return 1700000000 * SOVD_USEC_PER_SEC + ahead_usec;
}

static uint64_t monotonic_still(void) {
        return SOVD_USEC_PER_SEC;
}

static int set_up_with_a_clock(void **state) {
        static const struct sovd_clock clock = { monotonic_still, realtime_ahead, NULL };

        ahead_usec = 0;
        sovd_clock_replace(&clock);
        return set_up_at(state, true);
}

static int tear_down_with_a_clock(void **state) {
        int r = tear_down(state);

        sovd_clock_replace(NULL);
        return r;
}

static void a_clock_that_is_set_makes_nothing_older(void **state) {
        const struct fm_retention_options options = { .keep_usec = 90 * DAY_USEC };
        struct fixture *f = *state;
        struct fm_retention_counters c;
        struct fm_retention *r;

        add(f, add_events, 10, 0, NULL);
        assert_int_equal(fm_retention_new(&r, f->m, &options), 0);
        ahead_usec = 365 * DAY_USEC;
        assert_int_equal(fm_retention_run(r), 0);
        fm_retention_counters(r, &c);
        assert_int_equal(c.n_events_removed, 0);
        fm_retention_free(r);
}

/* That an export of one began, and then something happened, which 0 would let in. */
static void a_history_that_was_empty_ends_before_the_first_event(void **state) {
        const struct fm_history_query q = { .max = 1000, .oldest_first = true, .to_id = -1 };
        struct fixture *f = *state;
        struct fm_past *past;
        bool full;
        size_t n;

        add(f, add_events, 5, 0, NULL);
        assert_int_equal(fm_manager_history(f->m, &q, f->arena, &past, &n, &full), 0);
        assert_int_equal(n, 0);
        assert_false(full);
}

/* What an export ends with; the newest by their times are not the newest. */
static void a_history_ends_with_the_event_that_it_is_to_end_with(void **state) {
        const struct fm_history_query q = { .max = 1000, .oldest_first = true, .to_id = 6 }, newest_first = { .max = 4, .to_id = 6 };
        struct fixture *f = *state;
        struct fm_past *past;
        bool full;
        size_t n;

        add(f, add_events, 5, 0, NULL);
        add(f, add_events, 3, DAY_USEC, NULL);
        assert_int_equal(fm_manager_history(f->m, &q, f->arena, &past, &n, &full), 0);
        assert_int_equal(n, 6);
        assert_false(full);
        assert_int_equal(past[0].id, 6);
        assert_int_equal(past[5].id, 5);
        assert_int_equal(fm_manager_history(f->m, &newest_first, f->arena, &past, &n, &full), 0);
        assert_int_equal(n, 4);
        assert_true(full);
        assert_int_equal(past[0].id, 5);
}

static void faults_that_nobody_can_report_go_the_oldest_first(void **state) {
        static const char text[] = "faults:\n- {code: D0, name: x}\n- {code: D1, name: x}\n";
        struct fixture *f = *state;
        struct fm_catalog catalog;
        struct fm_record *records;
        const char *message;
        size_t n;

        assert_int_equal(sovd_config_parse(&fm_schema_catalog, &catalog, "x", text, strlen(text), NULL, f->arena, NULL, &message), 0);
        assert_int_equal(fm_manager_define(f->m, "apps/a", &catalog), 0);
        add(f, add_faults, 2, 5 * DAY_USEC, "D");
        add(f, add_faults, 20, DAY_USEC, "U");
        struct fm_retention_counters c = run(f, (struct fm_retention_options){ .faults_max = 7, .rows = 4 });
        assert_int_equal(c.n_faults_removed, 15);
        assert_int_equal(c.n_faults, 7);
        const struct fm_query all = { .max = 100, .by_key = true };
        assert_int_equal(fm_manager_list(f->m, &all, f->arena, &records, &n), 0);
        assert_int_equal(n, 7);
        assert_string_equal(records[0].code, "D0");
        assert_string_equal(records[1].code, "D1");
        assert_string_equal(records[2].code, "U15");
        /* What is defined may be over the bound. */
        assert_int_equal(run(f, (struct fm_retention_options){ .faults_max = 1, .rows = 4 }).n_faults, 2);
}

static int let_fail(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *s;
        (void)data;

        int r = sovd_db_prepare(conn, &s, "UPDATE fault SET status=47");
        return r ? r : sovd_db_run(s);
}

/* A test that fails on changes with every cycle. */
static void what_is_removed_does_not_come_back_with_a_cycle(void **state) {
        struct fixture *f = *state;
        const struct fm_query all = { .max = 100 };
        struct fm_record *records;
        uint64_t ticket;
        size_t n;

        add(f, add_faults, 3, DAY_USEC, "U");
        assert_int_equal(sovd_db_write(f->db, let_fail, NULL), 0);
        assert_int_equal(fm_manager_cycle(f->m, "power", &ticket), 0);
        assert_int_equal(fm_manager_wait(f->m, ticket), 0);
        assert_int_equal(run(f, (struct fm_retention_options){ .faults_max = 1 }).n_faults_removed, 2);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(fm_manager_cycle(f->m, "power", &ticket), 0);
                assert_int_equal(fm_manager_wait(f->m, ticket), 0);
        }
        assert_int_equal(fm_manager_list(f->m, &all, f->arena, &records, &n), 0);
        assert_int_equal(n, 1);
        assert_string_equal(records[0].code, "U2");
}

/* A catalogue that comes when it was decided that its fault goes, and before that is committed. */
struct late {
        struct fixture *f;
        struct fm_catalog catalog;
        sem_t go;
        pthread_t thread;
        atomic_bool blocked, defined;
};

static int block(struct sovd_db_conn *conn, void *data) {
        struct late *late = data;
        (void)conn;

        atomic_store(&late->blocked, true);
        while (sem_wait(&late->go))
                ;
        return 0;
}

static void *define_late(void *data) {
        struct late *late = data;

        assert_int_equal(fm_manager_define(late->f->m, "apps/a", &late->catalog), 0);
        atomic_store(&late->defined, true);
        return NULL;
}

static bool is_clearing(struct fm_manager *m) {
        (void)pthread_mutex_lock(&m->mutex);
        bool clearing = m->n_clearing;
        (void)pthread_mutex_unlock(&m->mutex);
        return clearing;
}

/* In the transaction of the removal, behind it. */
static int come_late(struct sovd_db_conn *conn, void *data) {
        struct late *late = data;
        (void)conn;

        assert_int_equal(pthread_create(&late->thread, NULL, define_late, late), 0);
        while (!atomic_load(&late->defined) && !is_clearing(late->f->m))
                (void)poll(NULL, 0, 1);
        return 0;
}

static void *run_round(void *data) {
        (void)run(data, (struct fm_retention_options){ .faults_max = 1 });
        return NULL;
}

static void done(int result, void *data) {
        (void)data;
        assert_int_equal(result, 0);
}

static void wait_for_a_change_in_the_queue(struct fixture *f) {
        struct sovd_db_status status = { 0 };

        for (sovd_db_status(f->db, &status); !status.n_waiting; sovd_db_status(f->db, &status))
                (void)poll(NULL, 0, 1);
}

static void a_fault_that_is_defined_while_it_goes_begins_anew(void **state) {
        static const char text[] = "faults:\n- {code: U0, name: x}\n";
        struct late late = { .f = *state };
        struct fixture *f = *state;
        const struct fm_query one = { .entity = "apps/a", .code = "U0", .max = 1 };
        struct fm_record *records;
        const char *message;
        pthread_t round;
        uint64_t ticket;
        size_t n;

        assert_int_equal(sovd_config_parse(&fm_schema_catalog, &late.catalog, "x", text, strlen(text), NULL, f->arena, NULL, &message), 0);
        add(f, add_faults, 2, DAY_USEC, "U");
        assert_int_equal(sem_init(&late.go, 0, 0), 0);
        assert_int_equal(sovd_db_post(f->db, block, done, &late), 0);
        while (!atomic_load(&late.blocked))
                (void)poll(NULL, 0, 1);
        assert_int_equal(pthread_create(&round, NULL, run_round, f), 0);
        wait_for_a_change_in_the_queue(f);
        assert_int_equal(sovd_db_post(f->db, come_late, done, &late), 0);
        assert_int_equal(sem_post(&late.go), 0);
        assert_int_equal(pthread_join(round, NULL), 0);
        assert_int_equal(pthread_join(late.thread, NULL), 0);
        assert_int_equal(fm_manager_report(f->m, "apps/a", "U0", FM_FAILED, NULL, &ticket), 0);
        assert_int_equal(fm_manager_wait(f->m, ticket), 0);
        assert_int_equal(fm_manager_list(f->m, &one, f->arena, &records, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(records[0].state.n_occurrences, 1);
        (void)sem_destroy(&late.go);
}

static void the_file_becomes_smaller(void **state) {
        struct fixture *f = *state;
        struct sovd_db_status before, after;

        for (int i = 0; i < 40; i++)
                add(f, add_events, 1000, 0, NULL);
        sovd_db_status(f->db, &before);
        struct fm_retention_counters c = run(f, (struct fm_retention_options){ .events_max = 100, .rows = 5000 });
        assert_int_equal(c.n_events, 100);
        f->m = fm_manager_free(f->m);
        f->db = sovd_db_close(f->db);
        const struct sovd_db_options db = { .path = f->path, .migrations = sovd_state_migrations, .readers = 2,
                                            .application_id = SOVD_STATE_APPLICATION_ID, .queue_max = 1000 };
        assert_int_equal(sovd_db_open(&f->db, &db, NULL), 0);
        sovd_db_status(f->db, &after);
        assert_true(before.bytes + before.wal_bytes > UINT64_C(6) << 20);
        assert_true(after.bytes < UINT64_C(2) << 20);
        const struct fm_options options = { .db = f->db, .faults_max = 100 };
        assert_int_equal(fm_manager_new(&f->m, &options), 0);
}

static void it_runs_by_itself_and_ends_when_asked(void **state) {
        struct fixture *f = *state;
        const struct fm_retention_options options = { .events_max = 3, .period_usec = 3600 * SOVD_USEC_PER_SEC };
        struct fm_retention_counters c = { 0 };
        struct fm_retention *r;

        add(f, add_events, 10, 0, NULL);
        assert_int_equal(fm_retention_new(&r, f->m, &options), 0);
        while (!c.n_rounds)
                fm_retention_counters(r, &c);
        assert_int_equal(c.n_events, 3);
        fm_retention_free(r);
}

static void a_round_ends_without_a_file_too(void **state) {
        struct fixture *f = *state;

        add(f, add_events, 20000, 10 * SOVD_USEC_PER_SEC, NULL);
        const struct fm_retention_counters c = run(f, (struct fm_retention_options){ .keep_usec = SOVD_USEC_PER_SEC, .rows = 5000 });
        assert_int_equal(c.n_events_removed, 19999); /* the newest stays */
        assert_true(c.free_bytes < 2 << 20);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(what_is_too_old_goes),
                TEST(the_newest_stay_of_too_many_and_ids_go_on),
                TEST(the_newest_event_stays_whatever_its_age),
                TEST(an_event_is_not_older_than_what_happened_before_it),
                TEST(a_time_that_has_not_come_keeps_nothing_and_removes_nothing),
                TEST(many_events_without_a_time_keep_no_old_ones),
                cmocka_unit_test_setup_teardown(a_clock_that_is_set_makes_nothing_older, set_up_with_a_clock, tear_down_with_a_clock),
                TEST(a_history_that_was_empty_ends_before_the_first_event),
                TEST(a_history_ends_with_the_event_that_it_is_to_end_with),
                TEST(faults_that_nobody_can_report_go_the_oldest_first),
                TEST(what_is_removed_does_not_come_back_with_a_cycle),
                TEST(a_fault_that_is_defined_while_it_goes_begins_anew),
                TEST(the_file_becomes_smaller),
                TEST(it_runs_by_itself_and_ends_when_asked),
                cmocka_unit_test_setup_teardown(a_round_ends_without_a_file_too, set_up_in_memory, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
