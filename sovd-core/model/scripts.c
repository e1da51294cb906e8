/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/scripts.h"

const char *const sovd_script_when_names[] = { "now", "now_and_on_restart", "on_restart", "once_on_restart", NULL };
const char *const sovd_script_status_names[] = { "prepared", "running", "completed", "failed", "terminated", NULL };
const char *const sovd_script_action_names[] = { "stop", "forced_termination", NULL };

#define F(member) offsetof(struct sovd_script, member)
static const struct sovd_field script_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name) },
        { .name = "translation_id", .type = SOVD_FIELD_STRING, .offset = F(translation_id) },
        { .name = "proximity_proof_required", .type = SOVD_FIELD_BOOL, .offset = F(proximity_proof_required),
          .flags = SOVD_REQUIRED },
        { .name = "tags", .type = SOVD_FIELD_STRINGS, .offset = F(tags) },
        { .name = "description", .type = SOVD_FIELD_STRING, .offset = F(description) },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_script = {
        .name = "ScriptDescription", .size = sizeof(struct sovd_script), .fields = script_fields,
        .extra = offsetof(struct sovd_script, extra),
};

static const struct sovd_field list_fields[] = {
        { .name = "items", .type = SOVD_FIELD_LIST, .offset = offsetof(struct sovd_script_list, items),
          .flags = SOVD_REQUIRED, .of = &sovd_schema_script },
        { 0 }
};
const struct sovd_schema sovd_schema_script_list = {
        .name = "ScriptList", .size = sizeof(struct sovd_script_list), .fields = list_fields,
};

#define F(member) offsetof(struct sovd_script_detail, member)
static const struct sovd_field detail_fields[] = {
        { .name = "item", .type = SOVD_FIELD_OBJECT, .offset = F(item), .flags = SOVD_REQUIRED,
          .of = &sovd_schema_script },
        { .name = "source", .type = SOVD_FIELD_STRING, .offset = F(source), .format = "uri-reference",
          .doc = "Where its text can be read." },
        { .name = "proximity_challenge", .type = SOVD_FIELD_OBJECT, .offset = F(proximity_challenge),
          .of = &sovd_schema_proximity_challenge },
        { .name = "schema", .type = SOVD_FIELD_JSON, .offset = F(schema), .flags = SOVD_ANY_OBJECT },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_script_detail = {
        .name = "ScriptDetails", .size = sizeof(struct sovd_script_detail), .fields = detail_fields,
};

static const struct sovd_field created_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_script_created, id),
          .flags = SOVD_REQUIRED },
        { 0 }
};
const struct sovd_schema sovd_schema_script_created = {
        .name = "ScriptCreated", .size = sizeof(struct sovd_script_created), .fields = created_fields,
};

#define F(member) offsetof(struct sovd_script_start, member)
static const struct sovd_field start_fields[] = {
        { .name = "execution_type", .type = SOVD_FIELD_ENUM, .offset = F(execution_type),
          .names = sovd_script_when_names, .doc = "When it runs; now when missing." },
        { .name = "parameters", .type = SOVD_FIELD_JSON, .offset = F(parameters) },
        { .name = "proximity_response", .type = SOVD_FIELD_STRING, .offset = F(proximity_response) },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_script_start = {
        .name = "StartScript", .size = sizeof(struct sovd_script_start), .fields = start_fields,
};

static const struct sovd_field started_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_script_started, id),
          .flags = SOVD_REQUIRED },
        { .name = "status", .type = SOVD_FIELD_ENUM, .offset = offsetof(struct sovd_script_started, status),
          .names = sovd_script_status_names },
        { 0 }
};
const struct sovd_schema sovd_schema_script_started = {
        .name = "ScriptStarted", .size = sizeof(struct sovd_script_started), .fields = started_fields,
};

#define F(member) offsetof(struct sovd_script_execution, member)
static const struct sovd_field execution_fields[] = {
        { .name = "status", .type = SOVD_FIELD_ENUM, .offset = F(status), .flags = SOVD_REQUIRED,
          .names = sovd_script_status_names },
        { .name = "last_started", .type = SOVD_FIELD_STRING, .offset = F(last_started), .format = "date-time" },
        { .name = "result", .type = SOVD_FIELD_JSON, .offset = F(result) },
        { .name = "error", .type = SOVD_FIELD_LIST, .offset = F(error), .of = &sovd_schema_data_error,
          .doc = "Why it failed; path / is the script itself." },
        { .name = "progress", .type = SOVD_FIELD_INT, .offset = F(progress), .min = 0, .max = 100,
          .doc = "Percent, when the backend tells it." },
        { .name = "schema", .type = SOVD_FIELD_JSON, .offset = F(schema), .flags = SOVD_ANY_OBJECT },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_script_execution = {
        .name = "ScriptExecution", .size = sizeof(struct sovd_script_execution), .fields = execution_fields,
        .extra = offsetof(struct sovd_script_execution, extra),
};

static const struct sovd_field control_fields[] = {
        { .name = "action", .type = SOVD_FIELD_ENUM, .offset = offsetof(struct sovd_script_control, action),
          .names = sovd_script_action_names, .doc = "One of action and capability is needed." },
        { .name = "capability", .type = SOVD_FIELD_ENUM, .offset = offsetof(struct sovd_script_control, capability),
          .names = sovd_script_action_names, .doc = "Another name of action." },
        { 0 }
};
const struct sovd_schema sovd_schema_script_control = {
        .name = "ControlScript", .size = sizeof(struct sovd_script_control), .fields = control_fields,
};
