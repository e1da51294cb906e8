/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/gate.h"
#include "sovd-auth/tokens.h"
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

/* Who asks: the client that its credentials prove, else whoever is there. */
int sovd_gate_identify(struct sovd_call *call, const struct sovd_http_exchange *x) {
        const char *credentials = NULL;

        for (size_t i = 0; i < x->head.n_fields; i++)
                if (strcasecmp(x->head.fields[i].name, "Authorization") == 0) {
                        if (credentials)
                                return sovd_fail(call, SOVD_E_BAD_REQUEST, "there are two Authorization fields");
                        credentials = x->head.fields[i].value;
                }
        return credentials ? sovd_tokens_identify(sovd_rest_of(call)->tokens, call, credentials) : 0;
}

static bool has_role(const struct sovd_principal *p, const char *role) {
        for (size_t i = 0; i < p->roles.n; i++)
                if (strcmp(p->roles.items[i], role) == 0)
                        return true;
        return false;
}

/* The audit log is read by those who are told to, and by those who keep the gateway. */
static int authorize_auditor(struct sovd_call *call) {
        const struct sovd_principal *p = &call->principal;

        if (p->admin || has_role(p, "auditor") || has_role(p, "admin"))
                return 0;
        if (p->anonymous)
                return sovd_fail(call, SOVD_E_UNAUTHORIZED, "this is for clients with credentials of the role auditor");
        return sovd_fail(call, SOVD_E_FORBIDDEN, "this client's credentials say neither the role auditor nor admin");
}

int sovd_gate_authorize(struct sovd_call *call, const struct sovd_route *route) {
        if (route->flags & SOVD_AUDITOR)
                return authorize_auditor(call);
        if (!(route->flags & SOVD_ADMIN) || call->principal.admin)
                return 0;
        if (call->principal.anonymous)
                return sovd_fail(call, SOVD_E_UNAUTHORIZED, "this is for clients with credentials that say admin");
        return sovd_fail(call, SOVD_E_FORBIDDEN, "this client's credentials do not say admin (auth.tokens)");
}
