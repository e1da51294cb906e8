#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Slots - at most n at a time, a few more wait, nobody for ever
 *
 * The bulkhead around a resource that is kept in an array: whoever holds index i may use element i. The index
 * given back last is taken first, so that warm elements (open connections) are used and cold ones stay cold.
 * Who waits is served in the order of arrival. All functions are thread-safe but new and free.
 */
#include "sovd-core/base/util.h"

struct sovd_slots;

/* -ENOMEM. */
int sovd_slots_new(struct sovd_slots **ret, unsigned n_slots, unsigned max_waiting);

/* Takes a slot, waits until the monotonic deadline_usec for one. False: too many wait already, the deadline
 * passed, or stopped. */
bool sovd_slots_take(struct sovd_slots *slots, uint64_t deadline_usec, unsigned *ret_index);
void sovd_slots_give(struct sovd_slots *slots, unsigned index);

/* Sends everybody who waits away, and everybody who comes from now on. */
void sovd_slots_stop(struct sovd_slots *slots);

void sovd_slots_count(struct sovd_slots *slots, unsigned *ret_taken, unsigned *ret_waiting);

struct sovd_slots *sovd_slots_free(struct sovd_slots *slots);
SOVD_DEFINE_CLEANUP(struct sovd_slots *, sovd_slots_free)
