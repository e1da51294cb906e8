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
        const char *entity;          /* whose it is, as in URIs ("apps/nav"); in lists of the whole vehicle only */
        const char *first_occurrence, *last_occurrence; /* date-times of faults that the gateway keeps, else NULL */
        struct sovd_int occurrences; /* the same */
        const struct cJSON *extra;
};
/* Where a list goes on; code "": at its beginning, or: nothing follows. */
struct sovd_fault_place {
        uint64_t usec;               /* of the last occurrence */
        char code[80], entity[200];
};
struct sovd_fault_list {
        struct sovd_list items;      /* struct sovd_fault */
        bool kept;                   /* by the fault manager: the filter's times, order and page were honoured */
        struct sovd_fault_place next; /* what follows this page */
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
        SOVD_FAULT_RESTORED, /* all faults of all entities are now those of a snapshot */
        SOVD_FAULT_PRESENT /* nothing happened: it was there when a snapshot was asked for */
};
struct sovd_fault_event {
        const char *timestamp, *entity;
        int change; /* enum sovd_fault_change */
        const char *scope;
        struct sovd_int merged;
        struct sovd_fault *fault;
};


/* An event of the past. */
struct sovd_fault_past {
        struct sovd_fault_event event; /* for the table only, as freeze_frame: both are kept as text */
        const struct cJSON *freeze_frame;
        struct sovd_int id;          /* as in streams; it grows */
        const char *frame, *body;    /* JSON objects: of this occurrence, or NULL; a sovd_fault_event */
        uint64_t usec;
};
struct sovd_fault_history {
        struct sovd_list items;      /* struct sovd_fault_past */
        bool more;                   /* something follows */
};
struct sovd_fault_history_filter {
        const struct sovd_fault_filter *faults; /* status then, severity, scope, times and max; not the tags */
        const char *code;            /* NULL = all; the clear of all faults belongs to each */
        bool oldest_first;
        uint64_t after_usec;         /* the page after this event; id 0 = from the beginning */
        int64_t after_id;
        int64_t to_id;               /* nothing that happened after this event; 0 = all, -1 = there was none */
};
extern const struct sovd_schema sovd_schema_fault_history;

/* Writes an event as the schema says. */
struct sovd_json_writer;
void sovd_fault_past_write(const struct sovd_fault_past *past, struct sovd_json_writer *w);

/* Which faults there are at all for whoever asks. entity: "apps/nav", as it is called inside; code "" = all of it. */
struct sovd_fault_sight {
        bool (*sees)(void *data, const char *entity, const char *code); /* NULL = all */
        void *data;
};

/* Which faults a list shows. status: "key" and "value" pairs, OR-ed; severity: strictly below (defect D24). */
struct sovd_fault_filter {
        const char *const *status_keys, *const *status_values;
        size_t n_status;
        struct sovd_int severity;
        const char *scope;
        struct sovd_strings tags;
        /* Honoured by the fault manager alone (sovd_fault_list.kept): */
        uint64_t from_usec, to_usec; /* of the last occurrence, both included; to 0 = no end */
        bool steady;                 /* by entity and code, which new occurrences do not change; else newest first */
        size_t max;                  /* of one page; 0 = all */
        struct sovd_fault_place after;
        struct sovd_fault_sight sight; /* of the vehicle's lists and history */
};

extern const struct sovd_schema sovd_schema_fault, sovd_schema_fault_list, sovd_schema_fault_detail, sovd_schema_fault_event;

/* Is a value of a status the one that a filter asks for? 1 and true, 0 and false are alike. */
bool sovd_status_value_equals(const char *have, const char *want);

/* Keys compare without case, and 1/true and 0/false are alike: servers differ in their spelling. A fault that
 * names no scope matches every scope: its server has one memory. */
bool sovd_fault_filter_matches(const struct sovd_fault_filter *filter, const struct sovd_fault *fault);

