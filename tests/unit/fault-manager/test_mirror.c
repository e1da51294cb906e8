/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "fault-manager/fault_manager.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/call.h"
#include "sovd-core/state.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <unistd.h>

struct fixture {
        struct sovd_arena *arena;
        struct sovd_db *db;
        struct fm_sink *sink;
        struct sovd_fault_sink *base;
        struct sovd_entity entity;
        struct sovd_observed_faults observed;
        char told[1024]; /* "components/bms P1 failed;", … */
        int64_t last_id;
};

static void published(const struct fm_event *event, void *data) {
        struct fixture *f = data;
        size_t n = strlen(f->told);
        cJSON *body = cJSON_Parse(event->body);

        assert_non_null(body);
        assert_true(event->id > f->last_id);
        f->last_id = event->id;
        (void)snprintf(f->told + n, sizeof(f->told) - n, "%s %s;", event->code,
                       cJSON_GetStringValue(cJSON_GetObjectItem(body, "change")));
        cJSON_Delete(body);
}

static void open_sink(struct fixture *f, const char *path) {
        const struct sovd_db_options db = { .path = path, .migrations = sovd_state_migrations, .readers = 2,
                                            .application_id = SOVD_STATE_APPLICATION_ID, .queue_max = 100 };
        struct fm_options options = { .faults_max = 1000, .published = published, .data = f };

        assert_int_equal(sovd_db_open(&f->db, &db, NULL), 0);
        options.db = f->db;
        assert_int_equal(fm_sink_new(&f->sink, &options), 0);
        f->base = fm_sink_base(f->sink);
}

static void close_sink(struct fixture *f) {
        f->sink = fm_sink_free(f->sink);
        f->db = sovd_db_close(f->db);
        f->observed.fingerprint = 0;
}

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(sovd_arena_new(&f->arena, 4096), 0);
        open_sink(f, NULL);
        f->entity = (struct sovd_entity){ .type = SOVD_COMPONENT, .id = "bms" };
        f->observed.entity = "components/bms";
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        close_sink(f);
        sovd_arena_free(f->arena);
        free(f);
        return 0;
}

/* What a backend shows, as JSON of the standard. Returns what was told of it. */
static const char *observe(struct fixture *f, const char *items) {
        const char *text = sovd_arena_printf(f->arena, "{\"items\":[%s]}", items);
        struct sovd_fault_list list;
        struct sovd_json_fault fault;
        struct sovd_schema_error error;
        struct cJSON *json;

        *f->told = '\0';
        assert_int_equal(sovd_json_parse_in(f->arena, &json, text, strlen(text), NULL, &fault), 0);
        assert_int_equal(sovd_schema_decode(&sovd_schema_fault_list, json, &list, f->arena, 0, &error), 0);
        f->observed.faults = list.items.items;
        f->observed.n = list.items.n;
        assert_int_equal(f->base->ops->observe(f->base, &f->observed, f->arena), 0);
        return f->told;
}

static const char *fault(struct fixture *f, const char *code, const char *status) {
        return sovd_arena_printf(f->arena, "{\"code\":\"%s\",\"fault_name\":\"N\",\"severity\":2,\"scope\":\"s\","
                                 "\"status\":{\"aggregatedStatus\":\"%s\",\"vendor\":[1,\"two\"]}}", code, status);
}

static const char *both(struct fixture *f, const char *a, const char *b) {
        return sovd_arena_printf(f->arena, "%s,%s", a, b);
}

static size_t list(struct fixture *f, struct fm_record **ret) {
        const struct fm_query query = { .entity = f->observed.entity, .max = 2000 };
        size_t n;

        assert_int_equal(fm_manager_list(fm_sink_manager(f->sink), &query, f->arena, ret, &n), 0);
        return n;
}

static struct fm_record *only(struct fixture *f) {
        struct fm_record *records;

        assert_int_equal(list(f, &records), 1);
        return records;
}

/* --- what is told ---------------------------------------------------------------------------------------- */

static void a_fault_that_appears_fails_and_one_that_is_gone_is_cleared(void **state) {
        struct fixture *f = *state;
        struct fm_record *records;

        assert_string_equal(observe(f, fault(f, "P1", "active")), "P1 failed;");
        assert_string_equal(observe(f, both(f, fault(f, "P1", "active"), fault(f, "P2", "confirmed"))), "P2 confirmed;");
        assert_int_equal(list(f, &records), 2);
        assert_string_equal(observe(f, fault(f, "P2", "confirmed")), "P1 cleared;");
        assert_int_equal(list(f, &records), 1);
        assert_string_equal(observe(f, ""), "P2 cleared;");
        assert_int_equal(list(f, &records), 0);
}

static void a_status_that_changes_is_told_as_what_it_means(void **state) {
        struct fixture *f = *state;

        observe(f, fault(f, "P1", "pending"));
        assert_string_equal(observe(f, fault(f, "P1", "active")), "P1 failed;");
        assert_string_equal(observe(f, fault(f, "P1", "confirmed")), "P1 passed;");
        assert_string_equal(observe(f, fault(f, "P1", "passive")), "P1 changed;");
        assert_string_equal(observe(f, fault(f, "P1", "active")), "P1 failed;");
        assert_int_equal(only(f)->state.n_occurrences, 3); /* when it was seen first, and twice that it failed */
}

static void what_is_the_same_is_not_told_again(void **state) {
        struct fixture *f = *state;
        const char *items = both(f, fault(f, "P1", "active"), fault(f, "P2", "passive"));

        observe(f, items);
        assert_int_equal(f->observed.n_changes, 2);
        assert_string_equal(observe(f, items), "");
        f->observed.fingerprint = 0; /* now against the file */
        assert_string_equal(observe(f, items), "");
        assert_string_equal(observe(f, both(f, fault(f, "P2", "passive"), fault(f, "P1", "active"))), "");
        assert_int_equal(f->observed.n_changes, 0);
}

static void members_that_no_standard_knows_are_no_change(void **state) {
        struct fixture *f = *state;

        observe(f, "{\"code\":\"P1\",\"fault_name\":\"N\",\"x-age\":1}");
        assert_string_equal(observe(f, "{\"code\":\"P1\",\"fault_name\":\"N\",\"x-age\":2}"), "");
}

static void a_code_that_comes_twice_is_one_fault(void **state) {
        struct fixture *f = *state;

        assert_string_equal(observe(f, both(f, fault(f, "P1", "active"), fault(f, "P1", "active"))), "P1 failed;");
        (void)only(f);
}

static void nothing_is_told_again_after_a_restart_but_what_changed_meanwhile_is(void **state) {
        struct fixture *f = *state;
        char folder[] = "/tmp/mirrorXXXXXX";

        assert_non_null(mkdtemp(folder));
        const char *path = sovd_arena_printf(f->arena, "%s/state.db", folder);
        close_sink(f);
        open_sink(f, path);
        observe(f, both(f, fault(f, "P1", "active"), fault(f, "P2", "active")));
        close_sink(f);
        open_sink(f, path);
        assert_string_equal(observe(f, both(f, fault(f, "P1", "active"), fault(f, "P2", "confirmed"))), "P2 passed;");
        close_sink(f);
        assert_int_equal(unlink(path), 0);
        (void)unlink(sovd_arena_printf(f->arena, "%s-wal", path));
        (void)unlink(sovd_arena_printf(f->arena, "%s-shm", path));
        open_sink(f, NULL);
        (void)rmdir(folder);
}

/* --- what is kept ---------------------------------------------------------------------------------------- */

static void the_words_of_the_backend_are_kept(void **state) {
        struct fixture *f = *state;
        struct sovd_fault kept;

        observe(f, "{\"code\":\"P1\",\"fault_name\":\"Name\",\"display_code\":\"D\",\"scope\":\"s\",\"symptom\":\"y\",\"tags\":[\"t\"],"
                   "\"status\":{\"aggregatedStatus\":\"active\",\"vendor\":[1,\"two\"]}}");
        assert_int_equal(fm_record_fault(only(f), f->arena, &kept), 0);
        assert_string_equal(kept.fault_name, "Name");
        assert_string_equal(kept.display_code, "D");
        assert_string_equal(kept.symptom, "y");
        assert_string_equal(kept.tags.items[0], "t");
        assert_false(kept.severity.set); /* the backend did not say */
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(kept.status, "vendor")), 2);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(kept.status, "aggregatedStatus")), "active");
}

static void bits_are_those_that_the_status_tells_of(void **state) {
        static const struct {
                const char *status;
                unsigned bits;
        } rows[] = {
                { "{}", 0 },
                { "{\"aggregatedStatus\":\"active\"}", FM_TEST_FAILED },
                { "{\"aggregatedStatus\":\"ACTIVE\"}", FM_TEST_FAILED },
                { "{\"aggregatedStatus\":\"confirmed\"}", FM_CONFIRMED },
                { "{\"aggregatedStatus\":\"pending\"}", FM_PENDING },
                { "{\"aggregatedStatus\":\"passive\"}", 0 },
                { "{\"aggregatedStatus\":7,\"testFailed\":\"0\"}", 0 },
                { "{\"testFailed\":\"1\",\"confirmedDTC\":true}", FM_TEST_FAILED | FM_CONFIRMED },
                { "{\"TESTFAILED\":\"true\",\"warningIndicatorRequested\":\"1\"}", FM_TEST_FAILED | FM_WARNING_INDICATOR },
                { "{\"aggregatedStatus\":\"active\",\"pendingDTC\":1}", FM_TEST_FAILED | FM_PENDING },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                struct sovd_json_fault fault;
                struct cJSON *status;
                assert_int_equal(sovd_json_parse_in(f->arena, &status, rows[i].status, strlen(rows[i].status), NULL, &fault), 0);
                assert_int_equal(fm_status_bits(status), rows[i].bits);
        }
        assert_int_equal(fm_status_bits(NULL), 0);
}

static void odd_values_of_a_backend_are_taken(void **state) {
        struct fixture *f = *state;
        struct sovd_fault kept;
        char longest[3000];

        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        const char *items = sovd_arena_printf(f->arena, "{\"code\":\"P1\",\"fault_name\":\"%s\",\"severity\":99,\"scope\":\"\"}",
                                              longest);
        assert_string_equal(observe(f, items), "P1 changed;");
        assert_int_equal(fm_record_fault(only(f), f->arena, &kept), 0);
        assert_string_equal(kept.fault_name, longest);
        assert_int_equal(kept.severity.value, 99);
        assert_string_equal(observe(f, "{\"code\":\"P1\",\"fault_name\":\"\",\"severity\":-5}"), "P1 changed;");
        assert_string_equal(observe(f, "{\"code\":\"P1\",\"fault_name\":\"\",\"severity\":-5}"), "");
}

static void what_cannot_be_kept_is_counted(void **state) {
        struct fixture *f = *state;
        struct fm_record *records;
        struct sovd_fault *many = sovd_arena_array(f->arena, struct sovd_fault, FM_OBSERVED_MAX + 2);
        char code[80];

        memset(code, 'c', sizeof(code) - 1);
        code[65] = '\0';
        observe(f, both(f, fault(f, code, "active"), fault(f, "P1", "active")));
        assert_int_equal(f->observed.n_left_out, 1);
        (void)only(f);
        observe(f, both(f, fault(f, "", "active"), fault(f, "P1", "active")));
        assert_int_equal(f->observed.n_left_out, 1);
        (void)only(f);

        for (size_t i = 0; i < FM_OBSERVED_MAX + 2; i++)
                many[i] = (struct sovd_fault){ .code = sovd_arena_printf(f->arena, "%zu", i), .fault_name = "N" };
        f->observed.faults = many;
        f->observed.n = FM_OBSERVED_MAX + 2;
        assert_int_equal(f->base->ops->observe(f->base, &f->observed, f->arena), 0);
        assert_int_equal(f->observed.n_left_out, 2);
        assert_int_equal(list(f, &records), FM_OBSERVED_MAX);
}

/* What cannot be read again would make every list of the vehicle fail. */
static void a_fault_that_is_too_long_is_left_out_and_the_longest_can_be_read(void **state) {
        struct fixture *f = *state;
        struct sovd_fault kept;
        char zeros[2 * 9000 + 1];

        for (size_t n = 8000; n <= 9000; n += 1000) { /* values in a list: as many as fit, and more */
                for (size_t i = 0; i < n; i++)
                        memcpy(zeros + 2 * i, "0,", 2);
                zeros[2 * n - 1] = '\0';
                observe(f, sovd_arena_printf(f->arena, "{\"code\":\"P1\",\"fault_name\":\"N\",\"status\":{\"v\":[%s]}}", zeros));
                if (n == 8000) {
                        assert_int_equal(fm_record_fault(only(f), f->arena, &kept), 0);
                        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(kept.status, "v")), 8000);
                }
                assert_int_equal(f->observed.n_left_out, n == 9000);
        }
}

static void faults_that_were_reported_stay(void **state) {
        static const char catalog[] = "{\"faults\":[{\"code\":\"R1\",\"name\":\"Reported\"}]}";
        struct fixture *f = *state;
        struct sovd_json_fault fault_;
        struct cJSON *json;
        const char *why;
        uint64_t ticket;

        assert_int_equal(sovd_json_parse_in(f->arena, &json, catalog, strlen(catalog), NULL, &fault_), 0);
        assert_int_equal(f->base->ops->define(f->base, "components/bms", json, f->arena, &why), 0);
        assert_int_equal(f->base->ops->report(f->base, "components/bms", "R1", SOVD_REPORT_FAILED, NULL, &ticket), 0);
        assert_int_equal(f->base->ops->wait(f->base, ticket), 0);
        assert_string_equal(observe(f, ""), "");
        assert_string_equal(only(f)->code, "R1");
}

/* --- clearing -------------------------------------------------------------------------------------------- */

static void a_clear_of_a_client_is_told_and_what_still_fails_comes_back(void **state) {
        struct fixture *f = *state;
        struct fm_record *records;

        observe(f, both(f, fault(f, "P1", "active"), fault(f, "P2", "active")));
        *f->told = '\0';
        assert_int_equal(f->base->ops->forget(f->base, "components/bms", "P1", NULL), 0);
        assert_string_equal(f->told, "P1 cleared;");
        assert_int_equal(list(f, &records), 1);
        f->observed.fingerprint = 0;
        assert_string_equal(observe(f, both(f, fault(f, "P1", "active"), fault(f, "P2", "active"))), "P1 failed;");
        assert_int_equal(f->base->ops->forget(f->base, "components/bms", NULL, "s"), 0);
        assert_int_equal(list(f, &records), 0);
        assert_int_equal(f->base->ops->forget(f->base, "components/bms", "P1", NULL), SOVD_E_NOT_FOUND);
}

static void a_fault_that_is_cleared_has_the_status_of_one_that_was_not_tested(void **state) {
        struct fixture *f = *state;
        const struct fm_record record = { .code = "P1", .about = only((observe(f, fault(f, "P1", "active")), f))->about };
        struct sovd_fault shown;

        assert_int_equal(fm_record_fault(&record, f->arena, &shown), 0);
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(shown.status, "aggregatedStatus")), "passive");
        assert_string_equal(shown.fault_name, "N");
}

/* --- entities that go ------------------------------------------------------------------------------------ */

static _Atomic uint64_t day; /* of the clock */

static uint64_t real_monotonic(void) {
        return 1 + day;
}

static uint64_t days_since_2001(void) {
        return (UINT64_C(978307200) + day * 86400) * SOVD_USEC_PER_SEC;
}

static int follow(struct fixture *f, const char *entity) {
        *f->told = '\0';
        return f->base->ops->followed(f->base, &entity, entity ? 1 : 0, 30 * 86400 * SOVD_USEC_PER_SEC);
}

static void faults_of_an_entity_that_is_gone_for_long_are_forgotten(void **state) {
        static const struct sovd_clock clock = { real_monotonic, days_since_2001 };
        struct fixture *f = *state;
        struct fm_record *records;

        close_sink(f);
        sovd_clock_replace(&clock);
        open_sink(f, NULL);
        day = 0;
        observe(f, both(f, fault(f, "P1", "active"), fault(f, "P2", "active")));
        for (day = 0; day <= 40; day += 10)
                assert_int_equal(follow(f, "components/bms"), 0);
        assert_int_equal(list(f, &records), 2);
        day = 69;
        assert_int_equal(follow(f, NULL), 0);
        assert_int_equal(list(f, &records), 2);
        day = 71;
        assert_int_equal(follow(f, "components/other"), 0);
        assert_string_equal(f->told, " cleared;");
        assert_int_equal(list(f, &records), 0);
        assert_int_equal(follow(f, NULL), 0);
        assert_string_equal(f->told, "");
        close_sink(f);
        sovd_clock_replace(NULL);
        open_sink(f, NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(a_fault_that_appears_fails_and_one_that_is_gone_is_cleared),
                T(a_status_that_changes_is_told_as_what_it_means),
                T(what_is_the_same_is_not_told_again),
                T(members_that_no_standard_knows_are_no_change),
                T(a_code_that_comes_twice_is_one_fault),
                T(nothing_is_told_again_after_a_restart_but_what_changed_meanwhile_is),
                T(the_words_of_the_backend_are_kept),
                T(bits_are_those_that_the_status_tells_of),
                T(odd_values_of_a_backend_are_taken),
                T(what_cannot_be_kept_is_counted),
                T(a_fault_that_is_too_long_is_left_out_and_the_longest_can_be_read),
                T(faults_that_were_reported_stay),
                T(a_clear_of_a_client_is_told_and_what_still_fails_comes_back),
                T(faults_of_an_entity_that_is_gone_for_long_are_forgotten),
                T(a_fault_that_is_cleared_has_the_status_of_one_that_was_not_tested),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
