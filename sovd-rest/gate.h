#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Gate - who comes in, and what for
 *
 * Dispatch asks here before a handler sees a request: who asks (401), how often (429), and whether he may (403, or 404 for
 * what he may not even know of).
 */
#include "sovd-core/call.h"

struct sovd_http_exchange;
struct sovd_route;

/* Who is there when nothing proves it: the address, or the user at the other end of a Unix socket. */
struct sovd_principal sovd_gate_whoever(struct sovd_call *call, const struct sovd_http_exchange *x);

/* Makes the client that the request's credentials prove the principal of the call; without any it stays who it was. Sets the
 * failure: SOVD_E_UNAUTHORIZED, SOVD_E_BAD_REQUEST. */
int sovd_gate_identify(struct sovd_call *call, const struct sovd_http_exchange *x);

/* May somebody who proved nothing come so far? route: the one that was asked for, or NULL when there is none. Comes before
 * anything is looked up, so that the answer tells nothing. Sets the failure: SOVD_E_UNAUTHORIZED. */
int sovd_gate_admit(struct sovd_call *call, const struct sovd_route *route);

/* May the principal use the route? Sets the failure: SOVD_E_UNAUTHORIZED (credentials would help), SOVD_E_FORBIDDEN. */
int sovd_gate_authorize(struct sovd_call *call, const struct sovd_route *route);
