/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/dispatch.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/id.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/base/log.h"
#include "sovd-rest/body_stream.h"
#include "sovd-rest/cors.h"
#include "sovd-rest/docs.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/host.h"
#include "sovd-rest/left_out.h"
#include "sovd-rest/listed.h"
#include "sovd-rest/origin.h"
#include "sovd-rest/idempotent.h"
#include "sovd-rest/respond.h"
#include "sovd-rest/router.h"
#include "sovd-rest/switched.h"
#include "sovd-rest/trail.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

struct sovd_rest *sovd_rest_of(const struct sovd_call *call) {
        return ((const struct sovd_rest_call *)call)->rest;
}

const char *sovd_call_header(const struct sovd_call *call, const char *name) {
        const struct sovd_rest_call *outer = (const struct sovd_rest_call *)call;

        return outer->x ? sovd_head_field(&outer->x->head, name) : NULL;
}

bool sovd_call_is_head(const struct sovd_call *call) {
        const struct sovd_http_exchange *x = ((const struct sovd_rest_call *)call)->x;

        return x && strcmp(x->head.method, "HEAD") == 0;
}

struct ids {
        char request[40];
        char trace[64];
};

/* Letters, digits and ".-_", at most 36 of them: safe in a log line and in a header. */
static bool is_request_id(const char *s) {
        size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_");

        return n > 0 && n <= 36 && !s[n];
}

/* Version 00 of W3C Trace Context: 00-<32 hex>-<16 hex>-<2 hex>, ids not all zero. */
static bool is_traceparent(const char *s) {
        static const char digits[] = "0123456789abcdef";

        return strlen(s) == 55 && sovd_has_prefix(s, "00-") && strspn(s + 3, digits) == 32 && s[35] == '-' &&
               strspn(s + 36, digits) == 16 && s[52] == '-' && strspn(s + 53, digits) == 2 &&
               strspn(s + 3, "0") < 32 && strspn(s + 36, "0") < 16;
}

/* The trace of the client goes on under a span of ours; without one a new trace begins. */
static void set_ids(struct sovd_call *call, const struct sovd_http_exchange *x, struct ids *ids) {
        const char *id = sovd_head_field(&x->head, "X-Request-Id");
        const char *trace = sovd_head_field(&x->head, "traceparent");
        char span[17];

        if (id && is_request_id(id))
                (void)snprintf(ids->request, sizeof(ids->request), "%s", id);
        else
                sovd_id_trace(ids->request, 32);

        sovd_id_trace(span, 16);
        if (trace && is_traceparent(trace)) {
                (void)snprintf(ids->trace, sizeof(ids->trace), "%.36s%s%s", trace, span, trace + 52);
        } else {
                char fresh[33];
                sovd_id_trace(fresh, 32);
                (void)snprintf(ids->trace, sizeof(ids->trace), "00-%s-%s-00", fresh, span);
        }
        call->request_id = ids->request;
        call->traceparent = ids->trace;
}

static int set_base(const struct sovd_rest *rest, const struct sovd_http_exchange *x, struct sovd_call *call) {
        const struct sovd_origin_request request = { &x->head, x->remote, x->is_tls };
        const char *reason;
        int r = sovd_origin_base(&call->base, &request, rest->trusted_proxies, call->arena, &reason);

        return r > 0 ? sovd_fail(call, (enum sovd_error)r, "%s", reason) : r;
}

static int find_method(const struct sovd_http_exchange *x) {
        return sovd_name_find(sovd_method_names, strcmp(x->head.method, "HEAD") == 0 ? "GET" : x->head.method);
}

static const char *allow_list(struct sovd_call *call, unsigned allowed) {
        const char *list = "";

        for (int m = 0; m < SOVD_N_METHODS; m++)
                if (allowed & (1u << m))
                        list = sovd_call_printf(call, "%s%s%s%s", list, *list ? ", " : "", sovd_method_names[m],
                                                m == SOVD_GET ? ", HEAD" : "");
        return list;
}

static int no_route(struct sovd_call *call, const struct sovd_http_exchange *x, const struct sovd_match *m) {
        if (!m->allowed)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "there is nothing at this path");

        const char *allow = allow_list(call, m->allowed);
        sovd_fail(call, SOVD_E_METHOD, "%s is not offered here; offered: %s", x->head.method, allow);
        call->failure.allow = allow;
        return SOVD_E_METHOD;
}

static int check_ids(struct sovd_call *call) {
        for (size_t i = 0; i < SOVD_PARAMS_MAX && call->params[i]; i++)
                if (!sovd_gate_takes_id(call, call->params[i]))
                        return sovd_fail(call, SOVD_E_NOT_FOUND, "'%.128s' is no id", call->params[i]);
        return 0;
}

/* Each step must be a child of the one before it. */
static int resolve_entity(struct sovd_call *call, const struct sovd_match *m) {
        const struct sovd_entity *parent = NULL;

        for (size_t i = 0; i < m->n_steps; i++) {
                const struct sovd_entity *e = sovd_tree_find(call->tree, m->steps[i].type, m->steps[i].id);
                if (!e || (i > 0 && e->parent != parent))
                        return sovd_fail(call, SOVD_E_NO_ENTITY, "there is no %s '%s'%s",
                                         sovd_entity_type_words[m->steps[i].type], m->steps[i].id,
                                         i > 0 ? " below the entity before it" : "");
                parent = e;
        }
        call->entity = parent;
        return check_ids(call);
}

static int check_offered(struct sovd_call *call, const struct sovd_route *route) {
        const struct sovd_entity *e = call->entity;

        if (!e || route->collection == SOVD_NO_COLLECTION || e->providers[route->collection])
                return 0;
        return sovd_fail(call, SOVD_E_NOT_FOUND, "%s '%s' offers no %s", sovd_entity_type_words[e->type], e->id,
                         sovd_collection_names[route->collection]);
}

/* What the routes need for themselves is no id, even if a backend says so (left_out.h). */
static int check_id(struct sovd_call *call, const struct sovd_route *route) {
        const char *id = call->params[0];

        if (!call->entity || !id || route->collection == SOVD_NO_COLLECTION ||
            sovd_left_out_is_usable(route->collection, id))
                return 0;
        return sovd_fail(call, SOVD_E_NOT_FOUND, "'%s' is a reserved name and no id of %s", id,
                         sovd_collection_names[route->collection]);
}

/* --- query ---------------------------------------------------------------------------------------------- */

static const struct sovd_query_param *find_param(const struct sovd_route *route, const char *name) {
        static const struct sovd_query_param include_schema = { "include-schema", SOVD_QUERY_BOOL, NULL };

        if ((route->flags & SOVD_INCLUDE_SCHEMA) && strcmp(name, include_schema.name) == 0)
                return &include_schema;
        for (const struct sovd_query_param *p = route->query; p && p->name; p++)
                if (strcmp(p->name, name) == 0)
                        return p;
        return NULL;
}

static int check_value(struct sovd_call *call, const struct sovd_query_param *p, const struct sovd_query_item *item) {
        char *end;

        if ((p->type == SOVD_QUERY_MAP) != (item->key && *item->key))
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter '%s' %s", p->name,
                                 p->type == SOVD_QUERY_MAP ? "needs a key in brackets, like status[key]=value"
                                                           : "takes no key in brackets");
        if (p->type == SOVD_QUERY_BOOL && strcmp(item->value, "true") != 0 && strcmp(item->value, "false") != 0)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter '%s' must be true or false", p->name);
        if (p->type == SOVD_QUERY_INT) {
                errno = 0;
                (void)strtoll(item->value, &end, 10);
                if (errno || *end || end == item->value || strpbrk(item->value, " \t+"))
                        return sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter '%s' must be an integer", p->name);
        }
        return 0;
}

/* Of two values one would be passed over, and nobody could say which was meant. */
static int check_once(struct sovd_call *call, const struct sovd_query_param *p, size_t i) {
        if (p->type == SOVD_QUERY_STRINGS || p->type == SOVD_QUERY_MAP)
                return 0;
        while (i-- > 0)
                if (strcmp(call->query[i].name, p->name) == 0)
                        return sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter '%s' stands there twice and has one value", p->name);
        return 0;
}

/* Known by its siblings, so whoever asks means it. */
static bool is_of_family(const struct sovd_route *route, const char *name) {
        return route->query_family && sovd_name_find(route->query_family, name) >= 0;
}

/* What a route does not know is ignored (reference 5.5), but what would change the answer is not: OData says that
 * options which a service does not offer are answered with 501. */
static int check_query(struct sovd_call *call, const struct sovd_route *route) {
        for (size_t i = 0; i < call->n_query; i++) {
                const struct sovd_query_item *item = &call->query[i];
                const struct sovd_query_param *p = find_param(route, item->name);
                int r = p ? check_value(call, p, item) : 0;
                if (p && !r)
                        r = check_once(call, p, i);
                if (!p && *item->name == '$')
                        r = sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "query option '%s' is not offered here", item->name);
                else if (!p && is_of_family(route, item->name))
                        r = sovd_fail(call, SOVD_E_BAD_REQUEST,
                                      "query parameter '%s' has no effect here: it belongs to others of these resources",
                                      item->name);
                if (r)
                        return r;
        }
        return 0;
}

/* --- accept --------------------------------------------------------------------------------------------- */

/* How closely a range of an Accept field names the type: 3 itself, 2 its main type, 1 everything, 0 not at all. */
static unsigned range_covers(const char *range, const char *type) {
        size_t n = strcspn(range, ";, \t"), n_main = strcspn(type, "/");

        if (n == strlen(type) && strncasecmp(range, type, n) == 0)
                return 3;
        if (n == n_main + 2 && strncasecmp(range, type, n_main) == 0 && sovd_has_prefix(range + n_main, "/*"))
                return 2;
        return n == 3 && sovd_has_prefix(range, "*/*") ? 1 : 0;
}

/* Is the quality of a range of n bytes 0? */
static bool is_refused(const char *range, size_t n) {
        const char *end = range + n;

        for (const char *p = memchr(range, ';', n); p; p = memchr(p, ';', (size_t)(end - p))) {
                p += 1 + strspn(p + 1, " \t");
                if (end - p >= 3 && strncasecmp(p, "q=0", 3) == 0)
                        return strspn(p + 2, "0.") == strcspn(p + 2, ";, \t");
        }
        return false;
}

struct acceptance {
        unsigned closeness; /* of the range that says most about the type */
        bool refused, listed;
};

static void weigh(struct acceptance *a, const char *field, const char *type) {
        while (*field) {
                field += strspn(field, " \t,");
                size_t n = strcspn(field, ",");
                unsigned closeness = range_covers(field, type);
                a->listed = a->listed || n;
                if (closeness > a->closeness) {
                        a->closeness = closeness;
                        a->refused = is_refused(field, n);
                }
                field += n;
        }
}

static struct acceptance acceptance_of(const struct sovd_http_exchange *x, const char *type) {
        struct acceptance a = { 0 };

        for (size_t i = 0; i < x->head.n_fields; i++)
                if (strcasecmp(x->head.fields[i].name, "Accept") == 0)
                        weigh(&a, x->head.fields[i].value, type);
        return a;
}

/* Is an event stream asked for where there is a choice? It has to be named, and JSON may not be. */
static bool prefers_events(const struct sovd_http_exchange *x) {
        const struct acceptance events = acceptance_of(x, "text/event-stream"), json = acceptance_of(x, "application/json");

        return events.closeness == 3 && !events.refused && (json.closeness < 3 || json.refused);
}

/* RFC 9110 12.5.1. Without the field everything is welcome, and so it is when nobody asks over HTTP. */
bool sovd_call_accepts(const struct sovd_call *call, const char *type) {
        const struct sovd_http_exchange *x = ((const struct sovd_rest_call *)call)->x;

        if (!x)
                return true;
        const struct acceptance a = acceptance_of(x, type);
        return !a.listed || (a.closeness && !a.refused);
}

static int check_type(const struct sovd_http_exchange *x, struct sovd_call *call, const char *type) {
        if (sovd_call_accepts(call, type))
                return 0;
        return sovd_fail(call, SOVD_E_NOT_ACCEPTABLE, "the answer is %s, which Accept does not list", type);
}

static int check_accept(const struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route) {
        call->wants_events = (route->flags & SOVD_EVENTS) || ((route->flags & SOVD_OR_EVENTS) && prefers_events(x));
        if (call->wants_events)
                return check_type(x, call, "text/event-stream");
        if ((!route->out && !(route->flags & SOVD_DOCUMENT)) || (route->flags & SOVD_ANY_TYPE))
                return 0; /* success has no body, or the handler knows its type */
        return check_type(x, call, route->flags & SOVD_PLAIN_TEXT ? "text/plain" : "application/json");
}

int sovd_call_check_accept(struct sovd_call *call, const char *type) {
        const struct sovd_http_exchange *x = ((const struct sovd_rest_call *)call)->x;

        if (!x) /* nobody asks over HTTP */
                return 0;
        return find_method(x) == SOVD_GET ? check_type(x, call, type) : 0; /* that of a write is about its answer */
}

/* --- body ----------------------------------------------------------------------------------------------- */

bool sovd_type_is_json(const char *type) {
        size_t n = type ? strcspn(type, "; \t") : 0;

        return (n == 16 && strncasecmp(type, "application/json", n) == 0) ||
               (n > 5 && strncasecmp(type, "application/", 12) == 0 && strncasecmp(type + n - 5, "+json", 5) == 0);
}

static int parse_body(struct sovd_call *call, const char *body, size_t len, cJSON **ret) {
        struct sovd_json_fault fault;
        int r = sovd_json_parse_in(call->arena, ret, body, len, NULL, &fault);

        if (r == SOVD_E_BAD_REQUEST)
                return sovd_fail_at(call, r, "", "the body is not acceptable JSON: %s (at byte %zu)", fault.reason,
                                    fault.offset);
        return r;
}

static int decode_body(struct sovd_call *call, const struct sovd_route *route, const cJSON *json) {
        struct sovd_schema_error error;
        void *in = sovd_arena_alloc(call->arena, route->in->size);
        if (!in)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_schema_decode(route->in, json, in, call->arena, 0, &error);
        if (r == SOVD_E_BAD_REQUEST)
                return sovd_fail_at(call, r, error.path, "%s%s %s", *error.path ? "member " : "the body",
                                    *error.path ? error.path + 1 : "", error.reason);
        call->in = in;
        return r;
}

static int read_raw(struct sovd_http_exchange *x, struct sovd_call *call) {
        const char *reason;
        int r = sovd_http_read_body(x, &call->raw, &call->raw_len, &reason);

        return r > 0 ? sovd_fail(call, (enum sovd_error)r, "%s", reason) : r;
}

/* Nothing is unpacked here, and packed bytes are not what Content-Type says. */
static int check_coding(const struct sovd_http_exchange *x, struct sovd_call *call) {
        const char *coding = sovd_head_field(&x->head, "Content-Encoding");

        if (!coding || strcasecmp(coding, "identity") == 0)
                return 0;
        return sovd_fail(call, SOVD_E_MEDIA_TYPE, "a body with a Content-Encoding is not read here; send it as it is");
}

static int read_body(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route) {
        const char *body, *reason, *type = sovd_head_field(&x->head, "Content-Type");
        cJSON *json = NULL;
        size_t len;

        if (x->info.has_body && check_coding(x, call))
                return SOVD_E_MEDIA_TYPE;
        if ((route->flags & SOVD_RAW_BODY) && !(route->in && sovd_type_is_json(type)))
                return read_raw(x, call);
        if (route->flags & SOVD_STREAM_BODY)
                return sovd_body_stream_begin(x, call, route);
        if (!route->in && !x->info.has_body)
                return 0;
        if (!route->in)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "%s takes no body here", x->head.method);
        if (x->info.has_body && !sovd_type_is_json(type))
                return sovd_fail(call, SOVD_E_MEDIA_TYPE, "the body must be application/json, not %s",
                                 type ? "what Content-Type says" : "without a Content-Type");

        int r = sovd_http_read_body(x, &body, &len, &reason);
        if (r > 0)
                return sovd_fail(call, (enum sovd_error)r, "%s", reason);
        if (r)
                return r;
        if (!len && (route->flags & SOVD_OPTIONAL_BODY))
                body = "{}", len = 2;
        else if (!len)
                return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "", "a JSON body is missing");
        call->raw = body;
        call->raw_len = len;
        r = parse_body(call, body, len, &json);
        return r ? r : decode_body(call, route, json);
}

/* --- preconditions -------------------------------------------------------------------------------------- */

static const struct sovd_route *reader_of(const struct sovd_route *route) {
        for (size_t t = 0; sovd_routes[t]; t++)
                for (const struct sovd_route *r = sovd_routes[t]; r->id; r++)
                        if (r->method == SOVD_GET && strcmp(r->path, route->path) == 0)
                                return r;
        return NULL;
}

/* If-Match (RFC 9110 13.1.1): what GET on the same path answers now must have the version that is named. A write of
 * somebody else between the two is seen only when a lock keeps others out. */
static int check_if_match(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route) {
        const char *wanted = sovd_head_field(&x->head, "If-Match"), *body;
        const struct sovd_route *reader = wanted ? reader_of(route) : NULL;
        char etag[SOVD_ETAG_SIZE];
        size_t len;

        if (route->method != SOVD_GET && sovd_head_field(&x->head, "If-None-Match"))
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "If-None-Match is not offered for writes");
        if (!wanted)
                return 0;
        if (!(route->flags & SOVD_IF_MATCH) || !reader)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "If-Match is not offered here");

        int r = sovd_gate_authorize(call, reader); /* a version tells something of what it is of */
        if (!r)
                r = reader->handler(call);
        if (r)
                return r;
        sovd_encode_success(call, reader, x->writer);
        r = sovd_json_writer_finish(x->writer, &body, &len);
        if (r)
                return r;
        bool same = sovd_etag_listed_strongly(wanted, sovd_etag(etag, body, len));
        sovd_json_writer_reset(x->writer);
        call->out = NULL;
        call->write = NULL;
        call->out_is_document = false;
        return same ? 0 : sovd_fail(call, SOVD_E_PRECONDITION, "the resource has another version now: %s", etag);
}

/* --- one request ---------------------------------------------------------------------------------------- */

static int parse_target(struct sovd_call *call, const struct sovd_http_exchange *x, struct sovd_target *target) {
        const char *reason = NULL;
        int r = sovd_target_parse(target, x->path, call->arena, &reason);

        if (!r)
                r = sovd_query_parse(call->query, &call->n_query, x->query, call->arena, &reason);
        return r > 0 ? sovd_fail(call, (enum sovd_error)r, "%s", reason) : r;
}

static int answer_docs(struct sovd_call *call, const struct sovd_http_exchange *x, const struct sovd_match *m,
                       const struct sovd_route **ret_route) {
        struct sovd_match only_get = { .allowed = 1u << SOVD_GET };

        if (!m->allowed)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "there is nothing at this path to describe");
        if (find_method(x) != SOVD_GET)
                return no_route(call, x, &only_get);
        int r = sovd_gate_may_use(call, m->any) ? 0 : sovd_gate_authorize(call, &sovd_route_docs);
        if (!r)
                r = check_offered(call, m->any);
        if (!r)
                r = check_id(call, m->any);
        if (!r)
                r = check_accept(x, call, &sovd_route_docs);
        if (r)
                return r;
        *ret_route = &sovd_route_docs;
        return sovd_docs(call, m->any, &sovd_rest_of(call)->docs);
}

static int answer_preflight(struct sovd_call *call, struct sovd_http_exchange *x, const struct sovd_match *m,
                            const struct sovd_route **ret_route) {
        const char *methods = allow_list(call, m->is_docs ? 1u << SOVD_GET : m->allowed);

        *ret_route = &sovd_route_preflight;
        return sovd_cors_answer(sovd_rest_of(call)->cors, x, methods);
}

static int call_handler(struct sovd_call *call, const struct sovd_route *route) {
        int r = route->handler(call);

        return r ? r : sovd_listed_filter(call, route);
}

/* A change goes to the backend as a use of the entity, so that it does not meet the lock of another client. */
static int carry_out(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route,
                     uint64_t ticket) {
        const enum sovd_collection scope = sovd_route_lock_scope(route);
        struct sovd_lock_use use;
        bool is_use = false;
        int r = 0, refused;

        if (scope != SOVD_NO_COLLECTION) {
                r = sovd_lock_use_begin(sovd_gateway_locks(call->gateway), call, scope, &use);
                is_use = !r;
                ((struct sovd_rest_call *)call)->trail.fence = r ? 0 : use.fence;
                call->fence = r ? 0 : use.fence;
        }
        if (!r)
                r = check_if_match(x, call, route);
        refused = r;
        call->idempotency = ticket;
        sovd_trail_enter(call);
        call->acted = false; /* what was asked so far only looked */
        if (!r)
                r = call_handler(call, route);
        r = sovd_trail_leave(call, r);
        if (ticket && refused)
                sovd_idempotent_cancel(call, ticket);
        else if (ticket)
                r = sovd_idempotent_end(x, call, route, r, ticket);
        return is_use ? sovd_call_settle(call, sovd_lock_use_end(&use, call, r)) : r;
}

static int handle(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route) {
        uint64_t ticket = 0;
        int r = route->flags & SOVD_IDEMPOTENT ? sovd_idempotent_begin(call, route, &ticket) : 0;

        if (r || ((const struct sovd_rest_call *)call)->replay)
                return r;
        return carry_out(x, call, route, ticket);
}

static int run(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route) {
        int r = sovd_gate_authorize(call, route);

        if (!r)
                r = check_offered(call, route);
        if (!r)
                r = check_id(call, route);
        if (!r)
                r = check_accept(x, call, route);
        if (!r)
                r = sovd_switched_check(call, route);
        if (!r)
                r = check_query(call, route);
        if (!r)
                r = read_body(x, call, route);
        if (!r)
                r = sovd_trail_begin(x, call, route);
        return r ? r : sovd_trail_end(call, route, handle(x, call, route));
}

static int answer(struct sovd_http_exchange *x, struct sovd_call *call, size_t *position,
                  const struct sovd_route **ret_route) {
        struct sovd_target target;
        struct sovd_match m;

        if (x->refused)
                return sovd_fail(call, (enum sovd_error)x->refused, "%s", x->refused_why);

        const int unusable = parse_target(call, x, &target); /* told to those who are let in */
        if (unusable)
                m = (struct sovd_match){ 0 };
        else
                sovd_router_match(&m, &target, find_method(x));
        int r = sovd_gate_charge_address(call, m.route);
        if (!r)
                r = sovd_host_check(call, x);
        if (!r)
                r = set_base(sovd_rest_of(call), x, call);
        if (!r)
                r = sovd_cors_check_change(sovd_rest_of(call)->cors, x, call);
        if (!r && m.allowed && sovd_cors_is_preflight(sovd_rest_of(call)->cors, x))
                return answer_preflight(call, x, &m, ret_route);
        if (!r)
                r = sovd_gate_identify(call, x);
        if (!r)
                r = sovd_gate_charge_principal(call, m.route);
        if (!r)
                r = sovd_gate_admit(call, m.is_docs ? &sovd_route_docs : m.route);
        if (r || unusable)
                return r ? r : unusable;
        /* "faults/" + an empty code must not clear them all. */
        if (target.trailing_slash && find_method(x) != SOVD_GET)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "the path ends with an empty id");

        r = sovd_gate_take_tree(call);
        memcpy(call->params, m.params, sizeof(call->params));
        if (!r && m.allowed)
                r = resolve_entity(call, &m);
        if (r)
                return r;
        if (m.is_docs)
                return answer_docs(call, x, &m, ret_route);
        if (!m.route)
                return no_route(call, x, &m);

        *position = m.position;
        *ret_route = m.route;
        return run(x, call, m.route);
}

static void log_request(const struct sovd_http_exchange *x, const struct sovd_call *call,
                        const struct sovd_route *route, unsigned status, uint64_t duration_usec) {
        bool is_probe = route && (route->flags & SOVD_PROBE); /* a probe that must wait is no trouble */
        bool is_wanted = status == 501 || call->failure.error == SOVD_E_SWITCHED_OFF;
        enum sovd_log_level level = status >= 500 && !is_wanted && !is_probe ? SOVD_LOG_WARN : SOVD_LOG_DEBUG;
        /* The failure may hold decoded text of the client: in a field it is quoted and cannot pass for one of ours. The
         * path is as it came, without spaces. */
        const struct sovd_log_field fields[] = { { "failure", call->failure.error ? call->failure.body.message : NULL },
                                                 { "request_id", call->request_id },
                                                 { "remote", x->remote },
                                                 { NULL, NULL } };

        if (sovd_log_enabled(level))
                sovd_log_event(level, fields, "%s %s -> %u in %llu us", x->head.method ? x->head.method : "-",
                               x->path ? x->path : "-", status, (unsigned long long)duration_usec);
}

void sovd_dispatch(struct sovd_http_exchange *x, void *data) {
        struct sovd_rest *rest = data;
        struct sovd_rest_call outer = { .rest = rest, .x = x };
        struct sovd_call *call = &outer.call;
        const struct sovd_route *route = NULL;
        size_t position = sovd_route_count();
        struct ids ids;

        call->arena = x->arena;
        call->gateway = rest->gateway;
        call->base = SOVD_API_BASE;
        call->deadline_usec = x->started_usec + rest->request_timeout_usec;
        set_ids(call, x, &ids);
        call->principal = sovd_gate_whoever(call, x);

        int r = sovd_cors_begin(rest->cors, x);
        if (!r)
                r = answer(x, call, &position, &route);
        if (x->refused == SOVD_E_OVERLOAD)
                sovd_fail_retry_after(call, 1);
        sovd_trail_tell(x, call, route, r);
        unsigned status = sovd_respond(x, call, route, r);

        uint64_t duration = sovd_now_usec() - x->started_usec;
        sovd_metrics_count(rest->metrics, position, status, duration);
        log_request(x, call, route, status, duration);
        sovd_tree_unref(call->tree);
}

/* --- a resource without HTTP ---------------------------------------------------------------------------- */

int sovd_dispatch_find(struct sovd_call *call, const char *path, const char *query, struct sovd_target *target,
                       struct sovd_match *m) {
        const char *reason = NULL;
        int r = sovd_target_parse(target, path, call->arena, &reason);

        if (!r)
                r = sovd_query_parse(call->query, &call->n_query, query, call->arena, &reason);
        if (r)
                return r > 0 ? sovd_fail(call, (enum sovd_error)r, "%s", reason) : r;
        sovd_router_match(m, target, SOVD_GET);
        memcpy(call->params, m->params, sizeof(call->params));
        if (!m->allowed)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "there is nothing at this path");
        return resolve_entity(call, m);
}

int sovd_dispatch_get(struct sovd_call *call, const struct sovd_route *route, struct sovd_json_writer *w) {
        const char *text;
        size_t len;
        int r = check_offered(call, route);

        if (!r)
                r = check_query(call, route);
        if (!r)
                r = call_handler(call, route);
        if (r)
                return r;
        if (call->out_is_document)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "GET answers there with %s, not with JSON",
                                 ((const struct sovd_document *)call->out)->content_type);
        sovd_encode_success(call, route, w);
        return sovd_json_writer_finish(w, &text, &len);
}
