/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/comm_logs.h"

static const char *const status_names[] = { "inactive", "active", NULL };
static const char *const action_names[] = { "activate", "deactivate", NULL };

static const struct sovd_field ids_fields[] = { { .name = "items",
                                                  .type = SOVD_FIELD_STRINGS,
                                                  .offset = offsetof(struct sovd_comm_log_ids, items),
                                                  .flags = SOVD_REQUIRED,
                                                  .doc = "Ids of the logs." },
                                                { 0 } };
const struct sovd_schema sovd_schema_comm_log_ids = {
        .name = "CommunicationLogList",
        .size = sizeof(struct sovd_comm_log_ids),
        .fields = ids_fields,
};

#define F(member) offsetof(struct sovd_comm_log, member)
static const struct sovd_field log_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        { .name = "status",
          .type = SOVD_FIELD_ENUM,
          .offset = F(status),
          .flags = SOVD_REQUIRED,
          .names = status_names },
        { .name = "stream",
          .type = SOVD_FIELD_BOOL,
          .offset = F(stream),
          .flags = SOVD_REQUIRED,
          .doc = "Is it sent while it is recorded? Else it is kept as bulk data." },
        { .name = "log",
          .type = SOVD_FIELD_STRING,
          .offset = F(log),
          .flags = SOVD_REQUIRED,
          .format = "uri-reference",
          .doc = "Where the recording is." },
        { .name = "activated", .type = SOVD_FIELD_STRING, .offset = F(activated), .format = "date-time" },
        { .name = "deactivated", .type = SOVD_FIELD_STRING, .offset = F(deactivated), .format = "date-time" },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_comm_log = {
        .name = "CommunicationLog",
        .size = sizeof(struct sovd_comm_log),
        .fields = log_fields,
        .extra = offsetof(struct sovd_comm_log, extra),
};

static const struct sovd_field control_fields[] = { { .name = "action",
                                                      .type = SOVD_FIELD_ENUM,
                                                      .offset =
                                                              offsetof(struct sovd_comm_log_control, action),
                                                      .flags = SOVD_REQUIRED,
                                                      .names = action_names },
                                                    { 0 } };
const struct sovd_schema sovd_schema_comm_log_control = {
        .name = "CommunicationLogControl",
        .size = sizeof(struct sovd_comm_log_control),
        .fields = control_fields,
};
