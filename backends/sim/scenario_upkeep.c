/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of logs, clear_data and status. */
#include "backends/sim/scenario_tables.h"
#include "sovd-core/model/clear_data.h"
#include "sovd-core/model/logs.h"
#include "sovd-core/model/status.h"



static const struct sovd_field need_fields[] = {
        TEXT(sim_need, entity, "Of an update: whose, as components/ID or apps/ID."),
        TEXT(sim_need, data, "Id of the data that must have the value."),
        TEXT(sim_need, mode, "Id of the mode that must have the value."),
        { .name = "value",
          .type = SOVD_FIELD_JSON,
          .offset = offsetof(struct sim_need, value),
          .flags = SOVD_REQUIRED,
          .doc = "The value that it must have." },
        { 0 }
};
const struct sovd_schema sovd_schema_sim_need = { .name = "need",
                                                  .size = sizeof(struct sim_need),
                                                  .fields = need_fields,
                                                  .doc = "A condition: data or mode, and its value." };

static const struct sovd_field log_context_fields[] = {
        { .name = "id",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_log_context, id),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = ID_MAX,
          .doc = "What messages call it; clients do not see it." },
        { .name = "type",
          .type = SOVD_FIELD_ENUM,
          .offset = offsetof(struct sim_log_context, type),
          .names = sovd_log_context_type_names,
          .def = "RFC5424",
          .doc = "RFC5424 has host, process and pid; AUTOSAR_DLT the others." },
        { .name = "severity",
          .type = SOVD_FIELD_ENUM,
          .offset = offsetof(struct sim_log_context, severity),
          .names = sovd_log_severity_names,
          .def = "info",
          .doc = "It writes entries of this severity or worse until a client configures another one." },
        TEXT(sim_log_context, host, "RFC5424."),
        TEXT(sim_log_context, process, "RFC5424."),
        { .name = "pid",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_log_context, pid),
          .min = 1,
          .max = INT32_MAX,
          .doc = "RFC5424." },
        TEXT(sim_log_context, session, "AUTOSAR_DLT."),
        TEXT(sim_log_context, session_id, "AUTOSAR_DLT."),
        TEXT(sim_log_context, application_id, "AUTOSAR_DLT."),
        TEXT(sim_log_context, context_id, "AUTOSAR_DLT."),
        TEXT(sim_log_context, message_id, "AUTOSAR_DLT."),
        { 0 }
};
static const struct sovd_schema log_context_schema = {
        .name = "log_context",
        .size = sizeof(struct sim_log_context),
        .fields = log_context_fields,
        .doc = "Who writes. The first one also writes what happens to "
               "the entity."
};

static const struct sovd_field log_message_fields[] = {
        TEXT(sim_log_message, context, "Id of the context that writes it; the first when missing."),
        { .name = "severity",
          .type = SOVD_FIELD_ENUM,
          .offset = offsetof(struct sim_log_message, severity),
          .names = sovd_log_severity_names,
          .def = "info",
          .doc = "fatal, error, warn, info or debug." },
        { .name = "text",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_log_message, text),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = TEXT_MAX,
          .doc = "What it says; {ID} is replaced by the value of that data at that moment." },
        { .name = "after_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = offsetof(struct sim_log_message, after_secs),
          .max = SECONDS_MAX,
          .def = "0",
          .doc = "Time from the start of the entity until it is written, in seconds." },
        SECONDS(sim_log_message, period_secs,
                "Time until it is written again, at least 0.1; once when missing."),
        { 0 }
};
static const struct sovd_schema log_message_schema = {
        .name = "log_message",
        .size = sizeof(struct sim_log_message),
        .fields = log_message_fields,
        .doc = "Something that is written when its time comes."
};

static const struct sovd_field logs_fields[] = {
        { .name = "keep",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_logs, keep),
          .min = 1,
          .max = 1000,
          .def = "200",
          .doc = "How many entries are kept; the oldest go." },
        { .name = "contexts",
          .type = SOVD_FIELD_LIST,
          .offset = offsetof(struct sim_logs, contexts),
          .of = &log_context_schema,
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = 20,
          .doc = "Who writes." },
        { .name = "messages",
          .type = SOVD_FIELD_LIST,
          .offset = offsetof(struct sim_logs, messages),
          .of = &log_message_schema,
          .max = 20,
          .doc = "What is written by and by, beside what happens to the entity." },
        { 0 }
};
const struct sovd_schema sovd_schema_sim_logs = {
        .name = "logs", .size = sizeof(struct sim_logs), .fields = logs_fields, .doc = "A log."
};

static const struct sovd_field clear_fields[] = {
        { .name = "duration_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = offsetof(struct sim_clear, duration_secs),
          .max = SECONDS_MAX,
          .def = "0",
          .doc = "How long it takes, in seconds." },
        TEXTS(sim_clear, resets, "Ids of constant data that return to their value at the start."),
        { .name = "fails_every",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_clear, fails_every),
          .min = 0,
          .max = 1000000,
          .def = "0",
          .doc = "0: never fails. 1: always. n: each nth task of the entity fails." },
        { .name = "error",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_clear, error),
          .min = 1,
          .max = TEXT_MAX,
          .def = "the memory could not be cleared",
          .doc = "What a failure says." },
        { 0 }
};
static const struct sovd_schema clear_schema = { .name = "clear",
                                                 .size = sizeof(struct sim_clear),
                                                 .fields = clear_fields,
                                                 .doc = "A kind of data that can be cleared." };
static const struct sovd_field clear_data_fields[] = {
        { .name = "cached",
          .type = SOVD_FIELD_OBJECT,
          .offset = offsetof(struct sim_clear_data, types[SOVD_CLEAR_CACHED_DATA - 1]),
          .of = &clear_schema,
          .doc = "What can be got again." },
        { .name = "learned",
          .type = SOVD_FIELD_OBJECT,
          .offset = offsetof(struct sim_clear_data, types[SOVD_CLEAR_LEARNED_DATA - 1]),
          .of = &clear_schema,
          .doc = "What it adapted to." },
        { .name = "client_defined",
          .type = SOVD_FIELD_OBJECT,
          .offset = offsetof(struct sim_clear_data, types[SOVD_CLEAR_CLIENT_DEFINED - 1]),
          .of = &clear_schema,
          .doc = "What clients put there." },
        { 0 }
};
const struct sovd_schema sovd_schema_sim_clear_data = { .name = "clear_data",
                                                        .size = sizeof(struct sim_clear_data),
                                                        .fields = clear_data_fields,
                                                        .doc = "What can be cleared." };

static const struct sovd_field status_fields[] = {
        { .name = "restart_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = offsetof(struct sim_status, restart_secs),
          .max = SECONDS_MAX,
          .def = "2",
          .doc = "How long it is not ready when it restarts, in seconds." },
        SECONDS(sim_status, start_secs,
                "How long it is not ready when it is started; restart_secs when missing."),
        { .name = "supports",
          .type = SOVD_FIELD_STRINGS,
          .offset = offsetof(struct sim_status, supports),
          .max = SOVD_N_STATUS_ACTIONS,
          .doc = "start, restart, force-restart, shutdown, force-shutdown." },
        LIST(sim_status, needs, sovd_schema_sim_need,
             "What must hold before it stops, also by force, such as a vehicle that stands."),
        { 0 }
};
const struct sovd_schema sovd_schema_sim_status = { .name = "status",
                                                    .size = sizeof(struct sim_status),
                                                    .fields = status_fields,
                                                    .doc = "It can be asked whether it is ready." };
