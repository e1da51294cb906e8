/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/backends/sovd_support.h"

static const struct subject reading = { .entity = &bms, .what = "data", .id = "soc" };
static const struct subject writing = { .entity = &bms, .what = "data", .id = "soc", .changes = true };

#define FLAT "{\"error_code\":\"vendor-specific\",\"vendor_code\":\"v\",\"message\":\"theirs\"}"

static struct sovd_failure fail_with(void **state, unsigned status, const char *body) {
        struct fixture *f = *state;
        struct sovd_http_answer answer = answer_of(status, body);

        assert_true(answer_fail(&f->call, &answer, &reading) > 0);
        return f->call.failure;
}

static void status_of_a_known_error_is_passed_by_the_table(void **state) {
        static const struct {
                unsigned from, to;
        } rows[] = {
                { 400, 400 }, { 403, 403 }, { 404, 404 }, { 408, 504 }, { 409, 409 }, { 410, 404 },
                { 412, 409 }, { 413, 413 }, { 415, 415 }, { 418, 502 }, { 422, 400 }, { 423, 409 }, { 429, 503 },
                { 500, 500 }, { 501, 501 }, { 502, 502 }, { 503, 503 }, { 504, 504 }, { 507, 502 },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                struct sovd_failure failure = fail_with(state, rows[i].from, FLAT);
                assert_int_equal(failure.error, SOVD_E_UPSTREAM);
                assert_int_equal(failure.status, rows[i].to);
                assert_string_equal(failure.body.message, "theirs");
                assert_int_equal(failure.retry_after_sec, rows[i].to == 503 ? 1 : 0);
        }
}

static void body_that_is_no_error_is_never_shown(void **state) {
        static const struct {
                unsigned status;
                int error;
        } rows[] = {
                { 400, SOVD_E_BAD_REQUEST }, { 403, SOVD_E_FORBIDDEN }, { 404, SOVD_E_NOT_FOUND },
                { 409, SOVD_E_CONFLICT },    { 418, SOVD_E_UPSTREAM },  { 429, SOVD_E_OVERLOAD },
                { 500, SOVD_E_UPSTREAM },    { 501, SOVD_E_NOT_IMPLEMENTED },
                { 503, SOVD_E_UNAVAILABLE }, { 504, SOVD_E_NOT_RESPONDING },
                { 507, SOVD_E_UPSTREAM },
        };
        static const char *const bodies[] = { "",
                                              "secret",
                                              "<html>secret",
                                              "{\"message\":\"secret\"}",
                                              "[\"secret\"]",
                                              "{\"error_code\":5,\"message\":\"secret\"}",
                                              "{\"error\":\"secret\"}",
                                              "{\"error\":{\"message\":\"secret\"}}" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++)
                for (size_t k = 0; k < SOVD_N_ELEMENTS(bodies); k++) {
                        struct sovd_failure failure = fail_with(state, rows[i].status, bodies[k]);
                        assert_int_equal(failure.error, rows[i].error);
                        assert_int_equal(failure.status, 0);
                        assert_null(strstr(failure.body.message, "secret"));
                }
}

static void missing_resource_is_named(void **state) {
        assert_string_equal(fail_with(state, 404, "").body.message, "component 'bms' has no data 'soc'");
}

static void refused_credentials_are_a_502_without_their_text(void **state) {
        struct sovd_failure failure = fail_with(state, 401, FLAT);

        assert_int_equal(sovd_error_info(failure.error)->status, 502);
        assert_string_equal(failure.body.message, "the backend refused the gateway's credentials");
}

static void method_that_is_not_there_is_not_implemented(void **state) {
        assert_int_equal(fail_with(state, 405, FLAT).error, SOVD_E_NOT_IMPLEMENTED);
}

static void redirect_is_a_bad_answer(void **state) {
        assert_int_equal(fail_with(state, 302, "").error, SOVD_E_BAD_ANSWER);
}

static void path_of_a_data_error_is_passed(void **state) {
        struct sovd_failure failure = fail_with(
                state, 400,
                "{\"path\":\"/data/x\",\"error\":{\"error_code\":\"incomplete-request\",\"message\":\"m\"}}");

        assert_string_equal(failure.path, "/data/x");
        assert_string_equal(failure.body.error_code, "incomplete-request");
}

static void odata_error_gets_a_code_of_the_standard(void **state) {
        struct sovd_failure failure =
                fail_with(state, 409, "{\"error\":{\"code\":\"SOVD-ERR-409\",\"message\":\"busy\"}}");

        assert_int_equal(failure.status, 409);
        assert_string_equal(failure.body.error_code, "precondition-not-fulfilled");
        assert_string_equal(failure.body.vendor_code, "SOVD-ERR-409");
        assert_string_equal(failure.body.message, "busy");
}

static void plural_code_of_the_cda_becomes_the_standards(void **state) {
        struct sovd_failure failure =
                fail_with(state, 409, "{\"error_code\":\"preconditions-not-fulfilled\",\"message\":\"m\"}");

        assert_string_equal(failure.body.error_code, "precondition-not-fulfilled");
}

static void long_message_is_cut_at_a_whole_character(void **state) {
        char body[4096] = "{\"error_code\":\"error-response\",\"message\":\"a";
        size_t n = strlen(body);

        for (int i = 0; i < 1000; i++, n += 2)
                memcpy(body + n, "\xc3\xa9", 2);
        memcpy(body + n, "\"}", 3);
        assert_int_equal(strlen(fail_with(state, 400, body).body.message), 1023);
}

static void retry_after_of_the_server_is_kept(void **state) {
        struct fixture *f = *state;
        struct sovd_http_answer answer = answer_of(429, FLAT);

        answer.retry_after_sec = 7;
        assert_int_equal(answer_fail(&f->call, &answer, &reading), SOVD_E_UPSTREAM);
        assert_int_equal(f->call.failure.retry_after_sec, 7);
}

static void retry_after_of_a_plain_503_is_kept(void **state) {
        struct fixture *f = *state;
        struct sovd_http_answer answer = answer_of(503, "<html>");

        answer.retry_after_sec = 9;
        assert_int_equal(answer_fail(&f->call, &answer, &reading), SOVD_E_UNAVAILABLE);
        assert_int_equal(f->call.failure.retry_after_sec, 9);
}

static void missing_answer_has_the_error_of_its_reason(void **state) {
        struct fixture *f = *state;
        static const struct {
                enum sovd_http_result result;
                int error;
                unsigned retry_after_sec;
        } rows[] = {
                { SOVD_HTTP_BUSY, SOVD_E_OVERLOAD, 1 },       { SOVD_HTTP_REFUSED, SOVD_E_UNAVAILABLE, 1 },
                { SOVD_HTTP_TIMEOUT, SOVD_E_NOT_RESPONDING }, { SOVD_HTTP_LOST, SOVD_E_BAD_ANSWER },
                { SOVD_HTTP_BROKEN, SOVD_E_BAD_ANSWER },      { SOVD_HTTP_TOO_LARGE, SOVD_E_BAD_ANSWER },
                { SOVD_HTTP_TLS, SOVD_E_UNAVAILABLE, 1 },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                assert_int_equal(answer_missing(&f->call, rows[i].result, "ecu", &reading), rows[i].error);
                assert_int_equal(f->call.failure.error, rows[i].error);
                assert_int_equal(f->call.failure.retry_after_sec, rows[i].retry_after_sec);
                assert_null(strstr(f->call.failure.body.message, "carried out"));
        }
}

static void write_without_an_answer_may_have_been_carried_out(void **state) {
        struct fixture *f = *state;

        (void)answer_missing(&f->call, SOVD_HTTP_TIMEOUT, "ecu", &writing);
        assert_non_null(strstr(f->call.failure.body.message, "may have been carried out"));
        (void)answer_missing(&f->call, SOVD_HTTP_LOST, "ecu", &writing);
        assert_non_null(strstr(f->call.failure.body.message, "may have been carried out"));
        assert_true(f->call.failure.outcome_unknown);
        (void)answer_missing(&f->call, SOVD_HTTP_LOST, "ecu", &reading);
        assert_false(f->call.failure.outcome_unknown);
        (void)answer_missing(&f->call, SOVD_HTTP_REFUSED, "ecu", &writing);
        assert_false(f->call.failure.outcome_unknown);
        assert_null(strstr(f->call.failure.body.message, "carried out"));
}

static void answer_that_is_not_json_is_refused(void **state) {
        struct fixture *f = *state;
        static const char *const texts[] = { "", "{", "{}x", "{\"a\":1,\"a\":2}", "NaN", "\"\xff\"" };
        struct cJSON *json;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++) {
                struct sovd_http_answer answer = answer_of(200, texts[i]);
                assert_int_equal(answer_parse(&f->call, &answer, &json), SOVD_E_BAD_ANSWER);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                SOVD_TEST(status_of_a_known_error_is_passed_by_the_table),
                SOVD_TEST(body_that_is_no_error_is_never_shown),
                SOVD_TEST(missing_resource_is_named),
                SOVD_TEST(refused_credentials_are_a_502_without_their_text),
                SOVD_TEST(method_that_is_not_there_is_not_implemented),
                SOVD_TEST(redirect_is_a_bad_answer),
                SOVD_TEST(path_of_a_data_error_is_passed),
                SOVD_TEST(odata_error_gets_a_code_of_the_standard),
                SOVD_TEST(plural_code_of_the_cda_becomes_the_standards),
                SOVD_TEST(long_message_is_cut_at_a_whole_character),
                SOVD_TEST(retry_after_of_the_server_is_kept),
                SOVD_TEST(retry_after_of_a_plain_503_is_kept),
                SOVD_TEST(missing_answer_has_the_error_of_its_reason),
                SOVD_TEST(write_without_an_answer_may_have_been_carried_out),
                SOVD_TEST(answer_that_is_not_json_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
