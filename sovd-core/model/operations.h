#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Operations and their executions (ISO 17978-3 7.14)
 */
#include "sovd-core/model/error_body.h"

struct sovd_operation { /* OperationDescription */
        const char *id, *name, *translation_id;
        struct sovd_bool proximity_proof_required, asynchronous_execution;
        struct sovd_strings tags;
        const char *description;
        const struct cJSON *extra;
};
struct sovd_operation_list {
        struct sovd_list items; /* struct sovd_operation */
};
struct sovd_proximity_challenge {
        const char *challenge, *valid_until;
};
struct sovd_operation_detail {
        struct sovd_operation *item;
        struct sovd_proximity_challenge *proximity_challenge;
        const struct cJSON *modes, *schema;
};

/* Positions in sovd_execution_status_names and sovd_capability_names, + 1. */
enum sovd_execution_status { SOVD_EXECUTION_RUNNING = 1, SOVD_EXECUTION_COMPLETED, SOVD_EXECUTION_FAILED };
enum sovd_capability { SOVD_CAPABILITY_EXECUTE = 1, SOVD_CAPABILITY_STOP, SOVD_CAPABILITY_FREEZE };
extern const char *const sovd_execution_status_names[], *const sovd_capability_names[];

struct sovd_execution_start {
        struct sovd_int timeout; /* seconds */
        const struct cJSON *parameters;
        const char *proximity_response;
};
struct sovd_execution_control {
        const char *capability;
        struct sovd_int timeout;
        const struct cJSON *parameters;
        const char *proximity_response;
};
struct sovd_execution_stop {
        const char *proximity_response;
};
struct sovd_execution_result { /* 200: the operation ran to its end */
        const struct cJSON *parameters;
        struct sovd_generic_error *error;
};
struct sovd_execution_accepted { /* 202 */
        const char *id;
        int status;
};
struct sovd_execution { /* status of one execution */
        const char *id; /* the backend's; not part of the body */
        int capability, status;
        const struct cJSON *parameters;
        struct sovd_list error;    /* struct sovd_data_error; path "/" = the operation itself */
        struct sovd_int progress;  /* percent, when the backend tells */
        const struct cJSON *schema;
        const struct cJSON *extra;
};
struct sovd_execution_ids {
        struct sovd_strings items;
};

/* What a start gave: a result (synchronous), or an execution that runs on, or that has ended already. */
struct sovd_execution_started {
        bool synchronous;
        struct sovd_execution_result result; /* synchronous */
        const char *id;                      /* else: the backend's id */
        struct sovd_execution execution;     /* and its status as far as known (status 0 = not told) */
};

extern const struct sovd_schema sovd_schema_operation, sovd_schema_operation_list, sovd_schema_operation_detail,
        sovd_schema_execution_start, sovd_schema_execution_control, sovd_schema_execution_stop,
        sovd_schema_execution_result, sovd_schema_execution_accepted, sovd_schema_execution,
        sovd_schema_execution_ids, sovd_schema_proximity_challenge;
