/* SPDX-License-Identifier: Apache-2.0 */
/* libsovd-app without a gateway: what it takes, what it refuses, and what it keeps. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "backends/native/app/sovd_app.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int set_up(void **state) {
        const struct sovd_app_options options = {
                .socket = "/nonexistent/socket", .entity = "apps/a", .reports_max = 4, .logs_max = 2
        };
        struct sovd_app *app;

        assert_int_equal(sovd_app_new(&app, &options), 0);
        *state = app;
        return 0;
}

static int tear_down(void **state) {
        assert_null(sovd_app_free(*state, 0, NULL));
        return 0;
}

static struct sovd_app_status status_of(struct sovd_app *app) {
        struct sovd_app_status status;

        sovd_app_status(app, &status);
        return status;
}

static void read_nothing(const char *id, struct sovd_app_answer *answer, void *data) {
}

static void write_nothing(const char *id, const char *json, struct sovd_app_answer *answer, void *data) {
}

static void start_nothing(const char *operation, const char *exec, const char *parameters,
                          unsigned timeout_secs, struct sovd_app_answer *answer, void *data) {
}

static void bad_options_are_refused(void **state) {
        static const struct sovd_app_options bad[] = {
                { .entity = NULL },
                { .entity = "" },
                { .entity = "apps/\xff" },
                { .entity = "apps/a", .reports_max = 65537 },
                { .entity = "apps/a", .retry_max_ms = 9 },
        };
        struct sovd_app *app = NULL;

        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                assert_int_equal(sovd_app_new(&app, &bad[i]), -EINVAL);
        assert_int_equal(sovd_app_new(&app, NULL), -EINVAL);
        assert_null(app);
        assert_null(sovd_app_free(NULL, 0, NULL));
}

static void a_buffer_that_is_full_says_so_and_keeps_what_it_has(void **state) {
        struct sovd_app *app = *state;
        static const char *const codes[] = { "A", "B", "C", "D" };
        size_t lost;

        for (size_t i = 0; i < 4; i++)
                assert_int_equal(sovd_app_fault(app, codes[i], SOVD_APP_FAILED, NULL), 0);
        assert_int_equal(sovd_app_fault(app, "E", SOVD_APP_FAILED, NULL), -ENOSPC);
        assert_int_equal(status_of(app).reports_waiting, 4);
        assert_int_equal(status_of(app).reports_taken, 4);
        assert_int_equal(status_of(app).reports_full, 1);
        assert_null(sovd_app_free(app, 0, &lost));
        assert_int_equal(lost, 4);
        assert_int_equal(set_up(state), 0); /* for the tear-down */
}

static void equal_reports_that_wait_are_one(void **state) {
        struct sovd_app *app = *state;

        for (int i = 0; i < 100; i++)
                assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_FAILED, "{\"i\":1}"), 0);
        assert_int_equal(status_of(app).reports_waiting, 1);
        assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_PASSED, NULL), 0);
        assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_FAILED, NULL), 0);
        assert_int_equal(status_of(app).reports_waiting, 3); /* an occurrence more is not lost */
}

static void a_cycle_divides_what_would_be_one(void **state) {
        struct sovd_app *app = *state;

        assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_FAILED, NULL), 0);
        assert_int_equal(sovd_app_cycle(app, "power"), 0);
        assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_FAILED, NULL), 0);
        assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_FAILED, NULL), 0);
        assert_int_equal(status_of(app).reports_waiting, 3);
        assert_int_equal(sovd_app_cycle(app, "power"), 0);
        assert_int_equal(sovd_app_cycle(app, "power"), -ENOSPC);
        assert_int_equal(status_of(app).reports_full, 1);
        assert_int_equal(status_of(app).reports_taken, 5);
        assert_int_equal(sovd_app_cycle(app, ""), -EINVAL);
        assert_int_equal(sovd_app_cycle(app, NULL), -EINVAL);
}

static void conditions_take_a_place_when_something_was_reported_between(void **state) {
        struct sovd_app *app = *state;

        assert_int_equal(sovd_app_condition(app, "a", true), 0);
        assert_int_equal(status_of(app).reports_waiting, 0);
        assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_FAILED, NULL), 0);
        for (int i = 0; i < 100; i++) {
                assert_int_equal(sovd_app_condition(app, "a", i % 2), 0);
                assert_int_equal(sovd_app_condition(app, "b", i % 2), 0);
        }
        assert_int_equal(status_of(app).reports_waiting, 3);
        assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_FAILED, NULL), 0); /* under other conditions: not the same */
        assert_int_equal(status_of(app).reports_waiting, 4);
        assert_int_equal(sovd_app_condition(app, "a", false), -ENOSPC);
        assert_int_equal(status_of(app).reports_full, 1);
        assert_int_equal(status_of(app).reports_taken, 2);
}

/* As many as fit, over as many faults as there can be; what does not fit is told, and what was refused can come again. */
static void as_many_faults_as_a_catalogue_can_have(void **state) {
        const struct sovd_app_options options = { .socket = "/nonexistent/socket",
                                                  .entity = "apps/a",
                                                  .reports_max = 65536 };
        struct sovd_app *app = NULL;
        char code[16];
        size_t lost;

        assert_int_equal(sovd_app_new(&app, &options), 0);
        for (int i = 0; i < 60000; i++) {
                (void)snprintf(code, sizeof(code), "F%d", i % 10000);
                assert_int_equal(
                        sovd_app_fault(app, code, i / 10000 % 2 ? SOVD_APP_PASSED : SOVD_APP_FAILED, NULL),
                        0);
        }
        assert_int_equal(status_of(app).reports_waiting, 60000);
        assert_int_equal(sovd_app_fault(app, "ONE_MORE", SOVD_APP_FAILED, NULL), -ENOSPC);
        assert_int_equal(sovd_app_debounce(app, "ONE_MORE", 1, 1), -ENOSPC);
        assert_int_equal(sovd_app_fault(app, "F0", SOVD_APP_PREFAILED, NULL), 0);
        assert_null(sovd_app_free(app, 0, &lost));
        assert_int_equal(lost, 60001);
}

static void each_prefailed_counts(void **state) {
        struct sovd_app *app = *state;

        for (int i = 0; i < 3; i++)
                assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_PREFAILED, NULL), 0);
        assert_int_equal(status_of(app).reports_waiting, 3);
}

static void a_rule_lets_a_fault_through_when_it_is_reached(void **state) {
        struct sovd_app *app = *state;

        assert_int_equal(sovd_app_debounce(app, "A", 3, 2), 0);
        assert_int_equal(sovd_app_debounce(app, "A", 3, 2), -EEXIST);
        for (int i = 0; i < 2; i++)
                assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_FAILED, NULL), 0);
        assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_PASSED, NULL), 0); /* starts the count anew */
        for (int i = 0; i < 2; i++)
                assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_FAILED, NULL), 0);
        assert_int_equal(status_of(app).reports_waiting, 0);
        for (int i = 0; i < 5; i++)
                assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_FAILED, NULL), 0);
        assert_int_equal(status_of(app).reports_waiting, 1);
        for (int i = 0; i < 5; i++)
                assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_PASSED, NULL), 0);
        assert_int_equal(status_of(app).reports_waiting, 2);
}

static void what_a_gateway_could_not_read_is_refused_here(void **state) {
        struct sovd_app *app = *state;
        static const char *const bad[] = {
                "", "{", "[]", "1", "{} {}", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}", "nonsense"
        };
        static char deep[200], wide[20000];

        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_FAILED, bad[i]), -EINVAL);
        memset(deep, '[', 60);
        memset(deep + 60, ']', 60);
        assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_FAILED, deep), -EINVAL);
        (void)snprintf(wide, sizeof(wide), "{\"a\":\"%017000d\"}", 0);
        assert_int_equal(sovd_app_fault(app, "A", SOVD_APP_FAILED, wide), -EINVAL);
        assert_int_equal(sovd_app_fault(app, "", SOVD_APP_FAILED, NULL), -EINVAL);
        assert_int_equal(sovd_app_fault(app, "A", (enum sovd_app_report)4, NULL), -EINVAL);
        assert_int_equal(status_of(app).reports_waiting, 0);
}

static void things_are_added_once_and_before_it_is_ready(void **state) {
        struct sovd_app *app = *state;
        const struct sovd_app_data data = { .id = "d", .name = "D" },
                                   read = { .id = "r", .name = "R", .read = read_nothing },
                                   nameless = { .id = "x" };
        const struct sovd_app_operation operation = { .id = "o", .name = "O", .start = start_nothing },
                                        idle = { .id = "i", .name = "I" };
        const struct sovd_app_setting mode = { .id = "m",
                                               .name = "M",
                                               .read = read_nothing,
                                               .write = write_nothing },
                                      blind = { .id = "b", .name = "B", .read = read_nothing };

        assert_int_equal(sovd_app_add_data(app, &data), 0);
        assert_int_equal(sovd_app_add_data(app, &data), -EEXIST);
        assert_int_equal(sovd_app_add_data(app, &read), 0);
        assert_int_equal(sovd_app_add_data(app, &nameless), -EINVAL);
        assert_int_equal(sovd_app_add_operation(app, &operation), 0);
        assert_int_equal(sovd_app_add_operation(app, &idle), -EINVAL);
        assert_int_equal(sovd_app_add_mode(app, &mode), 0);
        assert_int_equal(sovd_app_add_configuration(app, &mode), 0);
        assert_int_equal(sovd_app_add_mode(app, &blind), -EINVAL);
        assert_int_equal(sovd_app_set_faults(app, "{\"faults\":[]}"), 0);
        assert_int_equal(sovd_app_set_faults(app, "{\"faults\":["), -EINVAL);
        assert_int_equal(sovd_app_publish(app, "d", "1"), 0);
        assert_int_equal(sovd_app_publish(app, "r", "1"), -ENOENT);
        assert_int_equal(sovd_app_publish(app, "nothing", "1"), -ENOENT);
        assert_int_equal(sovd_app_publish(app, "d", "null"), -EINVAL);
        assert_int_equal(sovd_app_ready(app), 0);
        assert_int_equal(sovd_app_ready(app), -EALREADY);
        assert_int_equal(sovd_app_add_operation(app, &operation), -EBUSY);
        assert_int_equal(sovd_app_set_faults(app, "{\"faults\":[]}"), -EBUSY);
}

static void lines_and_conditions_have_a_limit(void **state) {
        struct sovd_app *app = *state;
        char name[16];

        assert_int_equal(sovd_app_log(app, SOVD_APP_INFO, "one"), 0);
        assert_int_equal(sovd_app_log(app, SOVD_APP_INFO, "two"), 0);
        assert_int_equal(sovd_app_log(app, SOVD_APP_INFO, "three"), -ENOSPC);
        assert_int_equal(status_of(app).logs_lost, 1);
        assert_int_equal(sovd_app_log(app, SOVD_APP_INFO, ""), -EINVAL);
        for (int i = 0; i < 64; i++) {
                (void)snprintf(name, sizeof(name), "c%d", i);
                assert_int_equal(sovd_app_condition(app, name, true), 0);
        }
        assert_int_equal(sovd_app_condition(app, "more", true), -ENOSPC);
        assert_int_equal(sovd_app_condition(app, "c0", false), 0);
}

static void contexts_say_what_is_wanted(void **state) {
        struct sovd_app *app = *state;
        const struct sovd_app_log_context main_ = { .id = "main" }, loud = { .id = "l", .severity = "loud" },
                                          chatty = { .id = "chatty", .severity = "debug" },
                                          none = { .id = NULL };

        assert_int_equal(sovd_app_add_log(app, &main_), 0);
        assert_int_equal(sovd_app_add_log(app, &main_), -EEXIST);
        assert_int_equal(sovd_app_add_log(app, &chatty), 0);
        assert_int_equal(sovd_app_add_log(app, &loud), -EINVAL);
        assert_int_equal(sovd_app_add_log(app, &none), -EINVAL);
        assert_int_equal(sovd_app_log(app, SOVD_APP_DEBUG, "nobody wants it"), 0);
        assert_int_equal(status_of(app).logs_waiting, 0);
        assert_int_equal(status_of(app).logs_not_wanted, 1);
        assert_int_equal(sovd_app_log_to(app, "chatty", SOVD_APP_DEBUG, "wanted"), 0);
        assert_int_equal(sovd_app_log_to(app, "other", SOVD_APP_FATAL, "x"), -ENOENT);
        assert_int_equal(sovd_app_log_to(app, NULL, SOVD_APP_FATAL, "x"), -EINVAL);
        assert_int_equal(status_of(app).logs_waiting, 1);
}

static void schemas_have_to_be_objects(void **state) {
        struct sovd_app *app = *state;
        const struct sovd_app_data good = { .id = "d", .name = "D", .schema = "{\"type\":\"integer\"}" },
                                   bad = { .id = "e", .name = "E", .schema = "integer" };
        const struct sovd_app_operation operation = {
                .id = "o", .name = "O", .start = start_nothing, .parameters = "[]"
        };
        const struct sovd_app_setting setting = {
                .id = "c", .name = "C", .read = read_nothing, .write = write_nothing, .schema = "{"
        };

        assert_int_equal(sovd_app_add_data(app, &good), 0);
        assert_int_equal(sovd_app_add_data(app, &bad), -EINVAL);
        assert_int_equal(sovd_app_add_operation(app, &operation), -EINVAL);
        assert_int_equal(sovd_app_add_configuration(app, &setting), -EINVAL);
}

static void an_execution_that_nobody_started_is_not_wanted(void **state) {
        struct sovd_app *app = *state;

        assert_false(sovd_app_exec_is_wanted(app, "x"));
        assert_int_equal(sovd_app_exec_progress(app, "x", 1), -ENOENT);
        assert_int_equal(sovd_app_exec_progress(app, "x", 101), -EINVAL);
        assert_int_equal(sovd_app_exec_end(app, "x", NULL, NULL), -ENOENT);
        assert_int_equal(sovd_app_exec_end(app, "x", "[]", NULL), -EINVAL);
}

static void *report_much(void *data) {
        for (int i = 0; i < 1000; i++) {
                int r = sovd_app_fault(data, i % 2 ? "A" : "B", i % 3 ? SOVD_APP_FAILED : SOVD_APP_PASSED,
                                       "{}");
                if (r && r != -ENOSPC)
                        return data;
                (void)sovd_app_log(data, SOVD_APP_DEBUG, "line");
                (void)sovd_app_condition(data, "c", i % 2);
        }
        return NULL;
}

static void many_threads_may_report_at_once(void **state) {
        struct sovd_app *app = *state;
        pthread_t threads[4];
        void *failed;

        assert_int_equal(sovd_app_ready(app), 0);
        for (size_t i = 0; i < 4; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, report_much, app), 0);
        for (size_t i = 0; i < 4; i++) {
                assert_int_equal(pthread_join(threads[i], &failed), 0);
                assert_null(failed);
        }
        assert_in_range(status_of(app).reports_waiting, 1, 4);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bad_options_are_refused),
                cmocka_unit_test_setup_teardown(a_buffer_that_is_full_says_so_and_keeps_what_it_has, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(equal_reports_that_wait_are_one, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_cycle_divides_what_would_be_one, set_up, tear_down),
                cmocka_unit_test(as_many_faults_as_a_catalogue_can_have),
                cmocka_unit_test_setup_teardown(each_prefailed_counts, set_up, tear_down),
                cmocka_unit_test_setup_teardown(contexts_say_what_is_wanted, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_rule_lets_a_fault_through_when_it_is_reached, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(what_a_gateway_could_not_read_is_refused_here, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(things_are_added_once_and_before_it_is_ready, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(schemas_have_to_be_objects, set_up, tear_down),
                cmocka_unit_test_setup_teardown(lines_and_conditions_have_a_limit, set_up, tear_down),
                cmocka_unit_test_setup_teardown(conditions_take_a_place_when_something_was_reported_between, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(an_execution_that_nobody_started_is_not_wanted, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(many_threads_may_report_at_once, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
