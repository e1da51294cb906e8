/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/streamer.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-rest/http_tls.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST          16          /* events for one client before the others have their turn */
#define UNASKED_MAX    (16 * 1024) /* bytes that a client may send on a stream before it is dropped */
#define SEND_BUFFER    (32 * 1024) /* of the kernel, per stream */
#define SWEEP_MAX_USEC SOVD_USEC_PER_SEC

static const char heartbeat[] = ": keepalive\n\n";

struct sovd_streamer_place {
        struct sovd_streamer *streamer;
        struct sovd_stream_reader *reader;
        struct sovd_streamer_place *next_reserved, **link_reserved; /* sovd_streamer::mutex */
        struct sovd_streamer_place *next_ready;
        bool queued; /* atomic: it is among the ready ones */

        /* Of the thread. */
        struct sovd_streamer_place *next, **link; /* link NULL: not taken up yet */
        int fd;
        SSL *ssl;                 /* or NULL */
        uint64_t tls_generation;  /* of the TLS that verified its client; 0 = look again once */
        struct sovd_event *event; /* that `out` is in, or NULL */
        const char *out;
        size_t n_out;
        uint64_t sent_usec;    /* something was sent, or it began */
        uint64_t blocked_usec; /* since when the client takes nothing; 0 = it does */
        size_t n_unasked;
        struct sovd_stream_guard guard;
        bool closed; /* only still among the ready ones */
        char client[];
};

struct sovd_streamer {
        struct sovd_streamer_options options;
        char retry[32];
        int epoll, wake_up;
        pthread_t thread;
        bool running;
        struct sovd_streamer_place *ready;  /* atomic: a stack that any thread adds to */
        uint64_t stop_usec;                 /* atomic: stop by then; 0 = go on */
        struct sovd_tls *tls;               /* atomic; or NULL */
        struct sovd_streamer_place *places; /* of the thread */

        pthread_mutex_t mutex; /* the two below */
        struct sovd_streamer_place *reserved;
        bool refuse;

        size_t n_open; /* this and what follows: atomic */
        uint64_t n_opened, n_events, n_gaps, n_heartbeats, n_stalled, n_ended;
};

static void add(uint64_t *counter) {
        (void)__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

/* --- ready ones ----------------------------------------------------------------------------------------- */

static void interrupt(struct sovd_streamer *s) {
        (void)!write(s->wake_up, &(uint64_t){ 1 }, sizeof(uint64_t));
}

/* Without a lock: streams call this while they are locked. */
static void make_ready(void *data) {
        struct sovd_streamer_place *p = data, *first;

        if (__atomic_exchange_n(&p->queued, true, __ATOMIC_ACQ_REL))
                return;
        first = __atomic_load_n(&p->streamer->ready, __ATOMIC_RELAXED);
        do
                p->next_ready = first;
        while (!__atomic_compare_exchange_n(&p->streamer->ready, &first, p, true, __ATOMIC_RELEASE,
                                            __ATOMIC_RELAXED));
        if (!first)
                interrupt(p->streamer);
}

/* All of them, the one that came first in front. */
static struct sovd_streamer_place *take_ready(struct sovd_streamer *s) {
        struct sovd_streamer_place *p = __atomic_exchange_n(&s->ready, NULL, __ATOMIC_ACQUIRE), *list = NULL;

        while (p) {
                struct sovd_streamer_place *next = p->next_ready;
                p->next_ready = list;
                list = p;
                p = next;
        }
        return list;
}

/* --- places --------------------------------------------------------------------------------------------- */

static void place_free(struct sovd_streamer_place *p) {
        struct sovd_streamer *s = p->streamer;

        (void)pthread_mutex_lock(&s->mutex);
        *p->link_reserved = p->next_reserved;
        if (p->next_reserved)
                p->next_reserved->link_reserved = p->link_reserved;
        (void)pthread_mutex_unlock(&s->mutex);
        (void)__atomic_sub_fetch(&s->n_open, 1, __ATOMIC_RELAXED);
        if (p->guard.release)
                p->guard.release(p->guard.data);
        free(p);
}

/* Closing sends what the kernel holds, unless bytes of the client lie there unread: those would reset the connection. */
static void close_socket(struct sovd_streamer_place *p) {
        char rest[4096];

        if (p->ssl) {
                ERR_clear_error();
                (void)SSL_shutdown(p->ssl);
                ERR_clear_error();
                SSL_free(p->ssl);
        }
        (void)shutdown(p->fd, SHUT_WR);
        for (int i = 0; i < 16 && recv(p->fd, rest, sizeof(rest), MSG_DONTWAIT) > 0; i++)
                ; /* as much as a stream may be sent; a flood gets its reset */
        (void)close(p->fd);
}

static void close_place(struct sovd_streamer_place *p) {
        p->reader = sovd_stream_close(p->reader); /* nobody makes it ready from here on */
        p->event = sovd_event_unref(p->event);
        close_socket(p);
        if (p->link) {
                *p->link = p->next;
                if (p->next)
                        p->next->link = p->link;
        }
        p->closed = true;
        if (!__atomic_load_n(&p->queued, __ATOMIC_ACQUIRE))
                place_free(p);
}

/* --- sending -------------------------------------------------------------------------------------------- */

/* Bytes that were taken; 0: none now; negative: the client is gone. */
static ssize_t send_some(struct sovd_streamer_place *p) {
        if (!p->ssl) {
                ssize_t n = send(p->fd, p->out, p->n_out, MSG_NOSIGNAL | MSG_DONTWAIT);
                return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -1;
        }
        ERR_clear_error();
        int n = SSL_write(p->ssl, p->out, (int)SOVD_MIN(p->n_out, (size_t)16384));
        if (n > 0)
                return n;
        int error = SSL_get_error(p->ssl, n);
        ERR_clear_error();
        return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0 : -1;
}

static void watch(struct sovd_streamer_place *p, bool for_room, int operation) {
        struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP | (for_room ? EPOLLOUT : 0), .data.ptr = p };

        (void)epoll_ctl(p->streamer->epoll, operation, p->fd, &e);
}

static void set_blocked(struct sovd_streamer_place *p, uint64_t now) {
        if (!p->blocked_usec)
                watch(p, true, EPOLL_CTL_MOD);
        p->blocked_usec = now;
}

static void set_free(struct sovd_streamer_place *p) {
        if (p->blocked_usec)
                watch(p, false, EPOLL_CTL_MOD);
        p->blocked_usec = 0;
}

enum progress { ALL_SENT, STUCK, GONE };

static enum progress flush(struct sovd_streamer_place *p, uint64_t now) {
        bool some = false;

        while (p->n_out) {
                ssize_t n = send_some(p);
                if (n < 0)
                        return GONE;
                if (n == 0) {
                        if (some || !p->blocked_usec)
                                set_blocked(p, now);
                        return STUCK;
                }
                some = true;
                p->out += n;
                p->n_out -= (size_t)n;
                p->sent_usec = now;
        }
        p->event = sovd_event_unref(p->event);
        set_free(p);
        return ALL_SENT;
}

static void put(struct sovd_streamer_place *p, const char *text, size_t len) {
        p->out = text;
        p->n_out = len;
}

/* The next thing to send. false: there is none; *end: and there will be none. */
static bool fetch(struct sovd_streamer_place *p, bool *end) {
        enum sovd_stream_what what = sovd_stream_next(p->reader, &p->event);

        *end = what == SOVD_STREAM_END ||
               (what == SOVD_STREAM_NOTHING && __atomic_load_n(&p->streamer->stop_usec, __ATOMIC_RELAXED));
        if (what != SOVD_STREAM_EVENT && what != SOVD_STREAM_GAP)
                return false;
        add(what == SOVD_STREAM_GAP ? &p->streamer->n_gaps : &p->streamer->n_events);
        put(p, p->event->text + p->event->start, p->event->len);
        return true;
}

/* Sends what there is. The place may be gone afterwards. */
static void serve(struct sovd_streamer_place *p, uint64_t now) {
        bool end = false;

        for (int i = 0; i < BURST; i++) {
                enum progress progress = flush(p, now);
                if (progress == STUCK)
                        return;
                if (progress == GONE || (!fetch(p, &end) && end))
                        return close_place(p);
                if (!p->n_out)
                        return;
        }
        make_ready(p);
}

/* --- receiving ------------------------------------------------------------------------------------------ */

/* Nothing is expected; what comes is counted and thrown away. false: the client is gone, or sends too much. */
static bool receive(struct sovd_streamer_place *p) {
        char rest[2048];

        for (;;) {
                ERR_clear_error();
                ssize_t n = p->ssl ? SSL_read(p->ssl, rest, sizeof(rest))
                                   : recv(p->fd, rest, sizeof(rest), MSG_DONTWAIT);
                if (n <= 0 && p->ssl) {
                        int error = SSL_get_error(p->ssl, (int)n);
                        ERR_clear_error();
                        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
                }
                if (n <= 0)
                        return n < 0 && (errno == EAGAIN || errno == EINTR);
                p->n_unasked += (size_t)n;
                if (p->n_unasked > UNASKED_MAX)
                        return false;
        }
}

static void handle(struct sovd_streamer_place *p, uint32_t events, uint64_t now) {
        if ((events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) || ((events & EPOLLIN) && !receive(p)))
                close_place(p);
        else if (events & EPOLLOUT)
                serve(p, now);
}

/* --- the thread ----------------------------------------------------------------------------------------- */

static void take_up(struct sovd_streamer_place *p, uint64_t now) {
        struct sovd_streamer *s = p->streamer;

        p->next = s->places;
        p->link = &s->places;
        if (p->next)
                p->next->link = &p->next;
        s->places = p;
        p->sent_usec = now;
        put(p, s->retry, strlen(s->retry));
        watch(p, false, EPOLL_CTL_ADD);
}

static void serve_ready(struct sovd_streamer *s, uint64_t now) {
        struct sovd_streamer_place *p = take_ready(s);

        while (p) {
                struct sovd_streamer_place *next = p->next_ready;
                __atomic_store_n(&p->queued, false,
                                 __ATOMIC_RELEASE); /* before it reads: what comes later counts */
                if (p->closed) {
                        place_free(p);
                } else {
                        if (!p->link)
                                take_up(p, now);
                        serve(p, now);
                }
                p = next;
        }
}

/* Could its client still connect? Its certificate may have ended, or been revoked since. */
static bool is_trusted(const struct sovd_streamer *s, struct sovd_streamer_place *p) {
        struct sovd_tls *tls = __atomic_load_n(&s->tls, __ATOMIC_ACQUIRE);

        return !p->ssl || !tls || sovd_tls_trusts(tls, p->ssl, &p->tls_generation);
}

/* Silence, clients that take nothing, and those that are not let in any more. */
static void sweep(struct sovd_streamer *s, uint64_t now) {
        struct sovd_streamer_place *next;

        for (struct sovd_streamer_place *p = s->places; p; p = next) {
                next = p->next;
                if (!is_trusted(s, p) || (p->guard.holds && !p->guard.holds(p->guard.data))) {
                        add(&s->n_ended);
                        sovd_log(SOVD_LOG_INFO, "an event stream is closed: its client is not let in, or may not read it, any more");
                        close_place(p);
                } else if (p->blocked_usec && now - p->blocked_usec >= s->options.stall_usec) {
                        add(&s->n_stalled);
                        sovd_log(SOVD_LOG_INFO, "an event stream is closed: its client takes nothing");
                        close_place(p);
                } else if (!p->n_out && now - p->sent_usec >= s->options.heartbeat_usec) {
                        add(&s->n_heartbeats);
                        put(p, heartbeat, sizeof(heartbeat) - 1);
                        if (flush(p, now) == GONE)
                                close_place(p);
                }
        }
}

static uint64_t sweep_interval(const struct sovd_streamer *s) {
        uint64_t usec = SOVD_MIN(s->options.heartbeat_usec, s->options.stall_usec) / 4;

        return SOVD_MAX(SOVD_MIN(usec, SWEEP_MAX_USEC), SOVD_USEC_PER_MSEC);
}

static void wait_and_handle(struct sovd_streamer *s, uint64_t until_usec) {
        struct epoll_event events[64];
        uint64_t left = (sovd_clock_left_usec(until_usec) + 999) / 1000;
        bool idle = !s->places && !__atomic_load_n(&s->ready, __ATOMIC_ACQUIRE);
        int n = epoll_wait(s->epoll, events, SOVD_N_ELEMENTS(events), idle ? -1 : (int)left);
        uint64_t now = sovd_now_usec();

        for (int i = 0; i < n; i++) {
                if (events[i].data.ptr)
                        handle(events[i].data.ptr, events[i].events, now);
                else
                        (void)!read(s->wake_up, &(uint64_t){ 0 }, sizeof(uint64_t));
        }
        serve_ready(s, now);
}

/* What is queued goes out, as far as the clients take it in time. */
static void say_goodbye(struct sovd_streamer *s, uint64_t until_usec) {
        struct sovd_streamer_place *next;

        for (struct sovd_streamer_place *p = s->places; p; p = next) {
                next = p->next;
                serve(p, sovd_now_usec());
        }
        while (s->places && sovd_clock_left_usec(until_usec))
                wait_and_handle(s, until_usec);
        while (s->places)
                close_place(s->places);
        serve_ready(s, sovd_now_usec());
}

static void *run(void *data) {
        struct sovd_streamer *s = data;
        uint64_t interval = sweep_interval(s), next_sweep = sovd_now_usec() + interval, stop;

        (void)pthread_setname_np(pthread_self(), "streamer");
        while (!(stop = __atomic_load_n(&s->stop_usec, __ATOMIC_ACQUIRE))) {
                wait_and_handle(s, next_sweep);
                if (sovd_clock_left_usec(next_sweep))
                        continue;
                next_sweep = sovd_now_usec() + interval;
                sweep(s, sovd_now_usec());
        }
        serve_ready(s, sovd_now_usec());
        say_goodbye(s, stop);
        return NULL;
}

void sovd_streamer_set_tls(struct sovd_streamer *s, struct sovd_tls *tls) {
        __atomic_store_n(&s->tls, tls, __ATOMIC_RELEASE);
}

/* --- the other threads ---------------------------------------------------------------------------------- */

/* With the mutex held. */
static const char *why_not(const struct sovd_streamer *s, const char *client) {
        size_t n = 0, n_client = 0;

        for (const struct sovd_streamer_place *p = s->reserved; p; p = p->next_reserved) {
                n++;
                n_client += strcmp(p->client, client) == 0;
        }
        if (s->refuse)
                return "the server is stopping";
        if (n >= s->options.streams_max)
                return "the limit of open event streams is reached (limits.streams)";
        return n_client >= s->options.per_client_max
                       ? "the limit of open event streams per client is reached (limits.streams_per_client)"
                       : NULL;
}

static bool enlist(struct sovd_streamer *s, struct sovd_streamer_place *p, const char **reason) {
        (void)pthread_mutex_lock(&s->mutex);
        *reason = why_not(s, p->client);
        if (!*reason) {
                p->next_reserved = s->reserved;
                p->link_reserved = &s->reserved;
                if (p->next_reserved)
                        p->next_reserved->link_reserved = &p->next_reserved;
                s->reserved = p;
        }
        (void)pthread_mutex_unlock(&s->mutex);
        return !*reason;
}

int sovd_streamer_reserve(struct sovd_streamer *s, struct sovd_streamer_place **ret, const char *client,
                          struct sovd_event_source *source, const char *last_event_id,
                          const struct sovd_stream_guard *guard, const char **reason) {
        struct sovd_streamer_place *p = calloc(1, sizeof(*p) + strlen(client) + 1);
        if (!p)
                return sovd_error_origin(-ENOMEM);

        p->streamer = s;
        p->fd = -1;
        memcpy(p->client, client, strlen(client) + 1);
        if (!enlist(s, p, reason)) {
                free(p);
                return SOVD_E_OVERLOAD;
        }
        (void)__atomic_add_fetch(&s->n_open, 1, __ATOMIC_RELAXED);
        int r = source->open(source, &p->reader, last_event_id, make_ready, p);
        if (r) {
                *reason = "the limit of readers of this stream is reached (events.readers)";
                place_free(p);
                return r;
        }
        p->guard = *guard;
        *ret = p;
        return 0;
}

void sovd_streamer_cancel(struct sovd_streamer_place *p) {
        sovd_stream_close(p->reader);
        place_free(p);
}

void sovd_streamer_start(struct sovd_streamer_place *p, int fd, SSL *ssl) {
        p->fd = fd;
        p->ssl = ssl;
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ SEND_BUFFER }, sizeof(int));
        /* A client whose machine is gone says nothing; heartbeats that nobody acknowledges tell. Not for Unix sockets. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                         &(unsigned){ (unsigned)(p->streamer->options.stall_usec / 500) }, sizeof(unsigned));
        if (ssl)
                (void)SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        add(&p->streamer->n_opened);
        make_ready(p);
}

static int start(struct sovd_streamer *s) {
        struct epoll_event e = { .events = EPOLLIN };

        s->epoll = epoll_create1(EPOLL_CLOEXEC);
        s->wake_up = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (s->epoll < 0 || s->wake_up < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->wake_up, &e))
                return sovd_error_origin(-errno);
        int r = pthread_create(&s->thread, NULL, run, s);
        if (r)
                return sovd_error_origin(-r);
        s->running = true;
        return 0;
}

int sovd_streamer_new(struct sovd_streamer **ret, const struct sovd_streamer_options *options) {
        _cleanup_(sovd_streamer_freep) struct sovd_streamer *s = calloc(1, sizeof(*s));
        if (!s)
                return sovd_error_origin(-ENOMEM);

        s->options = *options;
        s->epoll = s->wake_up = -1;
        (void)pthread_mutex_init(&s->mutex, NULL);
        (void)snprintf(s->retry, sizeof(s->retry), "retry: %u\n\n", options->retry_msec);
        int r = start(s);
        if (r)
                return r;

        *ret = SOVD_TAKE(s);
        return 0;
}

void sovd_streamer_stop(struct sovd_streamer *s, uint64_t grace_usec) {
        if (!s->running)
                return;
        (void)pthread_mutex_lock(&s->mutex);
        s->refuse = true;
        (void)pthread_mutex_unlock(&s->mutex);
        __atomic_store_n(&s->stop_usec, sovd_now_usec() + grace_usec, __ATOMIC_RELEASE);
        interrupt(s);
        (void)pthread_join(s->thread, NULL);
        s->running = false;
}

struct sovd_streamer *sovd_streamer_free(struct sovd_streamer *s) {
        if (!s)
                return NULL;

        sovd_streamer_stop(s, 0);
        for (struct sovd_streamer_place *p = take_ready(s), *next; p;
             p = next) { /* came behind the last turn */
                next = p->next_ready;
                __atomic_store_n(&p->queued, false, __ATOMIC_RELAXED);
                close_place(p);
        }
        if (s->epoll >= 0)
                (void)close(s->epoll);
        if (s->wake_up >= 0)
                (void)close(s->wake_up);
        (void)pthread_mutex_destroy(&s->mutex);
        free(s);
        return NULL;
}

void sovd_streamer_count(const struct sovd_streamer *s, struct sovd_streamer_counters *ret) {
        *ret = (struct sovd_streamer_counters){
                .open = __atomic_load_n(&s->n_open, __ATOMIC_RELAXED),
                .opened = __atomic_load_n(&s->n_opened, __ATOMIC_RELAXED),
                .events = __atomic_load_n(&s->n_events, __ATOMIC_RELAXED),
                .gaps = __atomic_load_n(&s->n_gaps, __ATOMIC_RELAXED),
                .heartbeats = __atomic_load_n(&s->n_heartbeats, __ATOMIC_RELAXED),
                .stalled = __atomic_load_n(&s->n_stalled, __ATOMIC_RELAXED),
                .ended = __atomic_load_n(&s->n_ended, __ATOMIC_RELAXED),
        };
}
