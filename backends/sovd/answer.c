/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/answer.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>

#define NODES_MAX      200000
#define ERROR_BODY_MAX 65536
#define MESSAGE_MAX    1024
#define CODE_MAX       128

/* What becomes of an error status of the server: the client's status when the body is a known error, and
 * the row that stands for it when it is not. Statuses that the standard knows not (423, 429, ...) become
 * ones it knows. */
static const struct status_row {
        unsigned from, to;
        enum sovd_error error;
} status_rows[] = {
        { 400, 400, SOVD_E_BAD_REQUEST },
        { 403, 403, SOVD_E_FORBIDDEN },
        { 404, 404, SOVD_E_NOT_FOUND },
        { 408, 504, SOVD_E_NOT_RESPONDING }, /* it waited for its own other side */
        { 409, 409, SOVD_E_CONFLICT },
        { 410, 404, SOVD_E_NOT_FOUND },
        { 412, 409, SOVD_E_CONFLICT }, /* no If-Match is sent, so it is about the state */
        { 413, 413, SOVD_E_TOO_LARGE },
        { 411, 411, SOVD_E_LENGTH_REQUIRED },
        { 415, 415, SOVD_E_MEDIA_TYPE },
        { 422, 400, SOVD_E_BAD_REQUEST },
        { 423, 409, SOVD_E_CONFLICT },
        { 429, 503, SOVD_E_OVERLOAD },
        { 500, 500, SOVD_E_UPSTREAM },
        { 501, 501, SOVD_E_NOT_IMPLEMENTED },
        { 502, 502, SOVD_E_UPSTREAM },
        { 503, 503, SOVD_E_UNAVAILABLE },
        { 504, 504, SOVD_E_NOT_RESPONDING },
};

static const struct status_row *row_of(unsigned status) {
        static const struct status_row other = { 0, 502, SOVD_E_UPSTREAM };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(status_rows); i++)
                if (status_rows[i].from == status)
                        return &status_rows[i];
        return &other;
}

static int parse(struct sovd_arena *arena, const char *text, size_t len, cJSON **ret,
                 struct sovd_json_fault *fault) {
        static const struct sovd_json_limits limits = { .max_nodes = NODES_MAX };

        return sovd_json_parse_in(arena, ret, text, len, &limits, fault);
}

int answer_parse(struct sovd_call *call, const struct sovd_http_answer *answer, cJSON **ret) {
        struct sovd_json_fault fault = { 0 };

        if (!answer->body_len)
                return sovd_fail(call, SOVD_E_BAD_ANSWER, "the backend's answer has no body");

        int r = parse(call->arena, answer->body, answer->body_len, ret, &fault);
        if (r > 0)
                return sovd_fail(call, SOVD_E_BAD_ANSWER,
                                 "the backend's answer is not JSON as it should be: %s, at byte %zu",
                                 fault.reason, fault.offset);
        return r;
}

int answer_decode(struct sovd_call *call, const struct sovd_schema *schema, const cJSON *json, void *object) {
        struct sovd_schema_error error = { .path = "", .reason = "" };

        int r = sovd_schema_decode(schema, json, object, call->arena, 0, &error);
        if (r > 0)
                return sovd_fail(call, SOVD_E_BAD_ANSWER, "the backend's answer is no %s: %.256s %.256s",
                                 schema->name, *error.path ? error.path : "it", error.reason);
        return r;
}

/* Text of the server that is passed on: not longer than n bytes, whole characters. */
static const char *capped(struct sovd_arena *arena, const cJSON *json, size_t n) {
        if (!cJSON_IsString(json))
                return NULL;

        const char *s = json->valuestring;
        if (strnlen(s, n + 1) <= n)
                return s;
        while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
                n--;
        return sovd_arena_strndup(arena, s, n);
}

static const cJSON *member(const cJSON *json, const char *name) {
        return cJSON_GetObjectItemCaseSensitive(json, name);
}

/* The Eclipse CDA writes the plural, which the standard's list does not have. */
static const char *standard_code(const char *code) {
        return sovd_streq(code, "preconditions-not-fulfilled") ? "precondition-not-fulfilled" : code;
}

static bool decode_flat(struct sovd_arena *arena, const cJSON *json, struct sovd_generic_error *ret) {
        const cJSON *parameters = member(json, "parameters");

        *ret = (struct sovd_generic_error){
                .error_code = standard_code(capped(arena, member(json, "error_code"), CODE_MAX)),
                .message = capped(arena, member(json, "message"), MESSAGE_MAX),
                .vendor_code = capped(arena, member(json, "vendor_code"), CODE_MAX),
                .translation_id = capped(arena, member(json, "translation_id"), CODE_MAX),
                .parameters = cJSON_IsObject(parameters) ? parameters : NULL,
        };
        return ret->error_code && *ret->error_code && ret->message;
}

/* {"error": {"code", "message"}}: the code is the server's own, so it becomes a vendor code. */
static bool decode_odata(struct sovd_arena *arena, const cJSON *json, unsigned status,
                         struct sovd_generic_error *ret) {
        const char *code = capped(arena, member(json, "code"), CODE_MAX);
        const struct sovd_error_info *info = sovd_error_info(row_of(status)->error);

        *ret = (struct sovd_generic_error){
                .error_code = info->error_code,
                .message = capped(arena, member(json, "message"), MESSAGE_MAX),
                .vendor_code = code,
        };
        return code && ret->message;
}

bool answer_error_decode(struct sovd_call *call, const cJSON *json, unsigned status,
                         struct sovd_generic_error *ret, const char **ret_path) {
        const cJSON *inner = member(json, "error");

        *ret_path = capped(call->arena, member(json, "path"), MESSAGE_MAX);
        if (decode_flat(call->arena, json, ret) || decode_flat(call->arena, inner, ret))
                return true;

        *ret_path = NULL;
        return decode_odata(call->arena, inner, status, ret);
}

int answer_not_found(struct sovd_call *call, const struct subject *s) {
        if (!s->entity)
                return s->id ? sovd_fail(call, SOVD_E_NOT_FOUND, "there is no %s '%.128s'", s->what, s->id)
                             : sovd_fail(call, SOVD_E_NOT_FOUND, "the server offers no %s", s->what);

        const char *word = sovd_entity_type_words[s->entity->type];

        if (!s->id)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "%s '%s' offers no %s on its server", word,
                                 s->entity->id, s->what);
        return sovd_fail(call, SOVD_E_NOT_FOUND, "%s '%s' has no %s '%.128s'", word, s->entity->id, s->what,
                         s->id);
}

/* In our own words, because the server's are not those of an error that we know. */
static int fail_plain(struct sovd_call *call, const struct sovd_http_answer *answer,
                      const struct subject *subject) {
        const struct status_row *row = row_of(answer->status);

        if (row->error == SOVD_E_NOT_FOUND)
                return answer_not_found(call, subject);
        const char *did = answer->status >= 500 || row->error == SOVD_E_UPSTREAM ? "answered"
                                                                                 : "refused the request";
        return sovd_fail(call, row->error, "the backend %s with HTTP status %u", did, answer->status);
}

/* An error status without an error that we know, from a server, or something before it, which may have done its work. */
static int fail_mute(struct sovd_call *call, const struct sovd_http_answer *answer, const struct subject *subject) {
        const bool refused = answer->status < 500 || answer->status == 501 || answer->status == 503;
        int r = fail_plain(call, answer, subject);

        return refused || !subject->changes ? r : sovd_fail_unknown(call, r);
}

static int fail_error(struct sovd_call *call, const struct sovd_http_answer *answer,
                      const struct subject *subject) {
        struct sovd_generic_error body;
        struct sovd_json_fault fault;
        const char *path;
        cJSON *json = NULL;

        int r = answer->body_len && answer->body_len <= ERROR_BODY_MAX
                        ? parse(call->arena, answer->body, answer->body_len, &json, &fault)
                        : 0;
        if (r < 0)
                return r;
        if (!json || !answer_error_decode(call, json, answer->status, &body, &path))
                return fail_mute(call, answer, subject);
        return sovd_fail_upstream(call, row_of(answer->status)->to, &body, path);
}

int answer_fail(struct sovd_call *call, const struct sovd_http_answer *answer,
                const struct subject *subject) {
        if (answer->status == 401)
                return sovd_fail(call, SOVD_E_UPSTREAM, "the backend refused the gateway's credentials");
        if (answer->status == 405)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "the backend does not offer this");
        if (answer->status < 400) {
                (void)sovd_fail(call, SOVD_E_BAD_ANSWER,
                                "the backend answered with HTTP status %u, which is not followed",
                                answer->status);
                return subject->changes ? sovd_fail_unknown(call, SOVD_E_BAD_ANSWER) : SOVD_E_BAD_ANSWER;
        }

        int r = fail_error(call, answer, subject);
        if (r > 0 && subject->changes && row_of(answer->status)->to == 504)
                (void)sovd_fail_unknown(call, r); /* its own other side did not answer */
        if (r > 0 && row_of(answer->status)->to == 503)
                sovd_fail_retry_after(call, SOVD_MAX(answer->retry_after_sec, 1u));
        return r;
}

int answer_missing(struct sovd_call *call, enum sovd_http_result result, const char *backend,
                   const struct subject *subject) {
        const char *unknown = subject->changes ? "; the request may have been carried out" : "";

        switch (result) {
        case SOVD_HTTP_BUSY:
                sovd_fail(call, SOVD_E_OVERLOAD, "too many calls to backend '%s' are under way", backend);
                sovd_fail_retry_after(call, 1);
                return SOVD_E_OVERLOAD;
        case SOVD_HTTP_REFUSED:
                sovd_fail(call, SOVD_E_UNAVAILABLE, "backend '%s' is not reachable", backend);
                sovd_fail_retry_after(call, 1);
                return SOVD_E_UNAVAILABLE;
        case SOVD_HTTP_TLS:
                sovd_fail(call, SOVD_E_UNAVAILABLE, "no TLS connection to backend '%s' came about", backend);
                sovd_fail_retry_after(call, 1);
                return SOVD_E_UNAVAILABLE;
        case SOVD_HTTP_TIMEOUT:
                (void)sovd_fail(call, SOVD_E_NOT_RESPONDING, "backend '%s' did not answer in time%s", backend,
                                unknown);
                break;
        case SOVD_HTTP_LOST:
                (void)sovd_fail(call, SOVD_E_BAD_ANSWER, "the connection to backend '%s' broke off%s", backend,
                                unknown);
                break;
        case SOVD_HTTP_TOO_LARGE:
                (void)sovd_fail(call, SOVD_E_BAD_ANSWER, "the answer of backend '%s' is over the limit%s",
                                backend, unknown);
                break;
        default:
                (void)sovd_fail(call, SOVD_E_BAD_ANSWER, "the answer of backend '%s' is not proper HTTP%s",
                                backend, unknown);
        }
        return subject->changes ? sovd_fail_unknown(call, call->failure.error) : call->failure.error;
}
