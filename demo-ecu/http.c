/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP - the listener, and the few things an injected failure does to a connection
 *
 * civetweb is compiled into this file: resetting a connection needs its socket, which no public function
 * gives. Requests are answered in begin_request, before any of its own file handling, with one write
 * each.
 */
#undef USE_X_DOM_SOCKET /* only TCP here */
#include "civetweb.c"
#undef snprintf
#undef vsnprintf
#undef malloc
#undef calloc
#undef realloc
#undef free

#include "demo-ecu/http.h"
#include "demo-ecu/inject.h"
#include "demo-ecu/router.h"
#include "demo-ecu/stats.h"
#include "demo-ecu/subscriptions.h"

#define DRAIN_MAX     (4 * 1024 * 1024)
#define WAIT_SLICE_MS 50

static const struct {
        const char *name, *value;
} settings[] = {
        { "num_threads", "64" },
        { "enable_keep_alive", "yes" },
        { "keep_alive_timeout_ms", "30000" },
        { "request_timeout_ms", "30000" },
        { "tcp_nodelay", "1" },
        { "decode_url", "no" }, /* the router does it, segment by segment */
        { "decode_query_string", "no" },
        { "enable_directory_listing", "no" },
        { "enable_auth_domain_check", "no" },
        { "access_control_allow_methods", "" },
        { "listen_backlog", "512" },
};

struct http {
        struct mg_context *context;
        struct server *server;
        char error[256]; /* the first thing civetweb complained about */
};

bool http_send(struct mg_connection *conn, const void *data, size_t n_data) {
        return mg_write(conn, data, n_data) == (int)n_data;
}

bool http_wait(struct mg_connection *conn, long long n_msec) {
        while (n_msec > 0) {
                struct pollfd fd = { .fd = conn->client.sock, .events = POLLRDHUP };
                int slice = n_msec < WAIT_SLICE_MS ? (int)n_msec : WAIT_SLICE_MS;

                if (!STOP_FLAG_IS_ZERO(&conn->phys_ctx->stop_flag) || poll(&fd, 1, slice) != 0)
                        return false;
                n_msec -= slice;
        }
        return true;
}

void http_close(struct mg_connection *conn) {
        conn->must_close = 1;
}

void http_reset(struct mg_connection *conn) {
        struct linger linger = { .l_onoff = 1 };

        setsockopt(conn->client.sock, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        close(conn->client.sock);
        conn->client.sock = INVALID_SOCKET;
        conn->must_close = 1;
}

/* What a refused client still sends is read: else a reset of the connection could overtake the answer. */
static void drain(struct mg_connection *conn) {
        char scratch[4096];
        size_t n_drained = 0;
        int n;

        do {
                n = mg_read(conn, scratch, sizeof(scratch));
                n_drained += n > 0 ? (size_t)n : 0;
        } while (n > 0 && n_drained < DRAIN_MAX);
        http_close(conn);
}

static int read_body(struct mg_connection *conn, struct call *call) {
        const char *expect = mg_get_header(conn, "Expect");

        if (conn->content_len == 0 && !conn->is_chunked)
                return 0;
        if (expect && strcasecmp(expect, "100-continue") == 0)
                http_send(conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);

        call->body = malloc(BODY_MAX + 2);
        if (!call->body)
                return problem_set(&call->problem, PROBLEM_FAILURE, "out of memory");

        while (call->n_body <= BODY_MAX) {
                int n = mg_read(conn, call->body + call->n_body, BODY_MAX + 1 - call->n_body);

                if (n <= 0)
                        break;
                call->n_body += (size_t)n;
        }
        if (call->n_body > BODY_MAX) {
                drain(conn);
                return problem_set(&call->problem, PROBLEM_TOO_LARGE, "the body is larger than %d bytes",
                                   BODY_MAX);
        }

        call->body[call->n_body] = '\0';
        /* civetweb counts the framing of chunks as content; 3 and above mean that the last one was read. */
        if (conn->is_chunked ? conn->is_chunked < 3 : conn->content_len > (int64_t)call->n_body) {
                http_close(conn);
                return problem_set(&call->problem, PROBLEM_BAD_REQUEST, "the body ended early");
        }
        return 0;
}

/* Headers and body leave in one write: two would wait for each other's acknowledgement. */
static void send_answer(struct mg_connection *conn, const struct call *call, bool with_body) {
        size_t n_body = call->status == 204 ? 0 : call->out.n_text;
        _cleanup_(freep) char *answer = malloc(1024 + n_body);
        int n;

        if (!answer) {
                http_close(conn);
                return;
        }

        n = snprintf(answer, 1024, "HTTP/1.1 %d %s\r\nCache-Control: no-store\r\nConnection: %s\r\n",
                     call->status, mg_get_response_code_text(conn, call->status),
                     suggest_connection_header(conn));
        if (call->status != 204)
                n += snprintf(answer + n, 1024 - (size_t)n,
                              "Content-Type: application/json\r\nContent-Length: %zu\r\n", n_body);
        if (call->location[0])
                n += snprintf(answer + n, 1024 - (size_t)n, "Location: %s\r\n", call->location);
        if (call->status == 405)
                n += snprintf(answer + n, 1024 - (size_t)n, "Allow: %s\r\n", call->allow);
        n += snprintf(answer + n, 1024 - (size_t)n, "\r\n");

        if (with_body && n_body)
                memcpy(answer + n, call->out.text, n_body);
        http_send(conn, answer, (size_t)n + (with_body ? n_body : 0));
}

static const char *header_of(void *user, const char *name) {
        return mg_get_header(user, name);
}

/* Its body is not read before the handler wants it. */
static bool is_upload(const struct call *call) {
        return equal(call->method, "POST") && strstr(call->path, "/bulk-data/");
}

static int io_read(void *user, void *buffer, size_t n) {
        struct mg_connection *conn = user;
        int got = mg_read(conn, buffer, n);

        if (got > 0)
                return got;
        /* civetweb counts the framing of chunks as content; 3 and above mean that the last one was read. */
        if (got == 0 && (conn->is_chunked ? conn->is_chunked >= 3 : conn->consumed_content >= conn->content_len))
                return 0;
        http_close(conn);
        return -1;
}

static bool io_write(void *user, const void *data, size_t n) {
        if (http_send(user, data, n))
                return true;
        http_close(user);
        return false;
}

static void answer_call(struct mg_connection *conn, struct call *call, bool with_body) {
        bool hidden = strncmp(call->path, "/x-demo/", 8) == 0; /* tests talking to us, not to the ECUs */

        if (!is_upload(call) && read_body(conn, call))
                call_refuse(call);
        else if (hidden)
                router_handle(call);
        else
                switch (inject_run(call->server->inject, conn, call)) {
                case INJECT_ANSWERED:
                        return;
                case INJECT_REFUSED:
                        break;
                case INJECT_PASS:
                        router_handle(call);
                        break;
                }
        if (is_upload(call) && call->status >= 400)
                drain(conn);
        if (call->is_stream && with_body)
                subscriptions_stream(call, conn);
        else if (!call->answered)
                send_answer(conn, call, with_body);
}

static int begin_request(struct mg_connection *conn) {
        const struct http *http = conn->phys_ctx->user_data;
        const struct mg_request_info *info = &conn->request_info;
        const char *type = mg_get_header(conn, "Content-Type");
        const char *credentials = mg_get_header(conn, "Authorization");
        const struct call_io io = { conn, header_of, io_read, io_write };
        bool head = strcmp(info->request_method, "HEAD") == 0, counted;
        struct call call = {
                .server = http->server,
                .method = head ? "GET" : info->request_method,
                .path = info->local_uri_raw,
                .query = info->query_string ? info->query_string : "",
                .content_type = type ? type : "",
                .client = credentials ? credentials : info->remote_addr,
                .io = &io,
                .head = head,
        };

        counted = strncmp(call.path, "/x-demo/", 8) != 0;
        if (counted)
                stats_begin(http->server->stats, info->request_method, call.path, header_of, conn);
        answer_call(conn, &call, !head);
        if (counted)
                stats_end(http->server->stats);

        call_clear(&call);
        return 1;
}

static int log_message(const struct mg_connection *conn, const char *message) {
        struct http *http = conn->phys_ctx->user_data;

        if (http && !http->context && !http->error[0])
                copy_text(http->error, sizeof(http->error), message);
        return 1;
}

int http_new(struct http **ret, struct server *server, const char *host, unsigned int port, char *error,
             size_t n_error) {
        const struct mg_callbacks callbacks = { .begin_request = begin_request, .log_message = log_message };
        char address[300];
        const char *options[2 * N_ELEMENTS(settings) + 3] = { "listening_ports", address };
        struct http *http;

        http = calloc(1, sizeof(*http));
        if (!http)
                return -ENOMEM;
        http->server = server;

        snprintf(address, sizeof(address), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
        for (size_t i = 0; i < N_ELEMENTS(settings); ++i) {
                options[2 * i + 2] = settings[i].name;
                options[2 * i + 3] = settings[i].value;
        }
        mg_init_library(0);
        http->context = mg_start(&callbacks, http, options);
        if (!http->context) {
                copy_text(error, n_error, http->error);
                http_free(http);
                return -EADDRNOTAVAIL;
        }

        *ret = http;
        return 0;
}

unsigned int http_port(const struct http *http) {
        struct mg_server_port ports[2] = { 0 };

        mg_get_server_ports(http->context, N_ELEMENTS(ports), ports);
        return (unsigned int)ports[0].port;
}

struct http *http_free(struct http *http) {
        if (!http)
                return NULL;

        if (http->context) {
                /* Wakes the accepting thread, which else looks for the end only every half second. */
                shutdown(http->context->listening_sockets[0].sock, SHUT_RDWR);
                mg_stop(http->context);
        }
        mg_exit_library();
        free(http);
        return NULL;
}

#ifdef __SANITIZE_THREAD__
/*
 * civetweb tells its threads to end by a volatile int, which orders nothing: the sanitizer sees races
 * wherever the stopping thread and the accepting one touch the same context. Nothing of ours runs any
 * more then.
 */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void) {
        return "race:mg_stop\nrace:close_all_listening_sockets\n";
}
#endif
