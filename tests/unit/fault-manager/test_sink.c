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
#include "sovd-core/events.h"
#include "sovd-core/state.h"
#include <cjson/cJSON.h>
#include <poll.h>
#include <stdio.h>

struct fixture {
        struct sovd_arena *arena;
        struct sovd_db *db;
        struct fm_sink *sink;
        struct sovd_fault_sink *base;
        struct sovd_call call;
        struct sovd_entity entity;
};

static int set_up(void **state) {
        const struct sovd_db_options db = { .migrations = sovd_state_migrations, .readers = 2,
                                            .application_id = SOVD_STATE_APPLICATION_ID, .queue_max = 100 };
        struct fm_options options = { .faults_max = 1000 };
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(sovd_arena_new(&f->arena, 4096), 0);
        assert_int_equal(sovd_db_open(&f->db, &db, NULL), 0);
        options.db = f->db;
        assert_int_equal(fm_sink_new(&f->sink, &options), 0);
        f->base = fm_sink_base(f->sink);
        f->call.arena = f->arena;
        f->entity.type = SOVD_APP;
        f->entity.id = "nav";
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        fm_sink_free(f->sink);
        sovd_db_close(f->db);
        sovd_arena_free(f->arena);
        free(f);
        return 0;
}

static int define(struct fixture *f, const char *text, const char **ret_why) {
        struct sovd_json_fault fault;
        struct cJSON *json;

        *ret_why = "";
        assert_int_equal(sovd_json_parse_in(f->arena, &json, text, strlen(text), NULL, &fault), 0);
        return f->base->ops->define(f->base, "apps/nav", json, f->arena, ret_why);
}

static int report(struct fixture *f, const char *code, enum sovd_report kind, const char *environment) {
        uint64_t ticket = 0;
        int r = f->base->ops->report(f->base, "apps/nav", code, kind, environment, &ticket);

        return r || !ticket ? r : f->base->ops->wait(f->base, ticket);
}

static size_t list(struct fixture *f, struct sovd_fault_filter filter, struct sovd_fault **ret) {
        struct sovd_fault_list faults;

        assert_int_equal(f->base->ops->list(f->base, &f->call, &f->entity, &filter, &faults), 0);
        *ret = faults.items.items;
        return faults.items.n;
}

static void a_report_is_a_fault_in_the_words_of_the_standard(void **state) {
        struct fixture *f = *state;
        struct sovd_fault_detail detail = { 0 };
        struct sovd_fault *items;
        const char *why;

        assert_int_equal(define(f, "{\"faults\":[{\"code\":\"N1\",\"name\":\"No map\",\"severity\":3,\"tags\":[\"map\"]}]}", &why), 0);
        assert_int_equal(report(f, "N1", SOVD_REPORT_FAILED, "{\"tile\":12}"), 0);
        assert_int_equal(list(f, (struct sovd_fault_filter){ 0 }, &items), 1);
        assert_string_equal(items[0].code, "N1");
        assert_string_equal(items[0].fault_name, "No map");
        assert_int_equal(items[0].severity.value, 3);
        assert_string_equal(cJSON_GetObjectItemCaseSensitive(items[0].status, "confirmedDTC")->valuestring, "1");
        assert_string_equal(cJSON_GetObjectItemCaseSensitive(items[0].status, "testNotCompletedSinceLastClear")->valuestring, "0");
        assert_string_equal(cJSON_GetObjectItemCaseSensitive(items[0].status, "mask")->valuestring, "2F");
        assert_string_equal(cJSON_GetObjectItemCaseSensitive(items[0].status, "aggregatedStatus")->valuestring, "active");

        assert_int_equal(f->base->ops->read(f->base, &f->call, &f->entity, "N1", &detail), 0);
        const cJSON *last = cJSON_GetObjectItemCaseSensitive(detail.environment_data, "last_occurrence");
        const cJSON *frame = cJSON_GetObjectItemCaseSensitive(last, "freeze_frame");
        assert_int_equal(cJSON_GetObjectItemCaseSensitive(frame, "tile")->valuedouble, 12);
        assert_int_equal(f->base->ops->read(f->base, &f->call, &f->entity, "N2", &detail), SOVD_E_NOT_FOUND);
        assert_non_null(strstr(f->call.failure.body.message, "no fault 'N2'"));
}

static void a_bad_catalogue_is_refused_with_its_place(void **state) {
        struct fixture *f = *state;
        const char *why;

        assert_int_equal(define(f, "{\"faults\":[{\"code\":\"N1\"}]}", &why), SOVD_E_BAD_REQUEST);
        assert_non_null(strstr(why, "/faults/0/name"));
        assert_int_equal(define(f, "{\"faults\":[{\"code\":\"a/b\",\"name\":\"x\"}]}", &why), SOVD_E_BAD_REQUEST);
        assert_non_null(strstr(why, "/faults/0/code"));
        assert_int_equal(report(f, "N1", SOVD_REPORT_FAILED, NULL), SOVD_E_NOT_FOUND);
}

static void lists_are_whole_however_long(void **state) {
        static const char *const status_keys[] = { "testfailed" }, *const status_values[] = { "0" };
        struct fixture *f = *state;
        char text[64 * 1024] = "{\"faults\":[";
        struct sovd_fault *items;
        const char *why;
        size_t len = strlen(text);

        for (int i = 0; i < 450; i++)
                len += (size_t)snprintf(text + len, sizeof(text) - len, "%s{\"code\":\"C%d\",\"name\":\"x\",\"severity\":%d}",
                                        i ? "," : "", i, 1 + i % 4);
        (void)snprintf(text + len, sizeof(text) - len, "]}");
        assert_int_equal(define(f, text, &why), 0);
        for (int i = 0; i < 450; i++) {
                char code[16];
                (void)snprintf(code, sizeof(code), "C%d", i);
                assert_int_equal(f->base->ops->report(f->base, "apps/nav", code, SOVD_REPORT_FAILED, NULL, NULL), 0);
        }
        assert_int_equal(report(f, "C0", SOVD_REPORT_PASSED, NULL), 0);
        assert_int_equal(list(f, (struct sovd_fault_filter){ 0 }, &items), 450);
        assert_int_equal(list(f, (struct sovd_fault_filter){ .severity = SOVD_INT(2) }, &items), 113);
        assert_int_equal(list(f, (struct sovd_fault_filter){ .status_keys = status_keys, .status_values = status_values,
                                                             .n_status = 1 }, &items), 1);
        assert_string_equal(items[0].code, "C0");
        assert_int_equal(f->base->ops->clear(f->base, &f->call, &f->entity, "C0"), 0);
        assert_int_equal(f->base->ops->clear(f->base, &f->call, &f->entity, "C0"), SOVD_E_NOT_FOUND);
        assert_int_equal(f->base->ops->clear_all(f->base, &f->call, &f->entity, NULL), 0);
        assert_int_equal(list(f, (struct sovd_fault_filter){ 0 }, &items), 0);
}

/* One fault for each status byte and each severity, straight into the table. */
static int put_all(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *s;
        int r = 0;
        (void)data;

        for (int i = 0; !r && i < 1024; i++) {
                char code[16], about[120];
                (void)snprintf(code, sizeof(code), "C%04d", i);
                (void)snprintf(about, sizeof(about), "{\"code\":\"%s\",\"name\":\"x\",\"severity\":%d,\"tags\":[\"t%d\",\"all\"]%s}",
                               code, 1 + i / 256, i % 3, i % 5 ? "" : ",\"scope\":\"five\"");
                r = sovd_db_prepare(conn, &s, "INSERT INTO fault(entity, code, about, severity, scope, status, occurrences, "
                                              "failed_cycles, passed_cycles, first_usec, last_usec, first_frame, last_frame) VALUES('apps/nav',?1,?2,?3,?4,?5,1,0,0,?6,?6,NULL,NULL)");
                sovd_db_bind_text(s, 1, code);
                sovd_db_bind_text(s, 2, about);
                sovd_db_bind_int(s, 3, 1 + i / 256);
                sovd_db_bind_text(s, 4, i % 5 ? "" : "five");
                sovd_db_bind_int(s, 5, i % 256);
                sovd_db_bind_int(s, 6, 1000000 + i % 50); /* several at the same time */
                if (!r)
                        r = sovd_db_run(s);
        }
        return r;
}

static size_t count_matches(const struct sovd_fault_filter *filter, const struct sovd_fault *items, size_t n) {
        size_t matches = 0;

        for (size_t i = 0; i < n; i++)
                matches += sovd_fault_filter_matches(filter, &items[i]);
        return matches;
}

/* Every fault that a filter of the model lets through, page by page, none twice, and no other. */
static void check_filter(struct fixture *f, struct sovd_fault_filter filter, const struct sovd_fault *all, size_t n) {
        size_t wanted = count_matches(&filter, all, n), seen = 0;
        struct sovd_fault_list page;

        filter.max = 37;
        do {
                const char *last = "";
                page = (struct sovd_fault_list){ 0 };
                assert_int_equal(f->base->ops->list(f->base, &f->call, &f->entity, &filter, &page), 0);
                const struct sovd_fault *items = page.items.items;
                for (size_t i = 0; i < page.items.n; i++) {
                        assert_true(sovd_fault_filter_matches(&filter, &items[i]));
                        assert_string_not_equal(items[i].code, last);
                        last = items[i].code;
                }
                seen += page.items.n;
                filter.after = page.next;
        } while (*page.next.code);
        assert_int_equal(seen, wanted);
}

static void the_database_judges_a_filter_as_the_model_does(void **state) {
        static const struct {
                const char *key, *value;
        } statuses[] = {
                { "testFailed", "1" },         { "testfailed", "true" },        { "confirmedDTC", "0" },
                { "pendingDTC", "FALSE" },     { "warningIndicatorRequested", "1" }, { "aggregatedStatus", "active" },
                { "AggregatedStatus", "passive" }, { "aggregatedStatus", "Pending" }, { "mask", "2f" },
                { "mask", "true" },            { "testFailed", "2" },           { "nothing", "1" },
        };
        static const char *tags[] = { "t1", "none" };
        struct fixture *f = *state;
        struct sovd_fault *all;

        assert_int_equal(sovd_db_write(f->db, put_all, NULL), 0);
        size_t n = list(f, (struct sovd_fault_filter){ 0 }, &all);
        assert_int_equal(n, 1024);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(statuses); i++)
                for (size_t k = 0; k < SOVD_N_ELEMENTS(statuses); k += 3) {
                        const char *keys[] = { statuses[i].key, statuses[k].key };
                        const char *values[] = { statuses[i].value, statuses[k].value };
                        struct sovd_fault_filter filter = { .status_keys = keys, .status_values = values, .n_status = 2 };
                        check_filter(f, filter, all, n);
                        filter.severity = SOVD_INT((int64_t)(i % 6));
                        check_filter(f, filter, all, n);
                        filter.steady = true;
                        filter.tags = (struct sovd_strings){ .items = tags, .n = 2, .set = true };
                        check_filter(f, filter, all, n);
                }
        check_filter(f, (struct sovd_fault_filter){ .severity = SOVD_INT(-5) }, all, n);
        check_filter(f, (struct sovd_fault_filter){ .severity = SOVD_INT(INT64_MAX) }, all, n);
}

static void time_rules_come_true_by_themselves(void **state) {
        struct fixture *f = *state;
        struct sovd_fault *items;
        const char *why;

        assert_int_equal(define(f, "{\"faults\":[{\"code\":\"T\",\"name\":\"t\",\"debounce\":{\"kind\":\"time\",\"failed_secs\":0.05}}]}",
                                &why), 0);
        assert_int_equal(report(f, "T", SOVD_REPORT_PREFAILED, NULL), 0);
        uint64_t until = sovd_now_usec() + 20 * SOVD_USEC_PER_SEC;
        while (!list(f, (struct sovd_fault_filter){ 0 }, &items) && sovd_clock_left_usec(until))
                (void)poll(NULL, 0, 5);
        assert_int_equal(list(f, (struct sovd_fault_filter){ 0 }, &items), 1);
}

static void a_status_passes_a_stream_as_it_passes_the_list(void **state) {
        static const char *const rows[][2] = { { "aggregatedStatus", "active" }, { "aggregatedstatus", "PASSIVE" },
                                               { "testFailed", "1" },            { "testfailed", "true" },
                                               { "confirmedDTC", "0" },          { "pendingDTC", "False" },
                                               { "mask", "2F" },                 { "mask", "2f" },
                                               { "warningIndicatorRequested", "1" }, { "nothing", "1" },
                                               { "testFailed", "active" } };
        struct fixture *f = *state;
        unsigned n_passed = 0;

        for (unsigned status = 0; status < 256; status++)
                for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                        const struct sovd_fault_filter filter = { .status_keys = &rows[i][0], .status_values = &rows[i][1],
                                                                  .n_status = 1 };
                        struct fm_descriptor about = { .name = "x" };
                        const struct fm_record record = { .code = "X", .about = &about,
                                                          .state = { .status = (uint8_t)status, .n_occurrences = 1 } };
                        struct sovd_fault fault = { 0 };
                        assert_int_equal(fm_record_fault(&record, f->arena, &fault), 0);
                        bool passes = f->base->ops->status_matches(f->base, (uint8_t)status, rows[i][0], rows[i][1]);
                        assert_int_equal(passes, sovd_fault_filter_matches(&filter, &fault));
                        n_passed += passes;
                }
        assert_in_range(n_passed, 500, 1500);
}

static int count_present(const struct sovd_fact *fact, void *data) {
        size_t *n = data;

        assert_string_equal(fact->entity, "apps/nav");
        assert_non_null(strstr(fact->body, "\"change\":\"present\",\"fault\":{\"code\":\"F"));
        ++*n;
        return 0;
}

static void what_is_present_is_walked_in_pages(void **state) {
        struct fixture *f = *state;
        struct sovd_fault_place place = { 0 };
        char text[4096] = "{\"faults\":[", code[16];
        const char *why;
        size_t n = 0, pages = 0;
        bool more = true;

        for (int i = 0; i < 25; i++)
                (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s{\"code\":\"F%d\",\"name\":\"x\"}", i ? "," : "", i);
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "]}");
        assert_int_equal(define(f, text, &why), 0);
        for (int i = 0; i < 25; i++) {
                (void)snprintf(code, sizeof(code), "F%d", i);
                assert_int_equal(report(f, code, SOVD_REPORT_FAILED, NULL), 0);
        }
        for (; more && pages < 9; pages++)
                assert_int_equal(f->base->ops->present(f->base, pages % 2 ? NULL : "apps/nav", &place, 10, count_present, &n, &more), 0);
        assert_int_equal(n, 25);
        assert_int_equal(pages, 3);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                T(a_report_is_a_fault_in_the_words_of_the_standard),
                T(a_bad_catalogue_is_refused_with_its_place),
                T(lists_are_whole_however_long),
                T(the_database_judges_a_filter_as_the_model_does),
                T(time_rules_come_true_by_themselves),
                T(a_status_passes_a_stream_as_it_passes_the_list),
                T(what_is_present_is_walked_in_pages),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
