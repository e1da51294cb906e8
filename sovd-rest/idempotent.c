/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/idempotent.h"
#include "sovd-core/idempotency.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/respond.h"
#include "sovd-rest/rest.h"

static struct sovd_idempotency *idempotency_of(const struct sovd_call *call) {
        return sovd_gateway_idempotency(call->gateway);
}

static int check_key(struct sovd_call *call, const char *key) {
        const size_t n = strlen(key);

        for (size_t i = 0; i < n; i++)
                if (key[i] < '!' || key[i] > '~')
                        return sovd_fail(
                                call, SOVD_E_BAD_REQUEST,
                                "Idempotency-Key must be of visible ASCII characters, without spaces");
        if (!n || n > SOVD_IDEMPOTENCY_KEY_MAX)
                return sovd_fail(call, SOVD_E_BAD_REQUEST,
                                 "Idempotency-Key must have 1 to %d characters, not %zu",
                                 SOVD_IDEMPOTENCY_KEY_MAX, n);
        return 0;
}

/* Ids have no control characters. */
static const char *resource_of(struct sovd_call *call, const struct sovd_route *route) {
        const struct sovd_entity *e = call->entity;
        const char *text = sovd_call_printf(call, "%s\n%s\n%s", route->id,
                                            e ? sovd_entity_type_paths[e->type] : "", e ? e->id : "");

        for (size_t i = 0; i < SOVD_PARAMS_MAX && call->params[i]; i++)
                text = sovd_call_printf(call, "%s\n%s", text, call->params[i]);
        return text;
}

/* Did the handler do something, or perhaps, so that it must not be done again? */
static bool is_final(const struct sovd_call *call, int r) {
        return r <= 0 || call->failure.outcome_unknown;
}

/* Keeps the answer; it is sent like any other. */
static int keep(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route, int r,
                uint64_t ticket) {
        struct sovd_idempotent_answer answer = { .location = r ? NULL : call->location };

        if (r)
                r = sovd_encode_failure(call, r, x->writer);
        else
                sovd_encode_success(call, route, x->writer);
        answer.status = r ? sovd_failure_status(call) : call->status ? call->status : route->success;
        if (sovd_json_writer_finish(x->writer, &answer.body, &answer.body_len))
                answer.body_len = SIZE_MAX; /* cannot be told again */
        sovd_idempotency_end(idempotency_of(call), ticket, &answer);
        sovd_json_writer_reset(x->writer);
        return r;
}

int sovd_idempotent_end(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route, int r,
                        uint64_t ticket) {
        if (is_final(call, r))
                return keep(x, call, route, r, ticket);
        sovd_idempotency_abandon(idempotency_of(call), ticket);
        return r;
}

void sovd_idempotent_cancel(const struct sovd_call *call, uint64_t ticket) {
        sovd_idempotency_abandon(idempotency_of(call), ticket);
}

static int replay(struct sovd_call *call, const struct sovd_idempotent_answer *answer) {
        if (!answer->body)
                return sovd_fail(
                        call, SOVD_E_CONFLICT,
                        "the request with this Idempotency-Key was answered with status %u; the answer was "
                        "too long to be kept",
                        answer->status);
        ((struct sovd_rest_call *)call)->replay = answer;
        return 0;
}

/* That of an operation which answers at once goes with its answer, and the answer may have got lost. */
static bool is_there(struct sovd_call *call, const char *execution) {
        struct sovd_execution_ref ref;

        return execution && sovd_executions_find(sovd_gateway_executions(call->gateway), call->entity, call->params[0],
                                                 execution, &ref, call->arena) == 0;
}

/* It is not carried out once more: nobody knows whether it was. What was begun under the key is named. */
static int tell_interrupted(struct sovd_call *call, const char *execution) {
        if (!is_there(call, execution))
                execution = NULL;
        (void)sovd_fail(call, SOVD_E_CONFLICT,
                        "this server was restarted before it answered the request with this Idempotency-Key; %s",
                        execution ? "its execution says what is known of it" : "nobody knows whether it was carried out");
        (void)sovd_fail_unknown(call, SOVD_E_CONFLICT);
        int r = execution ? sovd_execution_point_to(call, execution) : 0;
        return r ? r : SOVD_E_CONFLICT;
}

static int refuse(struct sovd_call *call, enum sovd_idempotency_state state) {
        if (state == SOVD_IDEMPOTENCY_OTHER)
                return sovd_fail(call, SOVD_E_CONFLICT, "this Idempotency-Key was used with another body");
        if (state == SOVD_IDEMPOTENCY_RUNNING) {
                sovd_fail(call, SOVD_E_CONFLICT,
                          "the request with this Idempotency-Key is still being carried out");
                sovd_fail_retry_after(call, 1);
                return SOVD_E_CONFLICT;
        }
        sovd_fail(call, SOVD_E_OVERLOAD,
                  "the limit of idempotency keys is reached; requests without one are served");
        sovd_fail_retry_after(call, 60);
        return SOVD_E_OVERLOAD;
}

int sovd_idempotent_begin(struct sovd_call *call, const struct sovd_route *route, uint64_t *ret_ticket) {
        const char *key = sovd_call_header(call, "Idempotency-Key");
        struct sovd_idempotent_answer *answer;
        enum sovd_idempotency_state state;

        *ret_ticket = 0;
        int r = key ? check_key(call, key) : 0;
        if (r || !key)
                return r;

        const struct sovd_idempotency_use use = { .principal = call->principal.id,
                                                  .resource = resource_of(call, route),
                                                  .key = key,
                                                  .body = call->raw,
                                                  .body_len = call->raw_len };
        answer = sovd_arena_new0(call->arena, struct sovd_idempotent_answer);
        if (!answer || !*use.resource)
                return sovd_error_origin(-ENOMEM);
        r = sovd_idempotency_begin(idempotency_of(call), &use, &state, ret_ticket, answer, call->arena);
        if (r || state == SOVD_IDEMPOTENCY_NEW)
                return r;
        if (state == SOVD_IDEMPOTENCY_INTERRUPTED)
                return tell_interrupted(call, answer->execution);
        return state == SOVD_IDEMPOTENCY_ANSWERED ? replay(call, answer) : refuse(call, state);
}
