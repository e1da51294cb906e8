/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-rest/respond.h"

static void the_same_bytes_have_the_same_version(void **state) {
        char a[SOVD_ETAG_SIZE], b[SOVD_ETAG_SIZE];

        assert_string_equal(sovd_etag(a, "{\"a\":1}", 7), sovd_etag(b, "{\"a\":1}", 7));
}

static void other_bytes_have_another_version(void **state) {
        static const struct {
                const char *body;
                size_t len;
        } bodies[] = { { "", 0 },   { "a", 1 },   { "b", 1 },    { "ab", 2 },
                       { "ba", 2 }, { "a\0", 2 }, { "\0\0", 2 }, { "\0", 1 } };
        char versions[SOVD_N_ELEMENTS(bodies)][SOVD_ETAG_SIZE];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(bodies); i++) {
                (void)sovd_etag(versions[i], bodies[i].body, bodies[i].len);
                for (size_t k = 0; k < i; k++)
                        assert_string_not_equal(versions[i], versions[k]);
        }
}

static void a_version_is_a_strong_tag_in_quotes(void **state) {
        char etag[SOVD_ETAG_SIZE];
        size_t n = strlen(sovd_etag(etag, "x", 1));

        assert_true(n > 2 && n < SOVD_ETAG_SIZE);
        assert_int_equal(etag[0], '"');
        assert_ptr_equal(strchr(etag + 1, '"'), etag + n - 1);
}

static void a_tag_is_found_in_a_list(void **state) {
        assert_true(sovd_etag_listed("\"a\"", "\"a\""));
        assert_true(sovd_etag_listed("\"b\",\"a\"", "\"a\""));
        assert_true(sovd_etag_listed(" \"b\" ,\t\"a\" , \"c\"", "\"a\""));
        assert_true(sovd_etag_listed(",,\"a\",", "\"a\""));
}

static void a_tag_that_is_not_in_the_list_is_not_found(void **state) {
        static const char *const fields[] = { "",       "\"b\"",  "\"b\",\"c\"", "a", "\"a", "a\"",
                                              "\"ab\"", "\"a\"b", "\"ba\"",      ",", " " };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(fields); i++)
                if (sovd_etag_listed(fields[i], "\"a\""))
                        fail_msg("found in: %s", fields[i]);
        assert_false(sovd_etag_listed(NULL, "\"a\""));
}

static void a_weak_tag_is_no_condition_for_a_write(void **state) {
        assert_true(sovd_etag_listed_strongly("\"b\", \"a\"", "\"a\""));
        assert_true(sovd_etag_listed_strongly("*", "\"a\""));
        assert_false(sovd_etag_listed_strongly("W/\"a\"", "\"a\""));
        assert_false(sovd_etag_listed_strongly("\"b\", W/\"a\"", "\"a\""));
}

static void a_weak_tag_names_the_same_version(void **state) {
        assert_true(sovd_etag_listed("W/\"a\"", "\"a\""));
        assert_true(sovd_etag_listed("\"b\", W/\"a\"", "\"a\""));
        assert_false(sovd_etag_listed("W/\"b\"", "\"a\""));
}

static void a_star_names_every_version(void **state) {
        assert_true(sovd_etag_listed("*", "\"a\""));
        assert_true(sovd_etag_listed(" * ", "\"a\""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_same_bytes_have_the_same_version),
                cmocka_unit_test(other_bytes_have_another_version),
                cmocka_unit_test(a_version_is_a_strong_tag_in_quotes),
                cmocka_unit_test(a_tag_is_found_in_a_list),
                cmocka_unit_test(a_tag_that_is_not_in_the_list_is_not_found),
                cmocka_unit_test(a_weak_tag_names_the_same_version),
                cmocka_unit_test(a_weak_tag_is_no_condition_for_a_write),
                cmocka_unit_test(a_star_names_every_version),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
