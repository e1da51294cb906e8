#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Dispatch - what is common to all requests, done once
 *
 * From an HTTP exchange to a call: ids and deadline, target, route, entity, query, preconditions, body; then the
 * handler; then the answer, the metrics and the log.
 */
#include "sovd-rest/http_server.h"
#include "sovd-rest/rest.h"

/* A sovd_http_handler; data is struct sovd_rest. */
void sovd_dispatch(struct sovd_http_exchange *x, void *data);
