/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/gate.h"
#include "sovd-auth/auth.h"
#include "sovd-auth/peer_certificate.h"
#include "sovd-core/base/id.h"
#include "sovd-rest/admission.h"
#include "sovd-rest/access.h"
#include "sovd-rest/authority.h"
#include "sovd-rest/cookie.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/origin.h"
#include "sovd-rest/rest.h"
#include "sovd-rest/route.h"
#include "sovd-rest/target.h"
#include <strings.h>

/* What a proxy shows is its own, whoever asks through it. */
static const struct sovd_peer_certificate *shown_by_client(const struct sovd_call *call, const struct sovd_http_exchange *x) {
        return x->peer && !sovd_proxy_is_trusted(sovd_rest_of(call)->trusted_proxies, x->remote) ? x->peer : NULL;
}

/* Whoever is at that address; at the other end of a Unix socket the kernel knows the user. */
struct sovd_principal sovd_gate_whoever(struct sovd_call *call, const struct sovd_http_exchange *x) {
        const struct sovd_peer_certificate *shown = shown_by_client(call, x);
        const char *certificate = shown ? sovd_arena_strdup(call->arena, shown->sha256) : NULL;

        if (x->uid >= 0)
                return (struct sovd_principal){ .id = sovd_call_printf(call, "uid:%lld", (long long)x->uid) };
        return (struct sovd_principal){
                .id = sovd_call_printf(call, "anonymous@%s", x->remote && *x->remote ? x->remote : "unix"),
                .anonymous = true,
                .certificate = certificate,
        };
}

static bool is_probe(const struct sovd_route *route) {
        return route && (route->flags & SOVD_PROBE);
}

int sovd_gate_charge_address(struct sovd_call *call, const struct sovd_route *route) {
        return sovd_admission_address(sovd_rest_of(call)->admission, call, !is_probe(route));
}

int sovd_gate_charge_principal(struct sovd_call *call, const struct sovd_route *route) {
        return is_probe(route) ? 0 : sovd_admission_principal(sovd_rest_of(call)->admission, call);
}

/* The field's value; two of them are no proof of anything. */
static int single(struct sovd_call *call, const struct sovd_http_exchange *x, const char *name, const char **ret) {
        *ret = NULL;
        for (size_t i = 0; i < x->head.n_fields; i++)
                if (strcasecmp(x->head.fields[i].name, name) == 0) {
                        if (*ret)
                                return sovd_fail(call, SOVD_E_BAD_REQUEST, "there are two %s fields", name);
                        *ret = x->head.fields[i].value;
                }
        return 0;
}

static enum sovd_credential kind_of(const struct sovd_credentials *c) {
        if (c->authorization)
                return strncasecmp(c->authorization, "Bearer", 6) == 0 ? SOVD_CREDENTIAL_BEARER : SOVD_CREDENTIAL_OTHER;
        return c->api_key ? SOVD_CREDENTIAL_API_KEY : SOVD_CREDENTIAL_CERTIFICATE;
}

/* Who asks: the client that its credentials prove, else whoever is there. Good ones are let in however many bad ones came
 * before from there. */
int sovd_gate_identify(struct sovd_call *call, const struct sovd_http_exchange *x) {
        struct sovd_admission *admission = sovd_rest_of(call)->admission;
        struct sovd_credentials credentials = { .uid = x->uid, .certificate = shown_by_client(call, x) };
        int r = single(call, x, "Authorization", &credentials.authorization);

        if (!r)
                r = single(call, x, "X-API-Key", &credentials.api_key);
        bool in_session = false;
        if (!r && !credentials.authorization && !credentials.api_key)
                r = sovd_cookie_identify(call, x, &in_session);
        if (r || in_session)
                return r;
        r = sovd_auth_identify(sovd_rest_of(call)->auth, call, &credentials);
        return r == SOVD_E_UNAUTHORIZED ? sovd_admission_failed(admission, call, kind_of(&credentials), r) : r;
}

static bool is_public(const struct sovd_auth *auth, const struct sovd_route *route) {
        return (route->flags & SOVD_PUBLIC) ||
               ((route->flags & SOVD_PUBLIC_METRICS) && sovd_auth_metrics_are_public(auth)) ||
               ((route->flags & SOVD_PUBLIC_DOCS) && sovd_auth_docs_are_public(auth));
}

/* Who may come in without credentials: everybody when nothing is enforced, or the policy has a role for them. */
int sovd_gate_admit(struct sovd_call *call, const struct sovd_route *route) {
        const struct sovd_rest *rest = sovd_rest_of(call);
        int r = sovd_gate_take_policy(call);

        if (r || !sovd_auth_is_enabled(rest->auth))
                return r;
        if (route && is_public(rest->auth, route)) {
                ((struct sovd_rest_call *)call)->policy = NULL; /* it is the same for everybody */
                return 0;
        }
        if (!call->principal.anonymous)
                return 0;
        const struct sovd_policy *policy = ((struct sovd_rest_call *)call)->policy;
        if (policy && sovd_policy_has_anonymous(policy))
                return 0;
        if (call->principal.certificate)
                return sovd_fail(call, SOVD_E_UNAUTHORIZED, "this needs credentials: the client certificate is not one of a client known here");
        return sovd_fail(call, SOVD_E_UNAUTHORIZED, "this needs credentials: a Bearer token, or an API key");
}

/* --- the policy of a call ------------------------------------------------------------------------------- */

static const struct sovd_policy *policy_of(const struct sovd_call *call) {
        return ((const struct sovd_rest_call *)call)->policy;
}

static void unref(void *policy) {
        sovd_policy_unref(policy);
}

/* With keys and policy of the same moment: they are exchanged one after the other, and a policy without authentication
 * would refuse everybody. */
int sovd_gate_take_policy(struct sovd_call *call) {
        const struct sovd_rest *rest = sovd_rest_of(call);
        struct sovd_policy *policy = rest->authority ? sovd_authority_policy(rest->authority) : NULL;
        int r = policy ? sovd_arena_defer(call->arena, unref, policy) : 0;

        ((struct sovd_rest_call *)call)->policy = r ? NULL : policy;
        return r;
}

int sovd_gate_unproved(struct sovd_call *call) {
        return sovd_fail(call, SOVD_E_UNAUTHORIZED, "the credentials of the client that asked for it do not hold any more");
}

/* Of somebody who asked before: what is known of him now holds, and not what was then. */
int sovd_gate_resume(struct sovd_call *call) {
        struct sovd_tree *before = call->tree;
        int r = sovd_gate_take_policy(call);

        if (!r && policy_of(call) && !call->principal.is_gateway)
                r = sovd_auth_refresh(sovd_rest_of(call)->auth, &call->principal, call->arena);
        if (r == SOVD_E_UNAUTHORIZED)
                return sovd_gate_unproved(call);
        if (!r)
                r = sovd_gate_take_tree(call);
        if (!r)
                sovd_tree_unref(before);
        return r;
}

int sovd_gate_take_tree(struct sovd_call *call) {
        struct sovd_tree *whole = sovd_gateway_tree(call->gateway);
        const struct sovd_policy *policy = policy_of(call);

        if (policy && !call->principal.is_gateway)
                return sovd_authority_tree(sovd_rest_of(call)->authority, policy, &call->principal, whole, &call->tree);
        call->tree = whole;
        return 0;
}

/* --- may he? -------------------------------------------------------------------------------------------- */

static struct sovd_decision decide(const struct sovd_call *call, const struct sovd_access *access) {
        const struct sovd_policy *policy = policy_of(call);

        if (!policy || call->principal.is_gateway)
                return (struct sovd_decision){ .verdict = SOVD_ALLOWED };
        return sovd_policy_decide(policy, &call->principal, access);
}

/* The same words as those of resolve_entity() in dispatch.c: it does not exist. */
static int hidden(struct sovd_call *call) {
        return sovd_fail(call, SOVD_E_NO_ENTITY, "there is no %s '%s'", sovd_entity_type_words[call->entity->type],
                         call->entity->id);
}

static int refuse(struct sovd_call *call, const struct sovd_access *access, const struct sovd_decision *d) {
        sovd_authority_denied(sovd_rest_of(call)->authority);
        if (d->verdict == SOVD_HIDDEN && call->entity)
                return hidden(call);
        if (call->principal.anonymous)
                return sovd_fail(call, SOVD_E_UNAUTHORIZED, "this needs credentials: a Bearer token, or an API key");
        if (call->entity)
                return sovd_fail(call, SOVD_E_FORBIDDEN, "your roles and scopes do not allow %s of %s (route %s) on %s '%s'",
                                 access->method, access->collection, access->route,
                                 sovd_entity_type_words[call->entity->type], call->entity->id);
        return sovd_fail(call, SOVD_E_FORBIDDEN, "your roles and scopes do not allow %s of %s (route %s)", access->method,
                         access->collection, access->route);
}

static bool has_role(const struct sovd_principal *p, const char *role) {
        for (size_t i = 0; i < p->roles.n; i++)
                if (strcmp(p->roles.items[i], role) == 0)
                        return true;
        return false;
}

/* Without a policy everybody may do everything, but keep the gateway: unless credentials are asked for, where one must be. */
static int check_admin(struct sovd_call *call, const struct sovd_route *route) {
        const struct sovd_auth *auth = sovd_rest_of(call)->auth;

        if (sovd_auth_is_enabled(auth) && !is_public(auth, route) && !call->principal.is_gateway)
                return sovd_fail(call, SOVD_E_FORBIDDEN, "there is no policy that would allow it");
        if ((route->flags & SOVD_AUDITOR) && !call->principal.admin && !has_role(&call->principal, "auditor"))
                return call->principal.anonymous
                               ? sovd_fail(call, SOVD_E_UNAUTHORIZED, "this is for clients with the role auditor or admin")
                               : sovd_fail(call, SOVD_E_FORBIDDEN, "this is for clients with the role auditor or admin");
        if (!(route->flags & SOVD_ADMIN) || call->principal.admin)
                return 0;
        if (call->principal.anonymous)
                return sovd_fail(call, SOVD_E_UNAUTHORIZED, "this is for clients with the role admin");
        return sovd_fail(call, SOVD_E_FORBIDDEN, "this is for clients with the role admin, which your credentials do not name");
}

int sovd_gate_authorize(struct sovd_call *call, const struct sovd_route *route) {
        struct sovd_route_access a;

        if (!policy_of(call))
                return check_admin(call, route);
        if (is_public(sovd_rest_of(call)->auth, route))
                return 0;
        sovd_access_of(&a, route, call->entity, call->params);
        const struct sovd_decision d = decide(call, &a.access);
        return d.verdict == SOVD_ALLOWED ? 0 : refuse(call, &a.access, &d);
}

bool sovd_gate_may_use(const struct sovd_call *call, const struct sovd_route *route) {
        struct sovd_route_access a;

        sovd_access_of(&a, route, call->entity, NULL);
        return decide(call, &a.access).verdict == SOVD_ALLOWED;
}

bool sovd_gate_may_with(const struct sovd_call *call, const struct sovd_route *route, const char *const *params) {
        struct sovd_route_access a;

        sovd_access_of(&a, route, call->entity, params);
        return decide(call, &a.access).verdict == SOVD_ALLOWED;
}

bool sovd_gate_may_on(const struct sovd_call *call, const struct sovd_route *route, const char *const *params, const char *ref) {
        const char *slash = strchr(ref, '/');
        struct sovd_route_access a;
        char type[16] = "";

        sovd_access_of(&a, route, NULL, params);
        if (slash && (size_t)(slash - ref) < sizeof(type))
                memcpy(type, ref, (size_t)(slash - ref));
        if (sovd_name_find(sovd_entity_type_paths, type) < 0) {
                a.access.flags |= SOVD_ACCESS_ANY_ENTITY;
                if (sovd_gate_is_narrowed(call) && sovd_policy_narrows(policy_of(call), &call->principal))
                        return false;
        } else {
                a.access.entity_type = type;
                a.access.entity_id = slash + 1;
        }
        return decide(call, &a.access).verdict == SOVD_ALLOWED;
}

bool sovd_gate_may_also(const struct sovd_call *call, const struct sovd_route *route) {
        return sovd_gate_may_with(call, route, call->params);
}

bool sovd_gate_may_read(const struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                        const char *id) {
        const struct sovd_route *reader = id ? sovd_access_reader_of(collection) : NULL;
        const struct sovd_access access = { .method = "GET",
                                            .route = reader ? reader->id : NULL,
                                            .collection = sovd_collection_names[collection],
                                            .entity_type = sovd_entity_type_paths[e->type],
                                            .entity_id = e->id,
                                            .resource = &id,
                                            .n_resource = id ? 1 : 0,
                                            .any_resource = !id };

        return decide(call, &access).verdict == SOVD_ALLOWED;
}

int sovd_gate_may_log(struct sovd_call *call, const struct sovd_entity *e) {
        const struct sovd_access access = { .method = "POST",
                                            .collection = sovd_collection_names[SOVD_COLLECTION_LOGS],
                                            .entity_type = sovd_entity_type_paths[e->type],
                                            .entity_id = e->id };
        const struct sovd_decision d = decide(call, &access);

        if (sovd_gate_may_read(call, e, SOVD_COLLECTION_LOGS, NULL) && (d.verdict == SOVD_ALLOWED || !d.rule))
                return 0;
        return sovd_fail(call, SOVD_E_FORBIDDEN, "your roles and scopes do not allow to write into the logs of %s '%s'",
                         sovd_entity_type_words[e->type], e->id);
}

bool sovd_gate_offers(const struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection) {
        const struct sovd_access access = { .collection = sovd_collection_names[collection],
                                            .entity_type = sovd_entity_type_paths[e->type],
                                            .entity_id = e->id };

        return decide(call, &access).verdict == SOVD_ALLOWED;
}

bool sovd_gate_picks(const struct sovd_call *call) {
        const struct sovd_policy *policy = policy_of(call);

        return policy && !call->principal.is_gateway && sovd_policy_picks(policy, &call->principal);
}

bool sovd_gate_takes_id(const struct sovd_call *call, const char *id) {
        return !sovd_target_leads_on(id) && (!strpbrk(id, SOVD_ID_ENDS) || !sovd_gate_picks(call));
}

int sovd_gate_may_break(struct sovd_call *call) {
        const struct sovd_access access = { .method = "POST",
                                            .collection = SOVD_ROUTE_LOCK_BREAK, /* who may lock may not yet break */
                                            .route = SOVD_ROUTE_LOCK_BREAK,
                                            .entity_type = sovd_entity_type_paths[call->entity->type],
                                            .entity_id = call->entity->id,
                                            .flags = SOVD_ACCESS_EXPLICIT };

        if (decide(call, &access).verdict == SOVD_ALLOWED)
                return 0;
        return sovd_fail(call, SOVD_E_FORBIDDEN, "your roles and scopes do not allow to break locks of others (route " SOVD_ROUTE_LOCK_BREAK ")");
}

bool sovd_gate_is_narrowed(const struct sovd_call *call) {
        return policy_of(call) && !call->principal.is_gateway;
}
