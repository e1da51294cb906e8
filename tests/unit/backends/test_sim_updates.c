/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/backends/sim_support.h"

#define VEHICLE                                                                                              \
        "    data: [{ id: software-version, category: identData, type: string, value: \"1\" }]\n"            \
        "    modes: [{ id: session, values: [default, programming] }]\n"                                     \
        "    status: { restart_secs: 2, supports: [force-restart] }\n"                                       \
        "  - id: other\n"                                                                                    \
        "    data: [{ id: software-version, category: identData, type: string, value: \"1\" }]\n"            \
        "updates:\n"                                                                                         \
        "  - { id: both, version: \"2\", automated: true, prepare_secs: 10, execute_secs: 20,\n"             \
        "      components: [{ component: ecu }, { component: other, version: \"2.1\" }] }\n"                 \
        "  - { id: fails, version: \"3\", prepare_secs: 10, fails_in: prepare, fails_at: 30, fails_times: "  \
        "2,\n"                                                                                               \
        "      components: [{ component: ecu }], error: broken }\n"                                          \
        "  - { id: needy, version: \"4\", automated: true, prepare_secs: 1, components: [{ component: "      \
        "other }],\n"                                                                                        \
        "      needs: [{ entity: components/ecu, mode: session, value: programming }] }\n"

static int control(struct fixture *f, const char *id, enum sovd_update_action action) {
        f->call.failure = (struct sovd_failure){ 0 };
        return f->backend->ops->update_control(&f->call, f->backend, id, action);
}

static struct sovd_update_status status_of(struct fixture *f, const char *id) {
        struct sovd_update_status status = { 0 };

        assert_int_equal(f->backend->ops->update_status(&f->call, f->backend, id, &status), 0);
        return status;
}

static void is(struct fixture *f, const char *id, int phase, int state, int64_t progress) {
        const struct sovd_update_status status = status_of(f, id);

        assert_int_equal(status.phase, phase);
        assert_int_equal(status.status, state);
        assert_int_equal(status.progress.value, progress);
}

static void an_update_goes_through_its_phases(void **state) {
        struct fixture *f = *state;

        simulate(f, VEHICLE);
        is(f, "both", SOVD_UPDATE_PREPARE, SOVD_UPDATE_PENDING, 0);
        assert_int_equal(control(f, "both", SOVD_UPDATE_DO_EXECUTE), SOVD_E_CONFLICT);
        assert_int_equal(control(f, "both", SOVD_UPDATE_DO_PREPARE), 0);
        at(5);
        is(f, "both", SOVD_UPDATE_PREPARE, SOVD_UPDATE_IN_PROGRESS, 50);
        at(10);
        is(f, "both", SOVD_UPDATE_PREPARE, SOVD_UPDATE_COMPLETED, 100);
        at(100);
        assert_int_equal(control(f, "both", SOVD_UPDATE_DO_EXECUTE), 0);
        at(109);
        assert_string_equal(value_of(f, "software-version"), "\"1\"");
        at(115);
        is(f, "both", SOVD_UPDATE_EXECUTE, SOVD_UPDATE_IN_PROGRESS, 75);
        const struct sovd_update_status status = status_of(f, "both");
        const struct sovd_update_part *parts = status.subprogress.items;
        assert_int_equal(parts[0].status, SOVD_UPDATE_COMPLETED);
        assert_int_equal(parts[1].status, SOVD_UPDATE_IN_PROGRESS);
        assert_int_equal(parts[1].progress.value, 50);
        assert_string_equal(value_of(f, "software-version"), "\"2\"");
        f->ecu.id = "other";
        assert_string_equal(value_of(f, "software-version"), "\"1\"");
        at(120);
        is(f, "both", SOVD_UPDATE_EXECUTE, SOVD_UPDATE_COMPLETED, 100);
        assert_string_equal(value_of(f, "software-version"), "\"2.1\"");
}

/* Nobody asks in between: the component restarted at the half of the execution. */
static void what_nobody_watched_happened_all_the_same(void **state) {
        struct sovd_entity_status status = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, VEHICLE);

        assert_int_equal(control(f, "both", SOVD_UPDATE_DO_AUTOMATED), 0);
        at(21.9);
        assert_int_equal(ops->status_read(&f->call, &f->ecu, &status), 0);
        assert_int_equal(status.status, SOVD_NOT_READY);
        at(1000);
        is(f, "both", SOVD_UPDATE_EXECUTE, SOVD_UPDATE_COMPLETED, 100);
        assert_string_equal(value_of(f, "software-version"), "\"2\"");
        assert_int_equal(control(f, "both", SOVD_UPDATE_DO_PREPARE), SOVD_E_CONFLICT);
}

static void a_failure_may_be_tried_again(void **state) {
        struct fixture *f = *state;

        simulate(f, VEHICLE);
        for (int i = 0; i < 2; i++) {
                at(100 * i);
                assert_int_equal(control(f, "fails", SOVD_UPDATE_DO_PREPARE), 0);
                at(100 * i + 2.9);
                is(f, "fails", SOVD_UPDATE_PREPARE, SOVD_UPDATE_IN_PROGRESS, 29);
                at(100 * i + 3);
                is(f, "fails", SOVD_UPDATE_PREPARE, SOVD_UPDATE_FAILED, 30);
                assert_string_equal(status_of(f, "fails").error->message, "broken");
        }
        assert_int_equal(control(f, "fails", SOVD_UPDATE_DO_PREPARE), 0);
        at(200);
        is(f, "fails", SOVD_UPDATE_PREPARE, SOVD_UPDATE_COMPLETED, 100);
}

static void one_runs_at_a_time(void **state) {
        struct fixture *f = *state;

        simulate(f, VEHICLE);
        assert_int_equal(control(f, "both", SOVD_UPDATE_DO_AUTOMATED), 0);
        assert_int_equal(control(f, "fails", SOVD_UPDATE_DO_PREPARE), SOVD_E_UPDATE_PREPARING);
        assert_int_equal(control(f, "fails", SOVD_UPDATE_DO_AUTOMATED), SOVD_E_UPDATE_AUTOMATED);
        assert_int_equal(f->backend->ops->update_delete(&f->call, f->backend, "both"), SOVD_E_UPDATE_RUNNING);
        at(11);
        assert_int_equal(control(f, "fails", SOVD_UPDATE_DO_PREPARE), SOVD_E_UPDATE_EXECUTING);
        assert_int_equal(control(f, "both", SOVD_UPDATE_DO_AUTOMATED), SOVD_E_UPDATE_RUNNING);
}

static void a_condition_that_goes_while_it_prepares_fails_the_execution(void **state) {
        const struct sovd_mode_write write = { .value = json_of(*state, "\"programming\""),
                                               .mode_expiration = SOVD_INT(1) };
        struct sovd_mode_set set = { 0 };
        struct fixture *f = *state;

        simulate(f, VEHICLE);
        assert_int_equal(control(f, "needy", SOVD_UPDATE_DO_AUTOMATED), SOVD_E_CONFLICT);
        assert_int_equal(f->backend->ops->mode_write(&f->call, &f->ecu, "session", &write, &set), 0);
        assert_int_equal(control(f, "needy", SOVD_UPDATE_DO_AUTOMATED), 0);
        at(2);
        is(f, "needy", SOVD_UPDATE_EXECUTE, SOVD_UPDATE_FAILED, 0);
        assert_non_null(strstr(status_of(f, "needy").error->message, "must be \"programming\""));
        /* its text stays with it when another one before it goes */
        assert_int_equal(f->backend->ops->update_delete(&f->call, f->backend, "both"), 0);
        assert_non_null(strstr(status_of(f, "needy").error->message, "must be \"programming\""));
}

static void a_forced_restart_interrupts_what_executes(void **state) {
        struct fixture *f = *state;

        simulate(f, VEHICLE);
        assert_int_equal(control(f, "both", SOVD_UPDATE_DO_AUTOMATED), 0);
        at(15);
        assert_int_equal(f->backend->ops->status_control(&f->call, &f->ecu, SOVD_STATUS_FORCE_RESTART, NULL),
                         0);
        is(f, "both", SOVD_UPDATE_EXECUTE, SOVD_UPDATE_FAILED, 0);
        at(100);
        assert_string_equal(value_of(f, "software-version"), "\"1\"");
}

static void updates_that_fit_no_vehicle_are_refused_with_their_place(void **state) {
        static const char *const rows[][2] = {
                { "[{ id: a, version: x, components: [] }]", "must have 1 to" },
                { "[{ id: a, version: x, components: [{ component: none }] }]", "no component 'none'" },
                { "[{ id: a, version: x, components: [{ component: ecu }] }]", "no constant string" },
                { "[{ id: autonomous, version: x, components: [{ component: ecu }] }]",
                  "word that the API needs" },
                { "[{ id: a, version: x, components: [{ component: ecu }] }, { id: a, version: x, "
                  "components: [{ component: ecu }] }]",
                  "there already" },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                const char *message = NULL;
                const char *text =
                        sovd_arena_printf(f->arena, "components: [{ id: ecu }]\nupdates: %s\n", rows[i][0]);
                int r = sovd_sim_backend_parse(&f->backend, "sim", "test.yaml", text, strlen(text), f->arena,
                                               &message);
                assert_int_equal(r, SOVD_E_BAD_REQUEST);
                if (!strstr(message, rows[i][1]) || !strstr(message, "test.yaml:2:"))
                        fail_msg("%s", message);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SIM_TEST(an_update_goes_through_its_phases),
                SIM_TEST(what_nobody_watched_happened_all_the_same),
                SIM_TEST(a_failure_may_be_tried_again),
                SIM_TEST(one_runs_at_a_time),
                SIM_TEST(a_condition_that_goes_while_it_prepares_fails_the_execution),
                SIM_TEST(a_forced_restart_interrupts_what_executes),
                SIM_TEST(updates_that_fit_no_vehicle_are_refused_with_their_place),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
