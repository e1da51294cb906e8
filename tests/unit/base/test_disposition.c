/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/disposition.h"
#include "sovd-core/base/error.h"

static int new_arena(void **state) {
        return sovd_arena_new((struct sovd_arena **)state, 1024);
}

static int free_arena(void **state) {
        (void)sovd_arena_free(*state);
        return 0;
}

static void names_are_read_in_every_form(void **state) {
        static const struct {
                const char *field, *type, *name, *filename;
        } rows[] = {
                { "attachment", "attachment", NULL, NULL },
                { "form-data; name=plain", "form-data", "plain", NULL },
                { "form-data;name=\"a \\\"b\\\" \\\\\" ; filename=\"x y.bin\";", "form-data", "a \"b\" \\",
                  "x y.bin" },
                { "attachment; NAME=a; FileName=b", "attachment", "a", "b" },
                { "attachment; filename=plain; filename*=UTF-8''K%c3%A4se", "attachment", NULL,
                  "K\xc3\xa4se" },
                { "attachment; filename*=utf-8'de'b; filename=plain", "attachment", NULL, "b" },
                { "attachment; filename=\"/etc/passwd\"", "attachment", NULL, "passwd" },
                { "attachment; filename*=UTF-8''..%2F..%5Cx", "attachment", NULL, "x" },
                { "attachment; filename=\"C:\\\\dir\\\\x\"", "attachment", NULL, "x" },
        };
        struct sovd_disposition d;
        const char *reason;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                assert_int_equal(sovd_disposition_parse(rows[i].field, *state, &d, &reason), 0);
                assert_string_equal(d.type, rows[i].type);
                assert_true(rows[i].name ? sovd_streq(d.name, rows[i].name) : !d.name);
                assert_true(rows[i].filename ? sovd_streq(d.filename, rows[i].filename) : !d.filename);
        }
}

static void malformed_fields_are_refused_with_a_reason(void **state) {
        static const char *const bad[] = { "",
                                           ";",
                                           "; name=x",
                                           "a b",
                                           "a; name",
                                           "a; name=",
                                           "a; name=\"\"",
                                           "a; name=\"x",
                                           "a; name=x y",
                                           "a; name=x; name=y",
                                           "a; name=\"\x01\"",
                                           "a; name=\"\xff\"",
                                           "a; filename*=x",
                                           "a; filename*=UTF-8'x",
                                           "a; filename*=UTF-8''%4",
                                           "a; filename*=UTF-8''%zz",
                                           "a; filename*=UTF-8''%0A",
                                           "a; filename*=UTF-8''%C3",
                                           "a; filename=\"dir/\"" };
        struct sovd_disposition d;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad); i++) {
                const char *reason = NULL;
                assert_int_equal(sovd_disposition_parse(bad[i], *state, &d, &reason), SOVD_E_BAD_REQUEST);
                assert_non_null(reason);
        }
}

static void a_filename_is_written_for_old_and_new_readers(void **state) {
        assert_string_equal(sovd_disposition_format(*state, "x y.bin"), "attachment; filename=\"x y.bin\"");
        assert_string_equal(sovd_disposition_format(*state, "\"\xc3\xa4\r\n"),
                            "attachment; filename=\"_____\"; filename*=UTF-8''%22%C3%A4%0D%0A");
}

static void media_types_are_tokens_with_parameters(void **state) {
        static const char *const good[] = { "a/b", "application/x-foo+bar", "text/plain; charset=utf-8" };
        static const char *const bad[] = { "", "a", "a/", "/b", "a/b c", "a/b\n", "a/b;\x7f", "a b/c" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(good); i++)
                assert_true(sovd_media_type_is_valid(good[i]));
        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad); i++)
                assert_false(sovd_media_type_is_valid(bad[i]));
        assert_true(sovd_media_type_is("Multipart/Form-Data; boundary=x", "multipart/form-data"));
        assert_false(sovd_media_type_is("multipart/form-dat", "multipart/form-data"));
}

static void a_parameter_is_found_among_others(void **state) {
        const char *value;

        assert_int_equal(sovd_field_parameter("a/b; x=1; Boundary=\"a;b\"", "boundary", *state, &value), 0);
        assert_string_equal(value, "a;b");
        assert_int_equal(sovd_field_parameter("a/b", "boundary", *state, &value), 0);
        assert_null(value);
        assert_int_equal(sovd_field_parameter("a/b; x", "boundary", *state, &value), SOVD_E_BAD_REQUEST);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(names_are_read_in_every_form, new_arena, free_arena),
                cmocka_unit_test_setup_teardown(malformed_fields_are_refused_with_a_reason, new_arena,
                                                free_arena),
                cmocka_unit_test_setup_teardown(a_filename_is_written_for_old_and_new_readers, new_arena,
                                                free_arena),
                cmocka_unit_test(media_types_are_tokens_with_parameters),
                cmocka_unit_test_setup_teardown(a_parameter_is_found_among_others, new_arena, free_arena),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
