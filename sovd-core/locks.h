#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks - who may change what (ISO 17978-3 7.17)
 *
 * A lock belongs to a client, stands on an entity and covers scopes, which are collections. It also covers what is
 * below the entity: subcomponents, the apps on a component, subareas. It ends by release, by expiry, which is judged
 * when somebody asks, or by being broken.
 *
 * Two clients cannot hold locks whose scopes meet on the same entity or on one that is above or below it. Every
 * change takes a use for as long as it lasts; the same rule holds between a use and the lock of another client. A lock
 * is granted only after the uses of other clients that it would exclude have ended, and the end of a lock does not
 * take a use away: so what the holder of a lock changes never overlaps with the change of somebody else.
 *
 * What a client was told is durable: a grant, an extension, a release and a break are in the state before they take
 * effect here. After a restart of the process locks go on with what is left of their time; after one of the machine
 * there are none. Everything is thread-safe. sovd_lock_reserve() waits for others, and what changes a lock for the disk.
 */
#include "sovd-core/base/id.h"
#include "sovd-core/model/entity.h"

struct sovd_call;
struct sovd_locks;

#define SOVD_LOCK_ALL_SCOPES ((1u << SOVD_N_COLLECTIONS) - 1)

struct sovd_locks_options {
        struct sovd_db *db;         /* the state; NULL = nothing is kept */
        size_t max, max_per_client; /* locks; of those that were broken, max are remembered */
        uint64_t max_usec;          /* longest time to the expiry */
        uint64_t wait_usec;         /* longest wait for uses of other clients */
};

/* What holds for an entity. */
struct sovd_lock_rule {
        const char *entity; /* "components/bms"; NULL for the rule of all others */
        unsigned required;  /* scopes that are changed with a lock only */
        bool breakable;     /* another client may break a lock on this entity */
};

struct sovd_lock_counts {
        size_t held;
        uint64_t n_granted, n_refused, n_broken, n_expired, n_released;
};

/* Takes in the locks of the process before. Until a policy is set nothing requires a lock, and no lock can be broken. */
int sovd_locks_new(struct sovd_locks **ret, const struct sovd_locks_options *options);
struct sovd_locks *sovd_locks_free(struct sovd_locks *locks);
SOVD_DEFINE_CLEANUP(struct sovd_locks *, sovd_locks_free)

/* Copies the rules; those of single entities come before that of all others. -ENOMEM: the old ones stay. */
int sovd_locks_set_rules(struct sovd_locks *locks, const struct sovd_lock_rule *others,
                         const struct sovd_lock_rule *rules, size_t n_rules);

/* May the call's client break locks of others on its entity? Those of known clients, and ones that the backend may
 * have given to somebody: an anonymous client may not. */
bool sovd_locks_may_break(struct sovd_locks *locks, struct sovd_call *call);

/* Ends every wait, now and from now on. */
void sovd_locks_stop(struct sovd_locks *locks);

void sovd_locks_count(struct sovd_locks *locks, struct sovd_lock_counts *ret);

/* A lock as others see it. Strings are in the arena of the call. */
struct sovd_lock_info {
        const char *id;
        bool owned; /* by the client of the call */
        unsigned scopes;
        uint64_t ends_usec; /* realtime */
        uint64_t fence;     /* later grants have higher numbers; none comes twice */
        enum sovd_entity_type type;
        const char *entity;
        const char *backend, *backend_id; /* the lock that was taken there for it, or NULL */
        bool is_shared; /* that one stands behind another lock here too: some servers extend one instead of making two */
};

struct sovd_lock_infos {
        struct sovd_lock_info *items;
        size_t n;
};

/* A lock is got in two steps, because the backend may have to grant one in between. For both the entity and the
 * client are those of the call. */
struct sovd_lock_wish {
        unsigned scopes;
        uint64_t duration_usec;
        bool break_lock;
};

/* Takes the place: from here on other clients are kept out. ret_id is the id that the lock will have. Waits for uses
 * of other clients. SOVD_E_CONFLICT with the failure set; with Retry-After when a use did not end in time.
 * SOVD_E_BAD_REQUEST: longer than allowed; SOVD_E_OVERLOAD: a limit; -errno. */
int sovd_lock_reserve(struct sovd_locks *locks, struct sovd_call *call, const struct sovd_lock_wish *wish,
                      char ret_id[static SOVD_ID_SIZE]);

/* Makes it a lock. backend and backend_id: what the backend gave for it, or NULL. ret_broken: the locks that it
 * broke, which are gone now. -ENOMEM, or what sovd_fail_storage() says: it is cancelled. */
int sovd_lock_grant(struct sovd_locks *locks, struct sovd_call *call, const char *id, const char *backend,
                    const char *backend_id, struct sovd_lock_infos *ret_broken);

/* Gives the place up; nothing is broken. */
void sovd_lock_cancel(struct sovd_locks *locks, const char *id);

/* The locks on the call's entity itself, oldest first. -ENOMEM. */
int sovd_lock_list(struct sovd_locks *locks, struct sovd_call *call, struct sovd_lock_infos *ret);

/* One of them. SOVD_E_NOT_FOUND with the failure set, -ENOMEM. */
int sovd_lock_find(struct sovd_locks *locks, struct sovd_call *call, const char *id,
                   struct sovd_lock_info *ret);

/* The same for its owner: SOVD_E_CONFLICT when it is another client's, SOVD_E_LOCK_BROKEN when it was broken. */
int sovd_lock_find_own(struct sovd_locks *locks, struct sovd_call *call, const char *id,
                       struct sovd_lock_info *ret);

/* Both for the owner; errors as above, and what sovd_fail_storage() says: nothing has changed.
 * extend: it ends duration_usec after from_usec (boot time) now, which is the moment before the backend was told, so
 * that it does not end later than there. */
int sovd_lock_extend(struct sovd_locks *locks, struct sovd_call *call, const char *id, uint64_t from_usec,
                     uint64_t duration_usec);
int sovd_lock_release(struct sovd_locks *locks, struct sovd_call *call, const char *id);

/* May a lock be asked for this long? SOVD_E_BAD_REQUEST with the failure set. */
int sovd_lock_check_duration(const struct sovd_locks *locks, struct sovd_call *call, uint64_t duration_usec);

/* The backend says that its lock was broken there: so is this one, and its owner is told. */
void sovd_lock_lose(struct sovd_locks *locks, const char *id);

/* A change that is under way. Belongs to the caller, who must end what has begun. */
struct sovd_lock_use {
        struct sovd_locks *locks;
        struct sovd_lock_use *prev, *next; /* under the mutex of locks, as all below */
        const char **keys;                 /* the entity and what is above it; in the arena of the call */
        size_t n_keys;
        const char *client;
        unsigned scope;
        uint64_t fence; /* of the lock that it rests on; 0 = none is needed and none is held */
};

/* Begins a change of a collection of the call's entity by its client. SOVD_E_CONFLICT: locked by another client, or
 * a lock is required; SOVD_E_LOCK_BROKEN: the client's lock was broken and it does not know yet; -ENOMEM. */
int sovd_lock_use_begin(struct sovd_locks *locks, struct sovd_call *call, enum sovd_collection scope,
                        struct sovd_lock_use *ret);

/* Ends it. r: what became of the change; a success turns into SOVD_E_LOCK_BROKEN when the lock was broken
 * meanwhile. When the backend says that its lock is broken, so is the one here. */
int sovd_lock_use_end(struct sovd_lock_use *use, struct sovd_call *call, int r);
