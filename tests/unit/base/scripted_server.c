/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/base/scripted_server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 256
#define MAX_REQUEST     ((size_t)4 * 1024 * 1024)

struct connection {
        struct server *server;
        pthread_t thread;
        int fd; /* -1: closed */
};

struct server {
        server_script script;
        int listen_fd;
        char url[64];
        pthread_t thread;
        pthread_mutex_t mutex; /* all below */
        pthread_cond_t changed;
        bool gate_is_open, stopping;
        unsigned n_connections, n_closed, n_requests, n_at_once, max_at_once, n_marks;
        struct connection connections[MAX_CONNECTIONS];
};

static void must(bool ok, const char *what) {
        if (ok)
                return;
        perror(what);
        abort();
}

static void request_begins(struct server_request *request) {
        struct server *s = request->server;

        request->counted = true;
        (void)pthread_mutex_lock(&s->mutex);
        request->n = ++s->n_requests;
        s->n_at_once++;
        s->max_at_once = SOVD_MAX(s->max_at_once, s->n_at_once);
        (void)pthread_cond_broadcast(&s->changed);
        (void)pthread_mutex_unlock(&s->mutex);
}

/* Before the answer goes out: else a quick client's next request could come while this one still counts. */
static void request_ends(struct server_request *request) {
        if (!request->counted)
                return;

        request->counted = false;
        (void)pthread_mutex_lock(&request->server->mutex);
        request->server->n_at_once--;
        (void)pthread_mutex_unlock(&request->server->mutex);
}

void server_send_bytes(struct server_request *request, const char *bytes, size_t n) {
        request_ends(request);
        while (n > 0) {
                ssize_t r = send(request->fd, bytes, n, MSG_NOSIGNAL);
                if (r <= 0)
                        return; /* the client has enough */
                bytes += r;
                n -= (size_t)r;
        }
}

void server_send(struct server_request *request, const char *text) {
        server_send_bytes(request, text, strlen(text));
}

void server_reset(struct server_request *request) {
        const struct linger linger = { .l_onoff = 1, .l_linger = 0 };

        (void)setsockopt(request->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

void server_wait_for_close(struct server_request *request) {
        char buf[256];

        while (recv(request->fd, buf, sizeof(buf), 0) > 0)
                ;
}

static bool await(struct server *s, const unsigned *counter, unsigned n) {
        struct timespec until;
        int r = 0;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 10;
        (void)pthread_mutex_lock(&s->mutex);
        while (*counter < n && r == 0)
                r = pthread_cond_timedwait(&s->changed, &s->mutex, &until);
        bool reached = *counter >= n;
        (void)pthread_mutex_unlock(&s->mutex);
        return reached;
}

bool server_await_requests(struct server *s, unsigned n) {
        return await(s, &s->n_requests, n);
}

bool server_await_closed(struct server *s, unsigned n) {
        return await(s, &s->n_closed, n);
}

void server_mark(struct server *s) {
        (void)pthread_mutex_lock(&s->mutex);
        s->n_marks++;
        (void)pthread_cond_broadcast(&s->changed);
        (void)pthread_mutex_unlock(&s->mutex);
}

bool server_await_marks(struct server *s, unsigned n) {
        return await(s, &s->n_marks, n);
}

void server_wait_at_gate(struct server *s) {
        struct timespec until;
        int r = 0;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 10;
        (void)pthread_mutex_lock(&s->mutex);
        while (!s->gate_is_open && !s->stopping && r == 0)
                r = pthread_cond_timedwait(&s->changed, &s->mutex, &until);
        (void)pthread_mutex_unlock(&s->mutex);
}

void server_open_gate(struct server *s) {
        (void)pthread_mutex_lock(&s->mutex);
        s->gate_is_open = true;
        (void)pthread_cond_broadcast(&s->changed);
        (void)pthread_mutex_unlock(&s->mutex);
}

static unsigned count(struct server *s, const unsigned *counter) {
        (void)pthread_mutex_lock(&s->mutex);
        unsigned n = *counter;
        (void)pthread_mutex_unlock(&s->mutex);
        return n;
}

unsigned server_n_connections(struct server *s) {
        return count(s, &s->n_connections);
}

unsigned server_n_requests(struct server *s) {
        return count(s, &s->n_requests);
}

unsigned server_max_at_once(struct server *s) {
        return count(s, &s->max_at_once);
}

/* How long the request at the buffer's begin is; 0 = not complete. */
static size_t request_length(const char *text, size_t len, const char **ret_body) {
        const char *end = memmem(text, len, "\r\n\r\n", 4);
        if (!end)
                return 0;

        const char *field = strcasestr(text, "\r\nContent-Length:");
        size_t body_len = field && field < end ? strtoul(field + 17, NULL, 10) : 0;
        *ret_body = end + 4;
        return (size_t)(end + 4 - text) + body_len <= len ? (size_t)(end + 4 - text) + body_len : 0;
}

/* Reads one request. The client never pipelines, so what was read is one request exactly. */
static bool read_request(int fd, char *text, const char **ret_body) {
        size_t len = 0;

        for (;;) {
                ssize_t r = recv(fd, text + len, MAX_REQUEST - 1 - len, 0);
                if (r <= 0)
                        return false;
                len += (size_t)r;
                text[len] = '\0';
                if (request_length(text, len, ret_body))
                        return true;
        }
}

static void connection_close(struct connection *c) {
        (void)pthread_mutex_lock(&c->server->mutex);
        (void)close(c->fd);
        c->fd = -1;
        c->server->n_closed++;
        (void)pthread_cond_broadcast(&c->server->changed);
        (void)pthread_mutex_unlock(&c->server->mutex);
}

static void *connection_thread(void *userdata) {
        struct connection *c = userdata;
        _cleanup_(sovd_freep) char *text = malloc(MAX_REQUEST);
        struct server_request request = { .server = c->server, .fd = c->fd, .text = text };
        bool more = text;

        while (more && read_request(c->fd, text, &request.body)) {
                request_begins(&request);
                more = c->server->script(&request);
                request_ends(&request);
        }
        connection_close(c);
        return NULL;
}

static void *accept_thread(void *userdata) {
        const struct timeval limit = { .tv_sec = 10 };
        struct server *s = userdata;
        int fd;

        while ((fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
                (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
                (void)pthread_mutex_lock(&s->mutex);
                must(s->n_connections < MAX_CONNECTIONS, "too many connections");
                struct connection *c = &s->connections[s->n_connections++];
                *c = (struct connection){ .server = s, .fd = fd };
                must(pthread_create(&c->thread, NULL, connection_thread, c) == 0, "pthread_create");
                (void)pthread_mutex_unlock(&s->mutex);
        }
        return NULL;
}

static void listen_on_tcp(struct server *s) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof(address);

        s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        must(bind(s->listen_fd, (const struct sockaddr *)&address, len) == 0, "bind");
        must(getsockname(s->listen_fd, (struct sockaddr *)&address, &len) == 0, "getsockname");
        (void)snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u", ntohs(address.sin_port));
}

static void listen_on_path(struct server *s, const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        (void)snprintf(s->url, sizeof(s->url), "http://localhost");
        s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        must(bind(s->listen_fd, (const struct sockaddr *)&address, sizeof(address)) == 0, "bind");
}

struct server *server_start(server_script script, const char *unix_path) {
        struct server *s = calloc(1, sizeof(*s));
        pthread_condattr_t attr;

        must(s, "calloc");
        s->script = script;
        (void)pthread_mutex_init(&s->mutex, NULL);
        (void)pthread_condattr_init(&attr);
        (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        (void)pthread_cond_init(&s->changed, &attr);
        (void)pthread_condattr_destroy(&attr);

        if (unix_path)
                listen_on_path(s, unix_path);
        else
                listen_on_tcp(s);
        must(listen(s->listen_fd, 64) == 0, "listen");
        must(pthread_create(&s->thread, NULL, accept_thread, s) == 0, "pthread_create");
        return s;
}

struct server *server_stop(struct server *s) {
        if (!s)
                return NULL;

        (void)shutdown(s->listen_fd, SHUT_RDWR);
        (void)pthread_join(s->thread, NULL);
        (void)close(s->listen_fd);

        (void)pthread_mutex_lock(&s->mutex);
        s->stopping = true;
        (void)pthread_cond_broadcast(&s->changed);
        for (unsigned i = 0; i < s->n_connections; i++)
                if (s->connections[i].fd >= 0)
                        (void)shutdown(s->connections[i].fd, SHUT_RDWR);
        (void)pthread_mutex_unlock(&s->mutex);

        for (unsigned i = 0; i < s->n_connections; i++)
                (void)pthread_join(s->connections[i].thread, NULL);
        (void)pthread_cond_destroy(&s->changed);
        (void)pthread_mutex_destroy(&s->mutex);
        free(s);
        return NULL;
}

const char *server_url(const struct server *s) {
        return s->url;
}
