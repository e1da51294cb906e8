#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fault mirror - its inside: fault_mirror_list.c says who is followed, fault_mirror.c reads
 */
#include "sovd-core/due_heap.h"
#include "sovd-core/fault_mirror.h"
#include "sovd-core/gateway.h"
#include <pthread.h>

struct sovd_fault_sink;

/* Entities of one backend. */
struct mirror_source {
        struct mirror_source *next;
        char *name;
        struct sovd_due_heap due;
        unsigned in_flight;
        uint64_t rest_usec; /* not asked before: there were readings enough */
        size_t n_targets;
};

/* An entity that is followed. */
struct mirror_target {
        struct sovd_due due;      /* first; in its source's heap while it is not read */
        struct mirror_source *source;
        enum sovd_entity_type type;
        char *key, *id, *backend; /* "apps/nav", "nav"; constant */
        bool connected;           /* in the tree that was looked at last */
        bool in_flight, gone;     /* gone: not in the list any more; whoever reads it frees it */
        bool again;               /* something was cleared since the reading began: it is not true any more */
        unsigned n_failed, n_same;
        size_t n_left_out;
        uint64_t fingerprint;
};

struct sovd_fault_mirror {
        struct sovd_fault_mirror_options options;
        struct sovd_fault_sink *sink;
        pthread_t *threads;
        unsigned n_threads;

        pthread_mutex_t mutex; /* leaf; everything below */
        pthread_cond_t wake;
        bool quit, looking;    /* looking: one thread compares the list with the tree */
        uint64_t look_usec;    /* when that is due again */
        uint64_t tell_usec;    /* when the sink is told who is followed; who looks */
        struct sovd_tree *tree; /* reference: the one that the list was made from */
        struct mirror_target **targets; /* by key */
        size_t n_targets;
        struct mirror_source *sources;
        struct sovd_fault_mirror_counters counters;
};

/* Does its backend keep its faults itself? */
bool mirror_is_followed(const struct sovd_entity *e);

struct mirror_list {
        struct mirror_target **items;
        size_t n;
};

/* What should be followed, by key, as if none were yet. -ENOMEM. */
int mirror_list_tree(const struct sovd_tree *tree, struct mirror_list *ret);

/* With the mutex held, all below. */

/* Takes the new list over. Who was in the old one with the same backend goes on as it was. */
void mirror_list_replace(struct sovd_fault_mirror *m, struct mirror_list *list);
struct mirror_target *mirror_target_find(const struct sovd_fault_mirror *m, char *key);
/* It is read then; it is in no heap, or moved in it. */
void mirror_target_plan(struct mirror_target *t, uint64_t when_usec);
/* The end of one that is not in the list any more and not read any more. */
void mirror_target_free(struct mirror_target *t);
/* At the end, when nothing is read any more. */
void mirror_list_done(struct sovd_fault_mirror *m);
