/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/base/http_fixture.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Answers. */

static bool answer_with_fields(struct server_request *request) {
        server_send(request,
                    "HTTP/1.1 201 Created\r\ncontent-type:application/json; charset=utf-8 \r\n"
                    "LOCATION:  /x/1\r\nETag: \"v1\"\r\nRETRY-After:  7 \r\nContent-Length: 4\r\n\r\ntrue");
        return true;
}

static void answer_has_status_fields_and_body(void **state) {
        struct fixture *f = *state;

        start(f, answer_with_fields);

        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        assert_int_equal(f->answer.status, 201);
        assert_string_equal(f->answer.body, "true");
        assert_int_equal(f->answer.body_len, 4);
        assert_int_equal(f->answer.retry_after_sec, 7);
}

static bool answer_nothing_much(struct server_request *request) {
        server_send(request, "HTTP/1.1 204 No Content\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n\r\n");
        return true;
}

static void fields_that_did_not_come_are_absent(void **state) {
        struct fixture *f = *state;

        start(f, answer_nothing_much);

        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        assert_int_equal(f->answer.status, 204);
        assert_string_equal(f->answer.body, "");
        assert_int_equal(f->answer.retry_after_sec, 0);
}

static bool answer_after_early_hints(struct server_request *request) {
        server_send(request, "HTTP/1.1 103 Early Hints\r\nRetry-After: 7\r\n\r\n" OK_ANSWER);
        return true;
}

static void interim_answers_are_skipped(void **state) {
        struct fixture *f = *state;

        start(f, answer_after_early_hints);

        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        assert_int_equal(f->answer.status, 200);
        assert_int_equal(f->answer.retry_after_sec, 0);
}

static bool answer_with_trailers(struct server_request *request) {
        server_send(request, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
                                     "2\r\ntr\r\n2\r\nue\r\n0\r\nRetry-After: 7\r\n\r\n");
        return true;
}

static void chunks_are_joined_and_trailers_ignored(void **state) {
        struct fixture *f = *state;

        start(f, answer_with_trailers);

        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        assert_string_equal(f->answer.body, "true");
        assert_int_equal(f->answer.retry_after_sec, 0);
}

static bool answer_redirect(struct server_request *request) {
        server_send(request, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
        return true;
}

static void redirect_is_not_followed(void **state) {
        struct fixture *f = *state;

        start(f, answer_redirect);

        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        assert_int_equal(f->answer.status, 302);
        assert_int_equal(server_n_requests(f->server), 1);
}

/* Requests. */

/* The answer's body is the request. */
static bool echo(struct server_request *request) {
        char head[128];

        (void)snprintf(head, sizeof(head), OK_HEAD "Content-Length: %zu\r\n\r\n", strlen(request->text));
        server_send(request, head);
        if (!sovd_has_prefix(request->text, "HEAD "))
                server_send(request, request->text);
        return true;
}

static void methods_take_turns_on_one_connection(void **state) {
        static const struct {
                const char *method, *body;
        } turns[] = { { "GET", NULL },    { "PUT", "{}" },     { "HEAD", NULL }, { "POST", "{\"a\":1}" },
                      { "DELETE", NULL }, { "GET", NULL },     { "POST", NULL }, { "DELETE", "[]" },
                      { "PATCH", "{}" },  { "OPTIONS", NULL }, { "HEAD", NULL }, { "PUT", NULL },
                      { "GET", NULL },    { "HEAD", NULL },    { "GET", NULL },  { "POST", "x" } };
        struct fixture *f = *state;
        char length[64];

        start(f, echo);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(turns); i++) {
                const char *method = turns[i].method, *body = turns[i].body;

                assert_int_equal(call(f, method, body), SOVD_HTTP_OK);
                if (sovd_streq(method, "HEAD"))
                        continue;
                assert_true(sovd_has_prefix(f->answer.body, method));
                assert_true(sovd_has_prefix(f->answer.body + strlen(method), " /x HTTP/1.1\r\n"));
                assert_string_equal(strstr(f->answer.body, "\r\n\r\n") + 4, body ? body : "");

                bool framed = body || sovd_streq(method, "POST") || sovd_streq(method, "PUT");
                (void)snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n",
                               body ? strlen(body) : 0);
                assert_int_equal(strstr(f->answer.body, length) != NULL, framed);
                assert_int_equal(strstr(f->answer.body, "Content-Type: application/json\r\n") != NULL,
                                 !!body);
        }
        assert_int_equal(server_n_connections(f->server), 1);
}

static void request_carries_token_type_and_further_fields(void **state) {
        static const char *const lines[] = { "If-Match: \"v1\"", "X-Request-Id: 17", NULL };
        struct fixture *f = *state;
        struct sovd_http_request request = { .method = "PUT",
                                             .target = "/a/../b?c=%2F",
                                             .body = "abc",
                                             .body_len = 3,
                                             .content_type = "text/plain",
                                             .headers = lines,
                                             .deadline_usec = sovd_now_usec() + 5 * SEC };

        f->server = server_start(echo, NULL);
        make_pool(f, &(struct sovd_http_pool_options){ .bearer_token = "s3cret" });

        assert_int_equal(sovd_http_call(f->pool, &request, &f->answer, f->arena), SOVD_HTTP_OK);
        assert_true(sovd_has_prefix(f->answer.body, "PUT /a/../b?c=%2F HTTP/1.1\r\n"));
        assert_non_null(strstr(f->answer.body, "\r\nAuthorization: Bearer s3cret\r\n"));
        assert_non_null(strstr(f->answer.body, "\r\nContent-Type: text/plain\r\n"));
        assert_non_null(strstr(f->answer.body, "\r\nIf-Match: \"v1\"\r\n"));
        assert_non_null(strstr(f->answer.body, "\r\nX-Request-Id: 17\r\n"));

        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        assert_non_null(strstr(f->answer.body, "\r\nAuthorization: Bearer s3cret\r\n"));
        assert_null(strstr(f->answer.body, "If-Match"));
        assert_null(strstr(f->answer.body, "Content-Type"));
}

static void path_of_the_base_url_comes_before_the_target(void **state) {
        struct fixture *f = *state;
        char url[128];

        f->server = server_start(echo, NULL);
        (void)snprintf(url, sizeof(url), "%s/sovd/v1/", server_url(f->server));
        make_pool(f, &(struct sovd_http_pool_options){ .base_url = url });

        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        assert_true(sovd_has_prefix(f->answer.body, "GET /sovd/v1/x HTTP/1.1\r\n"));
}

static bool answer_with_length_of_body(struct server_request *request) {
        char text[256];

        (void)snprintf(text, sizeof(text), OK_HEAD "Connection: close\r\n\r\n%zu%s", strlen(request->body),
                       strcasestr(request->text, "\r\nExpect:") ? " expect" : "");
        server_send(request, text);
        return false;
}

static void large_body_is_sent_without_asking_for_100_continue(void **state) {
        struct fixture *f = *state;
        _cleanup_(sovd_freep) char *body = malloc(3000001);

        memset(body, 'x', 3000000);
        body[3000000] = '\0';
        start(f, answer_with_length_of_body);

        assert_int_equal(call(f, "POST", body), SOVD_HTTP_OK);
        assert_string_equal(f->answer.body, "3000000");
}

static void request_that_would_break_its_line_is_refused(void **state) {
        static const struct {
                const char *method, *target, *type, *line;
        } bad[] = { { "GET", "x", NULL, NULL },
                    { "GET", "/x y", NULL, NULL },
                    { "GET", "/x\r\nA: b", NULL, NULL },
                    { "GET", "/x#y", NULL, NULL },
                    { "GET", "/\xc3\xa4", NULL, NULL },
                    { "G T", "/x", NULL, NULL },
                    { "", "/x", NULL, NULL },
                    { "GET", "/x", NULL, "A: b\r\nC: d" },
                    { "POST", "/x", "a\nB: c", NULL },
                    { "ABCDEFGHIJKLMNOP", "/x", NULL, NULL } };
        struct fixture *f = *state;

        start(f, answer_true);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad); i++) {
                const char *lines[] = { bad[i].line, NULL };
                const struct sovd_http_request request = { .method = bad[i].method,
                                                           .target = bad[i].target,
                                                           .content_type = bad[i].type,
                                                           .headers = lines,
                                                           .deadline_usec = sovd_now_usec() + SEC };
                assert_int_equal(sovd_http_call(f->pool, &request, &f->answer, f->arena), -EINVAL);
        }

        const struct sovd_http_request head = {
                .method = "HEAD", .target = "/x", .body = "", .deadline_usec = UINT64_MAX
        };
        assert_int_equal(sovd_http_call(f->pool, &head, &f->answer, f->arena), -EINVAL);
        assert_int_equal(server_n_requests(f->server), 0);
}

static void url_that_is_no_plain_http_url_is_refused(void **state) {
        static const char *const bad[] = { "",
                                           "127.0.0.1:80",
                                           "file:///etc/passwd",
                                           "gopher://127.0.0.1/",
                                           "http://",
                                           "http://user:word@127.0.0.1",
                                           "http://127.0.0.1/?a=b",
                                           "http://127.0.0.1/#a",
                                           "http://127.0.0.1/a b",
                                           "http://127.0.0.1:99999" };
        struct sovd_http_pool *pool = NULL;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(bad); i++) {
                const struct sovd_http_pool_options options = { .base_url = bad[i], .max_in_flight = 1 };
                assert_int_equal(sovd_http_pool_new(&pool, &options), -EINVAL);
                assert_null(pool);
        }
}

static void proxy_of_the_environment_is_not_used(void **state) {
        struct fixture *f = *state;

        (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
        (void)setenv("all_proxy", "http://127.0.0.1:1", 1);
        start(f, answer_true);

        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        (void)unsetenv("http_proxy");
        (void)unsetenv("all_proxy");
}

static void unix_socket_is_used_in_place_of_the_host(void **state) {
        struct fixture *f = *state;
        char directory[] = "/tmp/sovd-test-XXXXXX", path[64];

        assert_non_null(mkdtemp(directory));
        (void)snprintf(path, sizeof(path), "%s/socket", directory);
        f->server = server_start(echo, path);
        make_pool(f, &(struct sovd_http_pool_options){ .unix_socket = path });

        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        assert_non_null(strstr(f->answer.body, "\r\nHost: localhost\r\n"));
        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        assert_int_equal(server_n_connections(f->server), 1);
        (void)unlink(path);
        (void)rmdir(directory);
}

static void host_name_is_resolved(void **state) {
        struct fixture *f = *state;
        char url[64];

        f->server = server_start(answer_true, NULL);
        (void)snprintf(url, sizeof(url), "http://localhost%s", strrchr(server_url(f->server), ':'));
        make_pool(f, &(struct sovd_http_pool_options){ .base_url = url });

        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
}

/* Failures. */

static void closed_port_is_refused(void **state) {
        struct fixture *f = *state;

        start(f, answer_true);
        f->server = server_stop(f->server);

        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_REFUSED);
        assert_int_equal(call(f, "POST", "{}"), SOVD_HTTP_REFUSED);
}

/* A listener whose queue is full: the kernel lets further clients wait. */
struct full_listener {
        int fds[4];
        char url[64];
};

static void listener_fill(struct full_listener *l) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof(address);

        for (size_t i = 0; i < SOVD_N_ELEMENTS(l->fds); i++)
                l->fds[i] = socket(AF_INET, SOCK_STREAM | (i ? SOCK_NONBLOCK : 0), 0);
        assert_int_equal(bind(l->fds[0], (struct sockaddr *)&address, len), 0);
        assert_int_equal(listen(l->fds[0], 0), 0);
        assert_int_equal(getsockname(l->fds[0], (struct sockaddr *)&address, &len), 0);
        for (size_t i = 1; i < SOVD_N_ELEMENTS(l->fds); i++)
                (void)connect(l->fds[i], (struct sockaddr *)&address, len);
        (void)snprintf(l->url, sizeof(l->url), "http://127.0.0.1:%u", ntohs(address.sin_port));
}

static void connect_timeout_is_refused_and_deadline_is_timeout(void **state) {
        struct fixture *f = *state;
        struct full_listener listener;

        listener_fill(&listener);
        make_pool(f, &(struct sovd_http_pool_options){ .base_url = listener.url,
                                                       .connect_timeout_usec = 100 * MSEC });
        assert_int_equal(get_within(f, 5 * SEC), SOVD_HTTP_REFUSED);
        assert_int_equal(get_within(f, 50 * MSEC), SOVD_HTTP_TIMEOUT);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(listener.fds); i++)
                (void)close(listener.fds[i]);
}

static bool hang_in_the_body(struct server_request *request) {
        server_send(request, OK_HEAD "Content-Length: 10\r\n\r\n12345");
        return hang(request);
}

static void hanging_server_is_timeout_at_the_deadline(void **state) {
        static const server_script scripts[] = { hang, hang_in_the_body };
        struct fixture *f = *state;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(scripts); i++) {
                start(f, scripts[i]);
                uint64_t begin = sovd_now_usec();
                assert_int_equal(get_within(f, 150 * MSEC), SOVD_HTTP_TIMEOUT);
                assert_in_range(sovd_now_usec() - begin, 145 * MSEC, 350 * MSEC);
                f->pool = sovd_http_pool_free(f->pool);
                f->server = server_stop(f->server);
        }
}

static void deadline_that_has_passed_sends_nothing(void **state) {
        struct fixture *f = *state;

        start(f, answer_true);

        assert_int_equal(get_within(f, 0), SOVD_HTTP_BUSY);
        assert_int_equal(server_n_connections(f->server), 0);
}

/* One call against a server that says these bytes and then closes. */
static const char *said;
static size_t n_said;

static bool say(struct server_request *request) {
        server_send_bytes(request, said, n_said);
        return false;
}

static int result_of_saying(struct fixture *f, const char *method, const char *bytes, size_t n) {
        said = bytes;
        n_said = n;
        start(f, say);
        int r = call(f, method, NULL);
        f->pool = sovd_http_pool_free(f->pool);
        f->server = server_stop(f->server);
        return r;
}

static void answer_that_ends_too_early_is_lost(void **state) {
        static const char *const texts[] = { "", "HTTP/1.1 20", OK_HEAD,
                                             OK_HEAD "Content-Length: 10\r\n\r\n12345",
                                             OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\n123" };
        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++)
                assert_int_equal(result_of_saying(*state, "GET", texts[i], strlen(texts[i])), SOVD_HTTP_LOST);
}

static bool reset_in_mid_answer(struct server_request *request) {
        server_send(request, OK_HEAD "Content-Length: 10\r\n\r\n12345");
        server_reset(request);
        return false;
}

static void reset_in_mid_answer_is_lost_for_reads_and_writes(void **state) {
        struct fixture *f = *state;

        start(f, reset_in_mid_answer);

        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_LOST);
        assert_int_equal(call(f, "POST", "{}"), SOVD_HTTP_LOST);
        assert_int_equal(server_n_requests(f->server), 2);
}

static void answer_that_is_no_http_is_broken(void **state) {
        static const char *const texts[] = {
                "hello\r\n\r\n",
                "<html>no head at all</html>",
                "SSH-2.0-OpenSSH_9.2\r\n",
                "HTTP/3.7 200 OK\r\n\r\n",
                "HTTP/1.1 abc OK\r\n\r\n",
                "HTTP/1.1 20 OK\r\n\r\n",
                "HTTP/1.1 777 Odd\r\nContent-Length: 0\r\n\r\n",
                OK_HEAD "no colon\r\n\r\n",
                OK_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n123",
                OK_HEAD "Content-Length: abc\r\n\r\n",
                OK_HEAD "Content-Length: -1\r\n\r\n",
        };
        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++)
                assert_int_equal(result_of_saying(*state, "GET", texts[i], strlen(texts[i])),
                                 SOVD_HTTP_BROKEN);
        assert_int_equal(result_of_saying(*state, "GET", "\0\0\0\0\0\0\0\0", 8), SOVD_HTTP_BROKEN);
        assert_int_equal(result_of_saying(*state, "GET", "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", 25),
                         SOVD_HTTP_BROKEN);
}

static void answer_whose_end_is_ambiguous_is_broken(void **state) {
        static const char *const texts[] = {
                OK_HEAD "Content-Length: 4\r\nContent-Length: 5\r\n\r\ntrue",
                OK_HEAD "Content-Length: 4, 4\r\n\r\ntrue",
                OK_HEAD "Content-Length: +4\r\n\r\ntrue",
                OK_HEAD "Content-Length: 0x4\r\n\r\ntrue",
                OK_HEAD "Content-Length : 4\r\n\r\ntrue",
                OK_HEAD "Content-Length: 99999999999999999999999\r\n\r\ntrue",
                OK_HEAD "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntrue\r\n0\r\n\r\n",
                OK_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n4\r\ntrue\r\n0\r\n\r\n",
                OK_HEAD "A: b\r\n Content-Length: 4\r\n\r\ntrue",
        };
        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++)
                assert_int_equal(result_of_saying(*state, "GET", texts[i], strlen(texts[i])),
                                 SOVD_HTTP_BROKEN);
}

static bool answer_with_endless_head(struct server_request *request) {
        server_send(request, OK_HEAD);
        for (int i = 0; i < 2000; i++)
                server_send(request, "X-Padding: 0123456789012345678901234567890123456789\r\n");
        server_send(request, "\r\n");
        return false;
}

static bool answer_with_endless_line(struct server_request *request) {
        server_send(request, OK_HEAD "X-Padding: ");
        for (int i = 0; i < 4000; i++)
                server_send(request, "01234567890123456789012345678901234567890123456789");
        return hang(request);
}

static bool answer_with_endless_interim_answers(struct server_request *request) {
        for (int i = 0; i < 4000; i++)
                server_send(request, "HTTP/1.1 102 Processing\r\n\r\n");
        return hang(request);
}

static void head_without_end_is_broken(void **state) {
        static const server_script scripts[] = { answer_with_endless_head, answer_with_endless_line,
                                                 answer_with_endless_interim_answers };
        struct fixture *f = *state;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(scripts); i++) {
                start(f, scripts[i]);
                assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_BROKEN);
                f->pool = sovd_http_pool_free(f->pool);
                f->server = server_stop(f->server);
        }
}

/* A body of chunked_length in chunks of 1 KiB. */
static size_t chunked_length;

static bool answer_in_chunks(struct server_request *request) {
        char piece[1024];

        memset(piece, 'x', sizeof(piece));
        server_send(request, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n");
        for (size_t left = chunked_length; left > 0; left -= SOVD_MIN(left, sizeof(piece))) {
                char size[16];

                (void)snprintf(size, sizeof(size), "%zx\r\n", SOVD_MIN(left, sizeof(piece)));
                server_send(request, size);
                server_send_bytes(request, piece, SOVD_MIN(left, sizeof(piece)));
                server_send(request, "\r\n");
        }
        server_send(request, "0\r\n\r\n");
        return true;
}

static void chunked_answer_over_the_limit_is_too_large(void **state) {
        struct fixture *f = *state;

        start(f, answer_in_chunks);
        chunked_length = MAX_ANSWER + 1;
        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_TOO_LARGE);
        chunked_length = 1000 * MAX_ANSWER;
        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_TOO_LARGE);
        chunked_length = MAX_ANSWER;
        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        assert_int_equal(f->answer.body_len, MAX_ANSWER);
        assert_int_equal(f->answer.body[MAX_ANSWER], '\0');
}

static void large_answer_arrives_whole(void **state) {
        struct fixture *f = *state;

        f->server = server_start(answer_in_chunks, NULL);
        make_pool(f, &(struct sovd_http_pool_options){ .max_answer = 4000000 });
        chunked_length = 3000000;
        for (int i = 0; i < 2; i++) {
                assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
                assert_int_equal(f->answer.body_len, 3000000);
                assert_int_equal(strspn(f->answer.body, "x"), 3000000);
        }
}

/* Names in targets. */

static void segment_is_encoded_but_for_unreserved_characters(void **state) {
        struct fixture *f = *state;

        assert_string_equal(sovd_http_encode_segment(f->arena, "AZaz09-._~"), "AZaz09-._~");
        assert_string_equal(sovd_http_encode_segment(f->arena, "a/b?c#d%e f"), "a%2Fb%3Fc%23d%25e%20f");
        assert_string_equal(sovd_http_encode_segment(f->arena, "\xc3\xa4\r\n\x7f"), "%C3%A4%0D%0A%7F");
        assert_string_equal(sovd_http_encode_segment(f->arena, "[@`{"), "%5B%40%60%7B");
        assert_string_equal(sovd_http_encode_segment(f->arena, ""), "");
}

static void segment_of_dots_cannot_climb(void **state) {
        struct fixture *f = *state;

        assert_string_equal(sovd_http_encode_segment(f->arena, "."), "%2E");
        assert_string_equal(sovd_http_encode_segment(f->arena, ".."), "%2E%2E");
        assert_string_equal(sovd_http_encode_segment(f->arena, "..."), "...");
        assert_string_equal(sovd_http_encode_segment(f->arena, ".a"), ".a");
}

static void tls_that_does_not_come_about_is_told_apart(void **state) {
        struct fixture *f = *state;
        char url[64];

        f->server = server_start(answer_true, NULL);
        (void)snprintf(url, sizeof(url), "https%s", server_url(f->server) + strlen("http"));
        make_pool(f, &(struct sovd_http_pool_options){ .base_url = url, .ca_file = "/no/such/file" });
        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_TLS);
        assert_int_equal(call(f, "POST", "{}"), SOVD_HTTP_TLS);
        assert_int_equal(server_n_requests(f->server), 0);
}

static void options_are_refused_with_the_name_of_the_member(void **state) {
        static const struct {
                struct sovd_http_pool_options options;
                const char *member;
        } rows[] = {
                { { .base_url = "http://h:99999", .max_in_flight = 1 }, "base_url" },
                { { .base_url = "http://h", .max_in_flight = 0 }, "max_in_flight" },
                { { .base_url = "http://h", .max_in_flight = 1, .max_waiting = 5000 }, "max_waiting" },
                { { .base_url = "http://h", .max_in_flight = 1, .bearer_token = "a\r\nb" }, "bearer_token" },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++) {
                const char *member = "";
                assert_non_null(sovd_http_pool_options_check(&rows[i].options, &member));
                assert_string_equal(member, rows[i].member);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(answer_has_status_fields_and_body),
                TEST(fields_that_did_not_come_are_absent),
                TEST(interim_answers_are_skipped),
                TEST(chunks_are_joined_and_trailers_ignored),
                TEST(redirect_is_not_followed),
                TEST(methods_take_turns_on_one_connection),
                TEST(request_carries_token_type_and_further_fields),
                TEST(path_of_the_base_url_comes_before_the_target),
                TEST(large_body_is_sent_without_asking_for_100_continue),
                TEST(request_that_would_break_its_line_is_refused),
                TEST(url_that_is_no_plain_http_url_is_refused),
                TEST(proxy_of_the_environment_is_not_used),
                TEST(unix_socket_is_used_in_place_of_the_host),
                TEST(host_name_is_resolved),
                TEST(closed_port_is_refused),
                TEST(connect_timeout_is_refused_and_deadline_is_timeout),
                TEST(hanging_server_is_timeout_at_the_deadline),
                TEST(deadline_that_has_passed_sends_nothing),
                TEST(answer_that_ends_too_early_is_lost),
                TEST(reset_in_mid_answer_is_lost_for_reads_and_writes),
                TEST(answer_that_is_no_http_is_broken),
                TEST(answer_whose_end_is_ambiguous_is_broken),
                TEST(head_without_end_is_broken),
                TEST(chunked_answer_over_the_limit_is_too_large),
                TEST(large_answer_arrives_whole),
                TEST(segment_is_encoded_but_for_unreserved_characters),
                TEST(segment_of_dots_cannot_climb),
                TEST(tls_that_does_not_come_about_is_told_apart),
                TEST(options_are_refused_with_the_name_of_the_member),
        };

        return cmocka_run_group_tests(tests, init, NULL);
}
