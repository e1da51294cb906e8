/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/timestamp.h"

static void assert_usec(const char *text, uint64_t wanted) {
        uint64_t usec;

        assert_true(sovd_timestamp_parse(text, &usec));
        assert_true(usec == wanted);
}

static void offsets_lead_to_the_same_moment(void **state) {
        assert_usec("2026-01-02T03:04:05Z", UINT64_C(1767323045000000));
        assert_usec("2026-01-02t03:04:05.678901234z", UINT64_C(1767323045678901));
        assert_usec("2026-01-02T04:04:05+01:00", UINT64_C(1767323045000000));
        assert_usec("2026-01-02T04:04:05 01:00", UINT64_C(1767323045000000));
        assert_usec("2026-01-01T22:34:05-04:30", UINT64_C(1767323045000000));
        assert_usec("1970-01-01T00:00:00Z", 0);
}

static void what_is_no_time_is_refused(void **state) {
        static const char *const bad[] = { "",
                                           "2026",
                                           "2026-01-02",
                                           "2026-01-02T03:04:05",
                                           "2026-02-30T00:00:00Z",
                                           "2026-13-01T00:00:00Z",
                                           "2026-01-02T24:00:00Z",
                                           "2026-01-02T03:60:00Z",
                                           "2026-01-02T03:04:05Zx",
                                           "2026-01-02T03:04:05+1:00",
                                           "2026-01-02T03:04:05+24:00",
                                           "1969-12-31T23:59:59Z",
                                           "1970-01-01T00:00:00+01:00",
                                           "26-01-02T03:04:05Z" };
        uint64_t usec;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad); i++)
                assert_false(sovd_timestamp_parse(bad[i], &usec));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(offsets_lead_to_the_same_moment),
                cmocka_unit_test(what_is_no_time_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
