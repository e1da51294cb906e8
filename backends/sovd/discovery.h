#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Discovery - what entities a server has, and what each of them offers
 *
 * One request after the other through a fetcher, so that the same code runs over a socket and over the texts
 * of a test. What fails for one list stays as it was before; an entity of which nothing else is known offers
 * every collection.
 */
#include "backends/sovd/backend.h"

struct cJSON;

/* Those that every dialect has; the others are offered only when the server names them. */
#define ALL_COLLECTIONS ((1u << (SOVD_COLLECTION_CONFIGURATIONS + 1)) - 1)

/* More than any HTTP status: an answer came, or none, but nothing that could be used. */
#define FETCH_UNUSABLE 600u

struct fetcher {
        /* Reads a path below the API prefix (encoded). *ret_status is the HTTP status or FETCH_UNUSABLE;
         * with 2xx *ret is the tree, which lives until the next get. -errno: the server is lost, discovery
         * ends. */
        int (*get)(struct fetcher *fetcher, const char *path, unsigned *ret_status, struct cJSON **ret);
        struct cJSON *components; /* the answer to /components, which was read first */
};

/* By the list of components; NULL: it is no list. A server that speaks both is taken for ISO. */
const struct dialect *discovery_detect(const struct cJSON *components);

int discovery_iso(struct fetcher *fetcher, struct view *view, const struct view *before);
int discovery_odata(struct fetcher *fetcher, struct view *view, const struct view *before);

/* --- for the two of them --- */

static inline bool fetch_is_ok(unsigned status) {
        return status >= 200 && status < 300;
}

/* Does the server say that there is none? Anything else is a failure, and what was known stays. */
bool fetch_is_absent(unsigned status);

/* The entity as it was before, or NULL. */
const struct sovd_entity_spec *discovery_before(const struct view *before, enum sovd_entity_type type,
                                                const char *id);

/* The view that the first list alone gives: its components, and whatever else was known before. What was
 * never looked at offers every collection: a request for it finds out, and "does not exist" would be a
 * guess. */
int discovery_outline(struct view *view, const struct view *before, const struct cJSON *components);

/* Adds an entity as another view has it, with its path there, unless it is here already. */
int discovery_put(struct view *view, const struct sovd_entity_spec *from, const char *path);

/* Takes over the entities of a type as they were before, but for those that are there already. */
int discovery_keep(struct view *view, const struct view *before, enum sovd_entity_type type);

/* Adds the entity that an element of a list describes: id, name, translation_id, category, description,
 * tags. */
int discovery_add(struct view *view, enum sovd_entity_type type, const struct cJSON *item,
                  struct sovd_entity_spec **ret);

/* The JSON text of a variant; left out when it is longer than 4 KiB. */
int discovery_set_variant(struct view *view, struct sovd_entity_spec *e, const struct cJSON *variant);

int discovery_copy_strings(struct view *view, struct sovd_strings *to, const struct sovd_strings *from);
