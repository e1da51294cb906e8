/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/gate.h"
#include "sovd-auth/tokens.h"
#include "sovd-rest/admission.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/rest.h"
#include "sovd-rest/route.h"
#include <strings.h>

/* Whoever is at that address; at the other end of a Unix socket the kernel knows the user. */
struct sovd_principal sovd_gate_whoever(struct sovd_call *call, const struct sovd_http_exchange *x) {
        if (x->uid >= 0)
                return (struct sovd_principal){ .id = sovd_call_printf(call, "uid:%lld", (long long)x->uid) };
        return (struct sovd_principal){
                .id = sovd_call_printf(call, "anonymous@%s", x->remote && *x->remote ? x->remote : "unix"),
                .anonymous = true,
        };
}

static bool is_probe(const struct sovd_route *route) {
        return route && (route->flags & SOVD_PROBE);
}

int sovd_gate_admit(struct sovd_call *call, const struct sovd_route *route) {
        return sovd_admission_address(sovd_rest_of(call)->admission, call, !is_probe(route));
}

int sovd_gate_admit_principal(struct sovd_call *call, const struct sovd_route *route) {
        return is_probe(route) ? 0 : sovd_admission_principal(sovd_rest_of(call)->admission, call);
}

/* All tokens are in memory and compared in a moment, so a good one is let in however many bad ones came before. */
static int identify_bearer(struct sovd_call *call, const char *credentials) {
        const bool is_bearer = strncasecmp(credentials, "Bearer", 6) == 0;
        int r = sovd_tokens_identify(sovd_rest_of(call)->tokens, call, credentials);

        if (r != SOVD_E_UNAUTHORIZED)
                return r;
        return sovd_admission_failed(sovd_rest_of(call)->admission, call,
                                     is_bearer ? SOVD_CREDENTIAL_BEARER : SOVD_CREDENTIAL_OTHER, r);
}

/* Who asks: the client that its credentials prove, else whoever is there. */
int sovd_gate_identify(struct sovd_call *call, const struct sovd_http_exchange *x) {
        const char *credentials = NULL;

        for (size_t i = 0; i < x->head.n_fields; i++)
                if (strcasecmp(x->head.fields[i].name, "Authorization") == 0) {
                        if (credentials)
                                return sovd_fail(call, SOVD_E_BAD_REQUEST, "there are two Authorization fields");
                        credentials = x->head.fields[i].value;
                }
        return credentials ? identify_bearer(call, credentials) : 0;
}

int sovd_gate_authorize(struct sovd_call *call, const struct sovd_route *route) {
        if (!(route->flags & SOVD_ADMIN) || call->principal.admin)
                return 0;
        if (call->principal.anonymous)
                return sovd_fail(call, SOVD_E_UNAUTHORIZED, "this is for clients with credentials that say admin");
        return sovd_fail(call, SOVD_E_FORBIDDEN, "this client's credentials do not say admin (auth.tokens)");
}
