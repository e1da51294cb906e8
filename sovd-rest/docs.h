#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Docs - the description of one element of the running vehicle (ISO 17978-3 6, 7.5)
 *
 * Every path with "/docs" behind it: a self-contained OpenAPI document of the entity, the collection or the resource
 * and of what is below it, with the ids, the names, the schemas and the methods that it has now. What a backend does
 * not tell in time is described by the tables alone, and says why in x-gw-incomplete.
 */
#include "sovd-core/call.h"
#include "sovd-rest/route.h"

struct sovd_docs_options {
        size_t max_bytes;       /* about that much is written; what is left out is said */
        uint64_t retention_sec[SOVD_N_COLLECTIONS]; /* of what clients make there: the longest; 0 = not said */
};

/* Answers the call with the description of what `own`, a route of the addressed path, leads to; call->entity and
 * call->params are those of that path. */
int sovd_docs(struct sovd_call *call, const struct sovd_route *own, const struct sovd_docs_options *options);

/* How the answer is sent; not in the table, since it is below every path. */
extern const struct sovd_route sovd_route_docs;
