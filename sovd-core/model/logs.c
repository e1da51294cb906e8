/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/logs.h"

const char *const sovd_log_severity_names[] = { "fatal", "error", "warn", "info", "debug", NULL };
const char *const sovd_log_context_type_names[] = { "RFC5424", "AUTOSAR_DLT", NULL };

#define F(member)          offsetof(struct sovd_log_context, member)
#define TEXT(word, member) { .name = word, .type = SOVD_FIELD_STRING, .offset = F(member) }
static const struct sovd_field context_fields[] = {
        { .name = "type", .type = SOVD_FIELD_ENUM, .offset = F(type), .flags = SOVD_REQUIRED,
          .names = sovd_log_context_type_names },
        TEXT("host", host),
        TEXT("process", process),
        { .name = "pid", .type = SOVD_FIELD_INT, .offset = F(pid) },
        TEXT("session", session),
        TEXT("session_id", session_id),
        TEXT("application_id", application_id),
        TEXT("context_id", context_id),
        TEXT("message_id", message_id),
        { 0 }
};
#undef F
#undef TEXT
const struct sovd_schema sovd_schema_log_context = {
        .name = "LogContext", .size = sizeof(struct sovd_log_context), .fields = context_fields,
        .doc = "Who wrote: host, process and pid of RFC 5424, or the ids of AUTOSAR DLT.",
        .extra = offsetof(struct sovd_log_context, extra),
};

#define F(member) offsetof(struct sovd_log_entry, member)
static const struct sovd_field entry_fields[] = {
        { .name = "timestamp", .type = SOVD_FIELD_STRING, .offset = F(timestamp), .flags = SOVD_REQUIRED,
          .format = "date-time" },
        { .name = "context", .type = SOVD_FIELD_OBJECT, .offset = F(context), .flags = SOVD_REQUIRED,
          .of = &sovd_schema_log_context },
        { .name = "severity", .type = SOVD_FIELD_ENUM, .offset = F(severity), .flags = SOVD_REQUIRED,
          .names = sovd_log_severity_names },
        { .name = "msg", .type = SOVD_FIELD_STRING, .offset = F(msg), .flags = SOVD_REQUIRED },
        { .name = "href", .type = SOVD_FIELD_STRING, .offset = F(href), .format = "uri-reference",
          .doc = "The file that the entry is from." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_log_entry = {
        .name = "LogEntry", .size = sizeof(struct sovd_log_entry), .fields = entry_fields,
        .extra = offsetof(struct sovd_log_entry, extra),
};

static const struct sovd_field list_fields[] = {
        { .name = "items", .type = SOVD_FIELD_LIST, .offset = offsetof(struct sovd_log_list, items),
          .flags = SOVD_REQUIRED, .of = &sovd_schema_log_entry },
        { .name = "schema", .type = SOVD_FIELD_JSON, .offset = offsetof(struct sovd_log_list, schema),
          .flags = SOVD_ANY_OBJECT },
        { 0 }
};
const struct sovd_schema sovd_schema_log_list = {
        .name = "LogEntryList", .size = sizeof(struct sovd_log_list), .fields = list_fields,
};

static const struct sovd_field configuration_fields[] = {
        { .name = "context", .type = SOVD_FIELD_OBJECT, .offset = offsetof(struct sovd_log_configuration, context),
          .flags = SOVD_REQUIRED, .of = &sovd_schema_log_context },
        { .name = "severity", .type = SOVD_FIELD_ENUM, .offset = offsetof(struct sovd_log_configuration, severity),
          .flags = SOVD_REQUIRED, .names = sovd_log_severity_names,
          .doc = "Entries of this severity or worse are kept." },
        { 0 }
};
const struct sovd_schema sovd_schema_log_configuration = {
        .name = "LogConfiguration", .size = sizeof(struct sovd_log_configuration), .fields = configuration_fields,
};

static const struct sovd_field config_fields[] = {
        { .name = "contexts", .type = SOVD_FIELD_LIST, .offset = offsetof(struct sovd_log_config, contexts),
          .flags = SOVD_REQUIRED, .of = &sovd_schema_log_configuration },
        { 0 }
};
const struct sovd_schema sovd_schema_log_config = {
        .name = "LogConfigurations", .size = sizeof(struct sovd_log_config), .fields = config_fields,
};

#define CONFIGURATIONS_MAX 1000
static const struct sovd_field write_fields[] = {
        { .name = "items", .type = SOVD_FIELD_LIST, .offset = offsetof(struct sovd_log_config_write, items),
          .flags = SOVD_EMPTY_LIST, .of = &sovd_schema_log_configuration, .max = CONFIGURATIONS_MAX },
        { .name = "contexts", .type = SOVD_FIELD_LIST, .offset = offsetof(struct sovd_log_config_write, contexts),
          .of = &sovd_schema_log_configuration, .max = CONFIGURATIONS_MAX, .doc = "Another word for items." },
        { 0 }
};
const struct sovd_schema sovd_schema_log_config_write = {
        .name = "SetLogConfigurations", .size = sizeof(struct sovd_log_config_write), .fields = write_fields,
};

bool sovd_log_severity_passes(int severity, int least) {
        return !least || severity <= least;
}

static bool agrees(const char *wanted, const char *have) {
        return !wanted || sovd_streq(wanted, have);
}

bool sovd_log_context_matches(const struct sovd_log_context *wanted, const struct sovd_log_context *context) {
        return wanted->type == context->type && agrees(wanted->host, context->host) &&
               agrees(wanted->process, context->process) &&
               (!wanted->pid.set || (context->pid.set && wanted->pid.value == context->pid.value)) &&
               agrees(wanted->session, context->session) && agrees(wanted->session_id, context->session_id) &&
               agrees(wanted->application_id, context->application_id) &&
               agrees(wanted->context_id, context->context_id) && agrees(wanted->message_id, context->message_id);
}
