#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers - what an answer of the server, or its absence, means to the client
 *
 * Pure functions over bytes: no connection, no thread. Text of the server reaches a client only as part of an
 * error that is well formed; everything else is said in our own words.
 */
#include "sovd-core/base/http_client.h"
#include "sovd-core/call.h"

/* What was asked for, for messages. */
struct subject {
        const struct sovd_entity *entity; /* NULL: it is of the server itself */
        const char *what; /* "data", "fault", ... */
        const char *id;   /* of the resource; NULL = the collection */
        bool changes;     /* a write, a start: perhaps it was carried out though no answer came */
};

/* Parses the body of a 2xx answer; the tree lives as long as the arena. SOVD_E_BAD_ANSWER with the failure
 * set. */
int answer_parse(struct sovd_call *call, const struct sovd_http_answer *answer, struct cJSON **ret);

/* Decodes by schema; SOVD_E_BAD_ANSWER names the member. */
int answer_decode(struct sovd_call *call, const struct sovd_schema *schema, const struct cJSON *json,
                  void *object);

/* Sets the failure for an answer that is not 2xx and returns it. */
int answer_fail(struct sovd_call *call, const struct sovd_http_answer *answer, const struct subject *subject);

/* The same for a call that brought no answer: result is not SOVD_HTTP_OK. */
int answer_missing(struct sovd_call *call, enum sovd_http_result result, const char *backend,
                   const struct subject *subject);

/* "component 'bms' has no data 'x'" as SOVD_E_NOT_FOUND. */
int answer_not_found(struct sovd_call *call, const struct subject *subject);

/* An error of the other side as a GenericError: from ISO's flat form, a DataError or the OData form.
 * *ret_path is the DataError's path or NULL. false: it is none of them. status decides codes that the
 * server did not give. */
bool answer_error_decode(struct sovd_call *call, const struct cJSON *json, unsigned status,
                         struct sovd_generic_error *ret, const char **ret_path);
