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

/* Writes the GenericError of a call that failed with r, for who is not answered over HTTP. */
void sovd_encode_generic_error(struct sovd_call *call, int r, struct sovd_json_writer *w);

/* Does If-None-Match name this version? "*" names every version; a weak tag is as good (RFC 9110 13.1.2). */
bool sovd_etag_listed(const char *field, const char *etag);

/* The same for If-Match, where a weak tag names nothing (RFC 9110 13.1.1). */
bool sovd_etag_listed_strongly(const char *field, const char *etag);
