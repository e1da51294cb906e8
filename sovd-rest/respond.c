/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/respond.h"
#include "sovd-rest/pass.h"
#include "sovd-rest/respond_stream.h"
#include "sovd-core/base/log.h"
#include "sovd-core/idempotency.h"
#include "sovd-rest/rest.h"
#include "sovd-rest/streamer.h"
#include <cjson/cJSON.h>
#include <openssl/types.h>
#include <stdio.h>
#include <strings.h>

#define HEADERS_MAX 12

struct headers {
        struct sovd_http_header items[HEADERS_MAX + 1];
        size_t n;
};

static void add(struct headers *h, const char *name, const char *value) {
        if (value && h->n < HEADERS_MAX)
                h->items[h->n++] = (struct sovd_http_header){ name, value };
}

const char *sovd_etag(char buf[static SOVD_ETAG_SIZE], const char *body, size_t len) {
        uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a: an ETag is no secret and no signature */

        for (size_t i = 0; i < len; i++)
                h = (h ^ (unsigned char)body[i]) * UINT64_C(0x100000001b3);
        (void)snprintf(buf, SOVD_ETAG_SIZE, "\"%016llx-%zx\"", (unsigned long long)h, len);
        return buf;
}

/* Entity tags are in quotes, and a comma may stand in one. */
static bool is_listed(const char *field, const char *etag, bool weak_too) {
        static const char space[] = " \t,";
        size_t n = strlen(etag);

        if (!field)
                return false;
        field += strspn(field, space);
        if (*field == '*')
                return field[1 + strspn(field + 1, space)] == '\0';
        while (*field) {
                bool weak = sovd_has_prefix(field, "W/");
                field += weak ? 2 : 0;
                const char *end = *field == '"' ? strchr(field + 1, '"') : NULL;
                if (!end)
                        return false; /* not a list of tags */
                bool same = (!weak || weak_too) && (size_t)(end - field) + 1 == n && memcmp(field, etag, n) == 0;
                field = end + 1;
                if (*field && !strchr(space, *field))
                        return false;
                if (same)
                        return true;
                field += strspn(field, space);
        }
        return false;
}

bool sovd_etag_listed(const char *field, const char *etag) {
        return is_listed(field, etag, true);
}

bool sovd_etag_listed_strongly(const char *field, const char *etag) {
        return is_listed(field, etag, false);
}

static const char *first(const char *a, const char *b) {
        return a ? a : b;
}

static void encode_error(const struct sovd_failure *f, struct sovd_json_writer *w) {
        const struct sovd_error_info *info = sovd_error_info(f->error);
        struct sovd_generic_error body = f->body;

        if (!body.error_code) {
                body.error_code = info->error_code;
                body.vendor_code = f->outcome_unknown ? NULL : info->vendor_code;
        }
        if (f->outcome_unknown && !body.vendor_code)
                body.vendor_code = SOVD_OUTCOME_UNKNOWN;
        body.message = first(body.message, info->summary);

        sovd_json_object_begin(w);
        if (f->path) {
                /* DataError and GenericError in one: whoever reads either shape finds it (reference 3.2). */
                sovd_json_key_string(w, "path", f->path);
                sovd_json_key(w, "error");
                sovd_schema_encode(&sovd_schema_generic_error, &body, w);
        }
        sovd_schema_encode_members(&sovd_schema_generic_error, &body, w);
        sovd_json_object_end(w);
}

/* A failure of ours is logged once, here, and told without detail. */
static void settle(struct sovd_call *call, int r) {
        if (r > 0 && call->failure.error)
                return;
        sovd_log(SOVD_LOG_ERROR, "request %s failed: %s", call->request_id,
                 r < 0 ? strerror(-r) : "a handler gave no reason");
        (void)sovd_fail(call, SOVD_E_INTERNAL, "the server failed; request id %s", call->request_id);
}

int sovd_encode_failure(struct sovd_call *call, int r, struct sovd_json_writer *w) {
        settle(call, r);
        sovd_json_writer_reset(w);
        encode_error(&call->failure, w);
        return call->failure.error;
}

unsigned sovd_failure_status(const struct sovd_call *call) {
        const struct sovd_failure *f = &call->failure;

        return f->status ? f->status : sovd_error_info(f->error)->status;
}

static const struct sovd_schema *schema_of(const struct sovd_call *call, const struct sovd_route *route) {
        return call->status && call->status == route->success_other ? route->out_other : route->out;
}

/* ISO 17978-3 5.1. A schema that the backend gave is in the answer already. */
static void encode_schema(const struct sovd_call *call, const struct sovd_schema *schema, struct sovd_json_writer *w) {
        for (const struct sovd_field *f = schema->fields; f->name && !call->write; f++)
                if (strcmp(f->name, "schema") == 0 && *(void *const *)((const char *)call->out + f->offset))
                        return;

        cJSON *tree = sovd_schema_openapi_inline(schema);
        sovd_json_key(w, "schema");
        sovd_json_tree(w, tree);
        cJSON_Delete(tree);
}

/* An answer that is an array, not an object (defect D09). */
static void encode_bare(const struct sovd_schema *schema, const void *out, struct sovd_json_writer *w) {
        const struct sovd_strings *list = (const void *)((const char *)out + schema->fields[0].offset);

        sovd_json_array_begin(w);
        for (size_t i = 0; i < list->n; i++)
                sovd_json_string(w, list->items[i]);
        sovd_json_array_end(w);
}

void sovd_encode_success(const struct sovd_call *call, const struct sovd_route *route, struct sovd_json_writer *w) {
        const struct sovd_schema *schema = schema_of(call, route);
        const char *wanted = route->flags & SOVD_INCLUDE_SCHEMA ? sovd_call_query(call, "include-schema") : NULL;

        if (((route->flags & SOVD_DOCUMENT) || call->out_is_document) && !call->write) {
                const struct sovd_document *d = call->out;
                return sovd_json_raw(w, d->text, d->len);
        }
        if ((!schema || !call->out) && !call->write)
                return;
        if (route->flags & SOVD_BARE_LIST)
                return encode_bare(schema, call->out, w);
        sovd_json_object_begin(w);
        if (call->write)
                call->write(call, w);
        else
                sovd_schema_encode_members(schema, call->out, w);
        if (sovd_streq(wanted, "true"))
                encode_schema(call, schema, w);
        sovd_json_object_end(w);
}

static const char *content_type(const struct sovd_call *call, const struct sovd_route *route) {
        if (route && ((route->flags & SOVD_DOCUMENT) || call->out_is_document) && !call->write && call->out)
                return ((const struct sovd_document *)call->out)->content_type;
        return "application/json";
}

/* RFC 6750 3.1: what was wrong is said of a token that was shown, and nothing of one that was not. */
static const char *challenge(const struct sovd_head *head) {
        const char *shown = sovd_head_field(head, "Authorization");
        bool is_bearer = (shown && strncasecmp(shown, "Bearer", 6) == 0) || sovd_head_field(head, "X-API-Key");

        return is_bearer ? "Bearer realm=\"sovd\", error=\"invalid_token\"" : "Bearer realm=\"sovd\"";
}

static unsigned send_failure(struct sovd_http_exchange *x, struct sovd_call *call, int r) {
        struct headers h = { .n = 0 };
        const struct sovd_failure *f = &call->failure;
        char seconds[16];

        (void)sovd_encode_failure(call, r, x->writer);
        (void)snprintf(seconds, sizeof(seconds), "%u", f->retry_after_sec);
        add(&h, "Content-Type", "application/json");
        add(&h, "Cache-Control", "no-store");
        add(&h, "X-Request-Id", call->request_id);
        add(&h, "Allow", f->allow);
        add(&h, "Content-Range", f->content_range);
        add(&h, "Retry-After", f->retry_after_sec ? seconds : NULL);
        add(&h, "SOVD-Audit-Head", sovd_trail_head(call));
        add(&h, "Set-Cookie", ((const struct sovd_rest_call *)call)->set_cookie);

        unsigned status = sovd_failure_status(call);
        if (status == 401)
                add(&h, "WWW-Authenticate", challenge(&x->head));
        sovd_http_send(x, status, h.items, x->head.method && strcmp(x->head.method, "HEAD") == 0);
        return status;
}

static unsigned send_success(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route,
                             const char *body, size_t len) {
        struct headers h = { .n = 0 };
        char etag[SOVD_ETAG_SIZE];
        unsigned status = call->status ? call->status : route->success;
        bool versioned = route->method == SOVD_GET && status == 200 && !(route->flags & SOVD_PROBE);
        bool bare = strcmp(x->head.method, "HEAD") == 0;

        if (versioned)
                add(&h, "ETag", sovd_etag(etag, body, len));
        if (versioned && sovd_etag_listed(sovd_head_field(&x->head, "If-None-Match"), etag)) {
                status = 304;
                bare = true;
        }
        if (len && status != 304)
                add(&h, "Content-Type", content_type(call, route));
        add(&h, "Cache-Control", versioned ? "private, no-cache" : "no-store");
        add(&h, "X-Request-Id", call->request_id);
        add(&h, "Location", call->location);
        add(&h, "Link", call->link);
        add(&h, "Set-Cookie", ((const struct sovd_rest_call *)call)->set_cookie);
        add(&h, "SOVD-Audit-Head", sovd_trail_head(call));
        sovd_http_send(x, status, h.items, bare);
        return status;
}

/* What a request with the same Idempotency-Key was answered. */
static unsigned send_again(struct sovd_http_exchange *x, struct sovd_call *call,
                           const struct sovd_idempotent_answer *answer) {
        struct headers h = { .n = 0 };

        sovd_json_raw(x->writer, answer->body, answer->body_len);
        add(&h, "Content-Type", answer->body_len ? "application/json" : NULL);
        add(&h, "Cache-Control", "no-store");
        add(&h, "X-Request-Id", call->request_id);
        add(&h, "Location", answer->location);
        add(&h, "Idempotency-Replayed", "true");
        add(&h, "SOVD-Audit-Head", sovd_trail_head(call));
        sovd_http_send(x, answer->status, h.items, false);
        return answer->status;
}

/* The head goes out, and the socket leaves this worker: the streamer sends the events. */
static bool holds(void *pass) {
        return sovd_pass_holds(pass);
}

static unsigned send_events(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route) {
        const struct sovd_http_header headers[] = { { "Content-Type", "text/event-stream" },
                                                    { "Cache-Control", "no-cache" },
                                                    { "X-Request-Id", call->request_id },
                                                    { NULL, NULL } };
        struct sovd_event_source *source = (struct sovd_event_source *)(uintptr_t)call->out;
        struct sovd_streamer_place *place;
        struct sovd_pass *pass;
        const char *reason;
        int fd;
        SSL *ssl;

        if (strcmp(x->head.method, "HEAD") == 0) {
                (void)sovd_http_send_stream_head(x, 200, headers);
                return 200;
        }
        int r = sovd_pass_new(&pass, call, route);
        if (r)
                return send_failure(x, call, r);
        const struct sovd_stream_guard guard = { pass ? holds : NULL, sovd_pass_release, pass };
        r = sovd_streamer_reserve(sovd_rest_of(call)->streamer, &place, call->principal.id, source,
                                  sovd_head_field(&x->head, "Last-Event-ID"), &guard, &reason);
        if (r)
                sovd_pass_unref(pass);
        if (r > 0) {
                sovd_fail(call, (enum sovd_error)r, "%s", reason);
                sovd_fail_retry_after(call, 5);
        }
        if (r)
                return send_failure(x, call, r);
        if (!sovd_http_send_stream_head(x, 200, headers)) {
                sovd_streamer_cancel(place);
                return 200;
        }
        sovd_http_detach(x, &fd, &ssl);
        sovd_streamer_start(place, fd, ssl);
        return 200;
}

unsigned sovd_respond(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route, int r) {
        const char *body;
        size_t len;

        if (r)
                return send_failure(x, call, r);
        if (((const struct sovd_rest_call *)call)->replay)
                return send_again(x, call, ((const struct sovd_rest_call *)call)->replay);
        if (call->wants_events)
                return send_events(x, call, route);
        if (route->flags & SOVD_STREAM_OUT) {
                unsigned status;
                r = sovd_respond_stream(x, call, route, &status);
                return r ? send_failure(x, call, r) : status;
        }

        sovd_encode_success(call, route, x->writer);
        r = sovd_json_writer_finish(x->writer, &body, &len);
        if (r)
                return send_failure(x, call, sovd_call_settle(call, r));
        return send_success(x, call, route, body, len);
}
