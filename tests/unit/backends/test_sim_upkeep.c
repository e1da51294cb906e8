/* SPDX-License-Identifier: Apache-2.0 */
/* Logs, clear-data and status of the simulation, under a clock that the test moves. */
#include "tests/unit/backends/sim_support.h"

#define ECU                                                                                                  \
        "    data:\n"                                                                                        \
        "      - { id: ramp, type: integer, value: 0, behaviour: ramp, amplitude: 1000, period_secs: 1000 "  \
        "}\n"                                                                                                \
        "      - { id: set, category: storedData, type: integer, value: 1, writable: true }\n"               \
        "      - { id: live, type: integer, value: 1, writable: true }\n"                                    \
        "    modes: [{ id: session, values: [default, extended] }]\n"                                        \
        "    operations: [{ id: run, asynchronous: true, duration_secs: 5 }]\n"                              \
        "    faults: [{ code: F, name: Fault, severity: 1, appears_after_secs: 7, heals_after_secs: 2 }]\n"  \
        "    logs: { keep: 5, contexts: [{ id: a }], messages: [{ text: \"at {ramp}{set}\", period_secs: 2 " \
        "}] }\n"                                                                                             \
        "    clear_data: { learned: { duration_secs: 4, resets: [set] } }\n"                                 \
        "    status: { restart_secs: 3, supports: [start, restart, force-restart, shutdown] }\n"

/* The texts of the log, with a '|' behind each. */
static const char *log_of(struct fixture *f, int least) {
        struct sovd_log_list list = { 0 };
        const char *all = "";

        assert_int_equal(f->backend->ops->log_entries(&f->call, &f->ecu, least, &list), 0);
        const struct sovd_log_entry *entries = list.items.items;
        for (size_t i = 0; i < list.items.n; i++)
                all = sovd_arena_printf(f->arena, "%s%s|", all, entries[i].msg);
        return all;
}

static int control(struct fixture *f, enum sovd_status_action action) {
        f->call.failure = (struct sovd_failure){ 0 };
        return f->backend->ops->status_control(&f->call, &f->ecu, action, NULL);
}

static bool is_ready(struct fixture *f) {
        struct sovd_entity_status status = { 0 };

        assert_int_equal(f->backend->ops->status_read(&f->call, &f->ecu, &status), 0);
        return status.status == SOVD_READY;
}

static int clear(struct fixture *f) {
        f->call.failure = (struct sovd_failure){ 0 };
        return f->backend->ops->clear_data_start(&f->call, &f->ecu, SOVD_CLEAR_LEARNED_DATA);
}

static struct sovd_clear_status clear_state(struct fixture *f) {
        struct sovd_clear_status status = { 0 };

        assert_int_equal(f->backend->ops->clear_data_status(&f->call, &f->ecu, &status), 0);
        return status;
}

static void messages_are_written_when_their_time_comes_with_the_values_of_it(void **state) {
        struct fixture *f = *state;

        simulate(f, ECU);
        assert_string_equal(log_of(f, 0), "at 01|");
        at(3.9);
        assert_string_equal(log_of(f, 0), "at 01|at 21|");
        assert_int_equal(write_data(f, "set", "5"), 0);
        at(4);
        assert_string_equal(log_of(f, 0), "at 01|at 21|data 'set' was written: 5|at 45|");
}

static void faults_come_into_the_log_at_their_own_time(void **state) {
        struct sovd_log_list list = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, ECU);

        at(10);
        assert_string_equal(log_of(f, SOVD_SEVERITY_FATAL), "fault F appeared: Fault|");
        assert_int_equal(ops->log_entries(&f->call, &f->ecu, SOVD_SEVERITY_FATAL, &list), 0);
        const struct sovd_log_entry *entry = list.items.items;
        assert_string_equal(entry->timestamp, "2026-01-01T00:00:07.000Z");
        assert_string_equal(log_of(f, 0),
                            "at 61|fault F appeared: Fault|at 81|fault F is not active any more: Fault|"
                            "at 101|");
}

static void only_the_newest_are_kept_however_long_nobody_asks(void **state) {
        struct fixture *f = *state;

        simulate(f, ECU);
        at(900);
        assert_string_equal(log_of(f, 0), "at 8921|at 8941|at 8961|at 8981|at 9001|");
}

static void a_severity_that_is_configured_holds_from_then_on(void **state) {
        struct sovd_log_context context = { .type = SOVD_CONTEXT_RFC5424 };
        struct sovd_log_configuration item = { &context, SOVD_SEVERITY_ERROR };
        const struct sovd_log_config config = { .contexts = { .items = &item, .n = 1, .set = true } };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, ECU);

        at(1);
        assert_int_equal(ops->log_config_reset(&f->call, &f->ecu), SOVD_E_NOT_FOUND);
        assert_int_equal(ops->log_config_write(&f->call, &f->ecu, &config), 0);
        at(5);
        assert_string_equal(log_of(f, 0), "at 01|");
        assert_int_equal(ops->log_config_reset(&f->call, &f->ecu), 0);
        at(6);
        assert_string_equal(log_of(f, 0), "at 01|at 61|");
        context.type = SOVD_CONTEXT_AUTOSAR_DLT;
        assert_int_equal(ops->log_config_write(&f->call, &f->ecu, &config), SOVD_E_BAD_VALUE);
        assert_string_equal(f->call.failure.path, "/items/0/context");
}

static void an_entry_can_be_appended(void **state) {
        const struct sovd_log_entry entry = { .severity = SOVD_SEVERITY_WARN, .msg = "from outside" };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, ECU);

        at(1);
        assert_int_equal(ops->log_append(&f->call, &f->ecu, &entry), 0);
        assert_string_equal(log_of(f, SOVD_SEVERITY_WARN), "from outside|");
}

static void a_long_text_is_cut_between_characters(void **state) {
        struct fixture *f = *state;

        simulate(f, "    data: [{ id: s, type: string, value: x, writable: true }]\n"
                    "    logs: { contexts: [{ id: a }] }\n");
        for (int pad = 0; pad < 4; pad++) {
                const char *text = sovd_arena_printf(f->arena, "\"%.*s", pad, "aaaa");
                for (int i = 0; i < 400; i++)
                        text = sovd_arena_printf(f->arena, "%s\xe2\x82\xac", text);
                assert_int_equal(write_data(f, "s", sovd_arena_printf(f->arena, "%s\"", text)), 0);
                const char *log = log_of(f, 0);
                assert_true(sovd_utf8_is_valid(log, strlen(log)));
                assert_true(strlen(log) > 1000);
        }
}

static void clearing_brings_values_back_when_it_ends(void **state) {
        struct fixture *f = *state;

        simulate(f, ECU);
        assert_int_equal(clear_state(f).status, SOVD_CLEAR_NOT_REQUESTED);
        assert_int_equal(write_data(f, "set", "5"), 0);
        assert_int_equal(clear(f), 0);
        assert_int_equal(clear(f), SOVD_E_CONFLICT);
        at(1);
        assert_int_equal(clear_state(f).status, SOVD_CLEAR_RUNNING);
        assert_int_equal(clear_state(f).progress.value, 25);
        assert_string_equal(value_of(f, "set"), "5");
        at(4);
        assert_int_equal(clear_state(f).status, SOVD_CLEAR_COMPLETED);
        assert_string_equal(clear_state(f).last_started, "2026-01-01T00:00:00.000Z");
        assert_string_equal(value_of(f, "set"), "1");
        assert_int_equal(f->backend->ops->clear_data_start(&f->call, &f->ecu, SOVD_CLEAR_CACHED_DATA),
                         SOVD_E_NOT_FOUND);
}

static void a_restart_loses_what_is_volatile(void **state) {
        struct fixture *f = *state;
        struct sovd_data_value value = { 0 };

        simulate(f, ECU);
        at(1);
        assert_int_equal(write_data(f, "set", "5"), 0);
        assert_int_equal(write_data(f, "live", "5"), 0);
        assert_int_equal(control(f, SOVD_STATUS_RESTART), 0);
        assert_false(is_ready(f));
        assert_int_equal(f->backend->ops->data_read(&f->call, &f->ecu, "set", &value), SOVD_E_UNAVAILABLE);
        assert_int_equal(f->call.failure.retry_after_sec, 3);
        at(3.9);
        assert_int_equal(control(f, SOVD_STATUS_RESTART), SOVD_E_CONFLICT);
        at(4);
        assert_true(is_ready(f));
        assert_string_equal(value_of(f, "set"), "5");
        assert_string_equal(value_of(f, "live"), "1");
        assert_string_equal(log_of(f, 0),
                            "data 'set' was written: 5|data 'live' was written: 5|'ecu' restarts|"
                            "'ecu' is ready|at 45|");
}

static void what_runs_is_lost_by_force_only(void **state) {
        struct sovd_execution_started started = { 0 };
        struct sovd_execution execution = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, ECU);

        assert_int_equal(ops->execution_start(&f->call, &f->ecu, "run", NULL, &started), 0);
        assert_int_equal(clear(f), 0);
        assert_int_equal(control(f, SOVD_STATUS_RESTART), SOVD_E_CONFLICT);
        assert_int_equal(control(f, SOVD_STATUS_FORCE_SHUTDOWN), SOVD_E_NOT_FOUND);
        at(2);
        assert_int_equal(control(f, SOVD_STATUS_FORCE_RESTART), 0);
        at(5);
        assert_int_equal(ops->execution_read(&f->call, &f->ecu, "run", started.id, &execution), 0);
        assert_int_equal(execution.status, SOVD_EXECUTION_FAILED);
        assert_int_equal(clear_state(f).status, SOVD_CLEAR_FAILED);
}

static void what_is_off_writes_no_log_and_stays_off(void **state) {
        struct fixture *f = *state;

        simulate(f, ECU);
        at(1);
        assert_int_equal(control(f, SOVD_STATUS_SHUTDOWN), 0);
        at(100);
        assert_false(is_ready(f));
        assert_int_equal(control(f, SOVD_STATUS_SHUTDOWN), SOVD_E_CONFLICT);
        assert_int_equal(control(f, SOVD_STATUS_START), 0);
        assert_int_equal(control(f, SOVD_STATUS_START), SOVD_E_CONFLICT);
        at(103);
        assert_true(is_ready(f));
        assert_string_equal(log_of(f, 0), "at 01|'ecu' shuts down|'ecu' is ready|at 1031|");
}

static void scenarios_that_make_no_sense_are_refused_with_their_place(void **state) {
        static const struct {
                const char *keys, *why;
        } rows[] = {
                { "    logs: { contexts: [] }\n", "must have 1 to" },
                { "    logs: { contexts: [{ id: a }, { id: a }] }\n", "there already" },
                { "    logs: { contexts: [{ id: a, session: s }] }\n", "no keys of the other type" },
                { "    logs: { contexts: [{ id: a }], messages: [{ text: x, context: b }] }\n",
                  "no log context 'b'" },
                { "    logs: { contexts: [{ id: a }], messages: [{ text: \"{x}\" }] }\n", "no data" },
                { "    logs: { contexts: [{ id: a }], messages: [{ text: x, period_secs: 0.01 }] }\n",
                  "at least" },
                { "    clear_data: {}\n", "needs cached" },
                { "    clear_data: { cached: { resets: [x] } }\n", "no data 'x'" },
                { "    status: { supports: [reboot] }\n", "'reboot' is none of" },
                { "    status: { needs: [{ value: 1 }] }\n", "either data or a mode" },
                { "    status: { needs: [{ mode: x, value: y }] }\n", "no mode 'x'" },
                { "    status: { needs: [{ entity: components/ecu, data: x, value: 1 }] }\n",
                  "no key 'entity'" },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                const char *message = NULL;
                const char *text = sovd_arena_printf(f->arena, "components:\n  - id: ecu\n%s", rows[i].keys);
                int r = sovd_sim_backend_parse(&f->backend, "sim", "test.yaml", text, strlen(text), f->arena,
                                               &message);
                assert_int_equal(r, SOVD_E_BAD_REQUEST);
                if (!strstr(message, rows[i].why) || !strstr(message, "test.yaml:3:"))
                        fail_msg("%s", message);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SIM_TEST(messages_are_written_when_their_time_comes_with_the_values_of_it),
                SIM_TEST(faults_come_into_the_log_at_their_own_time),
                SIM_TEST(only_the_newest_are_kept_however_long_nobody_asks),
                SIM_TEST(a_severity_that_is_configured_holds_from_then_on),
                SIM_TEST(an_entry_can_be_appended),
                SIM_TEST(a_long_text_is_cut_between_characters),
                SIM_TEST(clearing_brings_values_back_when_it_ends),
                SIM_TEST(a_restart_loses_what_is_volatile),
                SIM_TEST(what_runs_is_lost_by_force_only),
                SIM_TEST(what_is_off_writes_no_log_and_stays_off),
                SIM_TEST(scenarios_that_make_no_sense_are_refused_with_their_place),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
