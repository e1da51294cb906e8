#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fault sink - where faults of entities go that cannot keep them themselves
 *
 * Native apps, and the gateway itself, only report. The fault manager stands behind this interface, so that a backend
 * needs to know nothing of it: the backend's own fault ops hand the call on. Functions return like backend ops
 * (backend.h), with the failure set in the call.
 */
#include "sovd-core/model/faults.h"

struct sovd_call;
struct sovd_entity;
struct sovd_fault_sink;

enum sovd_report { SOVD_REPORT_FAILED, SOVD_REPORT_PASSED, SOVD_REPORT_PREFAILED, SOVD_REPORT_PREPASSED };
extern const char *const sovd_report_names[]; /* "failed", "passed", "prefailed", "prepassed" */

/* Since the start of the gateway, but for the gauges. */
struct sovd_fault_counters {
        uint64_t n_reports, n_judged, n_changes, n_events;
        uint64_t n_unknown, n_limited, n_disabled; /* reports that were not judged, and why */
        uint64_t n_flushes, n_failed_flushes, n_cycles;
        size_t n_waiting, n_definitions;           /* gauges: changes that are not on the disk; faults that are known */
};

struct sovd_fault_sink_ops {
        /* entity: "apps/nav". catalog: JSON as a catalogue file has it. SOVD_E_BAD_REQUEST: *ret_why (in the arena) names
         * member and reason; SOVD_E_OVERLOAD: too many faults are defined. */
        int (*define)(struct sovd_fault_sink *sink, const char *entity, const struct cJSON *catalog,
                      struct sovd_arena *arena, const char **ret_why);

        /* Does the configuration have a catalogue for the entity? Then it has faults also when it registers none. */
        bool (*is_defined)(struct sovd_fault_sink *sink, const char *entity);

        /* Ids of data that the catalogue wants kept with a failure of the code; in the arena, none when it is not known. */
        int (*freeze_frame)(struct sovd_fault_sink *sink, const char *entity, const char *code, struct sovd_arena *arena,
                            struct sovd_strings *ret);

        /* environment: a JSON object as text, or NULL. Returns at once; *ret_ticket for wait, 0 = nothing to wait for.
         * SOVD_E_NOT_FOUND: not in the catalogue; SOVD_E_OVERLOAD: over the fault's limit. */
        int (*report)(struct sovd_fault_sink *sink, const char *entity, const char *code, enum sovd_report report,
                      const char *environment, uint64_t *ret_ticket);

        /* Until the report is durable; -errno: it is not. */
        int (*wait)(struct sovd_fault_sink *sink, uint64_t ticket);

        void (*counters)(struct sovd_fault_sink *sink, struct sovd_fault_counters *ret);

        int (*condition)(struct sovd_fault_sink *sink, const char *name, bool on);
        /* A new operation cycle of a kind begins. Ticket as above. SOVD_E_OVERLOAD: too many kinds. */
        int (*cycle)(struct sovd_fault_sink *sink, const char *kind, uint64_t *ret_ticket);

        /* The fault ops of a backend. */
        int (*list)(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e,
                    const struct sovd_fault_filter *filter, struct sovd_fault_list *ret);
        int (*read)(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e, const char *code,
                    struct sovd_fault_detail *ret);
        int (*clear)(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e, const char *code);
        int (*clear_all)(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e,
                         const char *scope);
};

struct sovd_fault_sink { /* first member of the one who implements it */
        const struct sovd_fault_sink_ops *ops;
};
