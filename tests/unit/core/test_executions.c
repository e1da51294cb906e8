/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/executions.h"
#include "sovd-core/state.h"
#include "tests/unit/core/fake_backend.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <pthread.h>
#include <stdatomic.h>

#define MAX       4
#define RETENTION (60 * SOVD_USEC_PER_SEC)

static struct sovd_db *db; /* NULL, or the state */
static bool with_state;
static struct sovd_executions *executions;
static struct sovd_arena *arena;
static struct sovd_execution_ref ref;
static uint64_t now_usec;

static const struct sovd_entity bms = { .type = SOVD_COMPONENT, .id = "bms" };
static const struct sovd_entity app = { .type = SOVD_APP, .id = "bms" };

static uint64_t fake_now(void) {
        return now_usec;
}

static int make_executions(void **state) {
        static const struct sovd_clock fake = { fake_now, fake_now };

        now_usec = 1000 * SOVD_USEC_PER_SEC;
        sovd_clock_replace(&fake);
        if (sovd_arena_new(&arena, 4096) || (with_state && sovd_state_open(&db, NULL, NULL)))
                return -1;
        return sovd_executions_new(&executions, db, MAX, RETENTION);
}

static int free_executions(void **state) {
        executions = sovd_executions_free(executions);
        db = sovd_db_close(db);
        arena = sovd_arena_free(arena);
        sovd_clock_replace(NULL);
        return 0;
}

/* Names an execution of bms/test and returns its id in the arena. */
static const char *add(const char *backend_id) {
        assert_int_equal(sovd_executions_add(executions, &bms, "test", backend_id, NULL, &ref, arena), 0);
        return sovd_arena_strdup(arena, ref.id);
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

/* --- names ---------------------------------------------------------------------------------------------- */

static void an_execution_is_found_under_its_id(void **state) {
        const char *id = add("42");

        assert_int_equal(find(id), 0);
        assert_string_equal(ref.id, id);
        assert_string_equal(ref.backend_id, "42");
        assert_int_equal(ref.capability, SOVD_CAPABILITY_EXECUTE);
        assert_null(ref.ended);
        counts(1, 1);
}

static void those_that_the_backend_has_not_named_are_not_taken_for_one_another(void **state) {
        assert_true(sovd_executions_reserve(executions));
        assert_int_equal(sovd_executions_add(executions, &bms, "test", "", "", &ref, arena), 0);
        const char *id = sovd_arena_strdup(arena, ref.id);
        sovd_executions_end(executions, id, "{}");
        assert_true(sovd_executions_reserve(executions));
        assert_int_equal(sovd_executions_add(executions, &bms, "test", "", "", &ref, arena), 0);
        assert_string_not_equal(ref.id, id);
        counts(2, 1);
        assert_int_equal(find(id), 0);
        assert_string_equal(ref.ended, "{}");
}

static void the_backends_id_is_not_an_id(void **state) {
        (void)add("42");

        assert_int_equal(find("42"), SOVD_E_NOT_FOUND);
}

static void an_id_is_unguessable(void **state) {
        const char *id = add("1");

        assert_int_equal(strlen(id), SOVD_ID_SIZE - 1);
        assert_int_equal(strspn(id, "0123456789abcdef"), SOVD_ID_SIZE - 1);
}

static void ids_do_not_come_again(void **state) {
        enum { N = 200 };
        const char *ids[N];

        for (int i = 0; i < N; i++) {
                ids[i] = add("1");
                sovd_executions_remove(executions, ids[i]);
                for (int k = 0; k < i; k++)
                        assert_string_not_equal(ids[i], ids[k]);
        }
}

static void an_execution_belongs_to_its_entity_and_operation(void **state) {
        const char *id = add("42");

        assert_int_equal(sovd_executions_find(executions, &app, "test", id, &ref, arena), SOVD_E_NOT_FOUND);
        assert_int_equal(sovd_executions_find(executions, &bms, "other", id, &ref, arena), SOVD_E_NOT_FOUND);
        assert_int_equal(find(id), 0);
}

static void the_same_backend_id_gives_the_same_id(void **state) {
        const char *id = add("42");

        assert_string_equal(add("42"), id);
        counts(1, 1);
}

static void a_fresh_start_with_a_known_backend_id_is_another_execution(void **state) {
        char old[SOVD_ID_SIZE];
        (void)strcpy(old, add("1"));
        sovd_executions_end(executions, old, "{}");

        assert_true(sovd_executions_reserve(executions));
        assert_int_equal(sovd_executions_add(executions, &bms, "test", "1", "", &ref, arena), 0);

        assert_string_not_equal(ref.id, old);
        assert_null(ref.ended);
        assert_int_equal(find(old), 0);
        assert_string_equal(ref.ended, "{}");
        assert_string_equal(ref.backend_id, "");
        counts(2, 1);
}

static void an_execution_is_not_found_at_another_backend(void **state) {
        struct fake_backend fake;
        struct sovd_entity taken_over = bms;
        const char *id = add("42");

        fake_backend_init(&fake, "other");
        taken_over.providers[SOVD_COLLECTION_OPERATIONS] = &fake.backend;

        assert_int_equal(sovd_executions_find(executions, &taken_over, "test", id, &ref, arena), SOVD_E_NOT_FOUND);
        assert_false(sovd_executions_knows(executions, &taken_over, "test", "42"));
        assert_int_equal(find(id), 0);
}

static void the_same_backend_id_elsewhere_is_another_execution(void **state) {
        const char *id = add("42");

        assert_int_equal(sovd_executions_add(executions, &bms, "other", "42", NULL, &ref, arena), 0);
        assert_string_not_equal(ref.id, id);
        assert_int_equal(sovd_executions_add(executions, &app, "test", "42", NULL, &ref, arena), 0);
        assert_string_not_equal(ref.id, id);
        counts(3, 3);
}

static void the_list_is_oldest_first_and_of_one_operation(void **state) {
        struct sovd_strings list;
        const char *a = add("a"), *b = add("b");

        assert_int_equal(sovd_executions_add(executions, &bms, "other", "c", NULL, &ref, arena), 0);

        assert_int_equal(sovd_executions_list(executions, &bms, "test", &list, arena), 0);
        assert_int_equal(list.n, 2);
        assert_string_equal(list.items[0], a);
        assert_string_equal(list.items[1], b);
        assert_int_equal(sovd_executions_list(executions, &app, "test", &list, arena), 0);
        assert_true(list.set && list.n == 0);
}

/* --- the end -------------------------------------------------------------------------------------------- */

static void the_final_status_is_kept(void **state) {
        const char *id = add("42");

        sovd_executions_end(executions, id, "{\"status\":\"completed\"}");

        assert_int_equal(find(id), 0);
        assert_string_equal(ref.ended, "{\"status\":\"completed\"}");
        counts(1, 0);
}

static void the_first_end_counts(void **state) {
        const char *id = add("42");

        sovd_executions_end(executions, id, "first");
        now_usec += RETENTION - 1;
        sovd_executions_end(executions, id, "second");
        assert_int_equal(find(id), 0);
        assert_string_equal(ref.ended, "first");

        now_usec += 1;
        assert_int_equal(find(id), SOVD_E_NOT_FOUND);
}

static void a_status_of_64_kib_is_kept_and_a_longer_one_is_not(void **state) {
        const char *fits = add("a"), *too_long = add("b");
        char *text = calloc(1, 64 * 1024 + 2);

        assert_non_null(text);
        memset(text, 'x', 64 * 1024);
        sovd_executions_end(executions, fits, text);
        text[64 * 1024] = 'x';
        sovd_executions_end(executions, too_long, text);
        free(text);

        assert_int_equal(find(fits), 0);
        assert_int_equal(strlen(ref.ended), 64 * 1024);
        assert_int_equal(find(too_long), 0);
        assert_null(ref.ended);
        counts(2, 0);
}

static void an_execution_is_forgotten_when_the_retention_is_over(void **state) {
        const char *id = add("42");

        sovd_executions_end(executions, id, "x");
        now_usec += RETENTION - 1;
        assert_int_equal(find(id), 0);
        now_usec += 1;

        assert_int_equal(find(id), SOVD_E_NOT_FOUND);
        counts(0, 0);
}

static void a_running_execution_is_never_forgotten(void **state) {
        const char *id = add("42");

        now_usec += 1000 * RETENTION;

        assert_int_equal(find(id), 0);
        counts(1, 1);
}

static void resuming_ends_the_retention(void **state) {
        const char *id = add("42");

        sovd_executions_end(executions, id, "x");
        sovd_executions_resume(executions, id, SOVD_CAPABILITY_STOP);
        now_usec += 2 * RETENTION;

        assert_int_equal(find(id), 0);
        assert_int_equal(ref.capability, SOVD_CAPABILITY_STOP);
        assert_null(ref.ended);
        counts(1, 1);
}

static void a_removed_execution_is_gone_and_the_others_stay(void **state) {
        struct sovd_strings list;
        const char *a = add("a"), *b = add("b"), *c = add("c");

        sovd_executions_remove(executions, b);

        assert_int_equal(find(b), SOVD_E_NOT_FOUND);
        assert_int_equal(sovd_executions_list(executions, &bms, "test", &list, arena), 0);
        assert_int_equal(list.n, 2);
        assert_string_equal(list.items[0], a);
        assert_string_equal(list.items[1], c);
}

static void an_unknown_id_changes_nothing(void **state) {
        const char *id = add("42");

        sovd_executions_end(executions, "unknown", "x");
        sovd_executions_resume(executions, "unknown", SOVD_CAPABILITY_STOP);
        sovd_executions_remove(executions, "unknown");

        assert_int_equal(find(id), 0);
        assert_int_equal(ref.capability, SOVD_CAPABILITY_EXECUTE);
        counts(1, 1);
}

/* --- the limit ------------------------------------------------------------------------------------------ */

static void fill(void) {
        static const char *const backend_ids[MAX] = { "1", "2", "3", "4" };

        for (int i = 0; i < MAX; i++)
                (void)add(backend_ids[i]);
}

static void one_more_than_the_limit_is_refused_while_all_run(void **state) {
        fill();

        assert_int_equal(sovd_executions_add(executions, &bms, "test", "5", NULL, &ref, arena),
                         SOVD_E_OVERLOAD);
        assert_false(sovd_executions_reserve(executions));
        counts(MAX, MAX);
}

static void the_oldest_that_ended_gives_way_and_no_running_one_does(void **state) {
        const char *running = add("1"), *ended = add("2"), *also_ended = add("3");

        (void)add("4");
        sovd_executions_end(executions, also_ended, "x");
        now_usec += 1;
        sovd_executions_end(executions, ended, "x");

        (void)add("5");

        assert_int_equal(find(running), 0);
        assert_int_equal(find(ended), SOVD_E_NOT_FOUND);
        assert_int_equal(find(also_ended), 0);
        counts(MAX, MAX - 1);
}

static void an_expired_one_makes_room(void **state) {
        const char *ended = add("1");

        (void)add("2");
        (void)add("3");
        (void)add("4");
        sovd_executions_end(executions, ended, "x");
        now_usec += RETENTION;

        assert_true(sovd_executions_reserve(executions));
        counts(MAX - 1, MAX - 1);
}

static void one_that_is_known_is_given_again_when_all_places_are_taken(void **state) {
        fill();
        const char *id = add("3");

        assert_int_equal(find(id), 0);
        assert_string_equal(ref.backend_id, "3");
}

static void a_reserved_place_is_taken(void **state) {
        for (int i = 0; i < MAX; i++)
                assert_true(sovd_executions_reserve(executions));

        assert_false(sovd_executions_reserve(executions));
        assert_int_equal(sovd_executions_add(executions, &bms, "test", "1", NULL, &ref, arena),
                         SOVD_E_OVERLOAD);
        counts(0, 0);
}

static void a_released_place_is_free(void **state) {
        for (int i = 0; i < MAX; i++)
                assert_true(sovd_executions_reserve(executions));

        sovd_executions_release(executions, "", false);

        assert_true(sovd_executions_reserve(executions));
        assert_false(sovd_executions_reserve(executions));
}

static void who_reserved_a_place_gets_it(void **state) {
        (void)add("1");
        for (int i = 1; i < MAX; i++)
                assert_true(sovd_executions_reserve(executions));

        assert_int_equal(sovd_executions_add(executions, &bms, "test", "2", "", &ref, arena), 0);
        assert_int_equal(sovd_executions_add(executions, &bms, "test", "3", "", &ref, arena), 0);
        assert_false(sovd_executions_reserve(executions));
        counts(3, 3);
}

static void a_reservation_for_one_that_is_known_is_given_back(void **state) {
        (void)add("1");
        for (int i = 1; i < MAX; i++)
                assert_true(sovd_executions_reserve(executions));

        assert_int_equal(sovd_executions_add(executions, &bms, "test", "1", "", &ref, arena), 0);

        assert_true(sovd_executions_reserve(executions));
        assert_false(sovd_executions_reserve(executions));
}

static void with_no_place_at_all_every_start_is_refused(void **state) {
        _cleanup_(sovd_executions_freep) struct sovd_executions *none = NULL;

        assert_int_equal(sovd_executions_new(&none, db, 0, RETENTION), 0);

        assert_false(sovd_executions_reserve(none));
        assert_int_equal(sovd_executions_add(none, &bms, "test", "1", NULL, &ref, arena), SOVD_E_OVERLOAD);
}

static const char *oldest_running(size_t skip) {
        struct sovd_execution_owner owner;

        int r = sovd_executions_oldest_running(executions, skip, &owner, arena);
        if (r == SOVD_E_NOT_FOUND)
                return "none";
        assert_int_equal(r, 0);
        assert_int_equal(owner.type, SOVD_COMPONENT);
        assert_string_equal(owner.entity, "bms");
        assert_string_equal(owner.operation, "test");
        return owner.backend_id;
}

static void running_ones_are_told_oldest_first(void **state) {
        (void)add("1");
        const char *ended = add("2");
        (void)add("3");
        sovd_executions_end(executions, ended, "x");

        assert_string_equal(oldest_running(0), "1");
        assert_string_equal(oldest_running(1), "3");
        assert_string_equal(oldest_running(2), "none");
}

static void a_backends_id_is_known_under_its_entity_and_operation(void **state) {
        const char *id = add("42");

        assert_true(sovd_executions_knows(executions, &bms, "test", "42"));
        assert_false(sovd_executions_knows(executions, &bms, "test", id));
        assert_false(sovd_executions_knows(executions, &bms, "other", "42"));
        assert_false(sovd_executions_knows(executions, &app, "test", "42"));
}

/* --- clients -------------------------------------------------------------------------------------------- */

static const char *start_for(const char *client, const char *backend_id) {
        char id[SOVD_ID_SIZE];

        assert_int_equal(sovd_executions_reserve_for(executions, client), 0);
        assert_int_equal(sovd_executions_begin(executions, &bms, "test", client, NULL, NULL, id), 0);
        assert_int_equal(sovd_executions_add(executions, &bms, "test", backend_id, id, &ref, arena), 0);
        sovd_executions_settle(executions, client, id);
        return sovd_arena_strdup(arena, ref.id);
}

static void a_client_has_so_many_that_run_and_others_have_theirs(void **state) {
        sovd_executions_limit_clients(executions, 2);
        const char *first = start_for("a", "1");
        (void)start_for("a", "2");
        assert_int_equal(sovd_executions_reserve_for(executions, "a"), SOVD_E_TOO_MANY);
        (void)start_for("b", "3");
        assert_int_equal(sovd_executions_end(executions, first, "{}"), 0);
        (void)start_for("a", "4");
        assert_int_equal(sovd_executions_reserve_for(executions, "a"), SOVD_E_TOO_MANY);
}

static void what_is_about_to_start_counts_for_its_client(void **state) {
        sovd_executions_limit_clients(executions, 2);
        assert_int_equal(sovd_executions_reserve_for(executions, "a"), 0);
        assert_int_equal(sovd_executions_reserve_for(executions, "a"), 0);
        assert_int_equal(sovd_executions_reserve_for(executions, "a"), SOVD_E_TOO_MANY);
        sovd_executions_release(executions, "", false);
        assert_int_equal(sovd_executions_reserve_for(executions, "a"), SOVD_E_TOO_MANY);
        sovd_executions_settle(executions, "a", "");
        assert_int_equal(sovd_executions_reserve_for(executions, "a"), 0);
}

static void the_oldest_of_a_client_is_found_among_those_of_others(void **state) {
        struct sovd_execution_owner owner;

        (void)start_for("b", "1");
        const char *mine = start_for("a", "2");
        assert_int_equal(sovd_executions_oldest_running_of(executions, "a", 0, &owner, arena), 0);
        assert_string_equal(owner.id, mine);
        assert_int_equal(sovd_executions_oldest_running_of(executions, "a", 1, &owner, arena), SOVD_E_NOT_FOUND);
}

/* --- threads -------------------------------------------------------------------------------------------- */

static atomic_uint n_over;

/* Reserves, names, ends and removes; never are more kept than the limit allows. */
static void *work_thread(void *name) {
        struct sovd_arena *own = NULL;

        if (sovd_arena_new(&own, 4096))
                abort();
        for (int i = 0; i < 500; i++) {
                struct sovd_execution_ref mine;
                size_t total, running;

                sovd_arena_reset(own);
                if (!sovd_executions_reserve(executions))
                        continue;
                if (i % 5 == 0) {
                        sovd_executions_release(executions, "", false);
                        continue;
                }
                char *backend_id = sovd_arena_printf(own, "%s-%d", (const char *)name, i);
                if (sovd_executions_add(executions, &bms, "test", backend_id, "", &mine, own))
                        abort();
                sovd_executions_count(executions, &total, &running);
                atomic_fetch_add(&n_over, total > MAX || running > total);
                sovd_executions_end(executions, mine.id, "{}");
                if (i % 2)
                        sovd_executions_remove(executions, mine.id);
        }
        sovd_arena_free(own);
        return NULL;
}

static void the_limit_holds_among_threads(void **state) {
        static char names[][4] = { "a", "b", "c", "d", "e", "f" };
        pthread_t threads[SOVD_N_ELEMENTS(names)];

        n_over = 0;
        for (size_t i = 0; i < SOVD_N_ELEMENTS(names); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, work_thread, names[i]), 0);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(names); i++)
                (void)pthread_join(threads[i], NULL);

        assert_int_equal(n_over, 0);
        now_usec += RETENTION;
        counts(0, 0);
        for (int i = 0; i < MAX; i++)
                assert_true(sovd_executions_reserve(executions));
        assert_false(sovd_executions_reserve(executions));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_executions, free_executions)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(an_execution_is_found_under_its_id),
                TEST(the_backends_id_is_not_an_id),
                TEST(an_id_is_unguessable),
                TEST(ids_do_not_come_again),
                TEST(an_execution_belongs_to_its_entity_and_operation),
                TEST(the_same_backend_id_gives_the_same_id),
                TEST(a_fresh_start_with_a_known_backend_id_is_another_execution),
                TEST(an_execution_is_not_found_at_another_backend),
                TEST(the_same_backend_id_elsewhere_is_another_execution),
                TEST(the_list_is_oldest_first_and_of_one_operation),
                TEST(the_final_status_is_kept),
                TEST(the_first_end_counts),
                TEST(a_status_of_64_kib_is_kept_and_a_longer_one_is_not),
                TEST(an_execution_is_forgotten_when_the_retention_is_over),
                TEST(a_running_execution_is_never_forgotten),
                TEST(resuming_ends_the_retention),
                TEST(a_removed_execution_is_gone_and_the_others_stay),
                TEST(an_unknown_id_changes_nothing),
                TEST(one_more_than_the_limit_is_refused_while_all_run),
                TEST(the_oldest_that_ended_gives_way_and_no_running_one_does),
                TEST(an_expired_one_makes_room),
                TEST(one_that_is_known_is_given_again_when_all_places_are_taken),
                TEST(a_reserved_place_is_taken),
                TEST(a_released_place_is_free),
                TEST(who_reserved_a_place_gets_it),
                TEST(a_reservation_for_one_that_is_known_is_given_back),
                TEST(with_no_place_at_all_every_start_is_refused),
                TEST(running_ones_are_told_oldest_first),
                TEST(a_backends_id_is_known_under_its_entity_and_operation),
                TEST(those_that_the_backend_has_not_named_are_not_taken_for_one_another),
                TEST(a_client_has_so_many_that_run_and_others_have_theirs),
                TEST(what_is_about_to_start_counts_for_its_client),
                TEST(the_oldest_of_a_client_is_found_among_those_of_others),
                TEST(the_limit_holds_among_threads),
        };

        int n = cmocka_run_group_tests_name("in memory", tests, NULL, NULL);
        with_state = true;
        return n + cmocka_run_group_tests_name("with the state", tests, NULL, NULL);
}
