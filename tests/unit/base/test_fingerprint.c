/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/fingerprint.h"

/* FIPS 180-4 */
static void bytes_have_the_sum_of_the_standard(void **state) {
        char text[SOVD_FINGERPRINT_SIZE];

        assert_int_equal(sovd_fingerprint(text, "abc", 3), 0);
        assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_int_equal(sovd_fingerprint(text, NULL, 0), 0);
        assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 4231, case 2 */
static void keyed_texts_have_the_sum_of_the_standard(void **state) {
        char text[SOVD_FINGERPRINT_SIZE];

        assert_int_equal(sovd_fingerprint_keyed(text, "Jefe", "what do ya want for nothing?", 28), 0);
        assert_string_equal(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void texts_are_equal_when_each_byte_is(void **state) {
        assert_true(sovd_fingerprint_equal("", ""));
        assert_true(sovd_fingerprint_equal("abc", "abc"));
        assert_false(sovd_fingerprint_equal("abc", "abd"));
        assert_false(sovd_fingerprint_equal("abc", "ab"));
        assert_false(sovd_fingerprint_equal("", "a"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_have_the_sum_of_the_standard),
                cmocka_unit_test(keyed_texts_have_the_sum_of_the_standard),
                cmocka_unit_test(texts_are_equal_when_each_byte_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
