/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OData dialect - operations and executions
 *
 * Every start answers 202 with an execution; that of the synchronous operation is completed at once.
 */
#include <stdio.h>
#include "demo-ecu/odata.h"
#include "demo-ecu/operations.h"

static const char *state_word(const struct execution *execution) {
        static const char *const words[] = {
                [EXECUTION_RUNNING] = "running",
                [EXECUTION_COMPLETED] = "completed",
                [EXECUTION_FAILED] = "failed",
                [EXECUTION_CANCELLED] = "cancelled",
        };

        return execution ? words[execution->state] : "idle";
}

void odata_list_operations(struct call *call) {
        struct json *json = &call->out;

        odata_list_begin(json, "operations");
        for (size_t i = 0; i < call->component->n_operations; ++i) {
                const struct operation *operation = &call->component->operations[i];

                json_begin(json, NULL, '{');
                json_string(json, "id", operation->id);
                json_string(json, "componentId", call->component->id);
                json_string(json, "name", operation->name);
                json_string(json, "description", operation->description);
                json_string(json, "status", state_word(operation_latest(operation)));
                json_end(json, '}');
        }
        odata_list_end(json, call->component->n_operations);
}

static struct operation *call_operation(struct call *call) {
        const char *id = call->segments[SEG_RESOURCE];
        struct operation *operation = operation_find(call->component, id);

        if (!operation)
                call_fail(call, PROBLEM_NO_RESOURCE, "component '%s' has no operation '%.64s'",
                          call->component->id, id);
        return operation;
}

static void write_result(struct call *call, const struct operation *operation,
                         const struct execution *execution) {
        struct json *json = &call->out;
        bool success = execution->state == EXECUTION_COMPLETED;

        json_begin(json, "result", '{');
        json_bool(json, "success", success);
        json_string(json, "message", success ? "done" : execution->error);
        if (success && operation->asynchronous)
                execution_write_result(json, "parameters", call->server->vehicle, operation, execution);
        else if (success)
                operation_write_result(json, "parameters");
        json_end(json, '}');
}

static void write_execution(struct call *call, const struct operation *operation,
                            const struct execution *execution) {
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_string(json, "executionId", execution->id);
        json_string(json, "componentId", call->component->id);
        json_string(json, "operationId", operation->id);
        json_string(json, "status", state_word(execution));
        if (execution->state != EXECUTION_RUNNING)
                write_result(call, operation, execution);
        json_integer(json, "progress", execution->progress);
        json_string(json, "timestamp", execution->timestamp);
        json_end(json, '}');
}

void odata_start_execution(struct call *call) {
        struct vehicle *vehicle = call->server->vehicle;
        struct operation *operation = call_operation(call);
        struct execution *execution;

        if (!operation)
                return;
        if (operation_start(&execution, vehicle, operation,
                            cJSON_GetObjectItemCaseSensitive(call->json, "params"), 0, &call->problem)) {
                call_refuse(call);
                return;
        }
        if (!operation->asynchronous) {
                execution->progress = 100;
                execution_stop(vehicle, execution, EXECUTION_COMPLETED, "");
        }

        call->status = 202;
        snprintf(call->location, sizeof(call->location),
                 BASE_PATH "/components/%s/operations/%s/executions/%s", call->component->id, operation->id,
                 execution->id);
        write_execution(call, operation, execution);
}

void odata_list_executions(struct call *call) {
        const struct operation *operation = call_operation(call);
        size_t n_executions = 0;

        if (!operation)
                return;

        odata_list_begin(&call->out, "executions");
        for (size_t i = 0; i < EXECUTIONS_MAX; ++i) {
                if (!operation->executions[i].id[0])
                        continue;
                write_execution(call, operation, &operation->executions[i]);
                ++n_executions;
        }
        odata_list_end(&call->out, n_executions);
}

static struct execution *call_execution(struct call *call, struct operation **ret_operation) {
        struct execution *execution;

        *ret_operation = call_operation(call);
        if (!*ret_operation)
                return NULL;

        execution = execution_find(*ret_operation, call->segments[SEG_EXECUTION]);
        if (!execution)
                call_fail(call, PROBLEM_NO_RESOURCE, "operation '%s' has no execution '%.64s'",
                          (*ret_operation)->id, call->segments[SEG_EXECUTION]);
        return execution;
}

void odata_get_execution(struct call *call) {
        struct operation *operation;
        const struct execution *execution = call_execution(call, &operation);

        if (execution)
                write_execution(call, operation, execution);
}

/* The execution stays readable as cancelled. */
void odata_cancel_execution(struct call *call) {
        struct operation *operation;
        struct execution *execution = call_execution(call, &operation);

        if (!execution)
                return;
        if (execution->state != EXECUTION_RUNNING) {
                call_fail(call, PROBLEM_CONFLICT, "execution '%s' is not running any more", execution->id);
                return;
        }

        execution_stop(call->server->vehicle, execution, EXECUTION_CANCELLED, "cancelled by the client");
        call->status = 204;
}
