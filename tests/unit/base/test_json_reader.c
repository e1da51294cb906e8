/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_writer.h"
#include <cjson/cJSON.h>
#include <stdio.h>

static struct sovd_json_fault fault;

/* The text gets an allocation of exactly its size: a sanitizer sees a read past its end. */
static bool accepts_bytes(const char *text, size_t len, const struct sovd_json_limits *limits) {
        _cleanup_(sovd_freep) char *copy = malloc(len ? len : 1);

        assert_non_null(copy);
        memcpy(copy, text, len);
        return sovd_json_validate(copy, len, limits, &fault);
}

static bool accepts(const char *text) {
        return accepts_bytes(text, strlen(text), NULL);
}

static void refuses(const char *text, size_t offset, const char *reason) {
        if (accepts(text))
                fail_msg("accepted: %s", text);
        assert_string_equal(fault.reason, reason);
        assert_int_equal(fault.offset, offset);
}

static void delete_tree(cJSON **tree) {
        cJSON_Delete(*tree);
}
#define _cleanup_tree_ _cleanup_(delete_tree)

static cJSON *parse(const char *text) {
        cJSON *tree = NULL;

        assert_int_equal(sovd_json_parse(&tree, text, strlen(text), NULL, &fault), 0);
        return tree;
}

/* Parses the text and writes the tree again; the two are the same. */
static void comes_back(const char *text) {
        _cleanup_tree_ cJSON *tree = parse(text);
        struct sovd_json_writer w;
        const char *out = NULL;
        size_t len = 0;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_tree(&w, tree);
        assert_int_equal(sovd_json_writer_finish(&w, &out, &len), 0);
        assert_string_equal(out, text);
        assert_int_equal(len, strlen(text));
        sovd_json_writer_done(&w);
}

static char *repeat(const char *part, size_t n, const char *middle, const char *end) {
        size_t len = strlen(part) * n + strlen(middle) + strlen(end) * n + 1;
        char *out = malloc(len), *p = out;

        assert_non_null(out);
        for (size_t i = 0; i < n; i++)
                p = stpcpy(p, part);
        p = stpcpy(p, middle);
        for (size_t i = 0; i < n; i++)
                p = stpcpy(p, end);
        return out;
}

/* --- the grammar of RFC 8259, section by section -------------------------------------------------------- */

static const char *const good_texts[] = {
        /* 2: any value is a text, white space around the six structural characters */
        "null",
        "true",
        "false",
        "0",
        "\"\"",
        "[]",
        "{}",
        " \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 \t\r\n] \t\r\n",
        " { \"a\" : 1 , \"b\" : 2 } ",
        "[ ]",
        "{\n}",
        /* 4: objects */
        "{\"\":0}",
        "{\"a\":{\"a\":{\"a\":null}}}",
        "{\"a\":1,\"A\":2}",
        "{\"a\":[],\"b\":{},\"c\":\"\"}",
        "[{\"a\":1},{\"a\":2}]",
        /* 5: arrays */
        "[[],[[]],[[],[]]]",
        "[null,true,false,0,\"\",[],{}]",
        "[1,1,1]",
        /* 6: numbers */
        "-0",
        "-1",
        "10",
        "1234567890",
        "0.0",
        "-0.0",
        "1.5",
        "0.001",
        "1e0",
        "1E0",
        "1e+1",
        "1e-1",
        "0e0",
        "0e+1",
        "-1.5E-10",
        "123.456e78",
        "1e308",
        "1e-400",
        "123456789012345678901234567890",
        /* 7: strings */
        "\"a\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u0041\\uabcd\\uABCD\"",
        "\"\\ud834\\udd1e\"",
        "\"\\uD834\\uDD1E\"",
        "\"\x7f\"",
        "\"caf\u00e9 \u96fb\u6c60 \U0001f50b\"",
        "\"\\u0001\\u001f\"",
        "\"\\u2028\u2029\"",
        "\"[1,{]\"",
        "\"\ufeff\"",
        "\"\uffff\"",
};

static void texts_of_the_grammar_are_accepted(void **state) {
        for (size_t i = 0; i < SOVD_N_ELEMENTS(good_texts); i++)
                if (!accepts(good_texts[i]))
                        fail_msg("refused: %s: %s at %zu", good_texts[i], fault.reason, fault.offset);
}

static const char *const bad_texts[] = {
        /* 2: no value, another character, another white space */
        "",
        " ",
        "\v1",
        "\f1",
        "\u00a01",
        "[1]\v",
        "#",
        "'a'",
        "a",
        "<null>",
        "[\v]",
        "/**/1",
        "1//x",
        "[1]#",
        /* 3: the three words are lower case and whole */
        "nul",
        "nulll",
        "True",
        "FALSE",
        "tru",
        "truefalse",
        "NaN",
        "Infinity",
        "-Infinity",
        "-NaN",
        "undefined",
        /* 4: objects */
        "{",
        "}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{null:1}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\" 1}",
        "{\"a\"::1}",
        "{\"a\":1,}",
        "{,}",
        "{,\"a\":1}",
        "{\"a\":1,,\"b\":2}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1;\"b\":2}",
        "{\"a\":1]",
        "{\"a\":1}}",
        "{\"a\":1",
        "{\"a",
        "{\"a\":1,",
        "{[]:1}",
        "{\"a\":1}x",
        /* 5: arrays */
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,]",
        "[,1]",
        "[1,,2]",
        "[1 2]",
        "[1:2]",
        "[1}",
        "[1]]",
        "[1][2]",
        "[1] 2",
        "[\"a\",\n4\n,1,",
        /* 6: numbers */
        "-",
        "+1",
        "01",
        "-01",
        "00",
        "1.",
        "-1.",
        ".5",
        "-.5",
        "1.e1",
        "1e",
        "1e+",
        "1E-",
        "1e1.5",
        "0x10",
        "1a",
        "1_000",
        "1,000",
        "--1",
        "- 1",
        "1 e1",
        "0e",
        "0.e1",
        "1eE2",
        "\uff11",
        "[1 000]",
        "2.e+3",
        "0.1.2",
        /* 7: strings */
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\a\"",
        "\"\\x41\"",
        "\"\\'\"",
        "\"\\0\"",
        "\"\\U0041\"",
        "\"\\u\"",
        "\"\\u004\"",
        "\"\\u00g1\"",
        "\"\\u+041\"",
        "\"\t\"",
        "\"\n\"",
        "\"\x1f\"",
        "\"\\",
        "\"\\u004",
        "\"a\\\nb\"",
        "\"a\"b\"",
        "\"\\\u00e9\"",
};

static void texts_outside_of_the_grammar_are_refused(void **state) {
        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad_texts); i++)
                if (accepts(bad_texts[i]))
                        fail_msg("accepted: %s", bad_texts[i]);
}

/* --- each reason, at the byte where it is seen ---------------------------------------------------------- */

static void a_refusal_tells_the_reason_and_the_place(void **state) {
        refuses("[1,x]", 3, "not a JSON value");
        refuses("[1,tru]", 3, "not a JSON value");
        refuses("[1,", 3, "the text ends where a value is needed");
        refuses("[1] ]", 4, "something follows the value");
        refuses("[1;", 2, "',' or ']' is missing");
        refuses("{\"a\":1]", 6, "',' or '}' is missing");
        refuses("{\"a\" 1}", 5, "a colon is missing");
        refuses("{a:1}", 1, "a member needs a name in quotes");
        refuses("\"ab", 3, "the text ends inside a string");
        refuses("\"a\nb\"", 2, "a control character inside a string");
        refuses("\"a\\q\"", 3, "unknown escape");
        refuses("\"\\u12x4\"", 2, "\\u needs four hexadecimal digits");
        refuses("[01]", 3, "not a number as JSON writes it");
        refuses("[1.]", 3, "a fraction needs a digit");
        refuses("[1e]", 3, "an exponent needs a digit");
}

static void a_byte_order_mark_is_refused(void **state) {
        refuses("\xef\xbb\xbf{}", 0, "not a JSON value");
}

static void bytes_behind_the_value_are_refused(void **state) {
        assert_false(accepts_bytes("{}\0", 3, NULL));
        assert_string_equal(fault.reason, "something follows the value");
        assert_false(accepts_bytes("1\0", 2, NULL));
        assert_int_equal(fault.offset, 1);
        refuses("{}{}", 2, "something follows the value");
}

static void a_nul_byte_is_refused_everywhere(void **state) {
        assert_false(accepts_bytes("\0", 1, NULL));
        assert_false(accepts_bytes("[\0]", 3, NULL));
        assert_false(accepts_bytes("[1\0]", 4, NULL));
        assert_false(accepts_bytes("\"a\0b\"", 5, NULL));
        assert_string_equal(fault.reason, "a control character inside a string");
}

static void a_text_cut_short_anywhere_is_refused_without_reading_on(void **state) {
        static const char text[] =
                "{\"a\\u00e9\\ud834\\udd1e\":[1.5e10,true,null,\"\U0001f50b\"],\"b\":{\"c\":false}}";

        assert_true(accepts(text));
        for (size_t n = 0; n < strlen(text); n++)
                assert_false(accepts_bytes(text, n, NULL));
}

/* --- strings -------------------------------------------------------------------------------------------- */

static void the_escape_of_u0000_is_refused(void **state) {
        refuses("\"a\\u0000\"", 3, "the character U+0000 is not allowed");
        refuses("{\"\\u0000\":1}", 3, "the character U+0000 is not allowed");
}

static void a_surrogate_without_its_partner_is_refused(void **state) {
        static const char *const texts[] = {
                "\"\\ud834\"", "\"\\ud834x\"",       "\"\\ud834\\n\"",      "\"\\ud834\\u0041\"",
                "\"\\udd1e\"", "\"\\udd1e\\ud834\"", "\"\\ud834\\ud834\"",  "\"\\ud834\\udd1\"",
                "\"\\ud834\\", "\"\\udbff\\ue000\"", "\"\\ud834 \\udd1e\"",
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++) {
                assert_false(accepts(texts[i]));
                assert_string_equal(fault.reason, "a surrogate without its partner");
        }
}

static const struct {
        const char *bytes;
        bool valid;
} utf8[] = {
        { "\xc2\x80", true },
        { "\xdf\xbf", true },
        { "\xe0\xa0\x80", true },
        { "\xed\x9f\xbf", true },
        { "\xee\x80\x80", true },
        { "\xef\xbf\xbf", true },
        { "\xf0\x90\x80\x80", true },
        { "\xf4\x8f\xbf\xbf", true },
        { "\x7f", true },
        { "\x80", false },
        { "\xbf", false },
        { "\xc0\xaf", false },
        { "\xc1\xbf", false },
        { "\xc2", false },
        { "\xc2\x41", false },
        { "\xe0\x80\xaf", false },
        { "\xe0\x9f\xbf", false },
        { "\xe1\x80", false },
        { "\xe1\x80\xc0", false },
        { "\xed\xa0\x80", false },
        { "\xed\xbf\xbf", false },
        { "\xf0\x80\x80\xaf", false },
        { "\xf0\x8f\xbf\xbf", false },
        { "\xf0\x90\x80", false },
        { "\xf0\x90\x41\x80", false },
        { "\xf4\x90\x80\x80", false },
        { "\xf5\x80\x80\x80", false },
        { "\xf8\x88\x80\x80\x80", false },
        { "\xfe", false },
        { "\xff", false },
};

static void only_valid_utf8_stands_in_a_string(void **state) {
        char text[16];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(utf8); i++) {
                (void)snprintf(text, sizeof(text), "\"%s\"", utf8[i].bytes);
                assert_int_equal(accepts(text), utf8[i].valid);
                if (!utf8[i].valid)
                        assert_string_equal(fault.reason, "not valid UTF-8");
        }
}

static void utf8_is_judged_by_rfc_3629(void **state) {
        for (size_t i = 0; i < SOVD_N_ELEMENTS(utf8); i++)
                assert_int_equal(sovd_utf8_is_valid(utf8[i].bytes, strlen(utf8[i].bytes)), utf8[i].valid);
        assert_true(sovd_utf8_is_valid("", 0));
        assert_false(sovd_utf8_is_valid("abc\xff", 4));
        assert_true(sovd_utf8_is_valid("abc\xff", 3));
}

/* --- objects -------------------------------------------------------------------------------------------- */

static void the_same_member_twice_is_refused(void **state) {
        refuses("{\"a\":1,\"a\":2}", 10, "the same member twice");
        refuses("{\"\":1,\"\":2}", 8, "the same member twice");
        refuses("[{\"x\":{\"a\":1,\"b\":2,\"a\":3}}]", 22, "the same member twice");
}

static void the_same_member_in_another_spelling_is_refused(void **state) {
        static const char *const texts[] = {
                "{\"a\":1,\"\\u0061\":2}",
                "{\"\\u0061\":1,\"a\":2}",
                "{\"\u00e9\":1,\"\\u00e9\":2}",
                "{\"\\u00E9\":1,\"\\u00e9\":2}",
                "{\"\u96fb\":1,\"\\u96fb\":2}",
                "{\"\U0001d11e\":1,\"\\ud834\\udd1e\":2}",
                "{\"/\":1,\"\\/\":2}",
                "{\"\\n\":1,\"\\u000a\":2}",
                "{\"\\\"\":1,\"\\u0022\":2}",
                "{\"\\b\\f\\r\\t\\\\\":1,\"\\u0008\\u000c\\u000d\\u0009\\u005c\":2}",
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++) {
                if (accepts(texts[i]))
                        fail_msg("accepted: %s", texts[i]);
                assert_string_equal(fault.reason, "the same member twice");
        }
}

static void members_that_only_look_alike_are_accepted(void **state) {
        assert_true(accepts("{\"a\":1,\"\\\\u0061\":2}"));
        assert_true(accepts("{\"\u00e9\":1,\"e\u0301\":2}"));
        assert_true(accepts("{\"a\":{\"a\":1},\"b\":{\"a\":2}}"));
        assert_true(accepts("{\"a\":1,\"a \":2,\"\":3,\" \":4}"));
}

static char *object_of(size_t n, const char *last) {
        char *out = malloc(n * 16 + 64), *p = out;

        assert_non_null(out);
        *p++ = '{';
        for (size_t i = 0; i < n; i++)
                p += sprintf(p, "%s\"m%zu\":0", i ? "," : "", i);
        (void)sprintf(p, "%s}", last);
        return out;
}

static void an_object_has_at_most_1024_members(void **state) {
        _cleanup_(sovd_freep) char *most = object_of(1024, ""), *over = object_of(1025, "");

        assert_true(accepts(most));
        assert_false(accepts(over));
        assert_string_equal(fault.reason, "more than 1024 members in one object");
}

static void a_member_that_comes_again_is_found_among_many(void **state) {
        _cleanup_(sovd_freep) char *first = object_of(1000, ",\"m0\":1"),
                                   *last = object_of(1000, ",\"m999\":1");

        assert_false(accepts(first));
        assert_string_equal(fault.reason, "the same member twice");
        assert_false(accepts(last));
        assert_string_equal(fault.reason, "the same member twice");
}

static void a_member_name_has_at_most_128_bytes(void **state) {
        _cleanup_(sovd_freep) char *most = repeat("k", 128, "\":1}", ""),
                                   *escaped = repeat("\\u00e9", 64, "\":1}", ""),
                                   *wide = repeat("\u00e9", 64, "x\":1}", "");
        char text[1024];

        (void)snprintf(text, sizeof(text), "{\"%s", most);
        assert_true(accepts(text));
        (void)snprintf(text, sizeof(text), "{\"%s", escaped);
        assert_true(accepts(text));
        (void)snprintf(text, sizeof(text), "{\"x%s", most);
        assert_false(accepts(text));
        assert_string_equal(fault.reason, "a member name of more than 128 bytes");
        (void)snprintf(text, sizeof(text), "{\"%s", wide);
        assert_false(accepts(text));
}

/* --- limits --------------------------------------------------------------------------------------------- */

static void texts_nest_32_deep_and_no_deeper(void **state) {
        _cleanup_(sovd_freep) char *arrays = repeat("[", 32, "1", "]"), *too_many = repeat("[", 33, "", "]"),
                                   *objects = repeat("{\"a\":", 32, "1", "}"),
                                   *over = repeat("{\"a\":", 33, "1", "}");

        assert_true(accepts(arrays));
        assert_true(accepts(objects));
        assert_false(accepts(too_many));
        assert_string_equal(fault.reason, "nested too deeply");
        assert_false(accepts(over));
        assert_string_equal(fault.reason, "nested too deeply");
}

static void the_depth_can_be_set(void **state) {
        const struct sovd_json_limits two = { .max_depth = 2 };

        assert_true(accepts_bytes("[[1]]", 5, &two));
        assert_false(accepts_bytes("[[[]]]", 6, &two));
        assert_int_equal(fault.offset, 2);
}

static void a_text_has_at_most_10000_values(void **state) {
        _cleanup_(sovd_freep) char *most = repeat(" 1,", 9998, "1]", ""),
                                   *over = repeat(" 1,", 9999, "1]", "");

        *most = *over = '['; /* and itself a value */
        assert_true(accepts(most));
        assert_false(accepts(over));
        assert_string_equal(fault.reason, "too many values");
}

static void the_number_of_values_can_be_set(void **state) {
        const struct sovd_json_limits three = { .max_nodes = 3 };

        assert_true(accepts_bytes("[1,2]", 5, &three));
        assert_true(accepts_bytes("{\"a\":[]}", 8, &three));
        assert_false(accepts_bytes("[1,2,3]", 7, &three));
        assert_false(accepts_bytes("[[[[]]]]", 8, &three));
        assert_string_equal(fault.reason, "too many values");
}

static void a_number_beyond_a_double_is_refused(void **state) {
        refuses("1e400", 5, "a number beyond the range of a double");
        refuses("[-1e309]", 7, "a number beyond the range of a double");
        assert_true(accepts("1.7976931348623157e308"));
}

static void a_number_has_at_most_63_characters(void **state) {
        _cleanup_(sovd_freep) char *most = repeat("1", 63, "", ""), *over = repeat("1", 64, "", "");

        assert_true(accepts(most));
        assert_false(accepts(over));
        assert_string_equal(fault.reason, "a number of more than 63 characters");
}

/* --- parsing -------------------------------------------------------------------------------------------- */

static void numbers_keep_their_digits(void **state) {
        static const char *const numbers[] = {
                "23.0",
                "1e2",
                "9007199254740993",
                "-0",
                "0.1000",
                "1E+2",
                "18446744073709551616",
                "-9223372036854775808",
                "0.30000000000000004",
                "1e-400",
                "-0.0e-0",
                "123456789012345678901234567890.123456789e-12",
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(numbers); i++)
                comes_back(numbers[i]);
        comes_back("[23.0,1e2,9007199254740993,-0,0.1000]");
}

static void numbers_in_names_and_strings_do_not_shift_the_digits(void **state) {
        comes_back("{\"1\":2.0,\"-3e5\":\"4.0\",\"5\":[\"6\",7.00,\"8\\\"9\",10.0],\"11\\\\\":12.0}");
        comes_back("[\"1\",\"\\\\\",2.0,\"\\\\\\\"3\",4.0,true,null,\"-5\",-6.0]");
}

static void white_space_does_not_shift_the_digits(void **state) {
        _cleanup_tree_ cJSON *tree = parse(" { \"a\" :\n 1.50 ,\t\"b\" : [ 2.0 , -3e0 ] } ");
        const cJSON *b = cJSON_GetObjectItem(tree, "b");

        assert_string_equal(cJSON_GetObjectItem(tree, "a")->valuestring, "1.50");
        assert_string_equal(cJSON_GetArrayItem(b, 0)->valuestring, "2.0");
        assert_string_equal(cJSON_GetArrayItem(b, 1)->valuestring, "-3e0");
}

static void a_text_need_not_end_with_nul(void **state) {
        cJSON *tree = NULL;

        assert_int_equal(sovd_json_parse(&tree, "[12345]", 7, NULL, &fault), 0);
        cJSON_Delete(tree);
        tree = NULL;
        assert_int_equal(sovd_json_parse(&tree, "123456", 3, NULL, &fault), 0);
        assert_string_equal(tree->valuestring, "123");
        cJSON_Delete(tree);
}

static void a_refused_text_gives_no_tree(void **state) {
        cJSON *tree = NULL;

        assert_int_equal(sovd_json_parse(&tree, "[1,]", 4, NULL, &fault), SOVD_E_BAD_REQUEST);
        assert_null(tree);
        assert_int_equal(fault.offset, 3);
}

static void strings_are_decoded(void **state) {
        _cleanup_tree_ cJSON *tree = parse("\"\\u0041\\n\\ud834\\udd1e\\/\u00e9\"");

        assert_string_equal(tree->valuestring, "A\n\U0001d11e/\u00e9");
}

static void get_int_as(const char *text, bool ok, int64_t value) {
        _cleanup_tree_ cJSON *tree = parse(text);
        int64_t v = 77;

        assert_int_equal(sovd_json_get_int(tree, &v), ok);
        if (ok)
                assert_int_equal(v, value);
}

static void an_integer_of_64_bits_is_read_whole(void **state) {
        get_int_as("0", true, 0);
        get_int_as("-0", true, 0);
        get_int_as("9007199254740993", true, 9007199254740993);
        get_int_as("9223372036854775807", true, INT64_MAX);
        get_int_as("-9223372036854775808", true, INT64_MIN);
}

static void what_is_not_an_integer_of_64_bits_is_not_read_as_one(void **state) {
        static const char *const texts[] = { "9223372036854775808",
                                             "-9223372036854775809",
                                             "1.0",
                                             "1e2",
                                             "1E0",
                                             "\"1\"",
                                             "true",
                                             "null",
                                             "[1]",
                                             "{}" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++)
                get_int_as(texts[i], false, 0);
}

static void a_number_that_was_built_is_an_integer_when_it_is_exact(void **state) {
        static const struct {
                double value;
                bool ok;
        } cases[] = { { 5, true },      { -7, true },     { 5.5, false }, { 9007199254740992.0, true },
                      { 1e300, false }, { -1e300, false } };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(cases); i++) {
                _cleanup_tree_ cJSON *node = cJSON_CreateNumber(cases[i].value);
                int64_t v = 0;

                assert_int_equal(sovd_json_get_int(node, &v), cases[i].ok);
                if (cases[i].ok)
                        assert_true((double)v == cases[i].value);
        }
}

static void only_a_number_is_read_as_a_double(void **state) {
        _cleanup_tree_ cJSON *number = parse("-1.25e2"), *string = parse("\"1\"");
        double v = 0;

        assert_true(sovd_json_get_double(number, &v));
        assert_true(v == -125);
        assert_false(sovd_json_get_double(string, &v));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(texts_of_the_grammar_are_accepted),
                cmocka_unit_test(texts_outside_of_the_grammar_are_refused),
                cmocka_unit_test(a_refusal_tells_the_reason_and_the_place),
                cmocka_unit_test(a_byte_order_mark_is_refused),
                cmocka_unit_test(bytes_behind_the_value_are_refused),
                cmocka_unit_test(a_nul_byte_is_refused_everywhere),
                cmocka_unit_test(a_text_cut_short_anywhere_is_refused_without_reading_on),
                cmocka_unit_test(the_escape_of_u0000_is_refused),
                cmocka_unit_test(a_surrogate_without_its_partner_is_refused),
                cmocka_unit_test(only_valid_utf8_stands_in_a_string),
                cmocka_unit_test(utf8_is_judged_by_rfc_3629),
                cmocka_unit_test(the_same_member_twice_is_refused),
                cmocka_unit_test(the_same_member_in_another_spelling_is_refused),
                cmocka_unit_test(members_that_only_look_alike_are_accepted),
                cmocka_unit_test(an_object_has_at_most_1024_members),
                cmocka_unit_test(a_member_that_comes_again_is_found_among_many),
                cmocka_unit_test(a_member_name_has_at_most_128_bytes),
                cmocka_unit_test(texts_nest_32_deep_and_no_deeper),
                cmocka_unit_test(the_depth_can_be_set),
                cmocka_unit_test(a_text_has_at_most_10000_values),
                cmocka_unit_test(the_number_of_values_can_be_set),
                cmocka_unit_test(a_number_beyond_a_double_is_refused),
                cmocka_unit_test(a_number_has_at_most_63_characters),
                cmocka_unit_test(numbers_keep_their_digits),
                cmocka_unit_test(numbers_in_names_and_strings_do_not_shift_the_digits),
                cmocka_unit_test(white_space_does_not_shift_the_digits),
                cmocka_unit_test(a_text_need_not_end_with_nul),
                cmocka_unit_test(a_refused_text_gives_no_tree),
                cmocka_unit_test(strings_are_decoded),
                cmocka_unit_test(an_integer_of_64_bits_is_read_whole),
                cmocka_unit_test(what_is_not_an_integer_of_64_bits_is_not_read_as_one),
                cmocka_unit_test(a_number_that_was_built_is_an_integer_when_it_is_exact),
                cmocka_unit_test(only_a_number_is_read_as_a_double),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
