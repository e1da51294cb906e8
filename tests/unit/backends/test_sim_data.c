/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/backends/sim_support.h"

static void a_ramp_rises_and_starts_again(void **state) {
        struct fixture *f = *state;

        simulate(f, "    data: [{ id: a, value: 10, behaviour: ramp, amplitude: 8, period_secs: 4, step: "
                    "0.25 }]\n");
        assert_string_equal(value_of(f, "a"), "10.00");
        at(1);
        assert_string_equal(value_of(f, "a"), "12.00");
        at(3.5);
        assert_string_equal(value_of(f, "a"), "17.00");
        at(4);
        assert_string_equal(value_of(f, "a"), "10.00");
}

static void a_sine_swings_and_stays_in_range(void **state) {
        struct fixture *f = *state;

        simulate(f,
                 "    data: [{ id: a, value: 0, behaviour: sine, amplitude: 10, period_secs: 4, max: 7 }]\n");
        assert_string_equal(value_of(f, "a"), "0.0");
        at(1);
        assert_string_equal(value_of(f, "a"), "7.0");
        at(2);
        assert_string_equal(value_of(f, "a"), "0.0");
        at(3);
        assert_string_equal(value_of(f, "a"), "-10.0");
}

static void noise_is_a_function_of_seed_and_time(void **state) {
        const char *keys = "    data: [{ id: a, type: integer, value: 0, behaviour: noise, amplitude: "
                           "1000000, period_secs: 2 }]\n";
        struct fixture *f = *state;

        simulate(f, keys);
        const char *first = value_of(f, "a");
        at(1.9);
        assert_string_equal(value_of(f, "a"), first);
        at(2);
        const char *second = value_of(f, "a");
        assert_string_not_equal(second, first);
        assert_null(strchr(second, '.'));
        for (int i = 0; i < 200; i++) {
                at(i * 2);
                assert_in_range(atoi(value_of(f, "a")) + 1000000, 0, 2000000);
        }

        sovd_backend_unref(f->backend);
        at(0);
        simulate(f, keys);
        assert_string_equal(value_of(f, "a"), first);

        sovd_backend_unref(f->backend);
        simulate(f, sovd_arena_printf(f->arena, "%sseed: 2\n", keys));
        assert_string_not_equal(value_of(f, "a"), first);
}

static void a_follower_moves_towards_the_other_value_whoever_reads_it(void **state) {
        struct fixture *f = *state;

        simulate(f, "    data:\n"
                    "      - { id: target, value: 20, writable: true, min: 0, max: 50 }\n"
                    "      - { id: a, value: 10, behaviour: follow, of: target, rate: 2 }\n");
        at(3);
        assert_string_equal(value_of(f, "a"), "16.0");
        at(8);
        assert_string_equal(value_of(f, "a"), "20.0");
        assert_int_equal(write_data(f, "target", "0"), 0);
        at(9);
        assert_string_equal(value_of(f, "a"), "18.0");
        assert_int_equal(write_data(f, "target", "50"), 0);
        at(10);
        assert_string_equal(value_of(f, "a"), "20.0");
        at(100);
        assert_string_equal(value_of(f, "a"), "50.0");
}

static void a_value_does_not_move_beyond_what_can_be_printed(void **state) {
        struct fixture *f = *state;

        simulate(f, "    data:\n"
                    "      - { id: target, value: 1e308, writable: true }\n"
                    "      - { id: a, value: -1e308, behaviour: follow, of: target, step: 0.000000001 }\n");
        assert_string_equal(value_of(f, "a"), "-1000000000000.000000000");
        at(10);
        assert_string_equal(value_of(f, "a"), "-1000000000000.000000000");
}

static void what_is_written_keeps_its_digits(void **state) {
        struct fixture *f = *state;

        simulate(f, "    data: [{ id: a, value: 1.50, writable: true }, { id: b, type: string, value: x, "
                    "writable: true }]\n");
        assert_string_equal(value_of(f, "a"), "1.50");
        assert_int_equal(write_data(f, "a", "23.000"), 0);
        assert_string_equal(value_of(f, "a"), "23.000");
        assert_int_equal(write_data(f, "a", "9007199254740993"), 0);
        assert_string_equal(value_of(f, "a"), "9007199254740993");
        assert_int_equal(write_data(f, "b", "\"a\\\"b\""), 0);
        assert_string_equal(value_of(f, "b"), "\"a\\\"b\"");
}

static void writes_are_checked(void **state) {
        static const struct {
                const char *id, *json;
                int error;
                const char *message;
        } rows[] = {
                { "none", "1", SOVD_E_NOT_FOUND, "component 'ecu' has no data 'none'" },
                { "fixed", "1", SOVD_E_FORBIDDEN, "data 'fixed' can only be read" },
                { "n", "\"1\"", SOVD_E_BAD_VALUE, "data 'n' must be a number" },
                { "n", "5.1", SOVD_E_BAD_VALUE, "data 'n' must be from -5 to 5" },
                { "i", "1.5", SOVD_E_BAD_VALUE, "data 'i' must be an integer" },
                { "i", "-1", SOVD_E_BAD_VALUE, "data 'i' must not be below 0" },
                { "b", "0", SOVD_E_BAD_VALUE, "data 'b' must be true or false" },
                { "s", "\"z\"", SOVD_E_BAD_VALUE, "data 's' must be one of 'x', 'y'" },
                { "s", "{}", SOVD_E_BAD_VALUE, "data 's' must be a string" },
        };
        struct fixture *f = *state;

        simulate(f, "    data:\n"
                    "      - { id: fixed, value: 1 }\n"
                    "      - { id: n, value: 1, min: -5, max: 5, writable: true }\n"
                    "      - { id: i, type: integer, value: 1, min: 0, writable: true }\n"
                    "      - { id: b, type: boolean, value: true, writable: true }\n"
                    "      - { id: s, type: string, value: x, values: [x, y], writable: true }\n");
        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                assert_int_equal(write_data(f, rows[i].id, rows[i].json), rows[i].error);
                if (!sovd_has_prefix(f->call.failure.body.message, rows[i].message))
                        fail_msg("%s: %s", rows[i].json, f->call.failure.body.message);
                if (rows[i].error == SOVD_E_BAD_VALUE)
                        assert_string_equal(f->call.failure.path, "/data");
        }
        assert_string_equal(value_of(f, "n"), "1");
}

static void a_text_that_is_too_long_is_refused(void **state) {
        struct fixture *f = *state;
        char text[5000];

        simulate(f, "    data: [{ id: s, type: string, value: x, writable: true }]\n");
        memset(text, 'a', sizeof(text));
        text[0] = text[sizeof(text) - 2] = '"';
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(write_data(f, "s", text), SOVD_E_BAD_VALUE);
}

static void lists_show_what_the_filter_wants(void **state) {
        const char *wanted[] = { "y" };
        const struct sovd_data_filter filter = { .tags = { .items = wanted, .n = 1 } };
        const struct sovd_data_filter all = { 0 };
        struct sovd_data_list list = { 0 };
        struct fixture *f = *state;

        simulate(f, "    data: [{ id: a, value: 1, tags: [x] }, { id: b, value: 1, tags: [y], unit: V, "
                    "writable: true }]\n");
        assert_int_equal(f->backend->ops->data_list(&f->call, &f->ecu, &filter, &list), 0);
        assert_int_equal(list.items.n, 1);
        const struct sovd_data_item *item = list.items.items;
        assert_string_equal(item->id, "b");
        assert_string_equal(item->name, "b");
        assert_string_equal(item->category, "currentData");
        assert_string_equal(item->unit, "V");
        assert_string_equal(item->access, "readWrite");
        list = (struct sovd_data_list){ 0 };
        assert_int_equal(f->backend->ops->data_list(&f->call, &f->ecu, &all, &list), 0);
        assert_int_equal(list.items.n, 2);
}

static void configurations_are_checked_and_kept(void **state) {
        struct fixture *f = *state;
        struct sovd_configuration_list list = { 0 };
        struct sovd_configuration_bytes bytes = { 0 };
        struct sovd_data_value value = { 0 };
        const struct sovd_backend_ops *ops = simulate(
                f, "    configurations: [{ id: c, name: C, type: integer, value: 10, min: 5, max: 50 }]\n");

        assert_int_equal(ops->configurations_list(&f->call, &f->ecu, &list), 0);
        assert_int_equal(list.items.n, 1);
        assert_int_equal(((struct sovd_configuration *)list.items.items)->type, SOVD_CONFIGURATION_PARAMETER);
        assert_int_equal(ops->configuration_write(&f->call, &f->ecu, "c", json_of(f, "4"), NULL),
                         SOVD_E_BAD_VALUE);
        assert_string_equal(f->call.failure.path, "/data");
        assert_int_equal(ops->configuration_write(&f->call, &f->ecu, "c", json_of(f, "42"), NULL), 0);
        assert_int_equal(ops->configuration_read(&f->call, &f->ecu, "c", &value, &bytes), 0);
        assert_string_equal(text_of(f, value.data), "42");
        assert_int_equal(ops->configuration_read(&f->call, &f->ecu, "d", &value, &bytes), SOVD_E_NOT_FOUND);
        assert_int_equal(ops->configuration_write(&f->call, &f->ecu, "d", json_of(f, "42"), NULL),
                         SOVD_E_NOT_FOUND);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SIM_TEST(a_ramp_rises_and_starts_again),
                SIM_TEST(a_sine_swings_and_stays_in_range),
                SIM_TEST(noise_is_a_function_of_seed_and_time),
                SIM_TEST(a_follower_moves_towards_the_other_value_whoever_reads_it),
                SIM_TEST(a_value_does_not_move_beyond_what_can_be_printed),
                SIM_TEST(what_is_written_keeps_its_digits),
                SIM_TEST(writes_are_checked),
                SIM_TEST(a_text_that_is_too_long_is_refused),
                SIM_TEST(lists_show_what_the_filter_wants),
                SIM_TEST(configurations_are_checked_and_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
