#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rules of proximity - for what a proof is asked, and what tells whether it is one
 */
#include "sovd-auth/proximity.h"
#include "sovd-auth/proximity_verify.h"
#include <pthread.h>

struct proximity_rule {
        struct sovd_strings resources;
        const char *key_from, *socket; /* one is NULL */
        struct sovd_secret *key;       /* of key_from; guarded by the rules' mutex */
        int64_t uid;                   /* -1: ours, or root */
        uint64_t timeout_usec, valid_usec;
        unsigned tries;
};

/* Never change but for the keys, which may be secrets that do. */
struct proximity_rules {
        unsigned n_refs; /* atomic */
        struct sovd_arena *arena;
        pthread_mutex_t mutex; /* leaf; of the keys */
        struct proximity_rule *items;
        size_t n;
};

/* -ENOMEM; -errno (a key that cannot be read; logged). */
int proximity_rules_new(struct proximity_rules **ret, const struct sovd_list *settings,
                        struct sovd_secrets *secrets);
struct proximity_rules *proximity_rules_ref(struct proximity_rules *rules);
struct proximity_rules *proximity_rules_unref(struct proximity_rules *rules);
SOVD_DEFINE_CLEANUP(struct proximity_rules *, proximity_rules_unref)

/* The first that matches, in whatever case, or NULL. */
const struct proximity_rule *proximity_rules_find(const struct proximity_rules *rules,
                                                  const char *const segments[static 4]);

/* Reads those of Vault again. */
void proximity_rules_refresh(struct proximity_rules *rules, struct sovd_secrets *secrets);

/* 1: right, 0: wrong, -errno: nobody can tell. */
int proximity_rules_verify(struct proximity_rules *rules, const struct proximity_rule *rule,
                           uint64_t deadline_usec, const struct sovd_proximity_question *question);
