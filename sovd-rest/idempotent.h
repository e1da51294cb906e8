#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Idempotent - the handlers of SOVD_IDEMPOTENT routes, run once for each Idempotency-Key
 */
#include "sovd-rest/http_server.h"
#include "sovd-rest/route.h"

/* Runs the route's handler, or leaves the answer that was given before (struct sovd_rest_call::replay). The key
 * stands for one client, one route and one resource. Returns what the handler would. */
int sovd_idempotent_run(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route);
