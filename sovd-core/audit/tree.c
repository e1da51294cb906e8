/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/audit/tree.h"
#include "sovd-core/audit/canon.h"
#include "sovd-core/base/error.h"

struct source {
        sovd_audit_subtree get;
        void *data;
};

/* --- the compact range ---------------------------------------------------------------------------------- */

unsigned sovd_audit_range_peaks(uint64_t size) {
        return (unsigned)__builtin_popcountll(size);
}

static int tell(sovd_audit_complete complete, void *data, unsigned level, uint64_t index,
                const struct sovd_audit_hash *hash) {
        return complete ? complete(data, level, index, hash) : 0;
}

int sovd_audit_range_add(struct sovd_audit_range *range, const struct sovd_audit_hash *leaf,
                         sovd_audit_complete complete, void *data) {
        struct sovd_audit_hash hash = *leaf;
        unsigned level = 0, n = range->n;

        if (range->size >= SOVD_CANON_INT_MAX)
                return sovd_error_origin(-EINVAL);
        int r = tell(complete, data, 0, range->size, &hash);
        /* Each bit that is set at the low end of the size is a subtree as large as what was put together so far. */
        for (uint64_t left = range->size; !r && (left & 1); left >>= 1) {
                r = sovd_audit_node(&range->peaks[--n], &hash, &hash);
                level++;
                if (!r)
                        r = tell(complete, data, level, range->size >> level, &hash);
        }
        if (r)
                return r;
        range->peaks[n] = hash;
        range->n = n + 1;
        range->size++;
        return 0;
}

int sovd_audit_range_root(const struct sovd_audit_range *range, struct sovd_audit_hash *ret) {
        int r = 0;

        if (!range->n)
                return sovd_audit_sha256("", 0, ret);
        struct sovd_audit_hash hash = range->peaks[range->n - 1];
        for (unsigned i = range->n - 1; !r && i > 0; i--)
                r = sovd_audit_node(&range->peaks[i - 1], &hash, &hash);
        if (!r)
                *ret = hash;
        return r;
}

/* --- making proofs -------------------------------------------------------------------------------------- */

/* The largest power of two below n, for n > 1: where RFC 9162 divides a tree. */
static uint64_t split_of(uint64_t n) {
        return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

static bool is_power(uint64_t n) {
        return (n & (n - 1)) == 0;
}

/* The tree over leaves begin to end. Each of them begins where a subtree of its size may begin. */
static int root_of(const struct source *s, uint64_t begin, uint64_t end, struct sovd_audit_hash *ret) {
        struct sovd_audit_hash left, right;
        uint64_t n = end - begin;
        int r = -ENOENT;

        if (is_power(n)) {
                unsigned level = (unsigned)__builtin_ctzll(n);
                r = s->get(s->data, level, begin >> level, ret);
                if (r != -ENOENT || !level)
                        return r;
        }
        uint64_t k = split_of(n);
        r = root_of(s, begin, begin + k, &left);
        if (!r)
                r = root_of(s, begin + k, end, &right);
        return r ? r : sovd_audit_node(&left, &right, ret);
}

int sovd_audit_tree_root(sovd_audit_subtree subtree, void *data, uint64_t size, struct sovd_audit_hash *ret) {
        const struct source s = { subtree, data };

        if (size > SOVD_CANON_INT_MAX)
                return sovd_error_origin(-EINVAL);
        return size ? root_of(&s, 0, size, ret) : sovd_audit_sha256("", 0, ret);
}

static int add(struct sovd_audit_proof *proof, const struct source *s, uint64_t begin, uint64_t end) {
        if (proof->n == SOVD_AUDIT_PROOF_MAX)
                return sovd_error_origin(-EINVAL);
        int r = root_of(s, begin, end, &proof->hashes[proof->n]);
        if (!r)
                proof->n++;
        return r;
}

/* PATH(m, D_n) of RFC 9162, 2.1.3.1, from the leaf upwards. */
static int path(const struct source *s, uint64_t index, uint64_t begin, uint64_t end,
                struct sovd_audit_proof *proof) {
        if (end - begin == 1)
                return 0;
        uint64_t middle = begin + split_of(end - begin);
        bool left = index < middle;

        int r = left ? path(s, index, begin, middle, proof) : path(s, index, middle, end, proof);
        if (r)
                return r;
        return left ? add(proof, s, middle, end) : add(proof, s, begin, middle);
}

int sovd_audit_prove_inclusion(sovd_audit_subtree subtree, void *data, uint64_t index, uint64_t size,
                               struct sovd_audit_proof *ret) {
        const struct source s = { subtree, data };

        if (index >= size || size > SOVD_CANON_INT_MAX)
                return -EINVAL;
        ret->n = 0;
        return path(&s, index, 0, size, ret);
}

/* SUBPROOF(m, D_n, b) of RFC 9162, 2.1.4.1; whole: the old tree is this subtree, and its root is known. */
static int subproof(const struct source *s, uint64_t old_end, uint64_t begin, uint64_t end, bool whole,
                    struct sovd_audit_proof *proof) {
        if (old_end == end)
                return whole ? 0 : add(proof, s, begin, end);
        uint64_t middle = begin + split_of(end - begin);
        bool left = old_end <= middle;

        int r = left ? subproof(s, old_end, begin, middle, whole, proof)
                     : subproof(s, old_end, middle, end, false, proof);
        if (r)
                return r;
        return left ? add(proof, s, middle, end) : add(proof, s, begin, middle);
}

int sovd_audit_prove_consistency(sovd_audit_subtree subtree, void *data, uint64_t old_size, uint64_t size,
                                 struct sovd_audit_proof *ret) {
        const struct source s = { subtree, data };

        if (old_size > size || size > SOVD_CANON_INT_MAX)
                return -EINVAL;
        ret->n = 0;
        return old_size ? subproof(&s, old_size, 0, size, true, ret) : 0;
}

/* --- checking proofs ------------------------------------------------------------------------------------ */

/* RFC 9162, 2.1.3.2. */
int sovd_audit_check_inclusion(const struct sovd_audit_proof *proof, const struct sovd_audit_hash *leaf,
                               uint64_t index, uint64_t size, const struct sovd_audit_hash *root) {
        struct sovd_audit_hash hash = *leaf;
        uint64_t fn = index, sn = size - 1;
        int r = 0;

        if (index >= size || proof->n > SOVD_AUDIT_PROOF_MAX)
                return -EBADMSG;
        for (unsigned i = 0; !r && i < proof->n; i++) {
                if (!sn)
                        return -EBADMSG;
                if ((fn & 1) || fn == sn) {
                        r = sovd_audit_node(&proof->hashes[i], &hash, &hash);
                        for (; !(fn & 1) && fn; fn >>= 1)
                                sn >>= 1;
                } else
                        r = sovd_audit_node(&hash, &proof->hashes[i], &hash);
                fn >>= 1;
                sn >>= 1;
        }
        if (r)
                return r;
        return !sn && sovd_audit_same(&hash, root) ? 0 : -EBADMSG;
}

/* The loop of RFC 9162, 2.1.4.2, from the first hash on. */
static int climb(const struct sovd_audit_proof *proof, unsigned i, uint64_t fn, uint64_t sn,
                 struct sovd_audit_hash *fr, struct sovd_audit_hash *sr) {
        int r = 0;

        for (; !r && i < proof->n; i++) {
                if (!sn)
                        return -EBADMSG;
                if ((fn & 1) || fn == sn) {
                        r = sovd_audit_node(&proof->hashes[i], fr, fr);
                        if (!r)
                                r = sovd_audit_node(&proof->hashes[i], sr, sr);
                        for (; !(fn & 1) && fn; fn >>= 1)
                                sn >>= 1;
                } else
                        r = sovd_audit_node(sr, &proof->hashes[i], sr);
                fn >>= 1;
                sn >>= 1;
        }
        return r ? r : sn ? -EBADMSG : 0;
}

int sovd_audit_check_consistency(const struct sovd_audit_proof *proof, uint64_t old_size,
                                 const struct sovd_audit_hash *old_root, uint64_t size,
                                 const struct sovd_audit_hash *root) {
        struct sovd_audit_hash fr, sr;
        uint64_t fn = old_size - 1, sn = size - 1;

        if (old_size > size || proof->n > SOVD_AUDIT_PROOF_MAX)
                return -EBADMSG;
        if (!old_size || old_size == size) {
                bool same = !old_size || sovd_audit_same(old_root, root);
                if (!old_size && (sovd_audit_sha256("", 0, &fr) || !sovd_audit_same(&fr, old_root)))
                        return -EBADMSG;
                return !proof->n && same ? 0 : -EBADMSG;
        }
        if (!proof->n)
                return -EBADMSG;
        fr = is_power(old_size) ? *old_root : proof->hashes[0];
        sr = fr;
        for (; fn & 1; fn >>= 1)
                sn >>= 1;
        int r = climb(proof, is_power(old_size) ? 0 : 1, fn, sn, &fr, &sr);
        if (r)
                return r;
        return sovd_audit_same(&fr, old_root) && sovd_audit_same(&sr, root) ? 0 : -EBADMSG;
}
