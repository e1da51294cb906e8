/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/call.h"

static struct sovd_call call;

static int make_call(void **state) {
        call = (struct sovd_call){ .request_id = "r" };
        return sovd_arena_new(&call.arena, 1024);
}

static int free_call(void **state) {
        call.arena = sovd_arena_free(call.arena);
        return 0;
}

static void ask(const struct sovd_query_item *items, size_t n) {
        memcpy(call.query, items, n * sizeof(*items));
        call.n_query = n;
}

static void a_failure_is_returned_and_kept_with_its_message(void **state) {
        assert_int_equal(sovd_fail(&call, SOVD_E_NOT_FOUND, "no %s '%s'", "data", "soc"), SOVD_E_NOT_FOUND);

        assert_int_equal(call.failure.error, SOVD_E_NOT_FOUND);
        assert_string_equal(call.failure.body.message, "no data 'soc'");
        assert_null(call.failure.path);
        assert_int_equal(call.failure.status, 0);
}

static void a_failure_may_name_the_faulty_element(void **state) {
        char path[] = "/data/0";

        assert_int_equal(sovd_fail_at(&call, SOVD_E_BAD_VALUE, path, "%d is too much", 9), SOVD_E_BAD_VALUE);
        *path = '?';

        assert_string_equal(call.failure.path, "/data/0");
        assert_string_equal(call.failure.body.message, "9 is too much");
}

static void a_failure_replaces_the_one_before(void **state) {
        (void)sovd_fail_at(&call, SOVD_E_BAD_VALUE, "/x", "first");
        sovd_fail_retry_after(&call, 5);

        (void)sovd_fail(&call, SOVD_E_CONFLICT, "second");

        assert_int_equal(call.failure.error, SOVD_E_CONFLICT);
        assert_string_equal(call.failure.body.message, "second");
        assert_null(call.failure.path);
        assert_int_equal(call.failure.retry_after_sec, 0);
}

static void a_failure_before_anything_was_done_stays_what_it_is(void **state) {
        assert_int_equal(sovd_call_did(&call, sovd_fail(&call, SOVD_E_CONFLICT, "no")), SOVD_E_CONFLICT);

        assert_int_equal(sovd_call_settle(&call, SOVD_E_CONFLICT), SOVD_E_CONFLICT);
        assert_false(call.failure.outcome_unknown);
        assert_int_equal(sovd_call_settle(&call, -ENOMEM), -ENOMEM);
}

static void a_failure_after_a_backend_acted_is_an_unknown_outcome(void **state) {
        assert_int_equal(sovd_call_did(&call, 0), 0);

        assert_int_equal(sovd_call_settle(&call, 0), 0);
        assert_int_equal(sovd_call_settle(&call, sovd_fail(&call, SOVD_E_STORAGE, "full")), SOVD_E_STORAGE);
        assert_true(call.failure.outcome_unknown);
        assert_int_equal(sovd_call_settle(&call, -ENOMEM), SOVD_E_INTERNAL);
        assert_true(call.failure.outcome_unknown);
}

static void a_backend_that_failed_itself_may_have_acted(void **state) {
        assert_int_equal(sovd_call_settle(&call, sovd_call_did(&call, -ENOMEM)), SOVD_E_INTERNAL);
        assert_true(call.failure.outcome_unknown);
}

static void an_error_of_the_other_side_is_passed_on_whole(void **state) {
        const struct sovd_generic_error body = { .error_code = "vendor-specific",
                                                 .vendor_code = "v",
                                                 .message = "m" };

        assert_int_equal(sovd_fail_upstream(&call, 409, &body, "/p"), SOVD_E_UPSTREAM);

        assert_int_equal(call.failure.error, SOVD_E_UPSTREAM);
        assert_int_equal(call.failure.status, 409);
        assert_string_equal(call.failure.body.error_code, "vendor-specific");
        assert_string_equal(call.failure.body.vendor_code, "v");
        assert_string_equal(call.failure.body.message, "m");
        assert_string_equal(call.failure.path, "/p");
}

static void a_failure_may_ask_to_come_again(void **state) {
        (void)sovd_fail(&call, SOVD_E_OVERLOAD, "full");
        sovd_fail_retry_after(&call, 3);

        assert_int_equal(call.failure.retry_after_sec, 3);
        assert_int_equal(call.failure.error, SOVD_E_OVERLOAD);
}

static void a_query_parameter_gives_its_first_value(void **state) {
        static const struct sovd_query_item items[] = { { "tag", NULL, "a" },
                                                        { "x", NULL, "" },
                                                        { "tag", NULL, "b" } };

        ask(items, 3);

        assert_string_equal(sovd_call_query(&call, "tag"), "a");
        assert_string_equal(sovd_call_query(&call, "x"), "");
        assert_null(sovd_call_query(&call, "Tag"));
        assert_null(sovd_call_query(&call, "ta"));
}

static void a_parameter_with_a_key_is_another_one(void **state) {
        static const struct sovd_query_item items[] = { { "status", "a", "1" }, { "tag", "k", "1" } };
        struct sovd_strings all;

        ask(items, 2);

        assert_null(sovd_call_query(&call, "status"));
        assert_true(sovd_call_query_all(&call, "tag", &all));
        assert_int_equal(all.n, 0);
        assert_false(all.set);
}

static void all_values_of_a_repeated_parameter_come_in_order(void **state) {
        static const struct sovd_query_item items[] = { { "tag", NULL, "a" },
                                                        { "x", NULL, "b" },
                                                        { "tag", NULL, "c" } };
        struct sovd_strings all;

        ask(items, 3);

        assert_true(sovd_call_query_all(&call, "tag", &all));
        assert_true(all.set);
        assert_int_equal(all.n, 2);
        assert_string_equal(all.items[0], "a");
        assert_string_equal(all.items[1], "c");
}

static void text_is_formatted_into_the_calls_memory(void **state) {
        assert_string_equal(sovd_call_printf(&call, "%s/%d", "a", 7), "a/7");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_call, free_call)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_failure_is_returned_and_kept_with_its_message),
                TEST(a_failure_may_name_the_faulty_element),
                TEST(a_failure_replaces_the_one_before),
                TEST(a_failure_before_anything_was_done_stays_what_it_is),
                TEST(a_failure_after_a_backend_acted_is_an_unknown_outcome),
                TEST(a_backend_that_failed_itself_may_have_acted),
                TEST(an_error_of_the_other_side_is_passed_on_whole),
                TEST(a_failure_may_ask_to_come_again),
                TEST(a_query_parameter_gives_its_first_value),
                TEST(a_parameter_with_a_key_is_another_one),
                TEST(all_values_of_a_repeated_parameter_come_in_order),
                TEST(text_is_formatted_into_the_calls_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
