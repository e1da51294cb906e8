/* SPDX-License-Identifier: Apache-2.0 */
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
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define EVENTS_MAX 64

struct seen {
        int64_t id;
        char entity[32], code[32], frame[64], scope[32], body[600];
        unsigned changed;
        uint8_t status;
};

struct fixture {
        char folder[64], path[80];
        struct sovd_arena *arena;
        struct sovd_db *db;
        struct fm_manager *m;
        pthread_mutex_t mutex;
        struct seen events[EVENTS_MAX];
        size_t n_events;
};

static void published(const struct fm_event *event, void *data) {
        struct fixture *f = data;

        (void)pthread_mutex_lock(&f->mutex);
        if (f->n_events < EVENTS_MAX) {
                struct seen *s = &f->events[f->n_events++];
                *s = (struct seen){ .id = event->id, .changed = event->changed, .status = event->state.status };
                (void)snprintf(s->entity, sizeof(s->entity), "%s", event->entity);
                (void)snprintf(s->code, sizeof(s->code), "%s", event->code);
                (void)snprintf(s->frame, sizeof(s->frame), "%s", event->frame ? event->frame : "");
                (void)snprintf(s->scope, sizeof(s->scope), "%s", event->scope);
                (void)snprintf(s->body, sizeof(s->body), "%s", event->body);
        }
        (void)pthread_mutex_unlock(&f->mutex);
}

static void open_all(struct fixture *f) {
        const struct sovd_db_options db = { .path = f->path, .migrations = sovd_state_migrations, .readers = 2,
                                            .application_id = SOVD_STATE_APPLICATION_ID, .queue_max = 1000 };
        struct fm_options options = { .faults_max = 100, .published = published, .data = f };

        assert_int_equal(sovd_db_open(&f->db, &db, NULL), 0);
        options.db = f->db;
        assert_int_equal(fm_manager_new(&f->m, &options), 0);
}

static void close_all(struct fixture *f) {
        f->m = fm_manager_free(f->m);
        f->db = sovd_db_close(f->db);
}

static void define(struct fixture *f, const char *entity, const char *text) {
        struct fm_catalog catalog;
        const char *message, *path;

        assert_int_equal(sovd_config_parse(&fm_schema_catalog, &catalog, "x", text, strlen(text), NULL, f->arena, NULL,
                                           &message), 0);
        assert_null(fm_catalog_check(&catalog, NULL, f->arena, &path));
        assert_int_equal(fm_manager_define(f->m, entity, &catalog), 0);
}

static const char catalog[] = "faults:\n"
                              "- {code: P1, name: One, severity: 1, scope: main, age_cycles: 1}\n"
                              "- {code: P2, name: Two, severity: 3, conditions: [ignition]}\n"
                              "- {code: P3, name: Three, debounce: {kind: counter, failed_at: 3, passed_at: -3}}\n"
                              "- {code: P4, name: Four, reports_per_sec: 2}\n"
                              "- {code: P5, name: Five, debounce: {kind: time, failed_secs: 2}}\n";

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        (void)pthread_mutex_init(&f->mutex, NULL);
        (void)snprintf(f->folder, sizeof(f->folder), "/tmp/sovd-fm-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->path, sizeof(f->path), "%s/state.db", f->folder);
        assert_int_equal(sovd_arena_new(&f->arena, 4096), 0);
        open_all(f);
        define(f, "components/hpc", catalog);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;
        char command[128];

        close_all(f);
        sovd_arena_free(f->arena);
        (void)snprintf(command, sizeof(command), "rm -rf -- '%s'", f->folder);
        assert_int_equal(system(command), 0);
        free(f);
        return 0;
}

static int tell(struct fixture *f, const char *code, enum fm_report report, const char *frame) {
        uint64_t ticket;
        int r = fm_manager_report(f->m, "components/hpc", code, report, frame, &ticket);

        return r || !ticket ? r : fm_manager_wait(f->m, ticket);
}

static void cycle(struct fixture *f, const char *kind) {
        uint64_t ticket;

        assert_int_equal(fm_manager_cycle(f->m, kind, &ticket), 0);
        assert_int_equal(fm_manager_wait(f->m, ticket), 0);
}

static size_t list(struct fixture *f, struct fm_query query, struct fm_record **ret) {
        size_t n;

        query.max = query.max ? query.max : 10;
        assert_int_equal(fm_manager_list(f->m, &query, f->arena, ret, &n), 0);
        return n;
}

static void a_report_is_stored_and_told_with_its_environment(void **state) {
        struct fixture *f = *state;
        struct fm_record *r;

        assert_int_equal(tell(f, "P1", FM_FAILED, "{\"speed\":80}"), 0);
        assert_int_equal(list(f, (struct fm_query){ .entity = "components/hpc" }, &r), 1);
        assert_string_equal(r[0].code, "P1");
        assert_string_equal(r[0].about->name, "One");
        assert_int_equal(r[0].state.status, 0x2f);
        assert_int_equal(r[0].state.n_occurrences, 1);
        assert_string_equal(r[0].first_frame, "{\"speed\":80}");
        assert_true(r[0].first_usec > 0 && r[0].first_usec == r[0].last_usec);
        assert_int_equal(f->n_events, 1);
        assert_true(f->events[0].id > 0);
        assert_string_equal(f->events[0].entity, "components/hpc");
        assert_string_equal(f->events[0].frame, "{\"speed\":80}");
        assert_true(f->events[0].changed & FM_NOW_CONFIRMED);
}

static void the_first_and_the_last_occurrence_keep_their_environment(void **state) {
        struct fixture *f = *state;
        struct fm_record *r;

        assert_int_equal(tell(f, "P1", FM_FAILED, "{\"n\":1}"), 0);
        assert_int_equal(tell(f, "P1", FM_FAILED, "{\"n\":2}"), 0); /* it failed already: no occurrence */
        assert_int_equal(tell(f, "P1", FM_PASSED, NULL), 0);
        assert_int_equal(tell(f, "P1", FM_FAILED, "{\"n\":3}"), 0);
        assert_int_equal(tell(f, "P1", FM_PASSED, NULL), 0);
        assert_int_equal(tell(f, "P1", FM_FAILED, "{\"n\":4}"), 0);
        assert_int_equal(list(f, (struct fm_query){ .code = "P1" }, &r), 1);
        assert_string_equal(r[0].first_frame, "{\"n\":1}");
        assert_string_equal(r[0].last_frame, "{\"n\":4}");
        assert_int_equal(r[0].state.n_occurrences, 3);
}

static void a_restart_goes_on_where_it_was(void **state) {
        struct fixture *f = *state;
        struct fm_record *r;

        assert_int_equal(tell(f, "P1", FM_FAILED, "{}"), 0);
        int64_t last = f->events[0].id;
        close_all(f);
        open_all(f);
        assert_int_equal(list(f, (struct fm_query){ 0 }, &r), 1); /* before anybody has its catalogue */
        assert_string_equal(r[0].about->name, "One");
        define(f, "components/hpc", catalog);
        assert_int_equal(tell(f, "P1", FM_FAILED, NULL), 0);
        assert_int_equal(f->n_events, 1); /* it fails on: nothing new */
        assert_int_equal(tell(f, "P1", FM_PASSED, NULL), 0);
        assert_int_equal(f->n_events, 2);
        assert_true(f->events[1].id > last);
        assert_int_equal(list(f, (struct fm_query){ 0 }, &r), 1);
        assert_int_equal(r[0].state.status & 1, 0);
        assert_int_equal(r[0].state.n_occurrences, 1);
}

static void what_is_not_in_the_catalogue_is_refused(void **state) {
        struct fixture *f = *state;
        struct sovd_fault_counters c;

        assert_int_equal(tell(f, "P9", FM_FAILED, NULL), SOVD_E_NOT_FOUND);
        assert_int_equal(fm_manager_report(f->m, "components/other", "P1", FM_FAILED, NULL, NULL), SOVD_E_NOT_FOUND);
        define(f, "components/hpc", "faults: [{code: P2, name: Two}]");
        assert_int_equal(tell(f, "P1", FM_FAILED, NULL), SOVD_E_NOT_FOUND);
        fm_manager_counters(f->m, &c);
        assert_int_equal(c.n_unknown, 3);
}

static void too_many_descriptors_are_refused(void **state) {
        struct fixture *f = *state;
        char entity[32];
        int r = 0;

        for (int i = 0; i < 30 && !r; i++) {
                struct fm_catalog c;
                const char *message;
                assert_int_equal(sovd_config_parse(&fm_schema_catalog, &c, "x", catalog, strlen(catalog), NULL, f->arena,
                                                   NULL, &message), 0);
                (void)snprintf(entity, sizeof(entity), "apps/a%d", i);
                r = fm_manager_define(f->m, entity, &c);
        }
        assert_int_equal(r, SOVD_E_OVERLOAD);
}

static void tests_that_never_failed_are_no_faults(void **state) {
        struct fixture *f = *state;
        struct fm_record *r;

        assert_int_equal(tell(f, "P1", FM_PASSED, NULL), 0);
        assert_int_equal(tell(f, "P3", FM_PREFAILED, NULL), 0);
        assert_int_equal(list(f, (struct fm_query){ 0 }, &r), 0);
        assert_int_equal(f->n_events, 0);
}

static void reports_are_not_judged_while_a_condition_is_off(void **state) {
        struct fixture *f = *state;
        struct sovd_fault_counters c;

        assert_int_equal(fm_manager_condition(f->m, "ignition", false), 0);
        assert_int_equal(tell(f, "P2", FM_FAILED, NULL), 0);
        assert_int_equal(f->n_events, 0);
        assert_int_equal(fm_manager_condition(f->m, "ignition", true), 0);
        assert_int_equal(tell(f, "P2", FM_FAILED, NULL), 0);
        assert_int_equal(f->n_events, 1);
        fm_manager_counters(f->m, &c);
        assert_int_equal(c.n_disabled, 1);
}

static void more_reports_than_allowed_are_counted_and_refused(void **state) {
        struct fixture *f = *state;
        struct sovd_fault_counters c;

        assert_int_equal(tell(f, "P4", FM_FAILED, NULL), 0);
        assert_int_equal(tell(f, "P4", FM_PASSED, NULL), 0);
        assert_int_equal(tell(f, "P4", FM_FAILED, NULL), SOVD_E_OVERLOAD);
        fm_manager_counters(f->m, &c);
        assert_int_equal(c.n_limited, 1);
        assert_int_equal(tell(f, "P1", FM_FAILED, NULL), 0);
}

static void a_cycle_ages_what_passed(void **state) {
        struct fixture *f = *state;
        struct fm_record *r;

        assert_int_equal(tell(f, "P1", FM_FAILED, NULL), 0);
        assert_int_equal(tell(f, "P1", FM_PASSED, NULL), 0);
        cycle(f, "power");
        assert_int_equal(tell(f, "P1", FM_PASSED, NULL), 0);
        cycle(f, "power");
        assert_true(f->events[f->n_events - 1].changed & FM_NOW_AGED);
        assert_int_equal(list(f, (struct fm_query){ .status_any = FM_CONFIRMED }, &r), 0);
}

static void filters_and_pages_choose(void **state) {
        struct fixture *f = *state;
        struct fm_record *r;

        assert_int_equal(tell(f, "P1", FM_FAILED, NULL), 0);
        assert_int_equal(tell(f, "P2", FM_FAILED, NULL), 0);
        assert_int_equal(tell(f, "P2", FM_PASSED, NULL), 0);
        define(f, "apps/nav", "faults: [{code: A1, name: App}]");
        assert_int_equal(fm_manager_report(f->m, "apps/nav", "A1", FM_FAILED, NULL, NULL), 0);
        assert_int_equal(tell(f, "P4", FM_FAILED, NULL), 0); /* behind it in the file */

        assert_int_equal(list(f, (struct fm_query){ 0 }, &r), 4);
        assert_int_equal(list(f, (struct fm_query){ .severity_below = 2 }, &r), 1);
        assert_string_equal(r[0].code, "P1");
        assert_int_equal(list(f, (struct fm_query){ .entity = "apps/nav" }, &r), 1);
        assert_int_equal(list(f, (struct fm_query){ .scope = "main" }, &r), 1);
        assert_int_equal(list(f, (struct fm_query){ .status_any = FM_TEST_FAILED }, &r), 3);
        assert_int_equal(list(f, (struct fm_query){ .from_usec = sovd_realtime_usec() + SOVD_USEC_PER_SEC }, &r), 0);

        struct fm_query page = { .max = 1 };
        char order[16] = "";
        for (int i = 0; i < 10 && list(f, page, &r); i++) {
                (void)snprintf(order + strlen(order), sizeof(order) - strlen(order), "%s", r[0].code);
                page.after_usec = r[0].last_usec;
                page.after_code = r[0].code;
                page.after_entity = r[0].entity;
        }
        assert_int_equal(strlen(order), 8);
        page = (struct fm_query){ .max = 2, .entity = "components/hpc" };
        assert_int_equal(list(f, page, &r), 2);
        page.after_usec = r[1].last_usec;
        page.after_code = r[1].code;
        assert_int_equal(list(f, page, &r), 1);
        assert_string_equal(r[0].code, "P1");
}

static const char *last_body(const struct fixture *f) {
        return f->events[f->n_events - 1].body;
}

static void an_event_says_what_came_last_and_how_the_fault_is_now(void **state) {
        struct fixture *f = *state;

        assert_int_equal(tell(f, "P1", FM_FAILED, NULL), 0);
        assert_non_null(strstr(last_body(f), "\"entity\":\"components/hpc\",\"change\":\"failed\",\"fault\":{\"code\":\"P1\","
                                             "\"fault_name\":\"One\",\"scope\":\"main\",\"severity\":1,\"status\":{"
                                             "\"aggregatedStatus\":\"active\",\"testFailed\":\"1\""));
        assert_string_equal(f->events[0].scope, "main");
        assert_int_equal(tell(f, "P1", FM_PASSED, NULL), 0);
        assert_non_null(strstr(last_body(f), "\"change\":\"passed\""));
        cycle(f, "power");
        assert_non_null(strstr(last_body(f), "\"change\":\"changed\""));
        assert_int_equal(tell(f, "P1", FM_PASSED, NULL), 0);
        cycle(f, "power");
        assert_non_null(strstr(last_body(f), "\"change\":\"aged\""));
        assert_int_equal(fm_manager_clear(f->m, "components/hpc", "P1", NULL), 0);
        assert_non_null(strstr(last_body(f), "\"change\":\"cleared\",\"fault\":{\"code\":\"P1\",\"fault_name\":\"One\""));
        assert_non_null(strstr(last_body(f), "\"aggregatedStatus\":\"passive\""));
        assert_string_equal(f->events[f->n_events - 1].scope, "main");
        assert_int_equal(fm_manager_clear(f->m, "components/hpc", NULL, "main"), 0);
        assert_non_null(strstr(last_body(f), "\"change\":\"cleared\",\"scope\":\"main\"}"));
        assert_int_equal(fm_manager_clear(f->m, "components/hpc", NULL, NULL), 0);
        assert_non_null(strstr(last_body(f), "\"change\":\"cleared\"}"));
}

static void what_is_told_is_what_is_stored_byte_for_byte(void **state) {
        struct fixture *f = *state;
        struct sovd_db_conn *conn;
        struct sovd_db_stmt *s;
        bool row;

        assert_int_equal(tell(f, "P1", FM_FAILED, NULL), 0);
        assert_int_equal(tell(f, "P2", FM_FAILED, NULL), 0);
        assert_int_equal(fm_manager_clear(f->m, "components/hpc", "P1", NULL), 0);
        assert_int_equal(sovd_db_read_begin(f->db, &conn), 0);
        assert_int_equal(sovd_db_prepare(conn, &s, "SELECT id, body, scope FROM fault_event ORDER BY id"), 0);
        for (size_t i = 0; i < f->n_events; i++) {
                assert_int_equal(sovd_db_step(s, &row), 0);
                assert_true(row);
                assert_int_equal(sovd_db_int(s, 0), f->events[i].id);
                assert_string_equal(sovd_db_text(s, 1), f->events[i].body);
                assert_string_equal(sovd_db_text(s, 2), f->events[i].scope);
        }
        assert_int_equal(f->n_events, 3);
        sovd_db_read_end(f->db, conn);
}

static void an_id_that_needs_it_is_encoded(void **state) {
        struct fixture *f = *state;

        define(f, "apps/my nav", "faults: [{code: A1, name: App}]");
        assert_int_equal(fm_manager_report(f->m, "apps/my nav", "A1", FM_FAILED, NULL, NULL), 0);
        assert_int_equal(tell(f, "P1", FM_FAILED, NULL), 0); /* behind it in the file */
        assert_non_null(strstr(f->events[0].body, "\"entity\":\"apps/my%20nav\""));
}

static void a_clear_is_durable_and_told(void **state) {
        struct fixture *f = *state;
        struct fm_record *r;

        assert_int_equal(tell(f, "P1", FM_FAILED, "{}"), 0);
        assert_int_equal(tell(f, "P2", FM_FAILED, NULL), 0);
        assert_int_equal(fm_manager_clear(f->m, "components/hpc", "P9", NULL), SOVD_E_NOT_FOUND);
        assert_int_equal(fm_manager_clear(f->m, "components/hpc", "P1", NULL), 0);
        assert_int_equal(list(f, (struct fm_query){ 0 }, &r), 1);
        assert_true(f->events[f->n_events - 1].changed & FM_CLEARED);
        assert_string_equal(f->events[f->n_events - 1].code, "P1");
        assert_int_equal(fm_manager_clear(f->m, "components/hpc", "P1", NULL), SOVD_E_NOT_FOUND);

        assert_int_equal(tell(f, "P1", FM_FAILED, NULL), 0); /* it still fails: a new first occurrence */
        assert_int_equal(list(f, (struct fm_query){ .code = "P1" }, &r), 1);
        assert_int_equal(r[0].state.n_occurrences, 1);
        assert_null(r[0].first_frame);
        assert_int_equal(fm_manager_clear(f->m, "components/hpc", NULL, "main"), 0);
        assert_int_equal(list(f, (struct fm_query){ 0 }, &r), 1);
        assert_int_equal(fm_manager_clear(f->m, "components/hpc", NULL, NULL), 0);
        assert_int_equal(list(f, (struct fm_query){ 0 }, &r), 0);
}

static uint64_t fake_usec = 1000 * SOVD_USEC_PER_SEC; /* atomic: the writer reads it too */

static uint64_t fake_now(void) {
        return __atomic_load_n(&fake_usec, __ATOMIC_RELAXED);
}

static void time_rules_come_true_with_the_clock(void **state) {
        static const struct sovd_clock clock = { fake_now, fake_now };
        struct fixture *f = *state;

        sovd_clock_replace(&clock);
        assert_int_equal(tell(f, "P5", FM_PREFAILED, "{\"n\":1}"), 0);
        assert_int_equal(tell(f, "P5", FM_PREFAILED, "{\"n\":2}"), 0);
        assert_int_equal(fm_manager_tick(f->m), fake_now() + 2 * SOVD_USEC_PER_SEC);
        assert_int_equal(f->n_events, 0);
        (void)__atomic_add_fetch(&fake_usec, 2 * SOVD_USEC_PER_SEC, __ATOMIC_RELAXED);
        assert_int_equal(fm_manager_tick(f->m), UINT64_MAX);
        close_all(f); /* writes what waits */
        assert_int_equal(f->n_events, 1);
        assert_true(f->events[0].changed & FM_NOW_FAILED);
        assert_string_equal(f->events[0].frame, "{\"n\":2}"); /* of the last report that it waited with */
        sovd_clock_replace(NULL);
        open_all(f);
}

static void a_full_disk_is_told_and_the_change_is_written_later(void **state) {
        struct fixture *f = *state;
        struct rlimit before, small;
        struct fm_record *r;
        char frame[60000];

        memset(frame, ' ', sizeof(frame) - 1);
        frame[0] = '{';
        frame[sizeof(frame) - 2] = '}';
        frame[sizeof(frame) - 1] = '\0';
        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        small = before;
        small.rlim_cur = 60000;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        assert_true(tell(f, "P1", FM_FAILED, frame) < 0);
        assert_int_equal(f->n_events, 0); /* nothing is told that is not durable */
        assert_int_equal(list(f, (struct fm_query){ 0 }, &r), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

        assert_true(fm_manager_tick(f->m) < UINT64_MAX);
        assert_int_equal(tell(f, "P2", FM_FAILED, NULL), 0);
        assert_int_equal(list(f, (struct fm_query){ 0 }, &r), 2);
        assert_int_equal(f->n_events, 2);
}

struct worker {
        struct fixture *f;
        char code[8];
};

static void *flap(void *data) {
        const struct worker *w = data;

        for (int i = 0; i < 200; i++)
                assert_int_equal(tell(w->f, w->code, i % 2 ? FM_PASSED : FM_FAILED, "{}"), 0);
        return NULL;
}

static void reports_of_many_threads_are_all_counted_and_in_order(void **state) {
        struct fixture *f = *state;
        struct worker workers[4];
        pthread_t threads[4];
        struct fm_record *r;

        define(f, "components/hpc", "faults: [{code: A, name: a, reports_per_sec: 0}, {code: B, name: b, reports_per_sec: 0},"
                                    " {code: C, name: c, reports_per_sec: 0}, {code: D, name: d, reports_per_sec: 0}]");
        for (int i = 0; i < 4; i++) {
                workers[i] = (struct worker){ f, { (char)('A' + i) } };
                assert_int_equal(pthread_create(&threads[i], NULL, flap, &workers[i]), 0);
        }
        for (int i = 0; i < 4; i++)
                (void)pthread_join(threads[i], NULL);
        assert_int_equal(list(f, (struct fm_query){ 0 }, &r), 4);
        for (int i = 0; i < 4; i++) {
                assert_int_equal(r[i].state.n_occurrences, 100);
                assert_int_equal(r[i].state.status & FM_TEST_FAILED, 0);
        }
        for (size_t i = 1; i < f->n_events; i++)
                assert_true(f->events[i].id > f->events[i - 1].id);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                T(a_report_is_stored_and_told_with_its_environment),
                T(the_first_and_the_last_occurrence_keep_their_environment),
                T(a_restart_goes_on_where_it_was),
                T(what_is_not_in_the_catalogue_is_refused),
                T(too_many_descriptors_are_refused),
                T(tests_that_never_failed_are_no_faults),
                T(reports_are_not_judged_while_a_condition_is_off),
                T(more_reports_than_allowed_are_counted_and_refused),
                T(a_cycle_ages_what_passed),
                T(filters_and_pages_choose),
                T(an_event_says_what_came_last_and_how_the_fault_is_now),
                T(what_is_told_is_what_is_stored_byte_for_byte),
                T(an_id_that_needs_it_is_encoded),
                T(a_clear_is_durable_and_told),
                T(time_rules_come_true_with_the_clock),
                T(a_full_disk_is_told_and_the_change_is_written_later),
                T(reports_of_many_threads_are_all_counted_and_in_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
