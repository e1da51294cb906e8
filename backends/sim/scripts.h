#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scripts of a unit - those of the scenario, those of clients, and their executions
 *
 * A script is a list of steps that act on its own unit. No thread runs it: whatever was due is done, in order and
 * as of its time, before anything else looks at the unit. All of it is under the backend's mutex.
 */
#include "backends/sim/backend.h"
#include "sovd-core/base/id.h"

#define SIM_RUNS_MAX        16          /* kept of one script */
#define SIM_RESULT_MAX      (64 * 1024) /* bytes of what a run has read */
#define SIM_SCRIPT_TEXT_MAX (64 * 1024)
#define SIM_RETRY_SECS      60 /* what is asked for needs a place that a client has to free */

struct script_run {
        char id[SOVD_ID_SIZE];     /* "" = free */
        uint64_t number;           /* the order in which they came */
        int when;                  /* enum sovd_script_when */
        int status;                /* enum sovd_script_status */
        uint64_t started_realtime; /* of the last start; 0 = none yet */
        uint64_t due_usec;         /* of the next step */
        uint64_t waits_for;        /* id of a run of an operation; 0 = none */
        size_t step;
        char *result; /* members of a JSON object, each with a comma behind; owned */
        size_t result_len;
        char *failure; /* owned; NULL = none */
};

struct script {
        const struct sim_script *script;
        struct sovd_arena *arena; /* of one that a client has uploaded; NULL = it is part of the scenario */
        struct script_run runs[SIM_RUNS_MAX];
};

struct sim_scripts {
        struct script **items; /* in order of their coming */
        size_t n, n_uploaded, n_running;
        uint64_t last_number;
};

static inline bool script_may_run_again(const struct script_run *run) {
        return *run->id &&
               (run->when == SOVD_SCRIPT_ON_RESTART || run->when == SOVD_SCRIPT_NOW_AND_ON_RESTART ||
                run->status == SOVD_SCRIPT_PREPARED);
}

/* scripts.c */
struct script *script_free(struct script *s);
SOVD_DEFINE_CLEANUP(struct script *, script_free)

/* script_run.c */
void script_run_begin(struct sim_scripts *scripts, struct script_run *run, uint64_t now_usec);
void script_run_end(struct sim_scripts *scripts, struct script_run *run, int status, const char *failure);
void script_run_clear(struct script_run *run);
