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
        uint64_t frozen_usec;                           /* 0 = it goes on */
        char *parameters;                               /* JSON object that it works with; owned */
        const char *word;                               /* x-… that it was told last; NULL = none */
        int capability;
        bool fails;
        bool lost; /* it was stopped with the entity */
};

struct operation_state {
        struct execution_state executions[SIM_EXECUTIONS_MAX];
        uint64_t n_started;
        struct sim_proofs *proofs; /* open challenges; owned; NULL = none yet */
};

#define SIM_SEEDS_MAX 8 /* clients that may be about to unlock a mode */

struct seed_state {
        char *client;            /* who asked; NULL = free; owned */
        char seed[SOVD_ID_SIZE]; /* hex */
        const char *level;       /* of the scenario */
        uint64_t fence;          /* of the lock that it was asked for under; 0 = none */
        uint64_t until_usec;
};

struct unlock_state {
        struct seed_state seeds[SIM_SEEDS_MAX];
        unsigned n_failures;   /* in a row */
        uint64_t blocked_usec; /* no attempt before */
        bool is_restored;      /* what was before the process is known */
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

struct log_line {
        uint64_t written_usec; /* realtime */
        const struct sim_log_context *context;
        int severity;
        char *text; /* owned */
};

struct log_state {
        struct log_line *lines; /* a ring of `keep` places */
        size_t first, n;
        int *severities;    /* of each context, as a client configured it; 0 = that of the scenario */
        uint64_t seen_usec; /* what happened up to then is written */
        uint64_t since_usec; /* the last start of the entity: messages count from here */
};

struct clear_state {
        int type;              /* enum sovd_clear_type; 0 = nothing was asked for yet */
        bool running, fails;
        uint64_t started_usec, started_realtime_usec, ends_usec, n_started;
        const char *failure; /* of the last one, static or of the scenario; NULL = it was completed */
};

enum sim_power { SIM_READY, SIM_STARTING, SIM_OFF };
struct power_state {
        enum sim_power power;
        uint64_t ready_usec; /* SIM_STARTING: until then */
};

struct update_state {
        struct sim_update *update;
        struct sovd_arena *arena; /* of one that a client registered, else NULL */
        int phase, status;
        bool automated;           /* goes on with executing when it is prepared */
        bool fails;               /* what is in progress ends with a failure */
        uint64_t started_usec, ends_usec;
        size_t n_applied;         /* components that are done */
        int64_t reached;          /* percent, when it is not in progress */
        uint64_t n_failed;
        const char *error;        /* why it failed; static or of the update; NULL = error_text */
        char error_text[256];
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
        struct sim_scripts *scripts; /* of clients, and what runs; owned */
        struct log_state logs;
        struct clear_state clear;
        struct power_state power;
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
        struct update_state *updates; /* updates_max places */
        size_t n_updates, updates_max;
        pthread_t thread; /* status.c: shows in the tree who is not ready */
        bool has_thread;
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
/* The same for what answers while the entity is not ready. */
int sim_enter_any(struct sim_call *c, struct sovd_call *call, const struct sovd_entity *e,
                  enum sovd_collection collection);
/* The same for what is of the vehicle and not of an entity: c->unit is NULL. */
int sim_enter_server(struct sim_call *c, struct sovd_call *call, struct sovd_backend *backend);
/* The unit of an entity; it never changes which one that is. NULL: not one of the scenario. */
struct sim_unit *sim_unit_of(const struct sim *sim, enum sovd_entity_type type, const char *id);

/* Fails the call with SOVD_E_NOT_FOUND. */
int sim_no_resource(struct sovd_call *call, const struct sim_unit *unit, const char *what, const char *id);

/* An array of n structs for a list that is answered. NULL: no memory. */
#define SIM_ITEMS(call, type, n) ((type *)sovd_arena_calloc((call)->arena, (n) + 1, sizeof(type)))

/* view.c: publishes the entities as they are now. Without the lock. */
int sim_publish(struct sim *sim);

/* status.c: can it not be reached, or is it not ready? With the lock. */
bool sim_is_away(const struct sim *sim, const struct sim_unit *unit, uint64_t now_usec);

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

/* The same as a write, with the lock. */
int sim_data_set(struct sovd_call *call, const struct sim_call *c, const char *id, const struct cJSON *value);
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

/* modes.c. settle: takes back what has expired, and what lost a mode that it needs. */
void sim_modes_init(struct sim_unit *unit);
void sim_modes_free(struct sim_unit *unit);
void sim_modes_settle(struct sim_unit *unit, uint64_t now_usec);

/* SOVD_E_CONFLICT, with a message that names the mode, unless the modes are as required. */
int sim_check_required(struct sovd_call *call, const struct sim_unit *unit,
                       const struct sim_required *required, const char *what, const char *id);

/* hmac.c: a fingerprint and what a client sent as one, in letters of either case and with or without 0x. */
bool sim_hmac_equals(const char *expected, const char *given);

/* unlock.c. requested: the value that a seed is asked for by `value`, or NULL when it asks for none. */
const char *sim_unlock_requested(const struct sim_mode *mode, const char *value);
int sim_unlock_request(struct sovd_call *call, const struct sim_mode *mode, struct unlock_state *u,
                       const char *level, uint64_t now_usec, struct sovd_mode_set *ret);
int sim_unlock_prove(struct sovd_call *call, const struct sim_mode *mode, struct unlock_state *u,
                     const char *level, const struct sovd_mode_write *write, uint64_t now_usec);
void sim_unlock_free(struct unlock_state *u);
/* What is known of wrong keys before the process; once. */
void sim_unlock_restore(struct unlock_state *u, unsigned n_failures, uint64_t now_usec);

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

/* describe.c */
int sim_describe(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                 const char *id, struct cJSON **ret);
/* scripts.c, script_run.c. advance: does what was due by c->now_usec. on_restart: with the lock, when the entity is
 * restarted: what runs is ended, and what waits for a restart begins. */
int sim_scripts_init(struct sim_unit *unit);
struct sim_scripts *sim_scripts_free(struct sim_scripts *scripts);
void sim_scripts_count(struct sim *sim, size_t *ret_uploaded, size_t *ret_running); /* takes the lock */
void sim_scripts_advance(const struct sim_call *c, struct sovd_call *call);
/* Forgets what clients have uploaded and does not run now. */
void sim_scripts_forget_uploads(struct sim_unit *unit);
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
/* data.c. Puts a value in the place of constant data; those that follow it turn. */
int sim_data_put(const struct sim_call *c, size_t i, const struct cJSON *value, struct sovd_arena *arena);
/* Position of data, or -1. */
ssize_t sim_data_find(const struct sim_unit *unit, const char *id);

/* modes.c. What a mode is now; NULL: there is none. */
const char *sim_mode_now(const struct sim_call *c, const char *id);

/* executions.c. Does one of the entity run? Its operation's name, or NULL. */
const char *sim_execution_running(const struct sim_call *c);
/* What runs ends now, as a failure: the entity stops. */
void sim_executions_lose(const struct sim_call *c);
/* The first end of an execution of an operation after `usec`; UINT64_MAX: none. ret_failure: NULL = it succeeded. */
uint64_t sim_execution_end(const struct sim_unit *unit, size_t operation, uint64_t usec, const char **ret_failure);

/* needs.c. NULL when all hold, else which one does not (in the arena). */
const char *sim_needs_refuse(const struct sim_call *c, const struct sovd_list *needs, struct sovd_arena *arena);

/* logs.c. note: something that happens to the entity at c->now_usec; nothing when it has no log. */
int sim_logs_init(struct sim *sim, struct sim_unit *unit);
void sim_logs_done(struct sim_unit *unit);
void sim_log_note(const struct sim_call *c, int severity, const char *format, ...) _printf_(3, 4);
void sim_log_add(const struct sim_call *c, size_t context, int severity, uint64_t usec, const char *text);
int sim_log_entries(struct sovd_call *call, const struct sovd_entity *e, int least, struct sovd_log_list *ret);
int sim_log_config_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_log_config *ret);
int sim_log_config_write(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_log_config *config);
int sim_log_config_reset(struct sovd_call *call, const struct sovd_entity *e);
int sim_log_append(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_log_entry *entry);

/* log_events.c. Writes what happened by itself since the last time: messages, faults, ends of executions. */
void sim_log_catch_up(const struct sim_call *c, struct sovd_arena *arena);
void sim_log_execution_end(const struct sim_call *c, const char *operation, const char *failure);

/* clear_data.c */
void sim_clear_advance(const struct sim_call *c, struct sovd_arena *arena);
void sim_clear_lose(const struct sim_call *c);
int sim_clear_data_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_clear_support *ret);
int sim_clear_data_start(struct sovd_call *call, const struct sovd_entity *e, enum sovd_clear_type type);
int sim_clear_data_status(struct sovd_call *call, const struct sovd_entity *e, struct sovd_clear_status *ret);

/* status.c. advance: brings the vehicle to a time: updates, then the unit (NULL = each). */
void sim_advance(struct sim *sim, struct sim_unit *unit, uint64_t now, struct sovd_arena *arena);
/* Stops the entity at c->now_usec and has it ready after `secs`. */
void sim_restart(const struct sim_call *c, double secs, struct sovd_arena *arena);
int sim_thread_start(struct sim *sim);
void sim_thread_stop(struct sim *sim);
int sim_status_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_entity_status *ret);
int sim_status_control(struct sovd_call *call, const struct sovd_entity *e, enum sovd_status_action action,
                       const struct cJSON *parameters);

/* updates_run.c */
void sim_updates_advance(struct sim *sim, uint64_t now, struct sovd_arena *arena);
uint64_t sim_updates_next(const struct sim *sim); /* when the next one goes on; UINT64_MAX = never */
struct update_state *sim_update_running(const struct sim *sim);
/* Name of the package that executes on the entity, or NULL; abort: it fails. */
const char *sim_update_on(const struct sim *sim, const struct sim_unit *unit);
void sim_update_abort(struct sim *sim, const struct sim_unit *unit);
int sim_update_control(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                       enum sovd_update_action action);
int64_t sim_update_progress(const struct update_state *u, uint64_t now);

/* updates.c */
int sim_updates_init(struct sim *sim);
void sim_updates_done(struct sim *sim);
struct update_state *sim_update_find(struct sovd_call *call, const struct sim *sim, const char *id);
int sim_updates_list(struct sovd_call *call, struct sovd_backend *backend, const struct sovd_update_filter *filter,
                     struct sovd_update_ids *ret);
int sim_update_read(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                    struct sovd_update_detail *ret);
int sim_update_status(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                      struct sovd_update_status *ret);
int sim_update_register(struct sovd_call *call, struct sovd_backend *backend, const char *content_type,
                        const char *body, size_t len, struct sovd_update_registered *ret);
int sim_update_delete(struct sovd_call *call, struct sovd_backend *backend, const char *id);
int sim_configuration_write_bytes(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                                  const struct sovd_configuration_bytes *bytes);
int sim_configuration_reset(struct sovd_call *call, const struct sovd_entity *e, const char *id);
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
