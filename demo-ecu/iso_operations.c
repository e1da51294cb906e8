/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect - operations and executions
 */
#include <stdio.h>
#include "demo-ecu/iso.h"
#include "demo-ecu/logbook.h"
#include "demo-ecu/operations.h"

static void write_operation(struct json *json, const char *key, const struct operation *operation) {
        json_begin(json, key, '{');
        json_string(json, "id", operation->id);
        json_string(json, "name", operation->name);
        json_bool(json, "proximity_proof_required", false);
        json_bool(json, "asynchronous_execution", operation->asynchronous);
        json_end(json, '}');
}

void iso_list_operations(struct call *call) {
        json_begin(&call->out, NULL, '{');
        json_begin(&call->out, "items", '[');
        for (size_t i = 0; i < call->component->n_operations; ++i)
                write_operation(&call->out, NULL, &call->component->operations[i]);
        json_end(&call->out, ']');
        json_end(&call->out, '}');
}

static struct operation *call_operation(struct call *call) {
        struct operation *operation = operation_find(call->component, call_resource(call));

        if (!operation)
                call_fail(call, PROBLEM_NO_RESOURCE, "component '%s' has no operation '%.64s'",
                          call->component->id, call_resource(call));
        return operation;
}

static struct execution *call_execution(struct call *call, struct operation **ret_operation) {
        struct operation *operation = call_operation(call);
        struct execution *execution;

        if (!operation)
                return NULL;

        execution = execution_find(operation, call->segments[SEG_EXECUTION]);
        if (!execution)
                call_fail(call, PROBLEM_NO_RESOURCE, "operation '%s' has no execution '%.64s'", operation->id,
                          call->segments[SEG_EXECUTION]);
        *ret_operation = operation;
        return execution;
}

void iso_get_operation(struct call *call) {
        const struct operation *operation = call_operation(call);

        if (!operation)
                return;

        json_begin(&call->out, NULL, '{');
        write_operation(&call->out, "item", operation);
        json_begin(&call->out, "modes", '{'); /* empty: any mode will do */
        json_end(&call->out, '}');
        json_end(&call->out, '}');
}

void iso_list_executions(struct call *call) {
        const struct operation *operation = call_operation(call);

        if (!operation)
                return;

        json_begin(&call->out, NULL, '{');
        json_begin(&call->out, "items", '[');
        for (size_t i = 0; i < EXECUTIONS_MAX; ++i)
                if (operation->executions[i].id[0])
                        json_string(&call->out, NULL, operation->executions[i].id);
        json_end(&call->out, ']');
        json_end(&call->out, '}');
}

static const char *status_word(const struct execution *execution) {
        if (execution->state == EXECUTION_RUNNING)
                return "running";
        return execution->state == EXECUTION_COMPLETED ? "completed" : "failed";
}

static void accept_execution(struct call *call, const struct operation *operation,
                             const struct execution *execution) {
        call->status = 202;
        snprintf(call->location, sizeof(call->location),
                 BASE_PATH "/components/%s/operations/%s/executions/%s", call->component->id, operation->id,
                 execution->id);

        json_begin(&call->out, NULL, '{');
        json_string(&call->out, "id", execution->id);
        json_string(&call->out, "status", status_word(execution));
        json_end(&call->out, '}');
}

void iso_start_execution(struct call *call) {
        const cJSON *parameters = cJSON_GetObjectItemCaseSensitive(call->json, "parameters");
        struct operation *operation = call_operation(call);
        struct execution *execution;
        unsigned int n_seconds = 0;

        if (!operation || call_seconds(call, "timeout", &n_seconds))
                return;

        if (!operation->asynchronous) {
                json_begin(&call->out, NULL, '{');
                operation_write_result(&call->out, "parameters");
                json_end(&call->out, '}');
                return;
        }

        if (operation_start(&execution, call->server->vehicle, operation, parameters, n_seconds,
                            &call->problem))
                call_refuse(call);
        else {
                logbook_write(call->server->vehicle, call->component, LOGBOOK_INFO, "operation %s starts",
                              operation->id);
                accept_execution(call, operation, execution);
        }
}

void iso_get_execution(struct call *call) {
        struct operation *operation = NULL;
        const struct execution *execution = call_execution(call, &operation);
        struct json *json = &call->out;

        if (!execution)
                return;

        json_begin(json, NULL, '{');
        json_string(json, "capability", execution->stopped ? "stop" : "execute");
        json_string(json, "status", status_word(execution));
        json_integer(json, "progress", execution->progress);
        if (execution->state == EXECUTION_COMPLETED)
                execution_write_result(json, "parameters", call->server->vehicle, operation, execution);
        if (execution->error[0]) {
                json_begin(json, "error", '[');
                json_begin(json, NULL, '{');
                json_string(json, "path", "/");
                json_begin(json, "error", '{');
                iso_write_error(json, "error-response", NULL, execution->error);
                json_end(json, '}');
                json_end(json, '}');
                json_end(json, ']');
        }
        json_end(json, '}');
}

static bool is_standard_capability(const char *word) {
        static const char *const words[] = { "execute", "freeze", "reset", "status" };

        for (size_t i = 0; i < N_ELEMENTS(words); ++i)
                if (equal(words[i], word))
                        return true;
        return false;
}

void iso_put_execution(struct call *call) {
        const cJSON *capability = cJSON_GetObjectItemCaseSensitive(call->json, "capability");
        struct operation *operation = NULL;
        struct execution *execution = call_execution(call, &operation);
        const char *word = cJSON_IsString(capability) ? capability->valuestring : "";

        if (!execution)
                return;
        if (is_standard_capability(word))
                call_fail(call, PROBLEM_CONFLICT, "an execution of '%s' cannot %s, only stop", operation->id,
                          word);
        else if (!equal(word, "stop"))
                call_fail(call, PROBLEM_BAD_REQUEST, "'capability' must be \"stop\", got '%.40s'", word);
        else if (execution->state != EXECUTION_RUNNING)
                call_fail(call, PROBLEM_CONFLICT, "execution '%s' is not running any more", execution->id);
        else {
                execution_stop(call->server->vehicle, execution, EXECUTION_FAILED, "stopped by the client");
                execution->stopped = true;
                accept_execution(call, operation, execution);
        }
}

/* Terminates and removes, in whatever state it is. */
void iso_delete_execution(struct call *call) {
        struct operation *operation = NULL;
        struct execution *execution = call_execution(call, &operation);

        if (!execution)
                return;

        *execution = (struct execution){ 0 };
        call->status = 204;
}
