/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/backend.h"

static struct sovd_operation describe_operation(const struct native_operation *o) {
        return (struct sovd_operation){
                .id = o->id,
                .name = o->name,
                .description = o->description,
                .tags = o->tags,
                .proximity_proof_required = SOVD_BOOL(false),
                .asynchronous_execution = o->asynchronous,
        };
}

static int find_operation(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                          struct native_app **ret_app, const struct native_operation **ret) {
        const struct native_register *lists;

        int r = native_lookup(call, e, SOVD_COLLECTION_OPERATIONS, ret_app, &lists);
        if (r)
                return r;
        *ret = NATIVE_FIND(lists->operations, native_operation, id);
        return *ret ? 0 : native_no_resource(call, *ret_app, "operation", id);
}

int native_operations_list(struct sovd_call *call, const struct sovd_entity *e,
                           struct sovd_operation_list *ret) {
        const struct native_register *lists;
        struct native_app *app;

        int r = native_lookup(call, e, SOVD_COLLECTION_OPERATIONS, &app, &lists);
        if (r)
                return r;
        const struct native_operation *own = lists->operations.items;
        struct sovd_operation *items =
                sovd_arena_array(call->arena, struct sovd_operation, lists->operations.n + 1);
        if (!items)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < lists->operations.n; i++)
                items[i] = describe_operation(&own[i]);
        ret->items = (struct sovd_list){ .items = items, .n = lists->operations.n };
        return 0;
}

int native_operation_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                          struct sovd_operation_detail *ret) {
        const struct native_operation *operation = NULL;
        struct native_app *app;

        int r = find_operation(call, e, id, &app, &operation);
        if (r)
                return r;
        ret->item = sovd_arena_new0(call->arena, struct sovd_operation);
        if (!ret->item)
                return sovd_error_origin(-ENOMEM);
        *ret->item = describe_operation(operation);
        return native_json(call, "{}", &ret->modes); /* the app knows no modes that it needs */
}

/* --- what became of one --------------------------------------------------------------------------------- */

static struct sovd_generic_error *error_of(struct sovd_call *call, const char *message) {
        struct sovd_generic_error *error = sovd_arena_new0(call->arena, struct sovd_generic_error);

        if (error)
                *error = (struct sovd_generic_error){ .error_code = "error-response", .message = message };
        return error;
}

static int set_error(struct sovd_call *call, const char *message, struct sovd_list *ret) {
        struct sovd_data_error *error = sovd_arena_new0(call->arena, struct sovd_data_error);
        if (!error)
                return sovd_error_origin(-ENOMEM);
        *error = (struct sovd_data_error){ .path = "/", .error = error_of(call, message) };
        *ret = (struct sovd_list){ .items = error, .n = 1 };
        return error->error ? 0 : sovd_error_origin(-ENOMEM);
}

struct seen {
        bool found;
        int status, progress, capability;
        const char *error, *parameters;
};

/* A copy of its state, so that nothing is worked out under the mutex. */
static struct seen look(struct sovd_call *call, struct native *b, struct native_app *app,
                        const char *operation, const char *id) {
        struct seen seen = { 0 };

        (void)pthread_mutex_lock(&b->mutex);
        const struct native_execution *x = native_execution_find(app, operation, id);
        if (x)
                seen = (struct seen){ .found = true,
                                      .status = x->status,
                                      .progress = x->progress,
                                      .capability = x->capability,
                                      .error = sovd_arena_strdup(call->arena, x->error),
                                      .parameters = sovd_arena_strdup(call->arena, x->parameters) };
        (void)pthread_mutex_unlock(&b->mutex);
        return seen;
}

static int tell(struct sovd_call *call, const struct seen *seen, const char *id, struct sovd_execution *ret) {
        int r = 0;

        ret->id = id;
        ret->status = seen->status;
        ret->capability = seen->capability;
        if (seen->progress >= 0)
                ret->progress = SOVD_INT(seen->progress);
        if (seen->error)
                r = set_error(call, seen->error, &ret->error);
        return !r && seen->parameters ? native_json(call, seen->parameters, &ret->parameters) : r;
}

/* The app, if it has not come since the start of the gateway: nothing that runs there is of a client. */
static const struct native_app *absent(struct native *b, const struct sovd_entity *e) {
        const struct native_app *app = native_find_app(b, e->type, e->id);

        (void)pthread_mutex_lock(&b->mutex);
        const bool came = !app || app->registration;
        (void)pthread_mutex_unlock(&b->mutex);
        return came ? NULL : app;
}

static int find_executed(struct sovd_call *call, const struct sovd_entity *e, const char *operation, const char *id,
                         struct native_app **ret_app, const struct native_operation **ret) {
        const struct native_app *app = absent(native_of(e->owner), e);

        return app ? native_no_resource(call, app, "execution", id) : find_operation(call, e, operation, ret_app, ret);
}

int native_execution_read(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                          const char *id, struct sovd_execution *ret) {
        const struct native_operation *o = NULL;
        struct native_app *app;

        int r = find_executed(call, e, operation, id, &app, &o);
        if (r)
                return r;
        const struct seen seen = look(call, native_of(e->owner), app, operation, id);
        return seen.found ? tell(call, &seen, id, ret) : native_no_resource(call, app, "execution", id);
}

int native_executions_list(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                           struct sovd_execution_ids *ret) {
        struct native *b = native_of(e->owner);
        const struct native_operation *o = NULL;
        struct native_app *app;

        ret->items.set = true;
        if (absent(b, e))
                return 0;
        int r = find_operation(call, e, operation, &app, &o);
        if (r)
                return r;
        const size_t most = (size_t)b->options.max_executions.value;
        const char **ids = sovd_arena_array(call->arena, const char *, most + 1);
        if (!ids)
                return sovd_error_origin(-ENOMEM);

        size_t n = 0;
        (void)pthread_mutex_lock(&b->mutex);
        for (const struct native_execution *x = app->executions; x && n < most; x = x->next)
                if (strcmp(x->operation, operation) == 0)
                        ids[n++] = sovd_arena_strdup(call->arena, x->id);
        (void)pthread_mutex_unlock(&b->mutex);
        for (size_t i = 0; i < n / 2; i++) { /* oldest first */
                const char *swap = ids[i];
                ids[i] = ids[n - 1 - i];
                ids[n - 1 - i] = swap;
        }
        ret->items = (struct sovd_strings){ .items = ids, .n = n, .set = true };
        return 0;
}

/* --- starting ------------------------------------------------------------------------------------------- */

/* With the mutex held: takes it out, or the oldest ended one (id NULL). */
static struct native_execution *take_out(struct native_app *app, const char *id) {
        struct native_execution **found = NULL;

        for (struct native_execution **p = &app->executions; *p; p = &(*p)->next)
                if (id ? strcmp((*p)->id, id) == 0 : (*p)->status != SOVD_EXECUTION_RUNNING)
                        found = p;
        struct native_execution *x = found ? *found : NULL;
        if (found) {
                *found = x->next;
                app->n_executions--;
        }
        return x;
}

static void forget(struct native *b, struct native_app *app, const char *id) {
        (void)pthread_mutex_lock(&b->mutex);
        struct native_execution *x = take_out(app, id);
        (void)pthread_mutex_unlock(&b->mutex);
        native_execution_free(x);
}

static int too_many(struct sovd_call *call, const struct native *b, const struct native_app *app) {
        sovd_fail(call, SOVD_E_OVERLOAD, "app '%s' runs %lld executions, which is the limit", app->id,
                  (long long)b->options.max_executions.value);
        sovd_fail_retry_after(call, 5);
        return SOVD_E_OVERLOAD;
}

/* It is known before the app hears of it: the app may tell of it before its answer is read. */
static int add(struct sovd_call *call, struct native *b, struct native_app *app, const char *operation,
               char ret_id[static NATIVE_EXEC_SIZE]) {
        struct native_execution *x = calloc(1, sizeof(*x)), *old = NULL;

        if (x)
                x->operation = strdup(operation);
        if (!x || !x->operation) {
                native_execution_free(x);
                return sovd_error_origin(-ENOMEM);
        }
        sovd_id_trace(x->id, NATIVE_EXEC_SIZE - 1);
        memcpy(ret_id, x->id, NATIVE_EXEC_SIZE);
        x->status = SOVD_EXECUTION_RUNNING;
        x->capability = SOVD_CAPABILITY_EXECUTE;
        x->progress = -1;

        (void)pthread_mutex_lock(&b->mutex);
        const bool full = app->n_executions >= (size_t)b->options.max_executions.value;
        if (full)
                old = take_out(app, NULL);
        if (!full || old) {
                x->next = app->executions;
                app->executions = SOVD_TAKE(x);
                app->n_executions++;
        }
        (void)pthread_mutex_unlock(&b->mutex);
        native_execution_free(old);
        if (!x)
                return 0;
        native_execution_free(x);
        return too_many(call, b, app);
}

/* *ret_unknown: the app was told and has not answered, so nobody knows whether it runs. */
static int ask_start(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                     const char *id, const struct sovd_execution_start *start,
                     const struct native_reply **ret, bool *ret_unknown) {
        struct native_ask ask;

        int r = native_ask_begin(&ask, call, e, "start");
        if (r)
                return r;
        ask.exec = id;
        ask.changes = true;
        sovd_json_key_string(&ask.w, "operation", operation);
        sovd_json_key_string(&ask.w, "exec", id);
        if (start && start->parameters) {
                sovd_json_key(&ask.w, "parameters");
                sovd_json_tree(&ask.w, start->parameters);
        }
        if (start && start->timeout.set)
                sovd_json_key_int(&ask.w, "timeout", start->timeout.value);
        r = native_ask_end(&ask, ret);
        *ret_unknown = ask.abandoned;
        if (r == SOVD_E_BAD_VALUE)
                call->failure.path = "/parameters";
        return r;
}

static int result_of(struct sovd_call *call, const struct native_reply *reply,
                     struct sovd_execution_started *ret) {
        ret->synchronous = true;
        ret->result.parameters = reply->parameters;
        if (reply->status != SOVD_EXECUTION_FAILED && !reply->error)
                return 0;
        ret->result.error = error_of(call, reply->error ? reply->error : "the app gave no reason");
        return ret->result.error ? 0 : sovd_error_origin(-ENOMEM);
}

int native_execution_start(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                           const struct sovd_execution_start *start, struct sovd_execution_started *ret) {
        struct native *b = native_of(e->owner);
        const struct native_operation *o = NULL;
        const struct native_reply *reply = NULL;
        char id[NATIVE_EXEC_SIZE];
        struct native_app *app;

        int r = find_operation(call, e, operation, &app, &o);
        if (!r)
                r = add(call, b, app, operation, id);
        if (r)
                return r;
        bool unknown = false;
        r = ask_start(call, e, operation, id, start, &reply, &unknown);
        if (r && !unknown)
                forget(b, app, id);
        if (r) {
                ret->id = unknown ? sovd_arena_strdup(call->arena, id) : NULL;
                return r;
        }
        if (!o->asynchronous.value && reply->status != SOVD_EXECUTION_RUNNING) {
                forget(b, app, id);
                return result_of(call, reply, ret);
        }
        const struct seen seen = look(call, b, app, operation, id);
        ret->id = sovd_arena_strdup(call->arena, id);
        if (!ret->id)
                return sovd_error_origin(-ENOMEM);
        return seen.found ? tell(call, &seen, ret->id, &ret->execution) : 0;
}

/* --- control and stop ----------------------------------------------------------------------------------- */

static int ask_stop(struct sovd_call *call, const struct sovd_entity *e, const struct native_operation *o,
                    const char *id) {
        struct native_ask ask;

        if (!o->stoppable.value)
                return sovd_fail(call, SOVD_E_CONFLICT, "operation '%s' cannot be stopped while it runs",
                                 o->id);
        int r = native_ask_begin(&ask, call, e, "stop");
        if (r)
                return r;
        ask.changes = true;
        sovd_json_key_string(&ask.w, "exec", id);
        return native_ask_end(&ask, NULL);
}

static int stop(struct sovd_call *call, const struct sovd_entity *e, const char *operation, const char *id,
                struct native_app **ret_app) {
        const struct native_operation *o = NULL;

        int r = find_executed(call, e, operation, id, ret_app, &o);
        if (r)
                return r;
        const struct seen seen = look(call, native_of(e->owner), *ret_app, operation, id);
        if (!seen.found)
                return native_no_resource(call, *ret_app, "execution", id);
        return seen.status == SOVD_EXECUTION_RUNNING ? ask_stop(call, e, o, id) : 0;
}

int native_execution_control(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                             const char *id, const struct sovd_execution_control *control,
                             struct sovd_execution_accepted *ret) {
        struct native *b = native_of(e->owner);
        struct native_app *app;

        if (strcmp(control->capability, "stop") != 0)
                return sovd_fail_at(
                        call, SOVD_E_BAD_VALUE, "/capability",
                        "an execution of an app can only be stopped; start the operation again for another");
        int r = stop(call, e, operation, id, &app);
        if (r)
                return r;
        (void)pthread_mutex_lock(&b->mutex);
        struct native_execution *x = native_execution_find(app, operation, id);
        if (x)
                x->capability = SOVD_CAPABILITY_STOP;
        ret->status = x ? x->status : SOVD_EXECUTION_RUNNING;
        (void)pthread_mutex_unlock(&b->mutex);
        ret->id = id;
        return 0;
}

int native_execution_stop(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                          const char *id, const struct sovd_execution_stop *request) {
        struct native_app *app;
        (void)request;

        int r = stop(call, e, operation, id, &app);
        if (!r)
                forget(native_of(e->owner), app, id);
        return r;
}
