#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scripts and their executions (ISO 17978-3 7.15)
 */
#include "sovd-core/model/operations.h"

struct sovd_script { /* ScriptDescription */
        const char *id, *name, *translation_id;
        struct sovd_bool proximity_proof_required;
        struct sovd_strings tags;
        const char *description;
        const struct cJSON *extra;
};
struct sovd_script_list {
        struct sovd_list items; /* struct sovd_script */
};
struct sovd_script_detail {
        struct sovd_script *item;
        const char *source; /* where its text can be read; or NULL */
        struct sovd_proximity_challenge *proximity_challenge;
        const struct cJSON *schema;
};

/* A script as it comes: any bytes. Not a body of JSON. */
struct sovd_script_upload {
        const char *content_type;        /* as in the field, with its parameters */
        const char *content_disposition; /* the same */
        const char *file_name;           /* of it; NULL = it names none */
        const char *text;                /* ends with a NUL that does not count */
        size_t len;
};
struct sovd_script_created {
        const char *id;
};

/* Positions in the arrays, + 1. */
enum sovd_script_when { SOVD_SCRIPT_NOW = 1, SOVD_SCRIPT_NOW_AND_ON_RESTART, SOVD_SCRIPT_ON_RESTART,
                        SOVD_SCRIPT_ONCE_ON_RESTART };
enum sovd_script_status { SOVD_SCRIPT_PREPARED = 1, SOVD_SCRIPT_RUNNING, SOVD_SCRIPT_COMPLETED, SOVD_SCRIPT_FAILED,
                          SOVD_SCRIPT_TERMINATED };
enum sovd_script_action { SOVD_SCRIPT_STOP = 1, SOVD_SCRIPT_FORCED_TERMINATION };
extern const char *const sovd_script_when_names[], *const sovd_script_status_names[],
        *const sovd_script_action_names[];

struct sovd_script_start {
        int execution_type; /* enum sovd_script_when; 0 = now */
        const struct cJSON *parameters;
        const char *proximity_response;
};
struct sovd_script_started { /* 202 */
        const char *id;
        int status;
};
struct sovd_script_execution {
        int status;
        const char *last_started; /* RFC 3339; NULL = it has not begun yet */
        const struct cJSON *result;
        struct sovd_list error;   /* struct sovd_data_error */
        struct sovd_int progress; /* percent, when the backend tells */
        const struct cJSON *schema;
        const struct cJSON *extra;
};
struct sovd_script_control {
        int action, capability; /* enum sovd_script_action; the standard's table requires a member that it does not
                                 * have, so either name will do */
};

extern const struct sovd_schema sovd_schema_script, sovd_schema_script_list, sovd_schema_script_detail,
        sovd_schema_script_created, sovd_schema_script_start, sovd_schema_script_started,
        sovd_schema_script_execution, sovd_schema_script_control;
