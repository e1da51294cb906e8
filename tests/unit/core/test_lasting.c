/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/clock.h"
#include "sovd-core/observations.h"
#include "sovd-core/state.h"
#include <poll.h>
#include <stdatomic.h>

#define MSEC SOVD_USEC_PER_MSEC

static struct sovd_db *db; /* in memory: it outlives the observations */
static struct sovd_observations *o;
static struct sovd_arena *arena;
static struct sovd_observation found;
static atomic_uint value, n_reads;
static atomic_bool fails;

static const struct sovd_entity entity = { .type = SOVD_COMPONENT, .id = "bms" };

static int read_value(void *data, struct sovd_reading *reading) {
        atomic_fetch_add(&n_reads, 1);
        if (atomic_load(&fails)) {
                sovd_json_rawf(reading->writer, "{\"error_code\":\"not-responding\",\"message\":\"gone\"}");
                return SOVD_E_NOT_RESPONDING;
        }
        sovd_json_rawf(reading->writer, "{\"data\":%u}", atomic_load(&value));
        return 0;
}

static int start(void) {
        const struct sovd_observations_options options = {
                .db = db,
                .trigger_period_usec = MSEC,
                .max = { 3, 3 },
                .per_client = { 2, 2 },
                .threads = 2,
                .per_source = 1,
                .read_timeout_usec = SOVD_USEC_PER_SEC,
                .kept = 8,
                .readers = 2,
                .read = read_value,
        };

        return sovd_observations_new(&o, &options);
}

static void restart(void) {
        o = sovd_observations_free(o);
        assert_int_equal(start(), 0);
        sovd_observations_resume(o);
}

static int make(void **state) {
        const struct sovd_db_options options = { .migrations = sovd_state_migrations,
                                                 .application_id = SOVD_STATE_APPLICATION_ID,
                                                 .readers = 1,
                                                 .queue_max = 100 };

        atomic_store(&value, 1);
        atomic_store(&fails, false);
        if (sovd_arena_new(&arena, 4096) || sovd_db_open(&db, &options, NULL))
                return -1;
        return start();
}

static int unmake(void **state) {
        o = sovd_observations_free(o);
        db = sovd_db_close(db);
        arena = sovd_arena_free(arena);
        return 0;
}

/* --- helpers ------------------------------------------------------------------------------------------------ */

static int try_add(const char *owner, bool multishot, char id[static SOVD_ID_SIZE]) {
        const struct sovd_trigger_condition on_change = { .type = SOVD_CONDITION_ON_CHANGE };
        _cleanup_(sovd_condition_freep) struct sovd_condition *condition = NULL;
        const char *reason = "untouched";

        assert_int_equal(sovd_condition_new(&condition, &on_change), 0);
        const struct sovd_observation_spec spec = {
                .kind = SOVD_TRIGGER,
                .entity = &entity,
                .owner = { .id = owner },
                .base = "",
                .resource = "/value",
                .source = "there",
                .period_usec = MSEC,
                .lifetime_usec = 100 * SOVD_USEC_PER_SEC,
                .condition = condition,
                .condition_text = "{\"condition_type\":\"OnChange\"}",
                .multishot = multishot,
                .persistent = true,
                .only_data = true,
        };
        int r = sovd_observations_add(o, &spec, id, &reason);
        if (!r)
                condition = NULL; /* the trigger's now */
        return r;
}

static const char *add(bool multishot) {
        char id[SOVD_ID_SIZE];

        assert_int_equal(try_add("me", multishot, id), 0);
        return sovd_arena_strdup(arena, id);
}

static int find(const char *id) {
        return sovd_observations_find(o, SOVD_TRIGGER, &entity, id, &found, arena);
}

static uint64_t n_events(void) {
        struct sovd_observations_counters counters;

        sovd_observations_count(o, &counters);
        return counters.events;
}

/* Two more readings have begun, so one of them has begun and ended after now. */
static void look(void) {
        unsigned until = atomic_load(&n_reads) + 2;

        for (int i = 0; i < 5000 && atomic_load(&n_reads) < until; i++)
                (void)poll(NULL, 0, 1);
        assert_true(atomic_load(&n_reads) >= until);
}

static void await_events(uint64_t n) {
        for (int i = 0; i < 5000 && n_events() < n; i++)
                (void)poll(NULL, 0, 1);
        assert_int_equal(n_events(), n);
}

static int run_sql(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *s;
        int r = sovd_db_prepare(conn, &s, data);

        return r ? r : sovd_db_run(s);
}

static void sql(const char *text) {
        assert_int_equal(sovd_db_write(db, run_sql, (void *)(uintptr_t)text), 0);
}

/* --- tests -------------------------------------------------------------------------------------------------- */

static void one_is_there_again_and_fires(void **state) {
        const char *id = add(true);

        assert_int_equal(find(id), 0);
        uint64_t expires = found.expires_usec;
        restart();
        assert_int_equal(find(id), 0);
        assert_true(found.persistent && found.multishot && !found.terminated);
        assert_string_equal(found.condition_text, "{\"condition_type\":\"OnChange\"}");
        assert_true(found.expires_usec <= expires && expires - found.expires_usec < SOVD_USEC_PER_SEC);
        look();
        assert_int_equal(n_events(), 0); /* the first value is where it starts from */
        atomic_store(&value, 2);
        await_events(1);
        assert_int_equal(sovd_observations_remove(o, SOVD_TRIGGER, &entity, id, "you"), SOVD_E_FORBIDDEN);
}

static void nothing_is_read_before_it_is_resumed(void **state) {
        const char *id = add(true);

        o = sovd_observations_free(o);
        unsigned before = atomic_load(&n_reads);
        assert_int_equal(start(), 0);
        assert_int_equal(find(id), 0);
        assert_int_equal(atomic_load(&n_reads), before);
        sovd_observations_resume(o);
        look();
}

static void one_that_has_fired_does_not_fire_again(void **state) {
        const char *id = add(false);

        look();
        atomic_store(&value, 2);
        await_events(1);
        restart();
        assert_int_equal(find(id), 0);
        assert_true(found.terminated);
        atomic_store(&value, 3);
        (void)add(true);
        look();
        assert_int_equal(n_events(), 0);
}

static void nobody_hears_of_an_error_before_the_first_value(void **state) {
        const char *id = add(true);

        atomic_store(&fails, true);
        restart();
        look();
        assert_int_equal(n_events(), 0);
        assert_int_equal(find(id), 0);
        assert_non_null(found.last_error);
        atomic_store(&fails, false);
        look();
        atomic_store(&fails, true);
        await_events(1);
}

static void removals_and_clears_are_kept(void **state) {
        const char *first = add(true), *second = add(true);
        char other[SOVD_ID_SIZE];

        assert_int_equal(try_add("you", true, other), 0);
        assert_int_equal(sovd_observations_remove(o, SOVD_TRIGGER, &entity, first, "me"), 0);
        restart();
        assert_int_equal(find(first), SOVD_E_NOT_FOUND);
        assert_int_equal(find(second), 0);
        assert_int_equal(sovd_observations_clear(o, &entity, "me"), 1);
        restart();
        assert_int_equal(find(second), SOVD_E_NOT_FOUND);
        assert_int_equal(find(other), 0);
}

static void limits_count_what_was_there_before(void **state) {
        char id[SOVD_ID_SIZE];

        (void)add(true);
        (void)add(true);
        restart();
        assert_int_equal(try_add("me", true, id), SOVD_E_OVERLOAD);
        assert_int_equal(try_add("you", true, id), 0);
        assert_int_equal(try_add("they", true, id), SOVD_E_OVERLOAD);
}

static void one_whose_time_is_over_is_gone(void **state) {
        const char *id = add(true);

        sql("UPDATE persistent_trigger SET expires_usec=1");
        restart();
        assert_int_equal(find(id), SOVD_E_NOT_FOUND);
}

static void a_row_that_is_not_understood_is_left_out(void **state) {
        const char *id = add(true);

        sql("UPDATE persistent_trigger SET condition='{\"condition_type\":\"OnFullMoon\"}'");
        restart();
        assert_int_equal(find(id), SOVD_E_NOT_FOUND);
}

static void without_a_row_nothing_changes(void **state) {
        const struct sovd_observation_change change = { .lifetime_usec = 900 * SOVD_USEC_PER_SEC };
        const char *id = add(true);
        struct sovd_observation *list;
        char other[SOVD_ID_SIZE];
        size_t n;

        assert_int_equal(find(id), 0);
        uint64_t expires = found.expires_usec;
        sql("ALTER TABLE persistent_trigger RENAME TO away");
        assert_true(try_add("me", true, other) < 0);
        assert_true(sovd_observations_change(o, SOVD_TRIGGER, &entity, id, "me", &change) < 0);
        assert_true(sovd_observations_remove(o, SOVD_TRIGGER, &entity, id, "me") < 0);
        assert_int_equal(sovd_observations_clear(o, &entity, "me"), 0);
        assert_int_equal(sovd_observations_list(o, SOVD_TRIGGER, &entity, &list, &n, arena), 0);
        assert_int_equal(n, 1);
        assert_int_equal(find(id), 0);
        assert_int_equal(found.expires_usec, expires);
        sql("ALTER TABLE away RENAME TO persistent_trigger");
        assert_int_equal(sovd_observations_change(o, SOVD_TRIGGER, &entity, id, "me", &change), 0);
        restart();
        assert_int_equal(find(id), 0);
        assert_true(found.expires_usec > expires + 700 * SOVD_USEC_PER_SEC);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(one_is_there_again_and_fires),
                TEST(nothing_is_read_before_it_is_resumed),
                TEST(one_that_has_fired_does_not_fire_again),
                TEST(nobody_hears_of_an_error_before_the_first_value),
                TEST(removals_and_clears_are_kept),
                TEST(limits_count_what_was_there_before),
                TEST(one_whose_time_is_over_is_gone),
                TEST(a_row_that_is_not_understood_is_left_out),
                TEST(without_a_row_nothing_changes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
