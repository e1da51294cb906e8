#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP - the listener, and the few things an injected failure does to a connection
 */
#include "demo-ecu/util.h"

struct http;
struct server;
struct mg_connection;

/* On failure the reason is in error. The server must outlive the listener. */
int http_new(struct http **ret, struct server *server, const char *host, unsigned int port, char *error,
             size_t n_error);
unsigned int http_port(const struct http *http);

/* Sends all of it as it is; false if the client went away. */
bool http_send(struct mg_connection *conn, const void *data, size_t n_data);

/* Waits; false if the client closed or the program is about to stop before the time is over. */
bool http_wait(struct mg_connection *conn, long long n_msec);

/* After what was sent the connection ends: with FIN, or at once with RST. */
void http_close(struct mg_connection *conn);
void http_reset(struct mg_connection *conn);

struct http *http_free(struct http *http);
