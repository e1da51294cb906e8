/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that owns the sockets of all apps. */
#include "backends/native/peer.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/log.h"
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX  64
#define ACCEPT_USEC (100 * SOVD_USEC_PER_MSEC) /* until it is tried again when no descriptor was free */
#define IDLE_USEC   (60 * SOVD_USEC_PER_SEC)

bool native_is_stopping(struct native *b) {
        (void)pthread_mutex_lock(&b->mutex);
        bool stopping = b->stopping;
        (void)pthread_mutex_unlock(&b->mutex);
        return stopping;
}

static int watch(struct native *b, int fd, void *data) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = data };

        return epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static void watch_listener(struct native *b, bool on) {
        struct epoll_event event = { .events = on ? EPOLLIN : 0, .data.ptr = &b->listener };

        (void)epoll_ctl(b->epoll, EPOLL_CTL_MOD, b->listener.fd, &event);
}

/* --- connections ---------------------------------------------------------------------------------------- */

static void add_peer(struct native *b, int fd) {
        struct native_peer *p;

        if (native_peer_new(b, fd, &p)) {
                (void)close(fd);
                return;
        }
        p->events = EPOLLIN;
        p->next = b->peers;
        b->peers = p;
        b->n_peers++;
        if (watch(b, fd, p))
                p->dead = true;
        if (b->n_peers > (size_t)b->options.max_connections.value)
                native_peer_close(p, (struct sovd_int){ 0 }, "too-many",
                                  "there are max_connections connections already");
}

static void accept_peers(struct native *b) {
        /* Those that are told that they are too many still take a place until they have read it. */
        const size_t most = (size_t)b->options.max_connections.value * 2 + 16;
        bool starved = false;

        for (size_t i = 0; i < EVENTS_MAX && b->n_peers < most && !starved; i++) {
                int fd = accept4(b->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd >= 0)
                        add_peer(b, fd);
                else if (errno == EAGAIN)
                        return;
                else
                        starved = errno != EINTR && errno != ECONNABORTED;
        }
        /* No place or no descriptor: the event would come again at once. */
        if (b->n_peers >= most || starved) {
                b->accept_usec = sovd_now_usec() + ACCEPT_USEC;
                watch_listener(b, false);
        }
}

static void free_dead(struct native *b) {
        for (struct native_peer **p = &b->peers; *p;) {
                struct native_peer *dead = *p;
                if (!dead->dead) {
                        p = &dead->next;
                        continue;
                }
                *p = dead->next;
                b->n_peers--;
                native_peer_free(dead);
        }
}

/* --- the loop ------------------------------------------------------------------------------------------- */

static void handle_event(struct native *b, const struct epoll_event *event) {
        uint64_t count;

        if (event->data.ptr == &b->listener)
                accept_peers(b);
        else if (event->data.ptr == &b->wake) {
                if (read(b->wake, &count, sizeof(count)) < 0)
                        return;
        } else {
                struct native_peer *p = event->data.ptr;
                if (event->events & (EPOLLERR | EPOLLHUP) && p->close_usec)
                        p->dead = true; /* nobody reads the last frames */
                if (event->events & (EPOLLERR | EPOLLHUP)) {
                        p->hung_up =
                                true; /* what it left is read at once: nobody waits that could be slowed down */
                        p->paused_usec = 0;
                }
                if (event->events & (EPOLLIN | EPOLLERR | EPOLLHUP))
                        native_peer_read(p);
        }
}

/* Writes what there is to write, does what time asks for; returns how long to wait. */
static uint64_t round_up(struct native *b) {
        uint64_t now = sovd_now_usec(), next = now + IDLE_USEC;

        if (b->accept_usec && now >= b->accept_usec) {
                b->accept_usec = 0;
                watch_listener(b, true);
        }
        for (struct native_peer *p = b->peers; p; p = p->next) {
                uint64_t when = p->dead ? next : native_peer_tick(p, now);
                next = SOVD_MIN(next, when);
        }
        free_dead(b);
        for (struct native_peer *p = b->peers; p; p = p->next)
                native_peer_watch(p);
        if (b->accept_usec)
                next = SOVD_MIN(next, b->accept_usec);
        if (b->forget_usec && now >= b->forget_usec)
                b->forget_usec = native_log_forget(b, now);
        if (b->forget_usec)
                next = SOVD_MIN(next, b->forget_usec);
        now = sovd_now_usec();
        return next > now ? next - now : 0;
}

static void *run(void *data) {
        struct native *b = data;
        struct epoll_event events[EVENTS_MAX];

        (void)native_publish_view(b);
        while (!native_is_stopping(b)) {
                uint64_t wait = round_up(b);
                int n = epoll_wait(b->epoll, events, EVENTS_MAX, (int)((wait + 999) / 1000));
                for (int i = 0; i < n; i++)
                        handle_event(b, &events[i]);
        }
        for (struct native_peer *p = b->peers; p; p = p->next)
                p->dead = true;
        free_dead(b);
        return NULL;
}

static int listen_for_apps(struct native *b) {
        gid_t group = (gid_t)-1;

        int r = native_group_of_socket(&b->options, &group);
        if (!r)
                r = native_socket_open(&b->listener, b->options.socket,
                                       b->options.socket_access == SOVD_NATIVE_GROUP, group);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "backend '%s': %s cannot be listened on: %s", b->base.name,
                         b->options.socket,
                         r == -EEXIST ? "something that is no socket is there" : strerror(-r));
        return r;
}

static int open_descriptors(struct native *b) {
        int r = listen_for_apps(b);
        if (r)
                return r;
        b->epoll = epoll_create1(EPOLL_CLOEXEC);
        b->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (b->epoll < 0 || b->wake < 0)
                return sovd_error_origin(-errno);
        r = watch(b, b->listener.fd, &b->listener);
        return r ? r : watch(b, b->wake, &b->wake);
}

int native_io_start(struct native *b) {
        sigset_t all, before;

        int r = open_descriptors(b);
        if (r)
                return r;
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&b->io_thread, NULL, run, b);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        b->has_io = !r;
        if (!r)
                sovd_log(SOVD_LOG_INFO, "backend '%s': apps connect to %s", b->base.name, b->options.socket);
        return r ? sovd_error_origin(-r) : 0;
}

void native_io_stop(struct native *b) {
        (void)pthread_mutex_lock(&b->mutex);
        b->stopping = true;
        (void)pthread_mutex_unlock(&b->mutex);
        native_wake(b);
        if (b->has_io)
                (void)pthread_join(b->io_thread, NULL);
        b->has_io = false;
        native_socket_close(&b->listener);
}
