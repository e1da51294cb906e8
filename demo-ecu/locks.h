#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks - who may change a component; with the vehicle's mutex, like everything about a component
 *
 * They run on the monotonic clock, not on simulated time: they are between programs, not part of the vehicle.
 */
#include <stdint.h>
#include "demo-ecu/problem.h"

#define LOCKS_MAX        16
#define LOCK_CLIENT_SIZE 1100 /* credentials of that length */

struct lock {
        char id[33]; /* empty: the place is free */
        char client[LOCK_CLIENT_SIZE];
        unsigned int scopes; /* bits in the order of lock_scopes */
        uint64_t ends_usec;
        bool broken; /* kept so that its owner is told once */
};

struct component;

extern const char *const lock_scopes[]; /* the last is NULL */
#define LOCK_ALL_SCOPES (~0u)

/* 0: not a collection that can be locked */
unsigned int lock_scope_find(const char *name);

uint64_t lock_now_usec(void);
void lock_drop_ended(struct component *component);

/* May the client change this collection? */
int lock_check_use(struct component *component, const char *client, const char *collection,
                   struct problem *problem);

int lock_acquire(struct component *component, const struct lock *wish, bool break_lock, struct lock **ret,
                 struct problem *problem);

/* NULL with the problem set; the owner of a broken one is told, and it is gone. */
struct lock *lock_find(struct component *component, const char *id, struct problem *problem);
struct lock *lock_find_own(struct component *component, const char *id, const char *client,
                           struct problem *problem);
