#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Authority - the policy in force, and the trees as those see them who may not see all
 *
 * A request takes the policy of its first moment and keeps it to its end. What lasts longer, a stream or an observation,
 * asks again when the generation is another one. Trees of those who see a part are made once for all who see the same
 * part, until the vehicle or the policy changes. Thread-safe.
 */
#include "sovd-auth/policy.h"
#include "sovd-core/model/entity.h"

struct sovd_authority;

/* Nothing is enforced until a policy is set. -ENOMEM. */
int sovd_authority_new(struct sovd_authority **ret);
struct sovd_authority *sovd_authority_free(struct sovd_authority *authority);
SOVD_DEFINE_CLEANUP(struct sovd_authority *, sovd_authority_free)

/* Takes over the reference; NULL: nothing is enforced. Also to be called when who is known changes: then it is the same
 * policy and yet another generation. */
void sovd_authority_set(struct sovd_authority *authority, struct sovd_policy *policy);

/* The policy in force with a reference, or NULL: nothing is enforced. */
struct sovd_policy *sovd_authority_policy(struct sovd_authority *authority);

/* Another number after each change. Costs nothing. */
uint64_t sovd_authority_generation(const struct sovd_authority *authority);

/* The tree as the principal may see it, with a reference; takes over the one to the whole. -ENOMEM. */
int sovd_authority_tree(struct sovd_authority *authority, const struct sovd_policy *policy,
                        const struct sovd_principal *principal, struct sovd_tree *whole, struct sovd_tree **ret);

/* A request was refused. */
void sovd_authority_denied(struct sovd_authority *authority);

struct sovd_authority_counters {
        bool enforced;
        uint64_t denied, generation; /* since the start */
};
void sovd_authority_count(struct sovd_authority *authority, struct sovd_authority_counters *ret);
