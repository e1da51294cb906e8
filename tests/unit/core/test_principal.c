/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/principal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define WORDS(...)                                                                                     \
        { .items = (const char *[]){ __VA_ARGS__ }, .n = SOVD_N_ELEMENTS(((const char *[]){ __VA_ARGS__ })), .set = true }

static const struct sovd_principal fitter = {
        .id = "key:fitter",
        .admin = true,
        .roles = WORDS("tester", "a \"quoted\" one"),
        .scopes = WORDS("read"),
        .tenant = "a",
        .method = "api-key",
        .token_id = "fitter",
        .certificate = "ab",
        .chain = "-----BEGIN\nx\n",
        .expires_usec = 7,
};

static void same(const struct sovd_principal *a, const struct sovd_principal *b) {
        assert_string_equal(a->id, b->id);
        assert_int_equal(a->admin, b->admin);
        assert_int_equal(a->roles.n, b->roles.n);
        for (size_t i = 0; i < a->roles.n; i++)
                assert_string_equal(a->roles.items[i], b->roles.items[i]);
        assert_int_equal(a->scopes.n, b->scopes.n);
        assert_int_equal(a->scopes.set, b->scopes.set);
        for (size_t i = 0; i < a->scopes.n; i++)
                assert_string_equal(a->scopes.items[i], b->scopes.items[i]);
        assert_true(a->tenant ? sovd_streq(a->tenant, b->tenant) : !b->tenant);
        assert_true(a->method ? sovd_streq(a->method, b->method) : !b->method);
        assert_true(a->token_id ? sovd_streq(a->token_id, b->token_id) : !b->token_id);
        assert_true(a->chain ? sovd_streq(a->chain, b->chain) : !b->chain);
}

static void a_copy_is_one_piece_of_memory(void **state) {
        _cleanup_(sovd_freep) struct sovd_principal *copy = sovd_principal_dup(&fitter);

        assert_non_null(copy);
        same(copy, &fitter);
        assert_string_equal(copy->certificate, "ab");
        assert_int_equal(copy->expires_usec, 7);
        assert_ptr_not_equal(copy->roles.items[0], fitter.roles.items[0]);
}

static void read_back(const struct sovd_principal *from) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_principal found = { .id = from->id };
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        sovd_json_writer_init(&w, 0, 0);
        sovd_principal_write(from, &w);
        assert_int_equal(sovd_json_writer_finish(&w, &text, &len), 0);
        assert_int_equal(sovd_principal_read(&found, text, arena), 0);
        same(&found, from);
        sovd_json_writer_done(&w);
}

static void what_was_written_is_read(void **state) {
        const struct sovd_principal plain = { .id = "x" }, no_scope = { .id = "x", .scopes = { .set = true } };

        read_back(&fitter);
        read_back(&plain);
        read_back(&no_scope); /* none is not the same as no word of it */
}

static void text_that_nobody_wrote_is_refused(void **state) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_principal found = { .id = "x" };

        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        for (const char *const *text = (const char *const[]){ "", "{", "[]", "{\"roles\":3}", "{\"rols\":[]}", NULL }; *text; text++)
                assert_true(sovd_principal_read(&found, *text, arena) > 0);
        assert_int_equal(found.roles.n, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_copy_is_one_piece_of_memory),
                cmocka_unit_test(what_was_written_is_read),
                cmocka_unit_test(text_that_nobody_wrote_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
