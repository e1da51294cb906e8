/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/sovd_backend.h"
#include "tests/unit/backends/sovd_support.h"
#include <errno.h>

static int decode(struct fixture *f, const char *text, struct sovd_sovd_options *ret) {
        struct sovd_schema_error error;

        return sovd_schema_decode(&sovd_schema_sovd_options, json_of(&f->call, text), ret, f->arena,
                                  SOVD_DECODE_CLOSED, &error);
}

static void defaults_stand_in_for_what_is_not_given(void **state) {
        struct sovd_sovd_options o;
        const char *member;

        assert_int_equal(decode(*state, "{\"name\":\"e\",\"base_url\":\"http://h\"}", &o), 0);
        assert_string_equal(o.api_prefix, "/sovd/v1");
        assert_true(o.timeout_secs.value == 5 && o.refresh_secs.value == 30 &&
                    o.connect_timeout_secs.value == 1);
        assert_int_equal(o.max_in_flight.value, 16);
        assert_int_equal(o.max_waiting.value, 64);
        assert_int_equal(o.max_answer_bytes.value, 4 * 1024 * 1024);
        assert_int_equal(o.breaker_failures.value, 5);
        assert_true(o.breaker_open_secs.value == 5 && o.retry.value);
        assert_int_equal(o.dialect, SOVD_DIALECT_AUTO);
        assert_null(sovd_sovd_options_check(&o, &member));
}

static void what_the_table_cannot_say_is_checked(void **state) {
        static const struct {
                const char *members, *member;
        } rows[] = {
                { "\"name\":\"a/b\",\"base_url\":\"http://h\"", "name" },
                { "\"name\":\"e\",\"base_url\":\"ftp://h\"", "base_url" },
                { "\"name\":\"e\",\"base_url\":\"http://\"", "base_url" },
                { "\"name\":\"e\",\"base_url\":\"http://user:secret@h\"", "base_url" },
                { "\"name\":\"e\",\"base_url\":\"http://127.0.0.1:99999\"", "base_url" },
                { "\"name\":\"e\",\"base_url\":\"http://[::1\"", "base_url" },
                { "\"name\":\"e\",\"base_url\":\"http://[zz]\"", "base_url" },
                { "\"name\":\"e\",\"base_url\":\"http://h:0x1\"", "base_url" },
                { "\"name\":\"e\",\"base_url\":\"http://h%00\"", "base_url" },
                { "\"name\":\"e\",\"base_url\":\"http://\xc3\xbc/\"", "base_url" },
                { "\"name\":\"e\",\"base_url\":\"http://h\",\"api_prefix\":\"x\"", "api_prefix" },
                { "\"name\":\"e\",\"base_url\":\"http://h\",\"api_prefix\":\"/\xc3\xbc\"", "api_prefix" },
                { "\"name\":\"e\",\"base_url\":\"http://h\",\"bearer_token\":\"a\\nb\"", "bearer_token" },
                { "\"name\":\"e\",\"base_url\":\"https://h\",\"ca_file\":\"/no/such/file\"", "ca_file" },
                { "\"name\":\"e\",\"base_url\":\"https://h\",\"ca_file\":\"/\"", "ca_file" },
                { "\"name\":\"e\",\"base_url\":\"https://h\",\"client_cert_file\":\"/no\","
                  "\"client_key_file\":\"/no\"", "client_cert_file" },
                { "\"name\":\"e\",\"base_url\":\"http://h\",\"component_ids\":[\"status\"]",
                  "component_ids" },
                { "\"name\":\"e\",\"base_url\":\"http://h\",\"timeout_secs\":0.01", "timeout_secs" },
                { "\"name\":\"e\",\"base_url\":\"http://h\",\"refresh_secs\":0.05", "refresh_secs" },
                { "\"name\":\"e\",\"base_url\":\"http://h\",\"client_cert_file\":\"x\"", "client_key_file" },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                struct sovd_backend *backend;
                struct sovd_sovd_options o;
                const char *member = "";
                char text[512];

                (void)snprintf(text, sizeof(text), "{%s}", rows[i].members);
                assert_int_equal(decode(*state, text, &o), 0);
                assert_non_null(sovd_sovd_options_check(&o, &member));
                assert_string_equal(member, rows[i].member);
                assert_int_equal(sovd_sovd_backend_new(&backend, &o), -EINVAL);
        }
}

static void values_out_of_range_are_refused_by_the_table(void **state) {
        struct sovd_sovd_options o;

        assert_int_equal(
                decode(*state, "{\"name\":\"e\",\"base_url\":\"http://h\",\"timeout_secs\":301}", &o),
                SOVD_E_BAD_REQUEST);
        assert_int_equal(decode(*state, "{\"name\":\"e\",\"base_url\":\"http://h\",\"max_in_flight\":0}", &o),
                         SOVD_E_BAD_REQUEST);
        assert_int_equal(decode(*state, "{\"name\":\"e\",\"base_url\":\"http://h\",\"odd\":1}", &o),
                         SOVD_E_BAD_REQUEST);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SOVD_TEST(defaults_stand_in_for_what_is_not_given),
                SOVD_TEST(what_the_table_cannot_say_is_checked),
                SOVD_TEST(values_out_of_range_are_refused_by_the_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
