/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "sovd-core/audit/log.h"
#include "sovd-core/audit/verify_db.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-core/state.h"
#include "tests/support/faulty_io.h"
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

#define DAY (86400 * SOVD_USEC_PER_SEC)

struct fixture {
        char folder[64], file[80];
        struct sovd_db *db;
        struct sovd_audit *audit;
        struct sovd_audit_options options;
};

static uint64_t moved_usec;  /* atomic: of the time of day */
static uint64_t passed_usec; /* atomic: of the machine's running */

static uint64_t monotonic(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * SOVD_USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t realtime(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t)t.tv_sec * SOVD_USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000 + __atomic_load_n(&moved_usec, __ATOMIC_RELAXED);
}

static uint64_t boottime(void) {
        return monotonic() + __atomic_load_n(&passed_usec, __ATOMIC_RELAXED);
}

static const struct sovd_clock movable = { .monotonic_usec = monotonic, .realtime_usec = realtime, .boottime_usec = boottime };

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        moved_usec = passed_usec = 0;
        sovd_clock_replace(&movable);
        sovd_log_setup(SOVD_LOG_ERROR, SOVD_LOG_TEXT);
        (void)snprintf(f->folder, sizeof(f->folder), "/tmp/sovd-audit[a]*-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->file, sizeof(f->file), "%s/state.db", f->folder);
        f->options = (struct sovd_audit_options){ .folder = f->folder, .epoch_usec = 3600 * SOVD_USEC_PER_SEC, .epoch_entries = 50,
                                                  .keep_usec = 90 * DAY, .bytes_max = UINT64_C(1) << 30 };
        *state = f;
        return 0;
}

static void start(struct fixture *f) {
        assert_int_equal(sovd_state_open(&f->db, f->folder, NULL), 0);
        f->options.db = f->db;
        assert_int_equal(sovd_audit_new(&f->audit, &f->options), 0);
}

static void stop(struct fixture *f) {
        f->audit = sovd_audit_free(f->audit);
        f->db = sovd_db_close(f->db);
}

static int tear_down(void **state) {
        struct fixture *f = *state;
        char command[128];

        faulty_io_plan(NULL, "", 0, 0, 0);
        stop(f);
        sovd_clock_replace(NULL);
        (void)snprintf(command, sizeof(command), "rm -rf -- '%s'", f->folder);
        assert_int_equal(system(command), 0);
        free(f);
        return 0;
}

static void assert_sound(struct fixture *f, struct sovd_audit_report *report) {
        const struct sovd_audit_trust trust = { 0 };
        bool copied;

        *report = (struct sovd_audit_report){ 0 };
        assert_int_equal(sovd_audit_verify_database(f->file, &trust, report, &copied), 0);
        if (report->verdict != SOVD_AUDIT_SOUND)
                fail_msg("%s", report->reason);
}

static struct sovd_audit_status status_of(struct fixture *f) {
        struct sovd_audit_status s;

        sovd_audit_status(f->audit, &s);
        return s;
}

static const struct sovd_audit_entry intent = { .ev = "request.intent", .req = "r", .sub = "somebody", .method = "PUT" },
                                     outcome = { .ev = "request.outcome", .req = "r", .outcome = "ok", .status = 204 },
                                     refusal = { .ev = "auth.fail", .ip = "10.0.0.1", .status = 401 };

static int add_counter(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *s;
        int r = sovd_db_prepare(conn, &s, "INSERT INTO counter(name, value) VALUES('test', 1) ON CONFLICT DO UPDATE SET value=value+1");

        if (r)
                return r;
        r = sovd_db_run(s);
        return r ? r : *(int *)data;
}

static int look_only(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *s;
        (void)data;

        int r = sovd_db_prepare(conn, &s, "SELECT count(*) FROM counter");
        return r ? r : sovd_db_run(s);
}

/* A change with an effect; the results of its three steps. */
static void change(struct fixture *f, int result) {
        struct sovd_audit_intent *i;
        const char *why;

        assert_int_equal(sovd_audit_begin(f->audit, &intent, false, &i, &why), 0);
        (void)sovd_db_accompany(sovd_audit_intent_seq(i));
        assert_int_equal(sovd_db_write(f->db, add_counter, &result), result);
        assert_int_equal(sovd_db_write(f->db, look_only, NULL), 0);
        (void)sovd_db_accompany(0);
        assert_int_equal(sovd_audit_end(f->audit, i, &outcome), 0);
}

static void a_log_of_several_epochs_and_starts_is_proven(void **state) {
        struct fixture *f = *state;
        struct sovd_audit_report report;

        for (int round = 0; round < 3; round++) {
                start(f);
                for (int i = 0; i < 40; i++)
                        change(f, 0);
                for (int i = 0; i < 5; i++)
                        sovd_audit_post(f->audit, &refusal);
                assert_false(status_of(f).tampered);
                stop(f);
        }
        assert_sound(f, &report);
        assert_true(report.n_keys >= 3);
        assert_int_equal(report.n_open, 0);
        assert_true(report.n_entries >= 3 * (40 * 3 + 5 + 2));
}

static void only_what_changed_something_has_an_effect(void **state) {
        struct fixture *f = *state;
        struct sovd_audit_report report;

        start(f);
        uint64_t before = status_of(f).size;
        change(f, 0);
        assert_int_equal(status_of(f).size, before + 3);
        change(f, SOVD_E_CONFLICT); /* undone, so its effect is */
        assert_int_equal(status_of(f).size, before + 5);
        stop(f);
        assert_sound(f, &report);
}

static void what_has_no_form_is_refused_and_harms_nobody(void **state) {
        struct fixture *f = *state;
        const struct sovd_audit_entry bad = { .ev = "request.intent", .sub = "\xff\xfe" };
        struct sovd_audit_intent *i;
        struct sovd_audit_report report;
        const char *why;

        start(f);
        assert_int_not_equal(sovd_audit_begin(f->audit, &bad, false, &i, &why), 0);
        assert_int_equal(status_of(f).n_open, 0);
        change(f, 0);
        stop(f);
        assert_sound(f, &report);
}

/* One after the other, each call to the disk fails: what was acknowledged is there, and the log is whole. */
static void any_call_that_fails_leaves_a_log_that_is_proven(void **state) {
        static const struct {
                const char *calls;
                int error;
        } plans[] = { { "w", ENOSPC }, { "w", EIO }, { "s", EIO }, { "wso", EROFS } };
        struct fixture *f = *state;
        struct sovd_audit_report report;

        f->options.epoch_entries = 7; /* so that keys are made while the disk fails */
        start(f);
        for (size_t p = 0; p < SOVD_N_ELEMENTS(plans); p++) {
                uint64_t n_told = 0, before = status_of(f).size;
                for (unsigned k = 1; k <= 25; k++) {
                        faulty_io_plan(f->folder, plans[p].calls, plans[p].error, k, k + 1);
                        for (int i = 0; i < 3; i++)
                                n_told += sovd_audit_write(f->audit, &refusal) == 0;
                        faulty_io_plan(NULL, "", 0, 0, 0);
                }
                while (sovd_audit_write(f->audit, &refusal)) /* the file is tried again each second */
                        ;
                assert_true(status_of(f).size >= before + n_told + 1);
        }
        uint64_t size = status_of(f).size;
        assert_false(status_of(f).tampered);
        stop(f);
        assert_sound(f, &report);
        assert_int_equal(report.last, size + 1);
        start(f);
        assert_false(status_of(f).tampered);
}

static void old_segments_go_and_the_rest_is_proven(void **state) {
        struct fixture *f = *state;
        struct sovd_audit_report report;

        f->options.epoch_entries = 400;
        start(f);
        for (int i = 0; i < 2500; i++)
                sovd_audit_post(f->audit, &refusal);
        assert_int_equal(sovd_audit_write(f->audit, &refusal), 0);
        assert_int_equal(status_of(f).first, 1);
        __atomic_store_n(&moved_usec, 91 * DAY, __ATOMIC_RELAXED);
        __atomic_store_n(&passed_usec, 91 * DAY, __ATOMIC_RELAXED);
        assert_int_equal(sovd_audit_write(f->audit, &refusal), 0);
        stop(f);
        start(f);
        uint64_t until = monotonic() + 30 * SOVD_USEC_PER_SEC;
        while (status_of(f).first < 2049 && monotonic() < until) /* its thread looks after a moment */
                assert_int_equal(sovd_audit_write(f->audit, &refusal), 0);
        assert_int_equal(status_of(f).first, 2049);
        for (int i = 0; i < 10; i++)
                change(f, 0);
        stop(f);
        assert_sound(f, &report);
        assert_int_equal(report.first, 2049);
        assert_int_equal(report.pruned_to, 2048);
        start(f);
        assert_false(status_of(f).tampered);
}

/* The rows of the log that begin so, as the file has them. */
static uint64_t count(struct fixture *f, const char *ev) {
        struct sovd_audit_filter filter = { .max = 100, .ev = ev, .deadline_usec = UINT64_MAX };
        struct sovd_arena *arena = NULL;
        struct sovd_audit_row *rows;
        bool more;
        size_t n = 0;

        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        assert_int_equal(sovd_audit_list(f->audit, &filter, arena, &rows, &n, &more), 0);
        sovd_arena_free(arena);
        return n;
}

/* As its thread does once a minute. */
static void look_now(struct fixture *f) {
        stop(f);
        start(f);
        for (int i = 0; i < 3; i++)
                sovd_audit_tick(f->audit);
}

static void a_clock_that_is_set_forward_deletes_nothing_until_time_has_passed(void **state) {
        struct fixture *f = *state;
        struct sovd_audit_report report;

        start(f);
        for (int i = 0; i < 1200; i++)
                sovd_audit_post(f->audit, &refusal);
        assert_int_equal(sovd_audit_write(f->audit, &refusal), 0);
        __atomic_store_n(&moved_usec, 3650 * DAY, __ATOMIC_RELAXED);
        for (int i = 0; i < 2; i++) {
                look_now(f);
                assert_int_equal(status_of(f).first, 1);
                assert_true(status_of(f).prune_waits);
                assert_true(status_of(f).ahead_usec > 3640 * DAY);
        }
        assert_int_equal(count(f, "system.clock"), 1);
        assert_true(sovd_audit_trusted_usec(f->audit) < realtime() - 3640 * DAY);
        for (int hour = 1; hour <= 22; hour++) {
                __atomic_fetch_add(&passed_usec, DAY / 24, __ATOMIC_RELAXED);
                assert_int_equal(sovd_audit_write(f->audit, &refusal), 0);
                assert_int_equal(status_of(f).first, 1);
        }
        look_now(f);
        assert_int_equal(status_of(f).first, 1);
        __atomic_fetch_add(&passed_usec, DAY / 24, __ATOMIC_RELAXED);
        assert_int_equal(sovd_audit_write(f->audit, &refusal), 0);
        look_now(f);
        assert_int_equal(status_of(f).first, 1025);
        assert_false(status_of(f).prune_waits);
        stop(f);
        assert_sound(f, &report);
}

static void entries_of_a_clock_that_was_wrong_are_kept_as_long_as_others(void **state) {
        struct fixture *f = *state;

        start(f);
        __atomic_store_n(&moved_usec, -3650 * DAY, __ATOMIC_RELAXED);
        for (int i = 0; i < 1200; i++)
                sovd_audit_post(f->audit, &refusal);
        assert_int_equal(sovd_audit_write(f->audit, &refusal), 0);
        __atomic_store_n(&moved_usec, 0, __ATOMIC_RELAXED);
        look_now(f);
        assert_int_equal(status_of(f).first, 1);
        assert_false(status_of(f).prune_waits); /* the clock is right now, and nothing is made up for */
}

static void a_clock_that_is_set_back_is_told(void **state) {
        struct fixture *f = *state;
        struct sovd_audit_report report;

        __atomic_store_n(&moved_usec, DAY, __ATOMIC_RELAXED);
        start(f);
        uint64_t before = status_of(f).size;
        __atomic_store_n(&moved_usec, 0, __ATOMIC_RELAXED);
        assert_int_equal(sovd_audit_write(f->audit, &refusal), 0);
        assert_int_equal(status_of(f).size, before + 2);
        stop(f);
        assert_sound(f, &report);
        assert_int_equal(report.n_clock_back, 1);
}

static void a_full_log_takes_no_changes_but_says_what_ends(void **state) {
        struct fixture *f = *state;
        struct sovd_audit_intent *open, *i;
        const char *why = NULL;

        f->options.bytes_max = 65536;
        start(f);
        assert_int_equal(sovd_audit_begin(f->audit, &intent, false, &open, &why), 0);
        while (!status_of(f).full)
                assert_int_equal(sovd_audit_write(f->audit, &refusal), 0);
        assert_int_equal(sovd_audit_begin(f->audit, &intent, false, &i, &why), SOVD_E_AUDIT);
        assert_non_null(why);
        assert_int_equal(sovd_audit_end(f->audit, open, &outcome), 0);
        assert_int_equal(status_of(f).n_open, 0);
}

static void a_log_that_the_disk_does_not_let_open_is_opened_later(void **state) {
        struct fixture *f = *state;
        struct sovd_audit_report report;
        struct sovd_audit_intent *i;
        const char *why = NULL;

        start(f);
        change(f, 0);
        stop(f);
        assert_int_equal(sovd_state_open(&f->db, f->folder, NULL), 0);
        f->options.db = f->db;
        faulty_io_plan(f->folder, "w", ENOSPC, 1, 1000000);
        assert_int_equal(sovd_audit_new(&f->audit, &f->options), 0);
        assert_int_equal(sovd_audit_begin(f->audit, &intent, false, &i, &why), SOVD_E_AUDIT);
        assert_non_null(why);
        sovd_audit_post(f->audit, &refusal);
        assert_int_equal(status_of(f).error, -ENOSPC);
        faulty_io_plan(NULL, "", 0, 0, 0);
        uint64_t until = monotonic() + 30 * SOVD_USEC_PER_SEC;
        while (sovd_audit_write(f->audit, &refusal) && monotonic() < until)
                ;
        change(f, 0);
        stop(f);
        assert_sound(f, &report);
}

static void a_client_of_a_tenant_finds_the_entries_of_its_tenant(void **state) {
        struct fixture *f = *state;
        struct sovd_audit_entry of_a = refusal, of_b = refusal;
        struct sovd_audit_filter filter = { .max = 10, .tenant = "a", .deadline_usec = UINT64_MAX };
        struct sovd_arena *arena = NULL;
        struct sovd_audit_row *rows;
        bool more = true;
        size_t n = 0;

        of_a.detail[of_a.n_detail++] = (struct sovd_audit_detail){ .name = "tenant", .text = "a" };
        of_b.detail[of_b.n_detail++] = (struct sovd_audit_detail){ .name = "tenant", .text = "b" };
        start(f);
        assert_int_equal(sovd_audit_write(f->audit, &of_b), 0);
        assert_int_equal(sovd_audit_write(f->audit, &of_a), 0);
        assert_int_equal(sovd_audit_write(f->audit, &refusal), 0);
        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        assert_int_equal(sovd_audit_list(f->audit, &filter, arena, &rows, &n, &more), 0);
        assert_int_equal(n, 1);
        assert_int_equal(rows[0].seq, 3);
        assert_false(more);
        sovd_arena_free(arena);
}

static const struct sovd_audit_entry stream = { .ev = "stream.open", .sub = "a-reader", .outcome = "ok" };

/* Whoever may do nothing, or only read, must not keep others from changes by filling the log. */
static void what_changes_nothing_takes_half_of_the_log_at_most(void **state) {
        struct fixture *f = *state;
        struct sovd_audit_report report;

        f->options.bytes_max = UINT64_C(1) << 21;
        start(f);
        for (int i = 0; i < 3000; i++) {
                sovd_audit_post(f->audit, &stream);
                sovd_audit_post_refusal(f->audit, &refusal);
                if (i % 100 == 99) /* what was posted is durable, so that what is left is known */
                        change(f, 0);
        }
        assert_true(status_of(f).quiet);
        assert_false(status_of(f).full);
        assert_in_range(status_of(f).bytes, 1 << 20, 3 << 19);
        assert_true(status_of(f).n_summarised > 1000);
        uint64_t size = status_of(f).size;
        sovd_audit_tick(f->audit);
        change(f, 0);
        assert_in_range(status_of(f).size, size + 3, size + 5); /* a change, and one entry for all that was left out */
        stop(f);
        assert_sound(f, &report);
        start(f);
        change(f, 0);
        assert_true(status_of(f).quiet);
        __atomic_store_n(&moved_usec, 91 * DAY, __ATOMIC_RELAXED);
        __atomic_store_n(&passed_usec, 91 * DAY, __ATOMIC_RELAXED);
        change(f, 0);
        stop(f);
        start(f);
        for (int i = 0; i < 1000 && status_of(f).quiet; i++) { /* its thread looks after a moment */
                change(f, 0);
                (void)poll(NULL, 0, 10);
        }
        assert_false(status_of(f).quiet);
}

static unsigned count_epoch_keys(const struct fixture *f) {
        DIR *folder = opendir(f->folder);
        unsigned n = 0;

        assert_non_null(folder);
        for (struct dirent *file; (file = readdir(folder));)
                n += strncmp(file->d_name, "audit.epoch-", 12) == 0;
        (void)closedir(folder);
        return n;
}

/* The folder of these tests has characters in its name that mean something in patterns. */
static void the_key_of_an_epoch_is_gone_with_it_whatever_the_folder_is_called(void **state) {
        struct fixture *f = *state;

        f->options.epoch_entries = 5;
        start(f);
        for (int i = 0; i < 10; i++)
                change(f, 0);
        assert_true(status_of(f).epoch > 2);
        stop(f);
        assert_int_equal(count_epoch_keys(f), 1);
}

static void a_log_in_memory_ends_with_its_process(void **state) {
        struct fixture *f = *state;
        char head[SOVD_AUDIT_HEAD_SIZE];

        f->options.folder = NULL;
        assert_int_equal(sovd_state_open(&f->db, NULL, NULL), 0);
        f->options.db = f->db;
        assert_int_equal(sovd_audit_new(&f->audit, &f->options), 0);
        change(f, 0);
        assert_int_equal(strncmp(sovd_audit_head(f->audit, head), "4 ", 2), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_log_of_several_epochs_and_starts_is_proven, set_up, tear_down),
                cmocka_unit_test_setup_teardown(only_what_changed_something_has_an_effect, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_has_no_form_is_refused_and_harms_nobody, set_up, tear_down),
                cmocka_unit_test_setup_teardown(any_call_that_fails_leaves_a_log_that_is_proven, set_up, tear_down),
                cmocka_unit_test_setup_teardown(old_segments_go_and_the_rest_is_proven, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_clock_that_is_set_forward_deletes_nothing_until_time_has_passed, set_up, tear_down),
                cmocka_unit_test_setup_teardown(entries_of_a_clock_that_was_wrong_are_kept_as_long_as_others, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_clock_that_is_set_back_is_told, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_full_log_takes_no_changes_but_says_what_ends, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_log_that_the_disk_does_not_let_open_is_opened_later, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_client_of_a_tenant_finds_the_entries_of_its_tenant, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_changes_nothing_takes_half_of_the_log_at_most, set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_key_of_an_epoch_is_gone_with_it_whatever_the_folder_is_called, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_log_in_memory_ends_with_its_process, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
