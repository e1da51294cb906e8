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

/* Takes what the request costs the address that it came from. Probes cost nothing. route NULL: none was found. Sets the
 * failure: SOVD_E_TOO_MANY. */
int sovd_gate_charge_address(struct sovd_call *call, const struct sovd_route *route);

/* Makes the client that the request's credentials prove the principal of the call; without any it stays who it was. Sets the
 * failure: SOVD_E_UNAUTHORIZED, SOVD_E_BAD_REQUEST, SOVD_E_TOO_MANY (they were not accepted too often). */
int sovd_gate_identify(struct sovd_call *call, const struct sovd_http_exchange *x);

/* May somebody who proved nothing come so far? route: the one that was asked for, or NULL when there is none. Comes before
 * anything is looked up, so that the answer tells nothing. Sets the failure: SOVD_E_UNAUTHORIZED. */
int sovd_gate_admit(struct sovd_call *call, const struct sovd_route *route);

/* Takes what the request costs the client that is known now; as sovd_gate_charge_address(). */
int sovd_gate_charge_principal(struct sovd_call *call, const struct sovd_route *route);

/* May the principal use the route? Sets the failure: SOVD_E_UNAUTHORIZED (credentials would help), SOVD_E_FORBIDDEN. */
int sovd_gate_authorize(struct sovd_call *call, const struct sovd_route *route);
