/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/clear_data.h"

const char *const sovd_clear_type_names[] = { "cached-data", "learned-data", "client-defined-resources", NULL };
const char *const sovd_clear_state_names[] = { "notRequested", "running", "completed", "failed", NULL };

#define F(member) offsetof(struct sovd_clear_status, member)
static const struct sovd_field status_fields[] = {
        { .name = "status", .type = SOVD_FIELD_ENUM, .offset = F(status), .flags = SOVD_REQUIRED,
          .names = sovd_clear_state_names },
        { .name = "type", .type = SOVD_FIELD_ENUM, .offset = F(type), .names = sovd_clear_type_names,
          .doc = "What was asked for last." },
        { .name = "last_started", .type = SOVD_FIELD_STRING, .offset = F(last_started), .format = "date-time" },
        { .name = "progress", .type = SOVD_FIELD_INT, .offset = F(progress), .max = 100, .doc = "Percent." },
        { .name = "error", .type = SOVD_FIELD_LIST, .offset = F(error), .of = &sovd_schema_generic_error },
        { .name = "schema", .type = SOVD_FIELD_JSON, .offset = F(schema), .flags = SOVD_ANY_OBJECT },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_clear_status = {
        .name = "ClearDataStatus", .size = sizeof(struct sovd_clear_status), .fields = status_fields,
};
