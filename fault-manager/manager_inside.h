#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Manager - its inside, for the files of the fault manager that work on it
 *
 * manager.c holds definitions, reports.c judges, cycles.c keeps time and cycles, load.c reads what earlier runs left,
 * flush.c writes what changed, settle.c takes what is in the file only into the present cycle, clear.c forgets, list.c reads for clients, mirror.c follows others, restore.c takes over.
 */
#include "fault-manager/fault.h"
#include <pthread.h>

#define FM_CONDITIONS_MAX 256

/* A change on its way into the file. */
struct fm_snapshot {
        struct fm_fault *fault;
        struct fm_definition *definition; /* reference */
        struct fm_state state;
        uint64_t usec, first_usec, last_usec, cycle, first_cycle, last_cycle;
        const struct fm_kind *kind;
        char *first_frame, *last_frame;
        char *body;                       /* of the event; owned */
        unsigned changed;                 /* 0: nothing to tell */
        uint32_t n_untold, n_left;        /* changes that the event tells of, and those that it owes */
        unsigned owed;
        int64_t id;                       /* of the event */
};

struct fm_condition {
        char *name;
        bool on;
};

/* A kind of operation cycles. It stays until the end. */
struct fm_kind {
        char *name;
        uint64_t n;        /* number of the present cycle */
        uint64_t flushing; /* the number that a flush writes; 0 = none */
        bool changed;      /* n is not in the file */
        bool behind;       /* there may be rows that hold for an earlier cycle */
        int64_t settled_row; /* up to this one there are none */
};

/* Who reports: an entity. It stays until the end. */
struct fm_reporter {
        struct fm_reporter *next;
        char *entity;
        double tokens;
        uint64_t usec;     /* of the tokens */
};

struct fm_manager {
        struct fm_options options;

        pthread_mutex_t mutex;            /* everything below */
        pthread_cond_t progress;          /* a flush or a clear ended */
        struct fm_table table;
        size_t n_recalled;                /* faults in it that nobody has defined in this run */
        struct fm_condition conditions[FM_CONDITIONS_MAX];
        size_t n_conditions;
        struct fm_kind kinds[FM_KINDS_MAX];
        size_t n_kinds;
        struct fm_reporter *reporters;
        struct sovd_due_heap due;
        uint64_t tick_usec;               /* when the next tick is promised */
        size_t n_clearing;                /* clears under way; n_clears grows with each */
        uint64_t n_clears;
        size_t n_loading;                 /* readings of the file for memory */
        bool settling;                    /* a page of settle.c is under way; it counts as a clear */
        size_t n_settle_ends;             /* pages that are done but for telling so */
        uint64_t settle_usec;             /* when the next may begin */
        struct fm_fault *dirty, **last_dirty;
        bool cycles_changed;              /* of some kind */
        bool posted;                      /* a flush waits in the database's queue, or runs */
        bool retry;                       /* the last one failed */
        bool restoring;                   /* what is dirty is of before, and is not written */
        struct fm_snapshot *flushing;        /* of the flush that runs */
        size_t n_flushing, n_flushing_kinds;
        uint64_t seq, flush_seq, durable_seq, failed_seq; /* number of the last change that was made, … */
        int failed_result;
        struct sovd_fault_counters counters;
};

/* Has the writer write what is dirty. Without the mutex. */
void fm_flush_later(struct fm_manager *m);

/* The body of an event from its other members; the arena is for the work on it. *ret is the caller's. */
int fm_event_body(const struct fm_event *event, struct sovd_arena *arena, char **ret);

/* Without the mutex: reads what the file has of a fault, or of all that an entity defines (code NULL). */
int fm_load(struct fm_manager *m, const char *entity, const char *code);

/* The same for what owes an event, whoever defines it: the process ended before its second was over; and for failures that end
 * by themselves. */
int fm_recall_owed(struct fm_manager *m);

/* Without the mutex: takes some rows that hold for an earlier cycle into the present one, and tells what that changes. Returns
 * when to be called again (monotonic; UINT64_MAX: nothing is left, or options.sooner will tell). */
uint64_t fm_settle(struct fm_manager *m);
/* With the mutex held: when that is due. */
uint64_t fm_settle_next(struct fm_manager *m);
/* Without the mutex, around a change that takes rows of faults away: nothing is read meanwhile, and what is being read is
 * read again, so that nobody adopts a row that goes. Not on the writer. */
void fm_clearing_begin(struct fm_manager *m);
void fm_clearing_end(struct fm_manager *m);

/* With the mutex held, all below. */

void fm_make_dirty(struct fm_manager *m, struct fm_fault *f, unsigned changed);
/* NULL drops it; when memory is out the old one stays. */
void fm_keep_frame(char **to, const char *frame);

/* What a step of the state machine means for the record. */
void fm_note_change(struct fm_manager *m, struct fm_fault *f, unsigned changed, const char *frame);

/* Its time rule, and its event that waits, are due when they are. */
void fm_arm(struct fm_manager *m, struct fm_fault *f);
/* Is a tick due earlier than was promised? Then options.sooner is to be called, without the mutex. */
bool fm_is_sooner(struct fm_manager *m);

struct fm_kind *fm_kind_find(struct fm_manager *m, const char *name); /* or NULL */
/* Finds or adds; NULL: too many, or no memory. */
struct fm_kind *fm_kind_get(struct fm_manager *m, const char *name);

/* May the reporter report now? */
bool fm_reporter_takes(struct fm_manager *m, struct fm_reporter *reporter, uint64_t now_usec);
