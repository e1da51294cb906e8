/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/upstream.h"
#include "backends/sovd/discovery.h"
#include "backends/sovd/watch.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <errno.h>

/* Kept of the client's time to make our own answer of what came. */
#define MARGIN_USEC    (100 * SOVD_USEC_PER_MSEC)
#define RETRY_MIN_USEC (100 * SOVD_USEC_PER_MSEC)

/* A server that had less time than this, because its client had no more, is not blamed for being late. */
#define FAIR_USEC SOVD_USEC_PER_SEC

struct exchange {
        struct sovd_http_request request;
        struct sovd_http_answer answer;
        uint64_t started_usec;
        bool probe; /* the breaker lets this one through to see */
        struct sovd_http_transfer *transfer; /* of large bodies; or NULL */
        struct sovd_source **stream;         /* of its answer; or NULL */
        const char *accept;
        const char *const *lines; /* further header lines; or NULL */
};

/* Longer than any transfer may take: the gateway bounds those. */
#define TRANSFER_USEC (UINT64_C(86400) * SOVD_USEC_PER_SEC)

struct upstream upstream_of(struct sovd_call *call, const struct sovd_entity *e,
                            enum sovd_collection collection, const char *what, const char *id) {
        return (struct upstream){
                .backend = sovd_sovd_of(e->providers[collection]),
                .call = call,
                .subject = { .entity = e, .what = what, .id = id },
        };
}

struct upstream upstream_of_server(struct sovd_call *call, struct sovd_backend *backend, const char *what,
                                   const char *id) {
        return (struct upstream){
                .backend = sovd_sovd_of(backend),
                .call = call,
                .subject = { .what = what, .id = id },
        };
}

int upstream_add_query(struct upstream *u, const char *name, const char *value) {
        const char *before = u->query;

        int r = upstream_set_query(u, name, value);
        if (!r && before)
                u->query = sovd_arena_printf(u->call->arena, "%s&%s", before, u->query);
        return u->query ? r : sovd_error_origin(-ENOMEM);
}

int upstream_set_query(struct upstream *u, const char *name, const char *value) {
        const char *encoded = sovd_http_encode_segment(u->call->arena, value);

        u->query = encoded ? sovd_arena_printf(u->call->arena, "%s=%s", name, encoded) : NULL;
        return u->query ? 0 : sovd_error_origin(-ENOMEM);
}

void upstream_pass_schema(struct upstream *u) {
        if (sovd_streq(sovd_call_query(u->call, "include-schema"), "true"))
                u->query = "include-schema=true";
}

/* --- target --------------------------------------------------------------------------------------------- */

/* A sub-entity may be reachable below its parent only: then discovery has kept its path. */
static int entity_path(const struct upstream *u, const struct dialect *dialect, const char **ret) {
        const struct sovd_entity *e = u->subject.entity;
        struct sovd_sovd *b = u->backend;
        const char *kept = NULL;
        bool ok = true;

        *ret = "";
        if (!e)
                return 0;
        (void)pthread_mutex_lock(&b->mutex);
        ssize_t i = b->view ? view_find(b->view, e->type, e->id) : -1;
        if (i >= 0 && b->view->paths[i]) {
                kept = sovd_arena_strdup(u->call->arena, b->view->paths[i]);
                ok = kept;
        }
        (void)pthread_mutex_unlock(&b->mutex);

        if (!kept && ok) {
                const char *id = sovd_http_encode_segment(u->call->arena, e->id);
                kept = id ? sovd_arena_printf(u->call->arena, "/%s/%s", dialect->type_paths[e->type], id)
                          : NULL;
        }
        *ret = kept;
        return kept ? 0 : sovd_error_origin(-ENOMEM);
}

static int make_target(const struct upstream *u, va_list segments, const char **ret) {
        const struct dialect *dialect = atomic_load(&u->backend->dialect);
        struct sovd_arena *arena = u->call->arena;
        const char *target, *segment;

        int r = entity_path(u, dialect, &target);
        while (!r && target && (segment = va_arg(segments, const char *))) {
                segment = sovd_http_encode_segment(arena, segment);
                target = segment ? sovd_arena_printf(arena, "%s/%s", target, segment) : NULL;
        }
        if (!r && target)
                target = sovd_arena_printf(arena, "%s%s%s%s", u->backend->options.api_prefix, target,
                                           u->query ? "?" : "", u->query ? u->query : "");
        if (!r && !target)
                r = sovd_error_origin(-ENOMEM);
        *ret = target;
        return r;
}

/* --- one exchange --------------------------------------------------------------------------------------- */

static uint64_t deadline_of(const struct upstream *u, const struct exchange *x, uint64_t now_usec) {
        uint64_t left = sovd_clock_left_usec(u->call->deadline_usec);

        if (x->transfer)
                return x->transfer->body ? u->call->deadline_usec : now_usec + TRANSFER_USEC;

        left = left > 2 * MARGIN_USEC ? left - MARGIN_USEC : left / 2;
        return now_usec + SOVD_MIN(left, u->backend->timeout_usec);
}

#define LINES_MAX 4 /* of one exchange, besides those of every one */

static int make_headers(const struct upstream *u, const struct exchange *x, const char *const **ret) {
        const char **lines = sovd_arena_array(u->call->arena, const char *, 5 + LINES_MAX);
        size_t n = 0;
        if (!lines)
                return sovd_error_origin(-ENOMEM);

        for (size_t i = 0; x->lines && x->lines[i] && i < LINES_MAX; i++)
                lines[n++] = x->lines[i];
        if (x->accept)
                lines[n++] = x->accept;
        else
                lines[n++] = u->accept ? sovd_arena_printf(u->call->arena, "Accept: %s", u->accept)
                                       : "Accept: application/json";
        if (u->call->traceparent)
                lines[n++] = sovd_arena_printf(u->call->arena, "traceparent: %s", u->call->traceparent);
        if (u->call->request_id)
                lines[n++] = sovd_arena_printf(u->call->arena, "X-Request-Id: %s", u->call->request_id);
        if (u->field)
                lines[n++] = u->field;
        for (size_t i = 0; i < n; i++)
                if (!lines[i])
                        return sovd_error_origin(-ENOMEM);
        *ret = lines;
        return 0;
}

static bool admit(struct upstream *u, struct exchange *x) {
        unsigned retry_after_sec = 1;

        if (sovd_breaker_admit(u->backend->breaker, x->started_usec, &retry_after_sec, &x->probe))
                return true;

        (void)atomic_fetch_add_explicit(&u->backend->n_rejected, 1, memory_order_relaxed);
        (void)sovd_fail(u->call, SOVD_E_UNAVAILABLE,
                        "backend '%s' failed several times in a row and is left alone for now",
                        u->backend->base.name);
        sovd_fail_retry_after(u->call, retry_after_sec);
        return false;
}

static bool may_repeat(const struct upstream *u, const struct exchange *x, int result) {
        return (result == SOVD_HTTP_LOST || result == SOVD_HTTP_REFUSED) && !u->subject.changes &&
               u->backend->options.retry.value && !x->probe &&
               sovd_breaker_state(u->backend->breaker) == SOVD_BREAKER_CLOSED &&
               sovd_clock_left_usec(x->request.deadline_usec) >= RETRY_MIN_USEC;
}

/* Counts what was tried at the server: not what found no place among the calls under way. */
static int perform_once(struct upstream *u, struct exchange *x) {
        int result = x->transfer ? sovd_http_open(u->backend->bulk_pool, &x->request, x->transfer, &x->answer,
                                                  u->call->arena, x->stream)
                                 : sovd_http_call(u->backend->pool, &x->request, &x->answer, u->call->arena);

        if (result >= 0 && result != SOVD_HTTP_BUSY)
                (void)atomic_fetch_add_explicit(&u->backend->n_calls, 1, memory_order_relaxed);
        return result;
}

static int perform(struct upstream *u, struct exchange *x) {
        int result = perform_once(u, x);
        if (!may_repeat(u, x, result))
                return result;

        (void)atomic_fetch_add_explicit(&u->backend->n_retries, 1, memory_order_relaxed);
        return perform_once(u, x);
}

static bool had_fair_time(const struct upstream *u, const struct exchange *x) {
        return x->request.deadline_usec - x->started_usec >=
               SOVD_MIN(u->backend->timeout_usec / 2, FAIR_USEC);
}

static void report_success(struct upstream *u, const struct exchange *x) {
        sovd_breaker_success(u->backend->breaker, x->probe);
        atomic_store_explicit(&u->backend->last_seen_usec, sovd_realtime_usec(), memory_order_relaxed);
        if (x->probe)
                watch_wake(u->backend, false);
}

/* A call that ended because its backend is taken out of service. */
static int answer_stopped(struct upstream *u) {
        (void)sovd_fail(u->call, SOVD_E_UNAVAILABLE, "backend '%s' is being taken out of service%s", u->backend->base.name,
                        u->subject.changes ? "; the request may have been carried out" : "");
        sovd_fail_retry_after(u->call, 1);
        return u->subject.changes ? sovd_fail_unknown(u->call, SOVD_E_UNAVAILABLE) : SOVD_E_UNAVAILABLE;
}

/* Did the request never get there, or only in part? */
static bool is_not_sent(const struct exchange *x, int result) {
        return result == SOVD_HTTP_BUSY || result == SOVD_HTTP_REFUSED || result == SOVD_HTTP_TLS ||
               (result != SOVD_HTTP_OK && x->transfer && x->transfer->body_result);
}

/* Tells the breaker and the watch what this exchange says about the server. */
static void report(struct upstream *u, const struct exchange *x, int result) {
        struct sovd_sovd *b = u->backend;

        if (result == SOVD_HTTP_OK || result == SOVD_HTTP_TOO_LARGE) {
                report_success(u, x);
        } else if (result < 0 || result == SOVD_HTTP_BUSY || (x->transfer && x->transfer->body_result) ||
                   (result == SOVD_HTTP_TIMEOUT && !had_fair_time(u, x))) {
                sovd_breaker_abandon(b->breaker, x->probe);
                if (result == SOVD_HTTP_BUSY)
                        (void)atomic_fetch_add_explicit(&b->n_rejected, 1, memory_order_relaxed);
        } else {
                (void)atomic_fetch_add_explicit(&b->n_failures, 1, memory_order_relaxed);
                sovd_breaker_failure(b->breaker, x->probe, sovd_now_usec());
                watch_wake(b, true);
        }
}

/* 0: an answer came, of whatever status. */
static int converse(struct upstream *u, struct exchange *x) {
        u->status = 0;
        x->started_usec = sovd_now_usec();
        x->request.deadline_usec = deadline_of(u, x, x->started_usec);
        int r = make_headers(u, x, &x->request.headers);
        if (r)
                return r;
        if (!admit(u, x))
                return SOVD_E_UNAVAILABLE;

        u->acted_before = u->call->acted;
        u->call->acted = u->call->acted || u->subject.changes;
        int result = perform(u, x);
        report(u, x, result);
        if (is_not_sent(x, result))
                u->call->acted = u->acted_before;
        if (result < 0)
                return result;
        if (result != SOVD_HTTP_OK && x->transfer && x->transfer->body_result)
                return x->transfer->body_result; /* the client broke it, and is told why by whoever read from it */
        if (result != SOVD_HTTP_OK && watch_is_stopping(u->backend))
                return answer_stopped(u);
        if (result != SOVD_HTTP_OK)
                return answer_missing(u->call, (enum sovd_http_result)result, u->backend->base.name,
                                      &u->subject);

        u->status = x->answer.status;
        return 0;
}

int upstream_refused(struct upstream *u, const struct sovd_http_answer *answer) {
        int r = answer_fail(u->call, answer, &u->subject);

        if (r > 0 && !u->call->failure.outcome_unknown)
                u->call->acted = u->acted_before;
        return r;
}

static int exchange(struct upstream *u, struct exchange *x) {
        int r = converse(u, x);
        if (r)
                return r;

        return u->status >= 200 && u->status < 300 ? 0 : upstream_refused(u, &x->answer);
}

/* --- what the dialects call ----------------------------------------------------------------------------- */

int upstream_get(struct upstream *u, struct cJSON **ret, ...) {
        struct exchange x = { .request.method = "GET" };
        va_list segments;

        u->subject.changes = false;
        va_start(segments, ret);
        int r = make_target(u, segments, &x.request.target);
        va_end(segments);
        if (!r)
                r = exchange(u, &x);
        return r ? r : answer_parse(u->call, &x.answer, ret);
}

int upstream_get_any(struct upstream *u, struct sovd_http_answer *ret, ...) {
        struct exchange x = { .request.method = "GET" };
        va_list segments;

        u->subject.changes = false;
        va_start(segments, ret);
        int r = make_target(u, segments, &x.request.target);
        va_end(segments);
        if (!r)
                r = exchange(u, &x);
        if (!r)
                *ret = x.answer;
        return r;
}

int upstream_send(struct upstream *u, const char *method, struct sovd_json_writer *body, struct cJSON **ret,
                  ...) {
        struct exchange x = { .request.method = method, .request.content_type = u->content_type };
        va_list segments;

        u->subject.changes = true;
        va_start(segments, ret);
        int r = make_target(u, segments, &x.request.target);
        va_end(segments);
        if (!r && body)
                r = sovd_json_writer_finish(body, &x.request.body, &x.request.body_len);
        if (!r)
                r = exchange(u, &x);
        if (r || !ret)
                return r;

        *ret = NULL;
        return x.answer.body_len ? upstream_accepted(u, answer_parse(u->call, &x.answer, ret)) : 0;
}

int upstream_transfer(struct upstream *u, const struct upstream_transfer *t, struct sovd_http_answer *answer, ...) {
        struct exchange x = { .request = { .method = t->method, .content_type = t->content_type },
                              .transfer = t->transfer,
                              .stream = t->stream,
                              .accept = t->accept,
                              .lines = t->lines };
        va_list segments;

        u->subject.changes = t->transfer->body;
        t->transfer->idle_usec = u->backend->timeout_usec;
        va_start(segments, answer);
        int r = make_target(u, segments, &x.request.target);
        va_end(segments);
        if (!r)
                r = converse(u, &x);
        *answer = x.answer;
        return r;
}

int upstream_send_raw(struct upstream *u, const char *content_type, const char *bytes, size_t len, struct cJSON **ret,
                      ...) {
        struct exchange x = { .request = { .method = "POST",
                                           .body = len ? bytes : NULL,
                                           .body_len = len,
                                           .content_type = content_type ? content_type : "application/octet-stream" } };
        va_list segments;

        u->subject.changes = true;
        va_start(segments, ret);
        int r = make_target(u, segments, &x.request.target);
        va_end(segments);
        if (!r)
                r = exchange(u, &x);
        return r ? r : upstream_accepted(u, answer_parse(u->call, &x.answer, ret));
}

int upstream_accepted(struct upstream *u, int r) {
        if (r != SOVD_E_BAD_ANSWER)
                return r;
        (void)sovd_fail(u->call, SOVD_E_BAD_ANSWER, "%s; the request itself was accepted",
                        u->call->failure.body.message);
        return sovd_fail_unknown(u->call, SOVD_E_BAD_ANSWER);
}

/* 404 alone may mean that there is no such operation. */
static bool knows_operation(struct upstream *u, const char *operation) {
        const struct dialect *dialect = atomic_load(&u->backend->dialect);
        struct sovd_operation_detail detail;

        return dialect->ops->operation_read(u->call, u->subject.entity, operation, &detail) == 0;
}

int upstream_without_list(struct upstream *u, int r, const char *operation) {
        struct sovd_failure failure = u->call->failure;

        if (r < 0 || !fetch_is_absent(u->status))
                return r;
        if ((u->status == 404 || u->status == 410) && !knows_operation(u, operation)) {
                u->call->failure = failure;
                return r;
        }
        u->call->failure = (struct sovd_failure){ 0 };
        return 0;
}

const struct dialect *upstream_dialect(struct sovd_call *call, const struct sovd_entity *e,
                                       enum sovd_collection collection) {
        return upstream_dialect_of(call, e->providers[collection]);
}

const struct dialect *upstream_dialect_of(struct sovd_call *call, struct sovd_backend *backend) {
        struct sovd_sovd *b = sovd_sovd_of(backend);
        const struct dialect *dialect = atomic_load(&b->dialect);

        if (!dialect) {
                (void)atomic_fetch_add_explicit(&b->n_rejected, 1, memory_order_relaxed);
                (void)sovd_fail(call, SOVD_E_UNAVAILABLE, "backend '%s' was not reached yet", b->base.name);
                sovd_fail_retry_after(call, 1);
        }
        return dialect;
}
