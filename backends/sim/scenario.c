/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/scenario_tables.h"

const char *const sim_type_names[] = { "number", "integer", "boolean", "string", "object", "array", NULL };
const char *const sim_access_names[] = { "free", "seed_key", "challenge", NULL };
const char *const sim_behaviour_names[] = { "constant", "ramp", "sine", "noise", "follow", NULL };

#define REQUIRES(S, m, sentence) NEEDS(S, m, "requires", sentence)
#define NEEDS(S, m, word, sentence)                                                                          \
        {                                                                                                    \
                .name = word, .type = SOVD_FIELD_JSON, .flags = SOVD_ANY_OBJECT,                             \
                .offset = offsetof(struct S, m) + offsetof(struct sim_required, json), .doc = sentence       \
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
const struct sovd_schema sim_named_schema = { .name = "named",
                                                 .size = sizeof(struct sim_named),
                                                 .fields = named_fields };

/* What a value may be; of members too. */
#define VALUE_BOUNDS                                                                                         \
        NUMBER(sim_value, min, "Smallest value; of an array: fewest items."),                                \
                NUMBER(sim_value, max, "Largest value; of an array: most items."),                           \
                TEXTS(sim_value, values, "Texts that a string may be; any when missing."),                   \
                TEXTS(sim_value, value_translation_ids,                                                      \
                      "Keys of these texts in a translation table, in their order.")
static const char *const member_type_names[] = { "number", "integer", "boolean", "string", NULL };
static const struct sovd_field member_fields[] = { { .name = "type",
                                                     .type = SOVD_FIELD_ENUM,
                                                     .offset = offsetof(struct sim_value, type),
                                                     .names = member_type_names,
                                                     .def = "number",
                                                     .doc = "What it is." },
                                                   VALUE_BOUNDS,
                                                   { 0 } };
static const struct sovd_schema member_schema = {
        .name = "member",
        .size = sizeof(struct sim_value),
        .fields = member_fields,
        .base = &sim_named_schema,
        .doc = "A member of an object, or what each item of an array is."
};

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
        VALUE_BOUNDS,
        LIST(sim_value, members, member_schema,
             "What an object has, each of them always; of an array one, which each of its items is like."),
        { 0 }
};
static const struct sovd_schema value_schema = {
        .name = "value", .size = sizeof(struct sim_value), .fields = value_fields, .base = &sim_named_schema
};

static const struct sovd_field configuration_fields[] = {
        TEXT(sim_configuration, content_type,
             "Makes it one of type bulk, whose bytes are read and written as this type; then type is "
             "string."),
        { .name = "max_bytes",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_configuration, max_bytes),
          .min = 1,
          .max = 16777216,
          .def = "65536",
          .doc = "Largest content of a bulk configuration." },
        { .name = "signature_key",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_configuration, signature_key),
          .flags = SOVD_SECRET,
          .min = 1,
          .max = TEXT_MAX,
          .doc = "Writes need a signature made with it, see simulation.md. Not for bulk." },
        REQUIRES(sim_configuration, required,
                 "Modes of the same entity and the value, or values, that they have to have to write it."),
        { 0 }
};
static const struct sovd_schema configuration_schema = {
        .name = "configuration",
        .size = sizeof(struct sim_configuration),
        .fields = configuration_fields,
        .base = &value_schema,
        .doc = "A setting that clients may write.",
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
        NUMBER(sim_data, unit_factor, "What a value in the SI unit is multiplied by to be in this unit."),
        NUMBER(sim_data, unit_offset, "What is added then."),
        TEXT(sim_data, description, "A sentence."),
        TEXT(sim_data, read_error, "It cannot be read, and this is why: the value is empty and erroneous."),
        REQUIRES(sim_data, required,
                 "Modes of the same entity and the value, or values, that they have to have to write it."),
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

static const struct sovd_field group_fields[] = { { .name = "category",
                                                    .type = SOVD_FIELD_STRING,
                                                    .offset = offsetof(struct sim_group, category),
                                                    .def = "currentData",
                                                    .min = 1,
                                                    .max = ID_MAX,
                                                    .doc = "The category that it is shown under." },
                                                  TEXT(sim_group, category_translation_id,
                                                       "Key of the category in a translation table."),
                                                  { 0 } };
static const struct sovd_schema group_schema = { .name = "group",
                                                 .size = sizeof(struct sim_group),
                                                 .fields = group_fields,
                                                 .base = &sim_named_schema,
                                                 .doc = "A group of values." };

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
        TEXT(sim_fault, symptom_translation_id, "Key of the symptom in a translation table."),
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
        { .name = "test_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = offsetof(struct sim_fault, test_secs),
          .max = SECONDS_MAX,
          .def = "0",
          .doc = "How long its test takes in each operation cycle and after a clearing, in seconds." },
        { .name = "confirmed_after_cycles",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_fault, confirmed_after_cycles),
          .min = 1,
          .max = 10,
          .def = "1",
          .doc = "Operation cycles with the fault after which it is confirmed." },
        BOOLEAN(sim_fault, clearable, "true",
                "May clients clear it? Else it is left out when all are cleared."),
        NEEDS(sim_fault, clear_requires, "clear_requires",
              "Modes of the same entity and the value, or values, that they have to have to clear it."),
        { 0 }
};
static const struct sovd_schema fault_schema = { .name = "fault",
                                                 .size = sizeof(struct sim_fault),
                                                 .fields = fault_fields,
                                                 .doc = "A fault. Cleared while it is active, it stays." };

static const struct sovd_field parameter_fields[] = {
        { .name = "type",
          .type = SOVD_FIELD_ENUM,
          .offset = offsetof(struct sim_value, type),
          .names = sim_type_names,
          .def = "number",
          .doc = "What it is; anything else is refused." },
        { .name = "value",
          .type = SOVD_FIELD_JSON,
          .offset = offsetof(struct sim_value, value),
          .doc = "The default, of this type; none when missing." },
        NUMBER(sim_value, min, "Smallest value."),
        NUMBER(sim_value, max, "Largest value."),
        TEXTS(sim_value, values, "Texts that a string may be; any when missing."),
        TEXT(sim_parameter, unit, "Unit, such as V or degC."),
        TEXT(sim_parameter, description, "A sentence."),
        BOOLEAN(sim_parameter, required, "false", "Must a start give it? Only without a default."),
        { 0 }
};
static const struct sovd_schema parameter_schema = { .name = "parameter",
                                                     .size = sizeof(struct sim_parameter),
                                                     .fields = parameter_fields,
                                                     .base = &sim_named_schema,
                                                     .doc = "What a start may give." };

static const struct sovd_field need_fields[] = { { .name = "mode",
                                                   .type = SOVD_FIELD_STRING,
                                                   .offset = offsetof(struct sim_mode_need, mode),
                                                   .flags = SOVD_REQUIRED,
                                                   .min = 1,
                                                   .max = ID_MAX,
                                                   .doc = "Id of a mode of the same entity." },
                                                 { .name = "value",
                                                   .type = SOVD_FIELD_STRING,
                                                   .offset = offsetof(struct sim_mode_need, value),
                                                   .flags = SOVD_REQUIRED,
                                                   .min = 1,
                                                   .max = TEXT_MAX,
                                                   .doc = "What it must be." },
                                                 { 0 } };
static const struct sovd_schema need_schema = { .name = "mode that is needed",
                                                .size = sizeof(struct sim_mode_need),
                                                .fields = need_fields,
                                                .doc = "A mode in which an operation can be started." };

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
                                                     .doc = "Its value. Needed without of." },
                                                   TEXT(sim_result, of,
                                                        "Id of a parameter whose value it is; without one, "
                                                        "value."),
                                                   NUMBER(sim_result, factor,
                                                          "What a number of that parameter is multiplied with."),
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
        LIST(sim_operation, parameters, parameter_schema, "What a start may give."),
        LIST(sim_operation, modes, need_schema, "Modes in which it can be started; any when missing."),
        TEXTS(sim_operation, capabilities,
              "What an execution can be told: execute, stop, freeze, reset, status, or words of your own that "
              "begin with x-. execute and stop when missing."),
        { .name = "parallel_runs",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_operation, parallel_runs),
          .min = 1,
          .max = 32,
          .def = "1",
          .doc = "How many runs there may be at the same time." },
        SECONDS(sim_operation, retention_secs,
                "How long an ended run is kept; until 32 newer ones came when missing."),
        BOOLEAN(sim_operation, proximity_proof, "false",
                "Does a start need the answer to a challenge, as a proof that somebody is at the vehicle?"),
        { .name = "proximity_key",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_operation, proximity_key),
          .min = 1,
          .max = TEXT_MAX,
          .def = "simulation",
          .doc = "The answer is HMAC-SHA-256 of the challenge under this key, in hex." },
        { 0 }
};
static const struct sovd_schema operation_schema = {
        .name = "operation",
        .size = sizeof(struct sim_operation),
        .fields = operation_fields,
        .base = &sim_named_schema,
        .doc = "Something that clients start. The last 32 runs are kept.",
};

static const struct sovd_field transition_fields[] = { { .name = "from",
                                                         .type = SOVD_FIELD_STRING,
                                                         .offset = offsetof(struct sim_transition, from),
                                                         .flags = SOVD_REQUIRED,
                                                         .doc = "A value of the mode." },
                                                       { .name = "to",
                                                         .type = SOVD_FIELD_STRINGS,
                                                         .offset = offsetof(struct sim_transition, to),
                                                         .flags = SOVD_REQUIRED,
                                                         .min = 1,
                                                         .max = 100,
                                                         .doc = "Values that clients may set then." },
                                                       { 0 } };
static const struct sovd_schema transition_schema = { .name = "transition",
                                                      .size = sizeof(struct sim_transition),
                                                      .fields = transition_fields,
                                                      .doc = "Which values may follow one." };

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
        { .name = "shortest_secs",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_mode, shortest_secs),
          .min = 1,
          .max = SECONDS_MAX,
          .doc = "Shortest time that a client may ask for." },
        { .name = "default_secs",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_mode, default_secs),
          .min = 1,
          .max = SECONDS_MAX,
          .doc = "The time of a client that names none, when it is not the longest." },
        LIST(sim_mode, transitions, transition_schema, "What may follow what; anything when missing."),
        REQUIRES(sim_mode, required,
                 "Modes of the same entity and the value, or values, that they have to have for any value "
                 "but the "
                 "default, as {session: extended}. When they lose it, this one returns to its default."),
        { .name = "access",
          .type = SOVD_FIELD_ENUM,
          .offset = offsetof(struct sim_mode, access),
          .names = sim_access_names,
          .def = "free",
          .doc = "free: anybody may set it. seed_key, challenge: any value but the default needs a proof, "
                 "see "
                 "simulation.md." },
        { .name = "key",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_mode, key),
          .flags = SOVD_SECRET,
          .min = 1,
          .max = TEXT_MAX,
          .doc = "What the proof is made with." },
        { 0 }
};
static const struct sovd_schema mode_schema = { .name = "mode",
                                                .size = sizeof(struct sim_mode),
                                                .fields = mode_fields,
                                                .base = &sim_named_schema,
                                                .doc = "A state that clients set." };

static const struct sovd_field about_fields[] = { TEXT(sim_entity, category, "A word for its kind."),
                                                  TEXT(sim_entity, description, "A sentence."),
                                                  { 0 } };
static const struct sovd_schema about_schema = {
        .name = "about", .size = sizeof(struct sim_entity), .fields = about_fields, .base = &sim_named_schema
};

#define PARENT     TEXT(sim_entity, parent, "Id of the one that it is a part of; stands before it in the list.")
#define AREAS      TEXTS(sim_entity, areas, "Ids of the areas that it is in.")
#define VARIANT                                                                                              \
        { .name = "variant",                                                                                 \
          .type = SOVD_FIELD_JSON,                                                                           \
          .offset = offsetof(struct sim_entity, variant),                                                    \
          .flags = SOVD_ANY_OBJECT,                                                                          \
          .doc = "Which one of its kind it is: names and texts, like { hardware: B2 }." }
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
#define DATA                                                                                                 \
        LIST(sim_entity, data, data_schema, "Values."),                                                      \
                LIST(sim_entity, groups, group_schema, "What is known of the groups that values are in.")
#define OPERATIONS LIST(sim_entity, operations, operation_schema, "What can be started.")
#define SCRIPTS                                                                                              \
        LIST(sim_entity, scripts, sim_script_schema, "Scripts that are there from the start."),                  \
        {                                                                                                    \
                .name = "script_uploads", .type = SOVD_FIELD_INT,                                            \
                .offset = offsetof(struct sim_entity, script_uploads), .min = 0, .max = 64, .def = "0",      \
                .doc = "How many scripts of clients may be there at the same time."                          \
        }
#define RESOURCES                                                                                            \
        DATA, LIST(sim_entity, faults, fault_schema, "Faults."), OPERATIONS,                                 \
                SECONDS(sim_entity, operation_cycle_secs,                                                    \
                        "Time from one ignition to the next, in seconds; one cycle when missing."),          \
                BOOLEAN(sim_entity, single_clear, "true", "Can one fault be cleared alone?"),                \
                LIST(sim_entity, modes, mode_schema, "Modes."),                                              \
                LIST(sim_entity, configurations, configuration_schema, "Configurations."),                   \
                LIST(sim_entity, bulk_data, sim_bulk_schema, "Files, by category."),                             \
                {                                                                                            \
                        .name = "communication_logs", .type = SOVD_FIELD_OBJECT,                             \
                        .offset = offsetof(struct sim_entity, communication_logs), .of = &sim_comm_logs_schema,  \
                        .doc = "Clients may record the bus."                                                 \
                }

#define OBJECT(m, schema, sentence)                                                                          \
        {                                                                                                    \
                .name = #m, .type = SOVD_FIELD_OBJECT, .offset = offsetof(struct sim_entity, m),             \
                .of = &schema, .doc = sentence                                                               \
        }
#define UPKEEP                                                                                               \
        OBJECT(logs, sovd_schema_sim_logs, "A log."), OBJECT(clear_data, sovd_schema_sim_clear_data, "What can be cleared."),  \
                OBJECT(status, sovd_schema_sim_status, "Is it ready, and can it be restarted?")

static const struct sovd_field area_fields[] = { PARENT, { 0 } };
static const struct sovd_field component_fields[] = { PARENT,       VARIANT,   AREAS,     DEPENDS_ON,
                                                      REACHABILITY, RESOURCES, SCRIPTS, UPKEEP,
                                                      { 0 } };
static const struct sovd_field app_fields[] = { { .name = "located_on",
                                                  .type = SOVD_FIELD_STRING,
                                                  .offset = offsetof(struct sim_entity, located_on),
                                                  .flags = SOVD_REQUIRED,
                                                  .min = 1,
                                                  .max = ID_MAX,
                                                  .doc = "Id of the component that it runs on." },
                                                VARIANT,
                                                AREAS,
                                                DEPENDS_ON,
                                                REACHABILITY,
                                                RESOURCES,
                                                SCRIPTS,
                                                UPKEEP,
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
        LIST(sim_scenario, updates, sovd_schema_sim_update, "Update packages; updates are offered when the key is there."),
        TEXT(sim_scenario, autonomous_update, "Id of the package that the server chooses by itself."),
        { .name = "updates_max",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_scenario, updates_max),
          .min = 1,
          .max = 1000,
          .def = "32",
          .doc = "How many packages are kept; no more can be registered." },
        { 0 }
};
const struct sovd_schema sovd_schema_sim_scenario = { .name = "scenario",
                                                      .size = sizeof(struct sim_scenario),
                                                      .fields = scenario_fields };
