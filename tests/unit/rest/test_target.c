/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-rest/target.h"
#include "sovd-core/base/error.h"
#include <stdio.h>

#define PERCENT "a percent sign needs two hexadecimal digits"
#define CONTROL "a control character in the target"
#define UTF8    "the target is not valid UTF-8"
#define DOT     "an empty segment or a dot segment in the path"

static struct sovd_arena *arena;
static struct sovd_target target;
static struct sovd_query_item items[SOVD_QUERY_MAX];
static size_t n_items;
static const char *reason;

static int make_arena(void **state) {
        reason = NULL;
        return sovd_arena_new(&arena, 4096);
}

static int free_arena(void **state) {
        arena = sovd_arena_free(arena);
        return 0;
}

/* Segments are shown with '|' in front of each. */
static void splits(const char *path, const char *expected) {
        char text[400] = "";
        size_t len = 0;

        assert_int_equal(sovd_target_parse(&target, path, arena, &reason), 0);
        for (size_t i = 0; i < target.n; i++)
                len += (size_t)snprintf(text + len, sizeof(text) - len, "|%s", target.segments[i]);
        assert_string_equal(text, expected);
}

static void refuses(const char *path, const char *why) {
        if (sovd_target_parse(&target, path, arena, &reason) != SOVD_E_BAD_REQUEST)
                fail_msg("accepted: %s", path);
        assert_string_equal(reason, why);
}

static int ask(const char *query) {
        return sovd_query_parse(items, &n_items, query, arena, &reason);
}

/* Items are shown as "name=value" or "name[key]=value", with '|' in front of each. */
static void asks(const char *query, const char *expected) {
        char text[400] = "";
        size_t len = 0;

        assert_int_equal(ask(query), 0);
        for (size_t i = 0; i < n_items; i++)
                len += (size_t)snprintf(text + len, sizeof(text) - len,
                                        items[i].key ? "|%s[%s]=%s" : "|%s%s=%s", items[i].name,
                                        items[i].key ? items[i].key : "", items[i].value);
        assert_string_equal(text, expected);
}

static void refuses_query(const char *query, const char *why) {
        if (ask(query) != SOVD_E_BAD_REQUEST)
                fail_msg("accepted: %s", query);
        assert_string_equal(reason, why);
}

/* --- paths ---------------------------------------------------------------------------------------------- */

static void a_path_is_split_at_its_slashes(void **state) {
        splits("/", "");
        splits("/sovd/v1", "|sovd|v1");
        splits("/sovd/v1/components/bms/data", "|sovd|v1|components|bms|data");
}

static void one_slash_at_the_end_is_ignored(void **state) {
        splits("/sovd/v1/", "|sovd|v1");
        refuses("/sovd/v1//", DOT);
}

static void each_segment_is_decoded_by_itself(void **state) {
        splits("/a%2Fb/c", "|a/b|c");
        splits("/%61%62c/%7E~", "|abc|~~");
        splits("/caf%C3%A9/%e9%9b%bb", "|caf\u00e9|\u96fb");
        splits("/a%20b+c", "|a b+c");
        splits("/%2525", "|%25");
        splits("/...", "|...");
        splits("/a%3Fb%23c", "|a?b#c");
}

static void what_would_be_another_path_leads_on(void **state) {
        static const char *const on[] = { "a/../b", "../a", "a/..", "./a", "a/.", "/a", "a/", "a//b", "/", "..\\a", "a\\", "a/..\\b", "%2e%2e", "a%2Fb",
                                          "a%5cb", "a%20b" };
        static const char *const not[] = { "a", "a/b", "a.b", "...", ".a", "a..", "a/b.c/...", "50%", "%", "%2", "%zz", "a b", "\u00e9" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(on); i++)
                assert_true(sovd_target_leads_on(on[i]));
        for (size_t i = 0; i < SOVD_N_ELEMENTS(not); i++)
                assert_false(sovd_target_leads_on(not[i]));
}

static void a_path_without_a_slash_in_front_is_refused(void **state) {
        refuses("sovd/v1", "the path does not start with a slash");
        refuses("*", "the path does not start with a slash");
        refuses("", "the path does not start with a slash");
        refuses("http://host/sovd/v1", "the path does not start with a slash");
}

static void dot_segments_are_refused_in_every_spelling(void **state) {
        static const char *const paths[] = { "/.",   "/..",     "/a/./b", "/a/../b",  "/a/..",
                                             "/%2e", "/%2E%2e", "/.%2e",  "/a/%2e/b", "/a/%2e%2e/" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(paths); i++)
                refuses(paths[i], DOT);
}

static void empty_segments_are_refused(void **state) {
        refuses("//", DOT);
        refuses("//a", DOT);
        refuses("/a//b", DOT);
        refuses("/a///", DOT);
}

static void a_bad_percent_sign_is_refused(void **state) {
        static const char *const paths[] = { "/%",   "/%4",   "/%g1", "/%1g",    "/a%",
                                             "/a%2", "/%%41", "/% 1", "/%u0041", "/%2/f" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(paths); i++)
                refuses(paths[i], PERCENT);
}

static void control_characters_are_refused(void **state) {
        static const char *const paths[] = { "/a%00", "/%00/b", "/%0a",  "/%0D%0A", "/%1f",
                                             "/%7f",  "/a\x01", "/\x7f", "/%09" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(paths); i++)
                refuses(paths[i], CONTROL);
}

static void broken_and_overlong_utf8_is_refused(void **state) {
        static const char *const paths[] = { "/%ff",       "/%C3",     "/%C0%AF",    "/%c0%ae%c0%ae",
                                             "/%E0%80%AF", "/%C3/%A9", "/%ED%A0%80", "/%F4%90%80%80",
                                             "/\xff",      "/%80" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(paths); i++)
                refuses(paths[i], UTF8);
}

static void a_path_has_at_most_40_segments(void **state) {
        char path[2 * (SOVD_SEGMENTS_MAX + 1) + 1] = "";

        for (int i = 0; i < SOVD_SEGMENTS_MAX; i++)
                strcat(path, "/a");
        assert_int_equal(sovd_target_parse(&target, path, arena, &reason), 0);
        assert_int_equal(target.n, SOVD_SEGMENTS_MAX);

        strcat(path, "/a");
        assert_int_equal(sovd_target_parse(&target, path, arena, &reason), SOVD_E_URI_TOO_LONG);
        assert_string_equal(reason, "too many path segments");
}

static void a_long_segment_is_kept_whole(void **state) {
        char path[20001];

        memset(path, 'a', sizeof(path) - 1);
        path[0] = '/';
        path[sizeof(path) - 1] = '\0';

        assert_int_equal(sovd_target_parse(&target, path, arena, &reason), 0);
        assert_string_equal(target.segments[0], path + 1);
}

/* --- queries -------------------------------------------------------------------------------------------- */

static void no_query_has_no_items(void **state) {
        asks(NULL, "");
        asks("", "");
        asks("&&&", "");
}

static void items_have_names_and_values(void **state) {
        asks("a=1&b=2", "|a=1|b=2");
        asks("a=1&a=2", "|a=1|a=2");
        asks("a&b=&c", "|a=|b=|c=");
        asks("a=b=c", "|a=b=c");
        asks("=x", "|=x");
        asks("&a=1&&b=2&", "|a=1|b=2");
}

static void names_and_values_are_decoded(void **state) {
        asks("%61=%62", "|a=b");
        asks("a=x%26y%3Dz", "|a=x&y=z");
        asks("a=caf%C3%A9", "|a=caf\u00e9");
        asks("a=1;b=2", "|a=1;b=2");
}

static void a_plus_is_a_plus(void **state) {
        asks("a=1+1%2B1", "|a=1+1+1");
}

static void brackets_raw_or_encoded_give_a_key(void **state) {
        asks("status[pendingDTC]=1", "|status[pendingDTC]=1");
        asks("status%5BpendingDTC%5D=1", "|status[pendingDTC]=1");
        assert_string_equal(items[0].name, "status");
        assert_string_equal(items[0].key, "pendingDTC");
}

static void brackets_elsewhere_are_part_of_the_name(void **state) {
        static const char *const queries[] = { "[a]=1", "a[b=1", "a]=1", "a[b]c=1", "a[=1" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(queries); i++) {
                assert_int_equal(ask(queries[i]), 0);
                assert_null(items[0].key);
        }
}

static void a_bad_query_is_refused_like_a_bad_path(void **state) {
        refuses_query("a=%", PERCENT);
        refuses_query("%4=1", PERCENT);
        refuses_query("a=%2&b=1", PERCENT);
        refuses_query("a=%00", CONTROL);
        refuses_query("%00=1", CONTROL);
        refuses_query("a=%0d%0aX: y", CONTROL);
        refuses_query("a=\x01", CONTROL);
        refuses_query("a=%ff", UTF8);
        refuses_query("%c0%af=1", UTF8);
        refuses_query("a=%C3&b=%A9", UTF8);
}

static void a_query_has_at_most_32_items(void **state) {
        char query[4 * (SOVD_QUERY_MAX + 1) + 1] = "";

        for (int i = 0; i < SOVD_QUERY_MAX; i++)
                strcat(query, "a=1&");
        assert_int_equal(ask(query), 0);
        assert_int_equal(n_items, SOVD_QUERY_MAX);

        strcat(query, "a=1");
        refuses_query(query, "more than 32 query parameters");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_arena, free_arena)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_path_is_split_at_its_slashes),
                TEST(one_slash_at_the_end_is_ignored),
                TEST(each_segment_is_decoded_by_itself),
                TEST(what_would_be_another_path_leads_on),
                TEST(a_path_without_a_slash_in_front_is_refused),
                TEST(dot_segments_are_refused_in_every_spelling),
                TEST(empty_segments_are_refused),
                TEST(a_bad_percent_sign_is_refused),
                TEST(control_characters_are_refused),
                TEST(broken_and_overlong_utf8_is_refused),
                TEST(a_path_has_at_most_40_segments),
                TEST(a_long_segment_is_kept_whole),
                TEST(no_query_has_no_items),
                TEST(items_have_names_and_values),
                TEST(names_and_values_are_decoded),
                TEST(a_plus_is_a_plus),
                TEST(brackets_raw_or_encoded_give_a_key),
                TEST(brackets_elsewhere_are_part_of_the_name),
                TEST(a_bad_query_is_refused_like_a_bad_path),
                TEST(a_query_has_at_most_32_items),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
