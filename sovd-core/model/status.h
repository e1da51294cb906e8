#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Status - is an entity ready, and how it is started and stopped (ISO 17978-3 7.19)
 */
#include "sovd-core/base/schema.h"

enum sovd_readiness { SOVD_READY = 1, SOVD_NOT_READY };
/* "ready", "notReady" */
extern const char *const sovd_readiness_names[];

enum sovd_status_action {
        SOVD_STATUS_START,
        SOVD_STATUS_RESTART,
        SOVD_STATUS_FORCE_RESTART,
        SOVD_STATUS_SHUTDOWN,
        SOVD_STATUS_FORCE_SHUTDOWN,
        SOVD_N_STATUS_ACTIONS
};
/* "start", "restart", "force-restart", "shutdown", "force-shutdown" */
extern const char *const sovd_status_action_names[];

struct sovd_entity_status {
        int status;       /* enum sovd_readiness */
        unsigned actions; /* bit 1 << enum sovd_status_action: supported */
};

struct sovd_status_control {
        const struct cJSON *parameters; /* or NULL */
};
extern const struct sovd_schema sovd_schema_status_control;
