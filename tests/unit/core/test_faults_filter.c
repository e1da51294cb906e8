/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/model/faults.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>

static cJSON *status;
static struct sovd_fault fault;

/* A fault with this status object; NULL = it tells none. */
static void has_status(const char *text) {
        struct sovd_json_fault bad;

        cJSON_Delete(status);
        status = NULL;
        if (text)
                assert_int_equal(sovd_json_parse(&status, text, strlen(text), NULL, &bad), 0);
        fault = (struct sovd_fault){ .code = "P0A80", .fault_name = "x", .status = status };
}

static int make_fault(void **state) {
        has_status(NULL);
        return 0;
}

static int free_fault(void **state) {
        cJSON_Delete(status);
        status = NULL;
        return 0;
}

static bool matches_status(const char *key, const char *value) {
        const struct sovd_fault_filter filter = { .status_keys = &key,
                                                  .status_values = &value,
                                                  .n_status = 1 };

        return sovd_fault_filter_matches(&filter, &fault);
}

static bool matches_severity(int64_t severity) {
        const struct sovd_fault_filter filter = { .severity = SOVD_INT(severity) };

        return sovd_fault_filter_matches(&filter, &fault);
}

static void an_empty_filter_shows_every_fault(void **state) {
        const struct sovd_fault_filter filter = { .n_status = 0 };

        assert_true(sovd_fault_filter_matches(&filter, &fault));
        has_status("{\"pendingDTC\":\"1\"}");
        assert_true(sovd_fault_filter_matches(&filter, &fault));
}

static void severity_shows_what_is_strictly_below(void **state) {
        fault.severity = SOVD_INT(2);

        assert_true(matches_severity(3));
        assert_false(matches_severity(2));
        assert_false(matches_severity(1));
}

static void severity_hides_a_fault_without_one(void **state) {
        assert_false(matches_severity(100));
}

static void a_status_matches_by_key_and_value(void **state) {
        has_status("{\"pendingDTC\":\"yes\",\"confirmedDTC\":\"no\"}");

        assert_true(matches_status("pendingDTC", "yes"));
        assert_false(matches_status("pendingDTC", "no"));
        assert_true(matches_status("confirmedDTC", "no"));
        assert_false(matches_status("testFailed", "yes"));
}

static void keys_and_words_match_without_case(void **state) {
        has_status("{\"pendingDTC\":\"Active\"}");

        assert_true(matches_status("PENDINGdtc", "aCTIVE"));
        assert_false(matches_status("pendingDT", "Active"));
        assert_false(matches_status("pendingDTC", "Activ"));
}

static void one_and_true_are_alike_and_so_are_zero_and_false(void **state) {
        static const char *const yes[] = { "{\"k\":\"1\"}", "{\"k\":1}", "{\"k\":true}", "{\"k\":\"true\"}",
                                           "{\"k\":\"TRUE\"}" };
        static const char *const no[] = { "{\"k\":\"0\"}", "{\"k\":0}", "{\"k\":false}",
                                          "{\"k\":\"False\"}" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(yes); i++) {
                has_status(yes[i]);
                assert_true(matches_status("k", "1"));
                assert_true(matches_status("k", "True"));
                assert_false(matches_status("k", "0"));
                assert_false(matches_status("k", "false"));
        }
        for (size_t i = 0; i < SOVD_N_ELEMENTS(no); i++) {
                has_status(no[i]);
                assert_true(matches_status("k", "0"));
                assert_true(matches_status("k", "FALSE"));
                assert_false(matches_status("k", "1"));
        }
}

static void values_that_are_no_scalars_match_nothing(void **state) {
        has_status("{\"k\":{\"1\":1},\"l\":[1],\"m\":null}");

        assert_false(matches_status("k", "1"));
        assert_false(matches_status("l", "1"));
        assert_false(matches_status("m", "null"));
}

static void a_fault_without_status_matches_no_status(void **state) {
        assert_false(matches_status("k", "1"));
        assert_false(matches_status("k", "0"));
}

static void several_statuses_are_alternatives(void **state) {
        static const char *const keys[] = { "a", "b" }, *const values[] = { "1", "1" };
        const struct sovd_fault_filter filter = { .status_keys = keys,
                                                  .status_values = values,
                                                  .n_status = 2 };

        has_status("{\"a\":0,\"b\":1}");
        assert_true(sovd_fault_filter_matches(&filter, &fault));
        has_status("{\"a\":1,\"b\":0}");
        assert_true(sovd_fault_filter_matches(&filter, &fault));
        has_status("{\"a\":0,\"b\":0}");
        assert_false(sovd_fault_filter_matches(&filter, &fault));
}

static void a_scope_shows_its_own_and_those_without_one(void **state) {
        const struct sovd_fault_filter filter = { .scope = "user" };

        assert_true(sovd_fault_filter_matches(&filter, &fault));
        fault.scope = "user";
        assert_true(sovd_fault_filter_matches(&filter, &fault));
        fault.scope = "User";
        assert_false(sovd_fault_filter_matches(&filter, &fault));
}

static void one_of_the_wanted_tags_is_enough(void **state) {
        const struct sovd_fault_filter filter = { .tags = { .items = (const char *[]){ "a", "b" }, .n = 2 } };

        assert_false(sovd_fault_filter_matches(&filter, &fault));
        fault.tags = (struct sovd_strings){ .items = (const char *[]){ "c", "b" }, .n = 2 };
        assert_true(sovd_fault_filter_matches(&filter, &fault));
        fault.tags.n = 1;
        assert_false(sovd_fault_filter_matches(&filter, &fault));
}

static void all_kinds_of_conditions_must_hold(void **state) {
        static const char *const key[] = { "k" }, *const value[] = { "1" };
        const struct sovd_fault_filter filter = {
                .status_keys = key,
                .status_values = value,
                .n_status = 1,
                .severity = SOVD_INT(3),
                .scope = "user",
                .tags = { .items = (const char *[]){ "t" }, .n = 1 },
        };
        const char *tags[] = { "t" };
        struct sovd_fault whole;

        has_status("{\"k\":1}");
        whole = fault;
        whole.severity = SOVD_INT(1);
        whole.scope = "user";
        whole.tags = (struct sovd_strings){ .items = tags, .n = 1 };
        assert_true(sovd_fault_filter_matches(&filter, &whole));

        struct sovd_fault lacks = whole;
        lacks.status = NULL;
        assert_false(sovd_fault_filter_matches(&filter, &lacks));
        lacks = whole;
        lacks.severity = SOVD_INT(3);
        assert_false(sovd_fault_filter_matches(&filter, &lacks));
        lacks = whole;
        lacks.scope = "other";
        assert_false(sovd_fault_filter_matches(&filter, &lacks));
        lacks = whole;
        lacks.tags.n = 0;
        assert_false(sovd_fault_filter_matches(&filter, &lacks));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_fault, free_fault)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(an_empty_filter_shows_every_fault),
                TEST(severity_shows_what_is_strictly_below),
                TEST(severity_hides_a_fault_without_one),
                TEST(a_status_matches_by_key_and_value),
                TEST(keys_and_words_match_without_case),
                TEST(one_and_true_are_alike_and_so_are_zero_and_false),
                TEST(values_that_are_no_scalars_match_nothing),
                TEST(a_fault_without_status_matches_no_status),
                TEST(several_statuses_are_alternatives),
                TEST(a_scope_shows_its_own_and_those_without_one),
                TEST(one_of_the_wanted_tags_is_enough),
                TEST(all_kinds_of_conditions_must_hold),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
