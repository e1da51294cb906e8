/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests, whole or piece by piece, within a limit and a deadline. */
#include "sovd-rest/http_body.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"

static int body_failed(struct sovd_http_exchange *x, int error, const char *text, const char **reason) {
        x->close = true;
        x->was_slow = error == SOVD_E_TIMEOUT;
        *reason = text;
        return error;
}

static int read_failed(struct sovd_http_exchange *x, const char **reason) {
        if (sovd_http_wait_is_over())
                return body_failed(x, SOVD_E_TIMEOUT, "the body did not arrive in time", reason);
        return body_failed(x, SOVD_E_BAD_REQUEST,
                           x->info.chunked ? "the chunked body is broken" : "the body ends before its length", reason);
}

/* Reads until *len == size or the body's end. A chunked body's end shows as 0. */
static int read_some(struct sovd_http_exchange *x, char *buf, size_t size, size_t *len, bool *end, const char **reason) {
        while (*len < size && !*end) {
                int n = sovd_http_pull(x, buf + *len, SOVD_MIN(size - *len, (size_t)16384));
                if (n < 0 || (n == 0 && !x->info.chunked))
                        return read_failed(x, reason);
                *len += (size_t)n;
                *end = n == 0;
        }
        return 0;
}

static int read_chunked(struct sovd_http_exchange *x, size_t max, const char **ret, size_t *ret_len,
                        const char **reason) {
        size_t size = 4096, len = 0;
        bool end = false;
        char *buf = sovd_arena_alloc(x->arena, size + 1);

        while (buf) {
                int r = read_some(x, buf, SOVD_MIN(size, max + 1), &len, &end, reason);
                if (r)
                        return r;
                if (len > max)
                        return body_failed(x, SOVD_E_TOO_LARGE, "the body is too large", reason);
                if (end) {
                        *ret = buf;
                        *ret_len = len;
                        x->body_left = 0;
                        return 0;
                }
                char *larger = sovd_arena_alloc(x->arena, size * 2 + 1);
                if (larger)
                        memcpy(larger, buf, len);
                buf = larger;
                size *= 2;
        }
        return -ENOMEM;
}

static int read_plain(struct sovd_http_exchange *x, const char **ret, size_t *ret_len, const char **reason) {
        size_t size = (size_t)x->info.content_length, len = 0;
        bool end = false;
        char *buf = sovd_arena_alloc(x->arena, size + 1);
        if (!buf)
                return -ENOMEM;

        int r = read_some(x, buf, size, &len, &end, reason);
        if (r)
                return r;

        *ret = buf;
        *ret_len = len;
        x->body_left = 0;
        return 0;
}

int sovd_http_read_body(struct sovd_http_exchange *x, const char **ret, size_t *ret_len, const char **reason) {
        const struct sovd_http_server_options *o = sovd_http_options_of(x);

        *ret = "";
        *ret_len = 0;
        if (!x->info.has_body)
                return 0;
        if (x->info.content_length > o->body_bytes)
                return body_failed(x, SOVD_E_TOO_LARGE, "the body is too large", reason);
        if (x->info.expect_continue)
                sovd_http_continue(x);

        sovd_http_wait_until(sovd_now_usec() + o->body_timeout_usec);
        int r = x->info.chunked ? read_chunked(x, o->body_bytes, ret, ret_len, reason)
                                : read_plain(x, ret, ret_len, reason);
        if (r < 0)
                x->close = true;
        return r;
}

int sovd_http_body_begin(struct sovd_http_exchange *x, uint64_t limit, const char **reason) {
        x->body_limit = limit;
        if (x->info.has_body && x->info.content_length > limit)
                return body_failed(x, SOVD_E_TOO_LARGE, "the body is larger than a transfer may be", reason);
        return 0;
}

/* A piece of a plain body ends with the body. */
static int read_piece(struct sovd_http_exchange *x, char *buf, size_t size, size_t *len, const char **reason) {
        uint64_t left = x->info.chunked ? UINT64_MAX : x->info.content_length - x->body_taken;
        bool end = false;

        int r = read_some(x, buf, (size_t)SOVD_MIN((uint64_t)size, left), len, &end, reason);
        if (r)
                return r;
        x->body_taken += *len;
        if (x->body_taken > x->body_limit)
                return body_failed(x, SOVD_E_TOO_LARGE, "the body is larger than a transfer may be", reason);
        if (end || *len == left)
                x->body_left = 0;
        return 0;
}

int sovd_http_body_read(struct sovd_http_exchange *x, void *buf, size_t size, uint64_t deadline_usec, size_t *ret_n,
                        const char **reason) {
        size_t len = 0;

        *ret_n = 0;
        if (!x->info.has_body || !x->body_left)
                return 0;
        if (x->info.expect_continue && !x->body_taken)
                sovd_http_continue(x);
        const uint64_t piece_usec = sovd_now_usec() + sovd_http_options_of(x)->body_timeout_usec;
        sovd_http_wait_until(SOVD_MIN(piece_usec, deadline_usec));
        int r = read_piece(x, buf, size, &len, reason);
        *ret_n = r ? 0 : len;
        return r;
}
