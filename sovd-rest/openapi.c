/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/openapi.h"
#include "sovd-rest/openapi_path.h"
#include <cjson/cJSON.h>
#include <stdio.h>

/* The path of a route as the document shows it; "{entity}" becomes a collection and an id. type: for routes that only
 * some entity types have, else SOVD_N_ENTITY_TYPES. */
static void make_text(char *buf, size_t size, const struct sovd_route *r, int type) {
        static const char entity[] = "/{entity}";

        if (!sovd_has_prefix(r->path, entity))
                (void)snprintf(buf, size, "%s", r->path);
        else
                (void)snprintf(buf, size, "/%s/{entity-id}%s",
                               type < SOVD_N_ENTITY_TYPES ? sovd_entity_type_paths[type]
                                                          : "{entity-collection}",
                               r->path + strlen(entity));
}

static bool is_for_all(const struct sovd_route *r) {
        return !r->entities || r->entities == SOVD_ANY_ENTITY;
}

/* Has the route this path for this type? */
static bool has_path(const struct sovd_route *r, const struct sovd_route *other, int type) {
        if (strcmp(r->path, other->path) != 0 || ((r->flags ^ other->flags) & SOVD_ROUTE_ROOT))
                return false;
        return type == SOVD_N_ENTITY_TYPES ? is_for_all(r)
                                           : !is_for_all(r) && (r->entities & SOVD_ONLY(type));
}

/* All routes of the path of `first`, when that is the first of them in the table. */
static size_t routes_of(const struct sovd_route *first, int type, const struct sovd_route **ret) {
        size_t n = 0;

        for (size_t t = 0; sovd_routes[t]; t++)
                for (const struct sovd_route *r = sovd_routes[t]; r->id; r++)
                        if (has_path(r, first, type) && n < SOVD_OPENAPI_METHODS_MAX)
                                ret[n++] = r;
        return n && ret[0] == first ? n : 0;
}

static void write_route(struct sovd_openapi *o, const struct sovd_route *r, int type, const char *root) {
        const struct sovd_route *routes[SOVD_OPENAPI_METHODS_MAX];
        char text[SOVD_OPENAPI_PATH_SIZE];
        size_t n = routes_of(r, type, routes);

        if (!n)
                return;
        make_text(text, sizeof(text), r, type);
        sovd_openapi_write_path(o, &(const struct sovd_openapi_path){
                                           .text = text,
                                           .routes = routes,
                                           .n_routes = n,
                                           .server = r->flags & SOVD_ROUTE_ROOT ? root : NULL,
                                   });
}

static void write_paths(struct sovd_openapi *o, const char *root) {
        for (size_t t = 0; sovd_routes[t]; t++)
                for (const struct sovd_route *r = sovd_routes[t]; r->id; r++) {
                        if (is_for_all(r)) {
                                write_route(o, r, SOVD_N_ENTITY_TYPES, root);
                                continue;
                        }
                        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++)
                                if (r->entities & SOVD_ONLY(type))
                                        write_route(o, r, type, root);
                }
}

static char *make_pretty(char *text) {
        cJSON *json = cJSON_Parse(text);
        char *pretty = json ? cJSON_Print(json) : NULL;

        cJSON_Delete(json);
        free(text);
        return pretty;
}

char *sovd_openapi_text(const char *base, bool pretty) {
        struct sovd_json_writer w;
        struct sovd_openapi o = { .w = &w };
        char root[SOVD_OPENAPI_PATH_SIZE];
        const char *text;
        size_t len, n_root = strlen(base) - strlen(SOVD_API_BASE);

        (void)snprintf(root, sizeof(root), "%.*s", n_root ? (int)n_root : 1, base);
        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_openapi_begin(&o, "SOVD gateway", base);
        sovd_json_key(&w, "paths");
        sovd_json_object_begin(&w);
        write_paths(&o, root);
        sovd_json_object_end(&w);
        sovd_openapi_write_components(&o);
        sovd_json_object_end(&w);
        if (sovd_json_writer_finish(&w, &text, &len)) {
                sovd_json_writer_done(&w);
                return NULL;
        }
        return pretty ? make_pretty(w.data) : w.data;
}
