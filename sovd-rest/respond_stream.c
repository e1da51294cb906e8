/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/respond_stream.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/disposition.h"
#include "sovd-core/base/log.h"
#include "sovd-rest/pass.h"
#include "sovd-rest/respond.h"
#include "sovd-rest/rest.h"
#include <stdio.h>

#define HEADERS_MAX 14

struct headers {
        struct sovd_http_header items[HEADERS_MAX + 1];
        size_t n;
};

static void add(struct headers *h, const char *name, const char *value) {
        if (value && h->n < HEADERS_MAX)
                h->items[h->n++] = (struct sovd_http_header){ name, value };
}

static struct sovd_transfers *transfers_of(const struct sovd_call *call) {
        return sovd_metrics_transfers(sovd_rest_of(call)->metrics);
}

int sovd_transfer_begin(struct sovd_call *call) {
        struct sovd_transfers *t = transfers_of(call);

        if (__atomic_add_fetch(&t->running, 1, __ATOMIC_RELAXED) <= t->max)
                return 0;
        (void)__atomic_sub_fetch(&t->running, 1, __ATOMIC_RELAXED);
        (void)__atomic_add_fetch(&t->refused, 1, __ATOMIC_RELAXED);
        (void)sovd_fail(call, SOVD_E_OVERLOAD, "%u transfers of bulk data are under way, the limit", t->max);
        sovd_fail_retry_after(call, 5);
        return SOVD_E_OVERLOAD;
}

void sovd_transfer_end(struct sovd_call *call, bool broken) {
        struct sovd_transfers *t = transfers_of(call);

        (void)__atomic_sub_fetch(&t->running, 1, __ATOMIC_RELAXED);
        if (broken)
                (void)__atomic_add_fetch(&t->broken, 1, __ATOMIC_RELAXED);
}

/* --- the pieces ----------------------------------------------------------------------------------------- */

struct transfer {
        struct sovd_http_exchange *x;
        struct sovd_call *call;
        const struct sovd_bulk_content *content;
        struct sovd_source *stream; /* NULL once nothing more is to be read */
        const struct sovd_route *route;
        struct sovd_pass *pass;     /* that it rests on; or NULL */
        bool ended;
        char *piece;
        uint64_t left, deadline_usec;
};

/* Before the last bytes go out: a client that has them may delete the item at once. */
static void release(struct transfer *t) {
        if (t->ended)
                return;
        t->ended = true;
        t->stream = sovd_source_close(t->stream);
        sovd_transfer_end(t->call, false);
}

static int bad_piece(struct transfer *t, enum sovd_error error, const char *problem) {
        t->stream->problem = problem;
        return error;
}

static int read_piece(struct transfer *t, size_t *ret_n) {
        uint64_t soon = sovd_now_usec() + sovd_rest_of(t->call)->request_timeout_usec;
        size_t size = (size_t)SOVD_MIN((uint64_t)SOVD_SOURCE_PIECE, t->left);
        int r = 0;

        *ret_n = 0;
        if (size)
                r = t->stream->read(t->stream, t->piece, size, SOVD_MIN(soon, t->deadline_usec), ret_n);
        if (r)
                return r;
        if (*ret_n < size && t->left != UINT64_MAX)
                return bad_piece(t, SOVD_E_BAD_ANSWER, "it ended before its length");
        if (size && !sovd_clock_left_usec(t->deadline_usec))
                return bad_piece(t, SOVD_E_NOT_RESPONDING, "limits.bulk_timeout_secs has passed");
        if ((*ret_n < size && !(t->stream->may_fall_short && *ret_n)) || *ret_n == t->left)
                release(t);
        return 0;
}

static bool is_withdrawn(struct transfer *t) {
        if (!t->pass || sovd_pass_stands(t->pass))
                return false;
        sovd_log(SOVD_LOG_WARN, "request %s: the transfer broke off: what allowed it was taken away", t->call->request_id);
        sovd_trail_tell_withdrawn(t->x, t->call, t->route);
        return true;
}

/* The head is out: a source or a client that breaks off can only be shown by the connection's end. */
static bool send_pieces(struct transfer *t, size_t n) {
        while (n) {
                if (is_withdrawn(t) || !sovd_http_send_piece(t->x, t->piece, n))
                        return false;
                (void)__atomic_add_fetch(&transfers_of(t->call)->bytes_out, n, __ATOMIC_RELAXED);
                if (t->left != UINT64_MAX)
                        t->left -= n;
                if (t->ended)
                        break;
                int r = read_piece(t, &n);
                if (r) {
                        const char *why = r > 0 ? t->stream->problem : strerror(-r);
                        sovd_log(SOVD_LOG_WARN, "request %s: the transfer broke off: %s", t->call->request_id,
                                 why ? why : "the source failed");
                        return false;
                }
        }
        return true;
}

/* --- the head ------------------------------------------------------------------------------------------- */

/* Bytes may always be had as bytes. NULL: nothing that the client accepts. */
static const char *choose_type(const struct sovd_call *call, const struct sovd_bulk_content *c) {
        static const char octets[] = "application/octet-stream";

        if (sovd_call_accepts(call, c->mimetype))
                return c->mimetype;
        return sovd_call_accepts(call, octets) ? octets : NULL;
}

static void describe(struct headers *h, struct sovd_call *call, const struct sovd_bulk_content *c) {
        add(h, "ETag", c->etag);
        add(h, "Last-Modified", c->last_modified);
        add(h, "Cache-Control", c->etag ? "private, no-cache" : "no-store");
        add(h, "X-Request-Id", call->request_id);
}

static const char *content_range(struct sovd_call *call, const struct sovd_bulk_content *c) {
        unsigned long long first = c->first, last = c->first + c->length - 1;

        if (!c->partial)
                return NULL;
        if (c->size == UINT64_MAX)
                return sovd_call_printf(call, "bytes %llu-%llu/*", first, last);
        return sovd_call_printf(call, "bytes %llu-%llu/%llu", first, last, (unsigned long long)c->size);
}

static unsigned send_elsewhere(struct sovd_http_exchange *x, struct sovd_call *call,
                               const struct sovd_bulk_content *c) {
        struct headers h = { .n = 0 };

        add(&h, "Cache-Control", "no-store");
        add(&h, "X-Request-Id", call->request_id);
        add(&h, "Location", c->location);
        if (c->not_ready && c->retry_after_sec)
                add(&h, "Retry-After", sovd_call_printf(call, "%u", c->retry_after_sec));
        unsigned status = c->not_ready ? 202 : 307;
        sovd_http_send(x, status, h.items, false);
        return status;
}

static unsigned send_unchanged(struct sovd_http_exchange *x, struct sovd_call *call,
                               const struct sovd_bulk_content *c) {
        struct headers h = { .n = 0 };

        describe(&h, call, c);
        sovd_http_send(x, 304, h.items, true);
        return 304;
}

static unsigned send_content(struct transfer *t, const char *type, size_t n, bool *ret_complete) {
        const struct sovd_bulk_content *c = t->content;
        unsigned status = c->partial ? 206 : 200;
        struct headers h = { .n = 0 };

        describe(&h, t->call, c);
        add(&h, "Content-Type", type);
        add(&h, "X-Content-Type-Options", "nosniff");
        add(&h, "Accept-Ranges", c->has_ranges ? "bytes" : NULL);
        add(&h, "Content-Range", content_range(t->call, c));
        if (c->filename)
                add(&h, "Content-Disposition", sovd_disposition_format(t->call->arena, c->filename));
        sovd_http_send_head(t->x, status, h.items, c->length);
        *ret_complete = !t->piece || send_pieces(t, n);
        if (t->piece)
                sovd_http_send_end(t->x, *ret_complete);
        return status;
}

static int bad_source(struct transfer *t, int r) {
        return r < 0 ? r
                     : sovd_fail(t->call, (enum sovd_error)r, "the item cannot be read: %s",
                                 t->stream->problem ? t->stream->problem : "its source failed");
}

/* The first piece is read before the head goes out, so that a source that fails at once gets its own status. */
static int transfer(struct transfer *t, unsigned *ret_status, bool *ret_complete) {
        bool bare = strcmp(t->x->head.method, "HEAD") == 0;
        const char *type = choose_type(t->call, t->content);
        _cleanup_(sovd_freep) char *piece = NULL;
        size_t n = 0;

        if (!type)
                return sovd_fail(t->call, SOVD_E_NOT_ACCEPTABLE, "the item is %s, which Accept does not list",
                                 t->content->mimetype);
        if (!bare) {
                t->piece = piece = malloc(SOVD_SOURCE_PIECE);
                if (!piece)
                        return sovd_error_origin(-ENOMEM);
                int r = read_piece(t, &n);
                if (r)
                        return bad_source(t, r);
        } else {
                release(t);
        }
        *ret_status = send_content(t, type, n, ret_complete);
        t->piece = NULL;
        return 0;
}

int sovd_respond_stream(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route, unsigned *ret_status) {
        const struct sovd_bulk_content *c = call->out;
        struct transfer t = { .x = x,
                              .call = call,
                              .content = c,
                              .stream = c->stream,
                              .route = route,
                              .left = c->length,
                              .deadline_usec = x->started_usec + sovd_rest_of(call)->bulk_timeout_usec };
        bool complete = true;
        bool unchanged =
                c->stream && c->etag && sovd_etag_listed(sovd_head_field(&x->head, "If-None-Match"), c->etag);

        if (!c->stream || unchanged) {
                release(&t);
                *ret_status = unchanged ? send_unchanged(x, call, c) : send_elsewhere(x, call, c);
                return 0;
        }
        int r = sovd_pass_new(&t.pass, call, route);
        if (!r)
                r = transfer(&t, ret_status, &complete);
        release(&t);
        sovd_pass_unref(t.pass);
        if (!complete)
                (void)__atomic_add_fetch(&transfers_of(call)->broken, 1, __ATOMIC_RELAXED);
        return r;
}
