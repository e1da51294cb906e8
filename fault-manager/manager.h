#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fault manager - from reports to durable faults and their events
 *
 * A report is judged in memory; what it changes is written by the database's one writer, many changes in one
 * transaction, and only after the commit is it told to listeners and acknowledged. Reads show what is committed.
 * Faults that nobody touched in this run stay in the file and cost no memory. Those that an operation cycle changes, whose
 * test fails or ran in the last one, follow it page by page in the background, also over restarts. Until then a read counts
 * the cycle for them; filters on the status and streams see it when their page is written.
 *
 * Entities are named as in URIs: "components/hpc". All functions are thread-safe. The mutex inside is a leaf.
 */
#include "fault-manager/catalog.h"
#include "sovd-core/base/db.h"
#include "sovd-core/events.h"
#include "sovd-core/fault_sink.h"

struct fm_manager;

/* What happened to one fault; strings live as long as the call. */
struct fm_event {
        int64_t id;               /* durable, grows */
        uint64_t usec;            /* UTC */
        const char *entity, *code; /* code "" = all of the entity (a clear) */
        unsigned changed;         /* FM_CHANGED … and FM_CLEARED */
        struct fm_state state;
        const struct fm_descriptor *about; /* NULL: all of the entity were cleared */
        const char *scope;        /* "" = none */
        const char *frame;        /* JSON object, of this occurrence; or NULL */
        const char *body;         /* the whole as JSON: sovd_schema_fault_event */
        uint32_t merged;          /* further changes since the last event of the fault, which this one tells too */
};
#define FM_CLEARED SOVD_FACT_CLEARED
#define FM_RESTORED SOVD_FACT_RESTORED /* all faults were replaced; entity and code are "" */
#define FM_DESCRIBED (1u << 15)        /* the row is to be written, and there is nothing to tell */
#define FM_HELD (1u << 14)             /* owed by a row: the failure ends by itself, so a start has to know of it */

/* The same for the bus of events. */
struct sovd_fact fm_event_fact(const struct fm_event *event);

struct fm_options {
        struct sovd_db *db;       /* with sovd_state_migrations; outlives the manager */
        size_t faults_max;        /* descriptors of all catalogues together */
        double reports_per_sec;   /* of one entity; 0 = no limit */
        unsigned events_per_sec;  /* of one fault; 0 = no limit */
        const char *boot_id;      /* another one than the last begins a cycle of the kind power; NULL = not known */
        void (*sooner)(void *data); /* fm_manager_tick() is due earlier than it said; or NULL */
        void (*published)(const struct fm_event *event, void *data); /* after the commit, in its order; or NULL */
        void *data;
};

int fm_manager_new(struct fm_manager **ret, const struct fm_options *options);
/* Writes what waits. */
struct fm_manager *fm_manager_free(struct fm_manager *m);
SOVD_DEFINE_CLEANUP(struct fm_manager *, fm_manager_free)

/* Takes the faults of a checked catalogue as those of an entity; what the entity had before and the new one lacks is
 * not reported any more, but stays readable. SOVD_E_OVERLOAD: too many descriptors, or kinds of cycles; nothing changed. */
int fm_manager_define(struct fm_manager *m, const char *entity, const struct fm_catalog *catalog);

/* A report. frame: environment data as a JSON object, kept with the first and the last occurrence; or NULL.
 * *ret_ticket: for fm_manager_wait(); 0 = nothing changed, nothing to wait for. May be NULL.
 * SOVD_E_NOT_FOUND: the code is not in the entity's catalogue; SOVD_E_OVERLOAD: over the fault's or the entity's limit of
 * reports. */
int fm_manager_report(struct fm_manager *m, const char *entity, const char *code, enum fm_report report,
                      const char *frame, uint64_t *ret_ticket);

/* Ids of data that a failure of the fault keeps; copied into the arena. -ENOMEM. */
int fm_manager_freeze_frame(struct fm_manager *m, const char *entity, const char *code, struct sovd_arena *arena,
                            struct sovd_strings *ret);

/* Waits until the change is durable. -errno: it is not, and will be tried again. */
int fm_manager_wait(struct fm_manager *m, uint64_t ticket);

/* Switches an enabling condition; unknown ones count as on. */
int fm_manager_condition(struct fm_manager *m, const char *name, bool on);

/* A new operation cycle for all faults of the kind (NULL = of every kind); those that nobody has reported in this run follow
 * with the next calls of fm_manager_tick(). *ret_ticket as with reports, for all others. SOVD_E_OVERLOAD: too many kinds. */
int fm_manager_cycle(struct fm_manager *m, const char *kind, uint64_t *ret_ticket);

/* The number of the present cycle of a kind; 0 for one that is not known. */
uint64_t fm_manager_cycle_number(struct fm_manager *m, const char *kind);

/* Reports of a fault that were not judged since the start. */
struct fm_ignored {
        uint64_t n_limited, n_disabled; /* over a limit; a condition was off */
};
void fm_manager_ignored(struct fm_manager *m, const char *entity, const char *code, struct fm_ignored *ret);

/* Judges time rules, and has stored faults follow their cycles; returns when to be called again (monotonic; UINT64_MAX = never). Writes again what failed. */
uint64_t fm_manager_tick(struct fm_manager *m);

/* Clears one fault, or all of an entity (code NULL), of one scope (NULL = all); durable when it returns. code given and
 * not stored: SOVD_E_NOT_FOUND. */
int fm_manager_clear(struct fm_manager *m, const char *entity, const char *code, const char *scope);

/* Replaces all stored faults and their history by those of an open snapshot; by: who wants it. Durable when it returns,
 * and all or nothing. *ret_n: faults. SOVD_E_BAD_REQUEST: ret_bad names the first one that cannot be used. */
#define FM_RESTORE_BAD_SIZE 160
struct sovd_snapshot;
int fm_manager_restore(struct fm_manager *m, struct sovd_db *from, const struct sovd_snapshot *about, const char *by,
                       int64_t *ret_n, char ret_bad[static FM_RESTORE_BAD_SIZE]);

/* What a backend shows of an entity now: all of its faults. What differs from the last time is stored and told, like what
 * is reported; durable when it returns. Faults that were reported to the manager itself stay as they are. Left out is what
 * is more than FM_OBSERVED_MAX, codes longer than FM_CODE_MAX, and faults of more than 16 KB. */
struct sovd_observed_faults; /* sovd-core/fault_sink.h */
#define FM_OBSERVED_MAX 1000 /* of one entity */
int fm_manager_observe(struct fm_manager *m, struct sovd_observed_faults *observed, struct sovd_arena *arena);

/* These are all entities whose faults are observed now. Observed faults of one that was not among them for keep_usec (by
 * the clock of the day, also over restarts) are forgotten. Durable when it returns. */
int fm_manager_followed(struct fm_manager *m, const char *const *entities, size_t n, uint64_t keep_usec);

/* A stored fault; strings in the arena. */
struct fm_record {
        const char *entity, *code;
        struct fm_descriptor *about;
        struct fm_state state;     /* status and counters, in the present cycle */
        uint64_t cycle;            /* its number */
        uint64_t first_usec, last_usec, first_cycle, last_cycle;
        const char *first_frame, *last_frame; /* JSON objects, or NULL */
};

struct fm_query {
        const char *entity;        /* NULL = all */
        const char *code;          /* NULL = all */
        const char *scope;         /* NULL = all */
        unsigned severity_below;   /* 0 = all */
        unsigned status_any;       /* bits of which one must be set; 0 = all */
        const uint64_t *statuses;  /* 4 words: bit n of word n / 64 stands for the status byte n; NULL = all */
        const char *tags;          /* JSON array of which the fault must have one; NULL = all */
        uint64_t from_usec, to_usec; /* of the last occurrence; to 0 = no end */
        bool by_key;               /* by entity and code, which new occurrences do not change; else newest first */
        /* The page after this place; usec 0 (by_key: after_code NULL) = from the beginning. */
        uint64_t after_usec;
        const char *after_code, *after_entity;
        size_t max;                /* at least 1 */
        bool without_frames;       /* of the records */
        uint64_t deadline_usec;    /* monotonic: -ETIMEDOUT when the page was not found by then; 0 = never */
        struct sovd_fault_sight sight; /* others are passed over, and cost no memory */
};

/* *ret: array of *ret_n in the arena. */
int fm_manager_list(struct fm_manager *m, const struct fm_query *query, struct sovd_arena *arena,
                    struct fm_record **ret, size_t *ret_n);

/* An event of the history; strings in the arena. */
struct fm_past {
        int64_t id;
        uint64_t usec;
        const char *frame;         /* JSON object, or NULL */
        const char *body;          /* the event as it was told */
};

struct fm_history_query {
        const char *entity, *code, *scope; /* NULL = all */
        unsigned severity_below;   /* 0 = all */
        const uint64_t *statuses;  /* as in fm_query */
        uint64_t from_usec, to_usec; /* both included; to 0 = no end */
        bool oldest_first;         /* by time, then by id */
        uint64_t after_usec;       /* the page after this event; id 0 = from the beginning */
        int64_t after_id;
        int64_t to_id;             /* the newest event; 0 = all, -1 = there was none */
        size_t max;                /* at least 1 */
        uint64_t deadline_usec;    /* as in fm_query */
        struct sovd_fault_sight sight; /* the same */
};

/* *ret: array of *ret_n in the arena; *ret_full: the page was full, and something follows. */
int fm_manager_history(struct fm_manager *m, const struct fm_history_query *query, struct sovd_arena *arena,
                       struct fm_past **ret, size_t *ret_n, bool *ret_full);

/* Is a fault of the entity stored, or did anything happen to one? */
int fm_manager_knows(struct fm_manager *m, const char *entity, bool *ret);

void fm_manager_counters(struct fm_manager *m, struct sovd_fault_counters *ret);
