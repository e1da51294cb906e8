/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/peer.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_writer.h"
#include "sovd-core/base/log.h"
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE  65536
#define CLOSE_USEC SOVD_USEC_PER_SEC /* for the last frames of a connection that ends */
#define PAUSE_USEC (10 * SOVD_USEC_PER_MSEC)
#define TELL_USEC  SOVD_USEC_PER_SEC /* between two hints that too much is sent */

int native_peer_new(struct native *b, int fd, struct native_peer **ret) {
        struct native_peer *p = calloc(1, sizeof(*p));
        struct ucred cred = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
        socklen_t len = sizeof(cred);

        if (p)
                p->queue = calloc(1, sizeof(*p->queue));
        if (!p || !p->queue || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0) {
                if (p)
                        free(p->queue);
                free(p);
                return sovd_error_origin(-ENOMEM);
        }
        p->b = b;
        p->fd = fd;
        p->uid = cred.uid;
        p->gid = cred.gid;
        p->pid = cred.pid;
        p->since_usec = p->heard_usec = sovd_now_usec();
        native_frames_init(&p->in, (size_t)b->options.max_frame_bytes.value);
        *ret = p;
        return 0;
}

void native_peer_free(struct native_peer *p) {
        native_peer_detach(p, "the connection was closed", true);
        (void)close(p->fd);
        native_frames_done(&p->in);
        native_queue_free(p->queue);
        free(p);
}

void native_peer_detach(struct native_peer *p, const char *why, bool lost) {
        struct native *b = p->b;
        struct native_app *app = p->app;
        const char *reason = lost ? "the app went away while it ran" : "the app ended while it ran";

        if (!app)
                return;
        (void)native_reports_go_on(p, UINT64_MAX);
        (void)pthread_mutex_lock(&b->mutex);
        native_app_disconnect(b, app, reason);
        (void)snprintf(app->lost, sizeof(app->lost), "%s", lost ? why : "");
        (void)pthread_mutex_unlock(&b->mutex);
        p->app = NULL;
        app->forget_usec = sovd_now_usec() + b->log_retention_usec;
        if (!b->forget_usec || app->forget_usec < b->forget_usec)
                b->forget_usec = app->forget_usec;
        (void)atomic_fetch_add(&b->n_peers_lost, lost);
        sovd_log(lost ? SOVD_LOG_WARN : SOVD_LOG_INFO, "backend '%s': app '%s' is disconnected: %s",
                 b->base.name, app->key, why);
        (void)native_publish_view(b);
        sovd_backend_value_changed(&b->base, app->type, app->id, NULL);
}

/* --- writing -------------------------------------------------------------------------------------------- */

static struct native_chunk *first_chunk(struct native_peer *p) {
        (void)pthread_mutex_lock(&p->b->mutex);
        struct native_chunk *chunk = p->queue->first;
        (void)pthread_mutex_unlock(&p->b->mutex);
        return chunk;
}

static void drop_chunk(struct native_peer *p, struct native_chunk *chunk) {
        struct native_queue *q = p->queue;

        (void)pthread_mutex_lock(&p->b->mutex);
        q->first = chunk->next;
        if (!q->first)
                q->last = NULL;
        q->n_bytes -= chunk->len;
        (void)pthread_mutex_unlock(&p->b->mutex);
        free(chunk);
}

static bool has_overflow(struct native_peer *p) {
        (void)pthread_mutex_lock(&p->b->mutex);
        bool overflow = p->queue->overflow;
        (void)pthread_mutex_unlock(&p->b->mutex);
        return overflow;
}

/* Only this thread takes chunks out, so the first one stays while it is written without the mutex. */
void native_peer_write(struct native_peer *p) {
        struct native_chunk *chunk;

        while (!p->dead && (chunk = first_chunk(p))) {
                ssize_t n = send(p->fd, chunk->bytes + chunk->sent, chunk->len - chunk->sent,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n < 0 && errno != EAGAIN && errno != EINTR) {
                        /* What it has sent before it went is still read. */
                        if (!p->close_usec)
                                native_peer_read(p);
                        p->dead = true;
                }
                if (n <= 0)
                        break;
                chunk->sent += (size_t)n;
                if (chunk->sent == chunk->len)
                        drop_chunk(p, chunk);
        }
        if (p->dead)
                return;
        if (has_overflow(p)) {
                native_peer_detach(p, "it does not read what it is sent", true);
                p->dead = true;
        } else if (p->close_usec && !first_chunk(p))
                p->dead = true;
}

void native_peer_send(struct native_peer *p, struct sovd_json_writer *w) {
        struct native_chunk *chunk;

        if (!native_chunk_new(&chunk, w)) {
                (void)pthread_mutex_lock(&p->b->mutex);
                (void)native_queue_add(p->b, p->queue, chunk);
                (void)pthread_mutex_unlock(&p->b->mutex);
        }
        sovd_json_writer_done(w);
}

static void begin(struct sovd_json_writer *w, const char *type, struct sovd_int re) {
        sovd_json_writer_init(w, 0, 0);
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "type", type);
        if (re.set)
                sovd_json_key_int(w, "re", re.value);
}

void native_peer_reply(struct native_peer *p, struct sovd_int re) {
        struct sovd_json_writer w;

        if (!re.set)
                return;
        begin(&w, "reply", re);
        sovd_json_object_end(&w);
        native_peer_send(p, &w);
}

void native_peer_error(struct native_peer *p, struct sovd_int re, const char *code, const char *message) {
        struct sovd_json_writer w;

        (void)atomic_fetch_add(&p->b->n_frames_refused, 1);
        begin(&w, "error", re);
        sovd_json_key_string(&w, "code", code);
        sovd_json_key_string(&w, "message", message);
        sovd_json_object_end(&w);
        native_peer_send(p, &w);
}

/* Peers that are refused in great numbers are counted, but do not fill the log. */
static void warn(struct native_peer *p, const char *code, const char *why) {
        uint64_t now = sovd_now_usec();

        (void)atomic_fetch_add(&p->b->n_peers_refused, 1);
        if (p->b->warned_usec && now - p->b->warned_usec < SOVD_USEC_PER_SEC)
                return;
        p->b->warned_usec = now;
        sovd_log(SOVD_LOG_WARN, "backend '%s': a connection of process %d, user %u, was refused: %s: %s",
                 p->b->base.name, (int)p->pid, (unsigned)p->uid, code, why);
}

void native_peer_close(struct native_peer *p, struct sovd_int re, const char *code, const char *why) {
        if (p->close_usec)
                return;
        warn(p, code, why);
        native_peer_error(p, re, code, why);
        p->close_usec = sovd_now_usec() + CLOSE_USEC;
        native_peer_detach(p, why, true);
}

/* --- reading -------------------------------------------------------------------------------------------- */

bool native_tokens_take(const struct native *b, struct native_app *app, double cost, uint64_t now) {
        const double rate = (double)b->options.frames_per_sec.value;

        if (app->tokens_usec)
                app->tokens += (double)(now - app->tokens_usec) / (double)SOVD_USEC_PER_SEC * rate;
        if (!app->tokens_usec || app->tokens > rate)
                app->tokens = rate;
        app->tokens_usec = now;
        if (app->tokens < SOVD_MIN(cost, rate))
                return false;
        app->tokens -= cost;
        return true;
}

/* Nothing more is read for a moment: the app's own writes wait then, and nothing is lost. */
static void pause_reading(struct native_peer *p, uint64_t now) {
        p->paused_usec = now + PAUSE_USEC;
        if (now - p->told_usec < TELL_USEC)
                return;
        p->told_usec = now;
        native_peer_error(p, (struct sovd_int){ 0 }, "rate-limited",
                          "more frames per second than are read; they wait");
}

static void take_frame(struct native_peer *p, const char *text, size_t len) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct native_message *message = NULL;
        struct native_refusal refusal;

        (void)atomic_fetch_add(&p->b->n_frames, 1);
        int r = sovd_arena_new(&arena, 2048);
        if (!r)
                message = sovd_arena_new0(arena, struct native_message);
        if (!message) {
                native_peer_close(p, (struct sovd_int){ 0 }, "busy", "out of memory");
                return;
        }
        r = native_message_read(text, len, arena, message, &refusal);
        if (r == SOVD_E_BAD_REQUEST && (refusal.fatal || !p->app))
                native_peer_close(p, refusal.seq, refusal.code, refusal.reason);
        else if (r == SOVD_E_BAD_REQUEST)
                native_peer_error(p, refusal.seq, refusal.code, refusal.reason);
        else if (r)
                native_peer_close(p, message->seq, "busy", "out of memory");
        else
                native_handle(p, message, &arena);
}

/* Nobody is there to be told. Whoever said nothing at all has only looked whether the gateway is there. */
static void take_end(struct native_peer *p) {
        const bool cut = native_frames_is_partial(&p->in);
        const char *why = cut ? "it closed in the middle of a frame" : "it closed the connection";

        if (cut)
                (void)atomic_fetch_add(&p->b->n_frames_refused, 1);
        if (cut && !p->app)
                warn(p, "bad-frame", why);
        native_peer_detach(p, why, true);
        p->dead = true;
}

static bool may_go_on(struct native_peer *p, uint64_t now) {
        if (p->dead || p->close_usec)
                return false;
        if (!p->app || p->hung_up || native_tokens_take(p->b, p->app, 1, now))
                return true;
        pause_reading(p, now);
        return false;
}

static enum native_frame_result peek(struct native_peer *p) {
        struct native_frames copy = p->in;
        const char *text;
        size_t len;

        return native_frames_next(&copy, &text, &len);
}

void native_peer_process(struct native_peer *p) {
        const uint64_t now = sovd_now_usec();
        const struct sovd_int no_seq = { 0 };
        const char *text;
        size_t len;

        p->paused_usec = 0;
        while (peek(p) == NATIVE_FRAME_WHOLE && may_go_on(p, now)) {
                (void)native_frames_next(&p->in, &text, &len);
                p->heard_usec = now;
                p->partial_usec = 0;
                take_frame(p, text, len);
        }
        if (p->dead || p->close_usec || p->paused_usec)
                return;
        switch (peek(p)) {
        case NATIVE_FRAME_EMPTY:
                native_peer_close(p, no_seq, "bad-frame", "a frame without text");
                break;
        case NATIVE_FRAME_TOO_LONG:
                native_peer_close(p, no_seq, "too-long", "a frame is longer than max_frame_bytes");
                break;
        default:
                if (!native_frames_is_partial(&p->in))
                        p->partial_usec = 0;
                else if (!p->partial_usec)
                        p->partial_usec = now;
        }
}

void native_peer_read(struct native_peer *p) {
        unsigned char *room;

        for (int i = 0; i < 16 && !p->dead && !p->close_usec && !p->paused_usec; i++) {
                if (native_frames_room(&p->in, READ_SIZE, &room)) {
                        p->dead = true;
                        return;
                }
                ssize_t n = recv(p->fd, room, READ_SIZE, MSG_DONTWAIT);
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (n <= 0) {
                        take_end(p);
                        return;
                }
                native_frames_add(&p->in, (size_t)n);
                (void)atomic_exchange(&p->b->last_seen_usec, sovd_realtime_usec());
                native_peer_process(p);
        }
}

/* --- time ----------------------------------------------------------------------------------------------- */

void native_peer_watch(struct native_peer *p) {
        struct epoll_event event = { .data.ptr = p };

        if (p->dead)
                return;
        if (!p->close_usec && !p->paused_usec)
                event.events |= EPOLLIN;
        if (first_chunk(p))
                event.events |= EPOLLOUT;
        if (event.events != p->events)
                (void)epoll_ctl(p->b->epoll, EPOLL_CTL_MOD, p->fd, &event);
        p->events = event.events;
}

static void ping(struct native_peer *p, uint64_t now) {
        struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "type", "ping");
        sovd_json_key_int(&w, "seq", (int64_t)(atomic_fetch_add(&p->b->last_seq, 1) + 1));
        sovd_json_object_end(&w);
        native_peer_send(p, &w);
        p->pinged_usec = now;
}

static void check_life(struct native_peer *p, uint64_t now) {
        const struct native *b = p->b;
        const struct sovd_int no_seq = { 0 };

        if (p->partial_usec && now >= p->partial_usec + b->frame_timeout_usec)
                native_peer_close(p, no_seq, "timeout", "a frame was begun and not ended in time");
        else if (!p->app && now >= p->since_usec + b->frame_timeout_usec)
                native_peer_close(p, no_seq, "timeout", "hello did not come in time");
        else if (p->app && now >= p->heard_usec + NATIVE_BEATS * b->heartbeat_usec)
                native_peer_close(p, no_seq, "timeout", "it has shown no sign of life");
        else if (p->app && now >= SOVD_MAX(p->heard_usec, p->pinged_usec) + b->heartbeat_usec)
                ping(p, now);
}

static uint64_t tick(struct native_peer *p, uint64_t now) {
        const struct native *b = p->b;

        if (p->paused_usec && now >= p->paused_usec) {
                native_peer_process(p);
                native_peer_read(p);
        }
        if (!p->close_usec && !p->paused_usec)
                check_life(p, now);
        native_peer_write(p);
        if (p->dead)
                return now;
        if (p->close_usec) {
                p->dead = now >= p->close_usec;
                return p->close_usec;
        }
        if (p->paused_usec)
                return p->paused_usec;
        uint64_t next = p->app ? SOVD_MIN(SOVD_MAX(p->heard_usec, p->pinged_usec) + b->heartbeat_usec,
                                          p->heard_usec + NATIVE_BEATS * b->heartbeat_usec)
                               : p->since_usec + b->frame_timeout_usec;
        return p->partial_usec ? SOVD_MIN(next, p->partial_usec + b->frame_timeout_usec) : next;
}

uint64_t native_peer_tick(struct native_peer *p, uint64_t now) {
        const uint64_t reports = native_reports_go_on(p, now), next = tick(p, now);

        return SOVD_MIN(reports, next);
}
