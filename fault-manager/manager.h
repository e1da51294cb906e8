#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fault manager - from reports to durable faults and their events
 *
 * A report is judged in memory; what it changes is written by the database's one writer, many changes in one
 * transaction, and only after the commit is it told to listeners and acknowledged. Reads show what is committed.
 * Faults that nobody touched in this run stay in the file: their number costs no memory and no time at the start.
 *
 * Entities are named as in URIs: "components/hpc". All functions are thread-safe. The mutex inside is a leaf.
 */
#include "fault-manager/catalog.h"
#include "sovd-core/base/db.h"
#include "sovd-core/fault_sink.h"

struct fm_manager;

/* What happened to one fault; strings live as long as the call. */
struct fm_event {
        int64_t id;               /* durable, grows */
        uint64_t usec;            /* UTC */
        const char *entity, *code; /* code "" = all of the entity (a clear) */
        unsigned changed;         /* FM_CHANGED … and FM_CLEARED */
        struct fm_state state;
        const struct fm_descriptor *about; /* NULL for a clear */
        const char *frame;        /* JSON object, of this occurrence; or NULL */
        uint32_t merged;          /* further changes since the last event of the fault, which this one tells too */
};
#define FM_CLEARED   (1u << 8)
#define FM_DESCRIBED (1u << 9)    /* the row is to be written, and there is nothing to tell */

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

/* A new operation cycle for all faults of the kind, those too that nobody has reported in this run. *ret_ticket as with
 * reports. SOVD_E_OVERLOAD: too many kinds. */
int fm_manager_cycle(struct fm_manager *m, const char *kind, uint64_t *ret_ticket);

/* The number of the present cycle of a kind; 0 for one that is not known. */
uint64_t fm_manager_cycle_number(struct fm_manager *m, const char *kind);

/* Reports of a fault that were not judged since the start. */
struct fm_ignored {
        uint64_t n_limited, n_disabled; /* over a limit; a condition was off */
};
void fm_manager_ignored(struct fm_manager *m, const char *entity, const char *code, struct fm_ignored *ret);

/* Judges time rules; returns when to be called again (monotonic; UINT64_MAX = never). Writes again what failed. */
uint64_t fm_manager_tick(struct fm_manager *m);

/* Clears one fault, or all of an entity (code NULL), of one scope (NULL = all); durable when it returns. code given and
 * not stored: SOVD_E_NOT_FOUND. */
int fm_manager_clear(struct fm_manager *m, const char *entity, const char *code, const char *scope);

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
        uint64_t from_usec, to_usec; /* of the last occurrence; to 0 = no end */
        /* The page after this place, newest first; usec 0 = from the beginning. */
        uint64_t after_usec;
        const char *after_code, *after_entity;
        size_t max;                /* at least 1 */
};

/* Newest occurrence first. *ret: array of *ret_n in the arena. */
int fm_manager_list(struct fm_manager *m, const struct fm_query *query, struct sovd_arena *arena,
                    struct fm_record **ret, size_t *ret_n);

void fm_manager_counters(struct fm_manager *m, struct sovd_fault_counters *ret);
