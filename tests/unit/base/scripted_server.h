#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scripted server - a TCP server for tests whose answers are bytes that the test chooses
 *
 * It knows just enough HTTP to find the end of a request. Every connection has a thread; a script answers its
 * requests one by one and may break every rule. It counts what a client cannot see: connections and requests.
 * All waiting is bounded by 10 s; stopping ends every connection.
 */
#include "sovd-core/base/util.h"
#include <pthread.h>

struct server;

/* One request as it came. n counts all requests to the server from 1. */
struct server_request {
        struct server *server;
        int fd;
        bool counted; /* it is one of the requests at once: until the first byte of its answer */
        unsigned n;
        const char *text; /* head and body, NUL-terminated */
        const char *body; /* in text */
};

/* Answers; true: reads the next request from this connection; false: closes it. */
typedef bool (*server_script)(struct server_request *request);

/* On a free port of 127.0.0.1, or at a Unix socket's path. Aborts the process when there is none. */
struct server *server_start(server_script script, const char *unix_path);
struct server *server_stop(struct server *server);
SOVD_DEFINE_CLEANUP(struct server *, server_stop)
const char *server_url(const struct server *server);

/* For scripts. */
void server_send(struct server_request *request, const char *text);
void server_send_bytes(struct server_request *request, const char *bytes, size_t n);
void server_reset(struct server_request *request); /* the connection ends with RST; then return false */

/* Until the client closes its side: "hang". */
void server_wait_for_close(struct server_request *request);

/* A gate that is shut at first: scripts wait at it, the test opens it. */
void server_wait_at_gate(struct server *server);
void server_open_gate(struct server *server);

/* Says to the test that the script has come so far. */
void server_mark(struct server *server);

/* For the test: waits until so many requests came, connections were closed by the server, or marks were made;
 * false after 10 s. */
bool server_await_requests(struct server *server, unsigned n);
bool server_await_closed(struct server *server, unsigned n);
bool server_await_marks(struct server *server, unsigned n);

unsigned server_n_connections(struct server *server);
unsigned server_n_requests(struct server *server);
unsigned server_max_at_once(struct server *server); /* most requests between arrival and answer */
