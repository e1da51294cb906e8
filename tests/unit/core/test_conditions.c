/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/conditions.h"
#include <cjson/cJSON.h>

static struct sovd_arena *arena;

static int make_arena(void **state) {
        return sovd_arena_new(&arena, 4096);
}

static int drop_arena(void **state) {
        arena = sovd_arena_free(arena);
        return 0;
}

static const cJSON *json(const char *text) {
        struct sovd_json_fault fault;
        cJSON *value = NULL;

        assert_int_equal(sovd_json_parse_in(arena, &value, text, strlen(text), NULL, &fault), 0);
        return value;
}

static const struct sovd_trigger_condition *condition_of(const char *text) {
        struct sovd_trigger_condition *c = sovd_arena_new0(arena, struct sovd_trigger_condition);
        struct sovd_schema_error error;

        assert_int_equal(sovd_schema_decode(&sovd_schema_trigger_condition, json(text), c, arena, 0, &error),
                         0);
        return c;
}

/* Walks the values (a JSON array) and tells which fire: "x" fires, "." does not. */
static void fires(const char *text, const char *values, const char *expected) {
        _cleanup_(sovd_condition_freep) struct sovd_condition *condition = NULL;
        const cJSON *array = json(values), *value;
        char seen[40] = "";

        assert_int_equal(sovd_condition_new(&condition, condition_of(text)), 0);
        cJSON_ArrayForEach (value, array) {
                bool fired;
                int r = sovd_condition_take(condition, value, &fired);
                strcat(seen, r ? "!" : fired ? "x" : ".");
        }
        assert_string_equal(seen, expected);
}

#define RANGE(kind) "{\"condition_type\":\"" kind "\",\"lower_bound\":10,\"upper_bound\":20.5}"

static void enter_range_fires_at_the_step_inside(void **state) {
        fires(RANGE("EnterRange"), "[5, 10, 15, 20.5, 20.6, 20.5, 9, 30]", ".x...x..");
        fires(RANGE("EnterRange"), "[15, 16, 5, 15]", "...x");
}

static void leave_range_fires_at_the_step_outside(void **state) {
        fires(RANGE("LeaveRange"), "[15, 20.5, 20.51, 5, 10, 9.99]", "..x..x");
        fires(RANGE("LeaveRange"), "[5, 6, 30]", "...");
}

static void a_range_needs_numbers_and_forgets_nothing_over_others(void **state) {
        fires(RANGE("EnterRange"), "[5, \"x\", true, 15]", ".!!x");
}

static void on_change_fires_at_another_value(void **state) {
        static const char change[] = "{\"condition_type\":\"OnChange\"}";

        fires(change, "[1, 1, 2, 2, 1]", "..x.x");
        fires(change, "[\"a\", \"a\", \"b\", 1, true, true, [1], [1], {\"a\":1}, {\"a\":2}]", "..xxx.x.xx");
}

static void numbers_are_compared_by_value_and_integers_by_all_digits(void **state) {
        static const char change[] = "{\"condition_type\":\"OnChange\"}";

        fires(change, "[23.0, 23, 2.3e1, 23.1]", "...x");
        fires(change, "[9007199254740993, 9007199254740992]", ".x");
        fires(change, "[\"23.0\", \"23\"]", ".x");
}

static void on_change_to_fires_at_the_step_to_the_value(void **state) {
        fires("{\"condition_type\":\"OnChangeTo\",\"value\":2}", "[2, 2.0, 1, 2, 2, 3, 2.0]", "...x..x");
        fires("{\"condition_type\":\"OnChangeTo\",\"value\":\"on\"}",
              "[\"off\", \"on\", \"on\", \"ON\", \"on\"]", ".x..x");
        fires("{\"condition_type\":\"OnChangeTo\",\"value\":true}", "[false, true, \"true\", true]", ".x.x");
}

static void refused(const char *condition, const char *value, const char *member, const char *why) {
        const char *at = NULL, *said = sovd_condition_check(condition_of(condition), json(value), arena, &at);

        assert_non_null(said);
        assert_non_null(strstr(said, why));
        assert_string_equal(at, member);
}

static void what_does_not_fit_is_named(void **state) {
        refused("{\"condition_type\":\"EnterRange\"}", "1", "/trigger_condition/lower_bound", "missing");
        refused("{\"condition_type\":\"EnterRange\",\"lower_bound\":1}", "1",
                "/trigger_condition/upper_bound", "missing");
        refused("{\"condition_type\":\"LeaveRange\",\"lower_bound\":\"1\",\"upper_bound\":2}", "1",
                "/trigger_condition/lower_bound", "number");
        refused("{\"condition_type\":\"LeaveRange\",\"lower_bound\":3,\"upper_bound\":2}", "1",
                "/trigger_condition/upper_bound", "below");
        refused(RANGE("EnterRange"), "\"x\"", "/trigger_condition/condition_type", "a string");
        refused(RANGE("EnterRange"), "{}", "/trigger_condition/condition_type", "an object");
        refused("{\"condition_type\":\"OnChangeTo\"}", "1", "/trigger_condition/value", "missing");
        refused("{\"condition_type\":\"OnChangeTo\",\"value\":[1]}", "1", "/trigger_condition/value",
                "must be");
        refused("{\"condition_type\":\"OnChangeTo\",\"value\":\"1\"}", "1", "/trigger_condition/value",
                "a string");
        refused("{\"condition_type\":\"OnChangeTo\",\"value\":1}", "[1]", "/trigger_condition/value",
                "an array");
}

static void what_fits_is_taken(void **state) {
        const char *at;

        assert_null(sovd_condition_check(condition_of(RANGE("EnterRange")), json("1.5"), arena, &at));
        assert_null(sovd_condition_check(condition_of("{\"condition_type\":\"OnChange\"}"),
                                         json("{\"a\":[]}"), arena, &at));
        assert_null(sovd_condition_check(condition_of("{\"condition_type\":\"OnChangeTo\",\"value\":false}"),
                                         json("true"), arena, &at));
}

static void leads_to(const char *pointer, const char *expected) {
        const cJSON *value = sovd_pointer_get(
                json("{\"a\":[10,{\"b\":11}],\"x/y\":12,\"m~n\":13,\"\":14,\"0\":15}"), pointer);

        if (!expected)
                assert_null(value);
        else if (value)
                assert_string_equal(value->valuestring, expected);
        else
                fail_msg("'%s' leads nowhere", pointer);
}

static void a_pointer_leads_to_an_element_or_nowhere(void **state) {
        leads_to("/a/0", "10");
        leads_to("/a/1/b", "11");
        leads_to("/x~1y", "12");
        leads_to("/m~0n", "13");
        leads_to("/", "14");
        leads_to("/0", "15");
        leads_to("/a/2", NULL);
        leads_to("/a/00", NULL);
        leads_to("/a/-", NULL);
        leads_to("/a/99999999999", NULL);
        leads_to("/a/0/x", NULL);
        leads_to("/b", NULL);
        leads_to("/ab", NULL);
}

static void a_pointer_begins_with_a_slash_and_escapes_rightly(void **state) {
        assert_true(sovd_pointer_is_valid(""));
        assert_true(sovd_pointer_is_valid("/a~0b/~1"));
        assert_false(sovd_pointer_is_valid("a"));
        assert_false(sovd_pointer_is_valid("/~"));
        assert_false(sovd_pointer_is_valid("/~2"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(enter_range_fires_at_the_step_inside),
                cmocka_unit_test(leave_range_fires_at_the_step_outside),
                cmocka_unit_test(a_range_needs_numbers_and_forgets_nothing_over_others),
                cmocka_unit_test(on_change_fires_at_another_value),
                cmocka_unit_test(numbers_are_compared_by_value_and_integers_by_all_digits),
                cmocka_unit_test(on_change_to_fires_at_the_step_to_the_value),
                cmocka_unit_test(what_does_not_fit_is_named),
                cmocka_unit_test(what_fits_is_taken),
                cmocka_unit_test(a_pointer_leads_to_an_element_or_nowhere),
                cmocka_unit_test(a_pointer_begins_with_a_slash_and_escapes_rightly),
        };

        return cmocka_run_group_tests(tests, make_arena, drop_arena);
}
