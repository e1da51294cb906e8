/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/executions.h"
#include "sovd-core/idempotency.h"
#include "sovd-core/state.h"
#include <stdio.h>

#define MAX       4
#define RETENTION (60 * SOVD_USEC_PER_SEC)

static struct sovd_db *db; /* in memory: it outlives the rest */
static struct sovd_executions *executions;
static struct sovd_idempotency *keys;
static struct sovd_arena *arena;
static struct sovd_execution_ref ref;
static struct sovd_idempotent_answer answer;
static uint64_t now_usec, utc_usec;

static const struct sovd_entity bms = { .type = SOVD_COMPONENT, .id = "bms" };

static uint64_t fake_now(void) {
        return now_usec;
}

static uint64_t fake_utc(void) {
        return utc_usec;
}

static void pass(uint64_t usec) {
        now_usec += usec;
        utc_usec += usec;
}

static int start(void) {
        const struct sovd_idempotency_limits limits = {
                .keys = 4, .keys_per_client = 3, .bytes = 1000, .retention_usec = RETENTION
        };

        int r = sovd_executions_new(&executions, db, MAX, RETENTION);
        return r ? r : sovd_idempotency_new(&keys, db, &limits);
}

static void quit(void) {
        executions = sovd_executions_free(executions);
        keys = sovd_idempotency_free(keys);
}

/* The machine may have been started anew too: its monotonic clock begins at 0. */
static void restart(void) {
        quit();
        now_usec = 5 * SOVD_USEC_PER_SEC;
        assert_int_equal(start(), 0);
}

static int make(void **state) {
        static const struct sovd_clock fake = { fake_now, fake_utc, NULL };

        now_usec = 1000 * SOVD_USEC_PER_SEC;
        utc_usec = 2000000 * SOVD_USEC_PER_SEC;
        sovd_clock_replace(&fake);
        if (sovd_arena_new(&arena, 4096) || sovd_state_open(&db, NULL, NULL))
                return -1;
        return start();
}

static int unmake(void **state) {
        quit();
        db = sovd_db_close(db);
        arena = sovd_arena_free(arena);
        sovd_clock_replace(NULL);
        return 0;
}

/* --- helpers ------------------------------------------------------------------------------------------------ */

/* As a handler does it; returns the id in the arena. */
static const char *begin(void) {
        char id[SOVD_ID_SIZE];

        assert_true(sovd_executions_reserve(executions));
        assert_int_equal(sovd_executions_begin(executions, &bms, "test", "a", NULL, NULL, id), 0);
        return sovd_arena_strdup(arena, id);
}

static const char *run(const char *backend_id) {
        const char *id = begin();

        assert_int_equal(sovd_executions_add(executions, &bms, "test", backend_id, id, &ref, arena), 0);
        assert_string_equal(ref.id, id);
        return id;
}

static int find(const char *id) {
        ref = (struct sovd_execution_ref){ .ended = "untouched" };
        return sovd_executions_find(executions, &bms, "test", id, &ref, arena);
}

static void counts(size_t total, size_t running) {
        size_t n = 99, n_running = 99;

        sovd_executions_count(executions, &n, &n_running);
        assert_int_equal(n, total);
        assert_int_equal(n_running, running);
}

static int run_sql(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *s;
        int r = sovd_db_prepare(conn, &s, data);

        return r ? r : sovd_db_run(s);
}

static void sql(const char *text) {
        assert_int_equal(sovd_db_write(db, run_sql, (void *)(uintptr_t)text), 0);
}

static int count_rows(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *s;
        bool row;
        int r = sovd_db_prepare(conn, &s, "SELECT count(*) FROM execution");

        if (!r)
                r = sovd_db_step(s, &row);
        *(int64_t *)data = r ? -1 : sovd_db_int(s, 0);
        return r;
}

static int64_t rows(void) {
        int64_t n = -1;

        assert_int_equal(sovd_db_write(db, count_rows, &n), 0);
        return n;
}

/* --- executions --------------------------------------------------------------------------------------------- */

static void one_that_runs_is_known_by_its_name_and_marked(void **state) {
        const char *id = run("42");

        assert_false(ref.is_restored);
        restart();
        assert_int_equal(find(id), 0);
        assert_string_equal(ref.backend_id, "42");
        assert_null(ref.ended);
        assert_true(ref.is_restored);
        assert_true(sovd_executions_knows(executions, &bms, "test", "42"));
        counts(1, 1);
}

static void one_that_runs_counts_for_who_started_it(void **state) {
        const char *id = run("42");

        restart();
        sovd_executions_limit_clients(executions, 1);
        assert_int_equal(sovd_executions_reserve_for(executions, "a"), SOVD_E_TOO_MANY);
        assert_int_equal(sovd_executions_reserve_for(executions, "b"), 0);
        assert_int_equal(sovd_executions_end(executions, id, "{}"), 0);
        assert_int_equal(sovd_executions_reserve_for(executions, "a"), 0);
}

static void one_that_was_seen_before_its_start_was_answered_counts_for_who_started_it(void **state) {
        const char *id = begin();

        assert_int_equal(sovd_executions_add(executions, &bms, "test", "42", NULL, &ref, arena), 0);
        assert_int_equal(sovd_executions_add(executions, &bms, "test", "42", id, &ref, arena), 0);
        assert_string_not_equal(ref.id, id);
        restart();
        sovd_executions_limit_clients(executions, 1);
        assert_int_equal(sovd_executions_reserve_for(executions, "a"), SOVD_E_TOO_MANY);
}

static void one_that_ended_is_readable_until_its_retention_ends(void **state) {
        const char *id = run("42");

        assert_int_equal(sovd_executions_end(executions, id, "{\"status\":\"completed\"}"), 0);
        pass(20 * SOVD_USEC_PER_SEC);
        restart();
        assert_int_equal(find(id), 0);
        assert_string_equal(ref.ended, "{\"status\":\"completed\"}");
        assert_false(ref.is_restored);
        pass(39 * SOVD_USEC_PER_SEC);
        assert_int_equal(find(id), 0);
        pass(1 * SOVD_USEC_PER_SEC);
        assert_int_equal(find(id), SOVD_E_NOT_FOUND);
        restart();
        assert_int_equal(rows(), 0);
}

static void a_start_without_an_answer_has_failed_with_an_unknown_outcome(void **state) {
        const char *id = begin();

        assert_int_equal(find(id), SOVD_E_NOT_FOUND); /* nobody was told yet */
        restart();
        assert_int_equal(find(id), 0);
        assert_non_null(strstr(ref.ended, "\"failed\""));
        assert_non_null(strstr(ref.ended, "outcome-unknown"));
        assert_non_null(strstr(ref.ended, "not known whether it was started"));
        assert_string_equal(ref.backend_id, "");
        counts(1, 0);
        restart();
        assert_int_equal(find(id), 0); /* and stays so */
}

static void a_start_that_came_to_nothing_leaves_nothing(void **state) {
        const char *refused = begin();
        sovd_executions_release(executions, refused, false);
        const char *synchronous = begin();
        sovd_executions_release(executions, synchronous, true);

        assert_int_equal(rows(), 0);
        restart();
        counts(0, 0);
}

static void one_that_the_backend_has_forgotten_has_failed(void **state) {
        const char *id = run("42");

        restart();
        assert_int_equal(sovd_executions_end_lost(executions, id), 0);
        assert_int_equal(find(id), 0);
        assert_non_null(strstr(ref.ended, "outcome-unknown"));
        restart();
        assert_int_equal(find(id), 0);
        assert_non_null(strstr(ref.ended, "\"failed\""));
}

static void controls_and_removals_are_kept(void **state) {
        const char *first = run("1"), *second = run("2");

        assert_int_equal(sovd_executions_end(executions, first, "{}"), 0);
        assert_int_equal(sovd_executions_resume(executions, first, SOVD_CAPABILITY_FREEZE), 0);
        assert_int_equal(sovd_executions_remove(executions, second), 0);
        restart();
        assert_int_equal(find(first), 0);
        assert_int_equal(ref.capability, SOVD_CAPABILITY_FREEZE);
        assert_null(ref.ended);
        assert_int_equal(find(second), SOVD_E_NOT_FOUND);
        counts(1, 1);
}

static void one_that_was_found_at_the_backend_keeps_its_name(void **state) {
        assert_int_equal(sovd_executions_add(executions, &bms, "test", "7", NULL, &ref, arena), 0);
        const char *id = sovd_arena_strdup(arena, ref.id);

        restart();
        assert_int_equal(sovd_executions_add(executions, &bms, "test", "7", NULL, &ref, arena), 0);
        assert_string_equal(ref.id, id);
}

static void a_start_that_was_seen_in_a_list_before_has_the_name_of_the_list(void **state) {
        const char *id = begin();

        assert_int_equal(sovd_executions_add(executions, &bms, "test", "7", NULL, &ref, arena), 0);
        const char *listed = sovd_arena_strdup(arena, ref.id);
        assert_int_equal(sovd_executions_add(executions, &bms, "test", "7", id, &ref, arena), 0);
        assert_string_equal(ref.id, listed);
        assert_int_equal(rows(), 1);
        restart();
        assert_int_equal(find(listed), 0);
        counts(1, 1);
}

static void an_id_that_the_backend_gave_anew_belongs_to_the_new_one(void **state) {
        const char *old = run("1");

        restart(); /* and the backend counts from 1 again */
        const char *fresh = run("1");
        restart();
        assert_int_equal(find(old), 0);
        assert_string_equal(ref.backend_id, "");
        assert_true(ref.is_restored);
        assert_int_equal(find(fresh), 0);
        assert_string_equal(ref.backend_id, "1");
}

static void the_table_is_no_larger_than_the_limit(void **state) {
        char name[8];

        for (int i = 0; i < 3 * MAX; i++) {
                (void)snprintf(name, sizeof(name), "%d", i);
                assert_int_equal(sovd_executions_end(executions, run(name), "{}"), 0);
        }
        assert_int_equal(rows(), MAX);
        restart();
        counts(MAX, 0);
}

static void without_a_row_nothing_is_started(void **state) {
        char id[SOVD_ID_SIZE];

        sql("ALTER TABLE execution RENAME TO away");
        assert_true(sovd_executions_reserve(executions));
        assert_true(sovd_executions_begin(executions, &bms, "test", "a", NULL, NULL, id) < 0);
        sovd_executions_release(executions, "", false);
        assert_true(sovd_executions_add(executions, &bms, "test", "7", NULL, &ref, arena) < 0);
        counts(0, 0);
}

static void what_runs_is_known_even_if_that_cannot_be_written(void **state) {
        const char *id = begin();

        sql("ALTER TABLE execution RENAME TO away");
        assert_true(sovd_executions_add(executions, &bms, "test", "7", id, &ref, arena) < 0);
        assert_int_equal(find(id), 0);
        assert_string_equal(ref.backend_id, "7");
        assert_true(sovd_executions_end(executions, id, "{}") < 0);
        assert_true(sovd_executions_remove(executions, id) < 0);
        assert_int_equal(find(id), 0);
        assert_null(ref.ended);
        sql("ALTER TABLE away RENAME TO execution");
        assert_int_equal(sovd_executions_end(executions, id, "{}"), 0);
        restart();
        assert_int_equal(find(id), 0);
        assert_string_equal(ref.ended, "{}");
}

/* --- keys --------------------------------------------------------------------------------------------------- */

static enum sovd_idempotency_state use_key(const char *client, const char *key, const char *body, uint64_t *ticket) {
        const struct sovd_idempotency_use use = {
                .principal = client, .resource = "r", .key = key, .body = body, .body_len = strlen(body)
        };
        enum sovd_idempotency_state found;

        answer = (struct sovd_idempotent_answer){ 0 };
        assert_int_equal(sovd_idempotency_begin(keys, &use, &found, ticket, &answer, arena), 0);
        return found;
}

static void respond(uint64_t ticket, const char *body) {
        const struct sovd_idempotent_answer given = {
                .status = 202, .location = "/there", .body = body, .body_len = strlen(body)
        };

        sovd_idempotency_end(keys, ticket, &given);
}

static void an_answer_is_given_again(void **state) {
        uint64_t ticket;

        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_NEW);
        assert_int_equal(sovd_idempotency_keep(keys, ticket), 0);
        respond(ticket, "{\"id\":1}");
        pass(20 * SOVD_USEC_PER_SEC);
        restart();
        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_ANSWERED);
        assert_int_equal(answer.status, 202);
        assert_string_equal(answer.location, "/there");
        assert_string_equal(answer.body, "{\"id\":1}");
        assert_int_equal(use_key("a", "k", "{ }", &ticket), SOVD_IDEMPOTENCY_OTHER);
        assert_int_equal(use_key("b", "k", "{}", &ticket), SOVD_IDEMPOTENCY_NEW);
        pass(40 * SOVD_USEC_PER_SEC);
        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_NEW);
}

static void an_empty_answer_is_one(void **state) {
        uint64_t ticket;

        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_NEW);
        respond(ticket, "");
        restart();
        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_ANSWERED);
        assert_string_equal(answer.body, "");
}

static void what_was_under_way_is_not_carried_out_again(void **state) {
        struct sovd_idempotency_row row;
        uint64_t ticket;
        char id[SOVD_ID_SIZE];

        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_NEW);
        sovd_idempotency_row(keys, ticket, &row);
        row.execution = id;
        assert_true(sovd_executions_reserve(executions));
        assert_int_equal(sovd_executions_begin(executions, &bms, "test", "a", sovd_idempotency_write, &row, id), 0);
        restart();
        for (int i = 0; i < 2; i++) {
                assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_INTERRUPTED);
                assert_string_equal(answer.execution, id);
                assert_int_equal(find(id), 0);
                restart();
        }
        assert_int_equal(use_key("a", "k", "{ }", &ticket), SOVD_IDEMPOTENCY_OTHER);
        pass(RETENTION);
        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_NEW);
}

static void the_key_of_a_start_that_was_seen_in_a_list_leads_to_that(void **state) {
        struct sovd_idempotency_row row;
        uint64_t ticket;
        char id[SOVD_ID_SIZE];

        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_NEW);
        sovd_idempotency_row(keys, ticket, &row);
        row.execution = id;
        assert_true(sovd_executions_reserve(executions));
        assert_int_equal(sovd_executions_begin(executions, &bms, "test", "a", sovd_idempotency_write, &row, id), 0);
        assert_int_equal(sovd_executions_add(executions, &bms, "test", "7", NULL, &ref, arena), 0);
        assert_int_equal(sovd_executions_add(executions, &bms, "test", "7", id, &ref, arena), 0);
        assert_string_not_equal(ref.id, id);
        restart();
        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_INTERRUPTED);
        assert_string_equal(answer.execution, ref.id);
}

static void a_key_that_was_given_back_is_free(void **state) {
        uint64_t ticket;

        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_NEW);
        assert_int_equal(sovd_idempotency_keep(keys, ticket), 0);
        sovd_idempotency_abandon(keys, ticket);
        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_NEW); /* in this order on the disk too */
        assert_int_equal(sovd_idempotency_keep(keys, ticket), 0);
        restart();
        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_INTERRUPTED);
}

static void limits_count_keys_of_before(void **state) {
        uint64_t ticket;
        const char *const names[] = { "1", "2", "3" };

        for (int i = 0; i < 3; i++) {
                assert_int_equal(use_key("a", names[i], "{}", &ticket), SOVD_IDEMPOTENCY_NEW);
                respond(ticket, "{}");
        }
        restart();
        assert_int_equal(use_key("a", "4", "{}", &ticket), SOVD_IDEMPOTENCY_FULL);
        assert_int_equal(use_key("b", "4", "{}", &ticket), SOVD_IDEMPOTENCY_NEW);
        assert_int_equal(use_key("b", "5", "{}", &ticket), SOVD_IDEMPOTENCY_FULL);
}

static void an_answer_that_cannot_be_written_is_given_again_until_the_restart(void **state) {
        uint64_t ticket;

        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_NEW);
        assert_int_equal(sovd_idempotency_keep(keys, ticket), 0);
        sql("ALTER TABLE idempotency RENAME TO away");
        respond(ticket, "{}");
        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_ANSWERED);
        assert_int_equal(use_key("a", "other", "{}", &ticket), SOVD_IDEMPOTENCY_NEW);
        assert_true(sovd_idempotency_keep(keys, ticket) < 0); /* so nothing is begun under it */
        sovd_idempotency_abandon(keys, ticket);
        sql("ALTER TABLE away RENAME TO idempotency");
        restart();
        assert_int_equal(use_key("a", "k", "{}", &ticket), SOVD_IDEMPOTENCY_INTERRUPTED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(one_that_runs_is_known_by_its_name_and_marked),
                TEST(one_that_runs_counts_for_who_started_it),
                TEST(one_that_was_seen_before_its_start_was_answered_counts_for_who_started_it),
                TEST(one_that_ended_is_readable_until_its_retention_ends),
                TEST(a_start_without_an_answer_has_failed_with_an_unknown_outcome),
                TEST(a_start_that_came_to_nothing_leaves_nothing),
                TEST(one_that_the_backend_has_forgotten_has_failed),
                TEST(controls_and_removals_are_kept),
                TEST(one_that_was_found_at_the_backend_keeps_its_name),
                TEST(a_start_that_was_seen_in_a_list_before_has_the_name_of_the_list),
                TEST(an_id_that_the_backend_gave_anew_belongs_to_the_new_one),
                TEST(the_table_is_no_larger_than_the_limit),
                TEST(without_a_row_nothing_is_started),
                TEST(what_runs_is_known_even_if_that_cannot_be_written),
                TEST(an_answer_is_given_again),
                TEST(an_empty_answer_is_one),
                TEST(what_was_under_way_is_not_carried_out_again),
                TEST(the_key_of_a_start_that_was_seen_in_a_list_leads_to_that),
                TEST(a_key_that_was_given_back_is_free),
                TEST(limits_count_keys_of_before),
                TEST(an_answer_that_cannot_be_written_is_given_again_until_the_restart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
