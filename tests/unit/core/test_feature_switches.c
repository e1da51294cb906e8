/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/arena.h"
#include "sovd-core/base/db.h"
#include "sovd-core/feature_switches.h"
#include "sovd-core/state.h"
#include <errno.h>

static struct sovd_db *db;
static struct sovd_features *features;
static struct sovd_arena *arena;

static int setup(void **state) {
        (void)state;
        assert_int_equal(sovd_state_open(&db, NULL, NULL), 0);
        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        return sovd_features_new(&features, db);
}

static int teardown(void **state) {
        (void)state;
        features = sovd_features_free(features);
        sovd_arena_free(arena);
        db = sovd_db_close(db);
        return 0;
}

static void test_everything_is_on_and_nobody_changed_it(void **state) {
        struct sovd_feature_state s;
        (void)state;

        for (int i = 0; i < SOVD_N_FEATURES; i++) {
                assert_true(sovd_features_is_on(features, (enum sovd_feature)i));
                assert_true(sovd_features_is_on(NULL, (enum sovd_feature)i));
                assert_int_equal(sovd_features_read(features, (enum sovd_feature)i, arena, &s), 0);
                assert_true(s.on);
                assert_int_equal(s.changed_usec, 0);
                assert_null(s.changed_by);
        }
}

static void test_a_switch_moves_one_feature_alone_and_says_who(void **state) {
        struct sovd_feature_state s;
        (void)state;

        assert_int_equal(sovd_features_set(features, SOVD_FEATURE_STREAMS, false, "keeper", "too many"), 0);
        for (int i = 0; i < SOVD_N_FEATURES; i++)
                assert_int_equal(sovd_features_is_on(features, (enum sovd_feature)i), i != SOVD_FEATURE_STREAMS);
        assert_int_equal(sovd_features_read(features, SOVD_FEATURE_STREAMS, arena, &s), 0);
        assert_string_equal(s.changed_by, "keeper");
        assert_string_equal(s.reason, "too many");
        assert_true(s.changed_usec > 0);
        assert_int_equal(sovd_features_set(features, SOVD_FEATURE_STREAMS, true, "keeper", NULL), 0);
        assert_true(sovd_features_is_on(features, SOVD_FEATURE_STREAMS));
        assert_int_equal(sovd_features_read(features, SOVD_FEATURE_STREAMS, arena, &s), 0);
        assert_null(s.reason);
}

static void test_another_start_finds_what_was_left(void **state) {
        struct sovd_features *again;
        struct sovd_feature_state s;
        (void)state;

        assert_int_equal(sovd_features_set(features, SOVD_FEATURE_MUTATIONS, false, "keeper", "kept"), 0);
        assert_int_equal(sovd_features_new(&again, db), 0);
        assert_false(sovd_features_is_on(again, SOVD_FEATURE_MUTATIONS));
        assert_int_equal(sovd_features_read(again, SOVD_FEATURE_MUTATIONS, arena, &s), 0);
        assert_string_equal(s.reason, "kept");
        sovd_features_free(again);
}

static int refuse_commits(struct sovd_db_conn *conn, void *data) {
        (void)conn;
        (void)data;
        return -ENOSPC;
}

static int accompany(struct sovd_db_conn *conn, uint64_t number, void *data) {
        (void)conn;
        (void)number;
        (void)data;
        return 0;
}

static void ignore(int result, void *data) {
        (void)result;
        (void)data;
}

static void test_what_is_not_durable_does_not_hold(void **state) {
        const struct sovd_db_hooks full = { accompany, refuse_commits, ignore, NULL };
        (void)state;

        sovd_db_set_hooks(db, &full);
        assert_int_equal(sovd_features_set(features, SOVD_FEATURE_MUTATIONS, false, "keeper", NULL), -ENOSPC);
        sovd_db_set_hooks(db, NULL);
        assert_true(sovd_features_is_on(features, SOVD_FEATURE_MUTATIONS));
}

static int add_unknown(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *s;
        (void)data;

        int r = sovd_db_prepare(conn, &s, "INSERT INTO feature(id, enabled, changed_usec) VALUES('of-another-version', 0, 1)");
        return r ? r : sovd_db_run(s);
}

static void test_one_that_is_not_known_here_is_left_alone(void **state) {
        struct sovd_features *again;
        (void)state;

        assert_int_equal(sovd_db_write(db, add_unknown, NULL), 0);
        assert_int_equal(sovd_features_new(&again, db), 0);
        for (int i = 0; i < SOVD_N_FEATURES; i++)
                assert_true(sovd_features_is_on(again, (enum sovd_feature)i));
        assert_int_equal(sovd_feature_find("of-another-version"), -1);
        assert_int_equal(sovd_feature_find("streams"), SOVD_FEATURE_STREAMS);
        sovd_features_free(again);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_everything_is_on_and_nobody_changed_it, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_switch_moves_one_feature_alone_and_says_who, setup, teardown),
                cmocka_unit_test_setup_teardown(test_another_start_finds_what_was_left, setup, teardown),
                cmocka_unit_test_setup_teardown(test_what_is_not_durable_does_not_hold, setup, teardown),
                cmocka_unit_test_setup_teardown(test_one_that_is_not_known_here_is_left_alone, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
