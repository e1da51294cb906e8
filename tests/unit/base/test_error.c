/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>

static void every_error_has_a_status_a_code_and_a_summary(void **state) {
        for (int e = 1; e < SOVD_E_MAX; e++) {
                const struct sovd_error_info *info = sovd_error_info(e);

                assert_true(info->status >= 400 && info->status < 600);
                assert_non_null(info->error_code);
                assert_non_null(info->summary);
        }
}

static void only_vendor_specific_errors_have_a_vendor_code(void **state) {
        for (int e = 1; e < SOVD_E_MAX; e++) {
                const struct sovd_error_info *info = sovd_error_info(e);

                assert_int_equal(sovd_streq(info->error_code, "vendor-specific"), info->vendor_code != NULL);
        }
}

static void anything_else_is_an_internal_error(void **state) {
        const int others[] = { 0, -1, -ENOMEM, SOVD_E_MAX, SOVD_E_MAX + 1, 100000 };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(others); i++)
                assert_ptr_equal(sovd_error_info(others[i]), sovd_error_info(SOVD_E_INTERNAL));
}

static void marking_the_origin_keeps_the_error(void **state) {
        assert_int_equal(sovd_error_origin(-EIO), -EIO);
        assert_int_equal(sovd_error_origin(0), 0);
}

static void folding_hides_positive_errors_only(void **state) {
        assert_int_equal(sovd_error_fold(SOVD_E_NOT_FOUND), -ENOTRECOVERABLE);
        assert_int_equal(sovd_error_fold(-EIO), -EIO);
        assert_int_equal(sovd_error_fold(0), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_error_has_a_status_a_code_and_a_summary),
                cmocka_unit_test(only_vendor_specific_errors_have_a_vendor_code),
                cmocka_unit_test(anything_else_is_an_internal_error),
                cmocka_unit_test(marking_the_origin_keeps_the_error),
                cmocka_unit_test(folding_hides_positive_errors_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
