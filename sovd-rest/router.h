#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Router - from method and path segments to a route
 *
 * The entity part of a path is of any length: /components/a/subcomponents/b/data. A path that ends with "docs"
 * asks for the description of what stands before it (ISO 17978-3 7.5).
 */
#include "sovd-rest/route.h"
#include "sovd-rest/target.h"

#define SOVD_ENTITY_STEPS_MAX 16

struct sovd_entity_step {
        enum sovd_entity_type type;
        const char *id;
};

struct sovd_match {
        const struct sovd_route *route; /* NULL: see below */
        const struct sovd_route *any;   /* a route of the path, whatever its method; NULL = no such path */
        size_t position;                /* of the route in the sequence of all */
        struct sovd_entity_step steps[SOVD_ENTITY_STEPS_MAX]; /* each below the one before it */
        size_t n_steps;                 /* 0 = not a path below an entity */
        const char *params[SOVD_PARAMS_MAX]; /* of route; with is_docs of any */
        bool is_docs;                   /* the description of the rest of the path is asked for */
        unsigned allowed;               /* bit per method that the path has; 0 = no such path */
};

/* Finds the route. route == NULL with allowed == 0: not found; with allowed != 0: the method is not offered. For
 * is_docs, `allowed` and n_steps tell of the path before "docs" and route stays NULL. method: -1 = none of ours. */
void sovd_router_match(struct sovd_match *ret, const struct sovd_target *target, int method);

/* Is there a route with this path pattern? */
bool sovd_router_has(const char *path);

/* Does the path pattern of a route match the segments behind the entity? For openapi.c. */
bool sovd_router_matches(const char *pattern, const char *const *segments, size_t n, const char **params);
