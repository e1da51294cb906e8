#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Docs members - which resources a collection of an entity has now, and what they are
 */
#include "sovd-core/call.h"
#include "sovd-rest/openapi_path.h"

#define SOVD_DOCS_KNOWN_MAX 6

struct sovd_docs_member {
        const char *id, *name;
        const char *category; /* or NULL */
        struct sovd_strings tags, groups;
        bool read_only;
        const struct sovd_fault *fault;         /* of a fault, else NULL */
        const struct sovd_operation *operation; /* of an operation, else NULL */
        const struct sovd_script *script;       /* of a script, else NULL */
        const struct cJSON *schema;             /* as ops->describe gives it; NULL = not known */
};

struct sovd_docs_members {
        struct sovd_docs_member *items;
        size_t n;
        const char *incomplete; /* why the list could not be read; NULL = it was */
        const char *unknown;    /* why schemas are not known; NULL = they are, or none is needed */
};

/* Are the members of this collection looked up? If not, they are described by an id in braces. */
bool sovd_docs_has_members(enum sovd_collection collection);

/* May there be members that a list does not show? (A fault appears, and any defined code can be read.) */
bool sovd_docs_is_open(enum sovd_collection collection);

/* Reads them from the backend of call->entity; id NULL = all, else only that one. 0; SOVD_E_NOT_FOUND, set, when there
 * is no such member; -errno. A backend that fails is no failure here: see `incomplete` and `unknown`. */
int sovd_docs_members_read(struct sovd_call *call, enum sovd_collection collection, const char *id,
                           struct sovd_docs_members *ret);

/* What the member's schema says of the members of bodies; returns how many. */
size_t sovd_docs_known(const struct sovd_docs_member *member, enum sovd_collection collection,
                       struct sovd_openapi_known ret[SOVD_DOCS_KNOWN_MAX]);

/* Can the method of this route work on this member, or on the collection (member NULL)? */
bool sovd_docs_is_possible(const struct sovd_entity *e, const struct sovd_route *r,
                           const struct sovd_docs_member *member);
