/* SPDX-License-Identifier: Apache-2.0 */
/* A session for a web page of this origin: opened with credentials, which it need not keep. */
#include "sovd-auth/browser_session.h"
#include "sovd-core/base/clock.h"
#include "sovd-rest/cookie.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"

struct session {
        const char *csrf_token, *expires;
        struct sovd_int idle;
};
#define F(member) offsetof(struct session, member)
static const struct sovd_field fields[] = {
        { .name = "csrf_token",
          .type = SOVD_FIELD_STRING,
          .offset = F(csrf_token),
          .flags = SOVD_REQUIRED,
          .doc = "For the field X-CSRF-Token of every request that changes something." },
        { .name = "expires",
          .type = SOVD_FIELD_STRING,
          .offset = F(expires),
          .flags = SOVD_REQUIRED,
          .format = "date-time",
          .doc = "When the session ends, at the latest." },
        { .name = "idle_secs",
          .type = SOVD_FIELD_INT,
          .offset = F(idle),
          .flags = SOVD_REQUIRED,
          .doc = "It ends earlier when it is not used for so long." },
        { 0 }
};
#undef F
static const struct sovd_schema schema = { .name = "BrowserSession",
                                           .size = sizeof(struct session),
                                           .fields = fields };

static struct sovd_browser_sessions *sessions_of(const struct sovd_call *call) {
        return sovd_rest_of(call)->browser_sessions;
}

static int not_offered(struct sovd_call *call) {
        return sovd_fail(call, SOVD_E_NOT_FOUND,
                         "browser sessions are not offered here (auth.browser_sessions)");
}

static int check_enabled(struct sovd_call *call) {
        return sovd_browser_sessions_are_enabled(sessions_of(call)) ? 0 : not_offered(call);
}

static int describe(struct sovd_call *call, const struct sovd_browser_session *from) {
        struct session *to = sovd_arena_new0(call->arena, struct session);
        char until[SOVD_TIMESTAMP_SIZE];
        if (!to)
                return sovd_error_origin(-ENOMEM);

        to->csrf_token = sovd_arena_strdup(call->arena, from->csrf);
        to->expires = sovd_arena_strdup(call->arena, sovd_clock_format(until, from->ends_usec));
        to->idle = SOVD_INT((int64_t)(from->idle_usec / SOVD_USEC_PER_SEC));
        call->out = to;
        return to->csrf_token && to->expires ? 0 : sovd_error_origin(-ENOMEM);
}

/* What the request showed, and was let in with. */
static int read_credentials(struct sovd_call *call, struct sovd_browser_session_of *ret) {
        const char *authorization = sovd_call_header(call, "Authorization"),
                   *api_key = sovd_call_header(call, "X-API-Key");

        if ((!authorization && !api_key) || call->principal.anonymous)
                return sovd_fail(
                        call, SOVD_E_UNAUTHORIZED,
                        "a browser session is opened with a token or an API key in the head of the request");
        *ret = (struct sovd_browser_session_of){ .client = call->principal.id,
                                                 .certificate = call->principal.certificate,
                                                 .credentials = authorization ? authorization : api_key,
                                                 .is_api_key = !authorization,
                                                 .expires_usec = call->principal.expires_usec };
        return 0;
}

static int session_open(struct sovd_call *call) {
        struct sovd_browser_session session;
        struct sovd_browser_session_of of;
        char cookie[SOVD_SESSION_COOKIE_SIZE];
        const char *field;

        int r = check_enabled(call);
        if (!r)
                r = sovd_cookie_check_origin(call);
        if (!r)
                r = read_credentials(call, &of);
        if (!r)
                r = sovd_cookie_make(call, "", &field); /* may there be one? */
        if (r)
                return r;
        r = sovd_browser_sessions_open(sessions_of(call), &of, cookie, &session);
        if (r == SOVD_E_OVERLOAD) {
                (void)sovd_fail(call, r,
                                "the limit of browser sessions is reached (auth.browser_sessions.sessions)");
                sovd_fail_retry_after(call, 60);
        }
        if (r == SOVD_E_NOT_IMPLEMENTED)
                return not_offered(call);
        if (r)
                return r;
        r = sovd_cookie_make(call, cookie, &field);
        if (!r)
                r = describe(call, &session);
        if (!r)
                ((struct sovd_rest_call *)call)->set_cookie = field;
        call->location = sovd_call_printf(call, "%s/x-gw-session", call->base);
        sovd_browser_session_done(&session);
        return r;
}

/* The session that the request came with. */
static int find(struct sovd_call *call, struct sovd_browser_session *ret) {
        int r = check_enabled(call);

        if (!r)
                r = sovd_cookie_session(call, ret);
        return r == SOVD_E_NOT_FOUND ? sovd_fail(call, r, "the request is in no browser session") : r;
}

static int session_read(struct sovd_call *call) {
        struct sovd_browser_session session;

        int r = find(call, &session);
        if (r)
                return r;
        r = describe(call, &session);
        sovd_browser_session_done(&session);
        return r;
}

static int session_end(struct sovd_call *call) {
        struct sovd_browser_session session;

        int r = find(call, &session);
        if (r)
                return r;
        sovd_browser_sessions_end(sessions_of(call), session.digest, SOVD_SESSION_CLOSED);
        sovd_browser_session_done(&session);
        return sovd_cookie_make(call, "", &((struct sovd_rest_call *)call)->set_cookie);
}

#define SESSION                                                                                              \
        .path = "/x-gw-session", .collection = SOVD_NO_COLLECTION,                                           \
        .clause = "of this gateway: docs/authentication.md"

const struct sovd_route sovd_routes_browser_session[] = {
        { .id = "browser-session-open",
          .method = SOVD_POST,
          .handler = session_open,
          .flags = SOVD_NO_LOCK | SOVD_OWN | SOVD_NEVER_OFF,
          .out = &schema,
          .success = 201,
          .summary = "Open a session for a web page of this origin",
          SESSION },
        { .id = "browser-session-read",
          .method = SOVD_GET,
          .handler = session_read,
          .flags = SOVD_OWN,
          .out = &schema,
          .success = 200,
          .summary = "Read the session that the request is in",
          SESSION },
        { .id = "browser-session-end",
          .method = SOVD_DELETE,
          .handler = session_end,
          .flags = SOVD_NO_LOCK | SOVD_OWN | SOVD_NEVER_OFF,
          .success = 204,
          .summary = "End the session that the request is in",
          SESSION },
        { 0 }
};
