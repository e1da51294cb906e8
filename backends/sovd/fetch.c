/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/fetch.h"
#include "backends/sovd/shape.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <errno.h>
#include <stdio.h>

#define NODES_MAX 200000

/* After so many requests in a row without an answer the list of components is asked for again. */
#define FAILURES_MAX 2

/* Timeouts that one pass may spend on resources that do not answer; then it asks no more. */
#define PATIENCE 6

static int parse(struct sovd_arena *arena, const struct sovd_http_answer *answer, cJSON **ret) {
        static const struct sovd_json_limits limits = { .max_nodes = NODES_MAX };
        struct sovd_json_fault fault;

        return sovd_json_parse_in(arena, ret, answer->body, answer->body_len, &limits, &fault);
}

/* Returns enum sovd_http_result or -errno. *ret is NULL unless a 2xx answer with JSON came. */
static int get(struct sovd_sovd *b, struct sovd_arena *arena, const char *path, unsigned *ret_status,
               cJSON **ret) {
        static const char *const headers[] = { "Accept: application/json", NULL };
        struct sovd_http_request request = {
                .method = "GET",
                .target = sovd_arena_printf(arena, "%s%s", b->options.api_prefix, path),
                .headers = headers,
                .deadline_usec = sovd_now_usec() + b->timeout_usec,
        };
        struct sovd_http_answer answer;

        *ret = NULL;
        if (!request.target)
                return sovd_error_origin(-ENOMEM);

        int result = sovd_http_call(b->discovery_pool, &request, &answer, arena);
        if (result == SOVD_HTTP_LOST) /* the server may have closed a connection that was idle since the last look */
                result = sovd_http_call(b->discovery_pool, &request, &answer, arena);
        if (result != SOVD_HTTP_OK)
                return result;

        atomic_store_explicit(&b->last_seen_usec, sovd_realtime_usec(), memory_order_relaxed);
        *ret_status = answer.status;
        int r = fetch_is_ok(answer.status) ? parse(arena, &answer, ret) : 0;
        return r < 0 ? r : SOVD_HTTP_OK;
}

/* --- the first list ------------------------------------------------------------------------------------- */

static const char *describe(int result) {
        switch (result) {
        case SOVD_HTTP_REFUSED:
                return "not reachable";
        case SOVD_HTTP_TLS:
                return "TLS: no handshake, or the certificate was not accepted";
        case SOVD_HTTP_TIMEOUT:
        case SOVD_HTTP_BUSY:
                return "no answer in time";
        case SOVD_HTTP_LOST:
                return "the connection broke off";
        case SOVD_HTTP_TOO_LARGE:
                return "the list of components is over max_answer_bytes";
        case SOVD_HTTP_BROKEN:
                return "what it answers is not proper HTTP";
        default:
                return "an internal failure";
        }
}

static const struct dialect *choose_dialect(const struct sovd_sovd *b, const cJSON *list) {
        switch (b->options.dialect) {
        case SOVD_DIALECT_ISO:
                return cJSON_IsArray(shape_member(list, "items")) ? &dialect_iso : NULL;
        case SOVD_DIALECT_ODATA:
                return cJSON_IsArray(shape_member(list, "value")) ? &dialect_odata : NULL;
        default:
                return discovery_detect(list);
        }
}

bool fetch_components(struct sovd_sovd *b, struct sovd_arena *arena, cJSON **ret,
                      const struct dialect **ret_dialect, char *problem, size_t size) {
        unsigned status = 0;

        int result = get(b, arena, "/components", &status, ret);
        if (result != SOVD_HTTP_OK)
                (void)snprintf(problem, size, "%s", describe(result));
        else if (status == 401 || status == 403)
                (void)snprintf(problem, size, "it refuses the gateway's credentials (HTTP status %u)",
                               status);
        else if (!fetch_is_ok(status))
                (void)snprintf(problem, size, "it answers with HTTP status %u", status);
        else if (!*ret)
                (void)snprintf(problem, size, "its list of components is not JSON as it should be");
        else if (!(*ret_dialect = choose_dialect(b, *ret)))
                (void)snprintf(problem, size, "its list of components is in no known dialect");
        else
                return true;
        return false;
}

/* --- the others ----------------------------------------------------------------------------------------- */

/* Is it the server that fails, or only what was asked for? */
static int look_again(struct fetch *f) {
        unsigned status = 0;
        cJSON *list;

        sovd_arena_reset(f->scratch);
        f->n_failures = 0;
        int result = get(f->backend, f->scratch, "/components", &status, &list);
        if (result < 0)
                return result;
        return result == SOVD_HTTP_OK && fetch_is_ok(status) ? 0 : -EIO;
}

int fetch_get(struct fetcher *fetcher, const char *path, unsigned *ret_status, cJSON **ret) {
        struct fetch *f = (struct fetch *)fetcher;
        uint64_t started_usec = sovd_now_usec();

        *ret_status = FETCH_UNUSABLE;
        *ret = NULL;
        if (f->spent_usec >= PATIENCE * f->backend->timeout_usec)
                return 0;

        sovd_arena_reset(f->scratch);
        int result = get(f->backend, f->scratch, path, ret_status, ret);
        switch (result) {
        case SOVD_HTTP_OK:
                f->n_failures = 0;
                if (fetch_is_ok(*ret_status) && !*ret)
                        *ret_status = FETCH_UNUSABLE;
                return 0;
        case SOVD_HTTP_TOO_LARGE:
                return 0;
        case SOVD_HTTP_REFUSED:
        case SOVD_HTTP_TLS:
                return -ECONNREFUSED;
        case SOVD_HTTP_BUSY: /* the pool has one user: it was stopped */
                return -ECANCELED;
        case SOVD_HTTP_TIMEOUT:
        case SOVD_HTTP_LOST:
        case SOVD_HTTP_BROKEN:
                f->spent_usec += sovd_now_usec() - started_usec;
                return ++f->n_failures < FAILURES_MAX ? 0 : look_again(f);
        default:
                return result;
        }
}
