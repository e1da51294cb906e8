/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/gate.h"
#include "sovd-auth/auth.h"
#include "sovd-auth/peer_certificate.h"
#include "sovd-rest/admission.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/rest.h"
#include "sovd-rest/route.h"
#include <strings.h>

/* Whoever is at that address; at the other end of a Unix socket the kernel knows the user. */
struct sovd_principal sovd_gate_whoever(struct sovd_call *call, const struct sovd_http_exchange *x) {
        const char *certificate = x->peer ? sovd_arena_strdup(call->arena, x->peer->sha256) : NULL;

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
        struct sovd_credentials credentials = { .uid = x->uid, .certificate = x->peer };
        int r = single(call, x, "Authorization", &credentials.authorization);

        if (!r)
                r = single(call, x, "X-API-Key", &credentials.api_key);
        if (r)
                return r;
        const enum sovd_credential kind = kind_of(&credentials);
        credentials.known_only = credentials.authorization && !sovd_admission_may_verify(admission, call, kind);
        r = sovd_auth_identify(sovd_rest_of(call)->auth, call, &credentials);
        return r == SOVD_E_UNAUTHORIZED ? sovd_admission_failed(admission, call, kind, credentials.known_only, r) : r;
}

static bool is_public(const struct sovd_auth *auth, const struct sovd_route *route) {
        return (route->flags & SOVD_PUBLIC) ||
               ((route->flags & SOVD_PUBLIC_METRICS) && sovd_auth_metrics_are_public(auth)) ||
               ((route->flags & SOVD_PUBLIC_DOCS) && sovd_auth_docs_are_public(auth));
}

int sovd_gate_admit(struct sovd_call *call, const struct sovd_route *route) {
        const struct sovd_auth *auth = sovd_rest_of(call)->auth;

        if (!call->principal.anonymous || !sovd_auth_is_enabled(auth) || (route && is_public(auth, route)))
                return 0;
        return sovd_fail(call, SOVD_E_UNAUTHORIZED, "this needs credentials: a Bearer token, or an API key");
}

int sovd_gate_authorize(struct sovd_call *call, const struct sovd_route *route) {
        if (!(route->flags & SOVD_ADMIN) || call->principal.admin)
                return 0;
        if (call->principal.anonymous)
                return sovd_fail(call, SOVD_E_UNAUTHORIZED, "this is for clients with the role admin");
        return sovd_fail(call, SOVD_E_FORBIDDEN, "this is for clients with the role admin, which your credentials do not name");
}
