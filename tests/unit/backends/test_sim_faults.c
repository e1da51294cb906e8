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

int main(void) {
        const struct CMUnitTest tests[] = {
                SIM_TEST(a_fault_appears_and_heals_and_stays_in_the_memory),
                SIM_TEST(a_fault_comes_again_and_is_counted_from_the_last_clearing),
                SIM_TEST(an_active_fault_cannot_be_cleared_alone),
                SIM_TEST(clearing_all_detects_again_what_is_active),
                SIM_TEST(a_scope_limits_what_is_listed_and_cleared),
                SIM_TEST(a_frame_has_the_values_of_the_moment),
                SIM_TEST(a_frame_is_not_changed_by_a_later_write),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
