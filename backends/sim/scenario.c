/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/scenario.h"

const char *const sim_type_names[] = { "number", "integer", "boolean", "string", NULL };
const char *const sim_behaviour_names[] = { "constant", "ramp", "sine", "noise", "follow", NULL };

#define ID_MAX      128
#define TEXT_MAX    1024
#define SECONDS_MAX 100000000
#define ITEMS_MAX   1000

#define TEXT(S, m, sentence)                                                                                 \
        {                                                                                                    \
                .name = #m, .type = SOVD_FIELD_STRING, .offset = offsetof(struct S, m), .min = 1,            \
                .max = TEXT_MAX, .doc = sentence                                                             \
        }
#define TEXTS(S, m, sentence)                                                                                \
        {                                                                                                    \
                .name = #m, .type = SOVD_FIELD_STRINGS, .offset = offsetof(struct S, m), .max = ITEMS_MAX,   \
                .doc = sentence                                                                              \
        }
#define NUMBER(S, m, sentence)                                                                               \
        {                                                                                                    \
                .name = #m, .type = SOVD_FIELD_NUMBER, .offset = offsetof(struct S, m),                      \
                .min = -SIM_NUMBER_MAX, .max = SIM_NUMBER_MAX, .doc = sentence                               \
        }
#define SECONDS(S, m, sentence)                                                                              \
        {                                                                                                    \
                .name = #m, .type = SOVD_FIELD_NUMBER, .offset = offsetof(struct S, m), .max = SECONDS_MAX,  \
                .doc = sentence                                                                              \
        }
#define BOOLEAN(S, m, d, sentence)                                                                           \
        { .name = #m, .type = SOVD_FIELD_BOOL, .offset = offsetof(struct S, m), .def = d, .doc = sentence }
#define LIST(S, m, schema, sentence)                                                                         \
        {                                                                                                    \
                .name = #m, .type = SOVD_FIELD_LIST, .offset = offsetof(struct S, m), .of = &schema,         \
                .max = ITEMS_MAX, .doc = sentence                                                            \
        }

static const struct sovd_field named_fields[] = {
        { .name = "id",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_named, id),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = ID_MAX,
          .doc = "Unique in its list." },
        TEXT(sim_named, name, "For people; the id when it is missing."),
        TEXT(sim_named, translation_id, "Key of the name in a translation table."),
        TEXTS(sim_named, tags, "Labels to filter by."),
        { 0 }
};
static const struct sovd_schema named_schema = { .name = "named",
                                                 .size = sizeof(struct sim_named),
                                                 .fields = named_fields };

static const struct sovd_field value_fields[] = {
        { .name = "type",
          .type = SOVD_FIELD_ENUM,
          .offset = offsetof(struct sim_value, type),
          .names = sim_type_names,
          .def = "number",
          .doc = "What a value is; writes of anything else are refused." },
        { .name = "value",
          .type = SOVD_FIELD_JSON,
          .offset = offsetof(struct sim_value, value),
          .flags = SOVD_REQUIRED,
          .doc = "The value at the start, of this type; the middle or the low end of a moving one." },
        NUMBER(sim_value, min, "Smallest value."),
        NUMBER(sim_value, max, "Largest value."),
        TEXTS(sim_value, values, "Texts that a string may be; any when missing."),
        { 0 }
};
static const struct sovd_schema value_schema = {
        .name = "value", .size = sizeof(struct sim_value), .fields = value_fields, .base = &named_schema
};

static const struct sovd_schema configuration_schema = {
        .name = "configuration",
        .size = sizeof(struct sim_configuration),
        .fields = value_fields,
        .base = &named_schema,
        .doc = "A setting that clients may write, of type parameter.",
};

static const struct sovd_field data_fields[] = {
        { .name = "category",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_data, category),
          .def = "currentData",
          .min = 1,
          .max = ID_MAX,
          .doc = "identData, currentData, storedData, sysInfo, or one of your own that begins with x-." },
        TEXTS(sim_data, groups, "Groups that the value is in."),
        TEXT(sim_data, unit, "Unit, such as V or degC."),
        TEXT(sim_data, description, "A sentence."),
        BOOLEAN(sim_data, writable, "false", "May clients write it? Only a constant one."),
        { .name = "behaviour",
          .type = SOVD_FIELD_ENUM,
          .offset = offsetof(struct sim_data, behaviour),
          .names = sim_behaviour_names,
          .def = "constant",
          .doc = "constant: stays until it is written. ramp: rises from value by amplitude within "
                 "period_secs, then "
                 "starts again. sine: swings around value by amplitude. noise: a new number every "
                 "period_secs, within "
                 "amplitude of value. follow: moves from value towards another one." },
        { .name = "amplitude",
          .type = SOVD_FIELD_NUMBER,
          .offset = offsetof(struct sim_data, amplitude),
          .max = SIM_NUMBER_MAX,
          .doc = "How far it moves from value." },
        { .name = "period_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = offsetof(struct sim_data, period_secs),
          .max = SECONDS_MAX,
          .def = "60",
          .doc = "Time until it repeats, in seconds, at least 0.001." },
        { .name = "step",
          .type = SOVD_FIELD_NUMBER,
          .offset = offsetof(struct sim_data, step),
          .max = SIM_NUMBER_MAX,
          .doc = "What a moving value is rounded to, at least 0.000000001; 0.1, and 1 for an integer, when "
                 "missing." },
        TEXT(sim_data, of, "follow: id of a constant number of the same entity."),
        { .name = "rate",
          .type = SOVD_FIELD_NUMBER,
          .offset = offsetof(struct sim_data, rate),
          .max = SIM_NUMBER_MAX,
          .def = "1",
          .doc = "follow: how much it moves in a second; above 0." },
        { 0 }
};
static const struct sovd_schema data_schema = { .name = "data",
                                                .size = sizeof(struct sim_data),
                                                .fields = data_fields,
                                                .base = &value_schema,
                                                .doc = "A value that clients read." };

static const struct sovd_field fault_fields[] = {
        { .name = "code",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_fault, code),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = ID_MAX,
          .doc = "Unique in its list." },
        { .name = "name",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_fault, name),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = TEXT_MAX,
          .doc = "What is wrong." },
        TEXT(sim_fault, display_code, "The code as a workshop knows it."),
        TEXT(sim_fault, translation_id, "Key of the name in a translation table."),
        { .name = "severity",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_fault, severity),
          .min = 1,
          .max = 4,
          .def = "2",
          .doc = "1 fatal, 2 error, 3 warning, 4 information." },
        TEXT(sim_fault, scope, "The fault memory that it is in."),
        TEXT(sim_fault, symptom, "How it shows."),
        TEXTS(sim_fault, tags, "Labels to filter by."),
        { .name = "appears_after_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = offsetof(struct sim_fault, appears_after_secs),
          .max = SECONDS_MAX,
          .def = "0",
          .doc = "Time from the start until it is there, in seconds." },
        SECONDS(sim_fault, heals_after_secs,
                "Time from then until it is not active any more; never when missing."),
        SECONDS(sim_fault, period_secs,
                "Time until it appears again; once when missing. Longer than heals_after_secs."),
        TEXTS(sim_fault, freeze_frame,
              "Ids of data of the same entity that are kept as they were when it appeared."),
        { 0 }
};
static const struct sovd_schema fault_schema = { .name = "fault",
                                                 .size = sizeof(struct sim_fault),
                                                 .fields = fault_fields,
                                                 .doc = "A fault. Cleared while it is active, it stays." };

static const struct sovd_field result_fields[] = { { .name = "name",
                                                     .type = SOVD_FIELD_STRING,
                                                     .offset = offsetof(struct sim_result, name),
                                                     .flags = SOVD_REQUIRED,
                                                     .min = 1,
                                                     .max = ID_MAX,
                                                     .doc = "Name of a result, unique in its list." },
                                                   { .name = "value",
                                                     .type = SOVD_FIELD_JSON,
                                                     .offset = offsetof(struct sim_result, value),
                                                     .flags = SOVD_REQUIRED,
                                                     .doc = "Its value." },
                                                   { 0 } };
static const struct sovd_schema result_schema = { .name = "result",
                                                  .size = sizeof(struct sim_result),
                                                  .fields = result_fields,
                                                  .doc = "What an operation gives when it succeeds." };

static const struct sovd_field operation_fields[] = {
        TEXT(sim_operation, description, "A sentence."),
        BOOLEAN(sim_operation, asynchronous, "false",
                "Does it run on after the answer? Else the answer has the result."),
        { .name = "duration_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = offsetof(struct sim_operation, duration_secs),
          .max = SECONDS_MAX,
          .def = "0",
          .doc = "How long an asynchronous one runs, in seconds." },
        BOOLEAN(sim_operation, stoppable, "true", "May it be stopped while it runs?"),
        { .name = "fails_every",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_operation, fails_every),
          .min = 0,
          .max = 1000000,
          .def = "0",
          .doc = "0: never fails. 1: always. n: each nth start fails." },
        { .name = "error",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_operation, error),
          .min = 1,
          .max = TEXT_MAX,
          .def = "the operation failed",
          .doc = "What a failure says." },
        LIST(sim_operation, result, result_schema, "What it gives when it succeeds."),
        { 0 }
};
static const struct sovd_schema operation_schema = {
        .name = "operation",
        .size = sizeof(struct sim_operation),
        .fields = operation_fields,
        .base = &named_schema,
        .doc = "Something that clients start. One run at a time; the last 32 are kept.",
};

static const struct sovd_field mode_fields[] = {
        { .name = "values",
          .type = SOVD_FIELD_STRINGS,
          .offset = offsetof(struct sim_mode, values),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = 100,
          .doc = "What it can be set to." },
        { .name = "default",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_mode, initial),
          .min = 1,
          .max = TEXT_MAX,
          .doc = "Where it starts and returns to; the first value when missing." },
        { .name = "expires_secs",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_mode, expires_secs),
          .min = 1,
          .max = SECONDS_MAX,
          .doc = "Longest time until it returns to the default, and that of a client that names "
                 "none; without it a mode may stay." },
        { 0 }
};
static const struct sovd_schema mode_schema = { .name = "mode",
                                                .size = sizeof(struct sim_mode),
                                                .fields = mode_fields,
                                                .base = &named_schema,
                                                .doc = "A state that clients set." };

static const struct sovd_field bulk_item_fields[] = {
        { .name = "mimetype",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_bulk_item, mimetype),
          .min = 1,
          .max = 255,
          .def = "application/octet-stream",
          .doc = "Media type." },
        { .name = "content",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_bulk_item, content),
          .max = 65536,
          .doc = "Its bytes as text; this or size_bytes." },
        { .name = "size_bytes",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_bulk_item, size_bytes),
          .min = 0,
          .max = 64 * 1024 * 1024,
          .doc = "So many bytes that look random and are the same at each start." },
        TEXT(sim_bulk_item, created, "When it was made, as 2026-01-31T12:00:00Z; the start when missing."),
        SECONDS(sim_bulk_item, ready_after_secs,
                "Time from the start until it can be downloaded; until then the answer is 202."),
        { 0 }
};
static const struct sovd_schema bulk_item_schema = { .name = "bulk_item",
                                                     .size = sizeof(struct sim_bulk_item),
                                                     .fields = bulk_item_fields,
                                                     .base = &named_schema,
                                                     .doc = "A file." };

static const struct sovd_field bulk_fields[] = {
        { .name = "category",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_bulk, category),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = ID_MAX,
          .doc = "Unique in its list; communication-logs is taken by the recordings." },
        BOOLEAN(sim_bulk, writable, "false", "May clients upload and delete?"),
        { .name = "quota_bytes",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_bulk, quota_bytes),
          .min = 1,
          .max = INT64_C(1) << 40,
          .def = "16777216",
          .doc = "Most bytes that uploads may take together; they are kept in memory." },
        LIST(sim_bulk, items, bulk_item_schema, "What is there at the start."),
        { 0 }
};
static const struct sovd_schema bulk_schema = { .name = "bulk_data",
                                                .size = sizeof(struct sim_bulk),
                                                .fields = bulk_fields,
                                                .doc = "Files of one category. At most 256 are kept." };

static const struct sovd_field comm_logs_fields[] = {
        { .name = "interface",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_comm_logs, interface),
          .min = 1,
          .max = 15,
          .def = "can0",
          .doc = "Name of the bus in the recording." },
        { .name = "rate_per_sec",
          .type = SOVD_FIELD_NUMBER,
          .offset = offsetof(struct sim_comm_logs, rate_per_sec),
          .max = 10000,
          .def = "10",
          .doc = "Frames in a second, at least 0.1." },
        { .name = "max_logs",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_comm_logs, max_logs),
          .min = 1,
          .max = 100,
          .def = "8",
          .doc = "Most logs at a time." },
        { .name = "max_frames",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_comm_logs, max_frames),
          .min = 1,
          .max = 1000000,
          .def = "100000",
          .doc = "Frames after which a recording ends by itself." },
        { .name = "frames",
          .type = SOVD_FIELD_STRINGS,
          .offset = offsetof(struct sim_comm_logs, frames),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = 100,
          .doc = "Frames that are seen in turn, each as ID#DATA in hexadecimal digits, like 123#00FF." },
        { 0 }
};
static const struct sovd_schema comm_logs_schema = { .name = "communication_logs",
                                                     .size = sizeof(struct sim_comm_logs),
                                                     .fields = comm_logs_fields,
                                                     .doc = "What a recording of the bus shows." };

static const struct sovd_field about_fields[] = { TEXT(sim_entity, category, "A word for its kind."),
                                                  TEXT(sim_entity, description, "A sentence."),
                                                  { 0 } };
static const struct sovd_schema about_schema = {
        .name = "about", .size = sizeof(struct sim_entity), .fields = about_fields, .base = &named_schema
};

#define PARENT     TEXT(sim_entity, parent, "Id of the one that it is a part of; stands before it in the list.")
#define AREAS      TEXTS(sim_entity, areas, "Ids of the areas that it is in.")
#define DEPENDS_ON TEXTS(sim_entity, depends_on, "What it needs, each as components/ID or apps/ID.")
#define REACHABILITY                                                                                         \
        { .name = "latency_ms",                                                                              \
          .type = SOVD_FIELD_INT,                                                                            \
          .offset = offsetof(struct sim_entity, latency_ms),                                                 \
          .min = 0,                                                                                          \
          .max = 60000,                                                                                      \
          .def = "0",                                                                                        \
          .doc = "How long each answer takes, in milliseconds." },                                           \
                SECONDS(sim_entity, unreachable_after_secs,                                                  \
                        "Time from the start until it cannot be reached; never when missing."),              \
                SECONDS(sim_entity, unreachable_for_secs,                                                    \
                        "How long it cannot be reached then; for good when missing.")
#define DATA       LIST(sim_entity, data, data_schema, "Values.")
#define OPERATIONS LIST(sim_entity, operations, operation_schema, "What can be started.")
#define RESOURCES                                                                                            \
        DATA, LIST(sim_entity, faults, fault_schema, "Faults."), OPERATIONS,                                 \
                LIST(sim_entity, modes, mode_schema, "Modes."),                                              \
                LIST(sim_entity, configurations, configuration_schema, "Configurations."),                   \
                LIST(sim_entity, bulk_data, bulk_schema, "Files, by category."),                             \
                {                                                                                            \
                        .name = "communication_logs", .type = SOVD_FIELD_OBJECT,                             \
                        .offset = offsetof(struct sim_entity, communication_logs), .of = &comm_logs_schema,  \
                        .doc = "Clients may record the bus."                                                 \
                }

static const struct sovd_field area_fields[] = { PARENT, { 0 } };
static const struct sovd_field component_fields[] = { PARENT,       AREAS,     DEPENDS_ON,
                                                      REACHABILITY, RESOURCES, { 0 } };
static const struct sovd_field app_fields[] = { { .name = "located_on",
                                                  .type = SOVD_FIELD_STRING,
                                                  .offset = offsetof(struct sim_entity, located_on),
                                                  .flags = SOVD_REQUIRED,
                                                  .min = 1,
                                                  .max = ID_MAX,
                                                  .doc = "Id of the component that it runs on." },
                                                AREAS,
                                                DEPENDS_ON,
                                                REACHABILITY,
                                                RESOURCES,
                                                { 0 } };
static const struct sovd_field function_fields[] = { DEPENDS_ON, REACHABILITY, DATA, OPERATIONS, { 0 } };

#define ENTITY(word, sentence)                                                                               \
        static const struct sovd_schema word##_schema = { .name = #word,                                     \
                                                          .size = sizeof(struct sim_entity),                 \
                                                          .fields = word##_fields,                           \
                                                          .base = &about_schema,                             \
                                                          .doc = sentence }
ENTITY(area, "A part of the vehicle.");
ENTITY(component, "An ECU, or a part of one.");
ENTITY(app, "A program on a component.");
ENTITY(function, "What several entities do together.");

static const struct sovd_field scenario_fields[] = {
        { .name = "seed",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_scenario, seed),
          .min = 0,
          .max = INT32_MAX,
          .def = "1",
          .doc = "Of the numbers that noise takes: the same seed gives the same ones." },
        { .name = "areas",
          .type = SOVD_FIELD_LIST,
          .offset = offsetof(struct sim_scenario, entities[SOVD_AREA]),
          .of = &area_schema,
          .max = ITEMS_MAX,
          .doc = "Parts of the vehicle." },
        { .name = "components",
          .type = SOVD_FIELD_LIST,
          .offset = offsetof(struct sim_scenario, entities[SOVD_COMPONENT]),
          .of = &component_schema,
          .max = ITEMS_MAX,
          .doc = "ECUs and their parts." },
        { .name = "apps",
          .type = SOVD_FIELD_LIST,
          .offset = offsetof(struct sim_scenario, entities[SOVD_APP]),
          .of = &app_schema,
          .max = ITEMS_MAX,
          .doc = "Programs." },
        { .name = "functions",
          .type = SOVD_FIELD_LIST,
          .offset = offsetof(struct sim_scenario, entities[SOVD_FUNCTION]),
          .of = &function_schema,
          .max = ITEMS_MAX,
          .doc = "What several entities do together." },
        { 0 }
};
const struct sovd_schema sovd_schema_sim_scenario = { .name = "scenario",
                                                      .size = sizeof(struct sim_scenario),
                                                      .fields = scenario_fields };
