/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/odata_decode.h"
#include "backends/sovd/answer.h"
#include "backends/sovd/shape.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <errno.h>

/* --- data ----------------------------------------------------------------------------------------------- */

static int shape_data_item(cJSON *item) {
        int r = shape_default(item, "category", "currentData");

        if (!r && shape_string(item, "id"))
                r = shape_default(item, "name", shape_string(item, "id"));
        return r ? r : shape_rename(item, "classificationTags", "tags");
}

int odata_decode_data_list(struct sovd_call *call, cJSON *json, const struct sovd_data_filter *filter,
                           struct sovd_data_list *ret) {
        int r = shape_rename(json, "value", "items");

        if (!r)
                r = shape_each(json, "items", shape_data_item);
        return r ? r : iso_decode_data_list(call, json, filter, ret);
}

int odata_decode_value(struct sovd_call *call, cJSON *json, const char *id, struct sovd_data_value *ret) {
        int r = shape_rename(json, "value", "data");

        return r ? r : iso_decode_value(call, json, id, ret);
}

/* --- faults --------------------------------------------------------------------------------------------- */

static int shape_severity(cJSON *item) {
        static const char *const words[] = { "critical", "high", "medium", "low", NULL };
        const char *word = shape_string(item, "severity");
        int severity = word ? sovd_enum_parse(words, word) : 0;

        if (severity)
                return shape_put(item, "severity", cJSON_CreateNumber(severity));
        if (word)
                cJSON_DeleteItemFromObjectCaseSensitive(item, "severity"); /* absent rather than guessed */
        return 0;
}

static int shape_fault_status(cJSON *item) {
        const char *word = shape_string(item, "status");
        if (!word)
                return 0;

        cJSON *status = cJSON_CreateObject();
        if (status && !cJSON_AddStringToObject(status, "aggregatedStatus", word)) {
                cJSON_Delete(status);
                return sovd_error_origin(-ENOMEM);
        }
        return shape_put(item, "status", status);
}

static int shape_fault(cJSON *item) {
        int r = shape_rename(item, "name", "fault_name");

        if (!r)
                r = shape_rename(item, "displayCode", "display_code");
        if (!r)
                r = shape_rename(item, "classificationTags", "tags");
        if (!r)
                r = shape_severity(item);
        return r ? r : shape_fault_status(item);
}

int odata_decode_fault_list(struct sovd_call *call, cJSON *json, const struct sovd_fault_filter *filter,
                            struct sovd_fault_list *ret) {
        int r = shape_rename(json, "value", "items");

        if (!r)
                r = shape_each(json, "items", shape_fault);
        return r ? r : iso_decode_fault_list(call, json, filter, ret);
}

int odata_decode_fault(struct sovd_call *call, cJSON *json, struct sovd_fault *ret) {
        int r = cJSON_IsObject(json) ? shape_fault(json) : 0;

        return r ? r : answer_decode(call, &sovd_schema_fault, json, ret);
}

const char *odata_fault_id(const struct sovd_fault *fault) {
        const char *id = shape_string(fault->extra, "id"); /* extra is the element as a whole */

        return id ? id : fault->code;
}

struct sovd_fault *odata_find_fault(const struct sovd_fault_list *list, const char *key) {
        struct sovd_fault *faults = list->items.items;

        for (size_t i = 0; i < list->items.n; i++)
                if (strcmp(faults[i].code, key) == 0)
                        return &faults[i];
        for (size_t i = 0; i < list->items.n; i++)
                if (strcmp(odata_fault_id(&faults[i]), key) == 0)
                        return &faults[i];
        return NULL;
}

/* --- operations ----------------------------------------------------------------------------------------- */

/* A start is answered with an execution, never with a result. */
static int shape_operation(cJSON *item) {
        int r = shape_put(item, "asynchronous_execution", cJSON_CreateTrue());

        if (r || cJSON_IsBool(shape_member(item, "proximity_proof_required")))
                return r;
        return shape_put(item, "proximity_proof_required", cJSON_CreateFalse());
}

int odata_decode_operation_list(struct sovd_call *call, cJSON *json, struct sovd_operation_list *ret) {
        int r = shape_rename(json, "value", "items");

        if (!r)
                r = shape_each(json, "items", shape_operation);
        return r ? r : iso_decode_operation_list(call, json, ret);
}

static int shape_execution_id(cJSON *item) {
        return shape_rename(item, "executionId", "id");
}

int odata_decode_execution_ids(struct sovd_call *call, cJSON *json, struct sovd_execution_ids *ret) {
        int r = shape_rename(json, "value", "items");

        if (!r)
                r = shape_each(json, "items", shape_execution_id);
        return r ? r : iso_decode_execution_ids(call, json, ret);
}

/* Why it failed, as the server says in its result, or in our own words. */
static int add_failure(struct sovd_call *call, const char *word, const cJSON *json,
                       struct sovd_execution *ret) {
        const char *message = shape_string(shape_member(json, "result"), "message");

        if (strcmp(word, "cancelled") == 0)
                message = "the execution was cancelled";
        ret->status = SOVD_EXECUTION_FAILED;
        return iso_execution_error(call, message && *message ? message : "the operation failed", &ret->error);
}

static int decode_state(struct sovd_call *call, const cJSON *json, struct sovd_execution *ret) {
        const char *word = shape_string(json, "status");

        if (sovd_streq(word, "running") || sovd_streq(word, "idle"))
                ret->status = SOVD_EXECUTION_RUNNING;
        else if (sovd_streq(word, "completed"))
                ret->status = SOVD_EXECUTION_COMPLETED;
        else if (sovd_streq(word, "failed") || sovd_streq(word, "cancelled"))
                return add_failure(call, word, json, ret);
        else
                return sovd_fail(call, SOVD_E_BAD_ANSWER,
                                 "the backend's answer is not an execution: /status is no word for one");
        return 0;
}

int odata_decode_execution(struct sovd_call *call, cJSON *json, const char *id, struct sovd_execution *ret) {
        const cJSON *result = shape_member(json, "result");
        int64_t progress;

        *ret = (struct sovd_execution){
                .id = id ? id : shape_string(json, "executionId"),
                .capability = SOVD_CAPABILITY_EXECUTE,
                .parameters = cJSON_IsNull(result) ? NULL : result,
        };
        int r = iso_check_execution_id(call, ret->id);
        if (r)
                return r;

        /* The dialect has it up to 255, the standard's percent end at 100. */
        if (sovd_json_get_int(shape_member(json, "progress"), &progress) && progress >= 0 && progress <= 100)
                ret->progress = SOVD_INT(progress);
        return decode_state(call, json, ret);
}

/* --- modes and configurations --------------------------------------------------------------------------- */

/* The schema that include-schema asks for: a string, one of those that there are. */
static int make_mode_schema(struct sovd_call *call, const cJSON *modes, const cJSON **ret) {
        cJSON *schema = cJSON_CreateObject();
        int r = sovd_json_own(call->arena, schema);
        if (r)
                return r;

        r = shape_put(schema, "type", cJSON_CreateString("string"));
        if (!r && cJSON_IsArray(modes))
                r = shape_put(schema, "enum", cJSON_Duplicate(modes, true));
        *ret = schema;
        return r;
}

int odata_decode_mode(struct sovd_call *call, cJSON *json, bool with_schema, struct sovd_mode_detail *ret) {
        *ret = (struct sovd_mode_detail){
                .id = ODATA_MODE_ID,
                .name = ODATA_MODE_NAME,
                .value = shape_string(json, "currentMode"),
        };
        if (!ret->value)
                return sovd_fail(call, SOVD_E_BAD_ANSWER,
                                 "the backend's answer is not a mode: /currentMode is no string");
        return with_schema ? make_mode_schema(call, shape_member(json, "availableModes"), &ret->schema) : 0;
}

static int find_parameters(struct sovd_call *call, const cJSON *json, const cJSON **ret) {
        *ret = shape_member(json, "parameters");
        if (cJSON_IsObject(*ret))
                return 0;
        return sovd_fail(call, SOVD_E_BAD_ANSWER,
                         "the backend's answer is not a configuration: /parameters is no object");
}

int odata_decode_configuration_list(struct sovd_call *call, cJSON *json,
                                    struct sovd_configuration_list *ret) {
        const cJSON *parameters, *parameter;
        size_t n = 0;

        int r = find_parameters(call, json, &parameters);
        if (r)
                return r;

        struct sovd_configuration *items = sovd_arena_array(call->arena, struct sovd_configuration,
                                                            (size_t)cJSON_GetArraySize(parameters) + 1);
        if (!items)
                return sovd_error_origin(-ENOMEM);
        cJSON_ArrayForEach (parameter, parameters)
                items[n++] = (struct sovd_configuration){
                        .id = parameter->string,
                        .name = parameter->string,
                        .type = SOVD_CONFIGURATION_PARAMETER,
                };
        ret->items = (struct sovd_list){ .items = items, .n = n, .set = true };
        return 0;
}

int odata_decode_configuration(struct sovd_call *call, cJSON *json, const char *id,
                               struct sovd_data_value *ret) {
        const cJSON *parameters;

        int r = find_parameters(call, json, &parameters);
        if (r)
                return r;

        *ret = (struct sovd_data_value){ .id = id, .data = shape_member(parameters, id) };
        return ret->data && !cJSON_IsNull(ret->data) ? 0 : SOVD_E_NOT_FOUND;
}
