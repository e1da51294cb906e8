/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "fault-manager/catalog_file.h"

static int set_up(void **state) {
        return sovd_arena_new((struct sovd_arena **)state, 4096);
}

static int tear_down(void **state) {
        sovd_arena_free(*state);
        return 0;
}

/* File and app as JSON texts; NULL = there is none. */
static const struct fm_descriptor *merge(struct sovd_arena *arena, const char *file, const char *app,
                                         struct fm_catalog *ret, size_t n) {
        const char *json = NULL;
        size_t n_left_out = 0;

        if (file)
                assert_null(fm_catalog_file_read("f.yaml", file, strlen(file), arena, &json));
        assert_int_equal(fm_catalog_merge(json, app, arena, ret, &n_left_out), 0);
        assert_int_equal(ret->faults.n, n);
        return ret->faults.items;
}

static void each_member_of_the_file_wins_and_the_rest_is_the_apps(void **state) {
        struct fm_catalog c;
        const struct fm_descriptor *d = merge(
                *state,
                "{id: f, faults: [{code: A, name: File, age_cycles: 3, debounce: {kind: edge, hold_secs: "
                "2}}]}",
                "{\"id\":\"a\",\"version\":\"7\",\"faults\":[{\"code\":\"A\",\"name\":\"App\",\"age_cycles\":"
                "9,"
                "\"severity\":3,\"tags\":[\"x\"],\"debounce\":{\"kind\":\"counter\",\"failed_at\":5}}]}",
                &c, 1);

        assert_string_equal(d->name, "File");
        assert_int_equal(d->age_cycles.value, 3);
        assert_int_equal(d->severity.value, 3);
        assert_string_equal(d->tags.items[0], "x");
        assert_int_equal(fm_descriptor_rule(d).kind, FM_EDGE); /* debounce is one member */
        assert_int_equal(fm_descriptor_rule(d).failed_at, 127);
        assert_string_equal(c.id, "f");
        assert_string_equal(c.version, "7");
}

static void codes_of_both_are_known(void **state) {
        struct fm_catalog c;
        const struct fm_descriptor *d = merge(
                *state, "faults: [{code: C, name: c}, {code: B, name: b}, {code: D, name: d}]",
                "{\"faults\":[{\"code\":\"A\",\"name\":\"a\"},{\"code\":\"B\",\"name\":\"x\"}]}", &c, 4);

        assert_string_equal(d[0].code, "A");
        assert_string_equal(d[1].name, "b");
        assert_string_equal(d[2].code, "C");
        assert_string_equal(d[3].code, "D");
}

static void a_closed_file_lets_no_other_code_in(void **state) {
        const char *json, *file = "{closed: true, faults: [{code: B, name: b}]}";
        struct fm_catalog c;
        size_t n;

        assert_null(fm_catalog_file_read("f.yaml", file, strlen(file), *state, &json));
        assert_int_equal(
                fm_catalog_merge(
                        json,
                        "{\"faults\":[{\"code\":\"A\",\"name\":\"a\"},{\"code\":\"B\",\"name\":\"x\"}]}",
                        *state, &c, &n),
                0);
        assert_int_equal(n, 1);
        assert_int_equal(c.faults.n, 1);
        assert_string_equal(((struct fm_descriptor *)c.faults.items)->code, "B");
}

static void an_app_or_a_file_alone_is_enough(void **state) {
        struct fm_catalog c;

        (void)merge(*state, NULL, "{\"faults\":[{\"code\":\"A\",\"name\":\"a\"}]}", &c, 1);
        (void)merge(*state, "faults: [{code: A, name: a}]", NULL, &c, 1);
        (void)merge(*state, NULL, NULL, &c, 0);
}

static void an_app_cannot_close_its_catalogue(void **state) {
        struct fm_catalog c;

        (void)merge(*state, "faults: []", "{\"closed\":true,\"faults\":[{\"code\":\"A\",\"name\":\"a\"}]}",
                    &c, 1);
}

static void what_is_wrong_with_a_file_is_named_with_its_place(void **state) {
        const char *json, *text = "faults:\n- {code: A, name: a}\n- {code: B, name: b, debounce: {kind: "
                                  "time, failed_secs: 0}}\n";
        const char *why = fm_catalog_file_read("f.yaml", text, strlen(text), *state, &json);

        assert_string_equal(why, "f.yaml:3:45: faults[1].debounce.failed_secs: a time rule needs a time");
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                T(each_member_of_the_file_wins_and_the_rest_is_the_apps),
                T(codes_of_both_are_known),
                T(a_closed_file_lets_no_other_code_in),
                T(an_app_or_a_file_alone_is_enough),
                T(an_app_cannot_close_its_catalogue),
                T(what_is_wrong_with_a_file_is_named_with_its_place),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
