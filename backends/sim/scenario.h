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
        const struct cJSON *json; /* {MODE: VALUE or [VALUES]}, or NULL */
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

struct sim_result {
        const char *name;
        const struct cJSON *value;
};

struct sim_operation {
        struct sim_named named;
        const char *description, *error;
        struct sovd_bool asynchronous, stoppable;
        struct sovd_number duration_secs;
        struct sovd_int fails_every; /* 0 never, 1 always, n each nth */
        struct sovd_list result;     /* struct sim_result */
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

struct sim_entity {
        struct sim_named named;
        const char *category, *description, *parent, *located_on;
        struct sovd_strings areas, depends_on;
        struct sovd_int latency_ms;
        struct sovd_number unreachable_after_secs, unreachable_for_secs, operation_cycle_secs;
        struct sovd_bool single_clear;
        struct sovd_list groups; /* struct sim_group */
        struct sovd_list data, faults, operations, modes, configurations;
};

struct sim_scenario {
        struct sovd_int seed;
        struct sovd_list entities[SOVD_N_ENTITY_TYPES]; /* struct sim_entity, by enum sovd_entity_type */
};

/* What the tables cannot say: ids, references, types and ranges. Sets what is left to be derived. NULL when
 * the scenario is good, else "file:line:column: key: why" (in the arena). */
const char *sim_check(struct sim_scenario *scenario, const struct sovd_config_tree *tree,
                      struct sovd_arena *arena);
