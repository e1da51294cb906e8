/* SPDX-License-Identifier: Apache-2.0 */
/* Calls whose bodies may be large: libcurl asks for the request's body as it can send it, and the answer's body waits
 * in one buffer; when that is full, libcurl stops to read from the server until somebody takes it. */
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/http_handle.h"
#include "sovd-core/base/log.h"
#include <strings.h>

#define BUFFER_SIZE (2 * (size_t)CURL_MAX_WRITE_SIZE)

struct sovd_http_stream {
        struct sovd_source base; /* the answer's body */
        struct handle *handle;
        unsigned slot;
        struct sovd_http_transfer *transfer; /* of the caller; NULL once the head is there */
        struct sovd_arena *arena;            /* the same */
        bool takes;                          /* a 2xx answer's body goes to the buffer */
        bool paused, done, body_ended;
        CURLcode code;
        uint64_t moved_usec, idle_usec, deadline_usec;
        size_t start, end;
        char buffer[BUFFER_SIZE];
};

/* --- what the callbacks do ------------------------------------------------------------------------------ */

static void keep_field(struct sovd_http_stream *s, struct sovd_http_wanted *w, const char *value,
                       size_t len) {
        while (len && (*value == ' ' || *value == '\t')) {
                value++;
                len--;
        }
        while (len && strchr(" \t\r\n", value[len - 1]))
                len--;
        if (!w->value) /* the first one counts */
                w->value = sovd_arena_strndup(s->arena, value, len);
}

void sovd_http_stream_header(struct handle *h, const char *line, size_t len) {
        struct sovd_http_stream *s = h->stream;
        struct sovd_http_wanted *w = s->transfer ? s->transfer->wanted : NULL;
        bool begins = len > 5 && memcmp(line, "HTTP/", 5) == 0;

        s->moved_usec = sovd_now_usec();
        for (; w && w->name; w++) {
                size_t n = strlen(w->name);
                if (begins)
                        w->value = NULL; /* an interim answer said it */
                else if (len > n && line[n] == ':' && strncasecmp(line, w->name, n) == 0)
                        keep_field(s, w, line + n + 1, len - n - 1);
        }
}

bool sovd_http_stream_takes(const struct handle *h) {
        return h->stream->takes && h->head.status >= 200 && h->head.status < 300;
}

size_t sovd_http_stream_body(struct handle *h, const char *data, size_t len) {
        struct sovd_http_stream *s = h->stream;

        s->moved_usec = sovd_now_usec();
        if (s->start == s->end)
                s->start = s->end = 0;
        if (len > BUFFER_SIZE - s->end) {
                s->paused = true;
                return CURL_WRITEFUNC_PAUSE;
        }
        memcpy(s->buffer + s->end, data, len);
        s->end += len;
        return len;
}

bool sovd_http_stream_sends(const struct handle *h) {
        return h->stream->transfer && h->stream->transfer->body;
}

static size_t on_send(char *buf, size_t size, size_t n, void *userdata) {
        struct sovd_http_stream *s = ((struct handle *)userdata)->stream;
        struct sovd_source *body = s->transfer->body;
        size_t got = 0;

        if (s->body_ended)
                return 0;
        int r = body->read(body, buf, size * n, s->deadline_usec, &got);
        s->moved_usec = sovd_now_usec();
        s->body_ended = got < size * n;
        s->transfer->body_result = r;
        return r ? CURL_READFUNC_ABORT : got;
}

bool sovd_http_stream_set_body(struct handle *h) {
        const struct sovd_http_transfer *t = h->stream->transfer;
        curl_off_t size = t->body_len == UINT64_MAX ? -1 : (curl_off_t)t->body_len;

        return SET(h, CURLOPT_POSTFIELDS, NULL) && SET(h, CURLOPT_POSTFIELDSIZE_LARGE, size) &&
               SET(h, CURLOPT_READFUNCTION, on_send) && SET(h, CURLOPT_READDATA, h);
}

/* --- steps of the transfer ------------------------------------------------------------------------------ */

static void finish(struct sovd_http_stream *s, CURLcode code) {
        s->done = true;
        s->code = code;
}

/* Works until something moved, or `until`; ends the transfer when the server or the pool has stopped. */
static void step(struct sovd_http_stream *s, uint64_t until_usec) {
        struct handle *h = s->handle;
        int running = 1, n_messages;

        if (curl_multi_perform(h->multi, &running) != CURLM_OK)
                return finish(s, CURLE_ABORTED_BY_CALLBACK);
        if (!running) {
                const CURLMsg *message = curl_multi_info_read(h->multi, &n_messages);
                return finish(s, message && message->msg == CURLMSG_DONE ? message->data.result
                                                                         : CURLE_ABORTED_BY_CALLBACK);
        }
        if (atomic_load(&h->pool->stopping))
                return finish(s, CURLE_ABORTED_BY_CALLBACK);
        if (s->end > s->start || s->paused)
                return;
        uint64_t left = SOVD_MIN(sovd_clock_left_usec(s->moved_usec + s->idle_usec),
                                 sovd_clock_left_usec(until_usec));
        if (left)
                (void)curl_multi_poll(h->multi, NULL, 0, (int)SOVD_MIN(left / 1000 + 1, UINT64_C(1000)),
                                      NULL);
        else if (!sovd_clock_left_usec(s->moved_usec + s->idle_usec))
                finish(s, CURLE_OPERATION_TIMEDOUT);
}

/* A transfer that did not come to its end takes its connection with it. */
static void stream_free(struct sovd_http_stream *s) {
        struct handle *h = s->handle;
        struct sovd_http_pool *pool = h->pool;
        bool whole = s->done && s->code == CURLE_OK;

        if (whole) {
                sovd_http_handle_end(h);
        } else {
                (void)curl_multi_remove_handle(h->multi, h->easy);
                h->socket = CURL_SOCKET_BAD;
        }
        h->stream = NULL;
        sovd_http_handle_rest(h);
        sovd_slots_give(pool->slots, s->slot);
        free(s);
}

/* --- reading the answer --------------------------------------------------------------------------------- */

static int problem(struct sovd_http_stream *s, int error, const char *text) {
        s->base.problem = text;
        return error;
}

static int end_of(struct sovd_http_stream *s) {
        if (atomic_load(&s->handle->pool->stopping))
                return problem(s, SOVD_E_UNAVAILABLE, "the backend is being taken out of service");
        if (s->code == CURLE_OPERATION_TIMEDOUT)
                return problem(s, SOVD_E_NOT_RESPONDING, "the backend stopped sending");
        if (s->code != CURLE_OK || s->handle->verdict != VERDICT_NONE)
                return problem(s, SOVD_E_BAD_ANSWER, "the connection to the backend broke off");
        return 0;
}

static size_t take(struct sovd_http_stream *s, char *buf, size_t size) {
        size_t n = SOVD_MIN(size, s->end - s->start);

        memcpy(buf, s->buffer + s->start, n);
        s->start += n;
        return n;
}

static int stream_read(struct sovd_source *stream, void *buf, size_t size, uint64_t deadline_usec,
                       size_t *ret_n) {
        struct sovd_http_stream *s = (struct sovd_http_stream *)stream;
        size_t n = take(s, buf, size);

        s->moved_usec = sovd_now_usec(); /* that nobody read is not the server's fault */
        while (n < size && !(s->done && s->start == s->end)) {
                if (!sovd_clock_left_usec(deadline_usec))
                        return problem(s, SOVD_E_NOT_RESPONDING, "the backend sends too slowly");
                if (s->paused) {
                        s->paused = false;
                        if (curl_easy_pause(s->handle->easy, CURLPAUSE_CONT) != CURLE_OK)
                                finish(s, CURLE_ABORTED_BY_CALLBACK);
                }
                if (s->start == s->end && !s->done)
                        step(s, deadline_usec);
                n += take(s, (char *)buf + n, size - n);
        }
        int r = n < size ? end_of(s) : 0;
        *ret_n = r ? 0 : n;
        return r;
}

static void stream_close(struct sovd_source *stream) {
        stream_free((struct sovd_http_stream *)stream);
}

/* --- opening -------------------------------------------------------------------------------------------- */

static bool has_answer(const struct sovd_http_stream *s) {
        const struct sovd_http_head *head = &s->handle->head;

        return s->takes && head->ended && head->status >= 200 && head->status < 300;
}

static bool begin(struct sovd_http_stream *s, const struct sovd_http_request *request,
                  struct sovd_arena *arena) {
        struct handle *h = s->handle;
        struct sovd_http_request r = *request;

        if (s->transfer->body)
                r.body = ""; /* so that its type is sent */
        h->stream = s;
        return sovd_http_handle_set(h, &r, sovd_now_usec(), arena) &&
               curl_multi_add_handle(h->multi, h->easy) == CURLM_OK;
}

/* The result of a transfer that has no stream to hand out. */
static int close_whole(struct sovd_http_stream *s, struct sovd_http_answer *answer,
                       struct sovd_arena *arena) {
        struct handle *h = s->handle;
        int r = sovd_http_handle_result(h, s->code, s->deadline_usec);

        if (s->code == CURLE_OPERATION_TIMEDOUT && h->n_sent)
                r = SOVD_HTTP_TIMEOUT; /* it was idle for too long */
        if (r == SOVD_HTTP_OK)
                r = sovd_http_handle_answer(h, answer, arena);
        else
                sovd_log(SOVD_LOG_DEBUG, "transfer: result %d: %s (%s)", r, curl_easy_strerror(s->code),
                         h->error);
        stream_free(s);
        return r;
}

static int run(struct sovd_http_stream *s, struct sovd_http_answer *answer, struct sovd_arena *arena,
               struct sovd_source **ret) {
        while (!s->done && !has_answer(s))
                step(s, s->deadline_usec);
        if (!has_answer(s) || (s->done && s->code != CURLE_OK && s->end == s->start))
                return close_whole(s, answer, arena);

        *answer = (struct sovd_http_answer){ .status = s->handle->head.status,
                                             .body = "",
                                             .retry_after_sec = s->handle->head.retry_after_sec };
        s->transfer = NULL;
        s->arena = NULL;
        *ret = &s->base;
        return SOVD_HTTP_OK;
}

static int open_by_handle(struct handle *h, unsigned slot, const struct sovd_http_request *request,
                          struct sovd_http_transfer *transfer, struct sovd_http_answer *answer,
                          struct sovd_arena *arena, struct sovd_source **ret) {
        struct sovd_http_stream *s = malloc(sizeof(*s));
        if (!s) {
                sovd_slots_give(h->pool->slots, slot);
                return sovd_error_origin(-ENOMEM);
        }
        *s = (struct sovd_http_stream){ .base = { .read = stream_read, .close = stream_close },
                                        .handle = h,
                                        .slot = slot,
                                        .transfer = transfer,
                                        .arena = arena,
                                        .takes = ret && !transfer->body,
                                        .moved_usec = sovd_now_usec(),
                                        .idle_usec = transfer->idle_usec,
                                        .deadline_usec = request->deadline_usec };
        if (!begin(s, request, arena)) {
                h->stream = NULL;
                sovd_slots_give(h->pool->slots, slot);
                free(s);
                return sovd_error_origin(-ENOMEM);
        }
        return run(s, answer, arena, ret);
}

int sovd_http_open(struct sovd_http_pool *pool, const struct sovd_http_request *request,
                   struct sovd_http_transfer *transfer, struct sovd_http_answer *answer,
                   struct sovd_arena *arena, struct sovd_source **ret) {
        uint64_t wait_until = SOVD_MIN(request->deadline_usec, sovd_now_usec() + transfer->idle_usec);
        unsigned i;

        if (ret)
                *ret = NULL;
        transfer->body_result = 0;
        for (struct sovd_http_wanted *w = transfer->wanted; w && w->name; w++)
                w->value = NULL;
        if (!sovd_http_request_is_valid(request) || (request->body && transfer->body))
                return sovd_error_origin(-EINVAL);
        if (!sovd_slots_take(pool->slots, wait_until, &i))
                return SOVD_HTTP_BUSY;

        int r = sovd_http_handle_prepare(&pool->handles[i], pool);
        if (!r && !sovd_clock_left_usec(request->deadline_usec))
                r = SOVD_HTTP_BUSY;
        if (r) {
                sovd_slots_give(pool->slots, i);
                return r;
        }
        return open_by_handle(&pool->handles[i], i, request, transfer, answer, arena,
                              ret); /* it gives the slot back */
}
