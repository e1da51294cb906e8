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
#include "sovd-core/base/id.h"
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

#define SIM_SEEDS_MAX 8 /* clients that may be about to unlock a mode */

struct seed_state {
        char *client;            /* who asked; NULL = free; owned */
        char seed[SOVD_ID_SIZE]; /* hex */
        const char *level;       /* of the scenario */
        uint64_t until_usec;
};

struct unlock_state {
        struct seed_state seeds[SIM_SEEDS_MAX];
        unsigned n_failures;   /* in a row */
        uint64_t blocked_usec; /* no attempt before */
};

struct mode_state {
        const char *value;     /* of the scenario */
        uint64_t expires_usec; /* UINT64_MAX = never */
        struct unlock_state unlock;
};

struct configuration_state {
        char *text; /* JSON, or the content of a bulk one; NUL-terminated; owned */
        size_t len;
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
        pthread_t watch;         /* publishes when an entity comes or goes; only when one does */
        uint64_t published_usec; /* set before the watch starts */
        bool is_watching;        /* start and stop only, which are not called together */
        uint64_t last_id;        /* of an execution */
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

/* view.c: publishes the entities as they are at a time. */
int sim_publish(struct sim *sim, uint64_t now_usec);

/* watch.c: publishes again whenever an entity becomes unreachable, or reachable. */
int sim_watch_start(struct sim *sim, uint64_t published_usec);
void sim_watch_stop(struct sim *sim);

/* call.c */
bool sim_is_unreachable(const struct sim *sim, const struct sim_entity *e, uint64_t now_usec);

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
int sim_data_groups(struct sovd_call *call, const struct sovd_entity *e, struct sovd_data_group_list *ret);

/* Adds what an entity could not read to the errors of an answer. */
int sim_add_error(struct sovd_call *call, struct sovd_list *errors, const char *path, const char *why);

/* fault_cycles.c */
/* What is known of a fault at one time. Times are monotonic. */
struct sighting {
        bool stored;                       /* it is in the memory: appeared, and not cleared since it ended */
        bool active;                       /* the test fails now */
        uint64_t detected_usec;            /* of the last appearance, or the clearing that it outlasted */
        uint64_t n;                        /* appearances since the last clearing */
        uint64_t first_usec, cleared_usec; /* first appearance; last clearing, 0 = never */
};

/* What the cycle in which the ECU is now says about a stored fault. */
struct cycle_state {
        bool failed, pending, confirmed, not_completed;
};
struct cycle_state sim_judge_cycle(const struct sim_call *c, const struct sim_fault *f,
                                   const struct sighting *s);

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

/* modes.c. settle: takes back what has expired, and what lost a mode that it needs. */
void sim_modes_init(struct sim_unit *unit);
void sim_modes_free(struct sim_unit *unit);
void sim_modes_settle(struct sim_unit *unit, uint64_t now_usec);

/* SOVD_E_CONFLICT, with a message that names the mode, unless the modes are as required. */
int sim_check_required(struct sovd_call *call, const struct sim_unit *unit,
                       const struct sim_required *required, const char *what, const char *id);

/* hmac.c: HMAC-SHA256 as hex; a comparison whose time says nothing of the place of a difference. */
#define SIM_HMAC_SIZE 65
int sim_hmac(char ret[static SIM_HMAC_SIZE], const char *key, const void *message, size_t len);
bool sim_hmac_equals(const char expected[static SIM_HMAC_SIZE], const char *given);

/* unlock.c. requested: the value that a seed is asked for by `value`, or NULL when it asks for none. */
const char *sim_unlock_requested(const struct sim_mode *mode, const char *value);
int sim_unlock_request(struct sovd_call *call, const struct sim_mode *mode, struct unlock_state *u,
                       const char *level, uint64_t now_usec, struct sovd_mode_set *ret);
int sim_unlock_prove(struct sovd_call *call, const struct sim_mode *mode, struct unlock_state *u,
                     const char *level, const struct sovd_mode_write *write, uint64_t now_usec);
void sim_unlock_free(struct unlock_state *u);

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
                           struct sovd_data_value *ret, struct sovd_configuration_bytes *ret_bytes);
int sim_configuration_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                            const struct cJSON *value, const char *signature);
int sim_configuration_write_bytes(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                                  const struct sovd_configuration_bytes *bytes);
int sim_configuration_reset(struct sovd_call *call, const struct sovd_entity *e, const char *id);
