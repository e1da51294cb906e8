#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cookies - how a browser session (sovd-auth/browser_session.h) travels
 *
 * A cookie comes along with whatever request of whatever page, so it is believed less than credentials: only from pages of this
 * origin, and for changes only with a token beside it that no other page can know.
 */
#include "sovd-core/call.h"

struct sovd_http_exchange;
struct sovd_browser_session;

/* Makes the client of a request's session the principal of the call. *ret_found: the request has a session's cookie. Sets the
 * failure: SOVD_E_UNAUTHORIZED (it has ended), SOVD_E_FORBIDDEN (the page is of another origin; the token is missing),
 * SOVD_E_BAD_REQUEST, SOVD_E_TOO_MANY. Only for a request that shows no credentials. */
int sovd_cookie_identify(struct sovd_call *call, const struct sovd_http_exchange *x, bool *ret_found);

/* The session of the call, which is to be given back with sovd_browser_session_done(). SOVD_E_NOT_FOUND: it has none. */
int sovd_cookie_session(struct sovd_call *call, struct sovd_browser_session *ret);

/* Does the request come from a page of another origin? Sets the failure: SOVD_E_FORBIDDEN. */
int sovd_cookie_check_origin(struct sovd_call *call);

/* The value of Set-Cookie, in the arena. value "": it is taken away. SOVD_E_FORBIDDEN, with the failure set: the connection is none
 * that a cookie may go over. */
int sovd_cookie_make(struct sovd_call *call, const char *value, const char **ret);
