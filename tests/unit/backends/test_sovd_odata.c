/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/odata_decode.h"
#include "tests/unit/backends/sovd_support.h"

#define FAULT(id, code, severity)                                                                            \
        "{\"id\":\"" id "\",\"code\":\"" code "\",\"severity\":\"" severity                                  \
        "\",\"status\":\"active\",\"name\":\"N\","                                                           \
        "\"scope\":\"s\",\"classificationTags\":[\"t\"]}"

static void catalogue_entry_becomes_value_metadata(void **state) {
        struct fixture *f = *state;
        struct sovd_data_list list;
        struct cJSON *json =
                json_of(&f->call, "{\"value\":[{\"id\":\"soc\",\"name\":\"S\",\"access\":\"readOnly\","
                                  "\"dataType\":\"float\",\"unit\":\"%\",\"classificationTags\":[\"t\"]},"
                                  "{\"id\":\"bare\"}],\"@odata.count\":2}");

        assert_int_equal(odata_decode_data_list(&f->call, json, NULL, &list), 0);
        assert_int_equal(list.items.n, 2);
        const struct sovd_data_item *items = list.items.items;
        assert_string_equal(items[0].category, "currentData");
        assert_string_equal(items[0].unit, "%");
        assert_string_equal(items[0].data_type, "float");
        assert_string_equal(items[0].tags.items[0], "t");
        assert_string_equal(items[1].name, "bare");
}

static void value_becomes_data_with_its_digits(void **state) {
        struct fixture *f = *state;
        struct sovd_data_value value;
        struct cJSON *json = json_of(
                &f->call, "{\"id\":\"v\",\"name\":\"V\",\"value\":12345678901234567890,\"unit\":\"V\"}");

        assert_int_equal(odata_decode_value(&f->call, json, "v", &value), 0);
        assert_string_equal(value.data->valuestring, "12345678901234567890");
        assert_string_equal(value.unit, "V");
}

static void severity_and_status_words_become_the_standards(void **state) {
        struct fixture *f = *state;
        struct sovd_fault_list list;
        struct cJSON *json = json_of(&f->call, "{\"value\":[" FAULT("f1", "P1", "critical") "," FAULT(
                                                       "f2", "P2", "low") "," FAULT("f3", "P3", "odd") "]}");

        assert_int_equal(odata_decode_fault_list(&f->call, json, NULL, &list), 0);
        const struct sovd_fault *faults = list.items.items;
        assert_int_equal(faults[0].severity.value, 1);
        assert_int_equal(faults[1].severity.value, 4);
        assert_false(faults[2].severity.set);
        assert_string_equal(faults[0].fault_name, "N");
        assert_string_equal(cJSON_GetObjectItem(faults[0].status, "aggregatedStatus")->valuestring, "active");
}

static void fault_is_found_by_code_before_id(void **state) {
        struct fixture *f = *state;
        struct sovd_fault_list list;
        struct cJSON *json =
                json_of(&f->call, "{\"value\":[" FAULT("P2", "P1", "low") "," FAULT("f2", "P2", "low") "]}");

        assert_int_equal(odata_decode_fault_list(&f->call, json, NULL, &list), 0);
        assert_string_equal(odata_fault_id(odata_find_fault(&list, "P2")), "f2");
        assert_string_equal(odata_find_fault(&list, "f2")->code, "P2");
        assert_null(odata_find_fault(&list, "none"));
}

static void fault_status_can_be_filtered(void **state) {
        struct fixture *f = *state;
        const char *const keys[] = { "aggregatedstatus" }, *const values[] = { "passive" };
        const struct sovd_fault_filter filter = { .status_keys = keys,
                                                  .status_values = values,
                                                  .n_status = 1 };
        struct sovd_fault_list list;
        struct cJSON *json = json_of(&f->call, "{\"value\":[" FAULT("f1", "P1", "low") "]}");

        assert_int_equal(odata_decode_fault_list(&f->call, json, &filter, &list), 0);
        assert_int_equal(list.items.n, 0);
}

static void proximity_proof_is_required_when_the_server_says_so(void **state) {
        struct fixture *f = *state;
        struct sovd_operation_list list;
        struct cJSON *json = json_of(&f->call, "{\"value\":[{\"id\":\"a\",\"proximity_proof_required\":true},"
                                               "{\"id\":\"b\",\"proximity_proof_required\":\"odd\"}]}");

        assert_int_equal(odata_decode_operation_list(&f->call, json, &list), 0);
        const struct sovd_operation *operations = list.items.items;
        assert_true(operations[0].proximity_proof_required.value);
        assert_false(operations[1].proximity_proof_required.value);
}

static void operation_runs_asynchronously_without_proximity(void **state) {
        struct fixture *f = *state;
        struct sovd_operation_list list;
        struct cJSON *json =
                json_of(&f->call, "{\"value\":[{\"id\":\"o\",\"name\":\"O\",\"status\":\"idle\"}]}");

        assert_int_equal(odata_decode_operation_list(&f->call, json, &list), 0);
        const struct sovd_operation *operation = list.items.items;
        assert_true(operation->asynchronous_execution.value);
        assert_false(operation->proximity_proof_required.value);
}

static int decode_state(struct fixture *f, const char *word, struct sovd_execution *ret) {
        char text[256];

        (void)snprintf(text, sizeof(text),
                       "{\"executionId\":\"e\",\"status\":\"%s\",\"progress\":255,"
                       "\"result\":{\"success\":false,\"message\":\"no power\"}}",
                       word);
        return odata_decode_execution(&f->call, json_of(&f->call, text), NULL, ret);
}

static void execution_states_become_those_of_the_standard(void **state) {
        struct fixture *f = *state;
        static const struct {
                const char *word, *message;
                int status;
        } rows[] = {
                { "idle", NULL, SOVD_EXECUTION_RUNNING },
                { "running", NULL, SOVD_EXECUTION_RUNNING },
                { "completed", NULL, SOVD_EXECUTION_COMPLETED },
                { "failed", "no power", SOVD_EXECUTION_FAILED },
                { "cancelled", "the execution was cancelled", SOVD_EXECUTION_FAILED },
        };
        struct sovd_execution execution;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                assert_int_equal(decode_state(f, rows[i].word, &execution), 0);
                assert_string_equal(execution.id, "e");
                assert_int_equal(execution.status, rows[i].status);
                assert_non_null(execution.parameters);
                assert_false(execution.progress.set);
                assert_int_equal(execution.error.n, rows[i].message ? 1 : 0);
                if (rows[i].message)
                        assert_string_equal(((struct sovd_data_error *)execution.error.items)->error->message,
                                            rows[i].message);
        }
        assert_int_equal(decode_state(f, "exploded", &execution), SOVD_E_BAD_ANSWER);
}

static void execution_without_a_name_is_a_bad_answer(void **state) {
        struct fixture *f = *state;
        struct sovd_execution execution;

        assert_int_equal(odata_decode_execution(&f->call, NULL, NULL, &execution), SOVD_E_BAD_ANSWER);
        assert_int_equal(odata_decode_execution(&f->call, json_of(&f->call, "{\"status\":\"running\"}"), NULL,
                                                &execution),
                         SOVD_E_BAD_ANSWER);
}

static void executions_are_listed_by_their_ids(void **state) {
        struct fixture *f = *state;
        struct sovd_execution_ids ids;

        assert_int_equal(odata_decode_execution_ids(
                                 &f->call, json_of(&f->call, "{\"value\":[{\"executionId\":\"e\"}]}"), &ids),
                         0);
        assert_string_equal(ids.items.items[0], "e");
}

static void mode_is_the_session_with_its_choices(void **state) {
        struct fixture *f = *state;
        struct sovd_mode_detail mode;
        struct cJSON *json =
                json_of(&f->call, "{\"currentMode\":\"default\",\"availableModes\":[\"default\",\"x\"]}");

        assert_int_equal(odata_decode_mode(&f->call, json, true, &mode), 0);
        assert_string_equal(mode.id, "session");
        assert_string_equal(mode.value, "default");
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(mode.schema, "enum")), 2);
        assert_int_equal(odata_decode_mode(&f->call, json_of(&f->call, "{\"currentMode\":1}"), false, &mode),
                         SOVD_E_BAD_ANSWER);
}

static void each_parameter_is_a_configuration(void **state) {
        struct fixture *f = *state;
        struct sovd_configuration_list list;
        struct sovd_data_value value;
        struct cJSON *json =
                json_of(&f->call, "{\"componentId\":\"bms\",\"parameters\":{\"a\":1,\"b\":{\"c\":2}}}");

        assert_int_equal(odata_decode_configuration_list(&f->call, json, &list), 0);
        assert_int_equal(list.items.n, 2);
        assert_int_equal(odata_decode_configuration(&f->call, json, "b", &value), 0);
        assert_true(cJSON_IsObject(value.data));
        assert_int_equal(odata_decode_configuration(&f->call, json, "z", &value), SOVD_E_NOT_FOUND);
        assert_int_equal(
                odata_decode_configuration_list(&f->call, json_of(&f->call, "{\"parameters\":[]}"), &list),
                SOVD_E_BAD_ANSWER);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SOVD_TEST(catalogue_entry_becomes_value_metadata),
                SOVD_TEST(value_becomes_data_with_its_digits),
                SOVD_TEST(severity_and_status_words_become_the_standards),
                SOVD_TEST(fault_is_found_by_code_before_id),
                SOVD_TEST(fault_status_can_be_filtered),
                SOVD_TEST(operation_runs_asynchronously_without_proximity),
                SOVD_TEST(proximity_proof_is_required_when_the_server_says_so),
                SOVD_TEST(execution_states_become_those_of_the_standard),
                SOVD_TEST(execution_without_a_name_is_a_bad_answer),
                SOVD_TEST(executions_are_listed_by_their_ids),
                SOVD_TEST(mode_is_the_session_with_its_choices),
                SOVD_TEST(each_parameter_is_a_configuration),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
