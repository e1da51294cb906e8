#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Operations - what an ECU can be told to do, and the executions that remember it
 *
 * One execution of an operation runs at a time. A finished one is kept for ten minutes, at most 64 of them.
 */
#include <cjson/cJSON.h>
#include "demo-ecu/problem.h"
#include "demo-ecu/vehicle.h"

struct operation *operation_find(struct component *component, const char *id);

/* The running execution, NULL if none runs. */
struct execution *operation_running(const struct operation *operation);

/* The one started last that is still kept, NULL if there is none. */
struct execution *operation_latest(const struct operation *operation);

/* `parameters` may be NULL; n_timeout_seconds 0 means no limit. */
int operation_start(struct execution **ret, struct vehicle *vehicle, struct operation *operation,
                    const cJSON *parameters, unsigned int n_timeout_seconds, struct problem *problem);
void operation_tick(struct vehicle *vehicle, struct operation *operation);

struct execution *execution_find(struct operation *operation, const char *id);
void execution_stop(const struct vehicle *vehicle, struct execution *execution, enum execution_state state,
                    const char *why);

struct json;

/* What a completed execution found, as the members of an object. */
void execution_write_result(struct json *json, const char *key, const struct vehicle *vehicle,
                            const struct operation *operation, const struct execution *execution);

/* The same for the operation that has its answer at once. */
void operation_write_result(struct json *json, const char *key);
