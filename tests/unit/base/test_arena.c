/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/arena.h"
#include <stdalign.h>

static int make_arena(void **state) {
        return sovd_arena_new((struct sovd_arena **)state, 1024);
}

static int free_arena(void **state) {
        sovd_arena_free(*state);
        return 0;
}

static void memory_is_zeroed_and_aligned(void **state) {
        for (size_t n = 1; n < 100; n++) {
                char *p = sovd_arena_alloc(*state, n);

                assert_non_null(p);
                assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
                for (size_t i = 0; i < n; i++)
                        assert_int_equal(p[i], 0);
                memset(p, 0xff, n);
        }
}

static void memory_is_zeroed_again_after_a_reset(void **state) {
        char *before = sovd_arena_alloc(*state, 64);
        memset(before, 0xff, 64);

        sovd_arena_reset(*state);
        char *after = sovd_arena_alloc(*state, 64);

        assert_ptr_equal(after, before);
        for (size_t i = 0; i < 64; i++)
                assert_int_equal(after[i], 0);
}

static void more_than_a_block_is_given(void **state) {
        char *small = sovd_arena_strdup(*state, "kept");

        char *large = sovd_arena_alloc(*state, 100000);

        assert_non_null(large);
        memset(large, 1, 100000);
        assert_string_equal(small, "kept");
}

static void an_overflowing_product_is_refused(void **state) {
        assert_null(sovd_arena_calloc(*state, SIZE_MAX / 2, 3));
        assert_null(sovd_arena_alloc(*state, SIZE_MAX));
}

static void copies_are_equal_to_their_originals(void **state) {
        assert_string_equal(sovd_arena_strdup(*state, "battery"), "battery");
        assert_string_equal(sovd_arena_strndup(*state, "battery", 3), "bat");
        assert_string_equal(sovd_arena_printf(*state, "%s-%d", "cell", 7), "cell-7");
        assert_null(sovd_arena_strdup(*state, NULL));
}

static char order[8];

static void note(void *p) {
        strncat(order, p, 1);
}

static void deferred_calls_run_last_first_and_once(void **state) {
        order[0] = '\0';
        assert_int_equal(sovd_arena_defer(*state, note, (char[]){ "a" }), 0);
        assert_int_equal(sovd_arena_defer(*state, note, (char[]){ "b" }), 0);

        sovd_arena_reset(*state);
        sovd_arena_reset(*state);

        assert_string_equal(order, "ba");
}

static void freeing_null_does_nothing(void **state) {
        assert_null(sovd_arena_free(NULL));
}

#define ARENA_TEST(f) cmocka_unit_test_setup_teardown(f, make_arena, free_arena)

int main(void) {
        const struct CMUnitTest tests[] = {
                ARENA_TEST(memory_is_zeroed_and_aligned),
                ARENA_TEST(memory_is_zeroed_again_after_a_reset),
                ARENA_TEST(more_than_a_block_is_given),
                ARENA_TEST(an_overflowing_product_is_refused),
                ARENA_TEST(copies_are_equal_to_their_originals),
                ARENA_TEST(deferred_calls_run_last_first_and_once),
                cmocka_unit_test(freeing_null_does_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
