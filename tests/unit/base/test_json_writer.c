/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/json_writer.h"
#include "sovd-core/base/error.h"
#include <cjson/cJSON.h>
#include <math.h>

static struct sovd_json_writer w;

static int make_writer(void **state) {
        sovd_json_writer_init(&w, 0, 0);
        return 0;
}

static int free_writer(void **state) {
        sovd_json_writer_done(&w);
        return 0;
}

static void wrote(const char *text) {
        const char *out = NULL;
        size_t len = 0;

        assert_int_equal(sovd_json_writer_finish(&w, &out, &len), 0);
        assert_string_equal(out, text);
        assert_int_equal(len, strlen(text));
}

static void failed_with(int error) {
        const char *out = NULL;
        size_t len = 0;

        assert_int_equal(sovd_json_writer_finish(&w, &out, &len), error);
        assert_null(out);
}

static void commas_stand_between_members_and_elements(void **state) {
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "a", "x");
        sovd_json_key(&w, "b");
        sovd_json_array_begin(&w);
        sovd_json_int(&w, 1);
        sovd_json_array_begin(&w);
        sovd_json_array_end(&w);
        sovd_json_object_begin(&w);
        sovd_json_object_end(&w);
        sovd_json_bool(&w, true);
        sovd_json_array_end(&w);
        sovd_json_key_int(&w, "c", -5);
        sovd_json_key_bool(&w, "d", false);
        sovd_json_object_end(&w);

        wrote("{\"a\":\"x\",\"b\":[1,[],{},true],\"c\":-5,\"d\":false}");
}

static void a_null_string_is_written_as_null(void **state) {
        sovd_json_string(&w, NULL);

        wrote("null");
}

static void quotes_backslashes_and_control_characters_are_escaped(void **state) {
        sovd_json_string(&w, "a\"b\\c/\b\f\n\r\t\x01\x1f\x7f\u00e9\U0001f50b");

        wrote("\"a\\\"b\\\\c/\\u0008\\u000c\\u000a\\u000d\\u0009\\u0001\\u001f\x7f\u00e9\U0001f50b\"");
}

static void names_are_escaped_too(void **state) {
        sovd_json_object_begin(&w);
        sovd_json_key_int(&w, "a\"\n", 1);
        sovd_json_object_end(&w);

        wrote("{\"a\\\"\\u000a\":1}");
}

static void integers_are_written_with_all_digits(void **state) {
        sovd_json_array_begin(&w);
        sovd_json_int(&w, INT64_MIN);
        sovd_json_int(&w, INT64_MAX);
        sovd_json_uint(&w, UINT64_MAX);
        sovd_json_array_end(&w);

        wrote("[-9223372036854775808,9223372036854775807,18446744073709551615]");
}

static void a_double_is_written_in_its_shortest_form(void **state) {
        static const struct {
                double value;
                const char *text;
        } cases[] = {
                { 0.1, "0.1" },
                { 100, "100" },
                { -2.5, "-2.5" },
                { 0.1 + 0.2, "0.30000000000000004" },
                { 1.0 / 3, "0.3333333333333333" },
                { 1e21, "1e+21" },
                { 9007199254740993.0, "9007199254740992" },
                { 1.7976931348623157e308, "1.7976931348623157e+308" },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(cases); i++) {
                sovd_json_writer_reset(&w);
                sovd_json_double(&w, cases[i].value);
                wrote(cases[i].text);
        }
}

static void a_double_that_json_cannot_say_fails(void **state) {
        static const double values[] = { (double)NAN, (double)INFINITY, -(double)INFINITY };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(values); i++) {
                sovd_json_writer_reset(&w);
                sovd_json_double(&w, values[i]);
                failed_with(-EINVAL);
        }
}

/* --- nesting -------------------------------------------------------------------------------------------- */

static void key_outside_of_an_object(void) {
        sovd_json_key(&w, "a");
}

static void key_in_an_array(void) {
        sovd_json_array_begin(&w);
        sovd_json_key_int(&w, "a", 1);
        sovd_json_array_end(&w);
}

static void key_behind_a_key(void) {
        sovd_json_object_begin(&w);
        sovd_json_key(&w, "a");
        sovd_json_key_int(&w, "b", 1);
        sovd_json_object_end(&w);
}

static void key_without_a_value(void) {
        sovd_json_object_begin(&w);
        sovd_json_key(&w, "a");
        sovd_json_object_end(&w);
}

static void value_without_a_key(void) {
        sovd_json_object_begin(&w);
        sovd_json_int(&w, 1);
        sovd_json_object_end(&w);
}

static void second_value(void) {
        sovd_json_int(&w, 1);
        sovd_json_int(&w, 2);
}

static void end_without_a_beginning(void) {
        sovd_json_array_end(&w);
}

static void beginning_without_an_end(void) {
        sovd_json_array_begin(&w);
}

static void object_that_ends_as_an_array(void) {
        sovd_json_object_begin(&w);
        sovd_json_array_end(&w);
}

static void array_that_ends_as_an_object(void) {
        sovd_json_array_begin(&w);
        sovd_json_object_end(&w);
}

static void bad_nesting_fails(void **state) {
        static void (*const bad[])(void) = {
                key_outside_of_an_object,     key_in_an_array,          key_behind_a_key,
                key_without_a_value,          value_without_a_key,      second_value,
                end_without_a_beginning,      beginning_without_an_end, object_that_ends_as_an_array,
                array_that_ends_as_an_object,
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad); i++) {
                sovd_json_writer_reset(&w);
                bad[i]();
                failed_with(-EINVAL);
        }
}

static void the_first_failure_sticks(void **state) {
        sovd_json_writer_done(&w);
        sovd_json_writer_init(&w, 0, 4);
        sovd_json_string(&w, "too long");
        sovd_json_object_end(&w);

        failed_with(-E2BIG);
        failed_with(-E2BIG);
}

static void nothing_is_written_after_a_failure(void **state) {
        sovd_json_array_begin(&w);
        sovd_json_double(&w, (double)NAN);
        size_t len = w.len;
        sovd_json_int(&w, 1);
        sovd_json_raw(&w, "x", 1);
        sovd_json_array_end(&w);

        assert_int_equal(w.len, len);
        failed_with(-EINVAL);
}

static void depth_is_limited(void **state) {
        for (int i = 0; i < SOVD_JSON_WRITER_DEPTH - 1; i++)
                sovd_json_array_begin(&w);
        assert_int_equal(w.error, 0);
        sovd_json_array_begin(&w);
        assert_int_equal(w.error, -EINVAL);
        for (int i = 0; i < SOVD_JSON_WRITER_DEPTH; i++)
                sovd_json_array_end(&w);

        failed_with(-EINVAL);
}

/* --- the buffer ----------------------------------------------------------------------------------------- */

static void text_up_to_max_is_written(void **state) {
        sovd_json_writer_done(&w);
        sovd_json_writer_init(&w, 0, 6);
        sovd_json_string(&w, "abcd");

        wrote("\"abcd\"");
}

static void text_over_max_fails(void **state) {
        sovd_json_writer_done(&w);
        sovd_json_writer_init(&w, 0, 5);
        sovd_json_string(&w, "abcd");

        failed_with(-E2BIG);
}

static void space_is_kept_in_front_of_the_text(void **state) {
        const char *out;
        size_t len;

        sovd_json_writer_done(&w);
        sovd_json_writer_init(&w, 100, 0);
        sovd_json_string(&w, "body");

        assert_int_equal(sovd_json_writer_finish(&w, &out, &len), 0);
        memset(w.data, 'h', 100);
        assert_ptr_equal(out, w.data + 100);
        assert_int_equal(len, 6);
        assert_string_equal(out, "\"body\"");
}

static void the_buffer_grows_as_needed(void **state) {
        const char *out;
        size_t len;

        sovd_json_array_begin(&w);
        for (int i = 0; i < 10000; i++)
                sovd_json_int(&w, 1000000);
        sovd_json_array_end(&w);

        assert_int_equal(sovd_json_writer_finish(&w, &out, &len), 0);
        assert_int_equal(len, 2 + 10000 * 8 - 1);
        assert_int_equal(out[len], '\0');
}

static void a_reset_forgets_text_and_failure_and_keeps_the_buffer(void **state) {
        sovd_json_array_begin(&w);
        sovd_json_key(&w, "bad");
        sovd_json_object_begin(&w);
        const char *buffer = w.data;

        sovd_json_writer_reset(&w);
        sovd_json_string(&w, "a");

        wrote("\"a\"");
        assert_ptr_equal(w.data, buffer);
}

static void an_empty_text_is_empty(void **state) {
        wrote("");
}

static void plain_text_is_written_as_it_is(void **state) {
        char text[2000];

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        sovd_json_raw(&w, "a\"b", 3);
        sovd_json_rawf(&w, "%d %s", 5, text);

        const char *out;
        size_t len;
        assert_int_equal(sovd_json_writer_finish(&w, &out, &len), 0);
        assert_int_equal(len, 3 + 2 + 1999);
        assert_memory_equal(out, "a\"b5 xxx", 8);
        assert_int_equal(out[len - 1], 'x');
}

/* --- trees ---------------------------------------------------------------------------------------------- */

static void a_tree_is_written_with_all_kinds_of_values(void **state) {
        static const char text[] = "{\"a\":[1,2.5,\"x\\\"\",true,false,null],\"b\":{},\"c\":[]}";
        cJSON *tree = cJSON_Parse(text);

        sovd_json_tree(&w, tree);
        cJSON_Delete(tree);

        wrote(text);
}

static void a_tree_with_what_json_does_not_know_fails(void **state) {
        cJSON *raw = cJSON_CreateRaw("{");

        sovd_json_tree(&w, raw);
        cJSON_Delete(raw);
        failed_with(-EINVAL);

        sovd_json_writer_reset(&w);
        sovd_json_tree(&w, NULL);
        failed_with(-EINVAL);
}

static void a_tree_that_nests_too_deeply_fails(void **state) {
        cJSON *tree = cJSON_CreateArray();

        for (int i = 0; i < SOVD_JSON_WRITER_DEPTH; i++) {
                cJSON *above = cJSON_CreateArray();
                cJSON_AddItemToArray(above, tree);
                tree = above;
        }
        sovd_json_tree(&w, tree);
        cJSON_Delete(tree);

        failed_with(-EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_writer, free_writer)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(commas_stand_between_members_and_elements),
                TEST(a_null_string_is_written_as_null),
                TEST(quotes_backslashes_and_control_characters_are_escaped),
                TEST(names_are_escaped_too),
                TEST(integers_are_written_with_all_digits),
                TEST(a_double_is_written_in_its_shortest_form),
                TEST(a_double_that_json_cannot_say_fails),
                TEST(bad_nesting_fails),
                TEST(the_first_failure_sticks),
                TEST(nothing_is_written_after_a_failure),
                TEST(depth_is_limited),
                TEST(text_up_to_max_is_written),
                TEST(text_over_max_fails),
                TEST(space_is_kept_in_front_of_the_text),
                TEST(the_buffer_grows_as_needed),
                TEST(a_reset_forgets_text_and_failure_and_keeps_the_buffer),
                TEST(an_empty_text_is_empty),
                TEST(plain_text_is_written_as_it_is),
                TEST(a_tree_is_written_with_all_kinds_of_values),
                TEST(a_tree_with_what_json_does_not_know_fails),
                TEST(a_tree_that_nests_too_deeply_fails),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
