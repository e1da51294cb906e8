#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tree - the Merkle tree over the entries (RFC 9162, 2.1)
 *
 * Entry `seq` is leaf seq - 1. A log that grows keeps its compact range: the hashes of the complete subtrees that its
 * leaves make, the largest first, as many as the size has bits set. With it, a leaf costs one hash on average, and the
 * root as many as there are subtrees. Proofs are made from a source of subtree hashes and checked by anybody.
 *
 * Pure functions. Results: 0; -EIO the library failed; -EINVAL arguments that make no sense; -EBADMSG it does not
 * prove what it should; others as a callback gave them.
 */
#include "sovd-core/audit/hash.h"

#define SOVD_AUDIT_LEVELS 53 /* bits of a size */

struct sovd_audit_range {
        uint64_t size; /* leaves */
        struct sovd_audit_hash peaks[SOVD_AUDIT_LEVELS];
        unsigned n;
};

/* Told each subtree that a leaf completes: its 2^level leaves begin at leaf index << level. The leaf itself is level 0. */
typedef int (*sovd_audit_complete)(void *data, unsigned level, uint64_t index,
                                   const struct sovd_audit_hash *hash);

/* One more leaf; complete may be NULL. After a failure the range is as before. */
int sovd_audit_range_add(struct sovd_audit_range *range, const struct sovd_audit_hash *leaf,
                         sovd_audit_complete complete, void *data);
/* The hash of the whole tree; of an empty one that of no bytes. */
int sovd_audit_range_root(const struct sovd_audit_range *range, struct sovd_audit_hash *ret);
/* How many hashes the compact range of this many leaves has. */
unsigned sovd_audit_range_peaks(uint64_t size);

#define SOVD_AUDIT_PROOF_MAX (SOVD_AUDIT_LEVELS + 2)
struct sovd_audit_proof {
        struct sovd_audit_hash hashes[SOVD_AUDIT_PROOF_MAX];
        unsigned n;
};

/* The hash of the complete subtree of 2^level leaves from leaf index << level. -ENOENT: not kept; it is then put together
 * from its halves, down to the leaves. */
typedef int (*sovd_audit_subtree)(void *data, unsigned level, uint64_t index, struct sovd_audit_hash *ret);

/* The hash of the tree of the first `size` leaves. */
int sovd_audit_tree_root(sovd_audit_subtree subtree, void *data, uint64_t size, struct sovd_audit_hash *ret);
/* That leaf `index` is in the tree of `size` leaves. -EINVAL: it is not. */
int sovd_audit_prove_inclusion(sovd_audit_subtree subtree, void *data, uint64_t index, uint64_t size,
                               struct sovd_audit_proof *ret);
/* That the tree of `size` leaves begins with that of `old_size`. -EINVAL: it is smaller. */
int sovd_audit_prove_consistency(sovd_audit_subtree subtree, void *data, uint64_t old_size, uint64_t size,
                                 struct sovd_audit_proof *ret);

int sovd_audit_check_inclusion(const struct sovd_audit_proof *proof, const struct sovd_audit_hash *leaf,
                               uint64_t index, uint64_t size, const struct sovd_audit_hash *root);
int sovd_audit_check_consistency(const struct sovd_audit_proof *proof, uint64_t old_size,
                                 const struct sovd_audit_hash *old_root, uint64_t size,
                                 const struct sovd_audit_hash *root);
