#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Entities - areas, components, apps and functions, and the tree that holds them (ISO 17978-3 5.3, 7.6)
 *
 * A backend publishes a view: what it knows of its entities now. The gateway puts the views together into a
 * tree. A tree never changes: a change makes a new one and swaps the pointer, so a request sees one state from
 * its first to its last step. First owner wins; an id that a second backend offers too is a clash, reported. Only
 * areas and functions, which span the vehicle, are put together from several backends.
 */
#include "sovd-core/base/schema.h"

struct sovd_backend;

enum sovd_entity_type { SOVD_AREA, SOVD_COMPONENT, SOVD_APP, SOVD_FUNCTION, SOVD_N_ENTITY_TYPES };

enum sovd_collection {
        SOVD_COLLECTION_DATA,
        SOVD_COLLECTION_FAULTS,
        SOVD_COLLECTION_OPERATIONS,
        SOVD_COLLECTION_MODES,
        SOVD_COLLECTION_CONFIGURATIONS,
        SOVD_COLLECTION_DATA_LISTS,
        SOVD_COLLECTION_LOCKS,
        SOVD_COLLECTION_LOGS,
        SOVD_COLLECTION_COMMUNICATION_LOGS,
        SOVD_COLLECTION_BULK_DATA,
        SOVD_COLLECTION_SCRIPTS,
        SOVD_COLLECTION_CLEAR_DATA,
        SOVD_COLLECTION_STATUS,
        SOVD_COLLECTION_TRIGGERS,
        SOVD_COLLECTION_CYCLIC_SUBSCRIPTIONS,
        SOVD_N_COLLECTIONS,
        SOVD_NO_COLLECTION = SOVD_N_COLLECTIONS
};

enum sovd_relation {
        SOVD_RELATION_SUBAREAS,      /* area -> areas below it */
        SOVD_RELATION_SUBCOMPONENTS, /* component -> components below it */
        SOVD_RELATION_CONTAINS,      /* area -> components and apps in it */
        SOVD_RELATION_HOSTS,         /* component -> apps on it */
        SOVD_RELATION_IS_LOCATED_ON, /* app -> its component */
        SOVD_RELATION_BELONGS_TO,    /* app, component -> its areas */
        SOVD_RELATION_DEPENDS_ON,    /* anything -> what it needs */
        SOVD_N_RELATIONS
};

enum sovd_connection { SOVD_DISCONNECTED, SOVD_CONNECTING, SOVD_CONNECTED };

/* "areas", "components", "apps", "functions" */
extern const char *const sovd_entity_type_paths[];
/* "area", "component", "app", "function" */
extern const char *const sovd_entity_type_words[];
/* "data", "faults", … */
extern const char *const sovd_collection_names[];
/* "subareas", "subcomponents", "contains", … */
extern const char *const sovd_relation_names[];
/* "disconnected", "connecting", "connected" */
extern const char *const sovd_connection_names[];

/* Position of the name in one of the arrays above (which end with NULL), or -1. */
int sovd_name_find(const char *const *names, const char *name);

/* What a backend says about one entity. Strings belong to whoever made the view. */
struct sovd_entity_spec {
        enum sovd_entity_type type;
        const char *id, *name;                        /* id is valid (sovd_id_is_valid) and not reserved */
        const char *translation_id, *category, *description; /* or NULL */
        const char *variant;                          /* JSON text, or NULL */
        struct sovd_strings tags;
        bool disconnected;                            /* cannot be reached, though its backend can */
        unsigned collections;                         /* bit 1 << enum sovd_collection: offered */
        struct sovd_strings relations[SOVD_N_RELATIONS]; /* ids of entities; for CONTAINS and DEPENDS_ON each
                                                       * "components/x" or "apps/x", for the others plain ids */
};

struct sovd_view {
        const struct sovd_backend *backend; /* whose it is */
        struct sovd_entity_spec *entities;
        size_t n_entities;
        enum sovd_connection connection;    /* of every entity in it */
        bool updates;                       /* the server behind it offers updates */
        bool remembered;                    /* of a run before: whoever offers the same now owns it */
};

struct sovd_entity;

struct sovd_entities {
        const struct sovd_entity **items;
        size_t n;
};

struct sovd_entity {
        enum sovd_entity_type type;
        const char *id, *name, *translation_id, *category, *description, *variant;
        struct sovd_strings tags;
        const struct sovd_entity *parent; /* the area or component it is a sub-entity of, or NULL */
        enum sovd_connection connection;
        struct sovd_backend *providers[SOVD_N_COLLECTIONS]; /* NULL = the collection is not offered. Those that the
                                                             * gateway itself keeps have the backend they rest on. */
        unsigned offers;                 /* bit 1 << enum sovd_collection: what its owner says that it has */
        struct sovd_backend *owner;
        struct sovd_entities relations[SOVD_N_RELATIONS];
        const struct sovd_entity *whole; /* the same in the tree that this is a part of; NULL = in this one */
};

struct sovd_clash {
        enum sovd_entity_type type;
        const char *id;
        const struct sovd_backend *owner, *loser;
};

struct sovd_tree; /* reference-counted, immutable; holds a reference to each backend in it */

/* Builds a tree from n views in order of precedence. The inverse of contains and hosts is added; relations to
 * entities that are not in the tree are left out. *ret has one reference. -ENOMEM. */
int sovd_tree_new(struct sovd_tree **ret, const struct sovd_view *views, size_t n);
/* The part of a whole tree whose entities pass: the others are in no list and in no relation, and a step to a parent that
 * is left out leads nowhere. No clashes are told, and no updates are served unless with_updates. Holds a reference to the
 * whole. -ENOMEM. */
int sovd_tree_part(struct sovd_tree **ret, struct sovd_tree *whole,
                   bool (*passes)(const struct sovd_entity *e, void *data), void *data, bool with_updates);

/* The tree that this one is a part of, or itself. */
struct sovd_tree *sovd_tree_whole(struct sovd_tree *tree);
/* The same of an entity: what has to do with relations and not with who asks goes by it. */
static inline const struct sovd_entity *sovd_entity_whole(const struct sovd_entity *e) {
        return e->whole ? e->whole : e;
}

struct sovd_tree *sovd_tree_ref(struct sovd_tree *tree);
struct sovd_tree *sovd_tree_unref(struct sovd_tree *tree);
SOVD_DEFINE_CLEANUP(struct sovd_tree *, sovd_tree_unref)

/* All entities of one type, sub-entities included, in order of views. */
const struct sovd_entities *sovd_tree_list(const struct sovd_tree *tree, enum sovd_entity_type type);

/* One entity, or NULL. Costs the same with 10 and with 10,000 entities. */
const struct sovd_entity *sovd_tree_find(const struct sovd_tree *tree, enum sovd_entity_type type, const char *id);

/* The backends that serve updates, in order of views. The tree keeps them alive. */
struct sovd_backend *const *sovd_tree_updaters(const struct sovd_tree *tree, size_t *ret_n);

const struct sovd_clash *sovd_tree_clashes(const struct sovd_tree *tree, size_t *ret_n);
