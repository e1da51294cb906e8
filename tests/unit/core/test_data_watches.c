/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include "sovd-core/data_watches.h"
#include "sovd-core/observations.h"
#include "sovd-core/state.h"
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>

#define MSEC     SOVD_USEC_PER_MSEC
#define N_VALUES 20

/* What is read: "/N" has the value values[N]; with `counting` each reading finds another one. */
static atomic_int values[N_VALUES];
static atomic_uint n_reads[N_VALUES];
static atomic_bool counting, failing;

static int read_fake(void *data, struct sovd_reading *reading) {
        int i = atoi(reading->resource + 1);

        atomic_fetch_add(&n_reads[i], 1);
        if (atomic_load(&failing)) {
                sovd_json_rawf(reading->writer, "{\"error_code\":\"not-responding\",\"message\":\"%u\"}",
                               atomic_load(&n_reads[i]));
                return SOVD_E_NOT_RESPONDING;
        }
        int value = atomic_load(&counting) ? atomic_fetch_add(&values[i], 1) : atomic_load(&values[i]);
        sovd_json_rawf(reading->writer, "{\"id\":\"%d\",\"data\":%d}", i, value);
        return 0;
}

struct fixture {
        struct sovd_db *db;
        struct sovd_observations *observations;
        struct sovd_data_watches *watches;
};

static int open_state(struct sovd_db **ret) {
        const struct sovd_db_options options = { .migrations = sovd_state_migrations, .readers = 1, .queue_max = 1000 };

        return sovd_db_open(ret, &options, NULL);
}

static int begin_with(void **state, size_t kept, unsigned threads) {
        struct fixture *f = calloc(1, sizeof(*f));
        const struct sovd_observations_options observations = { .threads = threads,
                                                                .per_source = 4,
                                                                .read_timeout_usec = SOVD_USEC_PER_SEC,
                                                                .kept = 8,
                                                                .readers = 2,
                                                                .read = read_fake };
        struct sovd_data_watches_options options = { .max = 4,
                                                     .ids_max = N_VALUES,
                                                     .kept = kept,
                                                     .readers_max = 8,
                                                     .linger_usec = 3600 * SOVD_USEC_PER_SEC };

        for (size_t i = 0; i < N_VALUES; i++)
                atomic_store(&values[i], 0);
        atomic_store(&counting, false);
        atomic_store(&failing, false);
        if (!f || open_state(&f->db) || sovd_observations_new(&f->observations, &observations))
                return -1;
        options.observations = f->observations;
        options.db = f->db;
        *state = f;
        return sovd_data_watches_new(&f->watches, &options);
}

static int begin(void **state) {
        return begin_with(state, 64, 4);
}

static int begin_large(void **state) {
        return begin_with(state, 100000, 8);
}

static int end(void **state) {
        struct fixture *f = *state;

        sovd_data_watches_stop(f->watches);
        sovd_observations_stop(f->observations);
        sovd_data_watches_free(f->watches);
        sovd_observations_free(f->observations);
        sovd_db_close(f->db);
        free(f);
        return 0;
}

static const struct sovd_entity entity = { .type = SOVD_COMPONENT, .id = "bms" };

static int try_open(struct fixture *f, int first, int n, bool snapshot, uint64_t last,
                    struct sovd_stream_reader **ret) {
        static const char *const names[] = { "0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",  "8",  "9",
                                             "10", "11", "12", "13", "14", "15", "16", "17", "18", "19" };
        static const char *const resources[] = { "/0",  "/1",  "/2",  "/3",  "/4",  "/5",  "/6",
                                                 "/7",  "/8",  "/9",  "/10", "/11", "/12", "/13",
                                                 "/14", "/15", "/16", "/17", "/18", "/19" };
        struct sovd_watched_id ids[N_VALUES];
        const struct sovd_watch_request request = { .entity = &entity,
                                                    .source = "fake",
                                                    .base = "",
                                                    .interval = 1,
                                                    .period_usec = 2 * MSEC,
                                                    .ids = ids,
                                                    .n_ids = (size_t)n,
                                                    .snapshot = snapshot,
                                                    .resumes = last != 0,
                                                    .last_id = last };
        const char *reason;

        for (int i = 0; i < n; i++)
                ids[i] = (struct sovd_watched_id){ names[first + i], resources[first + i] };
        return sovd_data_watches_open(f->watches, &request, ret, &reason);
}

/* One that waits for its events. */
struct reader {
        struct sovd_stream_reader *reader;
        sem_t woken;
        uint64_t last; /* id */
        int seen[N_VALUES];
};

static void wake(void *data) {
        (void)sem_post(data);
}

static void open_reader(struct reader *r, struct fixture *f, int first, int n, bool snapshot, uint64_t last) {
        *r = (struct reader){ 0 };
        (void)sem_init(&r->woken, 0, 0);
        for (int i = 0; i < N_VALUES; i++)
                r->seen[i] = -1;
        assert_int_equal(try_open(f, first, n, snapshot, last, &r->reader), 0);
        sovd_data_watches_set_wake(r->reader, wake, &r->woken);
}

static void close_reader(struct reader *r) {
        sovd_stream_close(r->reader);
        (void)sem_destroy(&r->woken);
}

static const char *member(const struct sovd_event *e, const char *name) {
        static _Thread_local char text[512];
        char key[32];

        (void)snprintf(text, sizeof(text), "%.*s", (int)e->len, e->text + e->start);
        (void)snprintf(key, sizeof(key), "\"%s\":", name);
        char *found = strstr(text, key);
        return found ? found + strlen(key) : NULL;
}

static bool is_named(const struct sovd_event *e, const char *name) {
        char line[64];
        int n = snprintf(line, sizeof(line), "event: %s\n", name);
        const char *text = e->text + e->start;
        size_t skip = strncmp(text, "id: ", 4) == 0 ? strcspn(text, "\n") + 1 : 0;

        return strncmp(text + skip, line, (size_t)n) == 0;
}

/* The next event; it belongs to the caller. */
static struct sovd_event *next(struct reader *r) {
        struct sovd_event *e = NULL;

        for (;;) {
                enum sovd_stream_what what = sovd_stream_next(r->reader, &e);
                if (what == SOVD_STREAM_EVENT || what == SOVD_STREAM_GAP)
                        return e;
                assert_int_equal(what, SOVD_STREAM_NOTHING);
                (void)sem_wait(&r->woken);
        }
}

static void next_is(struct reader *r, const char *name, const char *data) {
        _cleanup_(sovd_event_unrefp) struct sovd_event *e = next(r);

        if (!is_named(e, name))
                fail_msg("not %s: %.*s", name, (int)e->len, e->text + e->start);
        if (data)
                assert_int_equal(strncmp(member(e, "data"), data, strlen(data)), 0);
        if (e->id)
                r->last = e->id;
}

/* Throws the first block away, which only has the id to resume from. */
static uint64_t skip_begin(struct reader *r) {
        _cleanup_(sovd_event_unrefp) struct sovd_event *e = next(r);

        assert_true(e->id);
        assert_null(member(e, "data"));
        return e->id;
}

static void wait_reads(int i, unsigned more) {
        unsigned want = atomic_load(&n_reads[i]) + more;

        while (atomic_load(&n_reads[i]) < want)
                (void)poll(NULL, 0, 1);
}

static void a_change_is_told_and_the_same_value_is_not(void **state) {
        struct reader r;

        open_reader(&r, *state, 0, 2, false, 0);
        uint64_t begun = skip_begin(&r);
        wait_reads(0, 3);
        atomic_store(&values[0], 5);
        next_is(&r, "data", "5}");
        assert_true(r.last > begun);
        wait_reads(0, 3);
        atomic_store(&values[0], 0);
        next_is(&r, "data", "0}");
        close_reader(&r);
}

static void an_error_is_told_once_though_its_message_changes(void **state) {
        struct reader r;

        open_reader(&r, *state, 0, 1, true, 0);
        next_is(&r, "snapshot", "0}");
        next_is(&r, "snapshot-end", NULL);
        atomic_store(&failing, true);
        next_is(&r, "data-error", NULL);
        wait_reads(0, 5);
        atomic_store(&failing, false);
        next_is(&r, "data", "0}");
        close_reader(&r);
}

static void a_snapshot_waits_for_the_first_reading_of_every_value(void **state) {
        struct reader r;

        atomic_store(&values[19], 19);
        open_reader(&r, *state, 0, N_VALUES, true, 0);
        for (int i = 0; i < N_VALUES - 1; i++)
                next_is(&r, "snapshot", "0}");
        next_is(&r, "snapshot", "19}");
        next_is(&r, "snapshot-end", NULL);
        close_reader(&r);
}

static void who_falls_behind_gets_a_gap_and_the_present(void **state) {
        struct fixture *f = *state;
        struct sovd_data_watches_counters c = { 0 };
        struct reader r;

        open_reader(&r, f, 0, 1, false, 0);
        (void)skip_begin(&r);
        atomic_store(&counting, true);
        while (c.events < 200) {
                (void)poll(NULL, 0, 1);
                sovd_data_watches_count(f->watches, &c);
        }
        atomic_store(&counting, false);
        wait_reads(0, 2);
        char present[32];
        (void)snprintf(present, sizeof(present), "%d}", atomic_load(&values[0]));
        next_is(&r, "gap", NULL);
        next_is(&r, "snapshot", present);
        next_is(&r, "snapshot-end", NULL);
        atomic_store(&values[0], -1);
        next_is(&r, "data", "-1}");
        close_reader(&r);
}

static void the_stop_ends_every_reader_and_refuses_new_ones(void **state) {
        struct fixture *f = *state;
        struct sovd_event *e = NULL;
        struct sovd_stream_reader *late;
        struct reader r;

        open_reader(&r, f, 0, 1, false, 0);
        (void)skip_begin(&r);
        while (sovd_stream_next(r.reader, &e) != SOVD_STREAM_NOTHING)
                e = sovd_event_unref(e);
        sovd_data_watches_stop(f->watches);
        (void)sem_wait(&r.woken);
        assert_int_equal(sovd_stream_next(r.reader, &e), SOVD_STREAM_END);
        assert_int_equal(try_open(f, 0, 1, false, 0, &late), SOVD_E_OVERLOAD);
        close_reader(&r);
}

/* Every reading finds a change: what each reader sees of a value are all of them, from the snapshot on. */
static void take_one(struct reader *r) {
        _cleanup_(sovd_event_unrefp) struct sovd_event *e = next(r);

        if (is_named(e, "snapshot-end")) {
                r->last = e->id;
                return;
        }
        assert_true(is_named(e, "snapshot") || is_named(e, "data"));
        if (e->id)
                assert_true(e->id > r->last);
        r->last = e->id ? e->id : r->last;
        int i = atoi(member(e, "id") + 1), value = atoi(member(e, "data"));
        assert_true(r->seen[i] < 0 || value == r->seen[i] + 1);
        r->seen[i] = value;
}

static void *read_many(void *data) {
        struct reader *r = data;

        for (int i = 0; i < 1500; i++)
                take_one(r);
        return NULL;
}

static void many_readers_miss_nothing_and_see_nothing_twice(void **state) {
        struct reader readers[6];
        pthread_t threads[6];

        atomic_store(&counting, true);
        for (int i = 0; i < 6; i++) {
                open_reader(&readers[i], *state, i, N_VALUES - 6, true, 0);
                assert_int_equal(pthread_create(&threads[i], NULL, read_many, &readers[i]), 0);
        }
        for (int i = 0; i < 6; i++)
                (void)pthread_join(threads[i], NULL);
        for (int i = 0; i < 6; i++)
                close_reader(&readers[i]);
}

static void who_comes_back_goes_on_where_it_was(void **state) {
        struct reader r, again;

        atomic_store(&counting, true);
        open_reader(&r, *state, 0, 3, true, 0);
        for (int i = 0; i < 100; i++)
                take_one(&r);
        open_reader(&again, *state, 0, 3, true, r.last);
        memcpy(again.seen, r.seen, sizeof(again.seen));
        again.last = r.last;
        close_reader(&r);
        for (int i = 0; i < 300; i++)
                take_one(&again);
        close_reader(&again);
}

static void a_change_that_is_told_by_its_backend_is_read_at_once(void **state) {
        struct fixture *f = *state;
        struct reader r;

        open_reader(&r, f, 0, 1, true, 0);
        next_is(&r, "snapshot", "0}");
        next_is(&r, "snapshot-end", NULL);
        for (int i = 1; i < 20; i++) {
                char data[16];
                atomic_store(&values[0], i);
                sovd_data_watches_changed(f->watches, SOVD_COMPONENT, "bms", i % 2 ? "0" : NULL);
                (void)snprintf(data, sizeof(data), "%d}", i);
                next_is(&r, "data", data);
        }
        sovd_data_watches_changed(f->watches, SOVD_COMPONENT, "other", "0");
        sovd_data_watches_changed(f->watches, SOVD_APP, "bms", "0");
        close_reader(&r);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_change_is_told_and_the_same_value_is_not, begin, end),
                cmocka_unit_test_setup_teardown(an_error_is_told_once_though_its_message_changes, begin, end),
                cmocka_unit_test_setup_teardown(a_snapshot_waits_for_the_first_reading_of_every_value, begin,
                                                end),
                cmocka_unit_test_setup_teardown(who_falls_behind_gets_a_gap_and_the_present, begin, end),
                cmocka_unit_test_setup_teardown(the_stop_ends_every_reader_and_refuses_new_ones, begin, end),
                cmocka_unit_test_setup_teardown(many_readers_miss_nothing_and_see_nothing_twice, begin_large,
                                                end),
                cmocka_unit_test_setup_teardown(who_comes_back_goes_on_where_it_was, begin_large, end),
                cmocka_unit_test_setup_teardown(a_change_that_is_told_by_its_backend_is_read_at_once, begin,
                                                end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
