/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Discovery in the ISO dialect - lists of entities, then each entity's own body, then the relations it names
 *
 * References in bodies are never followed: servers write what they believe their address to be (the Eclipse
 * CDA: localhost). Paths are made from ids.
 */
#include "backends/sovd/discovery.h"
#include "backends/sovd/shape.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/http_client.h"
#include <errno.h>
#include <stdio.h>

#define PATH_SIZE 2048

/* One pass. */
struct survey {
        struct fetcher *fetcher;
        struct view *view;
        const struct view *before;
        struct sovd_arena *scratch; /* of the entity in hand */
};

/* Members of an entity's body that name relations. A deprecated name counts only when the new one is not
 * there. */
static const struct relation_row {
        const char *name, *instead_of;
        enum sovd_relation relation;
        bool typed; /* in the view the ids carry their collection */
} relation_rows[] = {
        { "subareas", NULL, SOVD_RELATION_SUBAREAS, false },
        { "subcomponents", NULL, SOVD_RELATION_SUBCOMPONENTS, false },
        { "contains", NULL, SOVD_RELATION_CONTAINS, true },
        { "related-components", "contains", SOVD_RELATION_CONTAINS, true },
        { "hosts", NULL, SOVD_RELATION_HOSTS, false },
        { "related-apps", "hosts", SOVD_RELATION_HOSTS, false },
        { "is-located-on", NULL, SOVD_RELATION_IS_LOCATED_ON, false },
        { "belongs-to", NULL, SOVD_RELATION_BELONGS_TO, false },
        { "depends-on", NULL, SOVD_RELATION_DEPENDS_ON, true },
};

/* --- lists ---------------------------------------------------------------------------------------------- */

static int add_references(struct survey *s, enum sovd_entity_type type, const cJSON *list) {
        const cJSON *item;
        int r = 0;

        cJSON_ArrayForEach (item, shape_member(list, "items")) {
                struct sovd_entity_spec *e;
                if (!r)
                        r = discovery_add(s->view, type, item, &e);
        }
        return r;
}

static int read_list(struct survey *s, enum sovd_entity_type type) {
        char path[32];
        unsigned status;
        cJSON *list;

        (void)snprintf(path, sizeof(path), "/%s", sovd_entity_type_paths[type]);
        int r = s->fetcher->get(s->fetcher, path, &status, &list);
        if (r)
                return r;
        if (fetch_is_ok(status))
                return add_references(s, type, list);
        return fetch_is_absent(status) ? 0 : discovery_keep(s->view, s->before, type);
}

/* --- one entity ----------------------------------------------------------------------------------------- */

static const char *top_path(struct survey *s, const struct sovd_entity_spec *e) {
        const char *id = sovd_http_encode_segment(s->scratch, e->id);

        return id ? sovd_arena_printf(s->scratch, "/%s/%s", sovd_entity_type_paths[e->type], id) : NULL;
}

/* A sub-entity that no list has is looked for at the top first: the short path is the one simple servers
 * and all our own links use. The answer is remembered in the path of the view. */
static int read_entity(struct survey *s, size_t i, const char **ret_path, unsigned *ret_status, cJSON **ret) {
        const char *top = top_path(s, &s->view->entities[i]), *nested = s->view->paths[i];
        ssize_t known =
                s->before ? view_find(s->before, s->view->entities[i].type, s->view->entities[i].id) : -1;
        bool was_nested = known >= 0 && sovd_streq(s->before->paths[known], nested);
        if (!top)
                return sovd_error_origin(-ENOMEM);

        *ret_path = was_nested ? nested : top;
        int r = s->fetcher->get(s->fetcher, *ret_path, ret_status, ret);
        if (!r && nested && !was_nested && fetch_is_absent(*ret_status)) {
                *ret_path = nested;
                r = s->fetcher->get(s->fetcher, nested, ret_status, ret);
        }
        if (*ret_path == top)
                s->view->paths[i] = NULL;
        return r;
}

/* Collections that the body names: members whose value is a URI. */
static unsigned read_collections(const cJSON *body) {
        unsigned collections = 0;

        for (int c = 0; c < SOVD_N_COLLECTIONS; c++)
                if (shape_string(body, sovd_collection_names[c]))
                        collections |= 1u << c;
        return collections;
}

static unsigned read_relation_names(const cJSON *body) {
        unsigned named = 0;

        for (size_t k = 0; k < SOVD_N_ELEMENTS(relation_rows); k++) {
                const struct relation_row *row = &relation_rows[k];
                if (shape_string(body, row->name) &&
                    !(row->instead_of && shape_string(body, row->instead_of)))
                        named |= 1u << k;
        }
        return named;
}

static int read_attributes(struct survey *s, struct sovd_entity_spec *e, const cJSON *body) {
        const cJSON *variant = shape_member(body, "variant");
        int r = 0;

        e->variant = NULL;
        if (shape_string(body, "name"))
                r = view_copy(s->view, &e->name, shape_string(body, "name"));
        if (!r && shape_string(body, "translation_id"))
                r = view_copy(s->view, &e->translation_id, shape_string(body, "translation_id"));
        if (!r && variant && !cJSON_IsNull(variant))
                r = discovery_set_variant(s->view, e, variant);
        return r;
}

/* --- relations ------------------------------------------------------------------------------------------ */

/* The collection in a reference: the segment before the last, whatever comes before it. */
static enum sovd_entity_type type_of_href(const char *href) {
        static const struct {
                const char *segment;
                enum sovd_entity_type type;
        } segments[] = {
                { "areas", SOVD_AREA },
                { "subareas", SOVD_AREA },
                { "components", SOVD_COMPONENT },
                { "subcomponents", SOVD_COMPONENT },
                { "apps", SOVD_APP },
                { "functions", SOVD_FUNCTION },
        };
        const char *end = href ? strrchr(href, '/') : NULL, *begin = end;

        while (begin && begin > href && begin[-1] != '/')
                begin--;
        for (size_t i = 0; begin && i < SOVD_N_ELEMENTS(segments); i++)
                if ((size_t)(end - begin) == strlen(segments[i].segment) &&
                    strncmp(begin, segments[i].segment, (size_t)(end - begin)) == 0)
                        return segments[i].type;
        return SOVD_COMPONENT;
}

static int append_relation(struct survey *s, size_t i, const struct relation_row *row, const cJSON *item) {
        const char *id = shape_string(item, "id");

        if (id && row->typed)
                id = sovd_arena_printf(s->scratch, "%s/%s",
                                       sovd_entity_type_paths[type_of_href(shape_string(item, "href"))], id);
        return id ? view_append(s->view, &s->view->entities[i].relations[row->relation], id) : 0;
}

/* A sub-entity joins the view, and with that the rest of this pass; an id that is there already is not
 * visited twice, so a ring ends. */
static int add_child(struct survey *s, const struct relation_row *row, const char *parent,
                     const cJSON *item) {
        bool is_area = row->relation == SOVD_RELATION_SUBAREAS;
        enum sovd_entity_type type = is_area ? SOVD_AREA : SOVD_COMPONENT;
        const char *id = shape_string(item, "id"), *encoded;
        struct sovd_entity_spec *e;

        if ((!is_area && row->relation != SOVD_RELATION_SUBCOMPONENTS) ||
            (id && view_find(s->view, type, id) >= 0))
                return 0;

        int r = discovery_add(s->view, type, item, &e);
        if (r || !e)
                return r;
        encoded = sovd_http_encode_segment(s->scratch, id);
        if (!encoded)
                return sovd_error_origin(-ENOMEM);
        if (strlen(parent) + strlen(encoded) + 32 > PATH_SIZE)
                return 0;
        const char *path = sovd_arena_printf(s->scratch, "%s/%s/%s", parent, row->name, encoded);
        return path ? view_copy(s->view, &s->view->paths[s->view->n - 1], path) : sovd_error_origin(-ENOMEM);
}

static int keep_relation(struct survey *s, size_t i, enum sovd_relation relation) {
        struct sovd_entity_spec *e = &s->view->entities[i];
        const struct sovd_entity_spec *old = discovery_before(s->before, e->type, e->id);

        return old ? discovery_copy_strings(s->view, &e->relations[relation], &old->relations[relation]) : 0;
}

static int read_relation(struct survey *s, size_t i, const struct relation_row *row, const char *parent) {
        const char *path = sovd_arena_printf(s->scratch, "%s/%s", parent, row->name);
        const cJSON *item;
        unsigned status;
        cJSON *list;
        if (!path)
                return sovd_error_origin(-ENOMEM);

        int r = s->fetcher->get(s->fetcher, path, &status, &list);
        if (r || fetch_is_absent(status))
                return r;
        if (!fetch_is_ok(status))
                return keep_relation(s, i, row->relation);

        cJSON_ArrayForEach (item, shape_member(list, "items")) {
                if (!r)
                        r = append_relation(s, i, row, item);
                if (!r)
                        r = add_child(s, row, parent, item);
        }
        return r;
}

/* --- the server itself ---------------------------------------------------------------------------------- */

/* A server names what it offers beside its entities in the body of its root. */
static int read_root(struct survey *s) {
        unsigned status;
        cJSON *root;

        int r = s->fetcher->get(s->fetcher, "/", &status, &root);
        if (r)
                return r;
        if (fetch_is_ok(status))
                s->view->updates = shape_string(root, "updates");
        else
                s->view->updates = !fetch_is_absent(status) && s->before && s->before->updates;
        return 0;
}

/* --- the whole ------------------------------------------------------------------------------------------ */

/* Without a usable body the entity keeps what it offered; when that was never known it offers everything, and
 * requests find out. A server that has no such bodies at all, although the standard wants them, is taken to
 * offer what every ECU has. */
static int guess_entity(struct survey *s, size_t i, unsigned status) {
        struct sovd_entity_spec *e = &s->view->entities[i];
        const struct sovd_entity_spec *old = discovery_before(s->before, e->type, e->id);

        if (fetch_is_absent(status) && e->type != SOVD_AREA)
                e->collections = 1u << SOVD_COLLECTION_DATA | 1u << SOVD_COLLECTION_FAULTS |
                                 1u << SOVD_COLLECTION_OPERATIONS;
        else if (old || e->type != SOVD_AREA)
                e->collections = old ? old->collections : ALL_COLLECTIONS;
        int r = 0;
        for (int k = 0; !r && k < SOVD_N_RELATIONS; k++)
                r = keep_relation(s, i, (enum sovd_relation)k);
        return r;
}

static int visit(struct survey *s, size_t i) {
        const char *path = NULL;
        unsigned status;
        cJSON *body;

        int r = read_entity(s, i, &path, &status, &body);
        if (r)
                return r;
        if (!fetch_is_ok(status))
                return guess_entity(s, i, status);

        unsigned named = read_relation_names(body);
        memset(s->view->entities[i].relations, 0, sizeof(s->view->entities[i].relations));
        s->view->entities[i].collections = read_collections(body);
        r = read_attributes(s, &s->view->entities[i], body);
        for (size_t k = 0; !r && k < SOVD_N_ELEMENTS(relation_rows); k++)
                if (named & (1u << k))
                        r = read_relation(s, i, &relation_rows[k], path);
        return r;
}

int discovery_iso(struct fetcher *fetcher, struct view *view, const struct view *before) {
        static const enum sovd_entity_type optional[] = { SOVD_AREA, SOVD_APP, SOVD_FUNCTION };
        _cleanup_(sovd_arena_freep) struct sovd_arena *scratch = NULL;
        struct survey s = { .fetcher = fetcher, .view = view, .before = before };

        int r = sovd_arena_new(&scratch, 4096);
        if (r)
                return r;
        s.scratch = scratch;

        r = add_references(&s, SOVD_COMPONENT, fetcher->components);
        for (size_t k = 0; !r && k < SOVD_N_ELEMENTS(optional); k++)
                r = read_list(&s, optional[k]);
        for (size_t i = 0; !r && i < view->n; i++) {
                r = visit(&s, i);
                sovd_arena_reset(scratch);
        }
        return r ? r : read_root(&s);
}
