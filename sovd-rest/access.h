#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Access - what a route is about, in the words of rules
 *
 * Everything follows from the route's row: its method, its collection or the first word of its path, its entity, and the
 * segments behind the collection. A new route has words that no role knows, so only admin may use it.
 */
#include "sovd-auth/policy.h"
#include "sovd-core/call.h"
#include "sovd-rest/route.h"

#define SOVD_ACCESS_SEGMENTS 12

struct sovd_route_access {
        struct sovd_access access;
        char word[64];
        char literals[SOVD_ACCESS_SEGMENTS][64];
        const char *segments[SOVD_ACCESS_SEGMENTS];
};

/* What a request for the route is about. params: of its path, as in struct sovd_call; NULL = whatever they are. e: NULL = it
 * has none, or none is known. */
void sovd_access_of(struct sovd_route_access *ret, const struct sovd_route *route, const struct sovd_entity *e,
                    const char *const *params);

/* The route that reads one of those that the list at this path names ("/updates": "/updates/{update-package-id}"), or NULL. */
const struct sovd_route *sovd_access_reader(const char *list);

/* The same of a collection of entities, for many questions. */
const struct sovd_route *sovd_access_reader_of(enum sovd_collection collection);

/* What rules may name: collections and operation ids; both end with NULL. Made at the first call. */
const struct sovd_policy_names *sovd_access_names(void);
