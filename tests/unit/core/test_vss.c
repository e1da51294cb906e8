/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_writer.h"
#include "sovd-core/vss.h"
#include <stdio.h>

static struct sovd_arena *arena;
static struct sovd_vss *vss;

static int begin(void **state) {
        return sovd_arena_new(&arena, 4096) || sovd_vss_new(&vss);
}

static int end(void **state) {
        vss = sovd_vss_free(vss);
        arena = sovd_arena_free(arena);
        return 0;
}

static void read_text(const char *text) {
        const char *why = "";

        if (sovd_vss_read(vss, text, strlen(text), arena, &why))
                fail_msg("%s", why);
}

static void is_refused(const char *text, const char *expected) {
        const char *why = NULL;

        assert_int_equal(sovd_vss_read(vss, text, strlen(text), arena, &why), SOVD_E_BAD_REQUEST);
        assert_non_null(why);
        if (strcmp(why, expected) != 0)
                fail_msg("'%s' instead of '%s'", why, expected);
}

/* A leaf "A" with these members has this schema. */
static void schema_is(const char *members, const char *expected) {
        char text[1024];
        struct sovd_json_writer w;
        struct cJSON *schema;
        const char *got;
        size_t len;

        (void)snprintf(text, sizeof(text), "{\"A\":{\"type\":\"sensor\",%s}}", members);
        vss = sovd_vss_free(vss);
        assert_int_equal(sovd_vss_new(&vss), 0);
        read_text(text);
        assert_int_equal(sovd_vss_schema(sovd_vss_find(vss, "A"), arena, &schema), 0);
        sovd_json_writer_init(&w, 0, 0);
        sovd_json_tree(&w, schema);
        assert_int_equal(sovd_json_writer_finish(&w, &got, &len), 0);
        assert_string_equal(got, expected);
        sovd_json_writer_done(&w);
}

static const char small[] = "{\"Vehicle\":{\"type\":\"branch\",\"description\":\"v\",\"children\":{"
                            "\"Speed\":{\"type\":\"sensor\",\"datatype\":\"float\",\"unit\":\"km/"
                            "h\",\"description\":\"How fast.\"},"
                            "\"Door\":{\"type\":\"branch\",\"children\":{\"IsOpen\":{\"type\":\"actuator\","
                            "\"datatype\":\"boolean\"}}}}}}";

static void leaves_are_found_by_their_paths(void **state) {
        size_t n;

        read_text(small);
        const struct sovd_vss_leaf *leaf = sovd_vss_find(vss, "Vehicle.Speed");
        assert_non_null(leaf);
        assert_int_equal(leaf->kind, SOVD_VSS_SENSOR);
        assert_string_equal(leaf->datatype, "float");
        assert_string_equal(leaf->unit, "km/h");
        assert_string_equal(leaf->description, "How fast.");
        assert_null(leaf->min);
        assert_int_equal(sovd_vss_find(vss, "Vehicle.Door.IsOpen")->kind, SOVD_VSS_ACTUATOR);
        assert_null(sovd_vss_find(vss, "Vehicle.Door"));
        assert_null(sovd_vss_find(vss, "Vehicle"));
        assert_null(sovd_vss_find(vss, ""));
        assert_null(sovd_vss_version(vss, arena));
        (void)sovd_vss_leaves(vss, &n);
        assert_int_equal(n, 2);
}

static void a_later_file_changes_adds_and_takes_away(void **state) {
        size_t n;

        read_text(small);
        read_text("{\"Vehicle\":{\"children\":{\"Speed\":{\"unit\":\"m/s\",\"min\":0,\"x-oem\":{\"a\":1}},"
                  "\"Door\":{\"type\":\"branch\",\"children\":{\"IsOpen\":{\"delete\":true},"
                  "\"Name\":{\"type\":\"attribute\",\"datatype\":\"string\",\"default\":\"x\"}}}}}}");
        const struct sovd_vss_leaf *leaf = sovd_vss_find(vss, "Vehicle.Speed");
        assert_string_equal(leaf->unit, "m/s");
        assert_string_equal(leaf->min, "0");
        assert_string_equal(leaf->description, "How fast.");
        assert_null(sovd_vss_find(vss, "Vehicle.Door.IsOpen"));
        assert_string_equal(sovd_vss_find(vss, "Vehicle.Door.Name")->def, "\"x\"");
        read_text("{\"Vehicle\":{\"children\":{\"Speed\":{\"unit\":\"kn\"}}}}");
        assert_string_equal(sovd_vss_find(vss, "Vehicle.Speed")->unit, "kn");
        (void)sovd_vss_leaves(vss, &n);
        assert_int_equal(n, 2);
}

#define NUMBER(name, value)                                                                                  \
        "\"" name "\":{\"type\":\"attribute\",\"datatype\":\"uint32\",\"default\":" value "}"

static void the_version_is_that_of_the_file(void **state) {
        read_text("{\"Vehicle\":{\"type\":\"branch\",\"children\":{\"VersionVSS\":{\"type\":\"branch\","
                  "\"children\":{" NUMBER("Major", "6") "," NUMBER("Minor", "0") "," NUMBER("Patch",
                                                                                            "12") "}}}}}");
        assert_string_equal(sovd_vss_version(vss, arena), "6.0.12");
        read_text("{\"Vehicle\":{\"children\":{\"VersionVSS\":{\"children\":{\"Patch\":{\"default\":\"x\"}}}}"
                  "}}");
        assert_null(sovd_vss_version(vss, arena));
}

static void a_schema_has_the_narrower_bounds(void **state) {
        schema_is("\"datatype\":\"uint8\"", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":255}");
        schema_is("\"datatype\":\"uint8\",\"min\":-5,\"max\":100",
                  "{\"type\":\"integer\",\"minimum\":0,\"maximum\":100}");
        schema_is("\"datatype\":\"int16\",\"min\":-5",
                  "{\"type\":\"integer\",\"minimum\":-5,\"maximum\":32767}");
        schema_is("\"datatype\":\"uint64\"",
                  "{\"type\":\"integer\",\"minimum\":0,\"maximum\":18446744073709551615}");
        schema_is("\"datatype\":\"int64\"",
                  "{\"type\":\"integer\",\"minimum\":-9223372036854775808,\"maximum\":9223372036854775807}");
        schema_is("\"datatype\":\"float\"", "{\"type\":\"number\"}");
        schema_is("\"datatype\":\"double\",\"max\":1.50", "{\"type\":\"number\",\"maximum\":1.50}");
}

static void a_schema_has_the_allowed_values_the_pattern_and_the_elements(void **state) {
        schema_is("\"datatype\":\"boolean\"", "{\"type\":\"boolean\"}");
        schema_is("\"datatype\":\"string\",\"allowed\":[\"A\",\"B\"]",
                  "{\"type\":\"string\",\"enum\":[\"A\",\"B\"]}");
        schema_is("\"datatype\":\"string\",\"pattern\":\"^\\\"$\"",
                  "{\"type\":\"string\",\"pattern\":\"^\\\"$\"}");
        schema_is("\"datatype\":\"uint8[]\",\"max\":3",
                  "{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":3}}");
        schema_is("\"datatype\":\"Types.Point\"", "{\"type\":\"object\"}");
        schema_is("\"datatype\":\"Types.Point[]\"", "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}");
}

#define LEAF(members) "{\"V\":{\"type\":\"branch\",\"children\":{\"A\":{" members "}}}}"
#define AT            "/V/children/A"

static void a_mistake_is_told_with_its_place(void **state) {
        is_refused("[]", ": is not an object");
        is_refused("{\"V\":3}", "/V: is not an object");
        is_refused("{\"V w\":{}}", ": has a name with something else than letters, digits, _ and -");
        is_refused("{\"V\":{\"type\":\"branch\",\"children\":{\"a.b\":{}}}}",
                   "/V/children: has a name with something else than letters, digits, _ and -");
        is_refused("{\"V\":{\"type\":\"branch\",\"children\":[]}}", "/V/children: is not an object");
        is_refused(LEAF("\"type\":\"leaf\",\"datatype\":\"uint8\""),
                   AT "/type: is none of branch, sensor, actuator and attribute");
        is_refused(LEAF("\"type\":1"), AT "/type: is not a text");
        is_refused(LEAF("\"datatype\":\"uint8\""), AT "/type: is missing");
        is_refused(LEAF("\"type\":\"sensor\""), AT "/datatype: is missing");
        is_refused(LEAF("\"type\":\"sensor\",\"datatype\":\"uint9\""), AT "/datatype: is no datatype of VSS");
        is_refused(LEAF("\"type\":\"sensor\",\"datatype\":\"uint8[\""),
                   AT "/datatype: is no datatype of VSS");
        is_refused(LEAF("\"type\":\"sensor\",\"datatype\":\"uint8\",\"unit\":5"), AT "/unit: is not a text");
        is_refused(LEAF("\"type\":\"sensor\",\"datatype\":\"uint8\",\"min\":\"5\""),
                   AT "/min: is not a number");
        is_refused(LEAF("\"type\":\"sensor\",\"datatype\":\"uint8\",\"min\":5,\"max\":4"),
                   AT "/min: is above max");
        is_refused(LEAF("\"type\":\"sensor\",\"datatype\":\"uint8\",\"allowed\":[]"),
                   AT "/allowed: is not a list with values");
        is_refused(LEAF("\"type\":\"sensor\",\"datatype\":\"uint8\",\"allowed\":[{}]"),
                   AT "/allowed: has something else than texts, numbers and booleans");
        is_refused(LEAF("\"type\":\"sensor\",\"children\":{}"), AT "/children: only a branch has these");
        is_refused(LEAF("\"delete\":true"), AT "/delete: there is no such leaf");
        is_refused(LEAF("\"delete\":1"), AT "/delete: is neither true nor false");
}

static void a_text_that_is_no_json_is_told_with_its_byte(void **state) {
        const char *why = NULL;

        assert_int_equal(sovd_vss_read(vss, "{\"A\":{}", 7, arena, &why), SOVD_E_BAD_REQUEST);
        assert_ptr_equal(strstr(why, "at byte 7: "), why);
        assert_int_equal(sovd_vss_read(vss, "{\"A\":{},\"A\":{}}", 15, arena, &why), SOVD_E_BAD_REQUEST);
}

static void a_path_has_a_longest_length(void **state) {
        char text[4096], name[101];
        size_t n = 0;

        memset(name, 'a', 100);
        name[100] = '\0';
        for (int i = 0; i < 6; i++)
                n += (size_t)snprintf(text + n, sizeof(text) - n,
                                      "{\"%s\":{\"type\":\"branch\",\"children\":", name);
        n += (size_t)snprintf(text + n, sizeof(text) - n, "{}");
        for (int i = 0; i < 6; i++)
                n += (size_t)snprintf(text + n, sizeof(text) - n, "}}");
        const char *why = NULL;
        assert_int_equal(sovd_vss_read(vss, text, n, arena, &why), SOVD_E_BAD_REQUEST);
        assert_non_null(strstr(why, "the path is too long"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(leaves_are_found_by_their_paths, begin, end),
                cmocka_unit_test_setup_teardown(a_later_file_changes_adds_and_takes_away, begin, end),
                cmocka_unit_test_setup_teardown(the_version_is_that_of_the_file, begin, end),
                cmocka_unit_test_setup_teardown(a_schema_has_the_narrower_bounds, begin, end),
                cmocka_unit_test_setup_teardown(a_schema_has_the_allowed_values_the_pattern_and_the_elements,
                                                begin, end),
                cmocka_unit_test_setup_teardown(a_mistake_is_told_with_its_place, begin, end),
                cmocka_unit_test_setup_teardown(a_text_that_is_no_json_is_told_with_its_byte, begin, end),
                cmocka_unit_test_setup_teardown(a_path_has_a_longest_length, begin, end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
