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
        int capability;
        bool fails;
};

struct operation_state {
        struct execution_state executions[SIM_EXECUTIONS_MAX];
        uint64_t n_started;
};

struct mode_state {
        const char *value;     /* of the scenario */
        uint64_t expires_usec; /* UINT64_MAX = never */
};

struct configuration_state {
        char *text; /* JSON; owned */
};

struct bulk_state;
struct comm_log_state;

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
        struct bulk_state *bulk; /* one more than the list when there are communication logs */
        size_t n_bulk;
        struct comm_log_state *comm_logs; /* a list */
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
int sim_operation_result(struct sovd_call *call, const struct sim_operation *operation,
                         const struct cJSON **ret);
int sim_operations_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_operation_list *ret);
int sim_operation_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                       struct sovd_operation_detail *ret);

/* executions.c */
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

/* modes.c */
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

/* bulk_data.c, bulk_write.c */
int sim_bulk_init(struct sim *sim, struct sim_unit *unit);
void sim_bulk_done(struct sim_unit *unit);
int sim_bulk_categories(struct sovd_call *call, const struct sovd_entity *e, struct sovd_bulk_categories *ret);
int sim_bulk_list(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                  const struct sovd_bulk_filter *filter, struct sovd_bulk_list *ret);
int sim_bulk_open(struct sovd_call *call, const struct sovd_entity *e, const char *category, const char *id,
                  const struct sovd_bulk_wish *wish, struct sovd_bulk_content *ret);
int sim_bulk_write(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                   const struct sovd_bulk_upload *upload, struct sovd_bulk_created *ret);
int sim_bulk_delete(struct sovd_call *call, const struct sovd_entity *e, const char *category, const char *id);
int sim_bulk_delete_all(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                        struct sovd_bulk_deleted *ret);

/* comm_logs.c */
void sim_comm_logs_done(struct sim_unit *unit);
int sim_comm_logs_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_comm_log_ids *ret);
int sim_comm_log_create(struct sovd_call *call, const struct sovd_entity *e,
                        const struct sovd_comm_log_config *config, struct sovd_comm_log *ret);
int sim_comm_log_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                      struct sovd_comm_log *ret);
int sim_comm_log_control(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                         enum sovd_comm_log_action action);
int sim_comm_log_delete(struct sovd_call *call, const struct sovd_entity *e, const char *id, bool with_log);
