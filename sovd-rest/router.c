/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/router.h"
#include <pthread.h>

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

/* --- index ---------------------------------------------------------------------------------------------- */

/* Routes by where they hang and their first segment, so that a request is compared with a few of them only: in one
 * list the search took 8 ns for each route there is, 334 ns with 40 of them (docs/performance.md). */
#define ROUTES_MAX 1024
#define BUCKETS    128 /* and one more for those whose first segment is a parameter */

enum place { AT_ROOT, AT_SERVER, AT_ENTITY };

static struct {
        pthread_once_t once;
        const struct sovd_route *routes[ROUTES_MAX]; /* by bucket, in each in the order of the tables */
        uint16_t positions[ROUTES_MAX];              /* of each in the sequence of all */
        uint16_t begin[BUCKETS + 2];
} route_index = { .once = PTHREAD_ONCE_INIT };

static const char entity_pattern[] = "/{entity}";

static enum place place_of(const struct sovd_route *r) {
        return r->flags & SOVD_ROUTE_ROOT                    ? AT_ROOT
               : sovd_has_prefix(r->path, entity_pattern) ? AT_ENTITY
                                                             : AT_SERVER;
}

static size_t bucket_of(enum place place, const char *segment, size_t n) {
        size_t h = 0x811c9dc5u + (size_t)place; /* FNV-1a */

        for (size_t i = 0; i < n; i++)
                h = ((h ^ (unsigned char)segment[i]) * 0x01000193u) & 0xffffffffu;
        return (h ^ (h >> 16)) % BUCKETS;
}

/* "/{entity-collection}" has a first segment that is a parameter; "/{entity}" and "/" have none. */
static size_t bucket_of_route(const struct sovd_route *r) {
        enum place place = place_of(r);
        const char *rest = r->path + (place == AT_ENTITY ? strlen(entity_pattern) : 0);

        rest += *rest == '/';
        return *rest == '{' ? BUCKETS : bucket_of(place, rest, strcspn(rest, "/"));
}

static void make_index(void) {
        size_t n = SOVD_MIN(sovd_route_count(), (size_t)ROUTES_MAX), k = 0;

        for (size_t b = 0; b <= BUCKETS; b++) {
                size_t position = 0;
                route_index.begin[b] = (uint16_t)k;
                for (size_t t = 0; sovd_routes[t]; t++)
                        for (const struct sovd_route *r = sovd_routes[t]; r->id; r++, position++)
                                if (k < n && bucket_of_route(r) == b) {
                                        route_index.positions[k] = (uint16_t)position;
                                        route_index.routes[k++] = r;
                                }
        }
        route_index.begin[BUCKETS + 1] = (uint16_t)k;
}

/* --- search --------------------------------------------------------------------------------------------- */

static bool matches(const struct sovd_match *m, const struct sovd_route *r, enum place place,
                    const char *const *segments, size_t n, const char **params) {
        if (place_of(r) != place)
                return false;
        if (place == AT_ENTITY && !(r->entities & SOVD_ONLY(m->steps[m->n_steps - 1].type)))
                return false;
        return sovd_router_matches(r->path + (place == AT_ENTITY ? strlen(entity_pattern) : 0), segments, n, params);
}

static void search_bucket(struct sovd_match *m, size_t bucket, enum place place, const char *const *segments, size_t n,
                          int method) {
        for (size_t i = route_index.begin[bucket]; i < route_index.begin[bucket + 1]; i++) {
                const struct sovd_route *r = route_index.routes[i];
                const char *params[SOVD_PARAMS_MAX] = { NULL };
                if (!matches(m, r, place, segments, n, params))
                        continue;
                if (m->any && strcmp(m->any->path, r->path) != 0)
                        continue; /* a word stands where this one has a parameter: they are different resources */
                m->allowed |= 1u << r->method;
                if (!m->any && method < 0)
                        memcpy(m->params, params, sizeof(params));
                m->any = m->any ? m->any : r;
                if ((int)r->method != method || m->route)
                        continue;
                m->route = r;
                m->position = route_index.positions[i];
                memcpy(m->params, params, sizeof(params));
        }
}

static void search(struct sovd_match *m, bool root, const char *const *segments, size_t n, int method) {
        enum place place = root ? AT_ROOT : m->n_steps ? AT_ENTITY : AT_SERVER;

        (void)pthread_once(&route_index.once, make_index);
        search_bucket(m, bucket_of(place, n ? segments[0] : "", n ? strlen(segments[0]) : 0), place, segments, n, method);
        search_bucket(m, BUCKETS, place, segments, n, method);
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
