#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Simulation backend, inside - what its files share
 *
 * The scenario never changes. What clients changed is in the units, under the backend's mutex, a leaf lock
 * that is held while one answer is worked out and never while a latency is waited for.
 */
#include "backends/sim/scenario.h"
#include "backends/sim/value.h"
#include <pthread.h>
#include <stdatomic.h>

#define SIM_EXECUTIONS_MAX 32 /* kept of one operation */

struct data_state {
        char *text;  /* JSON; of a constant one, as it was written last; owned */
        double from; /* follow: where it was at since_usec, moving towards `target` */
        double target;
        uint64_t since_usec;
};

struct fault_state {
        uint64_t cleared_usec; /* 0 = never */
        uint64_t frame_usec;   /* detection whose frame is kept; 0 = none */
        char *frame;           /* JSON object; owned */
};

struct execution_state {
        uint64_t id;                                    /* 0 = free */
        uint64_t started_usec, ends_usec, timeout_usec; /* timeout: UINT64_MAX = none */
        uint64_t stopped_usec;                          /* UINT64_MAX = not stopped */
        uint64_t frozen_usec;                           /* 0 = it goes on */
        char *parameters;                               /* JSON object that it works with; owned */
        const char *word;                               /* x-… that it was told last; NULL = none */
        int capability;
        bool fails;
};

struct operation_state {
        struct execution_state executions[SIM_EXECUTIONS_MAX];
        uint64_t n_started;
        struct sim_proofs *proofs; /* open challenges; owned; NULL = none yet */
};

struct mode_state {
        const char *value;     /* of the scenario */
        uint64_t expires_usec; /* UINT64_MAX = never */
};

struct configuration_state {
        char *text; /* JSON; owned */
};

/* One entity. Each array has as many elements as the scenario's list. */
struct sim_unit {
        enum sovd_entity_type type;
        const struct sim_entity *entity;
        uint64_t salt; /* of its noise */
        struct data_state *data;
        struct fault_state *faults;
        struct operation_state *operations;
        struct mode_state *modes;
        struct configuration_state *configurations;
        struct sim_scripts *scripts; /* of clients, and what runs; owned */
};

struct sim {
        struct sovd_backend base;
        struct sovd_arena *arena; /* the scenario, the units and their arrays */
        struct sim_scenario scenario;
        struct sim_unit *units; /* by type, in order of the scenario */
        size_t n_units;
        uint64_t start_usec;
        pthread_mutex_t mutex;
        pthread_cond_t stopping; /* wakes latencies */
        bool stopped;
        uint64_t last_id; /* of an execution */
        atomic_uint in_flight;
        _Atomic uint64_t n_calls, n_failures;
};

static inline struct sim *sim_of(struct sovd_backend *backend) {
        return (struct sim *)backend;
}

static inline uint64_t sim_usec(struct sovd_number seconds) {
        return (uint64_t)(seconds.value * (double)SOVD_USEC_PER_SEC);
}

/* call.c: finds the unit, waits for its latency, and takes the lock. What returned 0 is ended by sim_leave(). */
struct sim_call {
        struct sim *sim;
        struct sim_unit *unit;
        uint64_t now_usec;
};
int sim_enter(struct sim_call *c, struct sovd_call *call, const struct sovd_entity *e,
              enum sovd_collection collection);
void sim_leave(struct sim_call *c);

/* Fails the call with SOVD_E_NOT_FOUND. */
int sim_no_resource(struct sovd_call *call, const struct sim_unit *unit, const char *what, const char *id);

/* An array of n structs for a list that is answered. NULL: no memory. */
#define SIM_ITEMS(call, type, n) ((type *)sovd_arena_calloc((call)->arena, (n) + 1, sizeof(type)))

/* view.c: publishes the entities. */
int sim_publish(struct sim *sim);

/* data.c: the value at a time, not before the start (in the arena). */
int sim_data_at(const struct sim *sim, const struct sim_unit *unit, size_t i, uint64_t usec,
                struct sovd_arena *arena, const struct cJSON **ret);
int sim_data_init(struct sim *sim, struct sim_unit *unit);
int sim_data_list(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_data_filter *filter,
                  struct sovd_data_list *ret);
int sim_data_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                  struct sovd_data_value *ret);
int sim_data_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                   const struct cJSON *value, const char *signature);

/* The same as a write, with the lock. */
int sim_data_set(struct sovd_call *call, const struct sim_call *c, const char *id, const struct cJSON *value);

/* faults.c. Keeps the frames of what has appeared: data of the unit are about to change. */
int sim_faults_keep_frames(const struct sim_call *c, struct sovd_arena *arena);
int sim_faults_list(struct sovd_call *call, const struct sovd_entity *e,
                    const struct sovd_fault_filter *filter, struct sovd_fault_list *ret);
int sim_fault_read(struct sovd_call *call, const struct sovd_entity *e, const char *code,
                   struct sovd_fault_detail *ret);
int sim_fault_clear(struct sovd_call *call, const struct sovd_entity *e, const char *code);
int sim_faults_clear(struct sovd_call *call, const struct sovd_entity *e, const char *scope);

/* operations.c */
struct operation_state *sim_operation(struct sovd_call *call, const struct sim_call *c, const char *id,
                                      const struct sim_operation **ret_operation);
int sim_operations_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_operation_list *ret);
int sim_operation_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                       struct sovd_operation_detail *ret);

/* parameters.c. merge: what a run works with, as JSON text owned by the caller: what is given, else what it had
 * before (or NULL), else the defaults. SOVD_E_BAD_VALUE names /parameters/ID. */
int sim_parameters_merge(struct sovd_call *call, const struct sim_operation *operation, const struct cJSON *given,
                         const char *before, char **ret);
int sim_operation_result(struct sovd_call *call, const struct sim_operation *operation, const char *parameters,
                         const struct cJSON **ret);
/* {"parameters": schema, "result": schema}, for the description of an operation. */
int sim_operation_schema(struct sovd_call *call, const struct sim_operation *operation, const struct cJSON **ret);

/* proximity.c. check: SOVD_E_BAD_VALUE without a response, SOVD_E_FORBIDDEN for a wrong one, SOVD_E_CONFLICT when no
 * challenge is open. */
int sim_proximity_challenge(struct sovd_call *call, const struct sim_call *c, struct operation_state *state,
                            struct sovd_proximity_challenge **ret);
int sim_proximity_check(struct sovd_call *call, const struct sim_call *c, const struct sim_operation *operation,
                        struct operation_state *state, const char *response);

/* executions.c. begin: what a start does, with the lock. outcome: when a run ends (UINT64_MAX while it is frozen;
 * *ret_failure NULL = well), and its result unless that is NULL; SOVD_E_NOT_FOUND when it is not kept any more. */
int sim_execution_begin(struct sovd_call *call, const struct sim_call *c, const char *operation,
                        const struct sovd_execution_start *start, struct sovd_execution_started *ret);
int sim_execution_outcome(struct sovd_call *call, const struct sim_unit *unit, const char *operation, uint64_t id,
                          uint64_t *ret_ends_usec, const char **ret_failure, const struct cJSON **ret_result);
void sim_execution_clear(struct execution_state *x);
int sim_execution_start(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                        const struct sovd_execution_start *start, struct sovd_execution_started *ret);
int sim_executions_list(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                        struct sovd_execution_ids *ret);
int sim_execution_read(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                       const char *id, struct sovd_execution *ret);
int sim_execution_control(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                          const char *id, const struct sovd_execution_control *control,
                          struct sovd_execution_accepted *ret);
int sim_execution_stop(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                       const char *id, const struct sovd_execution_stop *stop);

/* modes.c. value: of a mode that is there, with what has expired taken back. */
const char *sim_mode_value(const struct sim_call *c, const char *id);
void sim_modes_init(struct sim_unit *unit);
int sim_modes_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_mode_list *ret);
int sim_mode_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                  struct sovd_mode_detail *ret);
int sim_mode_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                   const struct sovd_mode_write *write, struct sovd_mode_set *ret);

/* configurations.c */
int sim_configurations_init(struct sim_unit *unit);
int sim_configurations_list(struct sovd_call *call, const struct sovd_entity *e,
                            struct sovd_configuration_list *ret);
int sim_configuration_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                           struct sovd_data_value *ret);
int sim_configuration_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                            const struct cJSON *value, const char *signature);

/* scripts.c, script_run.c. advance: does what was due by c->now_usec. on_restart: with the lock, when the entity is
 * restarted: what runs is ended, and what waits for a restart begins. */
int sim_scripts_init(struct sim_unit *unit);
struct sim_scripts *sim_scripts_free(struct sim_scripts *scripts);
void sim_scripts_count(struct sim *sim, size_t *ret_uploaded, size_t *ret_running); /* takes the lock */
void sim_scripts_advance(const struct sim_call *c, struct sovd_call *call);
void sim_scripts_on_restart(struct sim_unit *unit, uint64_t now_usec);
int sim_scripts_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_script_list *ret);
int sim_script_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                    struct sovd_script_detail *ret);
int sim_script_upload(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_script_upload *upload,
                      struct sovd_script_created *ret);
int sim_script_delete(struct sovd_call *call, const struct sovd_entity *e, const char *id);
int sim_script_start(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                     const struct sovd_script_start *start, struct sovd_script_started *ret);
int sim_script_executions_list(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                               struct sovd_execution_ids *ret);
int sim_script_execution_read(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                              const char *id, struct sovd_script_execution *ret);
int sim_script_execution_control(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                                 const char *id, enum sovd_script_action action);
int sim_script_execution_delete(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                                const char *id);
