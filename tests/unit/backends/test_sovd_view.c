/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/view.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct view *new_view(size_t max) {
        struct view *view = NULL;

        assert_int_equal(view_new(&view, max), 0);
        return view;
}

static struct sovd_entity_spec *add(struct view *view, enum sovd_entity_type type, const char *id) {
        struct sovd_entity_spec *e;

        assert_int_equal(view_add(view, type, id, NULL, &e), 0);
        return e;
}

static void id_comes_once_per_type(void **state) {
        _cleanup_(view_freep) struct view *view = new_view(10);

        assert_non_null(add(view, SOVD_COMPONENT, "a"));
        assert_non_null(add(view, SOVD_COMPONENT, "a"));
        assert_non_null(add(view, SOVD_APP, "a"));
        assert_int_equal(view->n, 2);
        assert_int_equal(view_find(view, SOVD_AREA, "a"), -1);
}

static void entity_without_an_id_is_left_out(void **state) {
        _cleanup_(view_freep) struct view *view = new_view(10);

        assert_null(add(view, SOVD_COMPONENT, NULL));
        (void)add(view, SOVD_COMPONENT, "a");
        assert_null(add(view, SOVD_COMPONENT, NULL));
        assert_int_equal(view->n_skipped, 2);
}

static void entities_over_the_limit_are_left_out_and_counted(void **state) {
        _cleanup_(view_freep) struct view *view = new_view(1000);
        char id[16];

        for (int i = 0; i < 1005; i++) {
                (void)snprintf(id, sizeof(id), "c%d", i);
                assert_int_equal(add(view, SOVD_COMPONENT, id) != NULL, i < 1000);
        }
        assert_int_equal(view->n, 1000);
        assert_int_equal(view->n_skipped, 5);
        assert_int_equal(view_find(view, SOVD_COMPONENT, "c777"), 777);
}

/* 20,000 relations of 200 bytes are 4 MB: five entities with seven such lists would take 140 MB. */
static void strings_over_the_budget_are_left_out_and_counted(void **state) {
        _cleanup_(view_freep) struct view *view = new_view(10);
        size_t n = 0;
        char text[200];

        for (int i = 0; i < 5; i++) {
                char id[2] = { (char)('a' + i), '\0' };
                struct sovd_entity_spec *e = add(view, SOVD_COMPONENT, id);
                for (int k = 0; e && k < 20000; k++) {
                        (void)snprintf(text, sizeof(text), "%0199d", k);
                        assert_int_equal(view_append(view, &e->relations[SOVD_RELATION_HOSTS], text), 0);
                }
                n += e ? e->relations[SOVD_RELATION_HOSTS].n : 0;
        }
        assert_true(view->n_bytes <= VIEW_BYTES_MAX && view->n_bytes > VIEW_BYTES_MAX - 512);
        assert_in_range(n, 60000, 99999);
        assert_true(n + view->n_skipped >= 100000);
}

static void relations_over_the_limit_are_counted(void **state) {
        _cleanup_(view_freep) struct view *view = new_view(10);
        struct sovd_entity_spec *e = add(view, SOVD_COMPONENT, "a");

        for (int k = 0; k < 20003; k++)
                assert_int_equal(view_append(view, &e->tags, "x"), 0);
        assert_int_equal(e->tags.n, 20000);
        assert_int_equal(view->n_skipped, 3);
}

static void name_is_the_id_when_there_is_none(void **state) {
        _cleanup_(view_freep) struct view *view = new_view(10);

        assert_string_equal(add(view, SOVD_COMPONENT, "a")->name, "a");
}

static void views_with_the_same_members_are_equal(void **state) {
        _cleanup_(view_freep) struct view *a = new_view(10), *b = new_view(10);

        assert_true(view_equals(a, b));
        struct sovd_entity_spec *x = add(a, SOVD_COMPONENT, "a");
        assert_false(view_equals(a, b));
        struct sovd_entity_spec *y = add(b, SOVD_COMPONENT, "a");
        assert_true(view_equals(a, b));

        x->category = "power";
        assert_false(view_equals(a, b));
        y->category = "power";
        assert_true(view_equals(a, b));
        assert_int_equal(view_append(a, &x->relations[SOVD_RELATION_HOSTS], "h"), 0);
        assert_false(view_equals(a, b));
        assert_int_equal(view_append(b, &y->relations[SOVD_RELATION_HOSTS], "h"), 0);
        assert_true(view_equals(a, b));
        y->collections = 1;
        assert_false(view_equals(a, b));
}

static void path_counts_when_views_are_compared(void **state) {
        _cleanup_(view_freep) struct view *a = new_view(10), *b = new_view(10);

        (void)add(a, SOVD_COMPONENT, "a");
        (void)add(b, SOVD_COMPONENT, "a");
        a->paths[0] = "/components/p/subcomponents/a";
        assert_false(view_equals(a, b));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(id_comes_once_per_type),
                cmocka_unit_test(entity_without_an_id_is_left_out),
                cmocka_unit_test(entities_over_the_limit_are_left_out_and_counted),
                cmocka_unit_test(strings_over_the_budget_are_left_out_and_counted),
                cmocka_unit_test(relations_over_the_limit_are_counted),
                cmocka_unit_test(name_is_the_id_when_there_is_none),
                cmocka_unit_test(views_with_the_same_members_are_equal),
                cmocka_unit_test(path_counts_when_views_are_compared),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
