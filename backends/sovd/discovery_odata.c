/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Discovery in the OData dialect of the native server - components and their categories; groups are areas
 */
#include "backends/sovd/discovery.h"
#include "backends/sovd/shape.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/http_client.h"
#include <errno.h>

#define BASIC_COLLECTIONS                                                                                    \
        (1u << SOVD_COLLECTION_DATA | 1u << SOVD_COLLECTION_FAULTS | 1u << SOVD_COLLECTION_OPERATIONS)

struct survey {
        struct fetcher *fetcher;
        struct view *view;
        const struct view *before;
        struct sovd_arena *scratch; /* of the entity in hand */
};

static const cJSON *elements(const cJSON *list) {
        return shape_member(list, "value");
}

/* --- components ----------------------------------------------------------------------------------------- */

/* The versions that the server tells stand for the standard's variant. */
static int set_versions(struct survey *s, struct sovd_entity_spec *e, const cJSON *item) {
        static const char *const names[] = { "softwareVersion", "hardwareVariant", "installationVariant" };
        cJSON *variant = cJSON_CreateObject();
        bool any = false, ok = variant;

        for (size_t i = 0; ok && i < SOVD_N_ELEMENTS(names); i++) {
                const char *value = shape_string(item, names[i]);
                ok = !value || cJSON_AddStringToObject(variant, names[i], value);
                any = any || value;
        }
        int r = !ok ? sovd_error_origin(-ENOMEM) : any ? discovery_set_variant(s->view, e, variant) : 0;
        cJSON_Delete(variant);
        return r;
}

static int add_components(struct survey *s) {
        const cJSON *item;
        int r = 0;

        cJSON_ArrayForEach (item, elements(s->fetcher->components)) {
                struct sovd_entity_spec *e = NULL;
                if (!r)
                        r = discovery_add(s->view, SOVD_COMPONENT, item, &e);
                if (!r && e)
                        r = set_versions(s, e, item);
        }
        return r;
}

static int get_below(struct survey *s, const char *id, const char *resource, unsigned *ret_status,
                     cJSON **ret) {
        const char *encoded = sovd_http_encode_segment(s->scratch, id);
        const char *path =
                encoded ? sovd_arena_printf(s->scratch, "/components/%s/%s", encoded, resource) : NULL;

        return path ? s->fetcher->get(s->fetcher, path, ret_status, ret) : sovd_error_origin(-ENOMEM);
}

/* A server that says nothing useful (the native gateway: ["ecu"]) still has the routes of these three. */
static unsigned read_categories(const cJSON *capabilities) {
        const cJSON *category;
        unsigned collections = 0;

        cJSON_ArrayForEach (category, shape_member(capabilities, "supportedCategories")) {
                int c = cJSON_IsString(category)
                                ? sovd_name_find(sovd_collection_names, category->valuestring)
                                : -1;
                if (c >= 0 && (ALL_COLLECTIONS & (1u << c)))
                        collections |= 1u << c;
        }
        return collections ? collections : BASIC_COLLECTIONS;
}

/* Modes and configurations stand in no list of categories: one has to look. */
static int probe(struct survey *s, struct sovd_entity_spec *e, enum sovd_collection collection,
                 unsigned old) {
        unsigned status, bit = 1u << collection;
        cJSON *json;

        int r = get_below(s, e->id, sovd_collection_names[collection], &status, &json);
        if (r)
                return r;
        if (fetch_is_ok(status) || (!fetch_is_absent(status) && (old & bit)))
                e->collections |= bit;
        return 0;
}

static int visit(struct survey *s, struct sovd_entity_spec *e) {
        const struct sovd_entity_spec *before = discovery_before(s->before, e->type, e->id);
        unsigned status, old = before ? before->collections : 0;
        cJSON *json;

        int r = get_below(s, e->id, "capabilities", &status, &json);
        if (r)
                return r;
        if (fetch_is_ok(status))
                e->collections = read_categories(json);
        else
                e->collections = old & BASIC_COLLECTIONS ? old & BASIC_COLLECTIONS : BASIC_COLLECTIONS;

        r = probe(s, e, SOVD_COLLECTION_MODES, old);
        return r ? r : probe(s, e, SOVD_COLLECTION_CONFIGURATIONS, old);
}

/* --- the other lists ------------------------------------------------------------------------------------ */

static int add_members(struct survey *s, struct sovd_entity_spec *area, const cJSON *item) {
        const cJSON *id;
        int r = 0;

        cJSON_ArrayForEach (id, shape_member(item, "componentIds")) {
                const char *ref = cJSON_IsString(id)
                                          ? sovd_arena_printf(s->scratch, "components/%s", id->valuestring)
                                          : NULL;
                if (!r && ref)
                        r = view_append(s->view, &area->relations[SOVD_RELATION_CONTAINS], ref);
        }
        return r;
}

static int read_list(struct survey *s, const char *path, enum sovd_entity_type type, unsigned collections) {
        const cJSON *item;
        unsigned status;
        cJSON *list;

        int r = s->fetcher->get(s->fetcher, path, &status, &list);
        if (r || fetch_is_absent(status))
                return r;
        if (!fetch_is_ok(status))
                return discovery_keep(s->view, s->before, type);

        cJSON_ArrayForEach (item, elements(list)) {
                struct sovd_entity_spec *e = NULL;
                if (!r)
                        r = discovery_add(s->view, type, item, &e);
                if (r || !e)
                        continue;
                e->collections = collections;
                if (type == SOVD_AREA && !e->relations[SOVD_RELATION_CONTAINS].n)
                        r = add_members(s, e, item);
        }
        return r;
}

int discovery_odata(struct fetcher *fetcher, struct view *view, const struct view *before) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *scratch = NULL;
        struct survey s = { .fetcher = fetcher, .view = view, .before = before };

        int r = sovd_arena_new(&scratch, 4096);
        if (r)
                return r;
        s.scratch = scratch;

        r = add_components(&s);
        for (size_t i = 0; !r && i < view->n; i++) {
                r = visit(&s, &view->entities[i]);
                sovd_arena_reset(scratch);
        }
        if (!r)
                r = read_list(&s, "/groups", SOVD_AREA, 0);
        if (!r)
                r = read_list(&s, "/areas", SOVD_AREA, 0);
        if (!r)
                r = read_list(&s, "/apps", SOVD_APP,
                              1u << SOVD_COLLECTION_DATA | 1u << SOVD_COLLECTION_OPERATIONS);
        if (!r)
                r = read_list(&s, "/funcs", SOVD_FUNCTION, 1u << SOVD_COLLECTION_DATA);
        return r;
}
