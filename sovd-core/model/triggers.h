#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Triggers - an event when the value of a resource meets a condition (ISO 17978-3 7.11)
 */
#include "sovd-core/model/subscriptions.h"

enum sovd_condition_type {
        SOVD_CONDITION_ENTER_RANGE = 1,
        SOVD_CONDITION_LEAVE_RANGE,
        SOVD_CONDITION_ON_CHANGE,
        SOVD_CONDITION_ON_CHANGE_TO
};

struct sovd_trigger_condition {
        int type; /* enum sovd_condition_type */
        const struct cJSON *lower_bound, *upper_bound, *value;
};
struct sovd_trigger_log {
        int severity; /* position in sovd_trigger_severity_names + 1 */
        struct sovd_bool resource, condition;
        const char *marker;
};
struct sovd_trigger_new {
        const char *resource, *path;
        struct sovd_trigger_condition *condition;
        int protocol;
        struct sovd_trigger_log *log;
        struct sovd_bool multishot, persistent;
        struct sovd_int lifetime;
};
struct sovd_trigger {
        const char *id, *observed_resource, *event_source;
        int protocol;
        const char *expires;
        int status; /* position in sovd_trigger_status_names + 1 */
        const struct sovd_trigger_condition *condition;
        struct sovd_bool multishot, persistent;
        const char *path;
        const struct sovd_trigger_log *log;
        const struct sovd_generic_error *last_error;
        const struct cJSON *event_schema;
};
struct sovd_trigger_list {
        struct sovd_list items; /* struct sovd_trigger, of which the first members are listed */
};
struct sovd_trigger_change {
        struct sovd_int lifetime;
};
struct sovd_trigger_changed {
        const char *expires;
};

enum { SOVD_TRIGGER_ACTIVE = 1, SOVD_TRIGGER_TERMINATED };

extern const char *const sovd_condition_type_names[], *const sovd_trigger_status_names[],
                                                              *const sovd_trigger_severity_names[];

extern const struct sovd_schema sovd_schema_trigger_condition, sovd_schema_trigger_new, sovd_schema_trigger,
        sovd_schema_trigger_list, sovd_schema_trigger_change, sovd_schema_trigger_changed;
