/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/schema.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <stdio.h>

struct cell {
        const char *id;
        struct sovd_int volts;
};

struct pack {
        const char *name;
        struct sovd_int count;
        struct sovd_number level;
        struct sovd_bool charging;
        int mode;
        const cJSON *any, *object;
        struct cell *main;
        struct sovd_list cells;
        struct sovd_strings tags;
        const char *slashed;
        const cJSON *extra;
};

static const char *const modes[] = { "idle", "drive", NULL };

static const struct sovd_field cell_fields[] = { { .name = "id",
                                                   .type = SOVD_FIELD_STRING,
                                                   .offset = offsetof(struct cell, id),
                                                   .flags = SOVD_REQUIRED },
                                                 { .name = "volts",
                                                   .type = SOVD_FIELD_INT,
                                                   .offset = offsetof(struct cell, volts),
                                                   .doc = "In millivolts." },
                                                 { 0 } };
static const struct sovd_schema cell_schema = { .name = "Cell",
                                                .size = sizeof(struct cell),
                                                .fields = cell_fields };

#define F(word, kind) .name = #word, .type = SOVD_FIELD_##kind, .offset = offsetof(struct pack, word)
static const struct sovd_field pack_fields[] = { { F(name, STRING), .flags = SOVD_REQUIRED, .min = 1,
                                                   .max = 8 },
                                                 { F(count, INT), .min = -5, .max = 10 },
                                                 { F(level, NUMBER), .min = 0, .max = 100 },
                                                 { F(charging, BOOL) },
                                                 { F(mode, ENUM), .names = modes },
                                                 { F(any, JSON) },
                                                 { F(object, JSON), .flags = SOVD_ANY_OBJECT },
                                                 { F(main, OBJECT), .of = &cell_schema },
                                                 { F(cells, LIST), .of = &cell_schema, .max = 3 },
                                                 { F(tags, STRINGS), .flags = SOVD_EMPTY_LIST, .max = 2 },
                                                 { .name = "a/b~c",
                                                   .type = SOVD_FIELD_STRING,
                                                   .offset = offsetof(struct pack, slashed),
                                                   .format = "uri" },
                                                 { 0 } };
static const struct sovd_schema pack_schema = {
        .name = "Pack",
        .size = sizeof(struct pack),
        .fields = pack_fields,
        .doc = "A battery.",
        .extra = offsetof(struct pack, extra),
};

/* What is left of Pack when nothing is kept beside the members, with defaults. */
struct plan {
        const char *name;
        struct sovd_int seconds;
        struct sovd_bool on;
        int mode;
        struct cell *cell;
        struct sovd_strings tags;
};
#define P(word, kind) .name = #word, .type = SOVD_FIELD_##kind, .offset = offsetof(struct plan, word)
static const struct sovd_field plan_fields[] = { { P(name, STRING), .def = "none" },
                                                 { P(seconds, INT), .def = "30" },
                                                 { P(on, BOOL), .def = "true" },
                                                 { P(mode, ENUM), .names = modes, .def = "drive" },
                                                 { P(cell, OBJECT), .of = &cell_schema,
                                                   .def = "{\"id\":\"c0\"}" },
                                                 { P(tags, STRINGS), .def = "[\"a\",\"b\"]" },
                                                 { 0 } };
static const struct sovd_schema plan_schema = { .name = "Plan",
                                                .size = sizeof(struct plan),
                                                .fields = plan_fields };

/* Cell with more members: its own struct begins with the one of the base. */
struct tall_cell {
        struct cell cell;
        struct sovd_int height;
};
static const struct sovd_field tall_fields[] = { { .name = "height",
                                                   .type = SOVD_FIELD_INT,
                                                   .offset = offsetof(struct tall_cell, height),
                                                   .flags = SOVD_REQUIRED },
                                                 { 0 } };
static const struct sovd_schema tall_schema = {
        .name = "TallCell",
        .size = sizeof(struct tall_cell),
        .fields = tall_fields,
        .base = &cell_schema,
};

static struct sovd_arena *arena;
static cJSON *tree;
static struct sovd_schema_error error;
static struct pack pack;

static int make_arena(void **state) {
        return sovd_arena_new(&arena, 4096);
}

static int free_arena(void **state) {
        arena = sovd_arena_free(arena);
        cJSON_Delete(tree);
        tree = NULL;
        return 0;
}

static int decode_as(const struct sovd_schema *schema, void *object, const char *text, unsigned flags) {
        struct sovd_json_fault fault;

        cJSON_Delete(tree);
        tree = NULL;
        error = (struct sovd_schema_error){ NULL, NULL };
        assert_int_equal(sovd_json_parse(&tree, text, strlen(text), NULL, &fault), 0);
        return sovd_schema_decode(schema, tree, object, arena, flags, &error);
}

static void decodes(const char *text) {
        if (decode_as(&pack_schema, &pack, text, SOVD_DECODE_CLOSED))
                fail_msg("refused: %s %s", error.path, error.reason);
}

static void refuses(const char *text, const char *path, const char *reason) {
        assert_int_equal(decode_as(&pack_schema, &pack, text, SOVD_DECODE_CLOSED), SOVD_E_BAD_REQUEST);
        assert_string_equal(error.path, path);
        assert_string_equal(error.reason, reason);
}

static void encodes(const struct sovd_schema *schema, const void *object, const char *expected) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(schema, object, &w);
        assert_int_equal(sovd_json_writer_finish(&w, &text, &len), 0);
        assert_string_equal(text, expected);
        sovd_json_writer_done(&w);
}

/* --- decoding ------------------------------------------------------------------------------------------- */

static void each_type_is_decoded(void **state) {
        decodes("{\"name\":\"bms\",\"count\":-3,\"level\":12.5,\"charging\":true,\"mode\":\"drive\",\"any\":["
                "1],"
                "\"object\":{\"k\":1},\"main\":{\"id\":\"m\",\"volts\":3700},\"cells\":[{\"id\":\"a\"},{"
                "\"id\":\"b\"}],"
                "\"tags\":[\"x\",\"y\"],\"a/b~c\":\"s\"}");

        assert_string_equal(pack.name, "bms");
        assert_true(pack.count.set && pack.count.value == -3);
        assert_true(pack.level.set && pack.level.value == 12.5);
        assert_true(pack.charging.set && pack.charging.value);
        assert_int_equal(pack.mode, 2);
        assert_true(cJSON_IsArray(pack.any));
        assert_true(cJSON_IsObject(pack.object));
        assert_string_equal(pack.main->id, "m");
        assert_int_equal(pack.main->volts.value, 3700);
        assert_int_equal(pack.cells.n, 2);
        assert_string_equal(((struct cell *)pack.cells.items)[1].id, "b");
        assert_int_equal(pack.tags.n, 2);
        assert_string_equal(pack.tags.items[1], "y");
        assert_string_equal(pack.slashed, "s");
}

static void an_absent_member_is_absent(void **state) {
        memset(&pack, 0xff, sizeof(pack));
        decodes("{\"name\":\"n\"}");

        assert_false(pack.count.set);
        assert_false(pack.level.set);
        assert_false(pack.charging.set);
        assert_int_equal(pack.mode, 0);
        assert_null(pack.any);
        assert_null(pack.main);
        assert_false(pack.cells.set);
        assert_false(pack.tags.set);
}

static void null_is_the_same_as_absent(void **state) {
        assert_int_equal(decode_as(&pack_schema, &pack,
                                   "{\"name\":\"n\",\"count\":null,\"any\":null,\"main\":null,\"cells\":null}", 0),
                         0);
        assert_false(pack.count.set);
        assert_null(pack.any);
        assert_false(pack.cells.set);

        assert_int_equal(decode_as(&pack_schema, &pack, "{\"name\":null}", 0), SOVD_E_BAD_REQUEST);
        assert_string_equal(error.reason, "is missing");
}

static void null_is_no_value_where_the_table_is_closed(void **state) {
        refuses("{\"name\":\"n\",\"main\":null}", "/main", "is empty; give it a value or leave it out");
}

static void an_empty_list_is_set(void **state) {
        decodes("{\"name\":\"n\",\"cells\":[],\"tags\":[]}");

        assert_true(pack.cells.set && pack.cells.n == 0);
        assert_true(pack.tags.set && pack.tags.n == 0);
}

static void a_required_member_must_be_there(void **state) {
        refuses("{}", "/name", "is missing");
        refuses("{\"name\":\"n\",\"main\":{}}", "/main/id", "is missing");
}

static void each_type_refuses_the_others(void **state) {
        static const struct {
                const char *member, *path, *reason;
        } cases[] = {
                { "\"name\":1", "/name", "must be a string, not a number" },
                { "\"name\":[]", "/name", "must be a string, not an array" },
                { "\"name\":\"n\",\"count\":\"1\"", "/count", "must be an integer, not a string" },
                { "\"name\":\"n\",\"count\":1.0", "/count", "must be an integer of at most 64 bits" },
                { "\"name\":\"n\",\"count\":9223372036854775808", "/count",
                  "must be an integer of at most 64 bits" },
                { "\"name\":\"n\",\"level\":true", "/level", "must be a number, not a boolean" },
                { "\"name\":\"n\",\"charging\":0", "/charging", "must be a boolean, not a number" },
                { "\"name\":\"n\",\"mode\":1", "/mode", "must be a string, not a number" },
                { "\"name\":\"n\",\"mode\":\"fly\"", "/mode", "must be one of: idle, drive" },
                { "\"name\":\"n\",\"object\":[1]", "/object", "must be an object, not an array" },
                { "\"name\":\"n\",\"main\":\"m\"", "/main", "must be an object, not a string" },
                { "\"name\":\"n\",\"cells\":{}", "/cells", "must be an array, not an object" },
                { "\"name\":\"n\",\"cells\":[{\"id\":\"a\"},7]", "/cells/1",
                  "must be an object, not a number" },
                { "\"name\":\"n\",\"tags\":[\"a\",7]", "/tags", "item 1 must be a string, not a number" },
                { "\"name\":\"n\",\"tags\":[null]", "/tags", "item 0 must be a string, not null" },
                { "\"name\":\"n\",\"a/b~c\":7", "/a~1b~0c", "must be a string, not a number" },
        };
        char text[200];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(cases); i++) {
                (void)snprintf(text, sizeof(text), "{%s}", cases[i].member);
                refuses(text, cases[i].path, cases[i].reason);
        }
}

static void only_an_object_is_decoded(void **state) {
        refuses("[]", "", "must be an object, not an array");
        refuses("null", "", "must be an object, not null");
}

static void values_on_their_bounds_are_accepted(void **state) {
        decodes("{\"name\":\"12345678\",\"count\":10,\"level\":100,\"cells\":[{\"id\":\"a\"},{\"id\":\"b\"},{"
                "\"id\":\"c\"}]}");
        decodes("{\"name\":\"1\",\"count\":-5,\"level\":0,\"tags\":[\"a\",\"b\"]}");
}

static void values_over_their_bounds_are_refused(void **state) {
        refuses("{\"name\":\"\"}", "/name", "must have 1 to 8 bytes, has 0");
        refuses("{\"name\":\"123456789\"}", "/name", "must have 1 to 8 bytes, has 9");
        refuses("{\"name\":\"n\",\"count\":11}", "/count", "must be from -5 to 10, is 11");
        refuses("{\"name\":\"n\",\"count\":-6}", "/count", "must be from -5 to 10, is -6");
        refuses("{\"name\":\"n\",\"level\":100.5}", "/level", "must be from 0 to 100, is 100.5");
        refuses("{\"name\":\"n\",\"level\":-0.5}", "/level", "must be from 0 to 100, is -0.5");
        refuses("{\"name\":\"n\",\"tags\":[\"a\",\"b\",\"c\"]}", "/tags", "must have 0 to 2 items, has 3");
        refuses("{\"name\":\"n\",\"cells\":[{},{},{},{}]}", "/cells", "must have 0 to 3 items, has 4");
}

static void a_bad_member_is_named_through_all_levels(void **state) {
        refuses("{\"name\":\"n\",\"cells\":[{\"id\":\"a\"},{\"volts\":1}]}", "/cells/1/id", "is missing");
        refuses("{\"name\":\"n\",\"main\":{\"id\":\"m\",\"volts\":\"x\"}}", "/main/volts",
                "must be an integer, not a string");
        refuses("{\"name\":\"n\",\"main\":{\"id\":\"m\"},\"cells\":[{\"id\":\"a\"}],\"tags\":7}", "/tags",
                "must be an array, not a number");
}

static void an_unknown_member_is_refused_when_closed(void **state) {
        refuses("{\"name\":\"n\",\"other\":1}", "/other", "is not known");
        refuses("{\"name\":\"n\",\"Name\":1}", "/Name", "is not known");
        refuses("{\"name\":\"n\",\"x-other\":1}", "/x-other", "is not known");
        refuses("{\"name\":\"n\",\"cells\":[{\"id\":\"a\",\"q\":1}]}", "/cells/0/q", "is not known");
}

static void the_pointer_of_an_unknown_member_is_escaped(void **state) {
        refuses("{\"name\":\"n\",\"x/y~z\":1}", "/x~1y~0z", "is not known");
        refuses("{\"name\":\"n\",\"~1\":1}", "/~01", "is not known");
        refuses("{\"name\":\"n\",\"\":1}", "/", "is not known");
}

static void an_unknown_member_is_passed_over_when_open(void **state) {
        assert_int_equal(decode_as(&pack_schema, &pack,
                                   "{\"other\":[1],\"name\":\"n\",\"cells\":[{\"q\":1,\"id\":\"a\"}]}", 0),
                         0);
        assert_string_equal(pack.name, "n");
        assert_int_equal(pack.cells.n, 1);
}

static void a_default_stands_where_a_member_is_absent(void **state) {
        struct plan plan;

        assert_int_equal(decode_as(&plan_schema, &plan, "{}", 0), 0);
        assert_string_equal(plan.name, "none");
        assert_int_equal(plan.seconds.value, 30);
        assert_true(plan.on.value);
        assert_int_equal(plan.mode, 2);
        assert_string_equal(plan.cell->id, "c0");
        assert_int_equal(plan.tags.n, 2);
        assert_string_equal(plan.tags.items[1], "b");
}

static void a_member_that_is_there_replaces_its_default(void **state) {
        struct plan plan;

        assert_int_equal(
                decode_as(&plan_schema, &plan, "{\"name\":\"\",\"seconds\":0,\"on\":false,\"tags\":[]}", 0),
                0);
        assert_string_equal(plan.name, "");
        assert_int_equal(plan.seconds.value, 0);
        assert_false(plan.on.value);
        assert_int_equal(plan.tags.n, 0);
}

static void members_of_the_base_are_decoded_and_encoded_first(void **state) {
        struct tall_cell cell;

        assert_int_equal(
                decode_as(&tall_schema, &cell, "{\"height\":7,\"id\":\"a\",\"volts\":2}", SOVD_DECODE_CLOSED),
                0);
        assert_string_equal(cell.cell.id, "a");
        assert_int_equal(cell.height.value, 7);
        encodes(&tall_schema, &cell, "{\"id\":\"a\",\"volts\":2,\"height\":7}");

        assert_int_equal(decode_as(&tall_schema, &cell, "{\"height\":7}", 0), SOVD_E_BAD_REQUEST);
        assert_string_equal(error.path, "/id");
}

/* --- encoding ------------------------------------------------------------------------------------------- */

static void what_was_decoded_is_encoded_the_same(void **state) {
        static const char text[] = "{\"name\":\"b\\\"s\",\"count\":-3,\"level\":12.5,\"charging\":false,"
                                   "\"mode\":\"idle\",\"any\":[1.50,null],"
                                   "\"object\":{\"k\":1e2},\"main\":{\"id\":\"m\",\"volts\":3700},\"cells\":["
                                   "{\"id\":\"a\"},{\"id\":\"b\"}],"
                                   "\"tags\":[\"x\"],\"a/b~c\":\"s\"}";

        decodes(text);

        encodes(&pack_schema, &pack, text);
}

static void absent_members_are_left_out(void **state) {
        pack = (struct pack){ .name = "n" };

        encodes(&pack_schema, &pack, "{\"name\":\"n\",\"tags\":[]}");
}

static void extension_members_are_kept_and_others_dropped(void **state) {
        assert_int_equal(decode_as(&pack_schema, &pack,
                                   "{\"x-acme-colour\":\"red\",\"other\":1,\"name\":\"n\",\"X-upper\":1,\"x-"
                                   "deep\":{\"k\":[1.0]},"
                                   "\"xy\":1,\"tags\":[\"t\"]}",
                                   0),
                         0);

        encodes(&pack_schema, &pack,
                "{\"name\":\"n\",\"tags\":[\"t\"],\"x-acme-colour\":\"red\",\"x-deep\":{\"k\":[1.0]}}");
}

static void extension_members_of_a_schema_that_keeps_none_are_dropped(void **state) {
        decodes("{\"name\":\"n\",\"main\":{\"id\":\"m\"}}");
        assert_int_equal(
                decode_as(&pack_schema, &pack, "{\"name\":\"n\",\"main\":{\"id\":\"m\",\"x-a\":1}}", 0), 0);

        encodes(&pack_schema, &pack, "{\"name\":\"n\",\"main\":{\"id\":\"m\"},\"tags\":[]}");
}

struct note {
        const char *text;
        const cJSON *extra;
};
static const struct sovd_field note_fields[] = {
        { .name = "x-acme-text", .type = SOVD_FIELD_STRING, .offset = offsetof(struct note, text) },
        { 0 },
};
static const struct sovd_schema note_schema = {
        .name = "Note",
        .size = sizeof(struct note),
        .fields = note_fields,
        .extra = offsetof(struct note, extra),
};

static void an_extension_member_that_the_table_knows_is_written_once(void **state) {
        struct note note;

        assert_int_equal(decode_as(&note_schema, &note, "{\"x-acme-text\":\"a\",\"x-acme-more\":1}", 0), 0);

        encodes(&note_schema, &note, "{\"x-acme-text\":\"a\",\"x-acme-more\":1}");
}

static void members_stand_beside_those_of_the_caller(void **state) {
        const struct cell cell = { .id = "a" };
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key(&w, "first");
        sovd_json_int(&w, 1);
        sovd_schema_encode_members(&cell_schema, &cell, &w);
        sovd_json_key(&w, "last");
        sovd_json_int(&w, 2);
        sovd_json_object_end(&w);

        assert_int_equal(sovd_json_writer_finish(&w, &text, &len), 0);
        assert_string_equal(text, "{\"first\":1,\"id\":\"a\",\"last\":2}");
        sovd_json_writer_done(&w);
}

/* --- OpenAPI -------------------------------------------------------------------------------------------- */

static void is_described_as(cJSON *schema, const char *expected) {
        char *text = cJSON_PrintUnformatted(schema);

        assert_string_equal(text, expected);
        cJSON_free(text);
        cJSON_Delete(schema);
}

#define ANY "[\"string\",\"number\",\"integer\",\"boolean\",\"array\",\"object\"]"
#define CELL                                                                                                 \
        "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},\"volts\":{\"type\":\"integer\"," \
        "\"description\":\"In millivolts.\"}},\"required\":[\"id\"]}"
#define REF_CELL "{\"$ref\":\"#/components/schemas/Cell\"}"
#define PACK(cell)                                                                                           \
        "{\"type\":\"object\",\"description\":\"A battery.\",\"properties\":{"                               \
        "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":8},"                                    \
        "\"count\":{\"type\":\"integer\",\"minimum\":-5,\"maximum\":10},"                                    \
        "\"level\":{\"type\":\"number\",\"minimum\":0,\"maximum\":100},"                                     \
        "\"charging\":{\"type\":\"boolean\"},"                                                               \
        "\"mode\":{\"type\":\"string\",\"enum\":[\"idle\",\"drive\"]},"                                      \
        "\"any\":{\"type\":" ANY "},"                                                                        \
        "\"object\":{\"type\":\"object\"},"                                                                  \
        "\"main\":" cell ","                                                                                 \
        "\"cells\":{\"type\":\"array\",\"items\":" cell ",\"minItems\":0,\"maxItems\":3},"                   \
        "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":0,\"maxItems\":2},"       \
        "\"a/b~c\":{\"type\":\"string\",\"format\":\"uri\"}},\"required\":[\"name\"]}"

static void the_description_refers_to_other_schemas(void **state) {
        is_described_as(sovd_schema_openapi(&pack_schema), PACK(REF_CELL));
}

static void the_inline_description_contains_the_other_schemas(void **state) {
        is_described_as(sovd_schema_openapi_inline(&pack_schema), PACK(CELL));
}

static void the_description_has_the_members_of_the_base(void **state) {
        is_described_as(
                sovd_schema_openapi(&tall_schema),
                "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},\"volts\":{\"type\":"
                "\"integer\","
                "\"description\":\"In "
                "millivolts.\"},\"height\":{\"type\":\"integer\"}},\"required\":[\"id\",\"height\"]}");
}

static void collect(const struct sovd_schema *schema, void *data) {
        strncat(data, schema->name, 40);
        strncat(data, " ", 2);
}

static void every_schema_that_is_referred_to_is_visited(void **state) {
        char names[200] = "";

        sovd_schema_visit(&pack_schema, collect, names);

        assert_string_equal(names, "Pack Cell Cell ");
}

static void the_position_of_a_token_counts_from_one(void **state) {
        assert_int_equal(sovd_enum_parse(modes, "idle"), 1);
        assert_int_equal(sovd_enum_parse(modes, "drive"), 2);
        assert_int_equal(sovd_enum_parse(modes, "Drive"), 0);
        assert_int_equal(sovd_enum_parse(modes, ""), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_arena, free_arena)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(each_type_is_decoded),
                TEST(an_absent_member_is_absent),
                TEST(null_is_the_same_as_absent),
                TEST(null_is_no_value_where_the_table_is_closed),
                TEST(an_empty_list_is_set),
                TEST(a_required_member_must_be_there),
                TEST(each_type_refuses_the_others),
                TEST(only_an_object_is_decoded),
                TEST(values_on_their_bounds_are_accepted),
                TEST(values_over_their_bounds_are_refused),
                TEST(a_bad_member_is_named_through_all_levels),
                TEST(an_unknown_member_is_refused_when_closed),
                TEST(the_pointer_of_an_unknown_member_is_escaped),
                TEST(an_unknown_member_is_passed_over_when_open),
                TEST(a_default_stands_where_a_member_is_absent),
                TEST(a_member_that_is_there_replaces_its_default),
                TEST(members_of_the_base_are_decoded_and_encoded_first),
                TEST(what_was_decoded_is_encoded_the_same),
                TEST(absent_members_are_left_out),
                TEST(extension_members_are_kept_and_others_dropped),
                TEST(extension_members_of_a_schema_that_keeps_none_are_dropped),
                TEST(an_extension_member_that_the_table_knows_is_written_once),
                TEST(members_stand_beside_those_of_the_caller),
                TEST(the_description_refers_to_other_schemas),
                TEST(the_inline_description_contains_the_other_schemas),
                TEST(the_description_has_the_members_of_the_base),
                TEST(every_schema_that_is_referred_to_is_visited),
                TEST(the_position_of_a_token_counts_from_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
