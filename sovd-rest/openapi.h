#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OpenAPI - the description of what is served, made from the route and schema tables
 *
 * One document for the whole server, and one for every path with "/docs" behind it: the addressed entity,
 * collection or resource and what is below it, with the ids filled in and without what the entity does not offer
 * (ISO 17978-3 6, 7.5).
 */
#include "sovd-core/call.h"
#include "sovd-rest/route.h"

/* The whole document as text, for a server whose base is this (ends with SOVD_API_BASE); the caller frees it. NULL:
 * no memory. */
char *sovd_openapi_text(const char *base, bool pretty);

/* Answers the call with the document of the path whose segments behind the API base are given. */
int sovd_openapi_docs(struct sovd_call *call, const char *const *segments, size_t n);

/* How the answer of docs is sent; not in the table, since it is below every path. */
extern const struct sovd_route sovd_route_docs;
