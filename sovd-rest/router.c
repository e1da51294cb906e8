/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/router.h"

const char *const sovd_method_names[] = { "GET", "POST", "PUT", "DELETE", NULL };

static size_t n_routes;

/* Counted once; the tables are constant, so it does not matter who comes first. */
size_t sovd_route_count(void) {
        size_t n = __atomic_load_n(&n_routes, __ATOMIC_RELAXED);

        if (n)
                return n;
        for (size_t t = 0; sovd_routes[t]; t++)
                for (const struct sovd_route *r = sovd_routes[t]; r->id; r++)
                        n++;
        __atomic_store_n(&n_routes, n, __ATOMIC_RELAXED);
        return n;
}

const struct sovd_route *sovd_route_at(size_t position) {
        for (size_t t = 0; sovd_routes[t]; t++)
                for (const struct sovd_route *r = sovd_routes[t]; r->id; r++)
                        if (!position--)
                                return r;
        return NULL;
}

bool sovd_router_has(const char *path) {
        for (size_t t = 0; sovd_routes[t]; t++)
                for (const struct sovd_route *r = sovd_routes[t]; r->id; r++)
                        if (strcmp(r->path, path) == 0)
                                return true;
        return false;
}

bool sovd_router_matches(const char *pattern, const char *const *segments, size_t n, const char **params) {
        size_t i = 0, n_params = 0;

        while (*pattern == '/' && pattern[1]) {
                size_t len = strcspn(++pattern, "/");
                if (i == n)
                        return false;
                if (sovd_has_prefix(pattern, "{entity-collection}")) {
                        if (sovd_name_find(sovd_entity_type_paths, segments[i]) < 0)
                                return false;
                        params[n_params++] = segments[i];
                } else if (*pattern == '{') {
                        params[n_params++] = segments[i];
                } else if (strlen(segments[i]) != len || memcmp(segments[i], pattern, len) != 0) {
                        return false;
                }
                pattern += len;
                i++;
        }
        return i == n;
}

/* Reads "components/a/subcomponents/b"; returns how many segments that was, 0 if it is not an entity path. */
static size_t read_entity(struct sovd_match *m, const char *const *segments, size_t n) {
        static const char *const below[SOVD_N_ENTITY_TYPES] = { [SOVD_AREA] = "subareas",
                                                                [SOVD_COMPONENT] = "subcomponents" };
        int type = n >= 2 ? sovd_name_find(sovd_entity_type_paths, segments[0]) : -1;
        size_t used = 2;

        if (type < 0)
                return 0;
        m->steps[m->n_steps++] = (struct sovd_entity_step){ (enum sovd_entity_type)type, segments[1] };
        while (n - used >= 2 && below[type] && strcmp(segments[used], below[type]) == 0 &&
               m->n_steps < SOVD_ENTITY_STEPS_MAX) {
                m->steps[m->n_steps++] = (struct sovd_entity_step){ (enum sovd_entity_type)type, segments[used + 1] };
                used += 2;
        }
        return used;
}

static bool matches(const struct sovd_match *m, const struct sovd_route *r, bool root, const char *const *segments,
                    size_t n, const char **params) {
        static const char entity[] = "/{entity}";
        bool is_entity = sovd_has_prefix(r->path, entity);

        if (root != !!(r->flags & SOVD_ROUTE_ROOT) || is_entity != (m->n_steps > 0))
                return false;
        if (is_entity && !(r->entities & SOVD_ONLY(m->steps[m->n_steps - 1].type)))
                return false;
        return sovd_router_matches(r->path + (is_entity ? strlen(entity) : 0), segments, n, params);
}

static void search(struct sovd_match *m, bool root, const char *const *segments, size_t n, int method) {
        size_t position = 0;

        for (size_t t = 0; sovd_routes[t]; t++)
                for (const struct sovd_route *r = sovd_routes[t]; r->id; r++, position++) {
                        const char *params[SOVD_PARAMS_MAX] = { NULL };
                        if (!matches(m, r, root, segments, n, params))
                                continue;
                        m->allowed |= 1u << r->method;
                        if (!m->any && method < 0)
                                memcpy(m->params, params, sizeof(params));
                        m->any = m->any ? m->any : r;
                        if ((int)r->method != method || m->route)
                                continue;
                        m->route = r;
                        m->position = position;
                        memcpy(m->params, params, sizeof(params));
                }
}

void sovd_router_match(struct sovd_match *ret, const struct sovd_target *target, int method) {
        const char *const *segments = target->segments;
        size_t n = target->n;

        *ret = (struct sovd_match){ 0 };
        if (n < 2 || strcmp(segments[0], "sovd") != 0 || strcmp(segments[1], "v1") != 0)
                return search(ret, true, segments, n, method);

        segments += 2;
        n -= 2;
        if (n && strcmp(segments[n - 1], "docs") == 0) {
                ret->is_docs = true;
                method = -1;
                n--;
        }
        size_t used = read_entity(ret, segments, n);
        search(ret, false, segments + used, n - used, method);
}
