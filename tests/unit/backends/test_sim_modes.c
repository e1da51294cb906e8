/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/backends/sim_support.h"

#define MODES                                                                                                \
        "    modes:\n"                                                                                       \
        "      - { id: session, values: [default, extended], expires_secs: 60 }\n"                           \
        "      - { id: air, values: [auto, feet], default: feet }\n"

static const char *mode_of(struct fixture *f, const char *id) {
        struct sovd_mode_detail detail = { 0 };

        assert_int_equal(f->backend->ops->mode_read(&f->call, &f->ecu, id, &detail), 0);
        assert_string_equal(detail.id, id);
        return detail.value;
}

static int set(struct fixture *f, const char *id, const char *json, struct sovd_int seconds) {
        const struct sovd_mode_write write = { .value = json_of(f, json), .mode_expiration = seconds };
        struct sovd_mode_set done = { 0 };

        return f->backend->ops->mode_write(&f->call, &f->ecu, id, &write, &done);
}

static void a_mode_starts_with_its_default(void **state) {
        struct sovd_mode_list list = { 0 };
        struct fixture *f = *state;
        const struct sovd_backend_ops *ops = simulate(f, MODES);

        assert_int_equal(ops->modes_list(&f->call, &f->ecu, &list), 0);
        assert_int_equal(list.items.n, 2);
        assert_string_equal(mode_of(f, "session"), "default");
        assert_string_equal(mode_of(f, "air"), "feet");
}

static void a_mode_returns_to_its_default_when_it_expires(void **state) {
        struct fixture *f = *state;

        simulate(f, MODES);
        assert_int_equal(set(f, "session", "\"extended\"", SOVD_INT(5)), 0);
        at(4.9);
        assert_string_equal(mode_of(f, "session"), "extended");
        at(5);
        assert_string_equal(mode_of(f, "session"), "default");
}

static void the_longest_time_is_that_of_a_client_that_names_none(void **state) {
        struct fixture *f = *state;

        simulate(f, MODES);
        assert_int_equal(set(f, "session", "\"extended\"", (struct sovd_int){ 0 }), 0);
        assert_int_equal(set(f, "air", "\"auto\"", (struct sovd_int){ 0 }), 0);
        at(59);
        assert_string_equal(mode_of(f, "session"), "extended");
        at(60);
        assert_string_equal(mode_of(f, "session"), "default");
        at(1000000);
        assert_string_equal(mode_of(f, "air"), "auto");
}

static void odd_modes_are_refused(void **state) {
        struct fixture *f = *state;

        simulate(f, MODES);
        assert_int_equal(set(f, "session", "\"sport\"", (struct sovd_int){ 0 }), SOVD_E_BAD_VALUE);
        assert_string_equal(f->call.failure.path, "/value");
        assert_string_equal(f->call.failure.body.message,
                            "mode 'session' must be one of 'default', 'extended'");
        assert_int_equal(set(f, "session", "1", (struct sovd_int){ 0 }), SOVD_E_BAD_VALUE);
        assert_int_equal(set(f, "session", "\"extended\"", SOVD_INT(61)), SOVD_E_BAD_VALUE);
        assert_string_equal(f->call.failure.path, "/mode_expiration");
        assert_int_equal(set(f, "none", "\"x\"", (struct sovd_int){ 0 }), SOVD_E_NOT_FOUND);
        assert_string_equal(mode_of(f, "session"), "default");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SIM_TEST(a_mode_starts_with_its_default),
                SIM_TEST(a_mode_returns_to_its_default_when_it_expires),
                SIM_TEST(the_longest_time_is_that_of_a_client_that_names_none),
                SIM_TEST(odd_modes_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
