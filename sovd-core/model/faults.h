#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Faults - what an entity found wrong with itself (ISO 17978-3 7.8)
 */
#include "sovd-core/model/error_body.h"

struct sovd_fault {
        const char *code, *fault_name, *scope, *display_code, *fault_translation_id;
        struct sovd_int severity;    /* 1 FATAL, 2 ERROR, 3 WARN, 4 INFO; lower is worse */
        const struct cJSON *status;  /* object of names and values */
        const char *symptom, *symptom_translation_id;
        struct sovd_strings tags;
        const char *description;
        const struct cJSON *extra;
};
struct sovd_fault_list {
        struct sovd_list items; /* struct sovd_fault */
};
struct sovd_fault_detail {
        struct sovd_fault *item;
        const struct cJSON *environment_data;
        struct sovd_list errors; /* struct sovd_data_error */
        const struct cJSON *schema;
};

/* What happened to a fault: the data of an event (docs/streams.md). It is encoded once, when it is stored. */
enum sovd_fault_change {
        SOVD_FAULT_FAILED = 1,
        SOVD_FAULT_PASSED,
        SOVD_FAULT_CONFIRMED,
        SOVD_FAULT_AGED,
        SOVD_FAULT_CHANGED,
        SOVD_FAULT_CLEARED,
        SOVD_FAULT_PRESENT /* nothing happened: it was there when a snapshot was asked for */
};
struct sovd_fault_event {
        const char *timestamp, *entity;
        int change; /* enum sovd_fault_change */
        const char *scope;
        struct sovd_fault *fault;
};

/* Which faults a list shows. status: "key" and "value" pairs, OR-ed; severity: strictly below (defect D24). */
struct sovd_fault_filter {
        const char *const *status_keys, *const *status_values;
        size_t n_status;
        struct sovd_int severity;
        const char *scope;
        struct sovd_strings tags;
};

extern const struct sovd_schema sovd_schema_fault, sovd_schema_fault_list, sovd_schema_fault_detail, sovd_schema_fault_event;

/* Keys compare without case, and 1/true and 0/false are alike: servers differ in their spelling. A fault that
 * names no scope matches every scope: its server has one memory. */
bool sovd_fault_filter_matches(const struct sovd_fault_filter *filter, const struct sovd_fault *fault);
