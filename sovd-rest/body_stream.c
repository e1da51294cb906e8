/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/body_stream.h"
#include "sovd-core/base/digest.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/pass.h"
#include "sovd-rest/rest.h"

static void free_sha(void *sha) {
        (void)sovd_sha256_free(sha);
}

static void free_pass(void *pass) {
        (void)sovd_pass_unref(pass);
}

/* The bytes may be long in coming: what allowed them has to hold until the last one is here. */
static int body_stream_read(struct sovd_source *stream, void *buf, size_t size, uint64_t deadline_usec, size_t *ret_n) {
        struct sovd_body_stream *b = (struct sovd_body_stream *)stream;
        int r = sovd_http_body_read(b->x, buf, size, deadline_usec, ret_n, &b->base.problem);

        (void)__atomic_add_fetch(&b->transfers->bytes_in, *ret_n, __ATOMIC_RELAXED);
        sovd_sha256_add(b->sha, buf, *ret_n);
        b->n += *ret_n;
        if (r || !b->pass || sovd_pass_stands(b->pass))
                return r;
        *ret_n = 0;
        b->base.problem = "what allowed this transfer was taken away";
        return SOVD_E_FORBIDDEN;
}

int sovd_body_stream_begin(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route) {
        struct sovd_rest_call *outer = (struct sovd_rest_call *)call;
        struct sovd_sha256 *sha;
        struct sovd_pass *pass = NULL;
        const char *reason;

        if (!x->info.chunked && !sovd_head_field(&x->head, "Content-Length"))
                return sovd_fail(call, SOVD_E_LENGTH_REQUIRED,
                                 "an upload needs Content-Length, or Transfer-Encoding: chunked");
        int r = sovd_http_body_begin(x, outer->rest->bulk_bytes, &reason);
        if (r)
                return sovd_fail(call, (enum sovd_error)r, "%s: %llu bytes", reason,
                                 (unsigned long long)outer->rest->bulk_bytes);
        r = sovd_sha256_new(&sha);
        if (!r)
                r = sovd_arena_defer(call->arena, free_sha, sha);
        if (!r)
                r = sovd_pass_new(&pass, call, route);
        if (!r && pass)
                r = sovd_arena_defer(call->arena, free_pass, pass);
        if (r)
                return r;
        outer->body = (struct sovd_body_stream){ .base.read = body_stream_read,
                                                 .x = x,
                                                 .transfers = sovd_metrics_transfers(outer->rest->metrics),
                                                 .sha = sha,
                                                 .pass = pass };
        call->body = &outer->body.base;
        call->deadline_usec = x->started_usec + outer->rest->bulk_timeout_usec;
        return 0;
}

const char *sovd_body_stream_name(struct sovd_call *call, const struct sovd_audit *audit, char ret[static SOVD_AUDIT_SECRET_SIZE]) {
        struct sovd_body_stream *b = &((struct sovd_rest_call *)call)->body;
        char sum[SOVD_SHA256_SIZE];

        if (!b->n || b->x->body_left || sovd_sha256_end(b->sha, sum))
                return NULL;
        return sovd_audit_secret(audit, sum, strlen(sum), ret);
}
