/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/id.h"
#include <pthread.h>

static bool is_hex(const char *s, size_t n) {
        return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

static void a_new_id_has_32_hex_digits(void **state) {
        char id[SOVD_ID_SIZE];

        assert_int_equal(sovd_id_new(id), 0);
        assert_true(is_hex(id, 32));
        assert_true(sovd_id_is_valid(id));
}

static void no_new_id_comes_twice(void **state) {
        char ids[64][SOVD_ID_SIZE];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(ids); i++) {
                assert_int_equal(sovd_id_new(ids[i]), 0);
                for (size_t k = 0; k < i; k++)
                        assert_string_not_equal(ids[i], ids[k]);
        }
}

static void a_trace_id_has_as_many_digits_as_asked_for(void **state) {
        char buf[40];

        for (size_t n = 0; n < sizeof(buf); n++) {
                memset(buf, 'x', sizeof(buf));
                sovd_id_trace(buf, n);
                assert_true(is_hex(buf, n));
        }
}

static void *write_trace(void *buf) {
        sovd_id_trace(buf, 32);
        return NULL;
}

static void two_threads_do_not_write_the_same_trace_id(void **state) {
        char mine[33], other[33];
        pthread_t thread;

        sovd_id_trace(mine, 32);
        assert_int_equal(pthread_create(&thread, NULL, write_trace, other), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);

        assert_string_not_equal(mine, other);
}

static void ids_of_any_script_are_valid(void **state) {
        static const char *const ids[] = { "a",  "bms-01",    "Zelle 7",      "...", ".a",
                                           "a$", "caf\u00e9", "\u96fb\u6c60", "100%" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(ids); i++)
                assert_true(sovd_id_is_valid(ids[i]));
}

static void ids_that_paths_cannot_carry_are_not_valid(void **state) {
        static const char *const ids[] = {
                "",      ".",    "..",       "a/b",  "a\\b",  "$count",       "a\nb",
                "a\x7f", "\x01", "\xc2\x85", "\xff", "a\xc3", "\xed\xa0\x80",
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(ids); i++)
                assert_false(sovd_id_is_valid(ids[i]));
        assert_false(sovd_id_is_valid(NULL));
}

static void an_id_has_at_most_128_bytes(void **state) {
        char id[130];

        memset(id, 'a', sizeof(id));
        id[128] = '\0';
        assert_true(sovd_id_is_valid(id));
        id[128] = 'a';
        id[129] = '\0';
        assert_false(sovd_id_is_valid(id));
}

static void names_of_routes_are_reserved(void **state) {
        static const char *const ids[] = { "docs",        "bulk-read",    "bulk-write",
                                           "subscribe",   "entries",      "config",
                                           "cached-data", "learned-data", "client-defined-resources",
                                           "status",      "autonomous",   "executions",
                                           "events",      "$metadata",    "$" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(ids); i++)
                assert_true(sovd_id_is_reserved(ids[i]));
}

static void a_collection_reserves_only_what_its_routes_need(void **state) {
        assert_true(sovd_id_is_reserved_in("subscribe", "data"));
        assert_true(sovd_id_is_reserved_in("bulk-read", "data"));
        assert_true(sovd_id_is_reserved_in("subscribe", "faults"));
        assert_true(sovd_id_is_reserved_in("config", "logs"));
        assert_true(sovd_id_is_reserved_in("docs", "modes"));
        assert_true(sovd_id_is_reserved_in("$x", "modes"));
        assert_true(sovd_id_is_reserved_in(NULL, "data"));
        assert_false(sovd_id_is_reserved_in("status", "data"));
        assert_false(sovd_id_is_reserved_in("subscribe", "modes"));
        assert_false(sovd_id_is_reserved_in("bulk-read", "faults"));
}

static void other_names_and_other_cases_are_not_reserved(void **state) {
        assert_false(sovd_id_is_reserved("Docs"));
        assert_false(sovd_id_is_reserved("doc"));
        assert_false(sovd_id_is_reserved("docs2"));
        assert_false(sovd_id_is_reserved(""));
        assert_false(sovd_id_is_reserved(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_new_id_has_32_hex_digits),
                cmocka_unit_test(no_new_id_comes_twice),
                cmocka_unit_test(a_trace_id_has_as_many_digits_as_asked_for),
                cmocka_unit_test(two_threads_do_not_write_the_same_trace_id),
                cmocka_unit_test(ids_of_any_script_are_valid),
                cmocka_unit_test(ids_that_paths_cannot_carry_are_not_valid),
                cmocka_unit_test(an_id_has_at_most_128_bytes),
                cmocka_unit_test(names_of_routes_are_reserved),
                cmocka_unit_test(a_collection_reserves_only_what_its_routes_need),
                cmocka_unit_test(other_names_and_other_cases_are_not_reserved),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
