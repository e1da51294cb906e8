#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Idempotent - the handlers of SOVD_IDEMPOTENT routes, run once for each Idempotency-Key
 */
#include "sovd-rest/http_server.h"
#include "sovd-rest/route.h"

/* Before anything else may refuse the request: what was carried out under the key is told again, whoever holds a lock
 * by now. The key stands for one client, one route and one resource. 0 with *ret_ticket: carry the request out, and
 * call the other function then; with *ret_ticket 0: there is no key, or the answer that was given before is there
 * (struct sovd_rest_call::replay). */
int sovd_idempotent_begin(struct sovd_call *call, const struct sovd_route *route, uint64_t *ret_ticket);

/* Keeps the answer, or frees the key when nothing was done. r is what the handler returned; returns what is to be
 * answered. */
int sovd_idempotent_end(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route, int r,
                        uint64_t ticket);

/* The handler was not even called: the key is free again. */
void sovd_idempotent_cancel(const struct sovd_call *call, uint64_t ticket);
