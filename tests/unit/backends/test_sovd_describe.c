/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "backends/sovd/iso_describe.h"
#include <cjson/cJSON.h>
#include <stdio.h>

static cJSON *document, *all;

static int clean_up(void **state) {
        cJSON_Delete(document);
        cJSON_Delete(all);
        document = all = NULL;
        return 0;
}

static void read_docs(const char *paths, enum sovd_collection collection) {
        static const char components[] =
                "\"components\":{\"schemas\":{\"Read\":{\"properties\":{\"data\":{\"type\":[\"string\","
                "\"number\","
                "\"integer\",\"boolean\",\"array\",\"object\"]}}},\"Speed\":{\"type\":\"number\"},\"Ring\":{"
                "\"$ref\":"
                "\"#/components/schemas/Ring\"},\"Knot\":{\"allOf\":[{\"$ref\":\"#/components/schemas/"
                "Knot\"},"
                "{\"$ref\":\"#/components/schemas/Knot\"},{\"$ref\":\"#/components/schemas/Knot\"}]}}}";
        char text[4096];

        (void)snprintf(text, sizeof(text), "{\"paths\":{%s},%s}", paths, components);
        document = cJSON_Parse(text);
        assert_non_null(document);
        assert_int_equal(iso_schemas_of_docs(document, collection, &all), 0);
}

#define GET(schema)                                                                                          \
        "\"get\":{\"responses\":{\"200\":{\"content\":{\"application/json\":{\"schema\":" schema "}}}}}"

static const char *type_of(const char *id) {
        const cJSON *type = cJSON_GetObjectItem(cJSON_GetObjectItemCaseSensitive(all, id), "type");

        return type ? type->valuestring : "none";
}

static void a_description_gives_the_schemas_of_values(void **state) {
        read_docs("\"/components/x/data/a%2Fb\":{" GET(
                          "{\"allOf\":[{\"$ref\":\"#/components/schemas/"
                          "Read\"},{\"properties\":{\"data\":{\"type\":"
                          "\"integer\"}}}]}") ",\"put\":{}},"
                                              "\"/components/x/data/ref\":{" GET(
                                                      "{\"properties\":{\"data\":{\"$ref\":\"#/components/"
                                                      "schemas/Speed\"}}}") "}",
                  SOVD_COLLECTION_DATA);

        assert_string_equal(type_of("a/b"), "integer");
        assert_null(cJSON_GetObjectItem(cJSON_GetObjectItemCaseSensitive(all, "a/b"), "readOnly"));
        assert_string_equal(type_of("ref"), "number");
        assert_true(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetObjectItem(all, "ref"), "readOnly")));
}

static void what_says_nothing_or_refers_to_nothing_is_left_out(void **state) {
        read_docs(
                "\"/c/x/data/any\":{" GET(
                        "{\"$ref\":\"#/components/schemas/Read\"}") "},"
                                                                    "\"/c/x/data/ring\":{" GET(
                                                                            "{\"properties\":{\"data\":{\"$"
                                                                            "ref\":\"#/components/schemas/"
                                                                            "Ring\"}}}") "},"
                                                                                         "\"/c/x/data/"
                                                                                         "gone\":{" GET("{\"$"
                                                                                                        "ref"
                                                                                                        "\":"
                                                                                                        "\"#/"
                                                                                                        "comp"
                                                                                                        "onen"
                                                                                                        "ts/"
                                                                                                        "sche"
                                                                                                        "mas/"
                                                                                                        "Gone"
                                                                                                        "\"}") "},"
                                                                                                               "\"/c/x/data/knot\":{" GET(
                                                                                                                       "{\"$ref\":\"#/components/schemas/Knot\"}") "},"
                                                                                                                                                                   "\"/c/x/data/far\":{" GET(
                                                                                                                                                                           "{\"$ref\":\"http://other/x\"}") "},"
                                                                                                                                                                                                            "\"/c/x/data/open\":{" GET(
                                                                                                                                                                                                                    "{\"properties\":{\"data\":{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":"
                                                                                                                                                                                                                    "\"#/components/schemas/Speed\"}}}}}") "},"
                                                                                                                                                                                                                                                           "\"/c/x/data/{data-id}\":{" GET(
                                                                                                                                                                                                                                                                   "{\"properties\":{\"data\":{\"type\":\"number\"}}}") "},"
                                                                                                                                                                                                                                                                                                                        "\"/c/x/data\":{" GET("{\"type\":\"object\"}") "},\"/c/x/data/empty\":{},\"/c/x/data/odd\":7",
                SOVD_COLLECTION_DATA);

        assert_null(all->child);
}

static void a_description_gives_parameters_and_results_of_operations(void **state) {
        read_docs("\"/c/x/operations/run\":{},"
                  "\"/c/x/operations/run/executions\":{\"post\":{\"requestBody\":{\"content\":{\"application/"
                  "json\":{\"schema\":"
                  "{\"properties\":{\"parameters\":{\"type\":\"object\"}}}}}},\"responses\":{}}},"
                  "\"/c/x/operations/run/executions/{id}\":{" GET(
                          "{\"properties\":{\"parameters\":{\"type\":\"object\"}}}") "}",
                  SOVD_COLLECTION_OPERATIONS);

        const cJSON *run = cJSON_GetObjectItem(all, "run");
        assert_non_null(cJSON_GetObjectItem(run, "parameters"));
        assert_non_null(cJSON_GetObjectItem(run, "result"));
}

static void an_answer_gives_the_schema_of_its_value(void **state) {
        document = cJSON_Parse(
                "{\"schema\":{\"properties\":{\"data\":{\"type\":\"number\"},\"value\":{\"enum\":[\"a\"]}},"
                "\"x-gw-operation\":{}}}");

        assert_non_null(iso_schema_of_answer(document, SOVD_COLLECTION_DATA));
        assert_non_null(iso_schema_of_answer(document, SOVD_COLLECTION_MODES));
        assert_non_null(iso_schema_of_answer(document, SOVD_COLLECTION_OPERATIONS));
        assert_null(iso_schema_of_answer(cJSON_GetObjectItem(document, "schema"), SOVD_COLLECTION_DATA));
        assert_null(iso_schema_of_answer(NULL, SOVD_COLLECTION_DATA));
}

static void an_answer_gives_the_expiration_of_a_mode(void **state) {
        (void)state;
        document = cJSON_Parse("{\"schema\":{\"properties\":{\"value\":{\"enum\":[\"a\"]},\"mode_expiration\":{\"maximum\":600}}}}");

        const cJSON *found = iso_schema_of_answer(document, SOVD_COLLECTION_MODES);
        const cJSON *expiration = cJSON_GetObjectItem(found, "x-gw-mode-expiration");
        assert_int_equal(cJSON_GetObjectItem(expiration, "maximum")->valueint, 600);
}

#define TEST(f) cmocka_unit_test_teardown(f, clean_up)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_description_gives_the_schemas_of_values),
                TEST(what_says_nothing_or_refers_to_nothing_is_left_out),
                TEST(a_description_gives_parameters_and_results_of_operations),
                TEST(an_answer_gives_the_schema_of_its_value),
                TEST(an_answer_gives_the_expiration_of_a_mode),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
