/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/iso_decode.h"
#include "tests/unit/backends/sovd_support.h"

static void data_list_keeps_what_the_filter_lets_pass(void **state) {
        struct fixture *f = *state;
        const char *wanted[] = { "identData" };
        const struct sovd_data_filter filter = { .categories = { .items = wanted, .n = 1 } };
        struct sovd_data_list list;
        struct cJSON *json =
                json_of(&f->call, "{\"items\":[{\"id\":\"a\",\"name\":\"A\",\"category\":\"currentData\"},"
                                  "{\"id\":\"b\",\"name\":\"B\",\"category\":\"identData\"}]}");

        assert_int_equal(iso_decode_data_list(&f->call, json, &filter, &list), 0);
        assert_int_equal(list.items.n, 1);
        assert_string_equal(((struct sovd_data_item *)list.items.items)->id, "b");
}

static void wrong_member_of_a_list_is_named(void **state) {
        struct fixture *f = *state;
        struct sovd_data_list list;
        struct cJSON *json = json_of(&f->call, "{\"items\":[{\"id\":\"a\",\"name\":7,\"category\":\"x\"}]}");

        assert_int_equal(iso_decode_data_list(&f->call, json, NULL, &list), SOVD_E_BAD_ANSWER);
        assert_non_null(strstr(f->call.failure.body.message, "/items/0/name must be a string"));
}

static void value_keeps_the_digits_it_was_read_with(void **state) {
        struct fixture *f = *state;
        struct sovd_data_value value;

        assert_int_equal(iso_decode_value(&f->call, json_of(&f->call, "{\"data\":23.00}"), "t", &value), 0);
        assert_string_equal(value.id, "t");
        assert_string_equal(value.data->valuestring, "23.00");
}

static void value_that_is_null_is_a_bad_answer(void **state) {
        struct fixture *f = *state;
        struct sovd_data_value value;

        assert_int_equal(
                iso_decode_value(&f->call, json_of(&f->call, "{\"id\":\"t\",\"data\":null}"), "t", &value),
                SOVD_E_BAD_ANSWER);
        assert_int_equal(iso_decode_value(&f->call, json_of(&f->call, "[1]"), "t", &value),
                         SOVD_E_BAD_ANSWER);
}

static void severity_of_a_fault_is_filtered_strictly_below(void **state) {
        struct fixture *f = *state;
        const struct sovd_fault_filter filter = { .severity = SOVD_INT(3) };
        struct sovd_fault_list list;
        struct cJSON *json =
                json_of(&f->call, "{\"items\":[{\"code\":\"1\",\"fault_name\":\"A\",\"severity\":2},"
                                  "{\"code\":\"2\",\"fault_name\":\"B\",\"severity\":3}]}");

        assert_int_equal(iso_decode_fault_list(&f->call, json, &filter, &list), 0);
        assert_int_equal(list.items.n, 1);
        assert_string_equal(((struct sovd_fault *)list.items.items)->code, "1");
}

static void operation_in_a_list_of_one_is_taken_as_the_operation(void **state) {
        struct fixture *f = *state;
        struct sovd_operation_detail detail;
        struct cJSON *json = json_of(&f->call, "{\"items\":[{\"id\":\"o\",\"proximity_proof_required\":false,"
                                               "\"asynchronous_execution\":true}]}");

        assert_int_equal(iso_decode_operation(&f->call, json, &detail), 0);
        assert_string_equal(detail.item->id, "o");
}

static void start_with_200_is_a_result(void **state) {
        struct fixture *f = *state;
        struct sovd_execution_started started;
        struct cJSON *json =
                json_of(&f->call, "{\"parameters\":{\"x\":1},\"error\":{\"path\":\"/x\",\"error\":"
                                  "{\"error_code\":\"error-response\",\"message\":\"m\"}}}");

        assert_int_equal(iso_decode_started(&f->call, 200, json, &started), 0);
        assert_true(started.synchronous);
        assert_non_null(started.result.parameters);
        assert_string_equal(started.result.error->message, "m");
        assert_int_equal(iso_decode_started(&f->call, 204, NULL, &started), 0);
        assert_true(started.synchronous);
}

static void start_with_202_is_an_execution(void **state) {
        struct fixture *f = *state;
        struct sovd_execution_started started;

        assert_int_equal(iso_decode_started(&f->call, 202,
                                            json_of(&f->call, "{\"id\":\"e1\",\"status\":\"running\"}"),
                                            &started),
                         0);
        assert_false(started.synchronous);
        assert_string_equal(started.id, "e1");
        assert_int_equal(started.execution.status, SOVD_EXECUTION_RUNNING);
}

static void execution_without_a_usable_name_is_a_bad_answer(void **state) {
        struct fixture *f = *state;
        struct sovd_execution_started started;

        assert_int_equal(iso_decode_started(&f->call, 202, NULL, &started), SOVD_E_BAD_ANSWER);
        assert_int_equal(iso_decode_started(&f->call, 202, json_of(&f->call, "{}"), &started),
                         SOVD_E_BAD_ANSWER);
        assert_int_equal(iso_decode_started(&f->call, 202, json_of(&f->call, "{\"id\":\"a/b\"}"), &started),
                         SOVD_E_BAD_ANSWER);
}

static void execution_ids_are_strings_or_objects(void **state) {
        struct fixture *f = *state;
        struct sovd_execution_ids ids;

        assert_int_equal(iso_decode_execution_ids(
                                 &f->call, json_of(&f->call, "{\"items\":[\"a\",{\"id\":\"b\"}]}"), &ids),
                         0);
        assert_int_equal(ids.items.n, 2);
        assert_string_equal(ids.items.items[1], "b");
        assert_int_equal(iso_decode_execution_ids(&f->call, json_of(&f->call, "{\"items\":[5]}"), &ids),
                         SOVD_E_BAD_ANSWER);
        assert_int_equal(iso_decode_execution_ids(&f->call, json_of(&f->call, "{}"), &ids),
                         SOVD_E_BAD_ANSWER);
}

static void stopped_execution_has_failed_and_says_why(void **state) {
        struct fixture *f = *state;
        struct sovd_execution execution;

        assert_int_equal(iso_decode_execution(&f->call, json_of(&f->call, "{\"status\":\"stopped\"}"), "e",
                                              &execution),
                         0);
        assert_int_equal(execution.status, SOVD_EXECUTION_FAILED);
        assert_int_equal(execution.capability, SOVD_CAPABILITY_EXECUTE);
        assert_int_equal(execution.error.n, 1);
        assert_string_equal(((struct sovd_data_error *)execution.error.items)->path, "/");
}

static void control_without_a_body_keeps_the_id(void **state) {
        struct fixture *f = *state;
        struct sovd_execution_accepted accepted;

        assert_int_equal(iso_decode_accepted(&f->call, NULL, "e", &accepted), 0);
        assert_string_equal(accepted.id, "e");
        assert_int_equal(iso_decode_accepted(&f->call, json_of(&f->call, "{\"status\":\"completed\"}"), "e",
                                             &accepted),
                         0);
        assert_int_equal(accepted.status, SOVD_EXECUTION_COMPLETED);
}

static void mode_value_of_another_type_becomes_text(void **state) {
        struct fixture *f = *state;
        struct sovd_mode_detail mode;

        assert_int_equal(iso_decode_mode(&f->call, json_of(&f->call, "{\"value\":3}"), "m", &mode), 0);
        assert_string_equal(mode.value, "3");
        assert_int_equal(iso_decode_mode(&f->call, json_of(&f->call, "{\"value\":true}"), "m", &mode), 0);
        assert_string_equal(mode.value, "true");
        assert_int_equal(iso_decode_mode(&f->call, json_of(&f->call, "{\"value\":[]}"), "m", &mode),
                         SOVD_E_BAD_ANSWER);
}

static void written_mode_stands_in_for_an_empty_answer(void **state) {
        struct fixture *f = *state;
        const struct sovd_mode_write write = { .value = json_of(&f->call, "\"on\"") };
        struct sovd_mode_set set;

        assert_int_equal(iso_decode_mode_set(&f->call, NULL, "m", &write, &set), 0);
        assert_string_equal(set.value->valuestring, "on");
}

static void a_seed_is_passed_on_without_a_value_too(void **state) {
        struct fixture *f = *state;
        const struct sovd_mode_write write = { .value = json_of(&f->call, "\"Level_1_RequestSeed\"") };
        struct cJSON *json = json_of(&f->call, "{\"seed\":{\"Request_Seed\":\"01\"}}");
        struct sovd_mode_set set;

        assert_int_equal(iso_decode_mode_set(&f->call, json, "security", &write, &set), 0);
        assert_string_equal(set.id, "security");
        assert_string_equal(cJSON_GetObjectItem(set.seed, "Request_Seed")->valuestring, "01");
        assert_string_equal(set.value->valuestring, "Level_1_RequestSeed");
}

static void configuration_without_a_type_is_a_parameter(void **state) {
        struct fixture *f = *state;
        struct sovd_configuration_list list;
        struct cJSON *json = json_of(
                &f->call, "{\"items\":[{\"id\":\"c\",\"name\":\"C\",\"configurations_type\":\"x\"}]}");

        assert_int_equal(iso_decode_configuration_list(&f->call, json, &list), 0);
        assert_int_equal(((struct sovd_configuration *)list.items.items)->type, SOVD_CONFIGURATION_PARAMETER);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SOVD_TEST(data_list_keeps_what_the_filter_lets_pass),
                SOVD_TEST(wrong_member_of_a_list_is_named),
                SOVD_TEST(value_keeps_the_digits_it_was_read_with),
                SOVD_TEST(value_that_is_null_is_a_bad_answer),
                SOVD_TEST(severity_of_a_fault_is_filtered_strictly_below),
                SOVD_TEST(operation_in_a_list_of_one_is_taken_as_the_operation),
                SOVD_TEST(start_with_200_is_a_result),
                SOVD_TEST(start_with_202_is_an_execution),
                SOVD_TEST(execution_without_a_usable_name_is_a_bad_answer),
                SOVD_TEST(execution_ids_are_strings_or_objects),
                SOVD_TEST(stopped_execution_has_failed_and_says_why),
                SOVD_TEST(control_without_a_body_keeps_the_id),
                SOVD_TEST(mode_value_of_another_type_becomes_text),
                SOVD_TEST(written_mode_stands_in_for_an_empty_answer),
                SOVD_TEST(a_seed_is_passed_on_without_a_value_too),
                SOVD_TEST(configuration_without_a_type_is_a_parameter),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
