/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* --- what became of one --------------------------------------------------------------------------------- */

/* It ends by itself, by its timeout or by a stop, whichever comes first. */
static uint64_t end_of(const struct execution_state *x) {
        return SOVD_MIN(x->ends_usec, SOVD_MIN(x->timeout_usec, x->stopped_usec));
}

static const char *failure_of(const struct execution_state *x, const struct sim_operation *operation) {
        if (x->lost)
                return "stopped, because the entity was stopped or restarted";
        if (x->stopped_usec < x->ends_usec && x->stopped_usec <= x->timeout_usec)
                return NULL; /* as its client wanted */
        if (x->timeout_usec < x->ends_usec)
                return "stopped, because the timeout has passed";
        return x->fails ? operation->error : NULL;
}

static bool is_running(const struct execution_state *x, uint64_t now) {
        return x->id && now < end_of(x);
}

const char *sim_execution_running(const struct sim_call *c) {
        const struct sim_operation *operations = c->unit->entity->operations.items;

        for (size_t o = 0; o < c->unit->entity->operations.n; o++)
                for (size_t i = 0; i < SIM_EXECUTIONS_MAX; i++)
                        if (is_running(&c->unit->operations[o].executions[i], c->now_usec))
                                return operations[o].named.id;
        return NULL;
}

void sim_executions_lose(const struct sim_call *c) {
        for (size_t o = 0; o < c->unit->entity->operations.n; o++)
                for (size_t i = 0; i < SIM_EXECUTIONS_MAX; i++) {
                        struct execution_state *x = &c->unit->operations[o].executions[i];
                        if (!is_running(x, c->now_usec))
                                continue;
                        x->stopped_usec = c->now_usec;
                        x->lost = true;
                        sim_log_note(c, SOVD_SEVERITY_ERROR, "operation '%s' is interrupted",
                                     ((const struct sim_operation *)c->unit->entity->operations.items)[o].named.id);
                }
}

uint64_t sim_execution_end(const struct sim_unit *unit, size_t operation, uint64_t usec, const char **ret_failure) {
        const struct sim_operation *all = unit->entity->operations.items;
        uint64_t first = UINT64_MAX;

        for (size_t i = 0; i < SIM_EXECUTIONS_MAX; i++) {
                const struct execution_state *x = &unit->operations[operation].executions[i];
                if (!x->id || end_of(x) <= usec || end_of(x) >= first)
                        continue;
                first = end_of(x);
                *ret_failure = failure_of(x, &all[operation]);
        }
        return first;
}

static int64_t progress_of(const struct execution_state *x, uint64_t now) {
        const uint64_t all = x->ends_usec - x->started_usec,
                       done = SOVD_MIN(now, end_of(x)) - x->started_usec;

        return all ? (int64_t)(done * 100 / all) : 100;
}

static struct sovd_generic_error *error_of(struct sovd_call *call, const char *message) {
        struct sovd_generic_error *error = sovd_arena_new0(call->arena, struct sovd_generic_error);

        if (error)
                *error = (struct sovd_generic_error){ .error_code = "error-response", .message = message };
        return error;
}

/* One error for the operation as a whole: path "/". */
static int set_error(struct sovd_call *call, const char *message, struct sovd_list *ret) {
        struct sovd_data_error *error = sovd_arena_new0(call->arena, struct sovd_data_error);
        if (!error)
                return sovd_error_origin(-ENOMEM);

        *error = (struct sovd_data_error){ .path = "/", .error = error_of(call, message) };
        *ret = (struct sovd_list){ .items = error, .n = 1 };
        return error->error ? 0 : sovd_error_origin(-ENOMEM);
}

static int describe(struct sovd_call *call, const struct sim_call *c, const struct sim_operation *operation,
                    const struct execution_state *x, struct sovd_execution *ret) {
        const char *failure = failure_of(x, operation);

        ret->id = sovd_arena_printf(call->arena, "%" PRIu64, x->id);
        if (!ret->id)
                return sovd_error_origin(-ENOMEM);
        ret->capability = x->capability;
        ret->progress = SOVD_INT(progress_of(x, c->now_usec));
        if (is_running(x, c->now_usec)) {
                ret->status = SOVD_EXECUTION_RUNNING;
                return 0;
        }
        ret->status = failure ? SOVD_EXECUTION_FAILED : SOVD_EXECUTION_COMPLETED;
        if (failure)
                return set_error(call, failure, &ret->error);
        return end_of(x) < x->ends_usec ? 0 : sim_operation_result(call, operation, &ret->parameters);
}

/* --- finding -------------------------------------------------------------------------------------------- */

static struct execution_state *find_running(struct operation_state *state, uint64_t now) {
        for (size_t i = 0; i < SIM_EXECUTIONS_MAX; i++)
                if (is_running(&state->executions[i], now))
                        return &state->executions[i];
        return NULL;
}

/* A free place, or that of the oldest; none of them runs. */
static struct execution_state *find_place(struct operation_state *state) {
        struct execution_state *oldest = state->executions;

        for (size_t i = 1; i < SIM_EXECUTIONS_MAX; i++)
                if (state->executions[i].id < oldest->id)
                        oldest = &state->executions[i];
        return oldest;
}

static struct execution_state *find(struct sovd_call *call, const struct sim_call *c,
                                    struct operation_state *state, const char *id) {
        char text[24];

        for (size_t i = 0; i < SIM_EXECUTIONS_MAX; i++) {
                (void)snprintf(text, sizeof(text), "%" PRIu64, state->executions[i].id);
                if (state->executions[i].id && strcmp(text, id) == 0)
                        return &state->executions[i];
        }
        (void)sim_no_resource(call, c->unit, "execution", id);
        return NULL;
}

static int refuse_second(struct sovd_call *call, const struct sim_operation *operation) {
        return sovd_fail(call, SOVD_E_CONFLICT, "operation '%s' runs already", operation->named.id);
}

/* --- starting ------------------------------------------------------------------------------------------- */

static uint64_t timeout_of(const struct sim_call *c, struct sovd_int seconds) {
        return seconds.set ? c->now_usec + (uint64_t)seconds.value * SOVD_USEC_PER_SEC : UINT64_MAX;
}

static void begin(const struct sim_call *c, struct operation_state *state,
                  const struct sim_operation *operation, struct sovd_int timeout, struct execution_state *x) {
        const uint64_t every = (uint64_t)operation->fails_every.value;

        state->n_started++;
        x->started_usec = c->now_usec;
        x->ends_usec = c->now_usec + sim_usec(operation->duration_secs);
        x->timeout_usec = timeout_of(c, timeout);
        x->stopped_usec = UINT64_MAX;
        x->capability = SOVD_CAPABILITY_EXECUTE;
        x->fails = every && state->n_started % every == 0;
        x->lost = false;
        sim_log_note(c, SOVD_SEVERITY_INFO, "operation '%s' starts", operation->named.id);
        if (x->ends_usec == c->now_usec) /* the log comes back for later ends only */
                sim_log_execution_end(c, operation->named.id, failure_of(x, operation));
}

static int run_at_once(struct sovd_call *call, const struct sim_call *c, struct operation_state *state,
                       const struct sim_operation *operation, struct sovd_execution_started *ret) {
        struct execution_state x = { 0 };

        begin(c, state, operation, (struct sovd_int){ 0 }, &x);
        ret->synchronous = true;
        if (!x.fails)
                return sim_operation_result(call, operation, &ret->result.parameters);
        ret->result.error = error_of(call, operation->error);
        return ret->result.error ? 0 : sovd_error_origin(-ENOMEM);
}

static int start(struct sovd_call *call, const struct sim_call *c, const char *id,
                 const struct sovd_execution_start *start, struct sovd_execution_started *ret) {
        const struct sim_operation *operation;
        struct operation_state *state = sim_operation(call, c, id, &operation);
        if (!state)
                return SOVD_E_NOT_FOUND;
        if (!operation->asynchronous.value)
                return run_at_once(call, c, state, operation, ret);
        if (find_running(state, c->now_usec))
                return refuse_second(call, operation);

        struct execution_state *x = find_place(state);
        x->id = ++c->sim->last_id;
        begin(c, state, operation, start ? start->timeout : (struct sovd_int){ 0 }, x);
        int r = describe(call, c, operation, x, &ret->execution);
        ret->id = ret->execution.id;
        return r;
}

int sim_execution_start(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                        const struct sovd_execution_start *request, struct sovd_execution_started *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_OPERATIONS);
        if (r)
                return r;
        r = start(call, &c, operation, request, ret);
        sim_leave(&c);
        return r;
}

/* --- reading -------------------------------------------------------------------------------------------- */

static int list(struct sovd_call *call, const struct sim_call *c, const char *id, struct sovd_strings *ret) {
        const struct sim_operation *operation;
        const struct operation_state *state = sim_operation(call, c, id, &operation);
        if (!state)
                return SOVD_E_NOT_FOUND;

        ret->items = sovd_arena_array(call->arena, const char *, SIM_EXECUTIONS_MAX);
        for (size_t i = 0; ret->items && i < SIM_EXECUTIONS_MAX; i++) {
                if (!state->executions[i].id)
                        continue;
                ret->items[ret->n] = sovd_arena_printf(call->arena, "%" PRIu64, state->executions[i].id);
                if (!ret->items[ret->n++])
                        return sovd_error_origin(-ENOMEM);
        }
        return ret->items ? 0 : sovd_error_origin(-ENOMEM);
}

int sim_executions_list(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                        struct sovd_execution_ids *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_OPERATIONS);
        if (r)
                return r;
        r = list(call, &c, operation, &ret->items);
        sim_leave(&c);
        return r;
}

int sim_execution_read(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                       const char *id, struct sovd_execution *ret) {
        const struct sim_operation *o;
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_OPERATIONS);
        if (r)
                return r;

        struct operation_state *state = sim_operation(call, &c, operation, &o);
        const struct execution_state *x = state ? find(call, &c, state, id) : NULL;
        r = x ? describe(call, &c, o, x, ret) : SOVD_E_NOT_FOUND;
        sim_leave(&c);
        return r;
}

/* --- control and stop ----------------------------------------------------------------------------------- */

static int check_stoppable(struct sovd_call *call, const struct sim_call *c,
                           const struct sim_operation *operation, const struct execution_state *x) {
        if (operation->stoppable.value || !is_running(x, c->now_usec))
                return 0;
        return sovd_fail(call, SOVD_E_CONFLICT, "operation '%s' cannot be stopped while it runs",
                         operation->named.id);
}

static int stop(struct sovd_call *call, const struct sim_call *c, const struct sim_operation *operation,
                struct execution_state *x) {
        int r = check_stoppable(call, c, operation, x);
        if (r)
                return r;
        if (is_running(x, c->now_usec))
                x->stopped_usec = c->now_usec;
        x->capability = SOVD_CAPABILITY_STOP;
        return 0;
}

/* While it runs: another timeout. Afterwards: once more, under the same id. */
static int execute(struct sovd_call *call, const struct sim_call *c, struct operation_state *state,
                   const struct sim_operation *operation, struct sovd_int timeout,
                   struct execution_state *x) {
        const struct execution_state *running = find_running(state, c->now_usec);

        if (running && running != x)
                return refuse_second(call, operation);
        if (!running)
                begin(c, state, operation, timeout, x);
        else if (timeout.set)
                x->timeout_usec = timeout_of(c, timeout);
        return 0;
}

static int control(struct sovd_call *call, const struct sim_call *c, const char *id, const char *execution,
                   const struct sovd_execution_control *wanted, struct sovd_execution_accepted *ret) {
        const struct sim_operation *operation;
        struct operation_state *state = sim_operation(call, c, id, &operation);
        struct execution_state *x = state ? find(call, c, state, execution) : NULL;
        struct sovd_execution now = { 0 };
        int r;

        if (!x)
                return SOVD_E_NOT_FOUND;
        if (strcmp(wanted->capability, "stop") == 0)
                r = stop(call, c, operation, x);
        else if (strcmp(wanted->capability, "execute") == 0)
                r = execute(call, c, state, operation, wanted->timeout, x);
        else
                r = sovd_fail_at(call, SOVD_E_BAD_VALUE, "/capability",
                                 "operation '%s' offers 'execute' and 'stop'", id);
        if (!r)
                r = describe(call, c, operation, x, &now);
        ret->id = now.id;
        ret->status = now.status;
        return r;
}

int sim_execution_control(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                          const char *id, const struct sovd_execution_control *wanted,
                          struct sovd_execution_accepted *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_OPERATIONS);
        if (r)
                return r;
        r = control(call, &c, operation, id, wanted, ret);
        sim_leave(&c);
        return r;
}

int sim_execution_stop(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                       const char *id, const struct sovd_execution_stop *request) {
        const struct sim_operation *o;
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_OPERATIONS);
        if (r)
                return r;

        struct operation_state *state = sim_operation(call, &c, operation, &o);
        struct execution_state *x = state ? find(call, &c, state, id) : NULL;
        r = x ? check_stoppable(call, &c, o, x) : SOVD_E_NOT_FOUND;
        if (!r)
                *x = (struct execution_state){ 0 };
        sim_leave(&c);
        return r;
}
