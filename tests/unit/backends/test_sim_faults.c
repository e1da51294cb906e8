/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/backends/sim_support.h"

/* The codes that a list shows, each with a space behind it. */
static const char *codes(struct fixture *f, const struct sovd_fault_filter *filter) {
        static const struct sovd_fault_filter all = { 0 };
        struct sovd_fault_list list = { 0 };
        const char *text = "";

        assert_int_equal(f->backend->ops->faults_list(&f->call, &f->ecu, filter ? filter : &all, &list), 0);
        const struct sovd_fault *items = list.items.items;
        for (size_t i = 0; i < list.items.n; i++)
                text = sovd_arena_printf(f->arena, "%s%s ", text, items[i].code);
        return text;
}

static struct sovd_fault_detail read_fault(struct fixture *f, const char *code) {
        struct sovd_fault_detail detail = { 0 };

        assert_int_equal(f->backend->ops->fault_read(&f->call, &f->ecu, code, &detail), 0);
        return detail;
}

static const char *status_of(struct fixture *f, const char *code, const char *key) {
        return cJSON_GetObjectItem(read_fault(f, code).item->status, key)->valuestring;
}

static const char *environment_of(struct fixture *f, const char *code) {
        return text_of(f, read_fault(f, code).environment_data);
}

static void a_fault_appears_and_heals_and_stays_in_the_memory(void **state) {
        struct fixture *f = *state;
        struct sovd_fault_detail detail = { 0 };

        simulate(f, "    faults: [{ code: A, name: x, appears_after_secs: 5, heals_after_secs: 10 }]\n");
        assert_string_equal(codes(f, NULL), "");
        assert_int_equal(f->backend->ops->fault_read(&f->call, &f->ecu, "A", &detail), SOVD_E_NOT_FOUND);
        at(5);
        assert_string_equal(codes(f, NULL), "A ");
        assert_string_equal(status_of(f, "A", "testFailed"), "1");
        assert_string_equal(status_of(f, "A", "warningIndicatorRequested"), "1");
        assert_string_equal(status_of(f, "A", "mask"), "AF");
        assert_string_equal(status_of(f, "A", "aggregatedStatus"), "active");
        at(15);
        assert_string_equal(status_of(f, "A", "testFailed"), "0");
        assert_string_equal(status_of(f, "A", "confirmedDTC"), "1");
        assert_string_equal(status_of(f, "A", "mask"), "2E");
        assert_string_equal(status_of(f, "A", "aggregatedStatus"), "passive");
}

static void a_fault_comes_again_and_is_counted_from_the_last_clearing(void **state) {
        struct fixture *f = *state;

        simulate(f, "    faults: [{ code: A, name: x, appears_after_secs: 1, heals_after_secs: 2, "
                    "period_secs: 10 }]\n");
        at(25);
        assert_string_equal(environment_of(f, "A"),
                            "{\"timestamp\":\"2026-01-01T00:00:21.000Z\",\"occurrences\":3}");
        assert_int_equal(f->backend->ops->fault_clear(&f->call, &f->ecu, "A"), 0);
        assert_string_equal(codes(f, NULL), "");
        at(30.9);
        assert_string_equal(codes(f, NULL), "");
        at(42);
        assert_string_equal(environment_of(f, "A"),
                            "{\"timestamp\":\"2026-01-01T00:00:41.000Z\",\"occurrences\":2}");
        assert_string_equal(status_of(f, "A", "testFailed"), "1");
}

static void an_active_fault_cannot_be_cleared_alone(void **state) {
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, "    faults: [{ code: A, name: x }]\n");

        assert_int_equal(ops->fault_clear(&f->call, &f->ecu, "A"), SOVD_E_CONFLICT);
        assert_int_equal(ops->fault_clear(&f->call, &f->ecu, "B"), SOVD_E_NOT_FOUND);
}

static void clearing_all_detects_again_what_is_active(void **state) {
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(
                f, "    faults: [{ code: A, name: x }, { code: B, name: x, heals_after_secs: 1 }]\n");

        at(60);
        assert_int_equal(ops->faults_clear(&f->call, &f->ecu, NULL), 0);
        assert_string_equal(codes(f, NULL), "A ");
        assert_string_equal(environment_of(f, "A"),
                            "{\"timestamp\":\"2026-01-01T00:01:00.000Z\",\"occurrences\":1}");
}

static void a_scope_limits_what_is_listed_and_cleared(void **state) {
        const struct sovd_fault_filter body = { .scope = "body" };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops =
                simulate(f, "    faults:\n"
                            "      - { code: A, name: x, heals_after_secs: 1, scope: body }\n"
                            "      - { code: B, name: x, heals_after_secs: 1, scope: engine }\n");

        at(5);
        assert_string_equal(codes(f, &body), "A ");
        assert_int_equal(ops->faults_clear(&f->call, &f->ecu, "body"), 0);
        assert_string_equal(codes(f, NULL), "B ");
}

static void a_frame_has_the_values_of_the_moment(void **state) {
        struct fixture *f = *state;

        simulate(f, "    data: [{ id: a, value: 0, behaviour: ramp, amplitude: 100, period_secs: 100 }, { "
                    "id: b, value: 1.50 }]\n"
                    "    faults: [{ code: A, name: x, appears_after_secs: 7, freeze_frame: [b, a] }]\n");
        at(50);
        assert_string_equal(environment_of(f, "A"),
                            "{\"timestamp\":\"2026-01-01T00:00:07.000Z\",\"occurrences\":1,"
                            "\"freeze_frame\":{\"a\":7.0,\"b\":1.50}}");
}

static void a_frame_is_not_changed_by_a_later_write(void **state) {
        struct fixture *f = *state;

        simulate(f, "    data:\n"
                    "      - { id: a, value: 10, writable: true }\n"
                    "      - { id: b, value: 0, behaviour: follow, of: a, rate: 1 }\n"
                    "    faults: [{ code: A, name: x, appears_after_secs: 2, freeze_frame: [a, b] }]\n");
        at(5);
        assert_int_equal(write_data(f, "a", "-10"), 0);
        at(9);
        assert_non_null(strstr(environment_of(f, "A"), "{\"a\":10,\"b\":2.0}"));
        assert_int_equal(f->backend->ops->faults_clear(&f->call, &f->ecu, NULL), 0);
        assert_non_null(strstr(environment_of(f, "A"), "{\"a\":-10,\"b\":1.0}"));
}

static const char *mask_of(struct fixture *f, const char *code) {
        return status_of(f, code, "mask");
}

static void the_bits_of_a_cycle_begin_anew_with_each_cycle(void **state) {
        struct fixture *f = *state;

        simulate(f,
                 "    operation_cycle_secs: 100\n"
                 "    faults: [{ code: A, name: x, severity: 3, appears_after_secs: 10, heals_after_secs: 5, "
                 "test_secs: 20 }]\n");
        at(12);
        assert_string_equal(mask_of(f, "A"),
                            "2F"); /* failed now, in this cycle, pending, confirmed, since clear */
        at(50);
        assert_string_equal(mask_of(f, "A"), "2E");
        at(110);
        assert_string_equal(mask_of(f, "A"),
                            "6C"); /* not failed in this cycle, and its test is not done yet */
        at(120);
        assert_string_equal(mask_of(f, "A"), "2C");
        at(200);
        assert_string_equal(mask_of(f, "A"), "68"); /* a cycle without it: not pending any more */
        at(220);
        assert_string_equal(mask_of(f, "A"), "28");
}

static void a_fault_is_confirmed_after_so_many_cycles_with_it(void **state) {
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops =
                simulate(f, "    operation_cycle_secs: 100\n"
                            "    faults: [{ code: A, name: x, appears_after_secs: 10, heals_after_secs: 5, "
                            "period_secs: 200, confirmed_after_cycles: 2 }]\n");

        at(50);
        assert_string_equal(status_of(f, "A", "pendingDTC"), "1");
        assert_string_equal(status_of(f, "A", "confirmedDTC"), "0");
        at(209);
        assert_string_equal(status_of(f, "A", "confirmedDTC"), "0");
        at(211);
        assert_string_equal(status_of(f, "A", "confirmedDTC"), "1");
        assert_string_equal(status_of(f, "A", "warningIndicatorRequested"), "1");
        at(300);
        assert_int_equal(ops->fault_clear(&f->call, &f->ecu, "A"), 0);
        at(411);
        assert_string_equal(status_of(f, "A", "confirmedDTC"), "0");
        at(1000000);
        assert_string_equal(status_of(f, "A", "confirmedDTC"), "1");
}

#define CONDITIONED                                                                                          \
        "    modes: [{ id: session, values: [default, extended] }]\n"                                        \
        "    faults:\n"                                                                                      \
        "      - { code: A, name: x, heals_after_secs: 1, clear_requires: { session: extended } }\n"         \
        "      - { code: B, name: x, heals_after_secs: 1, clearable: false }\n"                              \
        "      - { code: C, name: x, heals_after_secs: 1, scope: body }\n"

static void a_condition_of_clearing_is_named(void **state) {
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, CONDITIONED);

        at(5);
        assert_int_equal(ops->fault_clear(&f->call, &f->ecu, "A"), SOVD_E_CONFLICT);
        assert_string_equal(f->call.failure.body.message,
                            "clearing fault 'A' needs mode 'session' to be 'extended', and it is 'default'");
        assert_int_equal(ops->fault_clear(&f->call, &f->ecu, "B"), SOVD_E_CONFLICT);
        assert_int_equal(ops->faults_clear(&f->call, &f->ecu, NULL), SOVD_E_CONFLICT);
        assert_string_equal(codes(f, NULL), "A B C ");
}

static void with_the_condition_all_are_cleared_that_may_be(void **state) {
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, CONDITIONED);
        const struct sovd_mode_write write = { .value = json_of(f, "\"extended\"") };
        struct sovd_mode_set done;

        at(5);
        assert_int_equal(ops->mode_write(&f->call, &f->ecu, "session", &write, &done), 0);
        assert_int_equal(ops->faults_clear(&f->call, &f->ecu, NULL), 0);
        assert_string_equal(codes(f, NULL), "B ");
}

static void a_memory_that_does_not_exist_cannot_be_cleared(void **state) {
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, "    faults: [{ code: A, name: x, scope: body }]\n");
        const struct sovd_fault_filter none = { .scope = "none" };

        assert_string_equal(codes(f, &none), "");
        assert_int_equal(ops->faults_clear(&f->call, &f->ecu, "none"), SOVD_E_NOT_FOUND);
}

static void an_entity_may_clear_all_faults_only(void **state) {
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(
                f, "    single_clear: false\n    faults: [{ code: A, name: x, heals_after_secs: 0 }]\n");

        at(1);
        assert_int_equal(ops->fault_clear(&f->call, &f->ecu, "A"), SOVD_E_NOT_IMPLEMENTED);
        assert_int_equal(ops->fault_clear(&f->call, &f->ecu, "B"), SOVD_E_NOT_FOUND);
        assert_int_equal(ops->faults_clear(&f->call, &f->ecu, NULL), 0);
        assert_string_equal(codes(f, NULL), "");
}

static void what_could_not_be_read_for_a_frame_is_an_error_of_the_detail(void **state) {
        struct fixture *f = *state;

        simulate(f, "    data: [{ id: a, value: 1 }, { id: b, value: 2, read_error: sensor is dead }]\n"
                    "    faults: [{ code: A, name: x, symptom: s, symptom_translation_id: t, freeze_frame: "
                    "[a, b] }]\n");
        const struct sovd_fault_detail detail = read_fault(f, "A");
        const struct sovd_data_error *errors = detail.errors.items;

        assert_int_equal(detail.errors.n, 1);
        assert_string_equal(errors[0].path, "/environment_data/freeze_frame/b");
        assert_string_equal(errors[0].error->message, "sensor is dead");
        assert_non_null(strstr(text_of(f, detail.environment_data), "\"freeze_frame\":{\"a\":1}"));
        assert_string_equal(detail.item->symptom_translation_id, "t");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SIM_TEST(a_fault_appears_and_heals_and_stays_in_the_memory),
                SIM_TEST(a_fault_comes_again_and_is_counted_from_the_last_clearing),
                SIM_TEST(an_active_fault_cannot_be_cleared_alone),
                SIM_TEST(clearing_all_detects_again_what_is_active),
                SIM_TEST(a_scope_limits_what_is_listed_and_cleared),
                SIM_TEST(a_frame_has_the_values_of_the_moment),
                SIM_TEST(a_frame_is_not_changed_by_a_later_write),
                SIM_TEST(the_bits_of_a_cycle_begin_anew_with_each_cycle),
                SIM_TEST(a_fault_is_confirmed_after_so_many_cycles_with_it),
                SIM_TEST(a_condition_of_clearing_is_named),
                SIM_TEST(with_the_condition_all_are_cleared_that_may_be),
                SIM_TEST(a_memory_that_does_not_exist_cannot_be_cleared),
                SIM_TEST(an_entity_may_clear_all_faults_only),
                SIM_TEST(what_could_not_be_read_for_a_frame_is_an_error_of_the_detail),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
