#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Respond - from a finished call to the bytes of its answer
 */
#include "sovd-rest/http_server.h"
#include "sovd-rest/route.h"

/* Encodes the answer of a call (its failure, or what its handler left) and sends it. r: what the handler
 * returned. Returns the status that was sent. */
unsigned sovd_respond(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route, int r);

/* The version of an answer: a quoted hash of its bytes; in buf. */
#define SOVD_ETAG_SIZE 40
const char *sovd_etag(char buf[static SOVD_ETAG_SIZE], const char *body, size_t len);

/* Writes the body that a route's success has into w, with "schema" when the request asked for it. */
void sovd_encode_success(const struct sovd_call *call, const struct sovd_route *route, struct sovd_json_writer *w);

/* Does a field like If-Match or If-None-Match name this version? "*" names every version (RFC 9110 13.1). */
bool sovd_etag_listed(const char *field, const char *etag);
