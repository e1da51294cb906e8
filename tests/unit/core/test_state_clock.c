/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/clock.h"
#include "sovd-core/state.h"
#include "sovd-core/state_clock.h"
#include <stdio.h>

#define SEC  SOVD_USEC_PER_SEC
#define HOUR (3600 * SEC)
#define DAY  (24 * HOUR)
#define Y1970 (120 * SEC)
#define Y2026 (SOVD_CLOCK_CREDIBLE_USEC + 300 * DAY)

static _Atomic uint64_t boot_usec, day_usec; /* the writer of the state reads them too */
static struct sovd_db *db;
static char path[] = "/tmp/state-clock-XXXXXX", folder[sizeof(path)];

static uint64_t boot(void) {
        return boot_usec;
}

static uint64_t day(void) {
        return day_usec;
}

static const struct sovd_clock clocks = { boot, day, boot };

static void begin(void) {
        assert_int_equal(sovd_state_open(&db, folder, NULL), 0);
        assert_int_equal(sovd_state_clock_begin(db), 0);
}

static int make(void **state) {
        (void)strcpy(folder, path);
        if (!mkdtemp(folder))
                return -1;
        sovd_clock_replace(&clocks);
        boot_usec = 10 * SEC;
        return 0;
}

static int unmake(void **state) {
        char name[64];

        db = sovd_db_close(db);
        sovd_clock_replace(NULL);
        (void)snprintf(name, sizeof(name), "%s/state.db", folder);
        (void)remove(name);
        return remove(folder);
}

static int leave_boot(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *s;
        int r = sovd_db_prepare(conn, &s, "UPDATE state_clock SET boot='before'");

        return r ? r : sovd_db_run(s);
}

static void run_for(uint64_t usec) {
        boot_usec += usec;
        day_usec += usec;
        sovd_state_clock_tick(db);
}

static void restart(uint64_t off_usec) {
        sovd_state_clock_keep(db);
        db = sovd_db_close(db);
        boot_usec += off_usec;
        day_usec += off_usec;
        begin();
}

/* The machine is off, and says another time of the day when it is on again. */
static void start_anew(uint64_t day_then) {
        sovd_state_clock_keep(db);
        assert_int_equal(sovd_db_write(db, leave_boot, NULL), 0);
        db = sovd_db_close(db);
        boot_usec = 10 * SEC;
        day_usec = day_then;
        begin();
}

static void with_a_good_clock_it_is_the_time_of_the_day(void **state) {
        day_usec = Y2026;
        begin();
        assert_int_equal(sovd_state_usec(), Y2026);
        run_for(HOUR);
        restart(HOUR);
        assert_int_equal(sovd_state_usec(), day_usec);
        start_anew(day_usec + 5 * DAY);
        assert_int_equal(sovd_state_usec(), day_usec);
        assert_int_equal(sovd_state_to_utc(day_usec + 1), day_usec + 1);
}

static void a_clock_that_is_set_for_the_first_time_makes_nothing_older(void **state) {
        day_usec = Y1970;
        begin();
        const uint64_t then = sovd_state_usec();
        run_for(60 * SEC);
        day_usec = Y2026;
        run_for(60 * SEC);
        assert_int_equal(sovd_state_usec() - then, 120 * SEC);
        assert_int_equal(sovd_state_to_utc(sovd_state_usec() + HOUR), day_usec + HOUR);
        restart(60 * SEC);
        assert_int_equal(sovd_state_usec() - then, 180 * SEC);
        start_anew(day_usec + DAY); /* from here on the time of the day tells how long it was off */
        assert_int_equal(sovd_state_usec() - then, DAY + 180 * SEC);
        assert_int_equal(sovd_state_to_utc(sovd_state_usec()), day_usec);
}

static void a_clock_that_is_lost_keeps_nothing_for_longer(void **state) {
        day_usec = Y2026;
        begin();
        run_for(HOUR);
        const uint64_t then = sovd_state_usec();
        start_anew(Y1970); /* nobody knows for how long it was off */
        run_for(HOUR);
        assert_int_equal(sovd_state_usec() - then, HOUR);
        start_anew(Y1970);
        run_for(60 * SEC);
        assert_int_equal(sovd_state_usec() - then, HOUR + 60 * SEC);
        day_usec = Y2026 + HOUR + 3 * DAY; /* now somebody does */
        sovd_state_clock_tick(db);
        assert_int_equal(sovd_state_usec() - then, 3 * DAY);
}

static void set_forward_by_hand_it_is_made_up_for_at_four_days_per_hour(void **state) {
        day_usec = Y2026;
        begin();
        run_for(HOUR);
        const uint64_t then = sovd_state_usec();
        day_usec += 10 * DAY;
        sovd_state_clock_tick(db);
        assert_int_equal(sovd_state_usec(), then);
        run_for(HOUR);
        assert_int_equal(sovd_state_usec() - then, 4 * DAY);
        restart(HOUR); /* of the gateway, not of the machine */
        assert_int_equal(sovd_state_usec() - then, 8 * DAY);
        run_for(HOUR);
        assert_int_equal(sovd_state_usec(), day_usec);
}

static void set_back_it_goes_on(void **state) {
        day_usec = Y2026;
        begin();
        day_usec -= 100 * DAY;
        run_for(HOUR);
        assert_int_equal(sovd_state_usec(), Y2026 + HOUR);
        assert_int_equal(sovd_state_to_utc(sovd_state_usec()), day_usec);
        start_anew(day_usec + DAY);
        assert_int_equal(sovd_state_usec(), Y2026 + HOUR + DAY);
}

/* Without a clock of its own a computer starts with the date at which its system was built, or that somebody has kept. */
static void a_clock_that_starts_behind_and_is_set_later_counts_only_the_time_that_it_was_off(void **state) {
        day_usec = Y2026;
        begin();
        run_for(HOUR);
        const uint64_t then = sovd_state_usec();
        start_anew(Y2026 - 200 * DAY);
        run_for(60 * SEC);
        restart(60 * SEC);
        start_anew(Y2026 - 200 * DAY); /* nobody set it meanwhile */
        run_for(60 * SEC);
        assert_int_equal(sovd_state_usec() - then, 180 * SEC);
        day_usec = Y2026 + HOUR + 3 * DAY;
        for (int i = 0; i < 48; i++)
                run_for(HOUR);
        assert_int_equal(sovd_state_usec() - then, 5 * DAY);
        assert_int_equal(sovd_state_to_utc(sovd_state_usec()), day_usec);
}

static void set_right_after_it_was_ahead_it_counts_what_comes_then(void **state) {
        day_usec = Y2026 + 300 * DAY;
        begin();
        day_usec = Y2026;
        run_for(HOUR);
        const uint64_t then = sovd_state_usec();
        start_anew(day_usec + 30 * DAY);
        assert_int_equal(sovd_state_usec() - then, 30 * DAY);
        start_anew(day_usec + 30 * DAY);
        assert_int_equal(sovd_state_usec() - then, 60 * DAY);
}

static void after_a_power_cut_less_than_a_few_minutes_are_missing(void **state) {
        day_usec = Y1970;
        begin();
        const uint64_t then = sovd_state_usec();
        for (int i = 0; i < 60; i++)
                run_for(60 * SEC);
        assert_int_equal(sovd_db_write(db, leave_boot, NULL), 0);
        db = sovd_db_close(db);
        begin();
        assert_true(sovd_state_usec() - then > HOUR - 11 * 60 * SEC);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(with_a_good_clock_it_is_the_time_of_the_day),
                TEST(a_clock_that_is_set_for_the_first_time_makes_nothing_older),
                TEST(a_clock_that_is_lost_keeps_nothing_for_longer),
                TEST(set_forward_by_hand_it_is_made_up_for_at_four_days_per_hour),
                TEST(set_back_it_goes_on),
                TEST(a_clock_that_starts_behind_and_is_set_later_counts_only_the_time_that_it_was_off),
                TEST(set_right_after_it_was_ahead_it_counts_what_comes_then),
                TEST(after_a_power_cut_less_than_a_few_minutes_are_missing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
