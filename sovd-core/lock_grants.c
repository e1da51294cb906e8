/* SPDX-License-Identifier: Apache-2.0 */
/* How a lock comes about: reserve, wait for uses of others, grant; and what it breaks on the way. */
#include "sovd-core/base/clock.h"
#include "sovd-core/base/log.h"
#include "sovd-core/lock_store.h"
#include <errno.h>
#include <time.h>

#define MARGIN_USEC (200 * SOVD_USEC_PER_MSEC) /* of the deadline, for the answer */

static bool copy_keys(struct lock *lock, const char *const *keys, size_t n) {
        lock->place.keys = calloc(n, sizeof(*lock->place.keys));
        for (size_t i = 0; lock->place.keys && i < n; i++) {
                lock->place.keys[i] = strdup(keys[i]);
                if (!lock->place.keys[i])
                        return false;
                lock->place.n++;
        }
        return lock->place.keys;
}

static int new_lock(struct lock **ret, struct sovd_call *call, const struct sovd_lock_wish *wish) {
        _cleanup_(lock_freep) struct lock *lock = calloc(1, sizeof(*lock));
        size_t n = 0;
        const char **keys = lock_keys(call->arena, call->entity, &n);
        if (!lock || !keys)
                return sovd_error_origin(-ENOMEM);

        lock->state = LOCK_RESERVED;
        lock->client = strdup(call->principal.id);
        lock->anonymous = call->principal.anonymous;
        lock->type = call->entity->type;
        lock->entity = strdup(call->entity->id);
        lock->scopes = wish->scopes;
        lock->duration_usec = wish->duration_usec;
        if (!lock->client || !lock->entity || !copy_keys(lock, keys, n))
                return sovd_error_origin(-ENOMEM);
        int r = sovd_id_new(lock->id);
        if (r)
                return r;

        *ret = SOVD_TAKE(lock);
        return 0;
}

/* --- whom it meets ----------------------------------------------------------------------------------------- */

static const char *const *keys_of(const struct lock *lock) {
        return (const char *const *)lock->place.keys;
}

/* Is `other` a lock of another client that `lock` cannot stand beside? */
static bool is_rival(const struct lock *lock, const struct lock *other) {
        return lock_is_live(other) && (other->scopes & lock->scopes) &&
               strcmp(other->client, lock->client) != 0 && lock_meets(other, keys_of(lock), lock->place.n);
}

static int refuse_full(struct sovd_call *call, const char *what) {
        (void)sovd_fail(call, SOVD_E_OVERLOAD, "%s", what);
        sovd_fail_retry_after(call, 5);
        return SOVD_E_OVERLOAD;
}

static int check_limits(const struct sovd_locks *locks, struct sovd_call *call, const struct lock *lock) {
        size_t n = 0, n_own = 0;

        for (const struct lock *other = locks->locks; other; other = other->next) {
                n += lock_is_live(other);
                n_own += lock_is_live(other) && strcmp(other->client, lock->client) == 0;
        }
        if (n_own >= locks->options.max_per_client)
                return refuse_full(call,
                                   "the limit of locks of one client is reached (limits.locks_per_client)");
        return n < locks->options.max ? 0 : refuse_full(call, "the limit of locks is reached (limits.locks)");
}

/* A client that nothing identifies must not take the lock of one that proved who it is. */
static const char *why_not_breakable(const struct sovd_locks *locks, const struct lock *lock,
                                     const struct lock *other) {
        if (!lock_rule_of(locks, other->place.keys[0])->breakable)
                return "and locks there may not be broken";
        if (lock->anonymous && !other->anonymous)
                return "and an anonymous client may not break it";
        return other->state == LOCK_HELD ? NULL : "which is being granted or broken right now";
}

static int refuse(struct sovd_call *call, const struct lock *other, const char *why) {
        const char *place = lock_shown_place(call, other->place.keys[0]);

        return sovd_fail(call, SOVD_E_CONFLICT, "another client holds a lock on %s%s%s", place ? place : "what it belongs to",
                         why ? ", " : "", why ? why : "");
}

static int check_rivals(const struct sovd_locks *locks, struct sovd_call *call, const struct lock *lock,
                        bool break_lock) {
        for (const struct lock *other = locks->locks; other; other = other->next) {
                if (!is_rival(lock, other))
                        continue;
                const char *why = break_lock ? why_not_breakable(locks, lock, other) : NULL;
                if (!why && break_lock && !lock_shown_place(call, other->place.keys[0]))
                        why = "and this client may not break it";
                if (!break_lock || why)
                        return refuse(call, other, why);
        }
        return 0;
}

static void set_breaking(struct sovd_locks *locks, const struct lock *lock) {
        for (struct lock *other = locks->locks; other; other = other->next)
                if (is_rival(lock, other)) {
                        other->state = LOCK_BREAKING;
                        other->breaker = lock->fence;
                }
}

static bool is_victim(const struct lock *lock, const struct lock *other) {
        return other->state == LOCK_BREAKING && other->breaker == lock->fence;
}

static void give_up(struct sovd_locks *locks, struct lock *lock) {
        for (struct lock *other = locks->locks; other; other = other->next)
                if (is_victim(lock, other))
                        other->state = LOCK_HELD;
        locks->counts.n_refused++;
        lock_remove(locks, lock);
}

/* --- waiting for uses --------------------------------------------------------------------------------------- */

static bool rests_on_victim(const struct sovd_locks *locks, const struct lock *lock,
                            const struct sovd_lock_use *use) {
        for (const struct lock *other = use->fence ? locks->locks : NULL; other; other = other->next)
                if (is_victim(lock, other) && other->fence == use->fence)
                        return true;
        return false;
}

/* A use of another client that must end first: one that the lock would exclude, or one of a lock that it breaks. */
static bool is_awaited(const struct sovd_locks *locks, const struct lock *lock) {
        for (const struct sovd_lock_use *use = locks->uses; use; use = use->next) {
                bool met = (use->scope & lock->scopes) && lock_meets(lock, use->keys, use->n_keys);
                if (strcmp(use->client, lock->client) != 0 && (met || rests_on_victim(locks, lock, use)))
                        return true;
        }
        return false;
}

/* false: it did not come to that in time. With the mutex, which is open while it waits. */
static bool wait_for_uses(struct sovd_locks *locks, const struct lock *lock, const struct sovd_call *call) {
        const uint64_t left = sovd_clock_left_usec(call->deadline_usec);
        const uint64_t longest = left > MARGIN_USEC ? left - MARGIN_USEC : 0;
        const uint64_t until = sovd_now_usec() + SOVD_MIN(locks->options.wait_usec, longest);

        while (is_awaited(locks, lock))
                if (locks->stopping || sovd_cond_wait_until(&locks->ended, &locks->mutex, until) == ETIMEDOUT)
                        return !is_awaited(locks, lock);
        return true;
}

static int refuse_busy(struct sovd_call *call) {
        (void)sovd_fail(
                call, SOVD_E_CONFLICT,
                "another client is changing %s '%s', or something above or below it, and has not ended yet",
                sovd_entity_type_words[call->entity->type], call->entity->id);
        sovd_fail_retry_after(call, 1);
        return SOVD_E_CONFLICT;
}

/* --- the two steps ------------------------------------------------------------------------------------------ */

/* With the mutex. Takes the lock over when it returns 0. */
static int reserve(struct sovd_locks *locks, struct sovd_call *call, struct lock *lock, bool break_lock) {
        lock_drop_ended(locks);
        int r = check_rivals(locks, call, lock, break_lock);
        if (!r)
                r = check_limits(locks, call, lock);
        if (r) {
                locks->counts.n_refused++;
                return r;
        }
        lock->fence = ++locks->fence;
        set_breaking(locks, lock);
        lock_append(locks, lock);
        return 0;
}

/* The time to the expiry runs from here: a lock at the backend, which is taken later, ends later. */
int sovd_lock_reserve(struct sovd_locks *locks, struct sovd_call *call, const struct sovd_lock_wish *wish,
                      char ret_id[static SOVD_ID_SIZE]) {
        _cleanup_(lock_freep) struct lock *own = NULL;

        int r = sovd_lock_check_duration(locks, call, wish->duration_usec);
        if (!r)
                r = new_lock(&own, call, wish);
        if (r)
                return r;

        (void)pthread_mutex_lock(&locks->mutex);
        r = reserve(locks, call, own, wish->break_lock);
        if (!r) {
                struct lock *lock = SOVD_TAKE(own);
                if (wait_for_uses(locks, lock, call)) {
                        lock->ends_usec = sovd_boottime_usec() + lock->duration_usec;
                        memcpy(ret_id, lock->id, SOVD_ID_SIZE);
                } else {
                        give_up(locks, lock);
                        r = refuse_busy(call);
                }
        }
        (void)pthread_mutex_unlock(&locks->mutex);
        return r;
}

/* The owner of a broken lock that takes a new one in its place knows what became of it. */
static bool is_told_by(const struct lock *lock, const struct lock *other) {
        return other->state == LOCK_BROKEN && strcmp(other->client, lock->client) == 0 &&
               (other->scopes & ~lock->scopes) == 0 && lock_meets(other, keys_of(lock), lock->place.n);
}

static void tell_owner(struct sovd_locks *locks, const struct lock *lock) {
        for (struct lock *other = locks->locks; other; other = other->next)
                if (is_told_by(lock, other))
                        other->told = true;
}

static int list_told(const struct sovd_locks *locks, struct sovd_call *call, const struct lock *lock,
                     const char *const **ret, size_t *ret_n) {
        const struct lock *other;
        size_t n = 0;

        for (other = locks->locks; other; other = other->next)
                n += is_told_by(lock, other);
        const char **ids = sovd_arena_array(call->arena, const char *, n + 1);
        if (!ids)
                return sovd_error_origin(-ENOMEM);
        for (n = 0, other = locks->locks; other; other = other->next) {
                if (!is_told_by(lock, other))
                        continue;
                ids[n] = sovd_arena_strdup(call->arena, other->id);
                if (!ids[n++])
                        return sovd_error_origin(-ENOMEM);
        }
        *ret = ids;
        *ret_n = n;
        return 0;
}

/* All that needs memory comes first: afterwards nothing can fail. */
static int describe_victims(struct sovd_locks *locks, struct sovd_call *call, const struct lock *lock,
                            struct sovd_lock_infos *ret) {
        size_t n = 0;

        for (const struct lock *other = locks->locks; other; other = other->next)
                n += is_victim(lock, other);
        *ret = (struct sovd_lock_infos){ .items = sovd_arena_array(call->arena, struct sovd_lock_info,
                                                                   n + 1) };
        if (!ret->items)
                return sovd_error_origin(-ENOMEM);
        for (const struct lock *other = locks->locks; other; other = other->next) {
                int r = is_victim(lock, other) ? lock_describe(locks, call, other, &ret->items[ret->n++]) : 0;
                if (r)
                        return r;
        }
        return 0;
}

static void break_victims(struct sovd_locks *locks, const struct lock *lock, uint64_t broken_usec) {
        for (;;) {
                struct lock *victim = locks->locks;
                while (victim && !is_victim(lock, victim))
                        victim = victim->next;
                if (!victim)
                        return;
                sovd_log(SOVD_LOG_INFO, "a lock on %s was broken", victim->place.keys[0]);
                lock_set_broken(locks, victim, broken_usec); /* may drop an old one, so the search begins anew */
        }
}

struct grant {
        struct sovd_locks *locks;
        struct lock *lock; /* nobody else touches it while it is reserved */
        struct sovd_lock_infos *broken;
        struct lock_grant_rows rows;
};

/* Some may have been given back, or have ended, while the grant was written: those were not broken. */
static void leave_out_gone(struct grant *g) {
        size_t n = 0;

        for (size_t i = 0; i < g->broken->n; i++) {
                const struct lock *victim = lock_by_id(g->locks, g->broken->items[i].id);
                if (victim && is_victim(g->lock, victim))
                        g->broken->items[n++] = g->broken->items[i];
        }
        g->broken->n = n;
}

static int write_grant(struct sovd_db_conn *conn, void *data) {
        return lock_store_grant(conn, &((struct grant *)data)->rows);
}

static void granted(int result, void *data) {
        struct grant *g = data;

        (void)pthread_mutex_lock(&g->locks->mutex);
        if (result) {
                give_up(g->locks, g->lock);
        } else {
                g->lock->state = LOCK_HELD;
                leave_out_gone(g);
                tell_owner(g->locks, g->lock);
                break_victims(g->locks, g->lock, g->rows.broken_usec);
                g->locks->counts.n_granted++;
        }
        (void)pthread_mutex_unlock(&g->locks->mutex);
}

/* What the grant will write. With the mutex. */
static int prepare(struct grant *g, struct sovd_call *call, struct sovd_lock_infos *ret_broken) {
        struct lock_grant_rows *rows = &g->rows;

        *rows = (struct lock_grant_rows){ .lock = g->lock,
                                          .boot = g->locks->boot,
                                          .broken = ret_broken,
                                          .now_usec = sovd_boottime_usec(),
                                          .broken_usec = sovd_realtime_usec(),
                                          .broken_max = g->locks->options.max };
        int r = describe_victims(g->locks, call, g->lock, ret_broken);
        return r ? r : list_told(g->locks, call, g->lock, &rows->told, &rows->n_told);
}

int sovd_lock_grant(struct sovd_locks *locks, struct sovd_call *call, const char *id, const char *backend,
                    const char *backend_id, struct sovd_lock_infos *ret_broken) {
        char *kept_backend = backend ? strdup(backend) : NULL,
             *kept_id = backend_id ? strdup(backend_id) : NULL;
        bool ok = (!backend || kept_backend) && (!backend_id || kept_id);
        struct grant g = { .locks = locks, .broken = ret_broken };

        (void)pthread_mutex_lock(&locks->mutex);
        g.lock = lock_by_id(locks, id);
        g.lock->backend = kept_backend;
        g.lock->backend_id = kept_id;
        int r = ok ? prepare(&g, call, ret_broken) : sovd_error_origin(-ENOMEM);
        if (r)
                give_up(locks, g.lock);
        (void)pthread_mutex_unlock(&locks->mutex);
        if (r)
                return r;
        r = sovd_db_apply(locks->options.db, write_grant, granted, &g);
        return r ? sovd_fail_storage(call, r) : 0;
}

void sovd_lock_cancel(struct sovd_locks *locks, const char *id) {
        (void)pthread_mutex_lock(&locks->mutex);
        struct lock *lock = lock_by_id(locks, id);
        if (lock)
                give_up(locks, lock);
        (void)pthread_mutex_unlock(&locks->mutex);
}
