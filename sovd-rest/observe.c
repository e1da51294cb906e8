/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/observe.h"
#include "sovd-auth/auth.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/events.h"
#include "sovd-rest/dispatch.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/http_tls.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/respond.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <strings.h>

#define BODY_MAX (1024 * 1024)

static int refuse(struct sovd_call *call, enum sovd_error error, const char *why) {
        return sovd_fail_at(call, error, "/resource", "member resource %s", why);
}

/* --- resolving ------------------------------------------------------------------------------------------ */

static size_t scheme_of(const char *uri) {
        return strncasecmp(uri, "http://", 7) == 0 ? 7 : strncasecmp(uri, "https://", 8) == 0 ? 8 : 0;
}

/* "http://host" in front is the server that was asked, by the name in the request or by that of our own URIs, which
 * a proxy may have given (origin.h). What follows is the path. */
static int cut_authority(struct sovd_call *call, const char **text) {
        const char *host = sovd_call_header(call, "Host"), *own = call->base + scheme_of(call->base);
        size_t scheme = scheme_of(*text), n = strcspn(*text + scheme, "/?");

        if (!scheme)
                return 0;
        bool is_host = host && strlen(host) == n && strncasecmp(*text + scheme, host, n) == 0;
        bool is_own = strcspn(own, "/") == n && strncasecmp(*text + scheme, own, n) == 0;
        if (!is_host && !is_own)
                return refuse(call, SOVD_E_BAD_REQUEST, "names another server");
        *text += scheme + n;
        return **text == '/' ? 0 : refuse(call, SOVD_E_BAD_REQUEST, "names no path");
}

/* A path of ours may begin with what the proxy puts in front of all paths. */
static void cut_prefix(const struct sovd_call *call, const char **text) {
        const char *own = strchr(call->base + scheme_of(call->base), '/');
        size_t n = strlen(own);

        if (sovd_has_prefix(*text, own) && (*text)[n] == '/')
                *text += n - strlen(SOVD_API_BASE);
}

/* Everything becomes a path from the root of the server. */
static int to_path(struct sovd_call *call, const char *text, const char **ret) {
        int r = cut_authority(call, &text);

        if (r)
                return r;
        cut_prefix(call, &text);
        for (const char *p = text; *p; p++)
                if (*p <= ' ' || (unsigned char)*p >= 0x7f || strchr("\"<>\\^`{|}", *p))
                        return refuse(call, SOVD_E_BAD_REQUEST,
                                      "is not a URI reference: encode what is not allowed in one");
        if (strchr(text, '#'))
                return refuse(call, SOVD_E_BAD_REQUEST, "may have no fragment; the element is named by path");
        if (*text == '/' && !sovd_has_prefix(text, SOVD_API_BASE "/"))
                return refuse(call, SOVD_E_BAD_REQUEST, "does not begin with " SOVD_API_BASE "/");
        if (*text != '/' && text[strcspn(text, ":/?")] == ':')
                return refuse(call, SOVD_E_BAD_REQUEST, "has a scheme that is neither http nor https");
        if (sovd_has_prefix(text, "../"))
                text += 3; /* seen from the collection of subscriptions or triggers */
        *ret = *text == '/' ? text
                            : sovd_call_printf(call, "%s/%s/%s/%s", SOVD_API_BASE,
                                               sovd_entity_type_paths[call->entity->type],
                                               sovd_encoded(call, call->entity->id), text);
        return 0;
}

/* The path in its one form: through the entity itself, with ids encoded, without a slash at the end. */
static const char *canonical(struct sovd_call *call, const struct sovd_target *target,
                             const struct sovd_match *m, const char *query) {
        const struct sovd_entity *e = call->entity;
        const char *text =
                sovd_call_printf(call, "/%s/%s", sovd_entity_type_paths[e->type], sovd_encoded(call, e->id));

        for (size_t i = 2 + 2 * m->n_steps; i < target->n; i++)
                text = sovd_call_printf(call, "%s/%s", text, sovd_encoded(call, target->segments[i]));
        return query && *query ? sovd_call_printf(call, "%s?%s", text, query) : text;
}

static const char *source_of(const struct sovd_entity *e, const struct sovd_route *route) {
        const struct sovd_backend *b =
                route->collection != SOVD_NO_COLLECTION ? e->providers[route->collection] : e->owner;

        return b ? b->name : "";
}

/* Can what was found be observed from here? */
static int check_found(struct sovd_call *call, const struct sovd_call *inner, const struct sovd_match *m) {
        const struct sovd_route *route = m->route;

        if (!m->n_steps || inner->entity != call->entity)
                return refuse(call, SOVD_E_BAD_REQUEST, "is not a resource of this entity");
        if (route && strcmp(route->path, "/{entity}") == 0)
                return refuse(call, SOVD_E_BAD_REQUEST, "is the entity itself; name one of its resources");
        if (!route || !route->out || (route->flags & (SOVD_DOCUMENT | SOVD_EVENTS | SOVD_STREAM_OUT)))
                return refuse(call, SOVD_E_NOT_IMPLEMENTED,
                              "cannot be observed: GET does not answer there with JSON");
        if (route->collection == SOVD_COLLECTION_TRIGGERS ||
            route->collection == SOVD_COLLECTION_CYCLIC_SUBSCRIPTIONS)
                return refuse(call, SOVD_E_NOT_IMPLEMENTED,
                              "is itself an observation, and those cannot be observed");
        if (route->collection != SOVD_NO_COLLECTION && !call->entity->providers[route->collection])
                return refuse(call, SOVD_E_NOT_IMPLEMENTED,
                              "is in a collection that this entity does not offer");
        return 0;
}

/* The call that reads; it shares arena and tree with the one that asks. */
static struct sovd_rest_call inner_call(const struct sovd_call *call) {
        return (struct sovd_rest_call){ .rest = sovd_rest_of(call),
                                        .policy = ((const struct sovd_rest_call *)call)->policy,
                                        .call = { .arena = call->arena,
                                                  .gateway = call->gateway,
                                                  .deadline_usec = call->deadline_usec,
                                                  .request_id = call->request_id,
                                                  .traceparent = call->traceparent,
                                                  .principal = call->principal,
                                                  .base = call->base,
                                                  .tree = call->tree } };
}

static int find(struct sovd_call *inner, const char *path, struct sovd_target *target, struct sovd_match *m,
                const char **ret_query) {
        const char *mark = strchr(path, '?');
        const char *bare = mark ? sovd_arena_strndup(inner->arena, path, (size_t)(mark - path)) : path;

        *ret_query = mark ? mark + 1 : NULL;
        return bare ? sovd_dispatch_find(inner, bare, *ret_query, target, m) : sovd_error_origin(-ENOMEM);
}

int sovd_observe_resolve(struct sovd_call *call, const char *resource, struct sovd_observed *ret) {
        struct sovd_rest_call inner = inner_call(call);
        struct sovd_target target;
        struct sovd_match m = { 0 };
        const char *path = NULL, *query;

        int r = to_path(call, resource, &path);
        if (r)
                return r;
        r = find(&inner.call, path, &target, &m, &query);
        if (r > 0)
                return refuse(call, SOVD_E_BAD_REQUEST,
                              sovd_call_printf(call, "leads nowhere: %s", inner.call.failure.body.message));
        if (!r)
                r = check_found(call, &inner.call, &m);
        if (!r) {
                r = sovd_gate_authorize(&inner.call, m.route);
                if (r > 0)
                        return refuse(call, SOVD_E_FORBIDDEN, "is nothing that your roles and scopes allow to read");
        }
        if (r)
                return r;

        ret->route = m.route;
        ret->resource = canonical(call, &target, &m, query);
        ret->source = source_of(call->entity, m.route);
        ret->is_value = m.route->out == &sovd_schema_data_value;
        return *ret->resource ? 0 : sovd_error_origin(-ENOMEM);
}

static bool is_list(const struct sovd_route *route, const char *const *params) {
        return !params[0] || route->collection == SOVD_COLLECTION_DATA_LISTS;
}

int sovd_observe_authorize(struct sovd_call *call, const char *resource, const char *owner) {
        struct sovd_rest_call inner = inner_call(call), *outer = (struct sovd_rest_call *)call;
        struct sovd_target target;
        struct sovd_match m = { 0 };
        const char *query;

        if (!sovd_gate_is_narrowed(call))
                return 0;
        int r = find(&inner.call, sovd_call_printf(call, SOVD_API_BASE "%s", resource), &target, &m, &query);
        if (!r && m.route)
                r = sovd_gate_authorize(&inner.call, m.route);
        if (r) {
                call->failure = inner.call.failure;
                return r;
        }
        if (!m.route)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "what it observes is not there any more");
        outer->observed = m.route;
        memcpy(outer->observed_params, m.params, sizeof(outer->observed_params));
        outer->is_anothers_list = strcmp(owner, call->principal.id) != 0 && is_list(m.route, m.params);
        if (outer->is_anothers_list && sovd_gate_picks(call))
                return sovd_fail(call, SOVD_E_FORBIDDEN, "your roles and scopes do not allow all that it observes");
        return 0;
}

/* --- reading -------------------------------------------------------------------------------------------- */

static int parse(struct sovd_call *call, struct sovd_json_writer *w, const cJSON **ret) {
        const struct sovd_json_limits limits = { .max_nodes = 100000 };
        struct sovd_json_fault fault;
        const char *text;
        cJSON *json;
        size_t len;

        int r = sovd_json_writer_finish(w, &text, &len);
        if (!r)
                r = sovd_json_parse_in(call->arena, &json, text, len, &limits, &fault);
        if (r > 0 || r == -E2BIG)
                return refuse(call, SOVD_E_NOT_IMPLEMENTED, "is too large, or too deep, to be observed");
        if (!r)
                *ret = json;
        return r;
}

int sovd_observe_once(struct sovd_call *call, const struct sovd_observed *observed, const cJSON **ret) {
        struct sovd_rest_call inner = inner_call(call);
        struct sovd_json_writer w;
        struct sovd_target target;
        struct sovd_match m;
        const char *query;

        sovd_json_writer_init(&w, 0, BODY_MAX);
        int r = find(&inner.call, sovd_call_printf(call, SOVD_API_BASE "%s", observed->resource), &target, &m,
                     &query);
        if (!r)
                r = sovd_dispatch_get(&inner.call, m.route, &w);
        if (r > 0)
                call->failure = inner.call.failure;
        if (!r || r == -E2BIG)
                r = parse(call, &w, ret);
        sovd_json_writer_done(&w);
        return r;
}

int sovd_observe_fail(struct sovd_call *call, int r, struct sovd_json_writer *w) {
        if (!r)
                return 0;
        call->failure.path = NULL; /* it belongs to a body, which nobody sent here */
        (void)sovd_encode_failure(call, r, w);
        return r > 0 ? r : SOVD_E_INTERNAL;
}

struct ids {
        char request[33], trace[33], span[17];
};

int sovd_observe_begin(struct sovd_rest_call *ret, struct sovd_rest *rest, struct sovd_arena *arena) {
        struct ids *ids = sovd_arena_new0(arena, struct ids);

        *ret = (struct sovd_rest_call){ .rest = rest,
                                        .call = { .arena = arena,
                                                  .gateway = rest->gateway,
                                                  .request_id = "",
                                                  .traceparent = "",
                                                  .tree = sovd_gateway_tree(rest->gateway) } };
        if (!ids)
                return sovd_error_origin(-ENOMEM);
        sovd_id_trace(ids->request, 32);
        sovd_id_trace(ids->trace, 32);
        sovd_id_trace(ids->span, 16);
        ret->call.request_id = ids->request;
        ret->call.traceparent = sovd_call_printf(&ret->call, "00-%s-%s-00", ids->trace, ids->span);
        return 0;
}

static bool is_pushed(const struct sovd_call *call, const struct sovd_route *route) {
        const struct sovd_backend *b = call->entity && route->collection == SOVD_COLLECTION_DATA
                                               ? call->entity->providers[SOVD_COLLECTION_DATA]
                                               : NULL;

        return b && b->ops->data_is_pushed && call->params[0] && b->ops->data_is_pushed(call->entity, call->params[0]);
}

/* A certificate must be one that could connect now as well. */
static int check_certificate(struct sovd_call *call, struct sovd_reading *reading) {
        const struct sovd_rest *rest = sovd_rest_of(call);
        const struct sovd_principal *p = &call->principal;
        struct sovd_tls *tls = rest->server ? sovd_http_server_tls(rest->server) : NULL;
        enum sovd_tls_trust trust = SOVD_TLS_NOT_NOW;

        if (!sovd_gate_is_narrowed(call) || !sovd_streq(p->method, sovd_auth_method_names[SOVD_AUTH_CERTIFICATE]))
                return 0;
        if (!p->chain)
                trust = SOVD_TLS_NEVER;
        else if (tls)
                trust = sovd_tls_trusts_kept(tls, p->chain, &reading->note->generation, &reading->note->ends_usec);
        reading->is_orphan = trust == SOVD_TLS_NEVER;
        return trust == SOVD_TLS_TRUSTED ? 0 : sovd_gate_unproved(call);
}

int sovd_observe_read(void *data, struct sovd_reading *reading) {
        struct sovd_rest_call inner;
        struct sovd_call *call = &inner.call;
        struct sovd_target target;
        struct sovd_match m = { 0 };
        const char *query;

        int r = sovd_observe_begin(&inner, data, reading->arena);
        call->deadline_usec = reading->deadline_usec;
        call->principal = reading->principal;
        call->base = reading->base;
        if (!r)
                r = sovd_gate_resume(call);
        reading->is_orphan = r == SOVD_E_UNAUTHORIZED && !sovd_auth_has(inner.rest->auth, &reading->principal);
        if (!r)
                r = check_certificate(call, reading);
        if (!r)
                r = find(call, sovd_call_printf(call, SOVD_API_BASE "%s", reading->resource), &target, &m,
                         &query);
        if (!r && m.route)
                (void)snprintf(reading->source, sizeof(reading->source), "%s",
                               source_of(call->entity, m.route));
        if (!r && m.route)
                reading->is_pushed = is_pushed(call, m.route);
        if (!r)
                r = sovd_gate_authorize(call, m.route);
        if (!r)
                r = sovd_dispatch_get(call, m.route, reading->writer);
        r = sovd_observe_fail(call, r, reading->writer);
        sovd_tree_unref(call->tree);
        return r;
}

void sovd_observe_forget(void *data, const struct sovd_entity *entity, const struct sovd_principal *principal) {
        (void)sovd_observations_clear(data, entity, principal->id);
}

void sovd_observe_fault(void *data, const struct sovd_fact *fact) {
        sovd_observations_poke(data, fact->entity, fact->code);
}

/* --- schema --------------------------------------------------------------------------------------------- */

const cJSON *sovd_observe_event_schema(struct sovd_call *call, cJSON *payload) {
        cJSON *schema = cJSON_CreateObject(), *properties, *timestamp;

        cJSON_AddStringToObject(schema, "type", "object");
        properties = cJSON_AddObjectToObject(schema, "properties");
        timestamp = cJSON_AddObjectToObject(properties, "timestamp");
        cJSON_AddStringToObject(timestamp, "type", "string");
        cJSON_AddStringToObject(timestamp, "format", "date-time");
        cJSON_AddItemToObject(properties, "payload", payload);
        cJSON_AddItemToObject(properties, "error", sovd_schema_openapi_inline(&sovd_schema_generic_error));
        cJSON_AddItemToObject(schema, "required",
                              cJSON_CreateStringArray((const char *const[]){ "timestamp" }, 1));
        return sovd_json_own(call->arena, schema) ? NULL : schema;
}
