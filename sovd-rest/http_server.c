/* SPDX-License-Identifier: Apache-2.0 */
/* The one file that knows civetweb (docs/decisions/0002). Its source is compiled here, so that the raw head, the
 * socket and the waiting are within reach. */
#include <poll.h>
#include <stdint.h>
#include "sovd-rest/http_peers.h"
#include <unistd.h>

/* Connections are counted where they begin and where they end, handshakes of TLS included. */
#define accept(fd, address, size) sovd_http_peers_accept(fd, address, size, listener->is_ssl)
#define close(fd)                 sovd_http_peers_close(fd)

static int bounded_poll(struct pollfd *fds, nfds_t n, int timeout_msec);
#define poll bounded_poll
/* The head scanner takes a tab for a control character; inside a field value it is legal (RFC 9110 5.5), and elsewhere refused by head.c. */
#include <ctype.h>
#include <openssl/ssl.h>
#undef isprint
#define isprint(c) ((unsigned)(c) - 0x20u < 0x5fu || (c) == '\t')
/* The end of the request line swallows any white space behind the CR or LF; only an LF may be there. The macro sees
 * which call it stands in by the text of its argument. */
#undef isspace
#define isspace(c) (__builtin_strcmp(#c, "(unsigned char)**ppw") == 0 ? (c) == '\n' : (isspace)(c))
/* Each handshake takes the context that is in force at its moment (http_tls.h). The one call in sslize() has its connection
 * at hand. */
struct mg_connection;
static SSL *new_session(struct mg_connection *conn);
#define SSL_new(fixed) new_session(conn)
/* sockaddr_to_string() ends the name of a Unix client one byte behind its buffer: the first of content_length, which is set later. Callers
 * with a buffer on the stack need an access list or an access log, and neither is ever configured here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Warray-bounds"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#endif
#include "civetweb.c"
#pragma GCC diagnostic pop
#undef poll
#undef SSL_new
#undef accept
#undef close
#undef isprint
#undef isspace
#undef snprintf
#undef vsnprintf
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef strdup

#include "sovd-auth/peer_certificate.h"
#include "sovd-auth/seen_token.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/log.h"
#include "sovd-rest/http_body.h"
#include "sovd-rest/http_headers.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/http_tls.h"
#include "sovd-rest/http_unix.h"

#if defined(__SANITIZE_THREAD__)
/* civetweb stops its threads by a plain volatile flag and closes listeners under their poll. Both are in its code,
 * not in ours, and end with the process. */
_public_ const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void) {
        return "race:mg_stop\nrace:close_all_listening_sockets\n";
}
#endif

#define HEAD_ROOM      1536 /* kept in front of a body for the head of the answer */
#define LINGER_USEC    (2 * SOVD_USEC_PER_SEC)
#define LINGER_SLOW_USEC (100 * SOVD_USEC_PER_MSEC) /* for a client that was too slow already */
#define KEPT_ANSWER    (64 * 1024) /* a worker keeps its buffer up to this size */

/* When the worker's present wait must be over; 0 = civetweb's own timeouts are enough. */
static _Thread_local uint64_t wait_until_usec;

/* Every wait of civetweb ends at wait_until_usec, however often it starts anew. A write that is late is made to
 * fail by closing the socket, since civetweb takes a timeout there as a reason to go on. */
static int bounded_poll(struct pollfd *fds, nfds_t n, int timeout_msec) {
        if (!wait_until_usec)
                return poll(fds, n, timeout_msec);

        uint64_t left_msec = (sovd_clock_left_usec(wait_until_usec) + 999) / 1000;
        if (left_msec)
                return poll(fds, n, timeout_msec < 0 ? (int)left_msec : (int)SOVD_MIN((uint64_t)timeout_msec, left_msec));
        if (fds[0].events & POLLOUT) {
                (void)shutdown(fds[0].fd, SHUT_RDWR);
                return poll(fds, n, 0);
        }
        errno = ETIMEDOUT;
        return -1;
}

struct worker {
        struct sovd_arena *arena;
        struct sovd_json_writer writer;
        struct sovd_head_field fields[SOVD_HEAD_FIELDS_MAX + 1];
        int n_served; /* requests of the present connection */
        struct sovd_peer_certificate *peer; /* of the present connection, or NULL */
        uint64_t tls_generation;            /* of the TLS that verified it */
        bool is_connected; /* not when the handshake of TLS failed: civetweb ends what it never began */
        time_t date_of;
        char date[40];
};

struct sovd_http_server {
        struct sovd_http_server_options options;
        sovd_http_handler handler;
        void *data;
        struct sovd_tls *tls; /* or NULL */
        SSL_CTX *no_tls; /* civetweb wants one; it can make no connection */
        struct sovd_http_unix unix_socket;
        struct mg_context *civetweb;
        unsigned port;
        bool draining;        /* atomic */
        unsigned n_requests;  /* atomic: between head and answer */
        unsigned n_connections; /* atomic */
        uint64_t n_connections_total; /* atomic */
};

static struct sovd_http_server *server_of(const struct mg_connection *conn) {
        return mg_get_user_data(mg_get_context(conn));
}

/* --- heads ---------------------------------------------------------------------------------------------- */

static void take_head(struct sovd_head *head, struct sovd_head_field *storage, char *buf, size_t len,
                      const struct mg_request_info *ri) {
        int n = SOVD_MIN(ri->num_headers, SOVD_HEAD_FIELDS_MAX + 1);

        for (int i = 0; i < n; i++)
                storage[i] = (struct sovd_head_field){ ri->http_headers[i].name, ri->http_headers[i].value };
        *head = (struct sovd_head){
                .buf = buf,
                .len = len,
                .method = ri->request_method,
                .uri = ri->request_uri,
                .version = ri->http_version,
                .fields = storage,
                .n_fields = (size_t)n,
        };
}

int sovd_http_parse_head(char *buf, size_t len, struct sovd_head *head,
                         struct sovd_head_field storage[SOVD_HEAD_FIELDS_MAX + 1], struct sovd_head_info *info,
                         const char **reason) {
        struct mg_request_info ri = { 0 };
        int n = parse_http_request(buf, (int)len, &ri);

        if (n <= 0) {
                *reason = "not a request head";
                return SOVD_E_BAD_REQUEST;
        }
        take_head(head, storage, buf, (size_t)n, &ri);
        return sovd_head_check(head, info, reason);
}

/* --- answers -------------------------------------------------------------------------------------------- */

static const char *date_of(struct worker *w) {
        time_t now = time(NULL);
        struct tm tm;

        if (now != w->date_of) {
                (void)gmtime_r(&now, &tm);
                (void)strftime(w->date, sizeof(w->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
                w->date_of = now;
        }
        return w->date;
}

/* The head; it is built behind the body's buffer end only when it does not fit in front. */
static int build_head(struct sovd_http_exchange *x, char *head, size_t size, unsigned status,
                      const struct sovd_http_header *headers, uint64_t body_len) {
        struct mg_connection *conn = x->connection;
        struct worker *w = mg_get_thread_pointer(conn);
        bool has_length = status != 204 && status != 304 && status >= 200;
        int n = snprintf(head, size, "HTTP/1.1 %u %s\r\nDate: %s\r\n", status,
                         mg_get_response_code_text(conn, (int)status), date_of(w));

        for (const struct sovd_http_header *h = headers; h->name && n > 0 && (size_t)n < size; h++)
                n += snprintf(head + n, size - (size_t)n, "%s: %s\r\n", h->name, h->value);
        for (const struct sovd_http_header *h = x->more; h && h->name && n > 0 && (size_t)n < size; h++)
                n += snprintf(head + n, size - (size_t)n, "%s: %s\r\n", h->name, h->value);
        if (n > 0 && (size_t)n < size) {
                int more = sovd_http_headers_write(head + n, size - (size_t)n, headers,
                                                   x->is_tls ? server_of(conn)->options.hsts_sec : 0);
                n = more < 0 ? more : n + more;
        }
        if (n > 0 && (size_t)n < size && x->chunked_out)
                n += snprintf(head + n, size - (size_t)n, "Transfer-Encoding: chunked\r\n");
        else if (n > 0 && (size_t)n < size && has_length && body_len != SOVD_HTTP_UNKNOWN)
                n += snprintf(head + n, size - (size_t)n, "Content-Length: %llu\r\n", (unsigned long long)body_len);
        if (n > 0 && (size_t)n < size)
                n += snprintf(head + n, size - (size_t)n, "%s\r\n", should_keep_alive(conn) ? "" : "Connection: close\r\n");
        return n > 0 && (size_t)n < size ? n : -1;
}

/* HTTP/1.0 clients that asked to stay must be told so. */
static bool is_old_keep_alive(const struct sovd_http_exchange *x) {
        return x->head.version && strcmp(x->head.version, "1.0") == 0 && should_keep_alive(x->connection);
}

/* A client that does not take its answer gets no further one: what it pipelined is not carried out. */
static void write_all(struct mg_connection *conn, const char *bytes, size_t n) {
        if (mg_write(conn, bytes, n) != (int)n)
                conn->must_close = 1;
}

void sovd_http_send(struct sovd_http_exchange *x, unsigned status, const struct sovd_http_header *headers,
                    bool without_body) {
        struct mg_connection *conn = x->connection;
        char head[4096];
        const char *body;
        size_t len;

        if (x->sent)
                return;
        x->sent = true;
        if (sovd_json_writer_finish(x->writer, &body, &len)) {
                conn->must_close = 1; /* dispatch answers 500 before it comes to this; nothing can be said now */
                return;
        }
        if (x->close || x->body_left || is_old_keep_alive(x))
                conn->must_close = 1;

        int n = build_head(x, head, sizeof(head), status, headers, len);
        if (n < 0) {
                conn->must_close = 1;
                return;
        }
        wait_until_usec = sovd_now_usec() + server_of(conn)->options.body_timeout_usec;
        if (without_body || !len) {
                write_all(conn, head, (size_t)n);
        } else if ((size_t)n <= HEAD_ROOM) {
                /* The writer kept this room free, so head and body leave in one write without a copy of the body. */
                char *start = x->writer->data + HEAD_ROOM - n;
                memcpy(start, head, (size_t)n);
                write_all(conn, start, (size_t)n + len);
        } else {
                write_all(conn, head, (size_t)n);
                write_all(conn, body, len);
        }
}

bool sovd_http_send_stream_head(struct sovd_http_exchange *x, unsigned status, const struct sovd_http_header *headers) {
        struct mg_connection *conn = x->connection;
        char head[4096];

        conn->must_close = 1;
        x->sent = true;
        int n = build_head(x, head, sizeof(head), status, headers, SOVD_HTTP_UNKNOWN);
        wait_until_usec = sovd_now_usec() + server_of(conn)->options.body_timeout_usec;
        return n > 0 && mg_write(conn, head, (size_t)n) == n;
}

/* civetweb closes a connection without socket and session like any other, only that nothing is left to close. */
void sovd_http_detach(struct sovd_http_exchange *x, int *ret_fd, SSL **ret_ssl) {
        struct mg_connection *conn = x->connection;

        *ret_fd = conn->client.sock;
        *ret_ssl = conn->ssl;
        sovd_http_peers_leave(*ret_fd); /* it holds no worker; streams have limits of their own */
        conn->client.sock = INVALID_SOCKET;
        conn->ssl = NULL;
        conn->must_close = 1;
        (void)set_non_blocking_mode(*ret_fd);
}

void sovd_http_send_head(struct sovd_http_exchange *x, unsigned status, const struct sovd_http_header *headers,
                         uint64_t length) {
        struct mg_connection *conn = x->connection;
        bool old = x->head.version && strcmp(x->head.version, "1.0") == 0;
        char head[4096];

        if (x->sent)
                return;
        x->sent = true;
        x->chunked_out = length == SOVD_HTTP_UNKNOWN && !old;
        if (x->close || x->body_left || old)
                conn->must_close = 1; /* for HTTP/1.0 the end of the connection is the end of the body */
        wait_until_usec = sovd_now_usec() + server_of(conn)->options.body_timeout_usec;
        int n = build_head(x, head, sizeof(head), status, headers, length);
        if (n < 0)
                conn->must_close = 1;
        else
                write_all(conn, head, (size_t)n);
}

bool sovd_http_send_piece(struct sovd_http_exchange *x, const void *data, size_t n) {
        struct mg_connection *conn = x->connection;

        wait_until_usec = sovd_now_usec() + server_of(conn)->options.body_timeout_usec;
        bool taken = x->chunked_out ? mg_send_chunk(conn, data, (unsigned)n) > 0 : mg_write(conn, data, n) == (int)n;
        if (!taken)
                conn->must_close = 1;
        return taken;
}

void sovd_http_send_end(struct sovd_http_exchange *x, bool complete) {
        struct mg_connection *conn = x->connection;

        if (!complete)
                conn->must_close = 1;
        else if (x->chunked_out)
                write_all(conn, "0\r\n\r\n", 5);
}

/* The client may still be sending what nobody will read. Closing now would reset the connection and take the
 * answer with it, so a bounded rest is read first (RFC 9112 9.6). */
static void linger(struct sovd_http_exchange *x) {
        struct mg_connection *conn = x->connection;
        char rest[4096];
        size_t total = 0;

        (void)shutdown(conn->client.sock, SHUT_WR);
        wait_until_usec = sovd_now_usec() + (x->was_slow ? LINGER_SLOW_USEC : LINGER_USEC);
        while (total < 16 * (size_t)1024 * 1024) {
                int n = pull_inner(NULL, conn, rest, sizeof(rest), (double)LINGER_USEC / SOVD_USEC_PER_SEC);
                if (n <= 0)
                        break;
                total += (size_t)n;
        }
}

/* --- for http_body.c ------------------------------------------------------------------------------------ */

const struct sovd_http_server_options *sovd_http_options_of(const struct sovd_http_exchange *x) {
        return &server_of(x->connection)->options;
}

void sovd_http_wait_until(uint64_t usec) {
        wait_until_usec = usec;
}

bool sovd_http_wait_is_over(void) {
        return !sovd_clock_left_usec(wait_until_usec);
}

int sovd_http_pull(struct sovd_http_exchange *x, void *buf, size_t n) {
        return mg_read(x->connection, buf, n);
}

void sovd_http_continue(struct sovd_http_exchange *x) {
        (void)mg_write(x->connection, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* --- one request ---------------------------------------------------------------------------------------- */

/* Who connected, as the kernel says; -1 on TCP. */
static int64_t peer_uid(const struct mg_connection *conn) {
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (conn->client.lsa.sa.sa_family != AF_UNIX ||
            getsockopt(conn->client.sock, SOL_SOCKET, SO_PEERCRED, &peer, &size))
                return -1;
        return (int64_t)peer.uid;
}

static void exchange_init(struct sovd_http_exchange *x, struct mg_connection *conn) {
        struct worker *w = mg_get_thread_pointer(conn);

        *x = (struct sovd_http_exchange){
                .remote = conn->client.lsa.sa.sa_family == AF_UNIX ? "" : conn->request_info.remote_addr,
                .uid = peer_uid(conn),
                .is_tls = conn->ssl != NULL,
                .peer = w->peer,
                .started_usec = sovd_now_usec(),
                .arena = w->arena,
                .writer = &w->writer,
                .connection = conn,
        };
}

static void refuse(struct sovd_http_exchange *x, int error, const char *reason) {
        x->refused = error;
        x->refused_why = reason;
        x->was_slow = error == SOVD_E_TIMEOUT;
        x->close = true;
}

static void serve(struct sovd_http_server *server, struct sovd_http_exchange *x) {
        struct mg_connection *conn = x->connection;
        struct worker *w = mg_get_thread_pointer(conn);

        w->n_served++;
        server->handler(x, server->data);
        if (!x->sent)
                conn->must_close = 1;
        if (x->body_left && x->sent)
                linger(x);

        wait_until_usec = 0;
        sovd_arena_reset(w->arena);
        if (w->writer.size > KEPT_ANSWER) {
                sovd_json_writer_done(&w->writer);
                sovd_json_writer_init(&w->writer, HEAD_ROOM, 0);
        }
        sovd_json_writer_reset(&w->writer);
}

static int begin_request(struct mg_connection *conn) {
        struct sovd_http_server *server = server_of(conn);
        struct worker *w = mg_get_thread_pointer(conn);
        struct sovd_http_exchange x;
        const char *reason = NULL;

        if (!server || !w) {
                conn->must_close = 1; /* no memory when the worker began */
                return 503;
        }
        (void)__atomic_add_fetch(&server->n_requests, 1, __ATOMIC_ACQ_REL);
        exchange_init(&x, conn);
        /* civetweb has cut the query off with a NUL where '?' stood; the check needs the line whole. */
        char *query = (char *)(uintptr_t)conn->request_info.query_string;
        if (query)
                query[-1] = '?';
        take_head(&x.head, w->fields, conn->buf, (size_t)conn->request_len, &conn->request_info);
        int r = sovd_head_check(&x.head, &x.info, &reason);
        if (query)
                query[-1] = '\0';
        x.path = conn->request_info.local_uri_raw; /* of an absolute target: what follows the authority */
        x.query = query;
        x.body_left = x.info.has_body;
        if (r)
                refuse(&x, r, reason);
        else if (server->tls && x.peer && !sovd_tls_trusts(server->tls, conn->ssl, &w->tls_generation))
                refuse(&x, SOVD_E_UNAUTHORIZED, "the client certificate of this connection is not accepted any more");
        else if (__atomic_load_n(&server->draining, __ATOMIC_ACQUIRE))
                refuse(&x, SOVD_E_OVERLOAD, "the server is stopping");
        serve(server, &x);
        (void)__atomic_sub_fetch(&server->n_requests, 1, __ATOMIC_ACQ_REL);
        return 200;
}

/* What civetweb refuses by itself comes here; the answer has the same shape as every other. */
static int http_error(struct mg_connection *conn, int status, const char *message) {
        struct sovd_http_server *server = server_of(conn);
        struct sovd_http_exchange x;
        (void)message;

        if (!mg_get_thread_pointer(conn)) {
                conn->must_close = 1;
                return 0;
        }
        exchange_init(&x, conn);
        x.body_left = 1;
        bool incomplete = conn->request_len <= 0 && get_http_header_len(conn->buf, conn->data_len) == 0;
        if (status == 505)
                refuse(&x, SOVD_E_HTTP_VERSION, "only HTTP/1.0 and HTTP/1.1 are spoken");
        else if (incomplete && conn->data_len < conn->buf_size)
                refuse(&x, SOVD_E_TIMEOUT, "the head of the request did not arrive in time");
        else if (incomplete && !memchr(conn->buf, '\n', (size_t)conn->data_len))
                refuse(&x, SOVD_E_URI_TOO_LONG, "the request line is over the limit");
        else if (incomplete)
                refuse(&x, SOVD_E_HEAD_TOO_LARGE, "the header fields are over the limit");
        else
                refuse(&x, SOVD_E_BAD_REQUEST, "the head of the request is malformed");
        serve(server, &x);
        conn->must_close = 1;
        return 0;
}

/* --- life ----------------------------------------------------------------------------------------------- */

static void *init_thread(const struct mg_context *ctx, int type) {
        (void)ctx;
        if (type != 1)
                return NULL;

        struct worker *w = calloc(1, sizeof(*w));
        if (!w || sovd_arena_new(&w->arena, 4096)) {
                free(w);
                return NULL;
        }
        sovd_json_writer_init(&w->writer, HEAD_ROOM, 0);
        return w;
}

static void exit_thread(const struct mg_context *ctx, int type, void *data) {
        struct worker *w = data;
        (void)ctx;
        (void)type;

        if (!w)
                return;
        sovd_arena_free(w->arena);
        sovd_json_writer_done(&w->writer);
        sovd_peer_certificate_free(w->peer);
        free(w);
}

static int connection_opened(const struct mg_connection *conn, void **data) {
        struct sovd_http_server *server = server_of(conn);
        struct worker *w = mg_get_thread_pointer(conn);
        (void)data;

        if (!w)
                return 0;
        w->n_served = 0;
        w->is_connected = true;
        w->peer = sovd_peer_certificate_free(w->peer);
        if (conn->ssl)
                w->peer = sovd_tls_peer(conn->ssl);
        (void)__atomic_add_fetch(&server->n_connections, 1, __ATOMIC_RELAXED);
        (void)__atomic_add_fetch(&server->n_connections_total, 1, __ATOMIC_RELAXED);
        return 0;
}

/* "*" and an absolute target for another authority reach no callback: civetweb only closes. Nobody but this
 * worker uses the connection, and its socket is still open. */
static void answer_unserved(struct mg_connection *conn) {
        struct sovd_http_exchange x;

        exchange_init(&x, conn);
        x.body_left = 1;
        if (conn->request_info.request_uri && *conn->request_info.request_uri == '*')
                refuse(&x, SOVD_E_BAD_REQUEST, "the target * is not served");
        else
                refuse(&x, SOVD_E_MISDIRECTED, "the target names another server");
        serve(server_of(conn), &x);
}

static void connection_closing(const struct mg_connection *conn) {
        const struct worker *w = mg_get_thread_pointer(conn);

        if (w && conn->request_len > 0 && conn->handled_requests > w->n_served)
                answer_unserved((struct mg_connection *)(uintptr_t)conn);
}

static void connection_closed(const struct mg_connection *conn) {
        struct worker *w = mg_get_thread_pointer(conn);

        if (w && conn->client.is_ssl && !w->is_connected)
                sovd_tls_count_failed(server_of(conn)->tls);
        if (!w || !w->is_connected)
                return;
        w->is_connected = false;
        sovd_seen_token_forget();
        w->peer = sovd_peer_certificate_free(w->peer);
        (void)__atomic_sub_fetch(&server_of(conn)->n_connections, 1, __ATOMIC_RELAXED);
}

static int log_message(const struct mg_connection *conn, const char *message) {
        (void)conn;
        sovd_log(SOVD_LOG_DEBUG, "http: %s", message);
        return 1;
}

static int give_tls(void **ret, void *data) {
        *ret = ((struct sovd_http_server *)data)->no_tls;
        return *ret ? 1 : -1;
}

static SSL *new_session(struct mg_connection *conn) {
        struct sovd_http_server *server = server_of(conn);
        struct worker *w = mg_get_thread_pointer(conn);

        return w ? sovd_tls_session(server->tls, &w->tls_generation) : NULL;
}

static int start(struct sovd_http_server *server) {
        const struct sovd_http_server_options *o = &server->options;
        char spec[256], threads[16], head[16], head_timeout[24], keep_alive[24];
        const struct mg_callbacks callbacks = {
                .begin_request = begin_request,
                .http_error = http_error,
                .init_thread = init_thread,
                .exit_thread = exit_thread,
                .init_connection = connection_opened,
                .connection_close = connection_closing,
                .connection_closed = connection_closed,
                .log_message = log_message,
                .external_ssl_ctx = give_tls,
        };
        const char *options[] = { "listening_ports", spec, "num_threads", threads, "max_request_size", head,
                                  "request_timeout_ms", head_timeout, "keep_alive_timeout_ms", keep_alive,
                                  "enable_keep_alive", "yes", "tcp_nodelay", "1", "decode_url", "no",
                                  "decode_query_string", "no", "enable_auth_domain_check", "no",
                                  "access_control_allow_methods", "", "listen_backlog", "1024", NULL };

        int r = sovd_http_unix_listen_spec(&server->unix_socket, o->host, o->port, server->tls, o->unix_socket, spec,
                                           sizeof(spec));
        if (r)
                return r;
        (void)snprintf(threads, sizeof(threads), "%u", o->threads);
        (void)snprintf(head, sizeof(head), "%zu", o->head_bytes);
        (void)snprintf(head_timeout, sizeof(head_timeout), "%llu", (unsigned long long)o->head_timeout_usec / 1000);
        (void)snprintf(keep_alive, sizeof(keep_alive), "%llu", (unsigned long long)o->keep_alive_usec / 1000);

        errno = 0;
        server->civetweb = mg_start(&callbacks, server, options);
        if (!server->civetweb)
                return -(errno ? errno : EINVAL);
        return o->unix_socket ? sovd_http_unix_publish(&server->unix_socket, o->unix_socket_mode) : 0;
}

static unsigned find_port(const struct sovd_http_server *server) {
        struct mg_server_port ports[4];
        int n = mg_get_server_ports(server->civetweb, 4, ports);

        for (int i = 0; i < n; i++)
                if (ports[i].port > 0)
                        return (unsigned)ports[i].port;
        return 0;
}

int sovd_http_server_new(struct sovd_http_server **ret, const struct sovd_http_server_options *options,
                         sovd_http_handler handler, void *data) {
        _cleanup_(sovd_http_server_freep) struct sovd_http_server *server = calloc(1, sizeof(*server));
        if (!server)
                return sovd_error_origin(-ENOMEM);

        server->unix_socket.folder = -1;
        server->options = *options;
        server->handler = handler;
        server->data = data;
        if (mg_init_library(MG_FEATURES_TLS) != MG_FEATURES_TLS)
                return sovd_error_origin(-ENOTSUP);
        if (options->tls) {
                int r = sovd_tls_new(&server->tls, options->tls);
                server->options.tls = NULL; /* the caller's; the TLS has a copy */
                if (r)
                        return r;
                server->no_tls = SSL_CTX_new(TLS_server_method());
                if (!server->no_tls)
                        return sovd_error_origin(-ENOMEM);
        }

        int r = sovd_http_peers_start(&options->peers, options->keep_alive_usec);
        if (r)
                return r;
        r = start(server);
        if (r) {
                sovd_log(SOVD_LOG_ERROR, "cannot listen on %s port %u%s%s: %s", options->host ? options->host : "-",
                         options->port, options->unix_socket ? " and " : "",
                         options->unix_socket ? options->unix_socket : "", strerror(-r));
                return r;
        }
        server->port = find_port(server);

        *ret = SOVD_TAKE(server);
        return 0;
}

void sovd_http_server_drain(struct sovd_http_server *server, uint64_t grace_usec) {
        uint64_t until = sovd_now_usec() + grace_usec;

        __atomic_store_n(&server->draining, true, __ATOMIC_RELEASE);
        while (__atomic_load_n(&server->n_requests, __ATOMIC_ACQUIRE) && sovd_clock_left_usec(until))
                (void)poll(NULL, 0, 5);
}

struct sovd_http_server *sovd_http_server_free(struct sovd_http_server *server) {
        if (!server)
                return NULL;

        if (server->civetweb)
                mg_stop(server->civetweb);
        sovd_http_peers_stop();
        sovd_http_unix_done(&server->unix_socket);
        sovd_tls_free(server->tls);
        SSL_CTX_free(server->no_tls);
        free(server);
        return NULL;
}

struct sovd_tls *sovd_http_server_tls(const struct sovd_http_server *server) {
        return server->tls;
}

unsigned sovd_http_server_port(const struct sovd_http_server *server) {
        return server->port;
}

void sovd_http_server_counters(const struct sovd_http_server *server, struct sovd_http_server_counters *ret) {
        *ret = (struct sovd_http_server_counters){
                .workers = server->options.threads,
                .connections = __atomic_load_n(&server->n_connections, __ATOMIC_RELAXED),
                .requests = __atomic_load_n(&server->n_requests, __ATOMIC_RELAXED),
                .connections_total = __atomic_load_n(&server->n_connections_total, __ATOMIC_RELAXED),
                .connections_refused = sovd_http_peers_refused(),
        };
}
