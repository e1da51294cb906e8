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
#include "sovd-rest/router.h"

/* A sovd_http_handler; data is struct sovd_rest. */
void sovd_dispatch(struct sovd_http_exchange *x, void *data);

/* What GET on a path leads to, without HTTP: the route in *m, the entity in call->entity, the query in call->query. The
 * call has its arena and its tree. Like a handler, sets the failure: SOVD_E_NOT_FOUND, SOVD_E_NO_ENTITY, … A route of
 * another method only, or /docs, is in *m for the caller to see. */
int sovd_dispatch_find(struct sovd_call *call, const char *path, const char *query, struct sovd_target *target,
                       struct sovd_match *m);

/* Answers the route that was found as GET would, into w. What the caller of sovd_dispatch_find() may read, this reads. */
int sovd_dispatch_get(struct sovd_call *call, const struct sovd_route *route, struct sovd_json_writer *w);
