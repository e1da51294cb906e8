/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/cookie.h"
#include "sovd-auth/auth.h"
#include "sovd-auth/browser_session.h"
#include "sovd-core/base/fingerprint.h"
#include "sovd-core/base/secret.h"
#include "sovd-rest/admission.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/origin.h"
#include "sovd-rest/rest.h"
#include <strings.h>

#define NAME_SECURE "__Host-sovd"
#define NAME_LOCAL  "sovd"
#define CSRF_FIELD  "X-CSRF-Token"

static struct sovd_rest_call *outer_of(const struct sovd_call *call) {
        return (struct sovd_rest_call *)(uintptr_t)call;
}

/* --- over which connection ---------------------------------------------------------------------------------- */

/* base tells what a trusted proxy says of the client's side. */
static bool is_secure(const struct sovd_call *call) {
        return sovd_has_prefix(call->base, "https://");
}

static const char *const loopback[] = { "127.0.0.0/8", "::1", NULL };

/* Does the browser think that it talks to its own machine? Else there is a proxy in between that nobody told us of. */
static bool is_named_local(const struct sovd_call *call) {
        char host[64];
        const char *p = sovd_has_prefix(call->base, "http://") ? call->base + strlen("http://") : "";
        const bool v6 = *p == '[';
        const size_t n = strcspn(p + v6, v6 ? "]" : ":/");

        if (!n || n >= sizeof(host))
                return false;
        memcpy(host, p + v6, n);
        host[n] = '\0';
        return strcasecmp(host, "localhost") == 0 || sovd_proxy_is_trusted(loopback, host);
}

/* Plain HTTP that does not leave this machine. */
static bool is_local(const struct sovd_call *call) {
        const struct sovd_http_exchange *x = outer_of(call)->x;
        const struct sovd_rest *rest = sovd_rest_of(call);

        return rest->is_local && !x->is_tls && x->remote && *x->remote &&
               sovd_proxy_is_trusted(loopback, x->remote) && is_named_local(call) &&
               !sovd_proxy_is_trusted(rest->trusted_proxies, x->remote);
}

static const char *name_of(const struct sovd_call *call) {
        return is_secure(call) ? NAME_SECURE : is_local(call) ? NAME_LOCAL : NULL;
}

int sovd_cookie_make(struct sovd_call *call, const char *value, const char **ret) {
        const char *name = name_of(call);

        if (!name)
                return sovd_fail(
                        call, SOVD_E_FORBIDDEN,
                        "a browser session needs TLS, or plain HTTP on the loopback address of this machine");
        *ret = sovd_arena_printf(call->arena, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s", name, value,
                                 is_secure(call) ? "; Secure" : "", *value ? "" : "; Max-Age=0");
        return *ret ? 0 : sovd_error_origin(-ENOMEM);
}

/* --- reading (RFC 6265 4.2.1) ------------------------------------------------------------------------------- */

/* The value of the cookie among others, which are not looked at; "" is a value, too. *ret NULL: there is none. false: there are two. */
static bool find_value(struct sovd_arena *arena, const char *field, const char *name, const char **ret) {
        const size_t n_name = strlen(name);

        while (*field) {
                field += strspn(field, " \t;");
                size_t n = strcspn(field, ";");
                if (n > n_name && strncmp(field, name, n_name) == 0 && field[n_name] == '=') {
                        if (*ret)
                                return false;
                        *ret = sovd_arena_strndup(arena, field + n_name + 1, n - n_name - 1);
                        if (!*ret)
                                return false;
                }
                field += n;
        }
        return true;
}

static bool is_value(const char *s) {
        return strlen(s) == SOVD_SESSION_COOKIE_SIZE - 1 &&
               strspn(s, "0123456789abcdef") == SOVD_SESSION_COOKIE_SIZE - 1;
}

/* *ret NULL: it has none of ours. */
static int read_cookie(struct sovd_call *call, const struct sovd_http_exchange *x, const char **ret) {
        const char *name = name_of(call);

        *ret = NULL;
        for (size_t i = 0; name && i < x->head.n_fields; i++)
                if (strcasecmp(x->head.fields[i].name, "Cookie") == 0 &&
                    !find_value(call->arena, x->head.fields[i].value, name, ret))
                        return sovd_fail(call, SOVD_E_BAD_REQUEST, "there are two cookies %s", name);
        return 0;
}

/* --- from where --------------------------------------------------------------------------------------------- */

/* Is it scheme://authority of base, and nothing more? */
static bool is_own_origin(const struct sovd_call *call, const char *origin) {
        const char *host = strstr(call->base, "://");
        const size_t n = host ? (size_t)(host + 3 - call->base) + strcspn(host + 3, "/") : 0;

        return n && strlen(origin) == n && strncasecmp(origin, call->base, n) == 0;
}

/* Browsers say in one of two ways which page asks; what says neither is no page, or an old browser's that SameSite keeps out. */
int sovd_cookie_check_origin(struct sovd_call *call) {
        const struct sovd_http_exchange *x = outer_of(call)->x;
        const bool is_read = strcmp(x->head.method, "GET") == 0 || strcmp(x->head.method, "HEAD") == 0;
        bool good = true;

        for (size_t i = 0; i < x->head.n_fields; i++) {
                const struct sovd_head_field *f = &x->head.fields[i];
                if (strcasecmp(f->name, "Origin") == 0)
                        good = good && is_own_origin(call, f->value);
                if (strcasecmp(f->name, "Sec-Fetch-Site") == 0)
                        good = good && (strcmp(f->value, "same-origin") == 0 ||
                                        (is_read && strcmp(f->value, "none") == 0));
        }
        if (good)
                return 0;
        sovd_browser_sessions_refused(sovd_rest_of(call)->browser_sessions, SOVD_SESSION_CROSS_ORIGIN);
        return sovd_fail(call, SOVD_E_FORBIDDEN, "browser sessions are for pages of this origin");
}

static int check_csrf(struct sovd_call *call, const struct sovd_http_exchange *x,
                      const struct sovd_browser_session *session) {
        const char *token = NULL;
        size_t n = 0;

        if (strcmp(x->head.method, "GET") == 0 || strcmp(x->head.method, "HEAD") == 0)
                return 0;
        for (size_t i = 0; i < x->head.n_fields; i++)
                if (strcasecmp(x->head.fields[i].name, CSRF_FIELD) == 0)
                        token = x->head.fields[i].value, n++;
        if (n == 1 && sovd_browser_session_proves(session, token))
                return 0;
        sovd_browser_sessions_refused(sovd_rest_of(call)->browser_sessions, SOVD_SESSION_NO_CSRF);
        return sovd_fail(call, SOVD_E_FORBIDDEN,
                         "a change in a browser session needs the field " CSRF_FIELD
                         " with the session's csrf_token");
}

/* --- who it is ---------------------------------------------------------------------------------------------- */

static int unknown(struct sovd_call *call) {
        int r = sovd_fail(call, SOVD_E_UNAUTHORIZED, "the browser session is not known here, or has ended");

        (void)sovd_cookie_make(call, "",
                               &outer_of(call)->set_cookie); /* the browser need not send it again */
        sovd_browser_sessions_refused(sovd_rest_of(call)->browser_sessions, SOVD_SESSION_UNKNOWN);
        return sovd_admission_failed(sovd_rest_of(call)->admission, call, SOVD_CREDENTIAL_OTHER, r);
}

/* Another client, or the same on another machine. */
static int check_same(struct sovd_call *call, const struct sovd_browser_session *session, bool *ret) {
        char client[SOVD_FINGERPRINT_SIZE];
        const char *certificate = call->principal.certificate ? call->principal.certificate : "";
        int r = sovd_fingerprint(client, call->principal.id, strlen(call->principal.id));

        *ret = !r && !call->principal.anonymous && strcmp(client, session->client) == 0 &&
               (!*session->certificate || strcmp(session->certificate, certificate) == 0);
        return r;
}

/* What it came from is verified as if it were shown with this request. */
static int verify(struct sovd_call *call, const struct sovd_browser_session *session) {
        struct sovd_rest *rest = sovd_rest_of(call);
        struct sovd_credentials credentials = { .uid = -1 };
        size_t n;
        bool same = false;
        const char *bytes = sovd_secret_bytes(session->credentials, &n);

        if (session->is_api_key)
                credentials.api_key = bytes;
        else
                credentials.authorization = bytes;
        int r = sovd_auth_identify(rest->auth, call, &credentials);
        if (!r)
                r = check_same(call, session, &same);
        if (r && r != SOVD_E_UNAUTHORIZED)
                return r;
        if (same)
                return 0;
        sovd_browser_sessions_end(rest->browser_sessions, session->digest, SOVD_SESSION_REVOKED);
        return unknown(call);
}

static void enter(struct sovd_call *call, const struct sovd_browser_session *session) {
        struct sovd_rest_call *outer = outer_of(call);
        struct sovd_principal *p = &call->principal;

        memcpy(outer->session, session->digest, sizeof(outer->session));
        outer->in_session = true;
        p->expires_usec =
                p->expires_usec ? SOVD_MIN(p->expires_usec, session->ends_usec) : session->ends_usec;
}

int sovd_cookie_identify(struct sovd_call *call, const struct sovd_http_exchange *x, bool *ret_found) {
        struct sovd_browser_sessions *sessions = sovd_rest_of(call)->browser_sessions;
        const struct sovd_principal before = call->principal;
        struct sovd_browser_session session;
        const char *cookie;

        *ret_found = false;
        if (!sovd_browser_sessions_are_enabled(sessions))
                return 0;
        int r = read_cookie(call, x, &cookie);
        if (r || !cookie)
                return r;
        *ret_found = true;
        r = is_value(cookie) ? sovd_browser_sessions_find(sessions, cookie, &session) : SOVD_E_UNAUTHORIZED;
        if (r)
                return r == SOVD_E_UNAUTHORIZED ? unknown(call) : r;
        r = verify(call, &session);
        if (!r)
                enter(call, &session);
        else
                call->principal = before;
        if (!r)
                r = sovd_cookie_check_origin(call);
        if (!r)
                r = check_csrf(call, x, &session);
        sovd_browser_session_done(&session);
        return r;
}

int sovd_cookie_session(struct sovd_call *call, struct sovd_browser_session *ret) {
        const struct sovd_rest_call *outer = outer_of(call);
        const char *cookie;

        int r = outer->in_session ? read_cookie(call, outer->x, &cookie) : SOVD_E_NOT_FOUND;
        if (!r)
                r = cookie ? sovd_browser_sessions_find(sovd_rest_of(call)->browser_sessions, cookie, ret)
                           : SOVD_E_NOT_FOUND;
        return r == SOVD_E_UNAUTHORIZED ? SOVD_E_NOT_FOUND : r;
}
