/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/clock.h"
#include "sovd-core/base/log.h"
#include "sovd-core/lock_store.h"
#include <errno.h>
#include <time.h>

/* --- life ------------------------------------------------------------------------------------------------ */

int sovd_locks_new(struct sovd_locks **ret, const struct sovd_locks_options *options) {
        struct sovd_locks *locks = calloc(1, sizeof(*locks));
        if (!locks)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_cond_init(&locks->ended);
        if (r) {
                free(locks);
                return r;
        }
        (void)pthread_mutex_init(&locks->mutex, NULL);
        locks->options = *options;
        (void)sovd_boot_id(locks->boot);
        r = lock_store_load(locks);
        if (r) {
                (void)sovd_locks_free(locks);
                return r;
        }
        *ret = locks;
        return 0;
}

static void free_rules(struct sovd_lock_rule *rules, size_t n) {
        for (size_t i = 0; i < n; i++)
                free((char *)(uintptr_t)rules[i].entity);
        free(rules);
}

struct sovd_locks *sovd_locks_free(struct sovd_locks *locks) {
        if (!locks)
                return NULL;
        while (locks->locks) {
                struct lock *lock = locks->locks;
                locks->locks = lock->next;
                lock_free(lock);
        }
        free_rules(locks->rules, locks->n_rules);
        (void)pthread_cond_destroy(&locks->ended);
        (void)pthread_mutex_destroy(&locks->mutex);
        free(locks);
        return NULL;
}

int sovd_locks_set_rules(struct sovd_locks *locks, const struct sovd_lock_rule *others,
                         const struct sovd_lock_rule *rules, size_t n_rules) {
        struct sovd_lock_rule *copy = calloc(n_rules + 1, sizeof(*copy));
        bool ok = copy;

        for (size_t i = 0; ok && i < n_rules; i++) {
                copy[i] = rules[i];
                copy[i].entity = strdup(rules[i].entity);
                ok = copy[i].entity;
        }
        if (!ok) {
                if (copy)
                        free_rules(copy, n_rules);
                return sovd_error_origin(-ENOMEM);
        }

        (void)pthread_mutex_lock(&locks->mutex);
        struct sovd_lock_rule *before = locks->rules;
        size_t n_before = locks->n_rules;
        locks->others = *others;
        locks->rules = copy;
        locks->n_rules = n_rules;
        (void)pthread_mutex_unlock(&locks->mutex);
        free_rules(before, n_before);
        return 0;
}

const struct sovd_lock_rule *lock_rule_of(const struct sovd_locks *locks, const char *key) {
        for (size_t i = 0; i < locks->n_rules; i++)
                if (strcmp(locks->rules[i].entity, key) == 0)
                        return &locks->rules[i];
        return &locks->others;
}

bool sovd_locks_may_break(struct sovd_locks *locks, struct sovd_call *call) {
        const char *key =
                sovd_call_printf(call, "%s/%s", sovd_entity_type_paths[call->entity->type], call->entity->id);

        (void)pthread_mutex_lock(&locks->mutex);
        bool breakable = lock_rule_of(locks, key)->breakable;
        (void)pthread_mutex_unlock(&locks->mutex);
        return breakable && !call->principal.anonymous;
}

void sovd_locks_stop(struct sovd_locks *locks) {
        (void)pthread_mutex_lock(&locks->mutex);
        locks->stopping = true;
        (void)pthread_cond_broadcast(&locks->ended);
        (void)pthread_mutex_unlock(&locks->mutex);
}

/* --- the list of locks ------------------------------------------------------------------------------------ */

struct lock *lock_free(struct lock *lock) {
        if (!lock)
                return NULL;
        for (size_t i = 0; i < lock->place.n; i++)
                free(lock->place.keys[i]);
        free(lock->place.keys);
        free(lock->client);
        free(lock->entity);
        free(lock->backend);
        free(lock->backend_id);
        free(lock);
        return NULL;
}

void lock_append(struct sovd_locks *locks, struct lock *lock) {
        struct lock **end = &locks->locks;

        while (*end)
                end = &(*end)->next;
        *end = lock;
}

void lock_remove(struct sovd_locks *locks, struct lock *lock) {
        struct lock **place = &locks->locks;

        while (*place != lock)
                place = &(*place)->next;
        *place = lock->next;
        lock_free(lock);
}

struct lock *lock_by_id(struct sovd_locks *locks, const char *id) {
        for (struct lock *lock = locks->locks; lock; lock = lock->next)
                if (strcmp(lock->id, id) == 0)
                        return lock;
        return NULL;
}

static bool has_ended(const struct lock *lock, uint64_t now) {
        return lock->state != LOCK_RESERVED && !lock->n_writes && now >= lock->ends_usec;
}

void lock_drop_ended(struct sovd_locks *locks) {
        const uint64_t now = sovd_boottime_usec();
        struct lock **place = &locks->locks;

        while (*place) {
                struct lock *lock = *place;
                if (!has_ended(lock, now)) {
                        place = &lock->next;
                        continue;
                }
                locks->counts.n_expired += lock->state != LOCK_BROKEN;
                *place = lock->next;
                lock_free(lock);
        }
}

static void drop_oldest_broken(struct sovd_locks *locks) {
        struct lock *oldest = NULL;
        size_t n = 0;

        for (struct lock *lock = locks->locks; lock; lock = lock->next)
                if (lock->state == LOCK_BROKEN) {
                        n++;
                        oldest = !oldest || lock->ends_usec < oldest->ends_usec ? lock : oldest;
                }
        if (n > locks->options.max)
                lock_remove(locks, oldest);
}

void lock_set_broken(struct sovd_locks *locks, struct lock *lock, uint64_t broken_usec) {
        lock->state = LOCK_BROKEN;
        lock->broken_usec = broken_usec;
        lock->ends_usec = sovd_boottime_usec() + LOCK_REMEMBER_USEC;
        locks->counts.n_broken++;
        drop_oldest_broken(locks);
}

void sovd_locks_count(struct sovd_locks *locks, struct sovd_lock_counts *ret) {
        (void)pthread_mutex_lock(&locks->mutex);
        lock_drop_ended(locks);
        *ret = locks->counts;
        ret->held = 0;
        for (const struct lock *lock = locks->locks; lock; lock = lock->next)
                ret->held += lock->state == LOCK_HELD || lock->state == LOCK_BREAKING;
        (void)pthread_mutex_unlock(&locks->mutex);
}

/* --- what a client sees ------------------------------------------------------------------------------------ */

/* Is what the backend gave for this one also what it gave for another? Some extend a lock instead of making one. */
static bool is_shared(const struct sovd_locks *locks, const struct lock *mine) {
        for (const struct lock *lock = locks->locks; lock; lock = lock->next)
                if (lock != mine && lock_is_live(lock) && sovd_streq(lock->backend, mine->backend) &&
                    sovd_streq(lock->backend_id, mine->backend_id))
                        return true;
        return false;
}

int lock_describe(const struct sovd_locks *locks, struct sovd_call *call, const struct lock *lock,
                  struct sovd_lock_info *ret) {
        const uint64_t now = sovd_boottime_usec();
        struct sovd_arena *arena = call->arena;

        *ret = (struct sovd_lock_info){
                .id = sovd_arena_strdup(arena, lock->id),
                .owned = strcmp(lock->client, call->principal.id) == 0,
                .scopes = lock->scopes,
                .ends_usec = sovd_realtime_usec() + (lock->ends_usec > now ? lock->ends_usec - now : 0),
                .fence = lock->fence,
                .type = lock->type,
                .entity = sovd_arena_strdup(arena, lock->entity),
                .backend = sovd_arena_strdup(arena, lock->backend),
                .backend_id = sovd_arena_strdup(arena, lock->backend_id),
                .is_shared = lock->backend_id && is_shared(locks, lock),
        };
        bool ok = ret->id && ret->entity && !ret->backend == !lock->backend &&
                  !ret->backend_id == !lock->backend_id;
        return ok ? 0 : sovd_error_origin(-ENOMEM);
}

static bool is_on(const struct lock *lock, const struct sovd_entity *e) {
        return lock->type == e->type && strcmp(lock->entity, e->id) == 0;
}

static bool is_shown(const struct lock *lock, const struct sovd_entity *e) {
        return (lock->state == LOCK_HELD || lock->state == LOCK_BREAKING) && is_on(lock, e);
}

static int list(struct sovd_locks *locks, struct sovd_call *call, struct sovd_lock_infos *ret) {
        size_t n = 0;

        for (const struct lock *lock = locks->locks; lock; lock = lock->next)
                n += is_shown(lock, call->entity);
        struct sovd_lock_infos infos = { .items = sovd_arena_array(call->arena, struct sovd_lock_info,
                                                                   n + 1) };
        if (!infos.items)
                return sovd_error_origin(-ENOMEM);
        for (const struct lock *lock = locks->locks; lock; lock = lock->next) {
                int r = is_shown(lock, call->entity)
                                ? lock_describe(locks, call, lock, &infos.items[infos.n++])
                                : 0;
                if (r)
                        return r;
        }
        *ret = infos;
        return 0;
}

int sovd_lock_list(struct sovd_locks *locks, struct sovd_call *call, struct sovd_lock_infos *ret) {
        (void)pthread_mutex_lock(&locks->mutex);
        lock_drop_ended(locks);
        int r = list(locks, call, ret);
        (void)pthread_mutex_unlock(&locks->mutex);
        return r;
}

static int no_lock(struct sovd_call *call, const char *id) {
        return sovd_fail(call, SOVD_E_NOT_FOUND,
                         "%s '%s' has no lock '%.64s'; it never was, was released or has expired",
                         sovd_entity_type_words[call->entity->type], call->entity->id, id);
}

int sovd_lock_find(struct sovd_locks *locks, struct sovd_call *call, const char *id,
                   struct sovd_lock_info *ret) {
        (void)pthread_mutex_lock(&locks->mutex);
        lock_drop_ended(locks);
        const struct lock *lock = lock_by_id(locks, id);
        int r = lock && is_shown(lock, call->entity) ? lock_describe(locks, call, lock, ret)
                                                     : no_lock(call, id);
        (void)pthread_mutex_unlock(&locks->mutex);
        return r;
}

/* --- what its owner does with it ---------------------------------------------------------------------------- */

/* With the mutex. */
static int find_own(struct sovd_locks *locks, struct sovd_call *call, const char *id, struct lock **ret) {
        lock_drop_ended(locks);
        struct lock *lock = lock_by_id(locks, id);
        bool owned = lock && strcmp(lock->client, call->principal.id) == 0;

        if (lock && owned && lock->state == LOCK_BROKEN && is_on(lock, call->entity))
                return lock_fail_broken(call, id, lock->broken_usec, "");
        if (!lock || !is_shown(lock, call->entity))
                return no_lock(call, id);
        if (!owned)
                return sovd_fail(call, SOVD_E_CONFLICT, "lock '%s' is held by another client", lock->id);
        *ret = lock;
        return 0;
}

int sovd_lock_find_own(struct sovd_locks *locks, struct sovd_call *call, const char *id,
                       struct sovd_lock_info *ret) {
        struct lock *lock;

        (void)pthread_mutex_lock(&locks->mutex);
        int r = find_own(locks, call, id, &lock);
        if (!r)
                r = lock_describe(locks, call, lock, ret);
        (void)pthread_mutex_unlock(&locks->mutex);
        return r;
}

int sovd_lock_check_duration(const struct sovd_locks *locks, struct sovd_call *call, uint64_t duration_usec) {
        if (duration_usec <= locks->options.max_usec)
                return 0;
        return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "/lock_expiration",
                            "member lock_expiration must be at most %llu seconds (limits.lock_secs)",
                            (unsigned long long)(locks->options.max_usec / SOVD_USEC_PER_SEC));
}

/* A change of one lock that its owner asks for. */
struct lock_change {
        struct sovd_locks *locks;
        const char *id;
        uint64_t ends_usec;
        bool found; /* it was still there when the change was durable */
};

static int write_extension(struct sovd_db_conn *conn, void *data) {
        const struct lock_change *c = data;

        return lock_store_extend(conn, c->id, c->ends_usec);
}

static void extended(int result, void *data) {
        struct lock_change *c = data;

        (void)pthread_mutex_lock(&c->locks->mutex);
        struct lock *lock = lock_by_id(c->locks, c->id);
        if (lock)
                lock->n_writes--;
        if (lock && lock->state != LOCK_BROKEN && !result) {
                lock->ends_usec = c->ends_usec;
                c->found = true;
        }
        (void)pthread_mutex_unlock(&c->locks->mutex);
}

/* One that is being broken is not extended: whoever waits for its place has the word now. */
static int check_breaking(struct sovd_call *call, const struct lock *lock) {
        if (lock->state != LOCK_BREAKING)
                return 0;
        (void)sovd_fail(call, SOVD_E_CONFLICT, "lock '%s' is being broken by another client", lock->id);
        sovd_fail_retry_after(call, 1);
        return SOVD_E_CONFLICT;
}

/* It has changed under the extension: what became of it? */
static int refuse_extension(struct sovd_locks *locks, struct sovd_call *call, const char *id) {
        struct lock *lock;

        (void)pthread_mutex_lock(&locks->mutex);
        int r = find_own(locks, call, id, &lock);
        if (!r)
                r = check_breaking(call, lock);
        (void)pthread_mutex_unlock(&locks->mutex);
        return r ? r : no_lock(call, id);
}

int sovd_lock_extend(struct sovd_locks *locks, struct sovd_call *call, const char *id, uint64_t from_usec,
                     uint64_t duration_usec) {
        struct lock_change c = { .locks = locks, .id = id, .ends_usec = from_usec + duration_usec };
        struct lock *lock;

        (void)pthread_mutex_lock(&locks->mutex);
        int r = find_own(locks, call, id, &lock);
        if (!r)
                r = check_breaking(call, lock);
        if (!r)
                lock->n_writes++;
        (void)pthread_mutex_unlock(&locks->mutex);
        if (r)
                return r;
        r = sovd_db_apply(locks->options.db, write_extension, extended, &c);
        if (r && r != SOVD_E_NOT_FOUND)
                return sovd_fail_storage(call, r);
        return c.found ? 0 : refuse_extension(locks, call, id);
}

static int write_release(struct sovd_db_conn *conn, void *data) {
        return lock_store_remove(conn, ((struct lock_change *)data)->id);
}

static void released(int result, void *data) {
        struct lock_change *c = data;

        if (result)
                return;
        (void)pthread_mutex_lock(&c->locks->mutex);
        struct lock *lock = lock_by_id(c->locks, c->id);
        if (lock && lock->state != LOCK_BROKEN) {
                lock_remove(c->locks, lock);
                c->locks->counts.n_released++;
                c->found = true;
        }
        (void)pthread_mutex_unlock(&c->locks->mutex);
}

static int write_told(struct sovd_db_conn *conn, void *data) {
        return lock_store_tell(conn, ((struct lock_change *)data)->id);
}

static void told(int result, void *data) {
        struct lock_change *c = data;

        (void)pthread_mutex_lock(&c->locks->mutex);
        struct lock *lock = result ? NULL : lock_by_id(c->locks, c->id);
        if (lock)
                lock->told = true;
        (void)pthread_mutex_unlock(&c->locks->mutex);
}

/* The lock that the client may give back. What was broken counts as told from here on. */
static int check_release(struct sovd_locks *locks, struct sovd_call *call, struct lock_change *c) {
        struct lock *lock;

        (void)pthread_mutex_lock(&locks->mutex);
        int r = find_own(locks, call, c->id, &lock);
        (void)pthread_mutex_unlock(&locks->mutex);
        if (r == SOVD_E_LOCK_BROKEN && sovd_db_apply(locks->options.db, write_told, told, c))
                sovd_log(SOVD_LOG_WARN, "that the owner of a broken lock was told is not kept");
        return r;
}

int sovd_lock_release(struct sovd_locks *locks, struct sovd_call *call, const char *id) {
        struct lock_change c = { .locks = locks, .id = id };

        int r = check_release(locks, call, &c);
        if (r)
                return r;
        r = sovd_db_apply(locks->options.db, write_release, released, &c);
        if (r && r != SOVD_E_NOT_FOUND)
                return sovd_fail_storage(call, r);
        if (c.found)
                return 0;
        r = check_release(locks, call, &c); /* it was broken, or given back by another request, meanwhile */
        return r ? r : no_lock(call, id);
}

/* --- what the backend does with it ---------------------------------------------------------------------------- */

void lock_note_loss(struct sovd_locks *locks, struct lock *lock, struct lock_loss *ret) {
        ret->broken_usec = sovd_realtime_usec();
        memcpy(ret->id, lock->id, sizeof(ret->id));
        lock_set_broken(locks, lock, ret->broken_usec);
        lock->told = true; /* by the answer to what it was doing */
}

static int write_loss(struct sovd_db_conn *conn, void *data) {
        const struct lock_loss *loss = data;

        return lock_store_lose(conn, loss->id, loss->broken_usec, sovd_boottime_usec() + LOCK_REMEMBER_USEC);
}

void lock_keep_loss(struct sovd_locks *locks, struct lock_loss *loss) {
        if (*loss->id && locks->options.db && sovd_db_write(locks->options.db, write_loss, loss))
                sovd_log(SOVD_LOG_WARN, "that a lock was broken at its backend is not kept");
}

void sovd_lock_lose(struct sovd_locks *locks, const char *id) {
        struct lock_loss loss = { 0 };

        (void)pthread_mutex_lock(&locks->mutex);
        struct lock *lock = lock_by_id(locks, id);
        if (lock && (lock->state == LOCK_HELD || lock->state == LOCK_BREAKING))
                lock_note_loss(locks, lock, &loss);
        (void)pthread_mutex_unlock(&locks->mutex);
        lock_keep_loss(locks, &loss);
}
