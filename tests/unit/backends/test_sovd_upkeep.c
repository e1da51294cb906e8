/* SPDX-License-Identifier: Apache-2.0 */
/* Answers about logs, clear-data, status and updates as servers write them. */
#include "backends/sovd/iso_upkeep.h"
#include "tests/unit/backends/sovd_support.h"

#define CONTEXT "\"context\":{\"type\":\"RFC5424\",\"host\":\"h\"}"
#define ENTRY(severity, more)                                                                                \
        "{\"timestamp\":\"2026-01-01T00:00:00Z\"," CONTEXT ",\"severity\":\"" severity                       \
        "\",\"msg\":\"m\"" more "}"

static void entries_are_filtered_again_and_their_files_are_found_here(void **state) {
        struct fixture *f = *state;
        struct sovd_backend backend = { 0 };
        struct sovd_entity e = bms;
        struct sovd_log_list list = { 0 };
        static const char text[] =
                "{\"items\":[" ENTRY("debug", "") "," ENTRY("error", ",\"href\":\"http://ecu:1/v1/components/"
                                                                     "x/bulk-data/logs/1\"") "," ENTRY(
                        "warn", ",\"href\":\"/other\"") "]}";

        f->call.base = "/sovd/v1";
        e.providers[SOVD_COLLECTION_BULK_DATA] = &backend;
        assert_int_equal(
                iso_decode_log_entries(&f->call, &e, json_of(&f->call, text), SOVD_SEVERITY_WARN, &list), 0);
        const struct sovd_log_entry *entries = list.items.items;
        assert_int_equal(list.items.n, 2);
        assert_string_equal(entries[0].href, "/sovd/v1/components/bms/bulk-data/logs/1");
        assert_null(entries[1].href);

        e.providers[SOVD_COLLECTION_BULK_DATA] = NULL;
        assert_int_equal(iso_decode_log_entries(&f->call, &e, json_of(&f->call, text), 0, &list), 0);
        entries = list.items.items;
        assert_int_equal(list.items.n, 3);
        assert_null(entries[1].href);
}

static void entries_that_are_none_are_a_bad_answer(void **state) {
        static const char *const texts[] = { "{}", "{\"items\":[{}]}",
                                             "{\"items\":[" ENTRY("loud", "") "]}" };
        struct fixture *f = *state;
        struct sovd_log_list list = { 0 };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++)
                assert_int_equal(
                        iso_decode_log_entries(&f->call, &bms, json_of(&f->call, texts[i]), 0, &list),
                        SOVD_E_BAD_ANSWER);
}

static void a_progress_may_come_as_text(void **state) {
        struct fixture *f = *state;
        struct sovd_clear_status status = { 0 };

        assert_int_equal(
                iso_decode_clear_status(
                        &f->call, json_of(&f->call, "{\"status\":\"running\",\"progress\":\"40\"}"), &status),
                0);
        assert_int_equal(status.progress.value, 40);
        assert_int_equal(
                iso_decode_clear_status(
                        &f->call, json_of(&f->call, "{\"status\":\"running\",\"progress\":\"4x\"}"), &status),
                SOVD_E_BAD_ANSWER);
}

static void the_actions_of_a_status_are_those_that_it_names(void **state) {
        struct fixture *f = *state;
        struct sovd_entity_status status = { 0 };

        assert_int_equal(iso_decode_status(&f->call,
                                           json_of(&f->call, "{\"status\":\"notReady\",\"restart\":\"/r\"}"),
                                           &status),
                         0);
        assert_int_equal(status.status, SOVD_NOT_READY);
        assert_int_equal(status.actions, 1u << SOVD_STATUS_RESTART);
        assert_int_equal(iso_decode_status(&f->call, json_of(&f->call, "{\"status\":\"off\"}"), &status),
                         SOVD_E_BAD_ANSWER);
        assert_int_equal(iso_decode_status(&f->call, json_of(&f->call, "[]"), &status), SOVD_E_BAD_ANSWER);
}

static void references_lead_to_the_entities_of_this_server(void **state) {
        static const char *const rows[][2] = {
                { "http://ecu:1/sovd/v1/components/a%20b", "components/a b" },
                { "/components/a/subcomponents/b", "components/b" },
                { "/v1/apps/x/", "apps/x" },
                { "components/x", "components/x" },
                { "/v1/things/x", "/v1/things/x" },
                { "x", "x" },
                { "", "" },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++)
                assert_string_equal(iso_entity_ref(f->arena, rows[i][0]), rows[i][1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SOVD_TEST(entries_are_filtered_again_and_their_files_are_found_here),
                SOVD_TEST(entries_that_are_none_are_a_bad_answer),
                SOVD_TEST(a_progress_may_come_as_text),
                SOVD_TEST(the_actions_of_a_status_are_those_that_it_names),
                SOVD_TEST(references_lead_to_the_entities_of_this_server),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
