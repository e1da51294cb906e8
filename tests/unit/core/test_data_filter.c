/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/model/data.h"

#define STRINGS(...)                                                                                         \
        {                                                                                                    \
                .items = (const char *[]){ __VA_ARGS__ },                                                    \
                .n = SOVD_N_ELEMENTS(((const char *[]){ __VA_ARGS__ })), .set = true                         \
        }

static bool shows(const struct sovd_data_filter *filter, const char *category, const char *group,
                  const char *tag) {
        struct sovd_data_item item = {
                .id = "x",
                .name = "x",
                .category = category,
                .groups = { .items = &group, .n = group != NULL },
                .tags = { .items = &tag, .n = tag != NULL },
        };

        return sovd_data_filter_matches(filter, &item);
}

static void an_empty_filter_shows_everything(void **state) {
        const struct sovd_data_filter filter = { .groups.n = 0 };

        assert_true(shows(&filter, "currentData", NULL, NULL));
        assert_true(shows(&filter, "identData", "g", "t"));
}

static void one_of_the_categories_is_enough(void **state) {
        const struct sovd_data_filter filter = { .categories = STRINGS("identData", "sysInfo") };

        assert_true(shows(&filter, "identData", NULL, NULL));
        assert_true(shows(&filter, "sysInfo", NULL, NULL));
        assert_false(shows(&filter, "currentData", NULL, NULL));
        assert_false(shows(&filter, "SysInfo", NULL, NULL));
}

static void one_of_the_groups_is_enough(void **state) {
        const struct sovd_data_filter filter = { .groups = STRINGS("a", "b") };
        const struct sovd_data_item both = { .category = "x", .groups = STRINGS("c", "b") };

        assert_true(shows(&filter, "x", "b", NULL));
        assert_false(shows(&filter, "x", "c", NULL));
        assert_false(shows(&filter, "x", NULL, NULL));
        assert_true(sovd_data_filter_matches(&filter, &both));
}

static void one_of_the_tags_is_enough(void **state) {
        const struct sovd_data_filter filter = { .tags = STRINGS("a", "b") };

        assert_true(shows(&filter, "x", NULL, "a"));
        assert_false(shows(&filter, "x", "a", "c"));
        assert_false(shows(&filter, "x", "a", NULL));
}

static void all_kinds_of_conditions_must_hold(void **state) {
        const struct sovd_data_filter filter = { .groups = STRINGS("g"),
                                                 .categories = STRINGS("c"),
                                                 .tags = STRINGS("t") };

        assert_true(shows(&filter, "c", "g", "t"));
        assert_false(shows(&filter, "x", "g", "t"));
        assert_false(shows(&filter, "c", "x", "t"));
        assert_false(shows(&filter, "c", "g", "x"));
}

static void wanted_strings_that_are_empty_match_everything(void **state) {
        const struct sovd_strings none = { .n = 0 }, some = STRINGS("a");

        assert_true(sovd_strings_match(&none, &none));
        assert_true(sovd_strings_match(&none, &some));
        assert_false(sovd_strings_match(&some, &none));
        assert_true(sovd_strings_match(&some, &some));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_empty_filter_shows_everything),
                cmocka_unit_test(one_of_the_categories_is_enough),
                cmocka_unit_test(one_of_the_groups_is_enough),
                cmocka_unit_test(one_of_the_tags_is_enough),
                cmocka_unit_test(all_kinds_of_conditions_must_hold),
                cmocka_unit_test(wanted_strings_that_are_empty_match_everything),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
