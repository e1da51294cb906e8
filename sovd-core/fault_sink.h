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
struct sovd_db;
struct sovd_entity;
struct sovd_fact;
struct sovd_fault_sink;
struct sovd_snapshot;

enum sovd_report { SOVD_REPORT_FAILED, SOVD_REPORT_PASSED, SOVD_REPORT_PREFAILED, SOVD_REPORT_PREPASSED };
extern const char *const sovd_report_names[]; /* "failed", "passed", "prefailed", "prepassed" */

/* Since the start of the gateway, but for the gauges. */
struct sovd_fault_counters {
        uint64_t n_reports, n_judged, n_changes, n_events;
        uint64_t n_unknown, n_limited, n_disabled; /* reports that were not judged, and why */
        uint64_t n_flushes, n_failed_flushes, n_cycles;
        size_t n_waiting, n_definitions;           /* gauges: changes that are not on the disk; faults that are known */
        size_t n_cycles_behind;                    /* the same: kinds of cycles that not all stored faults have followed yet */
};

struct sovd_observed_faults {
        const char *entity;
        const struct sovd_fault *faults;
        size_t n;
        uint64_t fingerprint; /* 0, or what the last call left here: then it costs nothing when nothing differs */
        size_t n_changes;     /* out: how many faults changed */
        size_t n_left_out;    /* out: of those that were given: too many, or too long */
};

/* Of what is kept; the first four when history and faults were last held against their bounds. */
struct sovd_kept_faults {
        uint64_t n_events, n_faults;
        uint64_t n_events_removed, n_faults_removed;
        uint64_t n_rounds, n_failed_rounds;
        uint64_t free_bytes;          /* of the file, not given back yet */
        uint64_t longest_change_usec; /* that removed something, from the question to the commit */
};

struct sovd_fault_sink_ops {
        /* entity: "apps/nav". catalog: JSON as a catalogue file has it. SOVD_E_BAD_REQUEST: *ret_why (in the arena) names
         * member and reason; SOVD_E_OVERLOAD: too many faults are defined. */
        int (*define)(struct sovd_fault_sink *sink, const char *entity, const struct cJSON *catalog,
                      struct sovd_arena *arena, const char **ret_why);

        /* Does the configuration have a catalogue for the entity? Then it has faults also when it registers none. */
        bool (*is_defined)(struct sovd_fault_sink *sink, const char *entity);

        /* Is a fault of the entity stored, or is it in the history? -errno: the state cannot be read. */
        int (*is_known)(struct sovd_fault_sink *sink, const char *entity, bool *ret);

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
        /* A new operation cycle of a kind begins, NULL = of all. Ticket as above. SOVD_E_OVERLOAD: too many kinds. */
        int (*cycle)(struct sovd_fault_sink *sink, const char *kind, uint64_t *ret_ticket);

        void (*count)(struct sovd_fault_sink *sink, struct sovd_kept_faults *ret);

        /* What a backend that keeps its faults itself shows of an entity now, all of it: what differs from the last time is
         * stored and told like what is reported. Durable when it returns. -errno, SOVD_E_OVERLOAD: nothing was done. */
        int (*observe)(struct sovd_fault_sink *sink, struct sovd_observed_faults *observed, struct sovd_arena *arena);
        /* These are all entities that are observed now; faults that were observed of another one that was not among them for
         * keep_usec, also over restarts, are forgotten. */
        int (*followed)(struct sovd_fault_sink *sink, const char *const *entities, size_t n, uint64_t keep_usec);
        /* A client has cleared one of them (code NULL = all, of a scope or all): so is it here. SOVD_E_NOT_FOUND. */
        int (*forget)(struct sovd_fault_sink *sink, const char *entity, const char *code, const char *scope);

        /* The fault ops of a backend. e NULL in list and history: those of all entities that are kept here. */
        int (*list)(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e,
                    const struct sovd_fault_filter *filter, struct sovd_fault_list *ret);
        int (*history)(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e,
                       const struct sovd_fault_history_filter *filter, struct sovd_fault_history *ret);
        int (*read)(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e, const char *code,
                    struct sovd_fault_detail *ret);
        int (*clear)(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e, const char *code);
        int (*clear_all)(struct sovd_fault_sink *sink, struct sovd_call *call, const struct sovd_entity *e,
                         const char *scope);

        /* Replaces all stored faults and their history by those of an open snapshot; by: who wants it. *ret_n: faults.
         * SOVD_E_BAD_REQUEST: *ret_why (in the arena) says what of it cannot be used. */
        int (*restore)(struct sovd_fault_sink *sink, struct sovd_db *from, const struct sovd_snapshot *about,
                       const char *by, struct sovd_arena *arena, int64_t *ret_n, const char **ret_why);

        /* What is stored, of one entity (NULL = all), at most max of them: calls each with the event of a snapshot, and
         * moves the place behind them. each stops it by another value than 0, which is returned. */
        int (*present)(struct sovd_fault_sink *sink, const char *entity, struct sovd_fault_place *place, size_t max,
                       int (*each)(const struct sovd_fact *fact, void *data), void *data, bool *ret_more);

        /* Has a status byte of events this member with this value, as the filter of a list would see it? */
        bool (*status_matches)(struct sovd_fault_sink *sink, uint8_t status, const char *key, const char *value);
};

struct sovd_fault_sink { /* first member of the one who implements it */
        const struct sovd_fault_sink_ops *ops;
        bool follows; /* faults of backends that keep them themselves are followed here too; set before requests come */
};
