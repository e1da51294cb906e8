#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scenario - what the simulated entities have, as the file says it
 *
 * The tables in scenario.c name, bound and document every key; check.c says what a table cannot.
 */
#include "backends/sim/sim_backend.h"
#include "sovd-core/base/config.h"

/* How far a moving value can be from 0: a double tells thousandths there. */
#define SIM_NUMBER_MAX INT64_C(1000000000000)
#define SIM_STEPS_MAX  100 /* of a script */

enum sim_type { SIM_NUMBER = 1, SIM_INTEGER, SIM_BOOLEAN, SIM_STRING, SIM_OBJECT, SIM_ARRAY };
extern const char *const sim_type_names[];

enum sim_behaviour { SIM_CONSTANT = 1, SIM_RAMP, SIM_SINE, SIM_NOISE, SIM_FOLLOW };
extern const char *const sim_behaviour_names[];

enum sim_access { SIM_FREE = 1, SIM_SEED_KEY, SIM_CHALLENGE };
extern const char *const sim_access_names[];
#define SIM_LEVEL_MAX 128 /* bytes of a value that needs a proof */

/* Modes that have to have certain values: as it is written, and after the check. */
struct sim_condition {
        size_t mode; /* position in the entity's list */
        struct sovd_strings values;
};
struct sim_required {
        const struct cJSON *json; /* {MODE: VALUE or [VALUES]}; NULL = none, or an operation's */
        struct sim_condition *conditions;
        size_t n;
};

/* What every resource has; the first member of its struct. */
struct sim_named {
        const char *id, *name, *translation_id; /* name NULL = id, after the check: never NULL */
        struct sovd_strings tags;
};

/* What a value may be: of data and of configurations. */
struct sim_value {
        struct sim_named named;
        int type;                                  /* enum sim_type */
        const struct cJSON *value;                 /* at the start; NULL of a member */
        struct sovd_number min, max;               /* of an array: how many items */
        struct sovd_strings values;                /* of a string; empty = any */
        struct sovd_strings value_translation_ids; /* for values; or empty */
        struct sovd_list members; /* struct sim_value: of an object; or one, what an array has */
};

struct sim_data {
        struct sim_value value;
        const char *category, *unit, *description, *of;
        const char *read_error;       /* NULL = it can be read */
        struct sim_required required; /* of writes */
        struct sovd_strings groups;
        struct sovd_bool writable;
        int behaviour; /* enum sim_behaviour */
        struct sovd_number amplitude, period_secs, step, rate;
        struct sovd_number unit_factor, unit_offset; /* from SI to the unit */
};

struct sim_group { /* of data */
        struct sim_named named;
        const char *category, *category_translation_id;
};

struct sim_configuration {
        struct sim_value value;
        const char *content_type; /* NULL = of type parameter */
        struct sovd_int max_bytes;
        const char *signature_key;
        struct sim_required required;
};

struct sim_fault {
        const char *code, *name, *display_code, *translation_id, *scope, *symptom;
        struct sovd_strings tags, freeze_frame;
        struct sovd_int severity;
        struct sovd_number appears_after_secs, heals_after_secs, period_secs, test_secs;
        const char *symptom_translation_id;
        struct sovd_int confirmed_after_cycles;
        struct sovd_bool clearable;
        struct sim_required clear_requires;
};

struct sim_parameter {
        struct sim_value value; /* its value is the default; NULL = none */
        const char *unit, *description;
        struct sovd_bool required;
};

struct sim_result {
        const char *name;
        const struct cJSON *value;
        const char *of; /* a parameter; NULL = the value as it stands */
        struct sovd_number factor;
};

/* A mode that an operation needs, as it is written. */
struct sim_mode_need {
        const char *mode, *value;
};

struct sim_operation {
        struct sim_named named;
        const char *description, *error;
        struct sovd_bool asynchronous, stoppable;
        struct sovd_number duration_secs;
        struct sovd_int fails_every; /* 0 never, 1 always, n each nth */
        struct sovd_list result;     /* struct sim_result */
        struct sovd_list parameters; /* struct sim_parameter */
        struct sovd_list modes;      /* struct sim_mode_need */
        struct sim_required required; /* the same of a start, after the check */
        struct sovd_strings capabilities;
        struct sovd_int parallel_runs;
        struct sovd_number retention_secs;
        struct sovd_bool proximity_proof;
        const char *proximity_key;
};

struct sim_mode {
        struct sim_named named;
        struct sovd_strings values;
        const char *initial, *key;
        struct sovd_int expires_secs, shortest_secs, default_secs;
        struct sovd_list transitions; /* struct sim_transition; empty = any */
        struct sim_required required;
        int access; /* enum sim_access */
};

struct sim_transition {
        const char *from;
        struct sovd_strings to;
};

/* One step does one thing: the member that is set says which. */
struct sim_step {
        const char *read, *write, *start, *expect;
        struct sovd_int wait_ms;
        const char *as;            /* read, start: name of the result */
        const struct cJSON *value; /* write, expect */
        const struct cJSON *parameters; /* start */
        struct sovd_number min, max;    /* expect */
};

struct sim_script {
        struct sim_named named;
        const char *description;
        struct sovd_list steps; /* struct sim_step */
};

/* A value that data, or a mode, must have now; entity: whose, of an update only. */
struct sim_need {
        const char *entity, *data, *mode;
        const struct cJSON *value;
};

struct sim_log_context {
        const char *id;
        int type;     /* enum sovd_log_context_type */
        int severity; /* enum sovd_log_severity: from then on entries are written */
        const char *host, *process;
        struct sovd_int pid;
        const char *session, *session_id, *application_id, *context_id, *message_id;
};
struct sim_log_message {
        const char *context; /* after the check: never NULL */
        int severity;
        const char *text; /* {id} is the value of data */
        struct sovd_number after_secs, period_secs;
};
struct sim_logs {
        struct sovd_int keep;
        struct sovd_list contexts, messages; /* struct sim_log_context, struct sim_log_message */
};

struct sim_clear {
        struct sovd_number duration_secs;
        struct sovd_strings resets;
        struct sovd_int fails_every;
        const char *error;
};
struct sim_clear_data {
        struct sim_clear *types[3]; /* by enum sovd_clear_type - 1; NULL = not supported */
};

struct sim_status {
        struct sovd_number restart_secs, start_secs;
        struct sovd_strings supports;
        unsigned actions; /* of supports, after the check: bit 1 << enum sovd_status_action */
        struct sovd_list needs; /* struct sim_need */
};

struct sim_bulk_item {
        struct sim_named named;
        const char *mimetype, *content, *created;
        struct sovd_int size_bytes;
        struct sovd_number ready_after_secs;
        uint64_t created_usec; /* of `created`; 0 = the start; set by the check */
};

struct sim_bulk {
        const char *category;
        struct sovd_bool writable;
        struct sovd_int quota_bytes;
        struct sovd_list items; /* struct sim_bulk_item */
};

struct sim_comm_logs {
        const char *interface;
        struct sovd_number rate_per_sec;
        struct sovd_int max_logs, max_frames;
        struct sovd_strings frames; /* ID#DATA, both hexadecimal */
};

struct sim_entity {
        struct sim_named named;
        const char *category, *description, *parent, *located_on;
        const struct cJSON *variant; /* object of texts, or NULL */
        struct sovd_strings areas, depends_on;
        struct sovd_int latency_ms;
        struct sovd_number unreachable_after_secs, unreachable_for_secs, operation_cycle_secs;
        struct sovd_bool single_clear;
        struct sovd_list groups; /* struct sim_group */
        struct sovd_list data, faults, operations, modes, configurations;
        struct sovd_list scripts; /* struct sim_script */
        struct sovd_int script_uploads;
        struct sim_logs *logs;             /* or NULL */
        struct sim_clear_data *clear_data; /* or NULL */
        struct sim_status *status;         /* or NULL */
        struct sovd_list bulk_data; /* struct sim_bulk */
        struct sim_comm_logs *communication_logs; /* or NULL */
};

struct sim_update_part {
        const char *component, *data, *version;
};
struct sim_update {
        struct sim_named named;
        const char *version;
        struct sovd_int size_kb;
        struct sovd_bool automated;
        struct sovd_strings origins, affects, prepare_steps, execute_steps;
        const char *notes, *notes_translation_id, *user_activity, *user_activity_translation_id;
        const char *preconditions, *preconditions_translation_id, *execution_conditions;
        struct sovd_number prepare_secs, execute_secs;
        int fails_in; /* enum sovd_update_phase; 0 = never */
        struct sovd_int fails_at, fails_times;
        const char *error;
        struct sovd_list needs, components; /* struct sim_need, struct sim_update_part */
};
extern const struct sovd_schema sovd_schema_sim_need, sovd_schema_sim_logs, sovd_schema_sim_clear_data,
        sovd_schema_sim_status, sovd_schema_sim_update;

struct sim_scenario {
        struct sovd_int seed;
        struct sovd_list entities[SOVD_N_ENTITY_TYPES]; /* struct sim_entity, by enum sovd_entity_type */
        struct sovd_list updates;                       /* struct sim_update */
        const char *autonomous_update;
        struct sovd_int updates_max;
};

/* A script as clients upload it: the same steps, without an id. */
extern const struct sovd_schema sovd_schema_sim_upload;

/* NULL when the steps are good and the entity has what they name, else why not (in the arena); *ret_step is the bad
 * one. */
const char *sim_steps_refuse(const struct sim_entity *e, const struct sovd_list *steps, size_t *ret_step,
                             struct sovd_arena *arena);
/* Is the scenario one of a server that offers updates? */
static inline bool sim_serves_updates(const struct sim_scenario *scenario) {
        return scenario->updates.n || scenario->updates.set;
}

/* scenario_find.c. What has an id (NULL: none has), or NULL; of a mode its position, or -1. */
const struct sim_data *sim_find_data(const struct sim_entity *e, const char *id);
ssize_t sim_find_mode(const struct sim_entity *e, const char *id);
const struct sim_parameter *sim_find_parameter(const struct sim_operation *o, const char *id);

/* The entity of "components/ID" or "apps/ID", or NULL. */
const struct sim_entity *sim_entity_of(const struct sim_scenario *scenario, const char *ref);

/* What is wrong with an update package for this vehicle, or NULL (in the arena). Sets what is left to be derived;
 * *ret_key: the bad member below the package, as a JSON pointer. */
const char *sim_update_refuse(const struct sim_scenario *scenario, struct sim_update *update,
                              struct sovd_arena *arena, const char **ret_key);

/* The same of the logs, the data to clear and the status of an entity; key: below the entity. */
const char *sim_upkeep_refuse(struct sim_entity *e, struct sovd_arena *arena, const char **ret_key);

/* What the tables cannot say: ids, references, types and ranges. Sets what is left to be derived. NULL when
 * the scenario is good, else "file:line:column: key: why" (in the arena). */
const char *sim_check(struct sim_scenario *scenario, const struct sovd_config_tree *tree,
                      struct sovd_arena *arena);
