/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/error.h"
#include "sovd-core/base/secret.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
        struct sovd_arena *arena;
        char folder[64], path[128];
        const char *why;
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_int_equal(sovd_arena_new(&f->arena, 1024), 0);
        (void)strcpy(f->folder, "/tmp/secretXXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->path, sizeof(f->path), "%s/key", f->folder);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        (void)unlink(f->path);
        (void)rmdir(f->path);
        (void)rmdir(f->folder);
        sovd_arena_free(f->arena);
        free(f);
        return 0;
}

static void write_file(const struct fixture *f, const char *bytes, size_t n, mode_t mode) {
        FILE *file = fopen(f->path, "w");

        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, n, file), n);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(f->path, mode), 0);
}

static void expect(struct fixture *f, const char *notation, const char *bytes, size_t n) {
        struct sovd_secret *secret = NULL;
        size_t length;

        assert_int_equal(sovd_secret_read(&secret, notation, f->arena, &f->why), 0);
        const char *found = sovd_secret_bytes(secret, &length);
        assert_int_equal(length, n);
        assert_memory_equal(found, bytes, n);
        assert_int_equal(found[n], 0);
        sovd_secret_unref(secret);
}

static void expect_refusal(struct fixture *f, const char *notation, int error, const char *said) {
        struct sovd_secret *secret = NULL;

        assert_int_equal(sovd_secret_read(&secret, notation, f->arena, &f->why), error);
        assert_null(secret);
        if (!strstr(f->why, said))
                fail_msg("'%s' does not say '%s'", f->why, said);
        assert_null(strstr(f->why, "hidden"));
}

static void a_file_of_its_owner_is_read_without_the_line_break_at_its_end(void **state) {
        struct fixture *f = *state;

        write_file(f, "hidden\n", 7, 0600);
        expect(f, f->path, "hidden", 6);
        write_file(f, "hid\0den\r\n", 9, 0400);
        (void)chmod(f->path, 0600);
        expect(f, f->path, "hid\0den", 7);
        write_file(f, "hidden\n\n", 8, 0600);
        expect(f, f->path, "hidden\n", 7);
}

static void a_file_that_others_can_read_or_change_is_refused_with_its_mode(void **state) {
        static const mode_t modes[] = { 0640, 0620, 0604, 0602, 0610, 0601, 0666, 0777 };
        struct fixture *f = *state;
        char said[8];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(modes); i++) {
                write_file(f, "hidden", 6, modes[i]);
                (void)snprintf(said, sizeof(said), "%04o", (unsigned)modes[i]);
                expect_refusal(f, f->path, -EPERM, said);
                assert_non_null(strstr(f->why, f->path));
        }
        if (geteuid() == 0) {
                write_file(f, "hidden", 6, 0600);
                assert_int_equal(chown(f->path, 4711, 4711), 0);
                expect_refusal(f, f->path, -EPERM, "4711");
        }
}

static void what_is_no_usable_file_is_refused(void **state) {
        struct fixture *f = *state;
        static char much[SOVD_SECRET_BYTES_MAX + 1];

        expect_refusal(f, f->path, -ENOENT, f->path);
        write_file(f, "", 0, 0600);
        expect_refusal(f, f->path, -ENODATA, "empty");
        write_file(f, "\n", 1, 0600);
        expect_refusal(f, f->path, -ENODATA, "empty");
        memset(much, 'x', sizeof(much));
        write_file(f, much, sizeof(much), 0600);
        expect_refusal(f, f->path, -EMSGSIZE, "65536");
        write_file(f, much, sizeof(much) - 1, 0600);
        expect(f, f->path, much, sizeof(much) - 1);
        assert_int_equal(unlink(f->path), 0);
        assert_int_equal(mkdir(f->path, 0700), 0);
        expect_refusal(f, f->path, -EINVAL, "no file");
        assert_int_equal(rmdir(f->path), 0);
        assert_int_equal(mkfifo(f->path, 0600), 0);
        expect_refusal(f, f->path, -EINVAL, "no file");
        expect_refusal(f, "/dev/null", -EINVAL, "no file");
}

static void a_file_that_this_user_cannot_open_is_told_with_the_way_for_services(void **state) {
        const uid_t me = geteuid();
        struct fixture *f = *state;

        write_file(f, "hidden", 6, 0);
        assert_int_equal(me == 0 ? seteuid(65534) : 0, 0); /* root may open everything */
        struct sovd_secret *secret = NULL;
        const int r = sovd_secret_read(&secret, f->path, f->arena, &f->why);
        assert_int_equal(me == 0 ? seteuid(me) : 0, 0);
        assert_int_equal(r, -EACCES);
        assert_non_null(strstr(f->why, "credential:NAME"));
}

static void a_credential_is_read_of_the_folder_of_the_service_manager(void **state) {
        struct fixture *f = *state;

        (void)unsetenv("CREDENTIALS_DIRECTORY");
        expect_refusal(f, "credential:key", -ENOENT, "CREDENTIALS_DIRECTORY");
        (void)setenv("CREDENTIALS_DIRECTORY", f->folder, 1);
        expect_refusal(f, "credential:key", -ENOENT, f->path);
        write_file(f, "hidden", 6, 0440); /* as the service manager gives it to a user by an access list */
        expect(f, "credential:key", "hidden", 6);
        (void)chmod(f->path, 0444);
        expect_refusal(f, "credential:key", -EPERM, "0444");
        assert_int_equal(unlink(f->path), 0);
        assert_int_equal(symlink("/etc/hostname", f->path), 0);
        expect_refusal(f, "credential:key", -ELOOP, f->path);
        (void)unsetenv("CREDENTIALS_DIRECTORY");
}

static void a_variable_is_read_of_the_environment(void **state) {
        struct fixture *f = *state;

        (void)setenv("A_SECRET", "hidden", 1);
        expect(f, "env:A_SECRET", "hidden", 6);
        (void)setenv("A_SECRET", "", 1);
        expect_refusal(f, "env:A_SECRET", -ENOENT, "A_SECRET");
        (void)unsetenv("A_SECRET");
        expect_refusal(f, "env:A_SECRET", -ENOENT, "A_SECRET");
}

static void other_notations_are_refused(void **state) {
        static const char *const wrong[] = { "",        "key",          "./key",     "credential:",  "credential:a/b", "credential:..",
                                             "env:",    "env:a b",      "env:a=b",   "vault:",       "vault:a",        "vault:#f",
                                             "vault:a#", "vault:/a#f",  "vault:a/#f", "vault:a//b#f", "vault:a/../b#f", "vault:a?b#f",
                                             "vault:a b#f", "vault:a#f/g", "vault:a#f#g", "http://x/y" };
        struct fixture *f = *state;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(wrong); i++) {
                assert_non_null(sovd_secret_check(wrong[i]));
                expect_refusal(f, wrong[i], -EINVAL, "");
        }
        assert_null(sovd_secret_check("vault:a/b-c#field"));
        expect_refusal(f, "vault:a/b-c#field", -ENOTSUP, "Vault");
}

static void secrets_are_compared_whole(void **state) {
        struct sovd_secret *a, *b, *c, *d;

        assert_int_equal(sovd_secret_new(&a, "one", 3), 0);
        assert_int_equal(sovd_secret_new(&b, "one", 3), 0);
        assert_int_equal(sovd_secret_new(&c, "onf", 3), 0);
        assert_int_equal(sovd_secret_new(&d, "ones", 4), 0);
        assert_int_equal(sovd_secret_new(&d, "", 0), -ENODATA);
        assert_true(sovd_secret_same(a, b));
        assert_false(sovd_secret_same(a, c));
        assert_false(sovd_secret_same(a, d));
        assert_ptr_equal(sovd_secret_ref(a), a);
        sovd_secret_unref(a);
        assert_true(sovd_secret_same(a, b));
        sovd_secret_unref(a);
        sovd_secret_unref(b);
        sovd_secret_unref(c);
        sovd_secret_unref(d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
                TEST(a_file_of_its_owner_is_read_without_the_line_break_at_its_end),
                TEST(a_file_that_others_can_read_or_change_is_refused_with_its_mode),
                TEST(what_is_no_usable_file_is_refused),
                TEST(a_file_that_this_user_cannot_open_is_told_with_the_way_for_services),
                TEST(a_credential_is_read_of_the_folder_of_the_service_manager),
                TEST(a_variable_is_read_of_the_environment),
                TEST(other_notations_are_refused),
                TEST(secrets_are_compared_whole),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
