/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the fault manager, and what boots and threads do to it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "fault-manager/manager.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/error.h"
#include "sovd-core/state.h"
#include <pthread.h>
#include <stdio.h>

struct fixture {
        struct sovd_arena *arena;
        struct sovd_db *db;
        struct fm_manager *m;
        struct fm_options options;
        size_t n_events;   /* atomic, as the two below */
        uint32_t n_told;   /* changes */
        uint8_t status;    /* of the last event */
};

static uint64_t fake_usec = 1000 * SOVD_USEC_PER_SEC; /* atomic: the writer reads it too */

static uint64_t fake_now(void) {
        return __atomic_load_n(&fake_usec, __ATOMIC_RELAXED);
}

static void published(const struct fm_event *event, void *data) {
        struct fixture *f = data;

        (void)__atomic_add_fetch(&f->n_events, 1, __ATOMIC_RELAXED);
        (void)__atomic_add_fetch(&f->n_told, 1 + event->merged, __ATOMIC_RELAXED);
        __atomic_store_n(&f->status, event->state.status, __ATOMIC_RELAXED);
}

static void open_manager(struct fixture *f) {
        f->options.db = f->db;
        f->options.faults_max = 1000;
        f->options.published = published;
        f->options.data = f;
        assert_int_equal(fm_manager_new(&f->m, &f->options), 0);
}

static int set_up(void **state) {
        const struct sovd_db_options db = { .migrations = sovd_state_migrations, .readers = 4,
                                            .application_id = SOVD_STATE_APPLICATION_ID, .queue_max = 1000 };
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(sovd_arena_new(&f->arena, 4096), 0);
        assert_int_equal(sovd_db_open(&f->db, &db, NULL), 0);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        fm_manager_free(f->m);
        sovd_db_close(f->db);
        sovd_arena_free(f->arena);
        sovd_clock_replace(NULL);
        free(f);
        return 0;
}

static int try_define(struct fixture *f, const char *entity, const char *text) {
        struct fm_catalog catalog;
        const char *message;

        assert_int_equal(sovd_config_parse(&fm_schema_catalog, &catalog, "x", text, strlen(text), NULL, f->arena, NULL,
                                           &message), 0);
        return fm_manager_define(f->m, entity, &catalog);
}

static void define(struct fixture *f, const char *entity, const char *text) {
        assert_int_equal(try_define(f, entity, text), 0);
}

static int tell(struct fixture *f, const char *entity, const char *code, enum fm_report report) {
        uint64_t ticket;
        int r = fm_manager_report(f->m, entity, code, report, NULL, &ticket);

        return r || !ticket ? r : fm_manager_wait(f->m, ticket);
}

static const struct fm_record *read_one(struct fixture *f, const char *entity, const char *code) {
        const struct fm_query q = { .entity = entity, .code = code, .max = 1 };
        struct fm_record *records;
        size_t n;

        assert_int_equal(fm_manager_list(f->m, &q, f->arena, &records, &n), 0);
        return n ? records : NULL;
}

static int nothing(struct sovd_db_conn *conn, void *data) {
        (void)conn;
        (void)data;
        return 0;
}

/* What is posted now is done when it returns. */
static void sync(struct fixture *f) {
        (void)fm_manager_tick(f->m);
        assert_int_equal(sovd_db_write(f->db, nothing, NULL), 0);
}

static void restart(struct fixture *f, const char *boot) {
        f->m = fm_manager_free(f->m);
        f->options.boot_id = boot;
        open_manager(f);
}

/* --- reports of one entity ------------------------------------------------------------------------------- */

static void an_entity_over_its_limit_is_refused_and_others_are_not(void **state) {
        static const struct sovd_clock clock = { fake_now, fake_now };
        struct fixture *f = *state;
        struct fm_ignored ignored;
        struct sovd_fault_counters c;

        sovd_clock_replace(&clock);
        f->options.reports_per_sec = 5;
        open_manager(f);
        define(f, "apps/a", "faults: [{code: X, name: x}, {code: Y, name: y}]");
        define(f, "apps/b", "faults: [{code: X, name: x}]");
        for (int i = 0; i < 5; i++)
                assert_int_equal(tell(f, "apps/a", i % 2 ? "X" : "Y", FM_FAILED), 0);
        assert_int_equal(tell(f, "apps/a", "X", FM_PASSED), SOVD_E_OVERLOAD);
        assert_int_equal(tell(f, "apps/a", "Y", FM_PASSED), SOVD_E_OVERLOAD);
        assert_int_equal(tell(f, "apps/b", "X", FM_FAILED), 0);
        (void)__atomic_add_fetch(&fake_usec, SOVD_USEC_PER_SEC / 5, __ATOMIC_RELAXED); /* one fits again */
        assert_int_equal(tell(f, "apps/a", "X", FM_PASSED), 0);
        assert_int_equal(tell(f, "apps/a", "X", FM_PASSED), SOVD_E_OVERLOAD);

        fm_manager_ignored(f->m, "apps/a", "X", &ignored);
        assert_int_equal(ignored.n_limited, 2);
        fm_manager_ignored(f->m, "apps/b", "X", &ignored);
        assert_int_equal(ignored.n_limited, 0);
        fm_manager_counters(f->m, &c);
        assert_int_equal(c.n_limited, 3);
        assert_int_equal(c.n_judged, 7);
        assert_int_equal(c.n_reports, 10);
}

static void more_kinds_of_cycles_than_there_is_room_for_are_refused(void **state) {
        struct fixture *f = *state;
        char text[4096] = "faults:\n";
        uint64_t ticket;

        open_manager(f);
        for (int i = 0; i < 40; i++)
                (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "- {code: C%d, name: x, cycle: k%d}\n", i, i);
        assert_int_equal(try_define(f, "apps/a", text), SOVD_E_OVERLOAD);
        assert_int_equal(tell(f, "apps/a", "C1", FM_FAILED), SOVD_E_NOT_FOUND);
        define(f, "apps/b", "faults: [{code: X, name: x, cycle: another}]"); /* the others took no place */
        for (int i = 0; i < 31; i++) {
                (void)snprintf(text, sizeof(text), "k%d", i);
                assert_int_equal(fm_manager_cycle(f->m, text, &ticket), 0);
        }
        assert_int_equal(fm_manager_cycle(f->m, "k31", &ticket), SOVD_E_OVERLOAD);
        assert_int_equal(fm_manager_cycle(f->m, "k0", &ticket), 0);
}

static void a_catalogue_that_does_not_fit_leaves_the_former_one(void **state) {
        struct fixture *f = *state;
        char text[40000] = "faults:\n";

        open_manager(f);
        define(f, "apps/a", "faults: [{code: X, name: x}]");
        for (int i = 0; i < 1000; i++)
                (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "- {code: C%d, name: x}\n", i);
        assert_int_equal(try_define(f, "apps/a", text), SOVD_E_OVERLOAD);
        assert_int_equal(tell(f, "apps/a", "X", FM_FAILED), 0);
        assert_int_equal(tell(f, "apps/a", "C1", FM_FAILED), SOVD_E_NOT_FOUND);
}

/* --- events of one fault --------------------------------------------------------------------------------- */

static int64_t count_events(struct fixture *f) {
        struct sovd_db_conn *conn;
        struct sovd_db_stmt *s;
        bool row;

        assert_int_equal(sovd_db_read_begin(f->db, &conn), 0);
        assert_int_equal(sovd_db_prepare(conn, &s, "SELECT count(*) FROM fault_event"), 0);
        assert_int_equal(sovd_db_step(s, &row), 0);
        int64_t n = sovd_db_int(s, 0);
        sovd_db_read_end(f->db, conn);
        return n;
}

static void a_flapping_fault_tells_so_often_a_second_and_nothing_is_forgotten(void **state) {
        static const struct sovd_clock clock = { fake_now, fake_now };
        struct fixture *f = *state;

        sovd_clock_replace(&clock);
        f->options.events_per_sec = 3;
        open_manager(f);
        define(f, "apps/a", "faults: [{code: X, name: x, reports_per_sec: 0}]");
        for (int i = 0; i < 101; i++)
                assert_int_equal(tell(f, "apps/a", "X", i % 2 ? FM_PASSED : FM_FAILED), 0);
        assert_int_equal(read_one(f, "apps/a", "X")->state.n_occurrences, 51); /* the state itself is always right */
        assert_int_equal(f->n_events, 3);
        assert_int_equal(count_events(f), 3);

        (void)__atomic_add_fetch(&fake_usec, SOVD_USEC_PER_SEC - 1, __ATOMIC_RELAXED);
        assert_int_equal(fm_manager_tick(f->m), fake_now() + 1);
        sync(f);
        assert_int_equal(f->n_events, 3);
        (void)__atomic_add_fetch(&fake_usec, 1, __ATOMIC_RELAXED);
        sync(f);
        assert_int_equal(f->n_events, 4); /* by itself, when the second is over */
        assert_int_equal(f->n_told, 101);
        assert_true(f->status & FM_TEST_FAILED);
        assert_int_equal(fm_manager_tick(f->m), UINT64_MAX);
}

static void an_end_tells_what_had_to_wait(void **state) {
        static const struct sovd_clock clock = { fake_now, fake_now };
        struct fixture *f = *state;

        sovd_clock_replace(&clock);
        f->options.events_per_sec = 1;
        open_manager(f);
        define(f, "apps/a", "faults: [{code: X, name: x}]");
        for (int i = 0; i < 3; i++)
                assert_int_equal(tell(f, "apps/a", "X", i % 2 ? FM_PASSED : FM_FAILED), 0);
        assert_int_equal(f->n_events, 1);
        f->m = fm_manager_free(f->m);
        assert_int_equal(f->n_events, 2);
        assert_int_equal(f->n_told, 3);
}

static void an_event_that_had_to_wait_outlives_a_crash(void **state) {
        static const struct sovd_clock clock = { fake_now, fake_now };
        struct fixture *f = *state;

        sovd_clock_replace(&clock);
        f->options.events_per_sec = 1;
        open_manager(f);
        define(f, "apps/a", "faults: [{code: X, name: x}]");
        for (int i = 0; i < 4; i++)
                assert_int_equal(tell(f, "apps/a", "X", i % 2 ? FM_PASSED : FM_FAILED), 0);
        assert_int_equal(f->n_events, 1);
        struct fm_manager *crashed = SOVD_TAKE(f->m); /* it has no moment for its last words */
        open_manager(f);
        sync(f);
        assert_int_equal(f->n_events, 2);
        assert_int_equal(f->n_told, 4);
        assert_int_equal(f->status & FM_TEST_FAILED, 0);
        restart(f, NULL);
        sync(f);
        assert_int_equal(f->n_events, 2); /* told once */
        fm_manager_free(crashed);
}

static void a_clear_forgets_what_had_to_wait(void **state) {
        static const struct sovd_clock clock = { fake_now, fake_now };
        struct fixture *f = *state;

        sovd_clock_replace(&clock);
        f->options.events_per_sec = 1;
        open_manager(f);
        define(f, "apps/a", "faults: [{code: X, name: x}]");
        assert_int_equal(tell(f, "apps/a", "X", FM_FAILED), 0);
        assert_int_equal(tell(f, "apps/a", "X", FM_PASSED), 0);
        assert_int_equal(fm_manager_clear(f->m, "apps/a", "X", NULL), 0);
        assert_int_equal(f->n_events, 2);
        (void)__atomic_add_fetch(&fake_usec, 2 * SOVD_USEC_PER_SEC, __ATOMIC_RELAXED);
        sync(f);
        assert_int_equal(f->n_events, 2);
        assert_null(read_one(f, "apps/a", "X"));
}

static void a_fault_that_is_reported_once_is_confirmed(void **state) {
        struct fixture *f = *state;

        open_manager(f);
        define(f, "apps/a", "faults: [{code: X, name: x}]");
        assert_int_equal(tell(f, "apps/a", "X", FM_FAILED), 0);
        assert_int_equal(read_one(f, "apps/a", "X")->state.status & (FM_CONFIRMED | FM_TEST_FAILED), FM_CONFIRMED | FM_TEST_FAILED);
}

/* --- boots and definitions ------------------------------------------------------------------------------- */

static void a_boot_begins_a_cycle_once(void **state) {
        struct fixture *f = *state;

        f->options.boot_id = "one";
        open_manager(f);
        define(f, "apps/a", "faults: [{code: X, name: x, age_cycles: 1}]");
        assert_int_equal(tell(f, "apps/a", "X", FM_FAILED), 0);
        assert_int_equal(tell(f, "apps/a", "X", FM_PASSED), 0);
        restart(f, "one"); /* the process only */
        assert_int_equal(fm_manager_cycle_number(f->m, "power"), 0);
        assert_int_equal(read_one(f, "apps/a", "X")->state.status, 0x2e);
        restart(f, "two");
        assert_int_equal(fm_manager_cycle_number(f->m, "power"), 1);
        const struct fm_record *r = read_one(f, "apps/a", "X"); /* nobody has its catalogue in this run */
        assert_int_equal(r->state.status, 0x6c);
        assert_int_equal(r->cycle, 1);
        restart(f, NULL); /* not known */
        restart(f, "two");
        assert_int_equal(fm_manager_cycle_number(f->m, "power"), 1);
        define(f, "apps/a", "faults: [{code: X, name: x, age_cycles: 1}]");
        assert_int_equal(tell(f, "apps/a", "X", FM_PASSED), 0);
        restart(f, "three");
        assert_int_equal(read_one(f, "apps/a", "X")->state.status & FM_CONFIRMED, 0);
        assert_int_equal(read_one(f, "apps/a", "X")->state.n_passed_cycles, 1);
}

static void new_words_for_a_fault_are_shown_at_once(void **state) {
        struct fixture *f = *state;

        open_manager(f);
        define(f, "apps/a", "{id: nav, version: '1', faults: [{code: X, name: before, severity: 1}]}");
        assert_int_equal(tell(f, "apps/a", "X", FM_FAILED), 0);
        size_t n = f->n_events;
        define(f, "apps/a", "{id: nav, version: '2', faults: [{code: X, name: after, severity: 4}]}");
        sync(f);
        const struct fm_record *r = read_one(f, "apps/a", "X");
        assert_string_equal(r->about->name, "after");
        assert_string_equal(r->about->catalog_version, "2");
        assert_int_equal(r->about->severity.value, 4);
        assert_int_equal(f->n_events, n); /* nothing happened to the fault */
        restart(f, NULL);
        define(f, "apps/a", "faults: [{code: X, name: later}]");
        sync(f);
        assert_string_equal(read_one(f, "apps/a", "X")->about->name, "later");
        assert_int_equal(read_one(f, "apps/a", "X")->state.n_occurrences, 1);
}

static void a_hold_time_goes_on_after_a_restart(void **state) {
        static const struct sovd_clock clock = { fake_now, fake_now };
        static const char text[] = "faults: [{code: X, name: x, debounce: {kind: edge, hold_secs: 5}}]";
        struct fixture *f = *state;

        sovd_clock_replace(&clock);
        open_manager(f);
        define(f, "apps/a", text);
        assert_int_equal(tell(f, "apps/a", "X", FM_FAILED), 0);
        restart(f, NULL);
        define(f, "apps/a", text);
        assert_int_equal(fm_manager_tick(f->m), fake_now() + 5 * SOVD_USEC_PER_SEC);
        (void)__atomic_add_fetch(&fake_usec, 5 * SOVD_USEC_PER_SEC, __ATOMIC_RELAXED);
        sync(f);
        assert_int_equal(read_one(f, "apps/a", "X")->state.status & FM_TEST_FAILED, 0);
}

static void a_limit_of_reports_may_be_less_than_one_per_second(void **state) {
        static const struct sovd_clock clock = { fake_now, fake_now };
        struct fixture *f = *state;
        unsigned n = 0, m = 0;

        sovd_clock_replace(&clock);
        open_manager(f);
        define(f, "apps/a", "faults: [{code: X, name: x, reports_per_sec: 0.5}, {code: Y, name: y, reports_per_sec: 2.5}]");
        for (int i = 0; i < 100; i++) {
                n += tell(f, "apps/a", "X", FM_FAILED) == 0;
                m += tell(f, "apps/a", "Y", FM_FAILED) == 0;
                (void)__atomic_add_fetch(&fake_usec, SOVD_USEC_PER_SEC / 10, __ATOMIC_RELAXED);
        }
        assert_int_equal(n, 5);
        assert_int_equal(m, 26); /* two in each 0.8 s */
}

static int spoil(struct sovd_db_conn *conn, void *data) {
        return sovd_db_run_text(conn, "UPDATE fault SET about='?' WHERE code=?1", data);
}

/* restart() says that the manager could be made. */
static void what_cannot_be_read_of_one_fault_keeps_no_other_from_its_end(void **state) {
        static const struct sovd_clock clock = { fake_now, fake_now };
        static const char text[] = "faults: [{code: X, name: x, debounce: {kind: edge, hold_secs: 5}},"
                                   " {code: Y, name: y, debounce: {kind: edge, hold_secs: 5}}]";
        struct fixture *f = *state;
        char spoilt[] = "X";

        sovd_clock_replace(&clock);
        open_manager(f);
        define(f, "apps/a", text);
        assert_int_equal(tell(f, "apps/a", "X", FM_FAILED), 0);
        assert_int_equal(tell(f, "apps/a", "Y", FM_FAILED), 0);
        sync(f);
        assert_int_equal(sovd_db_write(f->db, spoil, spoilt), 0);
        restart(f, NULL);
        (void)__atomic_add_fetch(&fake_usec, 5 * SOVD_USEC_PER_SEC, __ATOMIC_RELAXED);
        sync(f);
        assert_int_equal(read_one(f, "apps/a", "Y")->state.status & FM_TEST_FAILED, 0);
}

static void a_hold_time_ends_after_a_restart_also_when_nobody_defines_the_fault_any_more(void **state) {
        static const struct sovd_clock clock = { fake_now, fake_now };
        static const char text[] = "faults: [{code: X, name: x, debounce: {kind: edge, hold_secs: 5}}, {code: Y, name: y}]";
        struct fixture *f = *state;
        uint64_t ticket;

        sovd_clock_replace(&clock);
        open_manager(f);
        define(f, "apps/a", text);
        assert_int_equal(tell(f, "apps/a", "X", FM_FAILED), 0);
        assert_int_equal(tell(f, "apps/a", "Y", FM_FAILED), 0);
        for (int restarts = 0; restarts < 2; restarts++) { /* the second one reads what the cycle wrote */
                restart(f, NULL);
                assert_int_equal(fm_manager_cycle(f->m, NULL, &ticket), 0);
                assert_int_equal(fm_manager_wait(f->m, ticket), 0);
        }
        restart(f, NULL);
        (void)__atomic_add_fetch(&fake_usec, 5 * SOVD_USEC_PER_SEC, __ATOMIC_RELAXED);
        sync(f);
        assert_int_equal(read_one(f, "apps/a", "X")->state.status & FM_TEST_FAILED, 0);
        assert_int_equal(read_one(f, "apps/a", "Y")->state.status & FM_TEST_FAILED, FM_TEST_FAILED);
        restart(f, NULL);
        assert_int_equal(read_one(f, "apps/a", "X")->state.status & FM_TEST_FAILED, 0);
}

static void occurrences_remember_their_cycle(void **state) {
        struct fixture *f = *state;
        uint64_t ticket;

        open_manager(f);
        define(f, "apps/a", "faults: [{code: X, name: x, cycle: drive}]");
        for (int i = 0; i < 3; i++)
                assert_int_equal(fm_manager_cycle(f->m, "drive", &ticket), 0);
        assert_int_equal(tell(f, "apps/a", "X", FM_FAILED), 0);
        assert_int_equal(tell(f, "apps/a", "X", FM_PASSED), 0);
        assert_int_equal(fm_manager_cycle(f->m, "drive", &ticket), 0);
        assert_int_equal(fm_manager_cycle(f->m, "power", &ticket), 0); /* another kind */
        assert_int_equal(tell(f, "apps/a", "X", FM_FAILED), 0);
        const struct fm_record *r = read_one(f, "apps/a", "X");
        assert_int_equal(r->first_cycle, 3);
        assert_int_equal(r->last_cycle, 4);
        assert_int_equal(r->cycle, 4);
}

/* --- threads --------------------------------------------------------------------------------------------- */

struct worker {
        struct fixture *f;
        int i;
        bool *stop; /* atomic */
        uint64_t slowest_usec;
};

static void *flood(void *data) {
        const struct worker *w = data;

        for (unsigned i = 0; !__atomic_load_n(w->stop, __ATOMIC_RELAXED); i++)
                (void)fm_manager_report(w->f->m, "apps/a", "X", i % 2 ? FM_PASSED : FM_FAILED, "{}", NULL);
        return NULL;
}

static void a_flood_of_one_app_does_not_hold_up_the_reports_of_another(void **state) {
        struct fixture *f = *state;
        bool stop = false;
        struct worker w = { .f = f, .stop = &stop };
        pthread_t thread;

        f->options.events_per_sec = 10;
        f->options.reports_per_sec = 0;
        open_manager(f);
        define(f, "apps/a", "faults: [{code: X, name: x, reports_per_sec: 0}]");
        define(f, "apps/b", "faults: [{code: X, name: x, reports_per_sec: 0}]");
        assert_int_equal(pthread_create(&thread, NULL, flood, &w), 0);
        uint64_t slowest = 0;
        for (int i = 0; i < 100; i++) {
                uint64_t begin = sovd_now_usec();
                assert_int_equal(tell(f, "apps/b", "X", i % 2 ? FM_PASSED : FM_FAILED), 0);
                slowest = SOVD_MAX(slowest, sovd_now_usec() - begin);
        }
        __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
        (void)pthread_join(thread, NULL);
        assert_true(slowest < 5 * SOVD_USEC_PER_SEC); /* generous: a machine of tests may stand still for a while */
        assert_int_equal(read_one(f, "apps/b", "X")->state.n_occurrences, 50);
}

static void *report_much(void *data) {
        const struct worker *w = data;
        static const char *const codes[] = { "X", "Y", "Z" };

        for (int i = 0; i < 300; i++)
                (void)tell(w->f, w->i % 2 ? "apps/a" : "apps/b", codes[(i + w->i) % 3], (enum fm_report)(i * 7 % 4));
        return NULL;
}

static void *cycle_much(void *data) {
        const struct worker *w = data;
        uint64_t ticket;

        for (int i = 0; i < 60; i++) {
                assert_int_equal(fm_manager_cycle(w->f->m, i % 3 ? "power" : "drive", &ticket), 0);
                assert_int_equal(fm_manager_wait(w->f->m, ticket), 0);
                (void)fm_manager_tick(w->f->m);
        }
        return NULL;
}

static void *clear_much(void *data) {
        const struct worker *w = data;

        for (int i = 0; i < 60; i++) {
                int r = fm_manager_clear(w->f->m, i % 2 ? "apps/a" : "apps/b", i % 3 ? NULL : "X", NULL);
                assert_true(r == 0 || r == SOVD_E_NOT_FOUND);
        }
        return NULL;
}

static const char three[] = "faults: [{code: X, name: x, reports_per_sec: 0}, {code: Y, name: y, reports_per_sec: 0, cycle: drive},"
                            " {code: Z, name: z, reports_per_sec: 0, debounce: {kind: counter, failed_at: 2, passed_at: -2}}]";

static void *list_and_define_much(void *data) {
        const struct worker *w = data;
        const struct fm_query q = { .max = 10 };
        struct sovd_arena *arena;
        struct fm_catalog catalog;
        const char *message;

        assert_int_equal(sovd_arena_new(&arena, 4096), 0);
        for (int i = 0; i < 100; i++) {
                struct fm_record *records;
                size_t n;
                assert_int_equal(fm_manager_list(w->f->m, &q, arena, &records, &n), 0);
                assert_true(n <= 6);
                assert_int_equal(sovd_config_parse(&fm_schema_catalog, &catalog, "x", three, strlen(three), NULL, arena, NULL,
                                                   &message), 0);
                assert_int_equal(fm_manager_define(w->f->m, "apps/a", &catalog), 0);
                sovd_arena_reset(arena);
        }
        sovd_arena_free(arena);
        return NULL;
}

/* Memory and file say the same: after a clear and one failure each, every fault has happened once. */
static void what_threads_do_at_once_stays_in_order(void **state) {
        static void *(*const work[])(void *) = { report_much, report_much, report_much, cycle_much, clear_much,
                                                 list_and_define_much };
        struct fixture *f = *state;
        struct worker workers[SOVD_N_ELEMENTS(work)];
        pthread_t threads[SOVD_N_ELEMENTS(work)];
        struct sovd_fault_counters c;

        f->options.events_per_sec = 5;
        open_manager(f);
        define(f, "apps/a", three);
        define(f, "apps/b", three);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(work); i++) {
                workers[i] = (struct worker){ .f = f, .i = (int)i };
                assert_int_equal(pthread_create(&threads[i], NULL, work[i], &workers[i]), 0);
        }
        for (size_t i = 0; i < SOVD_N_ELEMENTS(work); i++)
                (void)pthread_join(threads[i], NULL);

        assert_int_equal(fm_manager_cycle_number(f->m, "power") + fm_manager_cycle_number(f->m, "drive"), 60);
        (void)fm_manager_clear(f->m, "apps/a", NULL, NULL);
        assert_null(read_one(f, "apps/a", "X"));
        assert_int_equal(tell(f, "apps/a", "X", FM_FAILED), 0);
        assert_int_equal(read_one(f, "apps/a", "X")->state.n_occurrences, 1);
        fm_manager_counters(f->m, &c);
        assert_int_equal(c.n_waiting, 0);
        assert_int_equal(c.n_reports, 901);
        restart(f, NULL);
        assert_int_equal(read_one(f, "apps/a", "X")->state.n_occurrences, 1);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                T(an_entity_over_its_limit_is_refused_and_others_are_not),
                T(more_kinds_of_cycles_than_there_is_room_for_are_refused),
                T(a_catalogue_that_does_not_fit_leaves_the_former_one),
                T(a_flapping_fault_tells_so_often_a_second_and_nothing_is_forgotten),
                T(an_end_tells_what_had_to_wait),
                T(an_event_that_had_to_wait_outlives_a_crash),
                T(a_clear_forgets_what_had_to_wait),
                T(a_fault_that_is_reported_once_is_confirmed),
                T(a_boot_begins_a_cycle_once),
                T(new_words_for_a_fault_are_shown_at_once),
                T(a_limit_of_reports_may_be_less_than_one_per_second),
                T(a_hold_time_goes_on_after_a_restart),
                T(what_cannot_be_read_of_one_fault_keeps_no_other_from_its_end),
                T(a_hold_time_ends_after_a_restart_also_when_nobody_defines_the_fault_any_more),
                T(occurrences_remember_their_cycle),
                T(a_flood_of_one_app_does_not_hold_up_the_reports_of_another),
                T(what_threads_do_at_once_stays_in_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
