/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/clock.h"
#include "sovd-core/call.h"
#include "sovd-core/locks.h"
#include "sovd-core/state.h"
#include <pthread.h>
#include <stdio.h>

#define SECONDS    SOVD_USEC_PER_SEC
#define DATA       (1u << SOVD_COLLECTION_DATA)
#define OPERATIONS (1u << SOVD_COLLECTION_OPERATIONS)
#define MAX        8

static struct sovd_db *db; /* in memory: it outlives the locks */
static struct sovd_locks *locks;
static uint64_t now_usec;
static struct sovd_entity ecu = { .type = SOVD_COMPONENT, .id = "ecu" };
static struct sovd_entity part = { .type = SOVD_COMPONENT, .id = "part", .parent = &ecu };
static struct sovd_call a, b;

static uint64_t fake_now(void) {
        return now_usec;
}

static int start_with(size_t max) {
        const struct sovd_locks_options options = { .db = db, .max = max, .max_per_client = max, .max_usec = 100 * SECONDS };
        const struct sovd_lock_rule others = { .breakable = true };

        int r = sovd_locks_new(&locks, &options);
        return r ? r : sovd_locks_set_rules(locks, &others, NULL, 0);
}

/* The process ends and begins; the state stays. */
static void restart(void) {
        locks = sovd_locks_free(locks);
        assert_int_equal(start_with(MAX), 0);
}

static void make_call(struct sovd_call *call, const char *client) {
        *call = (struct sovd_call){ .principal = { client, false }, .deadline_usec = UINT64_MAX, .entity = &ecu };
        assert_int_equal(sovd_arena_new(&call->arena, 4096), 0);
}

static int make(void **state) {
        static const struct sovd_clock clock = { fake_now, fake_now, NULL };

        now_usec = 1000 * SECONDS;
        sovd_clock_replace(&clock);
        make_call(&a, "client-a");
        make_call(&b, "client-b");
        assert_int_equal(sovd_state_open(&db, NULL), 0);
        return start_with(MAX);
}

static int unmake(void **state) {
        locks = sovd_locks_free(locks);
        db = sovd_db_close(db);
        sovd_arena_free(a.arena);
        sovd_arena_free(b.arena);
        sovd_clock_replace(NULL);
        return 0;
}

/* --- helpers ------------------------------------------------------------------------------------------------ */

static int acquire(struct sovd_call *call, const struct sovd_entity *e, unsigned scopes, bool breaks,
                   char id[static SOVD_ID_SIZE]) {
        const struct sovd_lock_wish wish = { .scopes = scopes, .duration_usec = 60 * SECONDS, .break_lock = breaks };
        struct sovd_lock_infos broken;

        call->entity = e;
        call->failure = (struct sovd_failure){ 0 };
        int r = sovd_lock_reserve(locks, call, &wish, id);
        return r ? r : sovd_lock_grant(locks, call, id, "there", "7", &broken);
}

/* The id is in the arena. */
static const char *lock(struct sovd_call *call, const struct sovd_entity *e, unsigned scopes) {
        char id[SOVD_ID_SIZE];

        assert_int_equal(acquire(call, e, scopes, false, id), 0);
        return sovd_arena_strdup(call->arena, id);
}

static int find(struct sovd_call *call, const char *id, struct sovd_lock_info *ret) {
        call->entity = &ecu;
        return sovd_lock_find(locks, call, id, ret);
}

static int change(struct sovd_call *call, enum sovd_collection scope) {
        struct sovd_lock_use use;
        int r = sovd_lock_use_begin(locks, call, scope, &use);

        return r ? r : sovd_lock_use_end(&use, call, 0);
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
        int r = sovd_db_prepare(conn, &s, "SELECT count(*) FROM lock");

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

/* --- restarts ------------------------------------------------------------------------------------------------- */

static void a_lock_goes_on_with_what_is_left_of_its_time(void **state) {
        struct sovd_lock_info before, after;
        const char *id = lock(&a, &ecu, DATA | OPERATIONS);

        assert_int_equal(find(&a, id, &before), 0);
        now_usec += 20 * SECONDS;
        restart();
        assert_int_equal(find(&a, id, &after), 0);
        assert_true(after.owned);
        assert_int_equal(after.scopes, DATA | OPERATIONS);
        assert_int_equal(after.ends_usec, before.ends_usec);
        assert_int_equal(after.fence, before.fence);
        assert_string_equal(after.backend, "there");
        assert_string_equal(after.backend_id, "7");
        assert_int_equal(change(&b, SOVD_COLLECTION_DATA), SOVD_E_CONFLICT);
        b.entity = &part; /* what is above was kept too */
        assert_int_equal(change(&b, SOVD_COLLECTION_DATA), SOVD_E_CONFLICT);
        assert_int_equal(change(&a, SOVD_COLLECTION_DATA), 0);
        now_usec += 40 * SECONDS;
        assert_int_equal(find(&a, id, &after), SOVD_E_NOT_FOUND);
}

static void a_lock_below_another_entity_still_meets_it(void **state) {
        char id[SOVD_ID_SIZE];

        (void)lock(&a, &part, DATA);
        restart();
        assert_int_equal(acquire(&b, &ecu, DATA, false, id), SOVD_E_CONFLICT);
        assert_int_equal(acquire(&b, &ecu, OPERATIONS, false, id), 0);
}

static void its_owner_extends_and_releases_it(void **state) {
        struct sovd_lock_info info;
        const char *id = lock(&a, &ecu, DATA);

        restart();
        a.entity = b.entity = &ecu;
        assert_int_equal(sovd_lock_extend(locks, &b, id, now_usec, 90 * SECONDS), SOVD_E_CONFLICT);
        assert_int_equal(sovd_lock_extend(locks, &a, id, now_usec, 90 * SECONDS), 0);
        restart();
        now_usec += 80 * SECONDS;
        assert_int_equal(find(&a, id, &info), 0);
        assert_int_equal(sovd_lock_release(locks, &a, id), 0);
        restart();
        assert_int_equal(find(&a, id, &info), SOVD_E_NOT_FOUND);
        assert_int_equal(rows(), 0);
}

static void a_broken_lock_is_told_to_its_owner_until_it_has_given_it_back(void **state) {
        char id[SOVD_ID_SIZE];
        const char *broken = lock(&a, &ecu, DATA);

        assert_int_equal(acquire(&b, &ecu, DATA, true, id), 0);
        restart();
        assert_int_equal(sovd_lock_extend(locks, &a, broken, now_usec, SECONDS), SOVD_E_LOCK_BROKEN);
        assert_int_equal(change(&a, SOVD_COLLECTION_DATA), SOVD_E_LOCK_BROKEN);
        assert_int_equal(change(&b, SOVD_COLLECTION_DATA), 0);
        assert_int_equal(sovd_lock_release(locks, &b, id), 0);
        assert_int_equal(sovd_lock_release(locks, &a, broken), SOVD_E_LOCK_BROKEN);
        restart();
        assert_int_equal(change(&a, SOVD_COLLECTION_DATA), 0); /* it was told */
        now_usec += 601 * SECONDS;
        restart();
        assert_int_equal(rows(), 0);
}

static void a_new_lock_tells_its_owner_of_the_broken_one(void **state) {
        char id[SOVD_ID_SIZE];

        (void)lock(&a, &ecu, DATA);
        assert_int_equal(acquire(&b, &ecu, DATA, true, id), 0);
        assert_int_equal(sovd_lock_release(locks, &b, id), 0);
        assert_int_equal(acquire(&a, &ecu, DATA, false, id), 0);
        assert_int_equal(sovd_lock_release(locks, &a, id), 0);
        restart();
        assert_int_equal(change(&a, SOVD_COLLECTION_DATA), 0);
}

static void what_the_backend_broke_stays_broken(void **state) {
        struct sovd_lock_info info;
        const char *id = lock(&a, &ecu, DATA);

        sovd_lock_lose(locks, id);
        restart();
        assert_int_equal(find(&a, id, &info), SOVD_E_NOT_FOUND);
        assert_int_equal(sovd_lock_extend(locks, &a, id, now_usec, SECONDS), SOVD_E_LOCK_BROKEN);
        assert_int_equal(change(&a, SOVD_COLLECTION_DATA), 0); /* its owner knows */
}

static void fences_never_come_twice(void **state) {
        struct sovd_lock_info first, second;

        assert_int_equal(find(&a, lock(&a, &ecu, DATA), &first), 0);
        assert_int_equal(sovd_lock_release(locks, &a, first.id), 0);
        restart();
        assert_int_equal(find(&a, lock(&a, &ecu, DATA), &second), 0);
        assert_true(second.fence > first.fence);
        restart();
        assert_int_equal(find(&a, second.id, &second), 0);
        assert_int_equal(find(&b, lock(&b, &ecu, OPERATIONS), &first), 0);
        assert_true(first.fence > second.fence);
}

static void a_lock_of_another_start_of_the_machine_is_dropped(void **state) {
        struct sovd_lock_info info;
        const char *id = lock(&a, &ecu, DATA);

        sql("UPDATE lock SET boot='00000000-0000-0000-0000-000000000000'");
        restart();
        assert_int_equal(find(&a, id, &info), SOVD_E_NOT_FOUND);
        assert_int_equal(rows(), 0);
        assert_int_equal(change(&b, SOVD_COLLECTION_DATA), 0);
}

static void what_is_only_reserved_is_not_kept(void **state) {
        const struct sovd_lock_wish wish = { .scopes = DATA, .duration_usec = 60 * SECONDS };
        char id[SOVD_ID_SIZE];

        assert_int_equal(sovd_lock_reserve(locks, &a, &wish, id), 0);
        restart();
        assert_int_equal(change(&b, SOVD_COLLECTION_DATA), 0);
}

static void at_most_as_many_locks_as_the_limit_says_come_back(void **state) {
        struct sovd_lock_counts counts;

        for (unsigned i = 0; i < 4; i++)
                (void)lock(&a, &ecu, 1u << i);
        locks = sovd_locks_free(locks);
        assert_int_equal(start_with(3), 0);
        sovd_locks_count(locks, &counts);
        assert_int_equal(counts.held, 3);
        assert_int_equal(rows(), 3);
}

static void a_row_that_is_not_understood_is_no_lock(void **state) {
        struct sovd_lock_info info;
        const char *first = lock(&a, &ecu, DATA), *second = lock(&a, &ecu, OPERATIONS);

        sql("UPDATE lock SET scopes='data,nonsense' WHERE scopes='data'");
        restart();
        assert_int_equal(find(&a, first, &info), SOVD_E_NOT_FOUND);
        assert_int_equal(find(&a, second, &info), 0);
}

/* --- a disk that fails ------------------------------------------------------------------------------------------ */

static void without_a_row_nothing_is_granted_extended_released_or_broken(void **state) {
        struct sovd_lock_info before, after;
        struct sovd_lock_counts counts;
        char id[SOVD_ID_SIZE];
        const char *held = lock(&a, &ecu, DATA);

        assert_int_equal(find(&a, held, &before), 0);
        sql("ALTER TABLE lock RENAME TO away");
        assert_true(acquire(&b, &ecu, OPERATIONS, false, id) > 0);
        assert_non_null(strstr(b.failure.body.message, "written now"));
        assert_int_equal(b.failure.retry_after_sec, 1);
        assert_true(acquire(&b, &ecu, DATA, true, id) > 0);
        assert_true(sovd_lock_extend(locks, &a, held, now_usec, 90 * SECONDS) > 0);
        assert_true(sovd_lock_release(locks, &a, held) > 0);
        sovd_locks_count(locks, &counts);
        assert_int_equal(counts.held, 1);
        assert_int_equal(counts.n_broken, 0);
        assert_int_equal(find(&a, held, &after), 0);
        assert_int_equal(after.ends_usec, before.ends_usec);
        assert_int_equal(change(&a, SOVD_COLLECTION_DATA), 0); /* not as if it were being broken */
        assert_int_equal(change(&b, SOVD_COLLECTION_OPERATIONS), 0);

        sql("ALTER TABLE away RENAME TO lock");
        assert_int_equal(sovd_lock_release(locks, &a, held), 0);
        assert_int_equal(rows(), 0);
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

#define THREADS 16
#define ROUNDS  60

static void *compete(void *data) {
        const char *name = data;
        char id[SOVD_ID_SIZE];
        struct sovd_call call;

        make_call(&call, name);
        for (int i = 0; i < ROUNDS; i++) {
                if (acquire(&call, i % 3 ? &ecu : &part, DATA, i % 5 == 0, id) == 0) {
                        (void)sovd_lock_extend(locks, &call, id, sovd_boottime_usec(), 50 * SECONDS);
                        if (i % 2)
                                (void)sovd_lock_release(locks, &call, id);
                }
                sovd_arena_reset(call.arena);
        }
        sovd_arena_free(call.arena);
        return NULL;
}

static void list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_lock_infos *ret) {
        call->entity = e;
        assert_int_equal(sovd_lock_list(locks, call, ret), 0);
}

/* Whatever the order was, in memory it was the one of the commits. */
static void memory_and_table_agree(void **state) {
        static char names[THREADS][16];
        struct sovd_lock_infos before[2], after[2];
        pthread_t threads[THREADS];

        sovd_clock_replace(NULL);
        for (int i = 0; i < THREADS; i++) {
                (void)snprintf(names[i], sizeof(names[i]), "t%d", i);
                assert_int_equal(pthread_create(&threads[i], NULL, compete, names[i]), 0);
        }
        for (int i = 0; i < THREADS; i++)
                assert_int_equal(pthread_join(threads[i], NULL), 0);
        list(&a, &ecu, &before[0]);
        list(&a, &part, &before[1]);
        restart();
        list(&a, &ecu, &after[0]);
        list(&a, &part, &after[1]);
        for (int e = 0; e < 2; e++) {
                assert_int_equal(after[e].n, before[e].n);
                for (size_t i = 0; i < after[e].n; i++) {
                        assert_string_equal(after[e].items[i].id, before[e].items[i].id);
                        assert_int_equal(after[e].items[i].fence, before[e].items[i].fence);
                }
        }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_lock_goes_on_with_what_is_left_of_its_time),
                TEST(a_lock_below_another_entity_still_meets_it),
                TEST(its_owner_extends_and_releases_it),
                TEST(a_broken_lock_is_told_to_its_owner_until_it_has_given_it_back),
                TEST(a_new_lock_tells_its_owner_of_the_broken_one),
                TEST(what_the_backend_broke_stays_broken),
                TEST(fences_never_come_twice),
                TEST(a_lock_of_another_start_of_the_machine_is_dropped),
                TEST(what_is_only_reserved_is_not_kept),
                TEST(at_most_as_many_locks_as_the_limit_says_come_back),
                TEST(a_row_that_is_not_understood_is_no_lock),
                TEST(without_a_row_nothing_is_granted_extended_released_or_broken),
                TEST(memory_and_table_agree),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
