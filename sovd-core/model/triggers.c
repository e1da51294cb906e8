/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/triggers.h"

const char *const sovd_condition_type_names[] = { "EnterRange", "LeaveRange", "OnChange", "OnChangeTo",
                                                  NULL };
const char *const sovd_trigger_status_names[] = { "active", "terminated", NULL };
const char *const sovd_trigger_severity_names[] = { "fatal", "error", "warn", "info", "debug", NULL };

#define F(member) offsetof(struct sovd_trigger_condition, member)
static const struct sovd_field condition_fields[] = {
        { .name = "condition_type",
          .type = SOVD_FIELD_ENUM,
          .offset = F(type),
          .flags = SOVD_REQUIRED,
          .names = sovd_condition_type_names },
        { .name = "lower_bound",
          .type = SOVD_FIELD_JSON,
          .offset = F(lower_bound),
          .doc = "A number; EnterRange and LeaveRange need it. The bound itself is inside." },
        { .name = "upper_bound",
          .type = SOVD_FIELD_JSON,
          .offset = F(upper_bound),
          .doc = "A number, not below lower_bound." },
        { .name = "value",
          .type = SOVD_FIELD_JSON,
          .offset = F(value),
          .doc = "A boolean, a number or a string; OnChangeTo needs it." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_trigger_condition = {
        .name = "TriggerCondition",
        .size = sizeof(struct sovd_trigger_condition),
        .fields = condition_fields,
};

#define F(member) offsetof(struct sovd_trigger_log, member)
static const struct sovd_field log_fields[] = {
        { .name = "log_severity",
          .type = SOVD_FIELD_ENUM,
          .offset = F(severity),
          .flags = SOVD_REQUIRED,
          .names = sovd_trigger_severity_names },
        { .name = "log_resource",
          .type = SOVD_FIELD_BOOL,
          .offset = F(resource),
          .doc = "Writes what is observed and its value; false when it is absent." },
        { .name = "log_trigger_condition",
          .type = SOVD_FIELD_BOOL,
          .offset = F(condition),
          .doc = "Writes the condition as JSON; false when it is absent." },
        { .name = "log_marker_text",
          .type = SOVD_FIELD_STRING,
          .offset = F(marker),
          .max = 1024,
          .doc = "Stands at the beginning of the entry; without control characters." },
        { 0 }
};
#undef F
static const struct sovd_schema log_schema = {
        .name = "TriggerLogSettings",
        .size = sizeof(struct sovd_trigger_log),
        .fields = log_fields,
        .doc = "What the entity's log gets when the trigger fires. Needs a backend that lets the gateway write into "
               "its log; else 501.",
};

#define F(member) offsetof(struct sovd_trigger_new, member)
static const struct sovd_field new_fields[] = {
        { .name = "resource",
          .type = SOVD_FIELD_STRING,
          .offset = F(resource),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = 2048,
          .format = "uri-reference",
          .doc = "A resource of the same entity that GET reads: absolute, or relative to the entity (data/x, "
                 "../data/x)." },
        { .name = "trigger_condition",
          .type = SOVD_FIELD_OBJECT,
          .offset = F(condition),
          .flags = SOVD_REQUIRED,
          .of = &sovd_schema_trigger_condition },
        { .name = "path",
          .type = SOVD_FIELD_STRING,
          .offset = F(path),
          .max = 1024,
          .format = "json-pointer",
          .doc = "The observed element: of the member data for a data resource, else of the body." },
        { .name = "protocol", .type = SOVD_FIELD_ENUM, .offset = F(protocol), .names = sovd_protocol_names },
        { .name = "log_settings", .type = SOVD_FIELD_OBJECT, .offset = F(log), .of = &log_schema },
        { .name = "multishot",
          .type = SOVD_FIELD_BOOL,
          .offset = F(multishot),
          .doc = "false, as when it is absent: it is terminated after its first event." },
        { .name = "persistent",
          .type = SOVD_FIELD_BOOL,
          .offset = F(persistent),
          .doc = "It outlives a restart of the server; 501 when storage.path is not set." },
        { .name = "lifetime",
          .type = SOVD_FIELD_INT,
          .offset = F(lifetime),
          .min = 1,
          .max = INT32_MAX,
          .doc = "Seconds; absent is the longest that is allowed." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_trigger_new = {
        .name = "NewTrigger",
        .size = sizeof(struct sovd_trigger_new),
        .fields = new_fields,
};

#define F(member) offsetof(struct sovd_trigger, member)
#define META                                                                                                 \
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },                \
                { .name = "observed_resource",                                                               \
                  .type = SOVD_FIELD_STRING,                                                                 \
                  .offset = F(observed_resource),                                                            \
                  .flags = SOVD_REQUIRED,                                                                    \
                  .format = "uri-reference" },                                                               \
                { .name = "event_source",                                                                    \
                  .type = SOVD_FIELD_STRING,                                                                 \
                  .offset = F(event_source),                                                                 \
                  .flags = SOVD_REQUIRED,                                                                    \
                  .format = "uri-reference",                                                                 \
                  .doc = "Where the events are read, as text/event-stream." },                               \
                { .name = "protocol",                                                                        \
                  .type = SOVD_FIELD_ENUM,                                                                   \
                  .offset = F(protocol),                                                                     \
                  .flags = SOVD_REQUIRED,                                                                    \
                  .names = sovd_protocol_names },                                                            \
                { .name = "expires",                                                                         \
                  .type = SOVD_FIELD_STRING,                                                                 \
                  .offset = F(expires),                                                                      \
                  .flags = SOVD_REQUIRED,                                                                    \
                  .format = "date-time" },                                                                   \
        {                                                                                                    \
                .name = "status", .type = SOVD_FIELD_ENUM, .offset = F(status), .flags = SOVD_REQUIRED,      \
                .names = sovd_trigger_status_names                                                           \
        }
static const struct sovd_field meta_fields[] = { META, { 0 } };
static const struct sovd_schema meta_schema = {
        .name = "TriggerMetaData",
        .size = sizeof(struct sovd_trigger),
        .fields = meta_fields,
};

static const struct sovd_field trigger_fields[] = {
        META,
        { .name = "trigger_condition",
          .type = SOVD_FIELD_OBJECT,
          .offset = F(condition),
          .flags = SOVD_REQUIRED,
          .of = &sovd_schema_trigger_condition },
        { .name = "multishot", .type = SOVD_FIELD_BOOL, .offset = F(multishot), .flags = SOVD_REQUIRED },
        { .name = "persistent", .type = SOVD_FIELD_BOOL, .offset = F(persistent), .flags = SOVD_REQUIRED },
        { .name = "path", .type = SOVD_FIELD_STRING, .offset = F(path), .format = "json-pointer" },
        { .name = "log_settings", .type = SOVD_FIELD_OBJECT, .offset = F(log), .of = &log_schema },
        { .name = "last_error",
          .type = SOVD_FIELD_OBJECT,
          .offset = F(last_error),
          .of = &sovd_schema_generic_error,
          .doc = "Of the last reading, or writing into the log, that failed." },
        { .name = "event_schema",
          .type = SOVD_FIELD_JSON,
          .offset = F(event_schema),
          .flags = SOVD_ANY_OBJECT,
          .doc = "With include-schema: what an event looks like." },
        { 0 }
};
#undef META
#undef F
const struct sovd_schema sovd_schema_trigger = {
        .name = "Trigger",
        .size = sizeof(struct sovd_trigger),
        .fields = trigger_fields,
};

static const struct sovd_field list_fields[] = { { .name = "items",
                                                   .type = SOVD_FIELD_LIST,
                                                   .offset = offsetof(struct sovd_trigger_list, items),
                                                   .flags = SOVD_REQUIRED,
                                                   .of = &meta_schema },
                                                 { 0 } };
const struct sovd_schema sovd_schema_trigger_list = {
        .name = "TriggerList",
        .size = sizeof(struct sovd_trigger_list),
        .fields = list_fields,
};

static const struct sovd_field change_fields[] = { { .name = "lifetime",
                                                     .type = SOVD_FIELD_INT,
                                                     .offset = offsetof(struct sovd_trigger_change, lifetime),
                                                     .flags = SOVD_REQUIRED,
                                                     .min = 1,
                                                     .max = INT32_MAX,
                                                     .doc = "Seconds from now." },
                                                   { 0 } };
const struct sovd_schema sovd_schema_trigger_change = {
        .name = "TriggerChange",
        .size = sizeof(struct sovd_trigger_change),
        .fields = change_fields,
};

static const struct sovd_field changed_fields[] = { { .name = "expires",
                                                      .type = SOVD_FIELD_STRING,
                                                      .offset =
                                                              offsetof(struct sovd_trigger_changed, expires),
                                                      .flags = SOVD_REQUIRED,
                                                      .format = "date-time" },
                                                    { 0 } };
const struct sovd_schema sovd_schema_trigger_changed = {
        .name = "TriggerExpiry",
        .size = sizeof(struct sovd_trigger_changed),
        .fields = changed_fields,
};
