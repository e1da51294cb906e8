/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/http_peers.h"
#include "sovd-core/base/error.h"
#include "sovd-rest/http_headers.h"
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

/* One open connection. There are hardly more than workers, so looking at all of them takes about a microsecond. */
struct peer {
        int fd;
        struct sovd_address client;
};

static struct {
        unsigned max;
        struct sovd_network *exempt;
        size_t n_exempt;
        char refusal[1024];
        uint64_t refused;      /* atomic */
        pthread_mutex_t mutex; /* leaf; all below */
        struct peer *open;
        size_t n, allocated;
} peers = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* --- life ----------------------------------------------------------------------------------------------- */

static size_t length(const char *const *list) {
        size_t n = 0;

        while (list && list[n])
                n++;
        return n;
}

static void read_list(const char *const *list) {
        for (size_t i = 0, n = length(list); i < n; i++)
                peers.n_exempt += sovd_network_read(&peers.exempt[peers.n_exempt], list[i]);
}

static void write_refusal(uint64_t keep_alive_usec) {
        static const struct sovd_http_header none[] = { { NULL, NULL } };
        char always[512] = "", body[256];

        (void)snprintf(body, sizeof(body),
                       "{\"error_code\":\"vendor-specific\",\"vendor_code\":\"overload\",\"message\":\"this "
                       "address has %u connections open already (limits.connections_per_address)\"}",
                       peers.max);
        (void)sovd_http_headers_write(always, sizeof(always), none, 0);
        (void)snprintf(peers.refusal, sizeof(peers.refusal),
                       "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                       "Cache-Control: no-store\r\nRetry-After: %llu\r\nContent-Length: %zu\r\n"
                       "Connection: close\r\n%s\r\n%s",
                       (unsigned long long)SOVD_MAX(keep_alive_usec / SOVD_USEC_PER_SEC, 1), strlen(body),
                       always, body);
}

int sovd_http_peers_start(const struct sovd_http_peers_options *options, uint64_t keep_alive_usec) {
        peers.exempt = calloc(length(options->exempt) + length(options->proxies) + 1, sizeof(*peers.exempt));
        if (!peers.exempt)
                return sovd_error_origin(-ENOMEM);

        peers.max = options->max;
        read_list(options->exempt);
        read_list(options->proxies);
        write_refusal(keep_alive_usec);
        return 0;
}

void sovd_http_peers_stop(void) {
        free(peers.exempt);
        free(peers.open);
        peers.exempt = NULL;
        peers.open = NULL;
        peers.n_exempt = peers.n = peers.allocated = 0;
}

/* --- counting ------------------------------------------------------------------------------------------- */

/* false: it has none, as on a Unix socket. */
static bool address_of(const struct sockaddr *from, struct sovd_address *ret) {
        *ret = (struct sovd_address){ .bytes = { [10] = 0xff, [11] = 0xff } };
        if (from->sa_family == AF_INET6)
                memcpy(ret->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
        else if (from->sa_family == AF_INET)
                memcpy(ret->bytes + 12, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
        else
                return false;
        return true;
}

static bool is_exempt(const struct sovd_address *address) {
        for (size_t i = 0; i < peers.n_exempt; i++)
                if (sovd_network_holds(&peers.exempt[i], address))
                        return true;
        return false;
}

static size_t count(const struct sovd_address *client) {
        size_t n = 0;

        for (size_t i = 0; i < peers.n; i++)
                n += memcmp(&peers.open[i].client, client, sizeof(*client)) == 0;
        return n;
}

/* What cannot be counted is refused. */
static bool keep(int fd, const struct sovd_address *client) {
        if (peers.n == peers.allocated) {
                size_t more = SOVD_MAX(2 * peers.allocated, (size_t)256);
                struct peer *open = reallocarray(peers.open, more, sizeof(*open));
                if (!open)
                        return false;
                peers.open = open;
                peers.allocated = more;
        }
        peers.open[peers.n++] = (struct peer){ fd, *client };
        return true;
}

static bool enter(int fd, const struct sockaddr *address) {
        struct sovd_address from;
        if (!address_of(address, &from) || is_exempt(&from))
                return true;

        const struct sovd_address client = sovd_address_client(&from);
        (void)pthread_mutex_lock(&peers.mutex);
        bool ok = count(&client) < peers.max && keep(fd, &client);
        (void)pthread_mutex_unlock(&peers.mutex);
        return ok;
}

void sovd_http_peers_leave(int fd) {
        (void)pthread_mutex_lock(&peers.mutex);
        for (size_t i = 0; i < peers.n; i++)
                if (peers.open[i].fd == fd) {
                        peers.open[i] = peers.open[--peers.n];
                        break;
                }
        (void)pthread_mutex_unlock(&peers.mutex);
}

/* Nobody waits for the client here: what does not fit into the socket is lost to it. */
static void turn_away(int fd, bool is_tls) {
        char unread[4096];

        if (!is_tls) {
                (void)send(fd, peers.refusal, strlen(peers.refusal), MSG_DONTWAIT | MSG_NOSIGNAL);
                (void)shutdown(fd, SHUT_WR);
                (void)recv(fd, unread, sizeof(unread), MSG_DONTWAIT);
        }
        (void)close(fd);
}

int sovd_http_peers_accept(int listener, struct sockaddr *address, socklen_t *size, bool is_tls) {
        int fd = accept(listener, address, size);

        if (fd < 0 || enter(fd, address))
                return fd;
        (void)__atomic_add_fetch(&peers.refused, 1, __ATOMIC_RELAXED);
        turn_away(fd, is_tls);
        return -1;
}

int sovd_http_peers_close(int fd) {
        sovd_http_peers_leave(fd);
        return close(fd);
}

uint64_t sovd_http_peers_refused(void) {
        return __atomic_load_n(&peers.refused, __ATOMIC_RELAXED);
}
