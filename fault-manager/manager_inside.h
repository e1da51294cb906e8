#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Manager - its inside, for the files of the fault manager that work on it
 *
 * manager.c judges reports, flush.c writes what they changed, clear.c forgets, list.c reads.
 */
#include "fault-manager/fault.h"
#include <pthread.h>

#define FM_CONDITIONS_MAX 256

/* A change on its way into the file. */
struct fm_snapshot {
        struct fm_fault *fault;
        struct fm_definition *definition; /* reference */
        struct fm_state state;
        uint64_t usec, first_usec, last_usec;
        char *first_frame, *last_frame;
        unsigned changed;
        int64_t id;                       /* of the event */
};

struct fm_condition {
        char *name;
        bool on;
};

struct fm_manager {
        struct fm_options options;

        pthread_mutex_t mutex;            /* everything below */
        pthread_cond_t progress;          /* a flush or a clear ended */
        struct fm_table table;
        struct fm_condition conditions[FM_CONDITIONS_MAX];
        size_t n_conditions;
        struct fm_fault *dirty, **last_dirty;
        bool posted;                      /* a flush waits in the database's queue, or runs */
        bool retry;                       /* the last one failed */
        struct fm_snapshot *flushing;        /* of the flush that runs */
        size_t n_flushing;
        uint64_t seq, flush_seq, durable_seq, failed_seq; /* number of the last change that was made, … */
        int failed_result;
        struct sovd_fault_counters counters;
};

/* Has the writer write what is dirty. Without the mutex. */
void fm_flush_later(struct fm_manager *m);

/* With the mutex held. */
void fm_make_dirty(struct fm_manager *m, struct fm_fault *f, unsigned changed);
/* NULL drops it; when memory is out the old one stays. */
void fm_keep_frame(char **to, const char *frame);
