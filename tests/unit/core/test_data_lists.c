/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/data_lists.h"
#include <pthread.h>

#define MAX        6
#define PER_CLIENT 4
#define IDLE       (60 * SOVD_USEC_PER_SEC)
#define N_THREADS  4

static struct sovd_data_lists *lists;
static struct sovd_arena *arena;
static uint64_t now_usec;
static bool own;
static uint64_t wait_usec;

static const struct sovd_entity bms = { .type = SOVD_COMPONENT, .id = "bms" };
static const struct sovd_entity app = { .type = SOVD_APP, .id = "bms" };
static const struct sovd_strings ids = { .items = (const char *[]){ "a", "b" }, .n = 2 };

static uint64_t fake_now(void) {
        return now_usec;
}

static int make_lists(void **state) {
        static const struct sovd_clock fake = { fake_now, fake_now };
        const struct sovd_data_lists_options options = {
                .max = MAX, .max_per_client = PER_CLIENT, .ids_max = 7, .idle_usec = IDLE
        };

        now_usec = 1000 * SOVD_USEC_PER_SEC;
        sovd_clock_replace(&fake);
        return sovd_arena_new(&arena, 4096) || sovd_data_lists_new(&lists, &options) ? -1 : 0;
}

static int free_lists(void **state) {
        lists = sovd_data_lists_free(lists);
        arena = sovd_arena_free(arena);
        sovd_clock_replace(NULL);
        return 0;
}

static int add(const struct sovd_entity *e, const char *client, char id[static SOVD_ID_SIZE]) {
        return sovd_data_lists_add(lists, e, client, &ids, id, &own, &wait_usec);
}

static int find(const struct sovd_entity *e, const char *client, const char *id) {
        struct sovd_data_list_ref ref;

        int r = sovd_data_lists_find(lists, e, client, id, &ref, arena);
        if (!r) {
                assert_string_equal(ref.id, id);
                assert_int_equal(ref.ids.n, 2);
                assert_string_equal(ref.ids.items[1], "b");
        }
        return r;
}

static void a_list_is_found_by_its_client_at_its_entity_only(void **state) {
        char id[SOVD_ID_SIZE];

        assert_int_equal(add(&bms, "me", id), 0);
        assert_int_equal(find(&bms, "me", id), 0);
        assert_int_equal(find(&bms, "you", id), SOVD_E_NOT_FOUND);
        assert_int_equal(find(&app, "me", id), SOVD_E_NOT_FOUND);
        assert_int_equal(find(&bms, "me", "x"), SOVD_E_NOT_FOUND);
        assert_false(sovd_data_lists_remove(lists, &bms, "you", id));
        assert_true(sovd_data_lists_remove(lists, &bms, "me", id));
        assert_int_equal(sovd_data_lists_count(lists), 0);
}

static void a_list_ends_when_it_is_not_used(void **state) {
        char used[SOVD_ID_SIZE], unused[SOVD_ID_SIZE];

        assert_int_equal(add(&bms, "me", used), 0);
        assert_int_equal(add(&bms, "me", unused), 0);
        now_usec += IDLE - 1;
        assert_int_equal(find(&bms, "me", used), 0);
        now_usec += 1;
        assert_int_equal(find(&bms, "me", unused), SOVD_E_NOT_FOUND);
        assert_int_equal(find(&bms, "me", used), 0);
        assert_int_equal(sovd_data_lists_count(lists), 1);
}

static void a_client_has_so_many(void **state) {
        char id[SOVD_ID_SIZE];

        for (int i = 0; i < PER_CLIENT; i++)
                assert_int_equal(add(i % 2 ? &bms : &app, "me", id), 0);
        now_usec += IDLE / 2;
        assert_int_equal(add(&bms, "me", id), SOVD_E_OVERLOAD);
        assert_true(own);
        assert_int_equal(wait_usec, IDLE / 2);
        assert_int_equal(add(&bms, "you", id), 0);
}

static void all_clients_have_so_many_together(void **state) {
        char id[SOVD_ID_SIZE], name[2] = "a";

        for (int i = 0; i < MAX; i++, name[0]++)
                assert_int_equal(add(&bms, name, id), 0);
        assert_int_equal(add(&bms, "z", id), SOVD_E_OVERLOAD);
        assert_false(own);
        now_usec += IDLE;
        assert_int_equal(add(&bms, "z", id), 0);
}

static void clearing_ends_those_of_one_client_at_one_entity_or_at_all(void **state) {
        char id[SOVD_ID_SIZE];

        assert_int_equal(add(&bms, "me", id), 0);
        assert_int_equal(add(&app, "me", id), 0);
        assert_int_equal(add(&bms, "you", id), 0);
        assert_int_equal(sovd_data_lists_clear(lists, "me", &bms), 1);
        assert_int_equal(sovd_data_lists_clear(lists, "me", NULL), 1);
        assert_int_equal(sovd_data_lists_count(lists), 1);
}

static void the_lists_of_a_client_come_oldest_first(void **state) {
        char first[SOVD_ID_SIZE], other[SOVD_ID_SIZE], second[SOVD_ID_SIZE];
        struct sovd_list list;

        assert_int_equal(add(&bms, "me", first), 0);
        assert_int_equal(add(&bms, "you", other), 0);
        assert_int_equal(add(&bms, "me", second), 0);
        assert_int_equal(sovd_data_lists_list(lists, &bms, "me", &list, arena), 0);
        const struct sovd_data_list_ref *refs = list.items;
        assert_int_equal(list.n, 2);
        assert_string_equal(refs[0].id, first);
        assert_string_equal(refs[1].id, second);
}

static void *work(void *client) {
        char id[SOVD_ID_SIZE];
        bool is_own;
        uint64_t wait;

        for (int i = 0; i < 2000; i++) {
                if (sovd_data_lists_add(lists, &bms, client, &ids, id, &is_own, &wait) == 0)
                        (void)sovd_data_lists_remove(lists, &bms, client, id);
                (void)sovd_data_lists_count(lists);
        }
        return NULL;
}

static void threads_do_not_disturb_each_other(void **state) {
        static char names[N_THREADS][2] = { "a", "b", "c", "d" };
        pthread_t threads[N_THREADS];

        for (int i = 0; i < N_THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, work, names[i]), 0);
        for (int i = 0; i < N_THREADS; i++)
                assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(sovd_data_lists_count(lists), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_list_is_found_by_its_client_at_its_entity_only, make_lists,
                                                free_lists),
                cmocka_unit_test_setup_teardown(a_list_ends_when_it_is_not_used, make_lists, free_lists),
                cmocka_unit_test_setup_teardown(a_client_has_so_many, make_lists, free_lists),
                cmocka_unit_test_setup_teardown(all_clients_have_so_many_together, make_lists, free_lists),
                cmocka_unit_test_setup_teardown(clearing_ends_those_of_one_client_at_one_entity_or_at_all,
                                                make_lists, free_lists),
                cmocka_unit_test_setup_teardown(the_lists_of_a_client_come_oldest_first, make_lists,
                                                free_lists),
                cmocka_unit_test_setup_teardown(threads_do_not_disturb_each_other, make_lists, free_lists),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
