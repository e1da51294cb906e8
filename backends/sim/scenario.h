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

enum sim_type { SIM_NUMBER = 1, SIM_INTEGER, SIM_BOOLEAN, SIM_STRING };
extern const char *const sim_type_names[];

enum sim_behaviour { SIM_CONSTANT = 1, SIM_RAMP, SIM_SINE, SIM_NOISE, SIM_FOLLOW };
extern const char *const sim_behaviour_names[];

/* What every resource has; the first member of its struct. */
struct sim_named {
        const char *id, *name, *translation_id; /* name NULL = id, after the check: never NULL */
        struct sovd_strings tags;
};

/* What a value may be: of data and of configurations. */
struct sim_value {
        struct sim_named named;
        int type;                  /* enum sim_type */
        const struct cJSON *value; /* at the start */
        struct sovd_number min, max;
        struct sovd_strings values; /* of a string; empty = any */
};

struct sim_data {
        struct sim_value value;
        const char *category, *unit, *description, *of;
        struct sovd_strings groups;
        struct sovd_bool writable;
        int behaviour; /* enum sim_behaviour */
        struct sovd_number amplitude, period_secs, step, rate;
};

struct sim_configuration {
        struct sim_value value;
};

struct sim_fault {
        const char *code, *name, *display_code, *translation_id, *scope, *symptom;
        struct sovd_strings tags, freeze_frame;
        struct sovd_int severity;
        struct sovd_number appears_after_secs, heals_after_secs, period_secs;
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
        const char *initial;
        struct sovd_int expires_secs;
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
        struct sovd_strings areas, depends_on;
        struct sovd_int latency_ms;
        struct sovd_number unreachable_after_secs, unreachable_for_secs;
        struct sovd_list data, faults, operations, modes, configurations;
        struct sovd_list bulk_data; /* struct sim_bulk */
        struct sim_comm_logs *communication_logs; /* or NULL */
};

struct sim_scenario {
        struct sovd_int seed;
        struct sovd_list entities[SOVD_N_ENTITY_TYPES]; /* struct sim_entity, by enum sovd_entity_type */
};

/* What the tables cannot say: ids, references, types and ranges. Sets what is left to be derived. NULL when
 * the scenario is good, else "file:line:column: key: why" (in the arena). */
const char *sim_check(struct sim_scenario *scenario, const struct sovd_config_tree *tree,
                      struct sovd_arena *arena);
