/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/entity.h"
#include "sovd-core/backend.h"
#include "sovd-core/base/error.h"
#include <errno.h>

struct sovd_tree {
        unsigned n_refs;                    /* atomic */
        struct sovd_arena *arena;           /* everything below */
        struct sovd_entities by_type[SOVD_N_ENTITY_TYPES];
        struct sovd_entity **slots;         /* open addressing over (type, id); mask + 1 places */
        size_t mask;
        struct sovd_backend **backends;     /* one reference each */
        size_t n_backends;
        struct sovd_clash *clashes;
        size_t n_clashes;
        struct sovd_backend **updaters;     /* those of the backends that serve updates */
        size_t n_updaters;
        struct sovd_tree *whole;            /* reference; NULL: this is no part */
};

static size_t hash_of(enum sovd_entity_type type, const char *id) {
        uint64_t h = UINT64_C(0xcbf29ce484222325) + (uint64_t)type; /* FNV-1a */

        for (; *id; id++)
                h = (h ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
        return (size_t)(h ^ (h >> 32));
}

/* The place of an entity, or the free place where it belongs. */
static struct sovd_entity **slot_of(const struct sovd_tree *tree, enum sovd_entity_type type, const char *id) {
        size_t i = hash_of(type, id) & tree->mask;

        while (tree->slots[i] && (tree->slots[i]->type != type || strcmp(tree->slots[i]->id, id) != 0))
                i = (i + 1) & tree->mask;
        return &tree->slots[i];
}

const struct sovd_entity *sovd_tree_find(const struct sovd_tree *tree, enum sovd_entity_type type, const char *id) {
        return *slot_of(tree, type, id);
}

const struct sovd_entities *sovd_tree_list(const struct sovd_tree *tree, enum sovd_entity_type type) {
        return &tree->by_type[type];
}

const struct sovd_clash *sovd_tree_clashes(const struct sovd_tree *tree, size_t *ret_n) {
        *ret_n = tree->n_clashes;
        return tree->clashes;
}

struct sovd_backend *const *sovd_tree_updaters(const struct sovd_tree *tree, size_t *ret_n) {
        *ret_n = tree->n_updaters;
        return tree->updaters;
}

struct sovd_tree *sovd_tree_ref(struct sovd_tree *tree) {
        (void)__atomic_add_fetch(&tree->n_refs, 1, __ATOMIC_RELAXED);
        return tree;
}

struct sovd_tree *sovd_tree_unref(struct sovd_tree *tree) {
        if (!tree || __atomic_sub_fetch(&tree->n_refs, 1, __ATOMIC_ACQ_REL))
                return NULL;

        for (size_t i = 0; i < tree->n_backends; i++)
                sovd_backend_unref(tree->backends[i]);
        sovd_arena_free(tree->arena);
        sovd_tree_unref(tree->whole);
        free(tree);
        return NULL;
}

static const char **copy_strings(struct sovd_arena *arena, const struct sovd_strings *from, struct sovd_strings *to) {
        *to = (struct sovd_strings){ .n = from->n, .set = from->set };
        to->items = sovd_arena_array(arena, const char *, from->n + 1);
        for (size_t i = 0; to->items && i < from->n; i++) {
                to->items[i] = sovd_arena_strdup(arena, from->items[i]);
                if (!to->items[i])
                        return NULL;
        }
        return to->items;
}

/* Strings may be NULL in the spec; a copy that is missing afterwards means that memory is out. */
static int copy_texts(struct sovd_arena *arena, const struct sovd_entity_spec *spec, struct sovd_entity *e) {
        const struct {
                const char *from, **to;
        } texts[] = {
                { spec->id, &e->id },
                { spec->name, &e->name },
                { spec->translation_id, &e->translation_id },
                { spec->category, &e->category },
                { spec->description, &e->description },
                { spec->variant, &e->variant },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(texts); i++) {
                *texts[i].to = sovd_arena_strdup(arena, texts[i].from);
                if (texts[i].from && !*texts[i].to)
                        return sovd_error_origin(-ENOMEM);
        }
        return copy_strings(arena, &spec->tags, &e->tags) ? 0 : sovd_error_origin(-ENOMEM);
}

static void add_clash(struct sovd_tree *tree, const struct sovd_entity *owner, const struct sovd_view *view) {
        tree->clashes[tree->n_clashes++] = (struct sovd_clash){
                .type = owner->type, .id = owner->id, .owner = owner->owner, .loser = view->backend
        };
}

/* What a backend says that it has is offered when it has the ops for it. */
static void provide(struct sovd_entity *e, struct sovd_backend *backend, unsigned collections) {
        for (int c = 0; c < SOVD_N_COLLECTIONS; c++)
                if ((collections & (1u << c)) && sovd_backend_serves(backend, (enum sovd_collection)c))
                        e->providers[c] = backend;

        /* The gateway keeps data lists for whoever has data. */
        if (e->providers[SOVD_COLLECTION_DATA])
                e->providers[SOVD_COLLECTION_DATA_LISTS] = e->providers[SOVD_COLLECTION_DATA];
}

static enum sovd_connection connection_of(const struct sovd_view *view, const struct sovd_entity_spec *spec) {
        return spec->disconnected ? SOVD_DISCONNECTED : view->connection;
}

/* Areas and functions span the vehicle, so several backends may know a part of one: it is put together from them, as
 * long as no two of them offer the same collection of it. */
static bool merge(struct sovd_entity *e, const struct sovd_view *view, struct sovd_backend *backend,
                  const struct sovd_entity_spec *spec) {
        if (e->type != SOVD_AREA && e->type != SOVD_FUNCTION)
                return false;
        for (int c = 0; c < SOVD_N_COLLECTIONS; c++)
                if (e->providers[c] && (spec->collections & (1u << c)))
                        return false;

        provide(e, backend, spec->collections);
        e->connection = SOVD_MAX(e->connection, connection_of(view, spec));
        return true;
}

static int add_entity(struct sovd_tree *tree, const struct sovd_view *view, struct sovd_backend *backend,
                      const struct sovd_entity_spec *spec) {
        struct sovd_entity **slot = slot_of(tree, spec->type, spec->id);
        if (*slot && ((*slot)->owner == backend || merge(*slot, view, backend, spec)))
                return 0;
        if (*slot) {
                add_clash(tree, *slot, view);
                return 0;
        }

        struct sovd_entity *e = sovd_arena_new0(tree->arena, struct sovd_entity);
        if (!e)
                return sovd_error_origin(-ENOMEM);

        e->type = spec->type;
        e->connection = connection_of(view, spec);
        e->owner = backend;
        e->offers = spec->collections;
        provide(e, backend, spec->collections);

        int r = copy_texts(tree->arena, spec, e);
        if (r)
                return r;

        struct sovd_entities *list = &tree->by_type[spec->type];
        list->items[list->n++] = e;
        *slot = e;
        return 0;
}

static bool has_relation(const struct sovd_entities *list, const struct sovd_entity *e) {
        for (size_t i = 0; i < list->n; i++)
                if (list->items[i] == e)
                        return true;
        return false;
}

/* Appends; the array grows by doubling inside the arena. */
static int relate(struct sovd_tree *tree, struct sovd_entity *from, enum sovd_relation relation,
                  const struct sovd_entity *to) {
        struct sovd_entities *list = &from->relations[relation];

        if ((list->n & (list->n - 1)) == 0) { /* 0 or a power of two: full */
                const struct sovd_entity **items =
                        sovd_arena_calloc(tree->arena, list->n ? list->n * 2 : 1, sizeof(*items));
                if (!items)
                        return sovd_error_origin(-ENOMEM);
                for (size_t i = 0; i < list->n; i++)
                        items[i] = list->items[i];
                list->items = items;
        }
        list->items[list->n++] = to;
        return 0;
}

/* "components/x", "apps/x"; a plain id is of the type that the relation leads to. */
static struct sovd_entity *target_of(const struct sovd_tree *tree, enum sovd_relation relation, const char *ref) {
        static const enum sovd_entity_type plain[SOVD_N_RELATIONS] = {
                [SOVD_RELATION_SUBAREAS] = SOVD_AREA,          [SOVD_RELATION_SUBCOMPONENTS] = SOVD_COMPONENT,
                [SOVD_RELATION_CONTAINS] = SOVD_COMPONENT,     [SOVD_RELATION_HOSTS] = SOVD_APP,
                [SOVD_RELATION_IS_LOCATED_ON] = SOVD_COMPONENT, [SOVD_RELATION_BELONGS_TO] = SOVD_AREA,
                [SOVD_RELATION_DEPENDS_ON] = SOVD_COMPONENT,
        };

        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++) {
                size_t n = strlen(sovd_entity_type_paths[type]);
                if (strncmp(ref, sovd_entity_type_paths[type], n) == 0 && ref[n] == '/')
                        return *slot_of(tree, (enum sovd_entity_type)type, ref + n + 1);
        }
        return *slot_of(tree, plain[relation], ref);
}

/* The relation that says the same from the other end, or SOVD_N_RELATIONS. */
static enum sovd_relation inverse_of(enum sovd_relation relation) {
        switch (relation) {
        case SOVD_RELATION_CONTAINS:
                return SOVD_RELATION_BELONGS_TO;
        case SOVD_RELATION_BELONGS_TO:
                return SOVD_RELATION_CONTAINS;
        case SOVD_RELATION_HOSTS:
                return SOVD_RELATION_IS_LOCATED_ON;
        case SOVD_RELATION_IS_LOCATED_ON:
                return SOVD_RELATION_HOSTS;
        default:
                return SOVD_N_RELATIONS;
        }
}

/* Would making `parent` the parent of `child` close a ring? */
static bool is_ancestor(const struct sovd_entity *child, const struct sovd_entity *parent) {
        for (const struct sovd_entity *e = parent; e; e = e->parent)
                if (e == child)
                        return true;
        return false;
}

static int relate_both(struct sovd_tree *tree, struct sovd_entity *from, enum sovd_relation relation,
                       struct sovd_entity *to) {
        bool is_child = relation == SOVD_RELATION_SUBAREAS || relation == SOVD_RELATION_SUBCOMPONENTS;
        enum sovd_relation inverse = inverse_of(relation);

        if (is_child && (to->parent || is_ancestor(to, from)))
                return 0; /* the first parent stays; a ring has no root */
        if (is_child)
                to->parent = from;
        if (is_child)
                return relate(tree, from, relation, to);
        if (inverse == SOVD_N_RELATIONS)
                return has_relation(&from->relations[relation], to) ? 0 : relate(tree, from, relation, to);

        /* Both ends are always noted together, so the shorter list tells: an area may have 20,000 members. */
        bool shorter = to->relations[inverse].n < from->relations[relation].n;
        if (shorter ? has_relation(&to->relations[inverse], from) : has_relation(&from->relations[relation], to))
                return 0;
        int r = relate(tree, from, relation, to);
        return r ? r : relate(tree, to, inverse, from);
}

static int add_relations(struct sovd_tree *tree, const struct sovd_backend *backend,
                         const struct sovd_entity_spec *spec) {
        struct sovd_entity *from = *slot_of(tree, spec->type, spec->id);

        bool shared = from && (from->type == SOVD_AREA || from->type == SOVD_FUNCTION);
        if (!from || (from->owner != backend && !shared))
                return 0;
        for (int k = 0; k < SOVD_N_RELATIONS; k++)
                for (size_t i = 0; i < spec->relations[k].n; i++) {
                        struct sovd_entity *to = target_of(tree, (enum sovd_relation)k, spec->relations[k].items[i]);
                        int r = to && to != from ? relate_both(tree, from, (enum sovd_relation)k, to) : 0;
                        if (r)
                                return r;
                }
        return 0;
}

/* The gateway itself keeps the locks of whatever can be changed. They rest on the owner, which may have its own. */
static void offer_locks(struct sovd_tree *tree) {
        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++)
                for (size_t i = 0; i < tree->by_type[type].n; i++) {
                        const struct sovd_entity *listed = tree->by_type[type].items[i];
                        struct sovd_entity *e = *slot_of(tree, listed->type, listed->id);
                        bool any = false;
                        for (int c = 0; c < SOVD_N_COLLECTIONS; c++)
                                any = any || listed->providers[c];
                        if (any && e)
                                e->providers[SOVD_COLLECTION_LOCKS] = e->owner;
                }
}

static int allocate(struct sovd_tree *tree, const struct sovd_view *views, size_t n) {
        size_t total = 0, places = 16;

        for (size_t i = 0; i < n; i++)
                total += views[i].n_entities;
        while (places < total * 2)
                places *= 2;

        int r = sovd_arena_new(&tree->arena, 4096 + total * 512);
        if (r)
                return r;
        tree->mask = places - 1;
        tree->slots = sovd_arena_array(tree->arena, struct sovd_entity *, places);
        tree->backends = sovd_arena_array(tree->arena, struct sovd_backend *, n + 1);
        tree->clashes = sovd_arena_array(tree->arena, struct sovd_clash, total + 1);
        tree->updaters = sovd_arena_array(tree->arena, struct sovd_backend *, n + 1);
        if (!tree->slots || !tree->backends || !tree->clashes || !tree->updaters)
                return sovd_error_origin(-ENOMEM);
        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++) {
                tree->by_type[type].items = sovd_arena_calloc(tree->arena, total + 1, sizeof(void *));
                if (!tree->by_type[type].items)
                        return sovd_error_origin(-ENOMEM);
        }
        return 0;
}

static int fill(struct sovd_tree *tree, const struct sovd_view *views, size_t n) {
        for (size_t i = 0; i < n; i++) {
                /* The tree keeps the backend alive for as long as a request can reach it. */
                struct sovd_backend *backend = sovd_backend_ref((struct sovd_backend *)(uintptr_t)views[i].backend);
                tree->backends[tree->n_backends++] = backend;
                if (views[i].updates && backend->ops->updates_list)
                        tree->updaters[tree->n_updaters++] = backend;
                for (size_t k = 0; k < views[i].n_entities; k++) {
                        int r = add_entity(tree, &views[i], backend, &views[i].entities[k]);
                        if (r)
                                return r;
                }
        }
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < views[i].n_entities; k++) {
                        int r = add_relations(tree, views[i].backend, &views[i].entities[k]);
                        if (r)
                                return r;
                }
        offer_locks(tree);
        return 0;
}

/* The gateway itself keeps these for every entity that has something to read. */
static void provide_observations(struct sovd_tree *tree) {
        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++)
                for (size_t i = 0; i < tree->by_type[type].n; i++) {
                        struct sovd_entity *e = *slot_of(tree, (enum sovd_entity_type)type, tree->by_type[type].items[i]->id);
                        struct sovd_backend *backend = NULL;
                        for (int c = 0; c < SOVD_N_COLLECTIONS && !backend; c++)
                                backend = e->providers[c];
                        e->providers[SOVD_COLLECTION_TRIGGERS] = backend;
                        e->providers[SOVD_COLLECTION_CYCLIC_SUBSCRIPTIONS] = backend;
                }
}

int sovd_tree_new(struct sovd_tree **ret, const struct sovd_view *views, size_t n) {
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = calloc(1, sizeof(*tree));
        if (!tree)
                return sovd_error_origin(-ENOMEM);

        tree->n_refs = 1;
        int r = allocate(tree, views, n);
        if (!r)
                r = fill(tree, views, n);
        if (r)
                return r;
        provide_observations(tree);

        *ret = SOVD_TAKE(tree);
        return 0;
}

/* --- a part --------------------------------------------------------------------------------------------- */

struct sovd_tree *sovd_tree_whole(struct sovd_tree *tree) {
        return tree->whole ? tree->whole : tree;
}

static int take_entity(struct sovd_tree *tree, const struct sovd_entity *e) {
        struct sovd_entity *copy = sovd_arena_new0(tree->arena, struct sovd_entity);
        struct sovd_entities *list = &tree->by_type[e->type];
        if (!copy)
                return sovd_error_origin(-ENOMEM);

        *copy = *e; /* its strings are the whole tree's */
        copy->whole = e;
        list->items[list->n++] = copy;
        *slot_of(tree, e->type, e->id) = copy;
        return 0;
}

static int keep_relations(struct sovd_tree *tree, struct sovd_entity *e) {
        e->parent = e->parent ? *slot_of(tree, e->parent->type, e->parent->id) : NULL;
        for (int k = 0; k < SOVD_N_RELATIONS; k++) {
                const struct sovd_entities from = e->relations[k];
                struct sovd_entities *to = &e->relations[k];
                to->n = 0;
                to->items = from.n ? sovd_arena_array(tree->arena, const struct sovd_entity *, from.n) : NULL;
                if (from.n && !to->items)
                        return sovd_error_origin(-ENOMEM);
                for (size_t i = 0; i < from.n; i++) {
                        const struct sovd_entity *other = *slot_of(tree, from.items[i]->type, from.items[i]->id);
                        if (other)
                                to->items[to->n++] = other;
                }
        }
        return 0;
}

static size_t count_passing(const struct sovd_tree *tree, bool (*passes)(const struct sovd_entity *e, void *data), void *data) {
        size_t n = 0;

        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++)
                for (size_t i = 0; i < tree->by_type[type].n; i++)
                        n += passes(tree->by_type[type].items[i], data);
        return n;
}

static int fill_part(struct sovd_tree *tree, bool (*passes)(const struct sovd_entity *e, void *data), void *data) {
        int r = 0;

        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++) {
                const struct sovd_entities *all = &tree->whole->by_type[type];
                for (size_t i = 0; !r && i < all->n; i++)
                        r = passes(all->items[i], data) ? take_entity(tree, all->items[i]) : 0;
        }
        for (size_t i = 0; !r && i <= tree->mask; i++)
                r = tree->slots[i] ? keep_relations(tree, tree->slots[i]) : 0;
        return r;
}

int sovd_tree_part(struct sovd_tree **ret, struct sovd_tree *whole, bool (*passes)(const struct sovd_entity *e, void *data),
                   void *data, bool with_updates) {
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = calloc(1, sizeof(*tree));
        struct sovd_view size = { 0 };
        if (!tree)
                return sovd_error_origin(-ENOMEM);

        whole = sovd_tree_whole(whole);
        tree->n_refs = 1;
        size.n_entities = count_passing(whole, passes, data);
        int r = allocate(tree, &size, 1);
        if (r)
                return r;
        tree->whole = sovd_tree_ref(whole); /* which keeps the backends alive */
        if (with_updates) {
                tree->updaters = whole->updaters;
                tree->n_updaters = whole->n_updaters;
        }
        r = fill_part(tree, passes, data);
        if (!r)
                *ret = SOVD_TAKE(tree);
        return r;
}
