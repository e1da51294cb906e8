#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks, inside - what locks.c, lock_grants.c and lock_uses.c share
 *
 * Entities are known by keys like "components/bms". A lock keeps the keys of what was above its entity when it was
 * granted, so it goes on to hold while a backend does not list the entity.
 */
#include "sovd-core/call.h"
#include "sovd-core/locks.h"
#include "sovd-core/base/clock.h"
#include <pthread.h>

struct lock_place {
        char **keys; /* the entity itself, then what is above it */
        size_t n;
};

enum lock_state {
        LOCK_RESERVED, /* excludes others, and is not a lock yet */
        LOCK_HELD,
        LOCK_BREAKING, /* held, but `breaker` waits to take its place: no new uses */
        LOCK_BROKEN    /* remembered so that its owner can be told */
};

struct lock {
        struct lock *next;
        char id[SOVD_ID_SIZE];
        enum lock_state state;
        char *client;
        bool anonymous;
        enum sovd_entity_type type;
        char *entity;
        struct lock_place place;
        unsigned scopes;
        uint64_t fence;
        uint64_t duration_usec;
        uint64_t ends_usec;   /* boot time; of a broken one: when it is forgotten */
        uint64_t broken_usec; /* realtime */
        unsigned n_writes;    /* extensions on their way to the disk: it does not end by time meanwhile */
        bool told;            /* a broken one: the owner has given it back, or has a new lock */
        uint64_t breaker;     /* fence of the one that waits for its place */
        char *backend, *backend_id;
};

struct sovd_locks {
        struct sovd_locks_options options;
        char boot[SOVD_BOOT_ID_SIZE];
        pthread_mutex_t mutex; /* leaf; everything below */
        pthread_cond_t ended;  /* a use has ended, or all are to stop; on the monotonic clock */
        bool stopping;
        struct lock *locks; /* oldest first */
        struct sovd_lock_use *uses;
        uint64_t fence;
        struct sovd_lock_counts counts;
        struct sovd_lock_rule others;
        struct sovd_lock_rule *rules;
        size_t n_rules;
};

/* The keys of an entity and of what is above it, in the arena. NULL: no memory. */
const char **lock_keys(struct sovd_arena *arena, const struct sovd_entity *e, size_t *ret_n);

/* The key, or NULL: the client of the call may not see what it is of. */
const char *lock_shown_place(const struct sovd_call *call, const char *key);

/* Is the first of the keys among the others? */
bool lock_key_in(const char *key, const char *const *keys, size_t n);

static inline bool lock_covers(const struct lock *lock, const char *const *keys, size_t n) {
        return lock_key_in(lock->place.keys[0], keys, n);
}

/* Is the lock on the entity of the keys, above it or below it? */
static inline bool lock_meets(const struct lock *lock, const char *const *keys, size_t n) {
        return lock_covers(lock, keys, n) ||
               lock_key_in(keys[0], (const char *const *)lock->place.keys, lock->place.n);
}

/* Does a lock keep others out? All but broken ones do. */
static inline bool lock_is_live(const struct lock *lock) {
        return lock->state != LOCK_BROKEN;
}

const struct sovd_lock_rule *lock_rule_of(const struct sovd_locks *locks, const char *key);

/* Drops what has ended by time. */
void lock_drop_ended(struct sovd_locks *locks);

struct lock *lock_free(struct lock *lock);
SOVD_DEFINE_CLEANUP(struct lock *, lock_free)
void lock_append(struct sovd_locks *locks, struct lock *lock);
/* Takes it out of the list and frees it. */
void lock_remove(struct sovd_locks *locks, struct lock *lock);
struct lock *lock_by_id(struct sovd_locks *locks, const char *id);

/* It no longer keeps others out, and its owner can be told for this long. */
#define LOCK_REMEMBER_USEC (600 * SOVD_USEC_PER_SEC)
void lock_set_broken(struct sovd_locks *locks, struct lock *lock, uint64_t broken_usec);

/* The backend has broken it: makes the same durable. Without the mutex. */
struct lock_loss {
        char id[SOVD_ID_SIZE]; /* "" = none */
        uint64_t broken_usec;
};
void lock_note_loss(struct sovd_locks *locks, struct lock *lock, struct lock_loss *ret); /* with the mutex: in memory */
void lock_keep_loss(struct sovd_locks *locks, struct lock_loss *loss);

int lock_describe(const struct sovd_locks *locks, struct sovd_call *call, const struct lock *lock,
                  struct sovd_lock_info *ret);

int lock_fail_broken(struct sovd_call *call, const char *id, uint64_t broken_usec, const char *more);
