#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Due heap - what is due next
 *
 * A binary heap of nodes that are part of somebody's structs. Each node knows its place, so that one in the middle can be
 * moved or taken out. Not thread-safe.
 */
#include "sovd-core/base/util.h"

struct sovd_due {
        uint64_t when_usec;
        size_t place; /* in the heap + 1; 0 = in none */
};

/* All zero = empty. */
struct sovd_due_heap {
        struct sovd_due **items;
        size_t n, size;
};

/* Puts a node in, or moves one that is in. -ENOMEM: only when it was not in. */
int sovd_due_put(struct sovd_due_heap *heap, struct sovd_due *node, uint64_t when_usec);

/* Takes it out; nothing happens when it is not in. */
void sovd_due_remove(struct sovd_due_heap *heap, struct sovd_due *node);

/* The one that is due first, or NULL. */
struct sovd_due *sovd_due_first(const struct sovd_due_heap *heap);

void sovd_due_done(struct sovd_due_heap *heap);
