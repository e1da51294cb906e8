/* SPDX-License-Identifier: Apache-2.0 */
/* The figures were computed by another implementation: tests/support/audit_reference.py, from the text of RFC 9162. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <errno.h>
#include <cmocka.h>
#include "sovd-core/audit/tree.h"

#define N 130

static struct sovd_audit_hash leaves[N], roots[N + 1];

static int make_leaves(void **state) {
        struct sovd_audit_range range = { 0 };
        char text[24];

        for (unsigned i = 0; i <= N; i++) {
                assert_int_equal(sovd_audit_range_root(&range, &roots[i]), 0);
                assert_int_equal(range.size, i);
                assert_int_equal(range.n, sovd_audit_range_peaks(i));
                if (i == N)
                        break;
                int n = snprintf(text, sizeof(text), "leaf %u", i);
                assert_int_equal(sovd_audit_leaf(text, (size_t)n, &leaves[i]), 0);
                assert_int_equal(sovd_audit_range_add(&range, &leaves[i], NULL, NULL), 0);
        }
        return 0;
}

/* A source that keeps leaves only. */
static int leaf_of(void *data, unsigned level, uint64_t index, struct sovd_audit_hash *ret) {
        if (level)
                return -ENOENT;
        assert_true(index < N);
        *ret = leaves[index];
        return 0;
}

static void assert_hash(const struct sovd_audit_hash *hash, const char *hex) {
        char text[SOVD_AUDIT_HEX];

        assert_string_equal(sovd_audit_to_hex(text, hash), hex);
}

/* What was gathered, hashed as one: so many proofs are compared by one figure. */
struct gathered {
        unsigned char *bytes;
        size_t n;
};

static void gather(struct gathered *g, const struct sovd_audit_hash *hashes, unsigned n) {
        g->bytes = realloc(g->bytes, g->n + n * SOVD_AUDIT_HASH + 1);
        assert_non_null(g->bytes);
        memcpy(g->bytes + g->n, hashes, n * SOVD_AUDIT_HASH);
        g->n += n * SOVD_AUDIT_HASH;
}

static void assert_gathered(struct gathered *g, const char *hex) {
        struct sovd_audit_hash hash;

        assert_int_equal(sovd_audit_sha256(g->bytes, g->n, &hash), 0);
        free(g->bytes);
        assert_hash(&hash, hex);
}

static void roots_are_those_of_rfc_9162(void **state) {
        struct gathered g = { 0 };

        assert_hash(&roots[0], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_hash(&roots[3], "d4f92c8fbb89720eb3b55677c7d7efaddfeb10d11a1a84a0ba8f1a23337faa95");
        assert_hash(&roots[100], "13f88915c560dc911a1da0fb209d84a20971051f294ebeb428fb3fc293af2743");
        gather(&g, roots, N + 1);
        assert_gathered(&g, "b71d6dfa71f627f16d57884ab54729f4db594a867e01b82a852361c4ab466287");
}

static void a_root_comes_out_of_leaves_as_out_of_a_range(void **state) {
        struct sovd_audit_hash root;

        for (uint64_t n = 0; n <= N; n++) {
                assert_int_equal(sovd_audit_tree_root(leaf_of, NULL, n, &root), 0);
                assert_true(sovd_audit_same(&root, &roots[n]));
        }
}

static void every_leaf_of_every_tree_is_proven(void **state) {
        struct gathered g = { 0 };
        struct sovd_audit_proof proof;

        for (uint64_t n = 1; n <= N; n++)
                for (uint64_t i = 0; i < n; i++) {
                        assert_int_equal(sovd_audit_prove_inclusion(leaf_of, NULL, i, n, &proof), 0);
                        assert_int_equal(sovd_audit_check_inclusion(&proof, &leaves[i], i, n, &roots[n]), 0);
                        gather(&g, proof.hashes, proof.n);
                }
        assert_gathered(&g, "dcaea4904d4e5bd1756a164ca7c5a190400dea11983ca516464a64dbf9aa7b17");
}

static void every_tree_is_proven_to_begin_with_every_smaller_one(void **state) {
        struct gathered g = { 0 };
        struct sovd_audit_proof proof;

        for (uint64_t n = 1; n <= N; n++)
                for (uint64_t m = 1; m <= n; m++) {
                        assert_int_equal(sovd_audit_prove_consistency(leaf_of, NULL, m, n, &proof), 0);
                        assert_int_equal(sovd_audit_check_consistency(&proof, m, &roots[m], n, &roots[n]), 0);
                        gather(&g, proof.hashes, proof.n);
                }
        assert_gathered(&g, "f0ab32132efeeaa07756ef4955d72b4962ae9546db1e50b60c60e64a52f46740");
}

static void a_proof_holds_for_its_leaf_and_its_tree_alone(void **state) {
        struct sovd_audit_proof proof;

        for (uint64_t n = 1; n <= 40; n++)
                for (uint64_t i = 0; i < n; i++) {
                        assert_int_equal(sovd_audit_prove_inclusion(leaf_of, NULL, i, n, &proof), 0);
                        for (uint64_t k = 0; k < n; k++)
                                if (k != i)
                                        assert_int_equal(sovd_audit_check_inclusion(&proof, &leaves[i], k, n, &roots[n]), -EBADMSG);
                        for (uint64_t k = 1; k <= 45; k++)
                                if (k != n)
                                        assert_int_equal(sovd_audit_check_inclusion(&proof, &leaves[i], i, k, &roots[k]), -EBADMSG);
                }
}

static void a_changed_hash_proves_nothing(void **state) {
        struct sovd_audit_proof proof;

        for (uint64_t m = 1; m < 40; m++) {
                assert_int_equal(sovd_audit_prove_consistency(leaf_of, NULL, m, 40, &proof), 0);
                for (unsigned i = 0; i < proof.n; i++)
                        for (unsigned bit = 0; bit < 256; bit += 37) {
                                proof.hashes[i].bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
                                assert_int_equal(sovd_audit_check_consistency(&proof, m, &roots[m], 40, &roots[40]), -EBADMSG);
                                proof.hashes[i].bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
                        }
                proof.n--;
                assert_int_equal(sovd_audit_check_consistency(&proof, m, &roots[m], 40, &roots[40]), -EBADMSG);
                proof.n += 2;
                assert_int_equal(sovd_audit_check_consistency(&proof, m, &roots[m], 40, &roots[40]), -EBADMSG);
        }
}

static void another_history_is_not_consistent(void **state) {
        struct sovd_audit_proof proof;

        for (uint64_t m = 1; m < 60; m++) {
                assert_int_equal(sovd_audit_prove_consistency(leaf_of, NULL, m, 60, &proof), 0);
                assert_int_equal(sovd_audit_check_consistency(&proof, m, &roots[m + 1], 60, &roots[60]), -EBADMSG);
                assert_int_equal(sovd_audit_check_consistency(&proof, m, &roots[m], 60, &roots[61]), -EBADMSG);
                assert_int_equal(sovd_audit_check_consistency(&proof, 60, &roots[60], m, &roots[m]), -EBADMSG);
        }
}

static void a_node_is_never_a_leaf(void **state) {
        struct sovd_audit_hash forged;
        char pair[2 * SOVD_AUDIT_HASH];
        struct sovd_audit_proof none = { .n = 0 };

        /* The bytes of both leaves as one entry: the tree of one entry must not have the root of the tree of two. */
        memcpy(pair, leaves[0].bytes, SOVD_AUDIT_HASH);
        memcpy(pair + SOVD_AUDIT_HASH, leaves[1].bytes, SOVD_AUDIT_HASH);
        assert_int_equal(sovd_audit_leaf(pair, sizeof(pair), &forged), 0);
        assert_false(sovd_audit_same(&forged, &roots[2]));
        assert_int_equal(sovd_audit_check_inclusion(&none, &forged, 0, 1, &roots[2]), -EBADMSG);
        assert_int_equal(sovd_audit_check_inclusion(&none, &roots[2], 0, 2, &roots[2]), -EBADMSG);
}

static void what_makes_no_sense_is_refused(void **state) {
        struct sovd_audit_proof proof = { .n = 0 };
        struct sovd_audit_hash root;

        assert_int_equal(sovd_audit_prove_inclusion(leaf_of, NULL, 5, 5, &proof), -EINVAL);
        assert_int_equal(sovd_audit_prove_inclusion(leaf_of, NULL, 0, UINT64_MAX, &proof), -EINVAL);
        assert_int_equal(sovd_audit_prove_consistency(leaf_of, NULL, 6, 5, &proof), -EINVAL);
        assert_int_equal(sovd_audit_tree_root(leaf_of, NULL, UINT64_MAX, &root), -EINVAL);
        assert_int_equal(sovd_audit_check_inclusion(&proof, &leaves[0], 0, 0, &roots[0]), -EBADMSG);
        assert_int_equal(sovd_audit_check_inclusion(&proof, &leaves[0], UINT64_MAX, UINT64_MAX, &roots[1]), -EBADMSG);
        assert_int_equal(sovd_audit_check_consistency(&proof, 1, &roots[1], UINT64_MAX, &roots[1]), -EBADMSG);
        assert_int_equal(sovd_audit_check_consistency(&proof, 0, &roots[1], 1, &roots[1]), -EBADMSG);
        assert_int_equal(sovd_audit_check_consistency(&proof, 0, &roots[0], 1, &roots[1]), 0);
}

/* --- subtrees that are kept ----------------------------------------------------------------------------- */

struct kept {
        struct sovd_audit_hash hashes[8][N];
        unsigned n[8], n_leaves_read, lowest;
};

static int keep(void *data, unsigned level, uint64_t index, const struct sovd_audit_hash *hash) {
        struct kept *k = data;

        assert_int_equal(index, k->n[level]); /* each once, in order */
        k->hashes[level][k->n[level]++] = *hash;
        return 0;
}

static int kept_of(void *data, unsigned level, uint64_t index, struct sovd_audit_hash *ret) {
        struct kept *k = data;

        if (level && level < k->lowest)
                return -ENOENT;
        assert_true(index < k->n[level]);
        k->n_leaves_read += level == 0;
        *ret = k->hashes[level][index];
        return 0;
}

static void subtrees_that_are_kept_save_reading_leaves(void **state) {
        struct kept k = { .lowest = 4 };
        struct sovd_audit_range range = { 0 };
        struct sovd_audit_proof proof;

        for (unsigned i = 0; i < N; i++)
                assert_int_equal(sovd_audit_range_add(&range, &leaves[i], keep, &k), 0);
        assert_int_equal(k.n[0], 130);
        assert_int_equal(k.n[7], 1);
        for (uint64_t i = 0; i < N; i++) {
                k.n_leaves_read = 0;
                assert_int_equal(sovd_audit_prove_inclusion(kept_of, &k, i, N, &proof), 0);
                assert_int_equal(sovd_audit_check_inclusion(&proof, &leaves[i], i, N, &roots[N]), 0);
                assert_true(k.n_leaves_read < 18);
        }
}

static int refuse_level_3(void *data, unsigned level, uint64_t index, const struct sovd_audit_hash *hash) {
        return level == 3 ? -ENOSPC : 0;
}

static void what_could_not_be_kept_is_not_added(void **state) {
        struct sovd_audit_range range = { 0 };
        struct sovd_audit_hash root;

        for (unsigned i = 0; i < 7; i++)
                assert_int_equal(sovd_audit_range_add(&range, &leaves[i], refuse_level_3, NULL), 0);
        assert_int_equal(sovd_audit_range_add(&range, &leaves[7], refuse_level_3, NULL), -ENOSPC);
        assert_int_equal(range.size, 7);
        assert_int_equal(sovd_audit_range_root(&range, &root), 0);
        assert_true(sovd_audit_same(&root, &roots[7]));
        assert_int_equal(sovd_audit_range_add(&range, &leaves[7], NULL, NULL), 0);
        assert_int_equal(sovd_audit_range_root(&range, &root), 0);
        assert_true(sovd_audit_same(&root, &roots[8]));
}

static void the_chain_binds_the_log_the_number_and_the_entry(void **state) {
        struct sovd_audit_hash chain, next, other;

        assert_int_equal(sovd_audit_chain_begin("0b5c6f0e-6f0e-4d5c-9a57-0123456789ab", &chain), 0);
        assert_hash(&chain, "9304d2c0942efa896576caafaf7cf6caedc88a13863d96bf1905dc111774f134");
        assert_int_equal(sovd_audit_chain_next(&chain, 1, &leaves[0], &next), 0);
        assert_hash(&next, "7dbbfeda8db4eb1bc9727d756fc9023687df6c8b9571f5f3ad86d1e833114d5d");
        assert_int_equal(sovd_audit_chain_next(&chain, 2, &leaves[0], &other), 0);
        assert_false(sovd_audit_same(&next, &other));
}

static void a_hash_has_one_text(void **state) {
        static const char *const bad[] = { "", "=", "4===", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
                                           "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=",
                                           "47DEQpj8HBSa+_TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                                           " 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
                                           "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n" };
        char base64[SOVD_AUDIT_BASE64(SOVD_AUDIT_HASH)];
        struct sovd_audit_hash hash;

        sovd_audit_to_base64(base64, roots[0].bytes, SOVD_AUDIT_HASH);
        assert_string_equal(base64, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_true(sovd_audit_from_base64(base64, hash.bytes, SOVD_AUDIT_HASH));
        assert_true(sovd_audit_same(&hash, &roots[0]));
        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad); i++)
                assert_false(sovd_audit_from_base64(bad[i], hash.bytes, SOVD_AUDIT_HASH));
        assert_false(sovd_audit_from_hex("E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", &hash));
        assert_false(sovd_audit_from_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8", &hash));
        assert_false(sovd_audit_from_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85500", &hash));
        assert_true(sovd_audit_from_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", &hash));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(roots_are_those_of_rfc_9162),
                cmocka_unit_test(a_root_comes_out_of_leaves_as_out_of_a_range),
                cmocka_unit_test(every_leaf_of_every_tree_is_proven),
                cmocka_unit_test(every_tree_is_proven_to_begin_with_every_smaller_one),
                cmocka_unit_test(a_proof_holds_for_its_leaf_and_its_tree_alone),
                cmocka_unit_test(a_changed_hash_proves_nothing),
                cmocka_unit_test(another_history_is_not_consistent),
                cmocka_unit_test(a_node_is_never_a_leaf),
                cmocka_unit_test(what_makes_no_sense_is_refused),
                cmocka_unit_test(subtrees_that_are_kept_save_reading_leaves),
                cmocka_unit_test(what_could_not_be_kept_is_not_added),
                cmocka_unit_test(the_chain_binds_the_log_the_number_and_the_entry),
                cmocka_unit_test(a_hash_has_one_text),
        };

        return cmocka_run_group_tests(tests, make_leaves, NULL);
}
