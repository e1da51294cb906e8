#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Describe in the ISO dialect - the schemas that the server gives for its resources
 *
 * One resource is read with include-schema=true. For a whole collection its own description (/docs) is asked for, one
 * request; a server without one is asked for the schemas of its first resources one by one.
 */
#include "sovd-core/backend.h"

int iso_describe(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                 const char *id, struct cJSON **ret);

/* The schema that a read with include-schema=true brought, or NULL; part of json, which may be added to. For tests too. */
struct cJSON *iso_schema_of_answer(const struct cJSON *json, enum sovd_collection collection);

/* {id: schema} of what a description says of the resources of a collection; owned by the caller. -ENOMEM. */
int iso_schemas_of_docs(const struct cJSON *document, enum sovd_collection collection, struct cJSON **ret);
