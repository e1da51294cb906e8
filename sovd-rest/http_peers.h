#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Peers - how many connections each address has open
 *
 * A connection holds a worker for as long as the deadlines of head, body and keep-alive allow. Nobody may hold them all, so
 * the connections of one address are counted from accept to close, handshakes of TLS included. What is refused never
 * reaches a worker. Descriptors are those of the process, and so is what is kept of them here. Thread-safe but for start
 * and stop.
 */
#include "sovd-core/base/network.h"
#include <sys/socket.h>

struct sovd_http_peers_options {
        unsigned max; /* connections of one address; of IPv6, of its first 64 bits */
        /* Whose are not limited: addresses and networks; each list ends with NULL, or is NULL. Other words in them mean
         * nothing here. */
        const char *const *exempt, *const *proxies;
};

/* Before anything is accepted. keep_alive_usec: when to try again, for who is refused. -ENOMEM. */
int sovd_http_peers_start(const struct sovd_http_peers_options *options, uint64_t keep_alive_usec);

/* After everything was closed. */
void sovd_http_peers_stop(void);

/* As accept() and close(). A connection that is one too many is answered with 503 (with nothing over TLS) and closed; then
 * accept fails, for this time. */
int sovd_http_peers_accept(int listener, struct sockaddr *address, socklen_t *size, bool is_tls);
int sovd_http_peers_close(int fd);

/* A descriptor is no connection of the server's any more. */
void sovd_http_peers_leave(int fd);

/* How many were refused. */
uint64_t sovd_http_peers_refused(void);
