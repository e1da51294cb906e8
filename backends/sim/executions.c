/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* --- what became of one --------------------------------------------------------------------------------- */

/* When it ends if nobody stops it. */
static uint64_t own_end_of(const struct execution_state *x) {
        return x->frozen_usec ? UINT64_MAX : x->ends_usec;
}

/* It ends by itself, by its timeout or by a stop, whichever comes first. */
static uint64_t end_of(const struct execution_state *x) {
        return SOVD_MIN(own_end_of(x), SOVD_MIN(x->timeout_usec, x->stopped_usec));
}

static const char *failure_of(const struct execution_state *x, const struct sim_operation *operation) {
        if (x->lost)
                return "stopped, because the entity was stopped or restarted";
        if (x->stopped_usec < own_end_of(x) && x->stopped_usec <= x->timeout_usec)
                return NULL; /* as its client wanted */
        if (x->timeout_usec < own_end_of(x))
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
                       until = x->frozen_usec ? x->frozen_usec : SOVD_MIN(now, end_of(x)),
                       done = until - x->started_usec;

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

/* What it was told last in a word that the standard has not. */
static int describe_word(struct sovd_call *call, const struct execution_state *x, const struct cJSON **ret) {
        struct sovd_json_writer w;

        if (!x->word)
                return 0;
        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "x-sim-capability", x->word);
        sovd_json_object_end(&w);
        return sim_written_node(call->arena, &w, ret);
}

static int describe(struct sovd_call *call, const struct sim_call *c, const struct sim_operation *operation,
                    const struct execution_state *x, struct sovd_execution *ret) {
        const char *failure = failure_of(x, operation);

        ret->id = sovd_arena_printf(call->arena, "%" PRIu64, x->id);
        if (!ret->id)
                return sovd_error_origin(-ENOMEM);
        ret->capability = x->capability;
        ret->progress = SOVD_INT(progress_of(x, c->now_usec));
        int r = describe_word(call, x, &ret->extra);
        if (r)
                return r;
        if (is_running(x, c->now_usec)) {
                ret->status = SOVD_EXECUTION_RUNNING;
                return 0;
        }
        ret->status = failure ? SOVD_EXECUTION_FAILED : SOVD_EXECUTION_COMPLETED;
        if (failure)
                return set_error(call, failure, &ret->error);
        return end_of(x) < own_end_of(x) ? 0
                                         : sim_operation_result(call, operation, x->parameters, &ret->parameters);
}

/* --- finding -------------------------------------------------------------------------------------------- */

void sim_execution_clear(struct execution_state *x) {
        free(x->parameters);
        *x = (struct execution_state){ 0 };
}

static size_t count_running(const struct operation_state *state, uint64_t now) {
        size_t n = 0;

        for (size_t i = 0; i < SIM_EXECUTIONS_MAX; i++)
                n += is_running(&state->executions[i], now);
        return n;
}

/* A free place, or that of the oldest that has ended: fewer run than there are places. */
static struct execution_state *find_place(struct operation_state *state, uint64_t now) {
        struct execution_state *oldest = NULL;

        for (size_t i = 0; i < SIM_EXECUTIONS_MAX; i++) {
                struct execution_state *x = &state->executions[i];
                if (!is_running(x, now) && (!oldest || x->id < oldest->id))
                        oldest = x;
        }
        return oldest;
}

/* The operation's state, without the runs whose retention has ended. */
static struct operation_state *find_operation(struct sovd_call *call, const struct sim_call *c, const char *id,
                                              const struct sim_operation **ret_operation) {
        struct operation_state *state = sim_operation(call, c, id, ret_operation);
        const struct sovd_number *kept = state ? &(*ret_operation)->retention_secs : NULL;

        for (size_t i = 0; state && kept->set && i < SIM_EXECUTIONS_MAX; i++) {
                struct execution_state *x = &state->executions[i];
                if (x->id && !is_running(x, c->now_usec) && c->now_usec - end_of(x) >= sim_usec(*kept))
                        sim_execution_clear(x);
        }
        return state;
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

/* May one more run? */
static int check_room(struct sovd_call *call, const struct sim_call *c, const struct operation_state *state,
                      const struct sim_operation *operation) {
        const size_t n = count_running(state, c->now_usec), max = (size_t)operation->parallel_runs.value;

        if (n < max)
                return 0;
        if (max == 1)
                return sovd_fail(call, SOVD_E_CONFLICT, "operation '%s' runs already", operation->named.id);
        return sovd_fail(call, SOVD_E_CONFLICT, "operation '%s' runs %zu times already, and may no more",
                         operation->named.id, n);
}

static int check_modes(struct sovd_call *call, const struct sim_call *c, const struct sim_operation *operation) {
        sim_modes_settle(c->unit, c->now_usec); /* a script starts operations at its own times */
        return sim_check_required(call, c->unit, &operation->required, "operation", operation->named.id);
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
        x->frozen_usec = 0;
        x->word = NULL;
        x->capability = SOVD_CAPABILITY_EXECUTE;
        x->fails = every && state->n_started % every == 0;
        x->lost = false;
        sim_log_note(c, SOVD_SEVERITY_INFO, "operation '%s' starts", operation->named.id);
        if (x->ends_usec == c->now_usec) /* the log comes back for later ends only */
                sim_log_execution_end(c, operation->named.id, failure_of(x, operation));
}

static int run_at_once(struct sovd_call *call, const struct sim_call *c, struct operation_state *state,
                       const struct sim_operation *operation, const char *parameters,
                       struct sovd_execution_started *ret) {
        struct execution_state x = { 0 };

        begin(c, state, operation, (struct sovd_int){ 0 }, &x);
        ret->synchronous = true;
        if (!x.fails)
                return sim_operation_result(call, operation, parameters, &ret->result.parameters);
        ret->result.error = error_of(call, operation->error);
        return ret->result.error ? 0 : sovd_error_origin(-ENOMEM);
}

/* Everything that may be against it; the proof of proximity comes last: it is used up. */
static int check_start(struct sovd_call *call, const struct sim_call *c, struct operation_state *state,
                       const struct sim_operation *operation, const char *proof) {
        int r = check_modes(call, c, operation);

        if (!r && operation->asynchronous.value)
                r = check_room(call, c, state, operation);
        return r ? r : sim_proximity_check(call, c, operation, state, proof);
}

int sim_execution_begin(struct sovd_call *call, const struct sim_call *c, const char *id,
                        const struct sovd_execution_start *request, struct sovd_execution_started *ret) {
        static const struct sovd_execution_start none = { 0 };
        const struct sovd_execution_start *start = request ? request : &none;
        _cleanup_(sovd_freep) char *parameters = NULL;
        const struct sim_operation *operation;
        struct operation_state *state = find_operation(call, c, id, &operation);
        if (!state)
                return SOVD_E_NOT_FOUND;

        int r = sim_parameters_merge(call, operation, start->parameters, NULL, &parameters);
        if (!r)
                r = check_start(call, c, state, operation, start->proximity_response);
        if (r)
                return r;
        if (!operation->asynchronous.value)
                return run_at_once(call, c, state, operation, parameters, ret);

        struct execution_state *x = find_place(state, c->now_usec);
        sim_execution_clear(x);
        x->id = ++c->sim->last_id;
        x->parameters = SOVD_TAKE(parameters);
        begin(c, state, operation, start->timeout, x);
        r = describe(call, c, operation, x, &ret->execution);
        ret->id = ret->execution.id;
        return r;
}

int sim_execution_start(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                        const struct sovd_execution_start *request, struct sovd_execution_started *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_OPERATIONS);
        if (r)
                return r;
        r = sim_execution_begin(call, &c, operation, request, ret);
        sim_leave(&c);
        return r;
}

static const struct execution_state *find_by_number(const struct sim_unit *unit, const char *operation, uint64_t id,
                                                    const struct sim_operation **ret_operation) {
        const struct sim_operation *all = unit->entity->operations.items;

        for (size_t i = 0; i < unit->entity->operations.n; i++)
                for (size_t k = 0; strcmp(all[i].named.id, operation) == 0 && k < SIM_EXECUTIONS_MAX; k++)
                        if (unit->operations[i].executions[k].id == id) {
                                *ret_operation = &all[i];
                                return &unit->operations[i].executions[k];
                        }
        return NULL;
}

int sim_execution_outcome(struct sovd_call *call, const struct sim_unit *unit, const char *operation, uint64_t id,
                          uint64_t *ret_ends_usec, const char **ret_failure, const struct cJSON **ret_result) {
        const struct sim_operation *o;
        const struct execution_state *x = find_by_number(unit, operation, id, &o);
        if (!x)
                return SOVD_E_NOT_FOUND;

        *ret_ends_usec = end_of(x);
        *ret_failure = failure_of(x, o);
        if (!*ret_failure && end_of(x) < own_end_of(x))
                *ret_failure = "it was stopped";
        return ret_result ? sim_operation_result(call, o, x->parameters, ret_result) : 0;
}

/* --- reading -------------------------------------------------------------------------------------------- */

static int list(struct sovd_call *call, const struct sim_call *c, const char *id, struct sovd_strings *ret) {
        const struct sim_operation *operation;
        const struct operation_state *state = find_operation(call, c, id, &operation);
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

        struct operation_state *state = find_operation(call, &c, operation, &o);
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

/* One control of one run. */
struct order {
        struct operation_state *state;
        const struct sim_operation *operation;
        struct execution_state *x;
        const struct sovd_execution_control *wanted;
};

/* New parameters, and whatever else may be against the order; the proof of proximity, which is used up, comes last. */
static int renew(struct sovd_call *call, const struct sim_call *c, const struct order *o, const char *before) {
        const char *proof = o->wanted->proximity_response;
        char *parameters;

        int r = sim_parameters_merge(call, o->operation, o->wanted->parameters, before, &parameters);
        if (r)
                return r;
        r = is_running(o->x, c->now_usec) ? sim_proximity_check(call, c, o->operation, o->state, proof)
                                          : check_start(call, c, o->state, o->operation, proof);
        if (r) {
                free(parameters);
                return r;
        }
        free(o->x->parameters);
        o->x->parameters = parameters;
        return 0;
}

static void thaw(const struct sim_call *c, struct execution_state *x) {
        const uint64_t paused = c->now_usec - x->frozen_usec;

        x->started_usec += paused;
        x->ends_usec += paused;
        x->frozen_usec = 0;
}

/* While it runs: on from where it was frozen, another timeout, other parameters. Afterwards: once more, under the
 * same id. */
static int execute(struct sovd_call *call, const struct sim_call *c, const struct order *o) {
        const bool runs = is_running(o->x, c->now_usec);

        int r = renew(call, c, o, o->x->parameters);
        if (r)
                return r;
        if (!runs)
                begin(c, o->state, o->operation, o->wanted->timeout, o->x);
        if (o->x->frozen_usec)
                thaw(c, o->x);
        if (runs && o->wanted->timeout.set)
                o->x->timeout_usec = timeout_of(c, o->wanted->timeout);
        return 0;
}

static int freeze(struct sovd_call *call, const struct sim_call *c, const struct order *o) {
        if (!is_running(o->x, c->now_usec))
                return sovd_fail(call, SOVD_E_CONFLICT, "the execution has ended: there is nothing to freeze");
        if (!o->x->frozen_usec)
                o->x->frozen_usec = c->now_usec;
        return 0;
}

/* From the beginning, with the parameters' defaults and those that are given. */
static int reset(struct sovd_call *call, const struct sim_call *c, const struct order *o) {
        int r = renew(call, c, o, NULL);

        if (!r)
                begin(c, o->state, o->operation, o->wanted->timeout, o->x);
        return r;
}

static int tell(struct sovd_call *call, const struct sim_call *c, const struct order *o) {
        const char *word = o->wanted->capability;

        if (strcmp(word, "execute") == 0)
                return execute(call, c, o);
        if (strcmp(word, "stop") == 0)
                return stop(call, c, o->operation, o->x);
        if (strcmp(word, "freeze") == 0)
                return freeze(call, c, o);
        if (strcmp(word, "reset") == 0)
                return reset(call, c, o);
        if (strcmp(word, "status") == 0)
                return 0;
        if (!is_running(o->x, c->now_usec))
                return sovd_fail(call, SOVD_E_CONFLICT, "the execution has ended: it cannot be told '%.64s'", word);
        return renew(call, c, o, o->x->parameters);
}

/* The operation's own copy of the word, which outlives the call. */
static const char *find_word(const struct sim_operation *operation, const char *word) {
        for (size_t i = 0; i < operation->capabilities.n; i++)
                if (strcmp(operation->capabilities.items[i], word) == 0)
                        return operation->capabilities.items[i];
        return NULL;
}

static int refuse_word(struct sovd_call *call, const struct sim_operation *operation) {
        const char *all = "";

        for (size_t i = 0; i < operation->capabilities.n; i++)
                all = sovd_call_printf(call, "%s%s'%s'", all, i ? ", " : "", operation->capabilities.items[i]);
        return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/capability", "operation '%s' offers %s",
                            operation->named.id, all);
}

static int control(struct sovd_call *call, const struct sim_call *c, const char *id, const char *execution,
                   const struct sovd_execution_control *wanted, struct sovd_execution_accepted *ret) {
        const struct sim_operation *operation;
        struct operation_state *state = find_operation(call, c, id, &operation);
        struct execution_state *x = state ? find(call, c, state, execution) : NULL;
        struct sovd_execution now = { 0 };
        if (!x)
                return SOVD_E_NOT_FOUND;

        const char *word = find_word(operation, wanted->capability);
        const struct order order = { state, operation, x, wanted };
        int r = word ? tell(call, c, &order) : refuse_word(call, operation);
        if (!r) {
                const int known = sovd_name_find(sovd_capability_names, word) + 1;
                x->capability = known ? known : x->capability;
                x->word = known ? x->word : word;
        }
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

        struct operation_state *state = find_operation(call, &c, operation, &o);
        struct execution_state *x = state ? find(call, &c, state, id) : NULL;
        r = x ? check_stoppable(call, &c, o, x) : SOVD_E_NOT_FOUND;
        if (!r)
                sim_execution_clear(x);
        sim_leave(&c);
        return r;
}
