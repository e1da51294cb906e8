/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "plain_run.h"
#include "sovd-rest/http_server.h"
#include <stdio.h>

#define LINE "GET /sovd/v1 HTTP/1.1\r\n"
#define POST "POST /sovd/v1 HTTP/1.1\r\nHost: a\r\n"
#define HOST LINE "Host: a\r\n"

static char buf[20000];
static struct sovd_head head;
static struct sovd_head_field storage[SOVD_HEAD_FIELDS_MAX + 1];
static struct sovd_head_info info;
static const char *reason;

static int parse_bytes(const char *text, size_t len) {
        assert_true(len < sizeof(buf));
        memcpy(buf, text, len);
        buf[len] = '\0';
        head = (struct sovd_head){ .buf = NULL };
        info = (struct sovd_head_info){ .chunked = false };
        reason = NULL;
        return sovd_http_parse_head(buf, len, &head, storage, &info, &reason);
}

static void accepts(const char *text) {
        if (parse_bytes(text, strlen(text)))
                fail_msg("%s: %s", reason, text);
}

static void answers(const char *text, int error, const char *why) {
        int r = parse_bytes(text, strlen(text));

        if (r != error)
                fail_msg("%d instead of %d: %s", r, error, text);
        if (why)
                assert_string_equal(reason, why);
        else
                assert_non_null(reason);
}

static void refuses(const char *text, const char *why) {
        answers(text, SOVD_E_BAD_REQUEST, why);
}

/* --- what is good --------------------------------------------------------------------------------------- */

static void the_parts_of_a_head_are_told(void **state) {
        accepts("PUT /sovd/v1/components/bms/data/soc?x=1 HTTP/1.1\r\nHost: "
                "car.local:8080\r\nContent-Type:application/json\r\n"
                "Content-Length: 17\r\nX-Empty:\r\n\r\n");

        assert_string_equal(head.method, "PUT");
        assert_string_equal(head.uri, "/sovd/v1/components/bms/data/soc?x=1");
        assert_string_equal(head.version, "1.1");
        assert_int_equal(head.n_fields, 4);
        assert_string_equal(sovd_head_field(&head, "Host"), "car.local:8080");
        assert_string_equal(sovd_head_field(&head, "Content-Type"), "application/json");
        assert_string_equal(sovd_head_field(&head, "X-Empty"), "");
        assert_int_equal(info.content_length, 17);
        assert_true(info.has_body);
        assert_false(info.chunked);
        assert_false(info.expect_continue);
}

static void a_field_is_found_without_case(void **state) {
        accepts(LINE "hOST: a\r\nX-A: 1\r\nx-a: 2\r\n\r\n");

        assert_string_equal(sovd_head_field(&head, "HOST"), "a");
        assert_string_equal(sovd_head_field(&head, "X-A"), "1");
        assert_null(sovd_head_field(&head, "X-B"));
        assert_null(sovd_head_field(&head, "X"));
}

static void heads_of_all_methods_are_accepted(void **state) {
        accepts(HOST "\r\n");
        accepts("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        accepts("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
        accepts("DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n");
        accepts("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        accepts("PATCH /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
        accepts("GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n");
        accepts("GET /x HTTP/1.0\r\n\r\n");
}

static void one_empty_line_in_front_is_accepted(void **state) {
        accepts("\r\n" HOST "\r\n");

        assert_string_equal(head.method, "GET");
}

static void the_length_of_the_head_ends_before_what_follows(void **state) {
        static const char text[] = POST "Content-Length: 4\r\n\r\n";

        accepts(POST "Content-Length: 4\r\n\r\nbodyGET / HTTP/1.1\r\n\r\n");

        assert_int_equal(head.len, strlen(text));
        assert_ptr_equal(head.buf, buf);
}

static void chunked_coding_is_told(void **state) {
        accepts(POST "Transfer-Encoding: Chunked\r\n\r\n");

        assert_true(info.chunked && info.has_body);
        assert_int_equal(info.content_length, 0);
}

static void white_space_around_a_value_is_accepted(void **state) {
        accepts("POST /x HTTP/1.1\r\nHost:  a \r\nContent-Length: \t 17 "
                "\t\r\nExpect:\t100-continue\t\r\nX-A: a\tb\r\n\r\n");
        assert_int_equal(info.content_length, 17);
        assert_true(info.expect_continue);
        assert_string_equal(sovd_head_field(&head, "X-A"), "a\tb");

        accepts(POST "Transfer-Encoding: \tchunked \r\n\r\n");
        assert_true(info.chunked);
}

static void white_space_around_a_value_is_not_part_of_it(void **state) {
        accepts(LINE "Host: a \r\nLast-Event-ID:  3 \t\r\nX-Empty: \t \r\nX-Inner: a  b \r\n\r\n");

        assert_string_equal(sovd_head_field(&head, "Host"), "a");
        assert_string_equal(sovd_head_field(&head, "Last-Event-ID"), "3");
        assert_string_equal(sovd_head_field(&head, "X-Empty"), "");
        assert_string_equal(sovd_head_field(&head, "X-Inner"), "a  b");
}

static void hosts_of_every_form_are_accepted(void **state) {
        static const char *const hosts[] = { "a",        "car.local:8080",   "127.0.0.1",
                                             "[::1]:80", "[fe80::1%25eth0]", "a_b~c" };
        char text[200];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(hosts); i++) {
                (void)snprintf(text, sizeof(text), LINE "Host: %s\r\n\r\n", hosts[i]);
                accepts(text);
        }
}

static void a_length_of_zero_is_no_body(void **state) {
        accepts(HOST "Content-Length: 0\r\n\r\n");

        assert_false(info.has_body);
}

static void delete_may_have_a_body(void **state) {
        accepts("DELETE /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");

        assert_true(info.has_body);
}

static void expect_100_continue_is_told(void **state) {
        accepts(POST "Content-Length: 3\r\nExpect: 100-Continue\r\n\r\n");

        assert_true(info.expect_continue);
}

/* --- framing -------------------------------------------------------------------------------------------- */

static void two_framings_together_are_refused(void **state) {
        static const char why[] = "Content-Length and Transfer-Encoding together";

        refuses(POST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", why);
        refuses(POST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", why);
        refuses(POST "transfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n", why);
        refuses(POST "Transfer-Encoding: identity\r\nContent-Length: 4\r\n\r\n", why);
}

static void a_coding_other_than_chunked_is_refused(void **state) {
        static const char *const codings[] = {
                "identity", "gzip", "gzip, chunked", "chunked, chunked", "chunked;a=b", "xchunked",
                "chunke",   "",     "chunked x",     "\"chunked\"",      "chunked\tx"
        };
        char text[200];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(codings); i++) {
                (void)snprintf(text, sizeof(text), POST "Transfer-Encoding: %s\r\n\r\n", codings[i]);
                refuses(text, "Transfer-Encoding is not exactly 'chunked'");
        }
        refuses(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
                "Transfer-Encoding is not exactly 'chunked'");
}

static void chunked_coding_in_http_1_0_is_refused(void **state) {
        refuses("POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding with HTTP/1.0");
}

static void a_length_that_is_not_1_to_13_digits_is_refused(void **state) {
        static const char *const lengths[] = { "",    "-1",  "+1",          " ", "1,1", "1\t1",  "0x10",
                                               "1.0", "1e2", "12345678901234", "a", "1 2", "\u0661" };
        char text[200];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(lengths); i++) {
                (void)snprintf(text, sizeof(text), POST "Content-Length: %s\r\n\r\n", lengths[i]);
                refuses(text, "Content-Length is not a plain number of at most 13 digits");
        }
        accepts(POST "Content-Length: 9999999999999\r\n\r\n");
        assert_int_equal(info.content_length, 9999999999999);
}

static void more_than_one_length_is_refused(void **state) {
        refuses(POST "Content-Length: 4\r\nContent-Length: 4\r\n\r\n", "more than one Content-Length");
        refuses(POST "Content-Length: 4\r\ncontent-length: 5\r\n\r\n", "more than one Content-Length");
}

static void a_write_with_a_type_and_without_a_framing_needs_a_length(void **state) {
        static const char *const methods[] = { "POST", "PUT", "PATCH" };
        char text[200];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(methods); i++) {
                (void)snprintf(text, sizeof(text), "%s /x HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\r\n",
                               methods[i]);
                answers(text, SOVD_E_LENGTH_REQUIRED, "Content-Length is missing; for no body say 0");
        }
}

static void a_write_with_neither_a_type_nor_a_framing_has_no_body(void **state) {
        accepts("PUT /x HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_false(info.has_body);
        accepts("POST /x HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_false(info.has_body);
}

static void a_body_on_a_read_is_refused(void **state) {
        static const char *const methods[] = { "GET", "HEAD", "OPTIONS" };
        char text[200];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(methods); i++) {
                (void)snprintf(text, sizeof(text), "%s /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
                               methods[i]);
                refuses(text, "a body where none is expected");
                (void)snprintf(text, sizeof(text),
                               "%s /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", methods[i]);
                refuses(text, "a body where none is expected");
        }
}

/* --- fields --------------------------------------------------------------------------------------------- */

static void white_space_before_a_colon_is_refused(void **state) {
        static const char why[] = "white space before the colon of a field";

        refuses(LINE "Host : a\r\n\r\n", why);
        refuses(LINE "Host  : a\r\n\r\n", why);
        refuses(POST "Content-Length: 4\r\nTransfer-Encoding : chunked\r\n\r\n", why);
        refuses(POST "Content-Length :4\r\n\r\n", why);
        refuses(LINE "Host\t: a\r\n\r\n", NULL);
}

static void folded_lines_are_refused(void **state) {
        refuses(HOST "X-A: 1\r\n 2\r\n\r\n", NULL);
        refuses(HOST "X-A: 1\r\n\t2\r\n\r\n", NULL);
        refuses(HOST "X-A:\r\n 2\r\nX-B: 1\r\n\r\n", NULL);
        refuses(LINE " Host: a\r\n\r\n", NULL);
        refuses(POST "Content-Length: 4\r\n Transfer-Encoding: chunked\r\n\r\n", NULL);
}

static void names_that_are_no_token_are_refused(void **state) {
        static const char *const fields[] = { "(X): 1", "X/Y: 1", "X@Y: 1", "X\"Y: 1", "{X}: 1", "X=Y: 1",
                                              "X,Y: 1", "X;Y: 1", "[X]: 1", "X?: 1",   "X<Y: 1", "X\\Y: 1" };
        char text[200];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(fields); i++) {
                (void)snprintf(text, sizeof(text), HOST "%s\r\n\r\n", fields[i]);
                refuses(text, "a field name with characters that are not allowed");
        }
        accepts(HOST "!#$%&'*+-.^_`|~09azAZ: 1\r\n\r\n");
}

static void a_line_that_is_no_field_is_refused(void **state) {
        refuses(HOST ": 1\r\n\r\n", NULL);
        refuses(HOST ":\r\n\r\n", NULL);
        refuses(HOST "X\r\n\r\n", NULL);
        refuses(HOST "X Y: 1\r\n\r\n", NULL);
        refuses(HOST "X-\u00e9: 1\r\n\r\n", NULL);
}

static void lines_that_do_not_end_with_crlf_are_refused(void **state) {
        refuses("GET / HTTP/1.1\nHost: a\n\n", NULL);
        refuses("GET / HTTP/1.1\nHost: a\r\n\r\n", NULL);
        refuses(LINE "Host: a\nX-A: 1\r\n\r\n", NULL);
        refuses(LINE "Host: a\r\nX-A: 1\n\r\n\r\n", NULL);
        refuses(LINE "Host: a\rX-A: 1\r\n\r\n", NULL);
        refuses(LINE "Host: a\r\r\nX-A: 1\r\n\r\n", NULL);
        refuses(LINE "Host: a\n\n", NULL);
        refuses(LINE "Host: a\n \n\n", NULL);
        refuses(LINE "Host: a\n\t\n\n", NULL);
        refuses(LINE "Host: a\n:\n\n", NULL);
        refuses("GET / HTTP/1.1\r\n\n", NULL);
}

static void control_characters_are_refused(void **state) {
        static const char nul[] = HOST "X-A: 1\0\r\n\r\n", in_uri[] = "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n";

        assert_int_equal(parse_bytes(nul, sizeof(nul) - 1), SOVD_E_BAD_REQUEST);
        assert_int_equal(parse_bytes(in_uri, sizeof(in_uri) - 1), SOVD_E_BAD_REQUEST);
        refuses(HOST "X-A: \x01\r\n\r\n", NULL);
        refuses(HOST "X-A: \x7f\r\n\r\n", NULL);
        refuses(HOST "X\x08: 1\r\n\r\n", NULL);
}

static void host_must_come_once(void **state) {
        refuses(LINE "\r\n", "Host is missing");
        refuses(LINE "X-Host: a\r\n\r\n", "Host is missing");
        refuses(HOST "Host: a\r\n\r\n", "more than one Host");
        refuses(HOST "host: b\r\n\r\n", "more than one Host");
        refuses("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "more than one Host");
}

static void a_host_that_is_no_host_is_refused(void **state) {
        static const char *const hosts[] = { "",    " ",   "a b", "a/b",    "a@b\"", "a\\b",
                                             "<a>", "a?b", "a#b", "\u00e9", "a\tb",  "{a}" };
        char text[200];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(hosts); i++) {
                (void)snprintf(text, sizeof(text), LINE "Host: %s\r\n\r\n", hosts[i]);
                refuses(text, "Host is not a host");
        }
}

static void fields_that_must_be_single_are_refused_twice(void **state) {
        static const char *const names[] = {
                "Authorization", "DPoP",     "Idempotency-Key", "Content-Type",
                "Expect",        "If-Match", "X-API-Key",       "If-None-Match"
        };
        char text[200];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(names); i++) {
                (void)snprintf(text, sizeof(text), HOST "%s: 100-continue\r\n\r\n", names[i]);
                accepts(text);
                (void)snprintf(text, sizeof(text),
                               HOST "%s: 100-continue\r\nX: 1\r\n%s: 100-continue\r\n\r\n", names[i],
                               names[i]);
                refuses(text, "a field twice that may come only once");
        }
        accepts(HOST "Accept: a\r\nAccept: b\r\n\r\n");
}

static void another_expectation_fails(void **state) {
        answers(POST "Content-Length: 3\r\nExpect: 100-continue, x\r\n\r\n", SOVD_E_EXPECTATION,
                "Expect asks for something other than 100-continue");
        answers(POST "Content-Length: 3\r\nExpect: \r\n\r\n", SOVD_E_EXPECTATION, NULL);
}

static void the_request_line_ends_with_crlf(void **state) {
        static const char *const ends[] = { "\r\r", "\n\r", "\r ", "\n ", "\r\t", "\n", "\r", "\n\n" };
        char text[200];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(ends); i++) {
                (void)snprintf(text, sizeof(text), "GET /x HTTP/1.1%sHost: a\r\n\r\n", ends[i]);
                refuses(text, NULL);
                (void)snprintf(text, sizeof(text), "GET /x HTTP/1.0%s\n\n", ends[i]);
                refuses(text, NULL);
        }
}

static void a_head_has_at_most_63_fields(void **state) {
        char text[4000] = HOST;

        for (int i = 1; i < SOVD_HEAD_FIELDS_MAX; i++)
                strcat(text, "X-A: 1\r\n");
        strcat(text, "\r\n");
        accepts(text);
        assert_int_equal(head.n_fields, SOVD_HEAD_FIELDS_MAX);

        strcpy(strstr(text, "\r\n\r\n"), "\r\nX-A: 1\r\n\r\n");
        answers(text, SOVD_E_HEAD_TOO_LARGE, "more than 63 header fields");
        strcpy(strstr(text, "\r\n\r\n"), "\r\nContent-Length: 7\r\n\r\n");
        answers(text, SOVD_E_HEAD_TOO_LARGE, "more than 63 header fields");
}

/* --- the request line ----------------------------------------------------------------------------------- */

static void white_space_in_front_is_refused(void **state) {
        refuses(" " HOST "\r\n", "white space before the request line");
        refuses("\r\n\r\n" HOST "\r\n", "white space before the request line");
        refuses("\n" HOST "\r\n", "white space before the request line");
        refuses("\t" HOST "\r\n", "white space before the request line");
        refuses("\r\n " HOST "\r\n", "white space before the request line");
}

static void more_than_one_space_in_the_request_line_is_refused(void **state) {
        refuses("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
        refuses("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
        refuses("GET \n/ HTTP/1.1\r\nHost: a\r\n\r\n", "more than one space in the request line");
        refuses("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", NULL);
        refuses("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
        refuses("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
}

static void a_line_that_is_no_request_is_refused(void **state) {
        static const char *const texts[] = {
                "GET /\r\nHost: a\r\n\r\n",
                "GET\r\n\r\n",
                "\r\n\r\n",
                "GET / FTP/1.1\r\nHost: a\r\n\r\n",
                "GET / http/1.1\r\nHost: a\r\n\r\n",
                "get / HTTP/1.1\r\nHost: a\r\n\r\n",
                "BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
                "\x16\x03\x01\x02\r\n\r\n",
                "GET /\u00e9 HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET HTTP/1.1\r\nHost: a\r\n\r\n",
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++)
                refuses(texts[i], NULL);
}

static void a_head_cut_short_anywhere_is_refused(void **state) {
        static const char text[] = POST "Content-Length: 0\r\n\r\n";

        accepts(text);
        for (size_t n = 0; n < strlen(text); n++)
                assert_int_equal(parse_bytes(text, n), SOVD_E_BAD_REQUEST);
}

/* Each byte at each place of runs of each length, beside others that are at the edges of what is plain. */
static void a_run_of_plain_bytes_ends_before_any_other(void **state) {
        static const char around[] = { ' ', '~', '\x80', '\xff' };
        char s[32];

        for (size_t length = 0; length <= sizeof(s); length++)
                for (size_t at = 0; at < sizeof(s); at++)
                        for (unsigned c = 0; c < 256; c++) {
                                bool plain = c >= 0x20 && c != 0x7f;
                                memset(s, around[c % 4], sizeof(s));
                                s[at] = (char)c;
                                size_t n = plain_run(s, length), most = plain ? length : SOVD_MIN(at, length);
                                assert_in_range(n, most >= 7 ? most - 7 : 0, most);
                        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_parts_of_a_head_are_told),
                cmocka_unit_test(a_field_is_found_without_case),
                cmocka_unit_test(heads_of_all_methods_are_accepted),
                cmocka_unit_test(one_empty_line_in_front_is_accepted),
                cmocka_unit_test(the_request_line_ends_with_crlf),
                cmocka_unit_test(the_length_of_the_head_ends_before_what_follows),
                cmocka_unit_test(chunked_coding_is_told),
                cmocka_unit_test(white_space_around_a_value_is_accepted),
                cmocka_unit_test(white_space_around_a_value_is_not_part_of_it),
                cmocka_unit_test(hosts_of_every_form_are_accepted),
                cmocka_unit_test(a_length_of_zero_is_no_body),
                cmocka_unit_test(delete_may_have_a_body),
                cmocka_unit_test(expect_100_continue_is_told),
                cmocka_unit_test(two_framings_together_are_refused),
                cmocka_unit_test(a_coding_other_than_chunked_is_refused),
                cmocka_unit_test(chunked_coding_in_http_1_0_is_refused),
                cmocka_unit_test(a_length_that_is_not_1_to_13_digits_is_refused),
                cmocka_unit_test(more_than_one_length_is_refused),
                cmocka_unit_test(a_write_with_a_type_and_without_a_framing_needs_a_length),
                cmocka_unit_test(a_write_with_neither_a_type_nor_a_framing_has_no_body),
                cmocka_unit_test(a_body_on_a_read_is_refused),
                cmocka_unit_test(white_space_before_a_colon_is_refused),
                cmocka_unit_test(folded_lines_are_refused),
                cmocka_unit_test(names_that_are_no_token_are_refused),
                cmocka_unit_test(a_line_that_is_no_field_is_refused),
                cmocka_unit_test(lines_that_do_not_end_with_crlf_are_refused),
                cmocka_unit_test(control_characters_are_refused),
                cmocka_unit_test(host_must_come_once),
                cmocka_unit_test(a_host_that_is_no_host_is_refused),
                cmocka_unit_test(fields_that_must_be_single_are_refused_twice),
                cmocka_unit_test(another_expectation_fails),
                cmocka_unit_test(a_head_has_at_most_63_fields),
                cmocka_unit_test(white_space_in_front_is_refused),
                cmocka_unit_test(more_than_one_space_in_the_request_line_is_refused),
                cmocka_unit_test(a_line_that_is_no_request_is_refused),
                cmocka_unit_test(a_head_cut_short_anywhere_is_refused),
                cmocka_unit_test(a_run_of_plain_bytes_ends_before_any_other),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
