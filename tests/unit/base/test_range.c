/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/range.h"

static void one_range_of_bytes_is_read(void **state) {
        struct sovd_range r = sovd_range_parse("bytes=3-9");

        assert_true(r.set && !r.suffix && r.first == 3 && r.last == 9);
        r = sovd_range_parse("BYTES= 3- ");
        assert_true(r.set && r.first == 3 && r.last == UINT64_MAX);
        r = sovd_range_parse("bytes=-5");
        assert_true(r.set && r.suffix && r.last == 5);
}

static void anything_else_asks_for_nothing(void **state) {
        static const char *const fields[] = { "",           "bytes",         "bytes=",
                                              "bytes=-",    "bytes=1",       "bytes=2-1",
                                              "bytes=1-2,", "bytes=1-2,4-5", "lines=1-2",
                                              "bytes=+1-2", "bytes=1-2x",    "bytes=99999999999999999999-" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(fields); i++)
                assert_false(sovd_range_parse(fields[i]).set);
        assert_false(sovd_range_parse(NULL).set);
}

static void assert_part(const char *field, uint64_t size, uint64_t first, uint64_t length) {
        struct sovd_range r = sovd_range_parse(field);
        uint64_t got_first, got_length;

        assert_true(sovd_range_resolve(&r, size, &got_first, &got_length));
        assert_int_equal(got_first, first);
        assert_int_equal(got_length, length);
}

static void a_range_is_cut_at_the_end(void **state) {
        assert_part("bytes=0-0", 10, 0, 1);
        assert_part("bytes=3-", 10, 3, 7);
        assert_part("bytes=3-99", 10, 3, 7);
        assert_part("bytes=-3", 10, 7, 3);
        assert_part("bytes=-99", 10, 0, 10);
        assert_part("bytes=5-18446744073709551614", 10, 5, 5);
}

static void a_range_without_a_byte_is_none(void **state) {
        static const char *const fields[] = { "bytes=10-", "bytes=10-20", "bytes=-0" };
        uint64_t first, length;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(fields); i++) {
                struct sovd_range r = sovd_range_parse(fields[i]);
                assert_true(r.set);
                assert_false(sovd_range_resolve(&r, 10, &first, &length));
        }
        struct sovd_range all = sovd_range_parse("bytes=0-");
        assert_false(sovd_range_resolve(&all, 0, &first, &length));
}

static void a_content_range_must_agree_with_itself(void **state) {
        static const char *const bad[] = { "bytes 3-2/10", "bytes 0-10/10", "bytes */10",
                                           "bytes 1-2",    "1-2/10",        "bytes 1-2/10x" };
        uint64_t first, last, size;

        assert_true(sovd_content_range_parse("bytes 3-5/10", &first, &last, &size));
        assert_true(first == 3 && last == 5 && size == 10);
        assert_true(sovd_content_range_parse("bytes 3-5/*", &first, &last, &size));
        assert_true(size == UINT64_MAX);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad); i++)
                assert_false(sovd_content_range_parse(bad[i], &first, &last, &size));
        assert_false(sovd_content_range_parse(NULL, &first, &last, &size));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_range_of_bytes_is_read),
                cmocka_unit_test(anything_else_asks_for_nothing),
                cmocka_unit_test(a_range_is_cut_at_the_end),
                cmocka_unit_test(a_range_without_a_byte_is_none),
                cmocka_unit_test(a_content_range_must_agree_with_itself),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
