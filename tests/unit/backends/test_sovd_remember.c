/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/remember.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct view *new_view(void) {
        struct view *view = NULL;

        assert_int_equal(view_new(&view, SOVD_BACKEND_ENTITIES_MAX), 0);
        return view;
}

static struct sovd_entity_spec *add(struct view *view, enum sovd_entity_type type, const char *id, const char *name) {
        struct sovd_entity_spec *e;

        assert_int_equal(view_add(view, type, id, name, &e), 0);
        assert_non_null(e);
        return e;
}

/* Every member of an entity, each with a value of its own. */
static struct view *rich_view(void) {
        struct view *view = new_view();
        struct sovd_entity_spec *e = add(view, SOVD_COMPONENT, "bms", "Battery \"1\" \n \xc3\xa4");

        e->translation_id = "t-bms";
        e->category = "";
        e->description = "keeps cells";
        e->variant = "{\"sw\":\"1.2\",\"n\":23.0}";
        e->collections = (1u << SOVD_N_COLLECTIONS) - 1;
        assert_int_equal(view_append(view, &e->tags, "hv"), 0);
        for (int k = 0; k < SOVD_N_RELATIONS; k++) {
                assert_int_equal(view_append(view, &e->relations[k], sovd_relation_names[k]), 0);
                assert_int_equal(view_append(view, &e->relations[k], "another"), 0);
        }
        view->paths[0] = "/components/p/subcomponents/bms%20x";
        (void)add(view, SOVD_APP, "bms", NULL);
        (void)add(view, SOVD_AREA, "front left", NULL);
        add(view, SOVD_FUNCTION, "charge", NULL)->collections = 1u << SOVD_COLLECTION_FAULTS;
        view->updates = true;
        return view;
}

static char *text_of(const struct view *view, const struct dialect *dialect) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, REMEMBER_BYTES_MAX);
        remember_encode(view, dialect, &w);
        assert_int_equal(sovd_json_writer_finish(&w, &text, &len), 0);
        char *copy = strdup(text);
        sovd_json_writer_done(&w);
        return copy;
}

static int decode(const char *text, size_t len, struct view **ret, const struct dialect **ret_dialect) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        const char *why = NULL;

        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        int r = remember_decode(text, len, ret, ret_dialect, arena, &why);
        assert_true(!r == !why);
        return r;
}

static void a_view_comes_back_as_it_was(void **state) {
        static const struct dialect *const dialects[] = { &dialect_iso, &dialect_odata };
        _cleanup_(view_freep) struct view *view = rich_view();

        for (size_t i = 0; i < SOVD_N_ELEMENTS(dialects); i++) {
                _cleanup_(sovd_freep) char *text = text_of(view, dialects[i]);
                _cleanup_(view_freep) struct view *back = NULL;
                const struct dialect *dialect = NULL;

                assert_int_equal(decode(text, strlen(text), &back, &dialect), 0);
                assert_true(view_equals(view, back));
                assert_ptr_equal(dialect, dialects[i]);
                assert_int_equal(view_find(back, SOVD_APP, "bms"), 1);
        }
}

static void an_empty_view_comes_back(void **state) {
        _cleanup_(view_freep) struct view *view = new_view(), *back = NULL;
        _cleanup_(sovd_freep) char *text = text_of(view, &dialect_iso);
        const struct dialect *dialect;

        assert_int_equal(decode(text, strlen(text), &back, &dialect), 0);
        assert_true(view_equals(view, back));
}

static void as_many_entities_as_a_server_may_have_come_back(void **state) {
        _cleanup_(view_freep) struct view *view = new_view(), *back = NULL;
        const struct dialect *dialect;
        char id[32];

        for (int i = 0; i < SOVD_BACKEND_ENTITIES_MAX; i++) {
                (void)snprintf(id, sizeof(id), "component-%05d", i);
                add(view, SOVD_COMPONENT, id, NULL)->collections = 0x1f;
        }
        _cleanup_(sovd_freep) char *text = text_of(view, &dialect_iso);
        assert_int_equal(decode(text, strlen(text), &back, &dialect), 0);
        assert_true(view_equals(view, back));
}

/* Whatever is cut off, or has a byte that is another one, is refused or is a view: never more, and nothing leaks. */
static void what_is_damaged_does_no_harm(void **state) {
        _cleanup_(view_freep) struct view *view = rich_view();
        _cleanup_(sovd_freep) char *text = text_of(view, &dialect_iso);
        const size_t n = strlen(text);

        for (size_t i = 0; i < n; i++) {
                static const char others[] = { '\0', '"', '{', ',', '9', '\xff', '/' };
                struct view *back = NULL;
                const struct dialect *dialect;
                const char was = text[i];

                assert_int_equal(decode(text, i, &back, &dialect), SOVD_E_BAD_REQUEST);
                for (size_t k = 0; k < sizeof(others); k++) {
                        text[i] = others[k];
                        int r = decode(text, n, &back, &dialect);
                        assert_true(r == 0 || r == SOVD_E_BAD_REQUEST);
                        back = r ? NULL : view_free(back);
                }
                text[i] = was;
        }
}

static void a_text_over_the_limit_is_refused(void **state) {
        _cleanup_(sovd_freep) char *text = malloc(REMEMBER_BYTES_MAX + 2);
        const struct dialect *dialect;
        struct view *back = NULL;

        assert_non_null(text);
        memset(text, ' ', REMEMBER_BYTES_MAX + 1);
        assert_int_equal(decode(text, REMEMBER_BYTES_MAX + 1, &back, &dialect), SOVD_E_BAD_REQUEST);
}

static void a_view_over_the_limit_is_not_written(void **state) {
        _cleanup_(view_freep) struct view *view = new_view();
        struct sovd_entity_spec *e = add(view, SOVD_COMPONENT, "a", NULL);
        struct sovd_json_writer w;
        char tag[300];
        const char *text;
        size_t len;

        (void)snprintf(tag, sizeof(tag), "%0299d", 1);
        for (int i = 0; i < 15000; i++)
                assert_int_equal(view_append(view, &e->tags, tag), 0);
        sovd_json_writer_init(&w, 0, REMEMBER_BYTES_MAX);
        remember_encode(view, &dialect_iso, &w);
        assert_int_equal(sovd_json_writer_finish(&w, &text, &len), -E2BIG);
        sovd_json_writer_done(&w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_view_comes_back_as_it_was),
                cmocka_unit_test(an_empty_view_comes_back),
                cmocka_unit_test(as_many_entities_as_a_server_may_have_come_back),
                cmocka_unit_test(what_is_damaged_does_no_harm),
                cmocka_unit_test(a_text_over_the_limit_is_refused),
                cmocka_unit_test(a_view_over_the_limit_is_not_written),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
