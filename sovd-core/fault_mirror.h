#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fault mirror - follows the faults of backends that keep them themselves
 *
 * The list of faults of every such entity is read again and again, and given to the fault sink, which finds out what has
 * changed: history, event streams and the list of the whole vehicle know of them as of faults that are reported. Whoever
 * reads the faults of one entity still asks its backend.
 *
 * A backend is asked by few at a time; an entity that does not answer is asked less and less often; one that is not
 * connected is not asked at all.
 */
#include "sovd-core/base/util.h"

struct sovd_entity;
struct sovd_fault_mirror;
struct sovd_gateway;

struct sovd_fault_mirror_options {
        struct sovd_gateway *gateway; /* with its fault sink; outlives the mirror */
        uint64_t period_usec;         /* between two readings of an entity */
        uint64_t timeout_usec;        /* of a reading */
        uint64_t keep_usec;           /* faults of an entity that is not there any more stay so long */
        unsigned threads, per_backend; /* readings at the same time, of all and of one backend */
        uint64_t gap_usec;            /* between two readings of one backend, on average: many entities take longer */
};

/* Starts the threads. */
int sovd_fault_mirror_new(struct sovd_fault_mirror **ret, const struct sovd_fault_mirror_options *options);
/* Begins no reading any more; those that are under way end with their backend's stop. */
void sovd_fault_mirror_quit(struct sovd_fault_mirror *mirror);
/* Waits for them. */
struct sovd_fault_mirror *sovd_fault_mirror_free(struct sovd_fault_mirror *mirror);
SOVD_DEFINE_CLEANUP(struct sovd_fault_mirror *, sovd_fault_mirror_free)

/* What is stored was replaced: every entity is read again soon, and compared whatever was known of it. */
void sovd_fault_mirror_restored(struct sovd_fault_mirror *mirror);

/* A client has cleared faults through the gateway: they are gone here too, and the entity is read again at once. code
 * NULL = all, of a scope or all (NULL). Nothing happens for an entity that is not followed. */
void sovd_fault_mirror_cleared(struct sovd_fault_mirror *mirror, const struct sovd_entity *e, const char *code,
                               const char *scope);

struct sovd_fault_mirror_counters {
        size_t n_entities;                          /* that are followed */
        uint64_t n_readings, n_failed, n_changes, n_left_out; /* left out: faults that cannot be kept, now */
        unsigned in_flight;
};
void sovd_fault_mirror_count(struct sovd_fault_mirror *mirror, struct sovd_fault_mirror_counters *ret);
