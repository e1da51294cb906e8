#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cyclic subscriptions - a resource is read again and again, and each reading is an event (ISO 17978-3 7.10)
 */
#include "sovd-core/model/error_body.h"

struct sovd_subscription_new {
        const char *resource;
        int interval; /* enum sovd_interval */
        struct sovd_int duration;
        int protocol; /* position in sovd_protocol_names + 1; 0 = absent */
};
struct sovd_subscription_change {
        int interval; /* 0 = as it is */
        struct sovd_int duration;
};
struct sovd_subscription {
        const char *id;
        const char *resource, *observed_resource; /* equal: the standard has both names (defect D01) */
        const char *subscription, *event_source;  /* equal */
        int protocol, interval;
        const char *expires;
        const struct sovd_generic_error *last_error;
        const struct cJSON *event_schema;
};
struct sovd_subscription_list {
        struct sovd_list items; /* struct sovd_subscription */
};

enum sovd_interval { SOVD_INTERVAL_FAST = 1, SOVD_INTERVAL_NORMAL, SOVD_INTERVAL_SLOW };
#define SOVD_N_INTERVALS 3

/* "fast", "normal", "slow" */
extern const char *const sovd_interval_names[];
/* "sse" */
extern const char *const sovd_protocol_names[];

extern const struct sovd_schema sovd_schema_subscription_new, sovd_schema_subscription_change,
        sovd_schema_subscription, sovd_schema_subscription_list;
