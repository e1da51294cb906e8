/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/due_heap.h"

#define N 500

static uint64_t next_random(uint64_t *seed) {
        *seed = *seed * UINT64_C(6364136223846793005) + 1;
        return *seed >> 40;
}

/* Is every node in its place, and none due before the one above it? */
static void check(const struct sovd_due_heap *heap) {
        for (size_t i = 0; i < heap->n; i++) {
                assert_int_equal(heap->items[i]->place, i + 1);
                assert_true(heap->items[(i ? i - 1 : 0) / 2]->when_usec <= heap->items[i]->when_usec);
        }
}

static void an_empty_heap_has_no_first(void **state) {
        struct sovd_due_heap heap = { 0 };

        assert_null(sovd_due_first(&heap));
        sovd_due_done(&heap);
}

static void the_first_is_the_one_due_first_whatever_happened_before(void **state) {
        struct sovd_due_heap heap = { 0 };
        struct sovd_due nodes[N] = { 0 };
        uint64_t seed = 7;

        for (unsigned round = 0; round < 20000; round++) {
                struct sovd_due *node = &nodes[next_random(&seed) % N];
                if (next_random(&seed) % 3)
                        assert_int_equal(sovd_due_put(&heap, node, next_random(&seed) % 1000), 0);
                else
                        sovd_due_remove(&heap, node);
                if (round % 97 == 0)
                        check(&heap);
        }
        uint64_t before = 0;
        while (sovd_due_first(&heap)) {
                struct sovd_due *first = sovd_due_first(&heap);
                assert_true(first->when_usec >= before);
                before = first->when_usec;
                sovd_due_remove(&heap, first);
                assert_int_equal(first->place, 0);
        }
        sovd_due_done(&heap);
}

static void a_node_that_is_in_is_moved_not_doubled(void **state) {
        struct sovd_due_heap heap = { 0 };
        struct sovd_due a = { 0 }, b = { 0 };

        assert_int_equal(sovd_due_put(&heap, &a, 5), 0);
        assert_int_equal(sovd_due_put(&heap, &b, 6), 0);
        assert_int_equal(sovd_due_put(&heap, &a, 7), 0);
        assert_int_equal(heap.n, 2);
        assert_ptr_equal(sovd_due_first(&heap), &b);
        sovd_due_remove(&heap, &b);
        sovd_due_remove(&heap, &b);
        assert_ptr_equal(sovd_due_first(&heap), &a);
        sovd_due_done(&heap);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_empty_heap_has_no_first),
                cmocka_unit_test(the_first_is_the_one_due_first_whatever_happened_before),
                cmocka_unit_test(a_node_that_is_in_is_moved_not_doubled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
