#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Retention - the history and the stored faults stay within their bounds
 *
 * A thread of its own looks now and then what is too old or too much, and has the database's writer remove it in small
 * changes with pauses between them, so that no report and no request waits for a big one. Space that becomes free is given
 * back to the file system the same way. The newest event stays, whatever its age: its id says where streams go on.
 */
#include "fault-manager/manager.h"

struct fm_retention;

struct fm_retention_options {
        uint64_t keep_usec;      /* of the history; 0 = however old */
        uint64_t events_max;     /* events that are kept; 0 = however many */
        uint64_t faults_max;     /* stored faults, those that are defined now not counted among what may go; 0 = however many */
        uint64_t period_usec;    /* between two rounds; 0 = it does not run by itself */
        size_t rows;             /* of one change; 0 = 500 */
        uint64_t (*now_usec)(void *data); /* the time that is believed; NULL = the clock's */
        void *now_data;
};

struct fm_retention_counters {
        uint64_t n_events, n_faults;                 /* kept when the last round ended */
        uint64_t n_events_removed, n_faults_removed; /* since the start */
        uint64_t n_rounds, n_failed;
        uint64_t free_bytes;                         /* in the file, not given back yet */
        uint64_t longest_usec;                       /* of one change, with what was written along with it */
};

/* The manager outlives it. */
int fm_retention_new(struct fm_retention **ret, struct fm_manager *m, const struct fm_retention_options *options);
struct fm_retention *fm_retention_free(struct fm_retention *r);
SOVD_DEFINE_CLEANUP(struct fm_retention *, fm_retention_free)

/* One round, on the caller's thread. 0, or what the database said. */
int fm_retention_run(struct fm_retention *r);

void fm_retention_counters(struct fm_retention *r, struct fm_retention_counters *ret);
