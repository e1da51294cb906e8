/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include "demo-ecu/locks.h"
#include "demo-ecu/vehicle.h"

const char *const lock_scopes[] = { "data",
                                    "faults",
                                    "operations",
                                    "modes",
                                    "configurations",
                                    "data-lists",
                                    "logs",
                                    "bulk-data",
                                    "scripts",
                                    "communication-logs",
                                    "clear-data",
                                    "status",
                                    "triggers",
                                    "cyclic-subscriptions",
                                    NULL };

unsigned int lock_scope_find(const char *name) {
        for (unsigned int i = 0; lock_scopes[i]; ++i)
                if (equal(lock_scopes[i], name))
                        return 1u << i;
        return 0;
}

uint64_t lock_now_usec(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void lock_drop_ended(struct component *component) {
        uint64_t now = lock_now_usec();

        for (size_t i = 0; i < LOCKS_MAX; ++i)
                if (component->locks[i].id[0] && now >= component->locks[i].ends_usec)
                        component->locks[i] = (struct lock){ 0 };
}

int lock_check_use(struct component *component, const char *client, const char *collection,
                   struct problem *problem) {
        unsigned int scope = lock_scope_find(collection);
        bool foreign = false, own = false;
        struct lock *broken = NULL;

        lock_drop_ended(component);
        for (size_t i = 0; i < LOCKS_MAX; ++i) {
                struct lock *lock = &component->locks[i];

                if (!lock->id[0] || !(lock->scopes & scope))
                        continue;
                if (!equal(lock->client, client))
                        foreign |= !lock->broken;
                else if (lock->broken)
                        broken = lock;
                else
                        own = true;
        }
        if (broken && !own)
                return problem_set(problem, PROBLEM_LOCK_BROKEN, "lock '%s' was broken", broken->id);
        if (foreign)
                return problem_set(problem, PROBLEM_CONFLICT, "'%s' is locked by another client",
                                   component->id);
        return 0;
}

static struct lock *free_place(struct component *component) {
        for (size_t i = 0; i < LOCKS_MAX; ++i)
                if (!component->locks[i].id[0])
                        return &component->locks[i];
        return NULL;
}

static bool is_rival(const struct lock *lock, const struct lock *wish) {
        return lock->id[0] && !lock->broken && (lock->scopes & wish->scopes) &&
               !equal(lock->client, wish->client);
}

int lock_acquire(struct component *component, const struct lock *wish, bool break_lock, struct lock **ret,
                 struct problem *problem) {
        unsigned char random[16];
        struct lock *place;

        lock_drop_ended(component);
        for (size_t i = 0; i < LOCKS_MAX && !break_lock; ++i)
                if (is_rival(&component->locks[i], wish))
                        return problem_set(problem, PROBLEM_CONFLICT, "'%s' is locked by another client",
                                           component->id);
        place = free_place(component);
        if (!place)
                return problem_set(problem, PROBLEM_CONFLICT, "'%s' has no place for another lock",
                                   component->id);
        if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
                return problem_set(problem, PROBLEM_FAILURE, "there are no random numbers");

        for (size_t i = 0; i < LOCKS_MAX; ++i)
                component->locks[i].broken |= is_rival(&component->locks[i], wish);
        *place = *wish;
        for (size_t i = 0; i < sizeof(random); ++i)
                snprintf(place->id + 2 * i, 3, "%02x", random[i]);
        *ret = place;
        return 0;
}

static struct lock *find(struct component *component, const char *id) {
        lock_drop_ended(component);
        for (size_t i = 0; i < LOCKS_MAX; ++i)
                if (component->locks[i].id[0] && equal(component->locks[i].id, id))
                        return &component->locks[i];
        return NULL;
}

struct lock *lock_find(struct component *component, const char *id, struct problem *problem) {
        struct lock *lock = find(component, id);

        if (lock && !lock->broken)
                return lock;
        problem_set(problem, PROBLEM_NO_RESOURCE, "there is no lock '%.64s'", id);
        return NULL;
}

struct lock *lock_find_own(struct component *component, const char *id, const char *client,
                           struct problem *problem) {
        struct lock *lock = find(component, id);

        if (lock && lock->broken && equal(lock->client, client)) {
                problem_set(problem, PROBLEM_LOCK_BROKEN, "lock '%s' was broken", lock->id);
                *lock = (struct lock){ 0 };
                return NULL;
        }
        lock = lock_find(component, id, problem);
        if (!lock || equal(lock->client, client))
                return lock;
        problem_set(problem, PROBLEM_CONFLICT, "lock '%s' is held by another client", lock->id);
        return NULL;
}
