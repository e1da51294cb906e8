/* SPDX-License-Identifier: Apache-2.0 */
/* Stored faults that nobody defines in this run follow their operation cycles. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "fault-manager/manager.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/error.h"
#include "sovd-core/state.h"
#include <stdio.h>

#define N_FAULTS 600 /* more than two pages */

struct fixture {
        struct sovd_arena *arena;
        struct sovd_db *db;
        struct fm_manager *m;
        char boot[32];
        size_t n_told;               /* atomic, as all below */
        unsigned char told[N_FAULTS]; /* events of each in this boot */
        size_t n_sooner;
};

static void published(const struct fm_event *event, void *data) {
        struct fixture *f = data;

        (void)__atomic_add_fetch(&f->n_told, 1, __ATOMIC_RELAXED);
        (void)__atomic_add_fetch(&f->told[strtoul(event->code + 1, NULL, 10)], 1, __ATOMIC_RELAXED);
}

static void sooner(void *data) {
        (void)__atomic_add_fetch(&((struct fixture *)data)->n_sooner, 1, __ATOMIC_RELAXED);
}

static void open_manager(struct fixture *f, const char *boot) {
        const struct fm_options options = { .db = f->db, .faults_max = 1000, .boot_id = boot, .published = published,
                                            .sooner = sooner, .data = f };

        assert_int_equal(fm_manager_new(&f->m, &options), 0);
}

static void define_all(struct fixture *f) {
        struct fm_catalog catalog;
        const char *message;
        char *text = calloc(N_FAULTS + 1, 40);

        assert_non_null(text);
        char *end = stpcpy(text, "faults:\n");
        for (int i = 0; i < N_FAULTS; i++)
                end += sprintf(end, "- {code: F%d, name: x}\n", i);
        assert_int_equal(sovd_config_parse(&fm_schema_catalog, &catalog, "x", text, strlen(text), NULL, f->arena, NULL,
                                           &message), 0);
        assert_int_equal(fm_manager_define(f->m, "apps/a", &catalog), 0);
        free(text);
}

static int nothing(struct sovd_db_conn *conn, void *data) {
        (void)conn;
        (void)data;
        return 0;
}

/* A page, if one is due; what is posted is done when it returns. */
static uint64_t tick(struct fixture *f) {
        uint64_t next = fm_manager_tick(f->m);

        assert_int_equal(sovd_db_write(f->db, nothing, NULL), 0);
        return next;
}

static size_t n_behind(struct fixture *f) {
        struct sovd_fault_counters c;

        fm_manager_counters(f->m, &c);
        return c.n_cycles_behind;
}

static void follow(struct fixture *f) {
        for (int i = 0; i < 100 && n_behind(f); i++)
                (void)tick(f);
        assert_int_equal(n_behind(f), 0);
}

/* All of them failed and passed in the boot "one". */
static int set_up(void **state) {
        const struct sovd_db_options db = { .migrations = sovd_state_migrations, .readers = 4,
                                            .application_id = SOVD_STATE_APPLICATION_ID, .queue_max = 1000 };
        struct fixture *f = calloc(1, sizeof(*f));
        uint64_t ticket = 0;
        char code[16];

        assert_non_null(f);
        assert_int_equal(sovd_arena_new(&f->arena, 4096), 0);
        assert_int_equal(sovd_db_open(&f->db, &db, NULL), 0);
        open_manager(f, "one");
        define_all(f);
        for (int i = 0; i < 2 * N_FAULTS; i++) {
                (void)snprintf(code, sizeof(code), "F%d", i % N_FAULTS);
                assert_int_equal(fm_manager_report(f->m, "apps/a", code, i < N_FAULTS ? FM_FAILED : FM_PASSED, NULL, &ticket), 0);
        }
        assert_int_equal(fm_manager_wait(f->m, ticket), 0);
        f->m = fm_manager_free(f->m);
        f->n_told = 0;
        memset(f->told, 0, sizeof(f->told));
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        fm_manager_free(f->m);
        sovd_db_close(f->db);
        sovd_arena_free(f->arena);
        free(f);
        return 0;
}

static size_t count(struct fixture *f, unsigned status_any) {
        const struct fm_query q = { .entity = "apps/a", .max = N_FAULTS, .status_any = status_any };
        struct fm_record *records;
        size_t n, n_now = 0;

        assert_int_equal(fm_manager_list(f->m, &q, f->arena, &records, &n), 0);
        for (size_t i = 0; i < n; i++)
                n_now += records[i].state.status == 0x6c && records[i].cycle == 1;
        assert_true(status_any || n == N_FAULTS);
        return n_now;
}

static void each_was_told_once(const struct fixture *f) {
        for (int i = 0; i < N_FAULTS; i++)
                assert_int_equal(f->told[i], 1);
}

static void a_reboot_is_read_at_once_and_told_page_by_page(void **state) {
        struct fixture *f = *state;

        open_manager(f, "two");
        assert_int_equal(n_behind(f), 1);
        assert_int_equal(f->n_told, 0);
        assert_int_equal(count(f, 0), N_FAULTS);
        assert_int_equal(count(f, FM_NOT_COMPLETED_THIS_CYCLE), 0); /* filters see what is written */
        (void)tick(f);
        assert_true(f->n_told > 0 && f->n_told < N_FAULTS);
        assert_int_equal(count(f, FM_NOT_COMPLETED_THIS_CYCLE), f->n_told);
        assert_true(f->n_sooner > 0); /* whoever ticks is told that more is due */
        follow(f);
        assert_int_equal(count(f, FM_NOT_COMPLETED_THIS_CYCLE), N_FAULTS);
        each_was_told_once(f);
        assert_int_equal(tick(f), UINT64_MAX);
        assert_int_equal(f->n_told, N_FAULTS);
}

static void an_end_in_the_middle_loses_nothing_and_tells_nothing_twice(void **state) {
        struct fixture *f = *state;

        open_manager(f, "two");
        (void)tick(f);
        f->m = fm_manager_free(f->m);
        assert_true(f->n_told < N_FAULTS);
        open_manager(f, "two");
        assert_int_equal(n_behind(f), 1);
        follow(f);
        each_was_told_once(f);
        f->m = fm_manager_free(f->m);
        open_manager(f, "two");
        assert_int_equal(n_behind(f), 0);
}

static void a_fault_that_is_defined_meanwhile_is_told_once(void **state) {
        struct fixture *f = *state;
        uint64_t ticket;

        open_manager(f, "two");
        (void)tick(f);
        define_all(f);
        follow(f);
        assert_int_equal(sovd_db_write(f->db, nothing, NULL), 0);
        each_was_told_once(f);
        assert_int_equal(fm_manager_report(f->m, "apps/a", "F7", FM_PASSED, NULL, &ticket), 0);
        assert_int_equal(fm_manager_wait(f->m, ticket), 0);
        assert_int_equal(f->told[7], 2);
        assert_int_equal(count(f, 0), N_FAULTS - 1);
}

static void what_is_cleared_meanwhile_does_not_come_back(void **state) {
        struct fixture *f = *state;
        struct fm_record *records;
        size_t n;

        open_manager(f, "two");
        (void)tick(f);
        assert_int_equal(fm_manager_clear(f->m, "apps/a", NULL, NULL), 0);
        follow(f);
        assert_int_equal(fm_manager_list(f->m, &(struct fm_query){ .max = 1 }, f->arena, &records, &n), 0);
        assert_int_equal(n, 0);
}

static void a_cycle_that_begins_meanwhile_is_counted_too(void **state) {
        struct fixture *f = *state;
        struct fm_record *records;
        uint64_t ticket;
        size_t n;

        open_manager(f, "two");
        (void)tick(f);
        assert_int_equal(fm_manager_cycle(f->m, "power", &ticket), 0);
        assert_int_equal(fm_manager_wait(f->m, ticket), 0);
        follow(f);
        assert_int_equal(fm_manager_list(f->m, &(struct fm_query){ .max = N_FAULTS }, f->arena, &records, &n), 0);
        assert_int_equal(n, N_FAULTS);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(records[i].state.status, 0x6c);
        assert_int_equal(fm_manager_cycle_number(f->m, "power"), 2);
}

static int break_about(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *s;

        (void)data;
        int r = sovd_db_prepare(conn, &s, "UPDATE fault SET about='?' WHERE code='F3'");
        return r ? r : sovd_db_run(s);
}

static void a_row_that_cannot_be_read_holds_no_other_up(void **state) {
        struct fixture *f = *state;

        assert_int_equal(sovd_db_write(f->db, break_about, NULL), 0);
        open_manager(f, "two");
        follow(f);
        assert_int_equal(f->n_told, N_FAULTS - 1);
        assert_int_equal(f->told[3], 0);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                T(a_reboot_is_read_at_once_and_told_page_by_page),
                T(an_end_in_the_middle_loses_nothing_and_tells_nothing_twice),
                T(a_fault_that_is_defined_meanwhile_is_told_once),
                T(what_is_cleared_meanwhile_does_not_come_back),
                T(a_cycle_that_begins_meanwhile_is_counted_too),
                T(a_row_that_cannot_be_read_holds_no_other_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
