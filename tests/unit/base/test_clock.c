/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/clock.h"

static uint64_t fake_monotonic(void) {
        return 5000;
}

static uint64_t fake_realtime(void) {
        return UINT64_C(1767323045678901);
}

static int use_fake_clock(void **state) {
        static const struct sovd_clock fake = { fake_monotonic, fake_realtime };

        sovd_clock_replace(&fake);
        return 0;
}

static int use_real_clock(void **state) {
        sovd_clock_replace(NULL);
        return 0;
}

static void the_monotonic_clock_never_goes_back(void **state) {
        uint64_t before = sovd_now_usec();

        assert_true(sovd_now_usec() >= before);
}

static void the_real_time_is_after_2020(void **state) {
        assert_true(sovd_realtime_usec() > UINT64_C(1577836800) * SOVD_USEC_PER_SEC);
}

static void a_replaced_clock_is_read(void **state) {
        assert_int_equal(sovd_now_usec(), 5000);
        assert_int_equal(sovd_realtime_usec(), UINT64_C(1767323045678901));
}

static void the_real_clock_comes_back(void **state) {
        sovd_clock_replace(NULL);

        assert_int_not_equal(sovd_realtime_usec(), UINT64_C(1767323045678901));
}

static void time_is_left_before_a_deadline_and_none_after_it(void **state) {
        assert_int_equal(sovd_clock_left_usec(5100), 100);
        assert_int_equal(sovd_clock_left_usec(5000), 0);
        assert_int_equal(sovd_clock_left_usec(4000), 0);
}

static void a_time_is_written_in_utc_with_milliseconds(void **state) {
        char buf[SOVD_TIMESTAMP_SIZE];

        assert_string_equal(sovd_clock_format(buf, UINT64_C(1767323045678901)), "2026-01-02T03:04:05.678Z");
        assert_string_equal(sovd_clock_format(buf, 0), "1970-01-01T00:00:00.000Z");
        assert_string_equal(sovd_clock_format(buf, UINT64_C(951782400000000)), "2000-02-29T00:00:00.000Z");
}

static void the_boot_clock_goes_on_and_the_boot_has_a_name(void **state) {
        char first[SOVD_BOOT_ID_SIZE], second[SOVD_BOOT_ID_SIZE];
        uint64_t monotonic = sovd_now_usec();

        assert_true(sovd_boottime_usec() >= monotonic); /* it counts sleep too */
        assert_int_equal(strlen(sovd_boot_id(first)), 36);
        assert_string_equal(sovd_boot_id(second), first);
}

#define FAKE_TEST(f) cmocka_unit_test_setup_teardown(f, use_fake_clock, use_real_clock)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_monotonic_clock_never_goes_back),
                cmocka_unit_test(the_real_time_is_after_2020),
                cmocka_unit_test(the_boot_clock_goes_on_and_the_boot_has_a_name),
                FAKE_TEST(a_replaced_clock_is_read),
                FAKE_TEST(the_real_clock_comes_back),
                FAKE_TEST(time_is_left_before_a_deadline_and_none_after_it),
                cmocka_unit_test(a_time_is_written_in_utc_with_milliseconds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
