/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/operations.h"

const char *const sovd_execution_status_names[] = { "running", "completed", "failed", NULL };
const char *const sovd_capability_names[] = { "execute", "stop", "freeze", "reset", "status", NULL };

#define F(member) offsetof(struct sovd_operation, member)
static const struct sovd_field operation_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name) },
        { .name = "translation_id", .type = SOVD_FIELD_STRING, .offset = F(translation_id) },
        { .name = "proximity_proof_required", .type = SOVD_FIELD_BOOL, .offset = F(proximity_proof_required),
          .flags = SOVD_REQUIRED },
        { .name = "asynchronous_execution", .type = SOVD_FIELD_BOOL, .offset = F(asynchronous_execution),
          .flags = SOVD_REQUIRED },
        { .name = "tags", .type = SOVD_FIELD_STRINGS, .offset = F(tags) },
        { .name = "description", .type = SOVD_FIELD_STRING, .offset = F(description) },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_operation = {
        .name = "OperationDescription", .size = sizeof(struct sovd_operation), .fields = operation_fields,
        .extra = offsetof(struct sovd_operation, extra),
};

static const struct sovd_field list_fields[] = {
        { .name = "items", .type = SOVD_FIELD_LIST, .offset = offsetof(struct sovd_operation_list, items),
          .flags = SOVD_REQUIRED, .of = &sovd_schema_operation },
        { 0 }
};
const struct sovd_schema sovd_schema_operation_list = {
        .name = "OperationList", .size = sizeof(struct sovd_operation_list), .fields = list_fields,
};

static const struct sovd_field challenge_fields[] = {
        { .name = "challenge", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_proximity_challenge, challenge),
          .flags = SOVD_REQUIRED },
        { .name = "valid_until", .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sovd_proximity_challenge, valid_until), .flags = SOVD_REQUIRED,
          .format = "date-time" },
        { 0 }
};
const struct sovd_schema sovd_schema_proximity_challenge = {
        .name = "ProximityChallenge", .size = sizeof(struct sovd_proximity_challenge), .fields = challenge_fields,
};

#define F(member) offsetof(struct sovd_operation_detail, member)
static const struct sovd_field detail_fields[] = {
        { .name = "item", .type = SOVD_FIELD_OBJECT, .offset = F(item), .flags = SOVD_REQUIRED,
          .of = &sovd_schema_operation },
        { .name = "proximity_challenge", .type = SOVD_FIELD_OBJECT, .offset = F(proximity_challenge),
          .of = &sovd_schema_proximity_challenge },
        { .name = "modes", .type = SOVD_FIELD_JSON, .offset = F(modes), .flags = SOVD_ANY_OBJECT,
          .doc = "Modes that the operation needs; empty = any, absent = unknown." },
        { .name = "schema", .type = SOVD_FIELD_JSON, .offset = F(schema), .flags = SOVD_ANY_OBJECT },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_operation_detail = {
        .name = "OperationDetails", .size = sizeof(struct sovd_operation_detail), .fields = detail_fields,
};

#define F(member) offsetof(struct sovd_execution_start, member)
static const struct sovd_field start_fields[] = {
        { .name = "timeout", .type = SOVD_FIELD_INT, .offset = F(timeout), .min = 1, .max = INT32_MAX,
          .doc = "Seconds after which the server stops the execution." },
        { .name = "parameters", .type = SOVD_FIELD_JSON, .offset = F(parameters) },
        { .name = "proximity_response", .type = SOVD_FIELD_STRING, .offset = F(proximity_response) },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_execution_start = {
        .name = "StartExecution", .size = sizeof(struct sovd_execution_start), .fields = start_fields,
};

#define F(member) offsetof(struct sovd_execution_control, member)
static const struct sovd_field control_fields[] = {
        { .name = "capability", .type = SOVD_FIELD_STRING, .offset = F(capability), .flags = SOVD_REQUIRED, .min = 1,
          .max = 128, .doc = "execute, stop, freeze, reset, status, or x-<ext>-…" },
        { .name = "timeout", .type = SOVD_FIELD_INT, .offset = F(timeout), .min = 1, .max = INT32_MAX,
          .doc = "Seconds." },
        { .name = "parameters", .type = SOVD_FIELD_JSON, .offset = F(parameters) },
        { .name = "proximity_response", .type = SOVD_FIELD_STRING, .offset = F(proximity_response) },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_execution_control = {
        .name = "ControlExecution", .size = sizeof(struct sovd_execution_control), .fields = control_fields,
};

static const struct sovd_field stop_fields[] = {
        { .name = "proximity_response", .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sovd_execution_stop, proximity_response) },
        { 0 }
};
const struct sovd_schema sovd_schema_execution_stop = {
        .name = "StopExecution", .size = sizeof(struct sovd_execution_stop), .fields = stop_fields,
};

static const struct sovd_field result_fields[] = {
        { .name = "parameters", .type = SOVD_FIELD_JSON, .offset = offsetof(struct sovd_execution_result, parameters) },
        { .name = "error", .type = SOVD_FIELD_OBJECT, .offset = offsetof(struct sovd_execution_result, error),
          .of = &sovd_schema_generic_error },
        { 0 }
};
const struct sovd_schema sovd_schema_execution_result = {
        .name = "ExecutionResult", .size = sizeof(struct sovd_execution_result), .fields = result_fields,
};

static const struct sovd_field accepted_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_execution_accepted, id),
          .flags = SOVD_REQUIRED },
        { .name = "status", .type = SOVD_FIELD_ENUM, .offset = offsetof(struct sovd_execution_accepted, status),
          .names = sovd_execution_status_names },
        { 0 }
};
const struct sovd_schema sovd_schema_execution_accepted = {
        .name = "ExecutionAccepted", .size = sizeof(struct sovd_execution_accepted), .fields = accepted_fields,
};

#define F(member) offsetof(struct sovd_execution, member)
static const struct sovd_field execution_fields[] = {
        { .name = "capability", .type = SOVD_FIELD_ENUM, .offset = F(capability), .flags = SOVD_REQUIRED,
          .names = sovd_capability_names, .doc = "What was asked of it last." },
        { .name = "status", .type = SOVD_FIELD_ENUM, .offset = F(status), .names = sovd_execution_status_names },
        { .name = "parameters", .type = SOVD_FIELD_JSON, .offset = F(parameters) },
        { .name = "error", .type = SOVD_FIELD_LIST, .offset = F(error), .of = &sovd_schema_data_error,
          .doc = "Why it failed; path / is the operation itself." },
        { .name = "progress", .type = SOVD_FIELD_INT, .offset = F(progress), .min = 0, .max = 100,
          .doc = "Percent, when the backend tells it." },
        { .name = "schema", .type = SOVD_FIELD_JSON, .offset = F(schema), .flags = SOVD_ANY_OBJECT },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_execution = {
        .name = "ExecutionStatus", .size = sizeof(struct sovd_execution), .fields = execution_fields,
        .extra = offsetof(struct sovd_execution, extra),
};

static const struct sovd_field ids_fields[] = {
        { .name = "items", .type = SOVD_FIELD_STRINGS, .offset = offsetof(struct sovd_execution_ids, items),
          .flags = SOVD_REQUIRED, .doc = "Ids of executions." },
        { 0 }
};
const struct sovd_schema sovd_schema_execution_ids = {
        .name = "ExecutionIds", .size = sizeof(struct sovd_execution_ids), .fields = ids_fields,
};
