/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Operations - what an ECU can be told to do, and the executions that remember it
 */
#include <inttypes.h>
#include <stdio.h>
#include "demo-ecu/json.h"
#include "demo-ecu/operations.h"

#define FAILURE_PROBABILITY 0.05 /* of a self-test whose outcome no test decided */

struct operation *operation_find(struct component *component, const char *id) {
        for (size_t i = 0; i < component->n_operations; ++i)
                if (equal(component->operations[i].id, id))
                        return &component->operations[i];
        return NULL;
}

struct execution *operation_latest(const struct operation *operation) {
        const struct execution *latest = NULL;

        for (size_t i = 0; i < EXECUTIONS_MAX; ++i) {
                const struct execution *execution = &operation->executions[i];

                if (execution->id[0] && (!latest || execution->number > latest->number))
                        latest = execution;
        }
        return (struct execution *)(uintptr_t)latest;
}

struct execution *operation_running(const struct operation *operation) {
        /* A start is refused while one runs, so the running one is always the latest. */
        struct execution *latest = operation_latest(operation);

        return latest && latest->state == EXECUTION_RUNNING ? latest : NULL;
}

struct execution *execution_find(struct operation *operation, const char *id) {
        for (size_t i = 0; i < EXECUTIONS_MAX; ++i)
                if (operation->executions[i].id[0] && equal(operation->executions[i].id, id))
                        return &operation->executions[i];
        return NULL;
}

/* A free place, else the one of the oldest: nothing runs when this is called. */
static struct execution *operation_place(struct operation *operation) {
        struct execution *oldest = &operation->executions[0];

        for (size_t i = 0; i < EXECUTIONS_MAX; ++i) {
                struct execution *execution = &operation->executions[i];

                if (!execution->id[0])
                        return execution;
                if (execution->number < oldest->number)
                        oldest = execution;
        }
        return oldest;
}

static int parameters_check(const struct operation *operation, const cJSON *parameters, bool *ret_full,
                            struct problem *problem) {
        const cJSON *mode;

        *ret_full = true;
        if (!parameters || cJSON_IsNull(parameters))
                return 0;

        copy_text(problem->path, sizeof(problem->path), "/parameters");
        if (!cJSON_IsObject(parameters))
                return problem_set(problem, PROBLEM_BAD_VALUE, "'parameters' must be an object");

        mode = cJSON_GetObjectItemCaseSensitive(parameters, "mode");
        if (!mode || !equal(operation->id, "self-test"))
                return 0;

        copy_text(problem->path, sizeof(problem->path), "/parameters/mode");
        if (!cJSON_IsString(mode) ||
            (!equal(mode->valuestring, "quick") && !equal(mode->valuestring, "full")))
                return problem_set(problem, PROBLEM_BAD_VALUE,
                                   "'mode' must be \"quick\" or \"full\", got %s%.40s",
                                   cJSON_IsString(mode) ? "" : "another type",
                                   cJSON_IsString(mode) ? mode->valuestring : "");

        *ret_full = equal(mode->valuestring, "full");
        return 0;
}

/* Decided at the start: by a test, or by the seed and the number of the start. */
static uint64_t failure_tick(struct vehicle *vehicle, const struct operation *operation, uint64_t n_ticks) {
        const char *told = vehicle->next_self_test;

        if (!equal(operation->id, "self-test"))
                return 0;

        vehicle->next_self_test = NULL;
        if (told ? equal(told, "fail")
                 : simulation_lot(vehicle, operation->id, operation->n_starts) < FAILURE_PROBABILITY)
                return n_ticks * 6 / 10;
        return 0;
}

int operation_start(struct execution **ret, struct vehicle *vehicle, struct operation *operation,
                    const cJSON *parameters, unsigned int n_timeout_seconds, struct problem *problem) {
        struct execution *execution = operation_running(operation);
        bool full;
        int r;

        r = parameters_check(operation, parameters, &full, problem);
        if (r)
                return r;
        if (execution)
                return problem_set(problem, PROBLEM_CONFLICT,
                                   "operation '%s' is still running as execution '%s'", operation->id,
                                   execution->id);

        execution = operation_place(operation);
        *execution =
                (struct execution){ .number = ++operation->n_starts, .started = vehicle->tick, .full = full };
        snprintf(execution->id, sizeof(execution->id), "%" PRIu64 "-%08x", execution->number,
                 (unsigned int)(simulation_lot(vehicle, operation->name, execution->number) * 0xffffffff));
        vehicle_timestamp(vehicle, execution->timestamp, sizeof(execution->timestamp));

        execution->n_ticks = (uint64_t)operation->n_seconds * TICKS_PER_SECOND;
        if (!full)
                execution->n_ticks /= 3;
        execution->failure_tick = failure_tick(vehicle, operation, execution->n_ticks);
        if (n_timeout_seconds)
                execution->deadline = vehicle->tick + (uint64_t)n_timeout_seconds * TICKS_PER_SECOND;

        *ret = execution;
        return 0;
}

void execution_stop(const struct vehicle *vehicle, struct execution *execution, enum execution_state state,
                    const char *why) {
        execution->state = state;
        execution->finished = vehicle->tick;
        copy_text(execution->error, sizeof(execution->error), why);
}

static void execution_tick(const struct vehicle *vehicle, struct execution *execution) {
        uint64_t n_passed = vehicle->tick - execution->started;

        if (execution->state != EXECUTION_RUNNING) {
                if (vehicle->tick - execution->finished > RETENTION_TICKS)
                        *execution = (struct execution){ 0 };
                return;
        }

        execution->progress = (unsigned int)(n_passed * 100 / execution->n_ticks);
        if (n_passed >= execution->n_ticks)
                execution_stop(vehicle, execution, EXECUTION_COMPLETED, "");
        else if (execution->failure_tick && n_passed >= execution->failure_tick)
                execution_stop(vehicle, execution, EXECUTION_FAILED,
                               "isolation resistance is below 100 kOhm");
        else if (execution->deadline && vehicle->tick >= execution->deadline)
                execution_stop(vehicle, execution, EXECUTION_FAILED, "stopped: its timeout is over");
}

void operation_tick(struct vehicle *vehicle, struct operation *operation) {
        for (size_t i = 0; i < EXECUTIONS_MAX; ++i)
                if (operation->executions[i].id[0])
                        execution_tick(vehicle, &operation->executions[i]);
}

void execution_write_result(struct json *json, const char *key, const struct vehicle *vehicle,
                            const struct operation *operation, const struct execution *execution) {
        double lot = simulation_lot(vehicle, "result", execution->number);

        json_begin(json, key, '{');
        if (equal(operation->id, "self-test")) {
                json_string(json, "mode", execution->full ? "full" : "quick");
                json_integer(json, "cells_ok", 96);
                if (execution->full)
                        json_integer(json, "isolation_kohm", 1800 + (long long)(lot * 400));
        } else
                json_integer(json, "cells_balanced", 4 + (long long)(lot * 20));
        json_end(json, '}');
}

void operation_write_result(struct json *json, const char *key) {
        json_begin(json, key, '{');
        json_integer(json, "flushed_litres", 3200);
        json_end(json, '}');
}
