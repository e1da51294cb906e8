#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP server - all that the program knows of civetweb
 *
 * It listens (TCP over IPv4 and IPv6, Unix sockets, TLS), reads a head, refuses what sovd_head_check() refuses,
 * reads a body within a limit and a deadline, and sends an answer with one write. What the answer is decides one
 * handler. civetweb is compiled inside http_server.c, which gives what its interface lacks: the head as it came,
 * and one place through which every wait goes, so that a client that drips bytes meets a deadline that does not
 * move.
 */
#include "sovd-core/base/arena.h"
#include "sovd-core/base/json_writer.h"
#include "sovd-rest/head.h"
#include "sovd-rest/http_peers.h"

struct sovd_http_server;
struct sovd_peer_certificate;
struct sovd_tls;
struct sovd_tls_options;

struct sovd_http_server_options {
        const char *host;                 /* address to listen on; NULL = no TCP */
        unsigned port;                    /* 0 = a free one */
        const char *unix_socket;          /* path; NULL = none */
        unsigned unix_socket_mode;        /* who may connect */
        const struct sovd_tls_options *tls; /* TLS on the TCP port; NULL = none. Its strings must outlive the server */
        unsigned threads;                 /* connections served at once */
        size_t head_bytes, body_bytes;    /* limits */
        uint64_t head_timeout_usec, body_timeout_usec, keep_alive_usec;
        struct sovd_http_peers_options peers; /* how many connections an address may have */
        uint64_t hsts_sec;                /* how long browsers shall come over TLS only; 0 = not said */
};

struct sovd_http_header {
        const char *name, *value;
};

/* One request and its answer; lives on one worker thread until the handler returns. */
struct sovd_http_exchange {
        struct sovd_head head;            /* method NULL when not even the line could be read */
        struct sovd_head_info info;
        const char *path, *query;         /* as sent; query NULL = none */
        const char *remote;               /* address of the client, "" on a Unix socket */
        int64_t uid;                      /* of the user at the other end of a Unix socket, else -1 */
        bool is_tls;
        const struct sovd_peer_certificate *peer; /* what the client showed, verified; or NULL */
        int refused;                      /* enum sovd_error: the head is not acceptable, answer with this */
        const char *refused_why;
        uint64_t started_usec;            /* monotonic: the head was complete */

        struct sovd_arena *arena;         /* of the worker, empty */
        struct sovd_json_writer *writer;  /* of the worker, empty; the answer's body goes here */
        bool close;                       /* set: the connection ends with this answer */

        bool was_slow;                    /* the client missed a deadline */
        bool sent;
        size_t body_left;                 /* of the request: not read yet (chunked: 1 until its end) */
        uint64_t body_limit, body_taken;  /* of a body that is read in pieces */
        bool chunked_out;                 /* the pieces of the answer are chunks */
        void *connection;                 /* struct mg_connection */
        const struct sovd_http_header *more; /* headers that every answer to this request has (cors.h); or NULL */
};

typedef void (*sovd_http_handler)(struct sovd_http_exchange *x, void *data);

struct sovd_http_server_counters {
        unsigned workers, connections, requests; /* now */
        uint64_t connections_total, connections_refused;
};

/* Starts to listen and to serve. -EADDRINUSE, -EACCES, -EINVAL (bad address), -ENOKEY (certificate or key not
 * usable), … with the reason logged. */
int sovd_http_server_new(struct sovd_http_server **ret, const struct sovd_http_server_options *options,
                         sovd_http_handler handler, void *data);

/* Lets running requests end for at most grace_usec, refuses new ones meanwhile, then closes everything. */
struct sovd_http_server *sovd_http_server_free(struct sovd_http_server *server);
void sovd_http_server_drain(struct sovd_http_server *server, uint64_t grace_usec);
SOVD_DEFINE_CLEANUP(struct sovd_http_server *, sovd_http_server_free)

/* The TCP port that is listened on. */
unsigned sovd_http_server_port(const struct sovd_http_server *server);
void sovd_http_server_counters(const struct sovd_http_server *server, struct sovd_http_server_counters *ret);

/* Its TLS (http_tls.h), or NULL. */
struct sovd_tls *sovd_http_server_tls(const struct sovd_http_server *server);

/* Reads the request's body whole. Returns 0; SOVD_E_TOO_LARGE, SOVD_E_TIMEOUT, SOVD_E_BAD_REQUEST (broken
 * framing) with *reason; -ENOMEM. The body is in the arena, NUL-terminated. After an error x->close is set. */
int sovd_http_read_body(struct sovd_http_exchange *x, const char **ret, size_t *ret_len, const char **reason);

/* Lets the handler read the body in pieces, at most limit bytes of it. SOVD_E_TOO_LARGE with *reason. */
int sovd_http_body_begin(struct sovd_http_exchange *x, uint64_t limit, const char **reason);

/* The next piece: fills buf unless the body ends first. Errors as above; each piece has a deadline of its own. */
int sovd_http_body_read(struct sovd_http_exchange *x, void *buf, size_t size, uint64_t deadline_usec, size_t *ret_n,
                        const char **reason);

/* Sends the head of an answer whose body follows piece by piece; length SOVD_HTTP_UNKNOWN: it ends with
 * sovd_http_send_end(). */
#define SOVD_HTTP_UNKNOWN UINT64_MAX
void sovd_http_send_head(struct sovd_http_exchange *x, unsigned status, const struct sovd_http_header *headers,
                         uint64_t length);
/* false: the client does not take it within the body's deadline; the connection ends, and nothing more is sent. */
bool sovd_http_send_piece(struct sovd_http_exchange *x, const void *data, size_t n);
/* complete: all pieces were sent. Else the connection ends so that the client sees that some are missing. */
void sovd_http_send_end(struct sovd_http_exchange *x, bool complete);

/* Sends status, headers (ends with name == NULL; their values must be clean) and the writer's text with one
 * write. without_body: only the head goes out, Content-Length tells the size (HEAD, 304). */
void sovd_http_send(struct sovd_http_exchange *x, unsigned status, const struct sovd_http_header *headers,
                    bool without_body);

/* Sends a head without Content-Length and nothing else: what follows ends with the connection. false: the client is
 * gone. */
bool sovd_http_send_stream_head(struct sovd_http_exchange *x, unsigned status, const struct sovd_http_header *headers);

/* Takes the socket, and the TLS session on it (NULL = plain), out of the server after sovd_http_send_stream_head(): they are the
 * caller's, the socket does not block, and the worker is free as soon as the handler returns. */
struct ssl_st;
void sovd_http_detach(struct sovd_http_exchange *x, int *ret_fd, struct ssl_st **ret_ssl);

/* Parses and checks a head as the server does, in place; for tests and fuzzing. head->fields points into storage. */
int sovd_http_parse_head(char *buf, size_t len, struct sovd_head *head,
                         struct sovd_head_field storage[SOVD_HEAD_FIELDS_MAX + 1], struct sovd_head_info *info,
                         const char **reason);
