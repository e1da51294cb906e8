/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-core/sequence.h"
#include "sovd-core/state.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define N_THREADS 4
#define N_EACH    5000

static char folder[] = "/tmp/sequence-XXXXXX";

static struct sovd_db *open_state(const char *in) {
        char path[128];
        const struct sovd_db_options options = { .path = in ? path : NULL,
                                                 .migrations = sovd_state_migrations,
                                                 .readers = 1,
                                                 .queue_max = 1000 };
        struct sovd_db *db = NULL;

        (void)snprintf(path, sizeof(path), "%s/state.db", in ? in : "");
        assert_int_equal(sovd_db_open(&db, &options, NULL), 0);
        return db;
}

static struct sovd_sequence *begin(struct sovd_db *db, uint64_t block) {
        struct sovd_sequence *s = NULL;

        assert_int_equal(sovd_sequence_new(&s, db, "test", block), 0);
        assert_int_equal(sovd_sequence_begin(s), 0);
        return s;
}

static void close_all(struct sovd_sequence *s, struct sovd_db *db) {
        sovd_sequence_settle(s);
        sovd_sequence_free(s);
        sovd_db_close(db);
}

/* The next block may be on its way to the disk. */
static uint64_t take(struct sovd_sequence *s) {
        uint64_t id = 0;

        for (int i = 0; i < 20000 && !sovd_sequence_next(s, &id); i++)
                (void)poll(NULL, 0, 1);
        assert_true(id);
        return id;
}

static void numbers_grow_by_one_over_the_end_of_a_block(void **state) {
        struct sovd_db *db = open_state(NULL);
        struct sovd_sequence *s = begin(db, 4);
        uint64_t first = take(s);

        assert_int_equal(sovd_sequence_last(s), first);
        for (uint64_t i = 1; i < 50; i++)
                assert_int_equal(take(s), first + i);
        assert_int_equal(sovd_sequence_last(s), first + 49);
        close_all(s, db);
}

static void no_number_is_given_before_the_first_block_is_durable(void **state) {
        struct sovd_db *db = open_state(NULL);
        struct sovd_sequence *s = NULL;
        uint64_t id = 7;

        assert_int_equal(sovd_sequence_new(&s, db, "test", 4), 0);
        assert_false(sovd_sequence_next(s, &id));
        assert_int_equal(id, 7);
        assert_int_equal(sovd_sequence_last(s), 0);
        close_all(s, db);
}

static void a_restart_goes_on_behind_the_block(void **state) {
        struct sovd_db *db = open_state(folder);
        struct sovd_sequence *s = begin(db, 100);
        uint64_t last = take(s);
        close_all(s, db);

        db = open_state(folder);
        s = begin(db, 100);
        uint64_t first = take(s);
        assert_true(first > last);
        assert_int_equal(first, last + 100);
        close_all(s, db);
}

static void a_state_that_was_lost_does_not_bring_numbers_back(void **state) {
        struct sovd_db *db = open_state(NULL);
        struct sovd_sequence *s = begin(db, 4);
        uint64_t last = take(s);
        close_all(s, db);

        db = open_state(NULL);
        s = begin(db, 4);
        assert_true(take(s) > last);
        close_all(s, db);
}

struct taker {
        struct sovd_sequence *sequence;
        uint64_t taken[N_EACH];
};

static void *take_many(void *data) {
        struct taker *t = data;

        for (size_t i = 0; i < N_EACH; i++)
                while (!sovd_sequence_next(t->sequence, &t->taken[i]))
                        (void)poll(NULL, 0, 1);
        return NULL;
}

static int by_number(const void *a, const void *b) {
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static void no_number_comes_twice_on_many_threads(void **state) {
        struct sovd_db *db = open_state(NULL);
        struct sovd_sequence *s = begin(db, 1000);
        struct taker *takers = calloc(N_THREADS, sizeof(*takers));
        uint64_t *all = calloc(N_THREADS * N_EACH, sizeof(*all));
        pthread_t threads[N_THREADS];

        for (size_t i = 0; i < N_THREADS; i++) {
                takers[i].sequence = s;
                assert_int_equal(pthread_create(&threads[i], NULL, take_many, &takers[i]), 0);
        }
        for (size_t i = 0; i < N_THREADS; i++) {
                (void)pthread_join(threads[i], NULL);
                memcpy(all + i * N_EACH, takers[i].taken, sizeof(takers[i].taken));
        }
        qsort(all, N_THREADS * N_EACH, sizeof(*all), by_number);
        for (size_t i = 1; i < N_THREADS * N_EACH; i++)
                assert_int_equal(all[i], all[i - 1] + 1);
        free(all);
        free(takers);
        close_all(s, db);
}

static int make_folder(void **state) {
        return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
        static const char *const files[] = { "state.db", "state.db-wal", "state.db-shm", "state.db-journal" };
        char path[128];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(files); i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
                (void)unlink(path);
        }
        return rmdir(folder);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(numbers_grow_by_one_over_the_end_of_a_block),
                cmocka_unit_test(no_number_is_given_before_the_first_block_is_durable),
                cmocka_unit_test(a_restart_goes_on_behind_the_block),
                cmocka_unit_test(a_state_that_was_lost_does_not_bring_numbers_back),
                cmocka_unit_test(no_number_comes_twice_on_many_threads),
        };

        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
