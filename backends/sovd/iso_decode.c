/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/iso_decode.h"
#include "backends/sovd/answer.h"
#include "backends/sovd/shape.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/id.h"
#include <errno.h>

/* --- data and configurations ---------------------------------------------------------------------------- */

int iso_decode_data_list(struct sovd_call *call, cJSON *json, const struct sovd_data_filter *filter,
                         struct sovd_data_list *ret) {
        int r = answer_decode(call, &sovd_schema_data_list, json, ret);

        if (!r)
                shape_filter_data(ret, filter);
        return r;
}

int iso_decode_data_groups(struct sovd_call *call, cJSON *json, struct sovd_data_group_list *ret) {
        return answer_decode(call, &sovd_schema_data_group_list, json, ret);
}

int iso_decode_value(struct sovd_call *call, cJSON *json, const char *id, struct sovd_data_value *ret) {
        int r = cJSON_IsObject(json) ? shape_default(json, "id", id) : 0;

        return r ? r : answer_decode(call, &sovd_schema_data_value, json, ret);
}

/* The CDA calls the type configurations_type, with other words; it serves all of them as JSON. */
static int shape_configuration(cJSON *item) {
        return shape_default(item, "type", "parameter");
}

int iso_decode_configuration_list(struct sovd_call *call, cJSON *json, struct sovd_configuration_list *ret) {
        int r = shape_each(json, "items", shape_configuration);

        return r ? r : answer_decode(call, &sovd_schema_configuration_list, json, ret);
}

/* --- faults --------------------------------------------------------------------------------------------- */

int iso_decode_fault_list(struct sovd_call *call, cJSON *json, const struct sovd_fault_filter *filter,
                          struct sovd_fault_list *ret) {
        int r = answer_decode(call, &sovd_schema_fault_list, json, ret);

        if (!r)
                shape_filter_faults(ret, filter);
        return r;
}

int iso_decode_fault(struct sovd_call *call, cJSON *json, struct sovd_fault_detail *ret) {
        return answer_decode(call, &sovd_schema_fault_detail, json, ret);
}

/* --- operations ----------------------------------------------------------------------------------------- */

int iso_decode_operation_list(struct sovd_call *call, cJSON *json, struct sovd_operation_list *ret) {
        return answer_decode(call, &sovd_schema_operation_list, json, ret);
}

/* The CDA answers with a list of one. */
int iso_decode_operation(struct sovd_call *call, cJSON *json, struct sovd_operation_detail *ret) {
        cJSON *items = shape_member(json, "items");
        int r = 0;

        if (cJSON_IsArray(items) && items->child && !shape_member(json, "item"))
                r = shape_put(json, "item", cJSON_DetachItemViaPointer(items, items->child));
        return r ? r : answer_decode(call, &sovd_schema_operation_detail, json, ret);
}

/* --- executions ----------------------------------------------------------------------------------------- */

int iso_check_execution_id(struct sovd_call *call, const char *id) {
        if (sovd_id_is_valid(id))
                return 0;
        return sovd_fail(call, SOVD_E_BAD_ANSWER,
                         "the backend named an execution by an id that cannot be used");
}

int iso_execution_error(struct sovd_call *call, const char *message, struct sovd_list *ret) {
        struct sovd_data_error *error = sovd_arena_new0(call->arena, struct sovd_data_error);
        struct sovd_generic_error *body = sovd_arena_new0(call->arena, struct sovd_generic_error);
        if (!error || !body)
                return sovd_error_origin(-ENOMEM);

        *body = (struct sovd_generic_error){ .error_code = "error-response", .message = message };
        *error = (struct sovd_data_error){ .path = "/", .error = body };
        *ret = (struct sovd_list){ .items = error, .n = 1, .set = true };
        return 0;
}

/* Servers written from the text of the standard know `stopped` too (defect D18). */
static int shape_status(cJSON *json, bool *ret_stopped) {
        *ret_stopped = sovd_streq(shape_string(json, "status"), "stopped");

        return *ret_stopped ? shape_put(json, "status", cJSON_CreateString("failed")) : 0;
}

int iso_decode_execution(struct sovd_call *call, cJSON *json, const char *id, struct sovd_execution *ret) {
        bool stopped;

        int r = shape_status(json, &stopped);
        if (!r && cJSON_IsObject(json))
                r = shape_default(json, "capability", "execute");
        if (!r)
                r = answer_decode(call, &sovd_schema_execution, json, ret);
        if (r)
                return r;

        ret->id = id;
        return stopped && !ret->error.n ? iso_execution_error(call, "the execution was stopped", &ret->error)
                                        : 0;
}

/* The CDA gives the error of a synchronous run as a DataError. */
static int shape_result(cJSON *json) {
        cJSON *error = shape_member(json, "error"), *inner = shape_member(error, "error");

        return inner ? shape_put(json, "error", cJSON_DetachItemViaPointer(error, inner)) : 0;
}

static int decode_result(struct sovd_call *call, cJSON *json, struct sovd_execution_started *ret) {
        *ret = (struct sovd_execution_started){ .synchronous = true };

        int r = shape_result(json);
        if (!r && json)
                r = answer_decode(call, &sovd_schema_execution_result, json, &ret->result);
        return r;
}

int iso_decode_started(struct sovd_call *call, unsigned status, cJSON *json,
                       struct sovd_execution_started *ret) {
        struct sovd_execution_accepted accepted = { 0 };

        if (status != 202 && !shape_string(json, "id"))
                return decode_result(call, json, ret);
        if (!json)
                return sovd_fail(call, SOVD_E_BAD_ANSWER,
                                 "the backend started the operation, but did not name the execution");

        int r = iso_decode_accepted(call, json, NULL, &accepted);
        if (r)
                return r;

        *ret = (struct sovd_execution_started){
                .id = accepted.id,
                .execution = { .id = accepted.id,
                               .capability = SOVD_CAPABILITY_EXECUTE,
                               .status = accepted.status,
                               .parameters = shape_member(json, "parameters") },
        };
        return 0;
}

/* Ids as the standard has them, or objects with an id as the CDA has them. */
int iso_decode_execution_ids(struct sovd_call *call, cJSON *json, struct sovd_execution_ids *ret) {
        const cJSON *items = shape_member(json, "items"), *item;
        size_t n = 0;

        if (!cJSON_IsArray(items))
                return answer_decode(call, &sovd_schema_execution_ids, json, ret);

        const char **ids = sovd_arena_array(call->arena, const char *, (size_t)cJSON_GetArraySize(items) + 1);
        if (!ids)
                return sovd_error_origin(-ENOMEM);
        cJSON_ArrayForEach (item, items) {
                ids[n] = cJSON_IsString(item) ? item->valuestring : shape_string(item, "id");
                int r = iso_check_execution_id(call, ids[n++]);
                if (r)
                        return r;
        }
        ret->items = (struct sovd_strings){ .items = ids, .n = n, .set = true };
        return 0;
}

/* json NULL, or without an id: id stands in, if there is one. */
int iso_decode_accepted(struct sovd_call *call, cJSON *json, const char *id,
                        struct sovd_execution_accepted *ret) {
        bool stopped;

        *ret = (struct sovd_execution_accepted){ .id = id };
        if (!json)
                return 0;

        int r = shape_status(json, &stopped);
        if (!r && id && cJSON_IsObject(json))
                r = shape_default(json, "id", id);
        if (!r)
                r = answer_decode(call, &sovd_schema_execution_accepted, json, ret);
        return r ? r : iso_check_execution_id(call, ret->id);
}

/* --- modes ---------------------------------------------------------------------------------------------- */

int iso_decode_mode_list(struct sovd_call *call, cJSON *json, struct sovd_mode_list *ret) {
        return answer_decode(call, &sovd_schema_mode_list, json, ret);
}

/* The value is a string when read and anything when written (defect D07): numbers and truth values come
 * too. */
static int shape_mode(cJSON *json) {
        const cJSON *value = shape_member(json, "value");

        if (cJSON_IsBool(value))
                return shape_put(json, "value", cJSON_CreateString(cJSON_IsTrue(value) ? "true" : "false"));
        if (cJSON_IsNumber(value) && value->valuestring)
                return shape_put(json, "value", cJSON_CreateString(value->valuestring));
        return 0;
}

int iso_decode_mode(struct sovd_call *call, cJSON *json, const char *id, struct sovd_mode_detail *ret) {
        int r = shape_mode(json);

        if (!r && cJSON_IsObject(json))
                r = shape_default(json, "id", id);
        return r ? r : answer_decode(call, &sovd_schema_mode_detail, json, ret);
}

int iso_decode_mode_set(struct sovd_call *call, cJSON *json, const char *id,
                        const struct sovd_mode_write *write, struct sovd_mode_set *ret) {
        int r = json ? shape_default(json, "id", id) : 0;

        *ret = (struct sovd_mode_set){ .id = id, .value = write->value };
        if (!r && json && cJSON_IsString(write->value)) /* the CDA leaves it out when it gives a seed */
                r = shape_default(json, "value", write->value->valuestring);
        if (!r && json && shape_member(json, "value"))
                r = answer_decode(call, &sovd_schema_mode_set, json, ret);
        return r;
}
