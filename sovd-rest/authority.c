/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/authority.h"
#include "sovd-core/base/error.h"
#include "sovd-core/call.h"
#include <errno.h>
#include <pthread.h>

#define PARTS_MAX 16 /* different ways to see the tree that are kept */

struct part {
        char *key;                 /* of whom: roles, scopes, tenant; NULL = free */
        struct sovd_policy *policy; /* reference */
        struct sovd_tree *tree;    /* reference */
        uint64_t used;
};

struct sovd_authority {
        pthread_mutex_t mutex; /* leaf; all but the generation */
        struct sovd_policy *policy;
        struct part parts[PARTS_MAX];
        uint64_t uses;
        uint64_t generation, denied; /* atomic */
};

int sovd_authority_new(struct sovd_authority **ret) {
        struct sovd_authority *a = calloc(1, sizeof(*a));
        if (!a)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_init(&a->mutex, NULL);
        *ret = a;
        return 0;
}

static void drop(struct part *part) {
        free(part->key);
        sovd_policy_unref(part->policy);
        sovd_tree_unref(part->tree);
        *part = (struct part){ 0 };
}

struct sovd_authority *sovd_authority_free(struct sovd_authority *a) {
        if (!a)
                return NULL;
        for (size_t i = 0; i < PARTS_MAX; i++)
                drop(&a->parts[i]);
        sovd_policy_unref(a->policy);
        (void)pthread_mutex_destroy(&a->mutex);
        free(a);
        return NULL;
}

/* With the mutex. One that says the same stays: what rests on it goes on. */
static bool is_new(const struct sovd_authority *a, const struct sovd_policy *policy) {
        return !a->policy || !policy || (a->policy != policy && !sovd_policy_same(a->policy, policy));
}

void sovd_authority_set(struct sovd_authority *a, struct sovd_policy *policy) {
        struct part old[PARTS_MAX];

        (void)pthread_mutex_lock(&a->mutex);
        if (!is_new(a, policy)) {
                (void)pthread_mutex_unlock(&a->mutex);
                (void)__atomic_add_fetch(&a->generation, 1, __ATOMIC_RELEASE);
                sovd_policy_unref(policy);
                return;
        }
        struct sovd_policy *before = a->policy;
        a->policy = policy;
        memcpy(old, a->parts, sizeof(old));
        memset(a->parts, 0, sizeof(a->parts));
        (void)pthread_mutex_unlock(&a->mutex);
        (void)__atomic_add_fetch(&a->generation, 1, __ATOMIC_RELEASE); /* behind the policy that it tells of */

        for (size_t i = 0; i < PARTS_MAX; i++)
                drop(&old[i]);
        sovd_policy_unref(before);
}

struct sovd_policy *sovd_authority_policy(struct sovd_authority *a) {
        (void)pthread_mutex_lock(&a->mutex);
        struct sovd_policy *policy = a->policy ? sovd_policy_ref(a->policy) : NULL;
        (void)pthread_mutex_unlock(&a->mutex);
        return policy;
}

uint64_t sovd_authority_generation(const struct sovd_authority *a) {
        return __atomic_load_n(&a->generation, __ATOMIC_ACQUIRE);
}

void sovd_authority_denied(struct sovd_authority *a) {
        (void)__atomic_add_fetch(&a->denied, 1, __ATOMIC_RELAXED);
}

void sovd_authority_count(struct sovd_authority *a, struct sovd_authority_counters *ret) {
        (void)pthread_mutex_lock(&a->mutex);
        ret->enforced = a->policy;
        (void)pthread_mutex_unlock(&a->mutex);
        ret->denied = __atomic_load_n(&a->denied, __ATOMIC_RELAXED);
        ret->generation = sovd_authority_generation(a);
}

/* --- parts of the tree ---------------------------------------------------------------------------------- */

/* Lengths stand in front, so that no two principals have one key. */
static char *add_words(struct sovd_arena *arena, const char *to, char kind, const struct sovd_strings *words) {
        char *text = sovd_arena_printf(arena, "%s%c%d:", to, kind, words->set);

        for (size_t i = 0; text && i < words->n; i++)
                text = sovd_arena_printf(arena, "%s%zu:%s", text, strlen(words->items[i]), words->items[i]);
        return text;
}

static char *key_of(const struct sovd_principal *p) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        const char *text = NULL;

        if (sovd_arena_new(&arena, 1024))
                return NULL;
        text = add_words(arena, p->anonymous ? "anonymous" : p->admin ? "admin" : "", 'r', &p->roles);
        if (text)
                text = add_words(arena, text, 's', &p->scopes);
        if (text)
                text = sovd_arena_printf(arena, "%s%s%s", text, p->tenant ? "t" : "", p->tenant ? p->tenant : "");
        return text ? strdup(text) : NULL;
}

/* With the mutex. */
static struct part *find(struct sovd_authority *a, const char *key, const struct sovd_policy *policy,
                         struct sovd_tree *whole) {
        for (size_t i = 0; i < PARTS_MAX; i++) {
                struct part *part = &a->parts[i];
                if (part->key && part->policy == policy && sovd_tree_whole(part->tree) == whole &&
                    strcmp(part->key, key) == 0)
                        return part;
        }
        return NULL;
}

/* With the mutex: one that is free, else the one that was not used for the longest time. */
static struct part *place_in(struct sovd_authority *a) {
        struct part *place = &a->parts[0];

        for (size_t i = 1; i < PARTS_MAX; i++)
                if (a->parts[i].used < place->used)
                        place = &a->parts[i];
        return place;
}

static struct sovd_tree *look_up(struct sovd_authority *a, const char *key, const struct sovd_policy *policy,
                                 struct sovd_tree *whole) {
        (void)pthread_mutex_lock(&a->mutex);
        struct part *part = find(a, key, policy, whole);
        struct sovd_tree *tree = part ? sovd_tree_ref(part->tree) : NULL;
        if (part)
                part->used = ++a->uses;
        (void)pthread_mutex_unlock(&a->mutex);
        return tree;
}

/* Keeps it for the next one, unless the policy has changed meanwhile. Takes over the key. */
static void keep(struct sovd_authority *a, char *key, const struct sovd_policy *policy, struct sovd_tree *tree) {
        struct part old = { .key = key };

        (void)pthread_mutex_lock(&a->mutex);
        if (a->policy == policy && !find(a, key, policy, sovd_tree_whole(tree))) {
                struct part *place = place_in(a);
                old = *place;
                *place = (struct part){ key, sovd_policy_ref(a->policy), sovd_tree_ref(tree), ++a->uses };
        }
        (void)pthread_mutex_unlock(&a->mutex);
        drop(&old);
}

struct sight {
        const struct sovd_policy *policy;
        const struct sovd_principal *principal;
};

static bool is_seen(const struct sovd_entity *e, void *data) {
        const struct sight *s = data;

        return sovd_policy_shows(s->policy, s->principal, sovd_entity_type_paths[e->type], e->id);
}

/* Whoever may ask for updates sees those who serve them: they are about the vehicle, and so for no tenant of a part. */
static int make(struct sovd_tree **ret, struct sovd_tree *whole, const struct sovd_policy *policy,
                const struct sovd_principal *principal) {
        const struct sovd_access updates = { .collection = "updates" };
        struct sight sight = { policy, principal };

        return sovd_tree_part(ret, whole, is_seen, &sight,
                              sovd_policy_decide(policy, principal, &updates).verdict == SOVD_ALLOWED);
}

int sovd_authority_tree(struct sovd_authority *a, const struct sovd_policy *policy, const struct sovd_principal *principal,
                        struct sovd_tree *whole, struct sovd_tree **ret) {
        struct sovd_tree *tree = NULL;

        if (!policy || !sovd_policy_narrows(policy, principal)) {
                *ret = whole;
                return 0;
        }
        char *key = key_of(principal);
        int r = key ? 0 : sovd_error_origin(-ENOMEM);
        if (!r)
                tree = look_up(a, key, policy, whole);
        if (!r && !tree) {
                r = make(&tree, whole, policy, principal);
                if (!r)
                        keep(a, SOVD_TAKE(key), policy, tree);
        }
        free(key);
        sovd_tree_unref(whole);
        if (!r)
                *ret = tree;
        return r;
}
