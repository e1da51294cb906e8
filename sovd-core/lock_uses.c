/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/locks_inside.h"
#include <cjson/cJSON.h>

#define ABOVE_MAX 64

/* --- where an entity stands ------------------------------------------------------------------------------ */

static bool is_in(const struct sovd_entity *e, const struct sovd_entity *const *all, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (all[i] == e)
                        return true;
        return false;
}

/* What is above: the parents, and the components that an app is located on. An area is not above the components in
 * it: it is a place, and who locks a place does not mean each ECU there. */
static size_t find_above(const struct sovd_entity *e, const struct sovd_entity *above[static ABOVE_MAX]) {
        size_t n = 1;

        above[0] = e;
        for (size_t i = 0; i < n; i++) {
                const struct sovd_entities *hosts = &above[i]->relations[SOVD_RELATION_IS_LOCATED_ON];
                const struct sovd_entity *parent = above[i]->parent;
                if (parent && n < ABOVE_MAX && !is_in(parent, above, n))
                        above[n++] = parent;
                for (size_t k = 0; k < hosts->n && n < ABOVE_MAX; k++)
                        if (!is_in(hosts->items[k], above, n))
                                above[n++] = hosts->items[k];
        }
        return n;
}

const char **lock_keys(struct sovd_arena *arena, const struct sovd_entity *e, size_t *ret_n) {
        const struct sovd_entity *above[ABOVE_MAX];
        size_t n = find_above(sovd_entity_whole(e), above); /* also what the client may not see */
        const char **keys = sovd_arena_array(arena, const char *, n);

        for (size_t i = 0; keys && i < n; i++) {
                keys[i] = sovd_arena_printf(arena, "%s/%s", sovd_entity_type_paths[above[i]->type],
                                            above[i]->id);
                if (!keys[i])
                        return NULL;
        }
        *ret_n = n;
        return keys;
}

/* A client that sees a part of the vehicle is told no more of the rest than that something is in its way. */
const char *lock_shown_place(const struct sovd_call *call, const char *key) {
        const char *slash = strchr(key, '/');
        char type[16];

        if (!call->tree || sovd_tree_whole(call->tree) == call->tree)
                return key;
        if (!slash || (size_t)(slash - key) >= sizeof(type))
                return NULL;
        memcpy(type, key, (size_t)(slash - key));
        type[slash - key] = '\0';
        int found = sovd_name_find(sovd_entity_type_paths, type);
        return found >= 0 && sovd_tree_find(call->tree, (enum sovd_entity_type)found, slash + 1) ? key : NULL;
}

bool lock_key_in(const char *key, const char *const *keys, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(keys[i], key) == 0)
                        return true;
        return false;
}

/* --- uses ------------------------------------------------------------------------------------------------ */

int lock_fail_broken(struct sovd_call *call, const char *id, uint64_t broken_usec, const char *more) {
        char when[SOVD_TIMESTAMP_SIZE];
        cJSON *parameters = cJSON_CreateObject();

        (void)sovd_clock_format(when, broken_usec);
        if (parameters)
                (void)cJSON_AddStringToObject(parameters, "broken_at", when);
        if (sovd_json_own(call->arena, parameters))
                parameters = NULL;
        (void)sovd_fail(call, SOVD_E_LOCK_BROKEN, "lock '%s' was broken by another client at %s%s", id, when,
                        more);
        call->failure.body.parameters = parameters;
        return SOVD_E_LOCK_BROKEN;
}

/* What a use finds among the locks. */
struct findings {
        const struct lock *foreign; /* keeps this client out */
        const struct lock *own;     /* held, covers the place */
        const struct lock *leaving; /* the same, but it is being broken */
        const struct lock *broken;  /* the same, and the client does not know yet */
};

static void look_at(struct findings *f, const struct lock *lock, const struct sovd_lock_use *use) {
        const char *const *keys = use->keys;

        if (!(lock->scopes & use->scope))
                return;
        if (strcmp(lock->client, use->client) != 0) {
                if (lock_is_live(lock) && lock_meets(lock, keys, use->n_keys))
                        f->foreign = lock;
                return;
        }
        if (!lock_covers(lock, keys, use->n_keys))
                return;
        if (lock->state == LOCK_HELD && (!f->own || lock->ends_usec > f->own->ends_usec))
                f->own = lock;
        if (lock->state == LOCK_BREAKING)
                f->leaving = lock;
        if (lock->state == LOCK_BROKEN && !lock->told)
                f->broken = lock;
}

static int check_use(struct sovd_locks *locks, struct sovd_call *call, const struct sovd_lock_use *use,
                     enum sovd_collection scope, struct findings *f) {
        const char *key = use->keys[0];

        if (f->broken && !f->own)
                return lock_fail_broken(call, f->broken->id, f->broken->broken_usec,
                                        "; release it or take a new one before you change anything");
        if (f->leaving && !f->own) {
                (void)sovd_fail(call, SOVD_E_CONFLICT, "lock '%s' is being broken by another client",
                                f->leaving->id);
                sovd_fail_retry_after(call, 1);
                return SOVD_E_CONFLICT;
        }
        const char *place = f->foreign ? lock_shown_place(call, f->foreign->place.keys[0]) : NULL;
        if (f->foreign)
                return sovd_fail(call, SOVD_E_CONFLICT,
                                 "%s of %s cannot be changed: another client holds a lock on %s",
                                 sovd_collection_names[scope], key, place ? place : "what it belongs to");
        if (!f->own && (lock_rule_of(locks, key)->required & use->scope))
                return sovd_fail(call, SOVD_E_CONFLICT,
                                 "%s of %s can be changed with a lock only: POST to its locks",
                                 sovd_collection_names[scope], key);
        return 0;
}

static void insert(struct sovd_locks *locks, struct sovd_lock_use *use) {
        use->next = locks->uses;
        if (use->next)
                use->next->prev = use;
        locks->uses = use;
}

static void remove_use(struct sovd_locks *locks, struct sovd_lock_use *use) {
        if (use->next)
                use->next->prev = use->prev;
        if (use->prev)
                use->prev->next = use->next;
        else
                locks->uses = use->next;
}

int sovd_lock_use_begin(struct sovd_locks *locks, struct sovd_call *call, enum sovd_collection scope,
                        struct sovd_lock_use *use) {
        struct findings f = { 0 };

        *use = (struct sovd_lock_use){ .locks = locks, .client = call->principal.id, .scope = 1u << scope };
        use->keys = lock_keys(call->arena, call->entity, &use->n_keys);
        if (!use->keys)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_lock(&locks->mutex);
        lock_drop_ended(locks);
        for (const struct lock *lock = locks->locks; lock; lock = lock->next)
                look_at(&f, lock, use);
        int r = check_use(locks, call, use, scope, &f);
        if (!r) {
                use->fence = f.own ? f.own->fence : 0;
                insert(locks, use);
        }
        (void)pthread_mutex_unlock(&locks->mutex);
        return r;
}

static struct lock *by_fence(struct sovd_locks *locks, uint64_t fence) {
        struct lock *lock = locks->locks;

        while (lock && lock->fence != fence)
                lock = lock->next;
        return lock;
}

/* With the mutex: what the end of a use that rests on a lock says about the lock, and the lock about the use. */
static int settle(struct sovd_locks *locks, struct sovd_call *call, struct lock *lock, int r,
                  struct lock_loss *ret_loss) {
        if (!r && lock->state == LOCK_BROKEN)
                return lock_fail_broken(call, lock->id, lock->broken_usec,
                                        "; the change was carried out before");
        if (r > 0 && lock_is_live(lock) && sovd_streq(call->failure.body.error_code, "lock-broken"))
                lock_note_loss(locks, lock, ret_loss);
        return r;
}

int sovd_lock_use_end(struct sovd_lock_use *use, struct sovd_call *call, int r) {
        struct sovd_locks *locks = use->locks;
        struct lock_loss loss = { 0 };

        (void)pthread_mutex_lock(&locks->mutex);
        remove_use(locks, use);
        struct lock *lock = use->fence ? by_fence(locks, use->fence) : NULL;
        if (lock)
                r = settle(locks, call, lock, r, &loss);
        (void)pthread_cond_broadcast(&locks->ended);
        (void)pthread_mutex_unlock(&locks->mutex);
        lock_keep_loss(locks, &loss);
        return r;
}
