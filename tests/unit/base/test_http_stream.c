/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/base/http_fixture.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <stdio.h>

#define BODY_SIZE ((size_t)3000000)

/* Byte i of every large body here. */
static char byte_at(size_t i) {
        return (char)('a' + (i * 7 + i / 1000) % 26);
}

struct source {
        struct sovd_source base;
        size_t at, size, fails_at;
};

static int source_read(struct sovd_source *stream, void *buf, size_t size, uint64_t deadline_usec,
                       size_t *ret_n) {
        struct source *s = (struct source *)stream;
        size_t n = SOVD_MIN(size, s->size - s->at);

        if (s->fails_at && s->at + n > s->fails_at)
                return SOVD_E_TIMEOUT;
        for (size_t i = 0; i < n; i++)
                ((char *)buf)[i] = byte_at(s->at + i);
        s->at += n;
        *ret_n = n;
        return 0;
}

static int open_get(struct fixture *f, uint64_t idle_usec, struct sovd_http_wanted *wanted,
                    struct sovd_source **ret) {
        struct sovd_http_transfer transfer = { .idle_usec = idle_usec, .wanted = wanted };
        const struct sovd_http_request request = { .method = "GET",
                                                   .target = "/x",
                                                   .deadline_usec = sovd_now_usec() + 9 * SEC };

        return sovd_http_open(f->pool, &request, &transfer, &f->answer, f->arena, ret);
}

static int read_all(struct sovd_source *stream, size_t piece, size_t *ret_total) {
        _cleanup_(sovd_freep) char *buf = malloc(piece);
        size_t n = piece;

        *ret_total = 0;
        while (n == piece) {
                int r = stream->read(stream, buf, piece, sovd_now_usec() + 9 * SEC, &n);
                if (r)
                        return r;
                for (size_t i = 0; i < n; i++)
                        if (buf[i] != byte_at(*ret_total + i))
                                return -EBADMSG;
                *ret_total += n;
        }
        return 0;
}

static void send_body(struct server_request *request, size_t size) {
        char *body = malloc(size);

        for (size_t i = 0; i < size; i++)
                body[i] = byte_at(i);
        server_send_bytes(request, body, size);
        free(body);
}

static bool answer_large(struct server_request *request) {
        server_send(request, "HTTP/1.1 103 Early Hints\r\nETag: \"no\"\r\n\r\nHTTP/1.1 200 OK\r\netag:  "
                             "\"v1\" \r\nContent-Length: 3000000\r\n\r\n");
        send_body(request, BODY_SIZE);
        return true;
}

static void a_body_over_the_limit_of_answers_comes_in_pieces_of_any_size(void **state) {
        struct fixture *f = *state;
        const size_t pieces[] = { 1000, 65536, BODY_SIZE, BODY_SIZE + 1 };

        start(f, answer_large);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(pieces); i++) {
                struct sovd_http_wanted wanted[] = { { "ETag", NULL }, { "X-None", NULL }, { NULL, NULL } };
                struct sovd_source *stream;
                size_t total;

                assert_int_equal(open_get(f, 5 * SEC, wanted, &stream), SOVD_HTTP_OK);
                assert_int_equal(f->answer.status, 200);
                assert_string_equal(wanted[0].value, "\"v1\"");
                assert_null(wanted[1].value);
                assert_int_equal(read_all(stream, pieces[i], &total), 0);
                assert_int_equal(total, BODY_SIZE);
                (void)sovd_source_close(stream);
        }
        assert_int_equal(server_n_connections(f->server), 1);
}

static void a_stream_that_is_closed_early_gives_its_place_back(void **state) {
        struct fixture *f = *state;
        struct sovd_http_counters counters;
        struct sovd_source *stream;
        char byte;
        size_t n;

        start(f, answer_large);
        for (int i = 0; i < 6; i++) {
                assert_int_equal(open_get(f, 5 * SEC, NULL, &stream), SOVD_HTTP_OK);
                assert_int_equal(stream->read(stream, &byte, 1, sovd_now_usec() + SEC, &n), 0);
                (void)sovd_source_close(stream);
        }
        sovd_http_pool_counters(f->pool, &counters);
        assert_int_equal(counters.in_flight, 0);
}

static bool answer_an_error(struct server_request *request) {
        server_send(request, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
        return true;
}

static void another_status_has_its_body_in_the_answer(void **state) {
        struct fixture *f = *state;
        struct sovd_source *stream;

        start(f, answer_an_error);
        assert_int_equal(open_get(f, 5 * SEC, NULL, &stream), SOVD_HTTP_OK);
        assert_null(stream);
        assert_int_equal(f->answer.status, 404);
        assert_string_equal(f->answer.body, "none");
}

static bool answer_half(struct server_request *request) {
        server_send(request, OK_HEAD "Content-Length: 100000\r\n\r\n");
        send_body(request, 50000);
        return false;
}

static void a_body_that_is_cut_off_is_an_error_at_its_end(void **state) {
        struct fixture *f = *state;
        struct sovd_source *stream;
        size_t total;

        start(f, answer_half);
        assert_int_equal(open_get(f, 5 * SEC, NULL, &stream), SOVD_HTTP_OK);
        assert_int_equal(read_all(stream, 1000, &total), SOVD_E_BAD_ANSWER);
        assert_int_equal(total, 50000);
        assert_non_null(stream->problem);
        (void)sovd_source_close(stream);
}

static bool answer_and_stop(struct server_request *request) {
        server_send(request, OK_HEAD "Content-Length: 100000\r\n\r\n");
        send_body(request, 50000);
        server_wait_for_close(request);
        return false;
}

static void a_server_that_stops_meets_a_deadline(void **state) {
        struct fixture *f = *state;
        struct sovd_source *stream;
        size_t total;

        start(f, answer_and_stop);
        assert_int_equal(open_get(f, 100 * MSEC, NULL, &stream), SOVD_HTTP_OK);
        assert_int_equal(read_all(stream, 1000, &total), SOVD_E_NOT_RESPONDING);
        (void)sovd_source_close(stream);
}

static void a_server_that_says_nothing_meets_a_deadline(void **state) {
        struct fixture *f = *state;
        struct sovd_source *stream;

        start(f, hang);
        assert_int_equal(open_get(f, 100 * MSEC, NULL, &stream), SOVD_HTTP_TIMEOUT);
        assert_null(stream);
}

static int post(struct fixture *f, struct source *source, bool sized, int *ret_body) {
        struct sovd_http_transfer transfer = { .body = &source->base,
                                               .body_len = sized ? source->size : UINT64_MAX,
                                               .idle_usec = 5 * SEC };
        const struct sovd_http_request request = { .method = "POST",
                                                   .target = "/x",
                                                   .content_type = "a/b",
                                                   .deadline_usec = sovd_now_usec() + 9 * SEC };
        int r = sovd_http_open(f->pool, &request, &transfer, &f->answer, f->arena, NULL);

        *ret_body = transfer.body_result;
        return r;
}

static bool answer_with_length(struct server_request *request) {
        char text[200];
        size_t n = strlen(request->body);
        bool right = strstr(request->text, "Content-Type: a/b\r\n") && !strstr(request->text, "Expect");

        for (size_t i = 0; i < n; i++)
                right = right && request->body[i] == byte_at(i);
        (void)snprintf(text, sizeof(text), "HTTP/1.1 201 Created\r\nContent-Length: 6\r\n\r\n%s%5zu",
                       right ? "+" : "-", n);
        server_send(request, text);
        return true;
}

static void a_body_of_known_size_is_asked_for_as_it_is_sent(void **state) {
        struct fixture *f = *state;
        struct source source = { .base.read = source_read, .size = 40000 };
        int body;

        start(f, answer_with_length);
        assert_int_equal(post(f, &source, true, &body), SOVD_HTTP_OK);
        assert_int_equal(f->answer.status, 201);
        assert_string_equal(f->answer.body, "+40000");
        assert_int_equal(call(f, "POST", "{}"), SOVD_HTTP_OK); /* the handle is as before */
        assert_int_equal(f->answer.body_len, 6);
}

static void a_body_that_breaks_ends_the_call_and_the_connection(void **state) {
        struct fixture *f = *state;
        struct source source = { .base.read = source_read, .size = BODY_SIZE, .fails_at = 500000 };
        int body;

        start(f, answer_true);
        assert_int_not_equal(post(f, &source, true, &body), SOVD_HTTP_OK);
        assert_int_equal(body, SOVD_E_TIMEOUT);
        assert_int_equal(server_n_requests(f->server), 0);
        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(a_body_over_the_limit_of_answers_comes_in_pieces_of_any_size),
                TEST(a_stream_that_is_closed_early_gives_its_place_back),
                TEST(another_status_has_its_body_in_the_answer),
                TEST(a_body_that_is_cut_off_is_an_error_at_its_end),
                TEST(a_server_that_stops_meets_a_deadline),
                TEST(a_server_that_says_nothing_meets_a_deadline),
                TEST(a_body_of_known_size_is_asked_for_as_it_is_sent),
                TEST(a_body_that_breaks_ends_the_call_and_the_connection),
        };

        return cmocka_run_group_tests(tests, init, NULL);
}
