/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/trail.h"
#include "sovd-auth/auth.h"
#include "sovd-core/base/db.h"
#include "sovd-core/idempotency.h"
#include "sovd-core/base/network.h"
#include "sovd-rest/body_stream.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/origin.h"
#include "sovd-rest/respond.h"
#include "sovd-rest/rest.h"
#include "sovd-rest/route.h"
#include <arpa/inet.h>
#include <stdio.h>

#define RETRY_SEC 5

static struct sovd_rest_call *outer_of(const struct sovd_call *call) {
        return (struct sovd_rest_call *)(uintptr_t)call;
}

static void add_text(struct sovd_audit_entry *e, const char *name, const char *text) {
        if (text && *text)
                e->detail[e->n_detail++] = (struct sovd_audit_detail){ .name = name, .text = text };
}

static void add_number(struct sovd_audit_entry *e, const char *name, uint64_t number) {
        e->detail[e->n_detail++] = (struct sovd_audit_detail){ .name = name, .number = number };
}

static const char *clip(char *buf, size_t size, const char *text) {
        return text && *text ? sovd_audit_clip(buf, size, text) : NULL;
}

/* --- who and what ------------------------------------------------------------------------------------------ */

static void take_client(struct sovd_trail *t, const struct sovd_audit *audit, const struct sovd_principal *p) {
        t->who.sub = clip(t->sub, sizeof(t->sub), p->id);
        t->who.auth = p->anonymous ? "anonymous" : p->method;
        t->who.cert = p->certificate;
        if (p->token_id && !sovd_streq(p->method, sovd_auth_method_names[SOVD_AUTH_CERTIFICATE])) /* of that, cert is the name */
                t->who.jti = sovd_audit_secret(audit, p->token_id, strlen(p->token_id), t->jti);
        if (t->who.jti && !*t->who.jti)
                t->who.jti = NULL;
        add_text(&t->who, "tenant", clip(t->tenant, sizeof(t->tenant), p->tenant));
}

/* Behind a proxy the address of the connection is the proxy's, for everybody. What it says of its client is its word. */
static void take_address(struct sovd_trail *t, const struct sovd_http_exchange *x, const char *const *proxies) {
        const struct sovd_origin_request request = { &x->head, x->remote, x->is_tls };
        static const unsigned char v4[12] = { [10] = 0xff, [11] = 0xff };
        struct sovd_address address;

        if (!sovd_proxy_is_trusted(proxies, x->remote) || !sovd_origin_client(&request, proxies, &address))
                return;
        const bool is_v4 = memcmp(address.bytes, v4, sizeof(v4)) == 0;
        if (inet_ntop(is_v4 ? AF_INET : AF_INET6, address.bytes + (is_v4 ? sizeof(v4) : 0), t->client, sizeof(t->client)))
                add_text(&t->who, "client", t->client);
}

static void take_entity(struct sovd_trail *t, const struct sovd_call *call, const struct sovd_route *route) {
        char text[2 * SOVD_TRAIL_ID_MAX];

        if (call->entity) {
                (void)snprintf(text, sizeof(text), "%s/%s", sovd_entity_type_paths[call->entity->type], call->entity->id);
                t->who.entity = clip(t->entity, sizeof(t->entity), text);
        }
        if (route && route->collection == SOVD_COLLECTION_LOCKS)
                t->who.lock = clip(t->lock, sizeof(t->lock), call->params[0]);
        if (route)
                add_text(&t->who, "route", route->id);
}

void sovd_trail_who(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route, struct sovd_trail *t) {
        struct sovd_audit *audit = sovd_gateway_audit(call->gateway);

        t->who = (struct sovd_audit_entry){ .req = call->request_id };
        t->who.method = clip(t->method, sizeof(t->method), x->head.method); /* it may be any word */
        t->who.ip = x->remote && *x->remote ? x->remote : NULL;
        t->who.path = clip(t->path, sizeof(t->path), x->path);
        take_client(t, audit, &call->principal);
        take_address(t, x, outer_of(call)->rest->trusted_proxies);
        take_entity(t, call, route);
        if (outer_of(call)->in_session)
                add_text(&t->who, "via", "browser-session");
}

/* What was sent may be a secret: the same text has the same name, and nobody can find it out from the name. */
static void take_body(struct sovd_trail *t, const struct sovd_audit *audit, const struct sovd_call *call) {
        if (call->raw && call->raw_len)
                add_text(&t->who, "body", sovd_audit_secret(audit, call->raw, call->raw_len, t->body));
}

/* --- changes ----------------------------------------------------------------------------------------------- */

static int refuse(struct sovd_call *call, int r, const char *why) {
        if (why)
                r = sovd_fail(call, SOVD_E_AUDIT, "nothing was changed: %s", why);
        else
                r = sovd_fail(call, SOVD_E_AUDIT, "nothing was changed, because it cannot be put on record now: %s",
                              r == SOVD_E_OVERLOAD ? "too many changes wait for the disk" : strerror(abs(r)));
        sovd_fail_retry_after(call, RETRY_SEC);
        return r;
}

int sovd_trail_begin(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route) {
        struct sovd_audit *audit = sovd_gateway_audit(call->gateway);
        struct sovd_trail *t = &outer_of(call)->trail;
        const char *why = NULL;

        if (!audit || route->method == SOVD_GET)
                return 0;
        sovd_trail_who(x, call, route, t);
        take_body(t, audit, call);
        t->who.ev = "request.intent";
        int r = sovd_audit_begin(audit, &t->who, route->flags & SOVD_ACKNOWLEDGES, &t->intent, &why);
        if (r)
                return refuse(call, r, why);
        t->audit = audit;
        return 0;
}

void sovd_trail_enter(const struct sovd_call *call) {
        const struct sovd_trail *t = &outer_of(call)->trail;

        if (t->audit)
                (void)sovd_db_accompany(sovd_audit_intent_seq(t->intent));
}

int sovd_trail_leave(struct sovd_call *call, int r) {
        const uint64_t intent = sovd_db_accompany(0);

        if (r < 0 && intent && sovd_db_accompanied() == intent)
                call->acted = true;
        return sovd_call_settle(call, r);
}

static unsigned status_of(const struct sovd_call *call, const struct sovd_route *route, int r) {
        const struct sovd_idempotent_answer *replay = outer_of(call)->replay;

        if (r)
                return r > 0 && call->failure.error ? sovd_failure_status(call) : 500;
        return replay ? replay->status : call->status ? call->status : route->success;
}

static bool is_refusal(unsigned status) {
        return status == 401 || status == 403 || status == 409 || status == 412 || status == 429;
}

static const char *outcome_of(const struct sovd_call *call, int r, unsigned status) {
        if (!r)
                return "ok";
        if (call->failure.outcome_unknown)
                return "unknown";
        return is_refusal(status) ? "denied" : "error";
}

/* It was done, and cannot be proven: the client must know, and the intent says that it was to be done. */
static int tell_unknown(struct sovd_call *call) {
        int r = sovd_fail(call, SOVD_E_INTERNAL,
                          "this was carried out, but its outcome could not be put on record; request id %s", call->request_id);

        return sovd_fail_unknown(call, r);
}

/* Where what it made, or set going, is found. */
static void add_location(struct sovd_audit_entry *e, struct sovd_call *call, struct sovd_trail *t) {
        if (call->location && sovd_has_prefix(call->location, call->base))
                add_text(e, "location", clip(t->location, sizeof(t->location), sovd_call_printf(call, "%s%s", SOVD_API_BASE, call->location + strlen(call->base))));
}

int sovd_trail_end(struct sovd_call *call, const struct sovd_route *route, int r) {
        struct sovd_trail *t = &outer_of(call)->trail;
        struct sovd_audit_entry e = t->who;

        if (!t->audit)
                return r;
        e.n_detail = 0; /* the intent has them */
        if (!*t->tenant) /* of a client that shows who it is in the body only */
                (void)clip(t->tenant, sizeof(t->tenant), call->session_tenant);
        add_text(&e, "tenant", t->tenant);
        e.ev = "request.outcome";
        e.status = status_of(call, route, r);
        e.outcome = outcome_of(call, r, (unsigned)e.status);
        add_text(&e, "proximity", t->proximity);
        if (call->session)
                add_text(&e, "session", sovd_audit_secret(t->audit, call->session, strlen(call->session), t->session));
        add_text(&e, "for", clip(t->session_of, sizeof(t->session_of), call->session_of));
        add_text(&e, "body", sovd_body_stream_name(call, t->audit, t->body));
        if (!r)
                add_location(&e, call, t);
        if (t->fence)
                add_number(&e, "fence", t->fence);
        if (outer_of(call)->replay)
                add_number(&e, "replayed", 1);
        if (sovd_audit_end(t->audit, t->intent, &e))
                return r ? r : tell_unknown(call);
        (void)sovd_audit_head(t->audit, t->head);
        return r;
}

const char *sovd_trail_head(const struct sovd_call *call) {
        const struct sovd_trail *t = &outer_of(call)->trail;

        return *t->head ? t->head : NULL;
}

/* --- what is told without waiting -------------------------------------------------------------------------- */

static void tell_refusal(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route, int r) {
        struct sovd_audit *audit = sovd_gateway_audit(call->gateway);
        unsigned status = status_of(call, route, r);
        bool is_read = strcmp(x->head.method, "GET") == 0 || strcmp(x->head.method, "HEAD") == 0;
        struct sovd_trail t = { 0 };

        if (is_read && !is_refusal(status))
                return;
        sovd_trail_who(x, call, route, &t);
        t.who.ev = status == 401 ? "auth.fail" : "access.refused";
        t.who.status = status;
        t.who.outcome = is_refusal(status) ? "denied" : "error";
        sovd_audit_post_refusal(audit, &t.who);
}

static void tell_read(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route) {
        struct sovd_trail t = { 0 };

        sovd_trail_who(x, call, route, &t);
        t.who.ev = call->wants_events ? "stream.open" : "request.read";
        t.who.outcome = "ok";
        sovd_audit_post(sovd_gateway_audit(call->gateway), &t.who);
}

void sovd_trail_tell_withdrawn(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route) {
        struct sovd_trail t = { 0 };

        if (!sovd_gateway_audit(call->gateway))
                return;
        sovd_trail_who(x, call, route, &t);
        t.who.ev = "access.refused";
        t.who.outcome = "denied";
        add_text(&t.who, "withdrawn", "transfer");
        sovd_audit_post_refusal(sovd_gateway_audit(call->gateway), &t.who);
}

void sovd_trail_tell(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route, int r) {
        if (!sovd_gateway_audit(call->gateway) || outer_of(call)->trail.audit || !x->head.method || x->refused)
                return;
        if (r && r != SOVD_E_AUDIT)
                tell_refusal(x, call, route, r);
        else if (!r && route && (call->wants_events || (route->flags & SOVD_AUDITED)))
                tell_read(x, call, route);
}
