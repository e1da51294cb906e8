#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Communication logs - recordings of what an entity sends and receives (ISO 17978-3 7.22)
 */
#include "sovd-core/base/schema.h"

enum sovd_comm_log_status { SOVD_COMM_LOG_INACTIVE = 1, SOVD_COMM_LOG_ACTIVE };
enum sovd_comm_log_action { SOVD_COMM_LOG_ACTIVATE = 1, SOVD_COMM_LOG_DEACTIVATE };

struct sovd_comm_log_ids {
        struct sovd_strings items; /* travels as a bare array (defect D09) */
};
struct sovd_comm_log {
        const char *id;
        int status; /* enum sovd_comm_log_status */
        struct sovd_bool stream;
        const char *log; /* where the recording is: from a backend either an absolute URI or
                                   * "bulk-data/CATEGORY/ID", encoded, below the entity */
        const char *activated, *deactivated;
        const struct cJSON *extra;
};
struct sovd_comm_log_control {
        int action; /* enum sovd_comm_log_action */
};
struct sovd_comm_log_config {
        const char *mimetype; /* or NULL */
        const char *bytes;
        size_t len;
        bool stream;
};

extern const struct sovd_schema sovd_schema_comm_log_ids, sovd_schema_comm_log, sovd_schema_comm_log_control;
