#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Clear data - forgetting what an entity keeps beside its configuration (ISO 17978-3 7.13)
 *
 * One task per entity: notRequested, running, then completed or failed, until the next one.
 */
#include "sovd-core/model/error_body.h"

enum sovd_clear_type {
        SOVD_CLEAR_CACHED_DATA = 1, /* position in the names + 1 */
        SOVD_CLEAR_LEARNED_DATA,
        SOVD_CLEAR_CLIENT_DEFINED,
        SOVD_N_CLEAR_TYPES = SOVD_CLEAR_CLIENT_DEFINED
};
/* "cached-data", "learned-data", "client-defined-resources" */
extern const char *const sovd_clear_type_names[];

enum sovd_clear_state { SOVD_CLEAR_NOT_REQUESTED = 1, SOVD_CLEAR_RUNNING, SOVD_CLEAR_COMPLETED, SOVD_CLEAR_FAILED };
extern const char *const sovd_clear_state_names[];

/* What can be cleared: bit 1 << enum sovd_clear_type. */
struct sovd_clear_support {
        unsigned types;
};

struct sovd_clear_status {
        int status, type; /* type 0: nothing was asked for yet */
        const char *last_started;
        struct sovd_int progress; /* percent */
        struct sovd_list error;   /* struct sovd_generic_error */
        const struct cJSON *schema;
};

extern const struct sovd_schema sovd_schema_clear_status;
