/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/access.h"
#include "sovd-rest/docs.h"
#include <pthread.h>
#include <stdio.h>

#define ENTITIES  "entities"
#define NAMES_MAX 1024

static const char entity_pattern[] = "/{entity}";

/* Paths whose first word is not what they are about: a list of faults is one wherever it stands. */
static const struct {
        const char *word, *about;
} others[] = {
        { "", ENTITIES },
        { "{entity-collection}", ENTITIES },
        { "capabilities", ENTITIES },
        { "related-components", ENTITIES },
        { "related-apps", ENTITIES },
        { "openapi.json", ENTITIES },
        { "docs", ENTITIES },
        { "export", "faults" },  /* /export/faults */
        { "schema", "data" },    /* /schema/data-catalog */
        { "snapshot", "data" },  /* what of faults is in it is asked for there */
};
/* What is about many entities has only those in it that the client may see. */
static const char *const spanning[] = { ENTITIES, "data", "faults" };
/* What no wildcard reaches. */
static const char *const explicit_words[] = { "x-admin", "audit", "compliance-evidence" };

static bool is_one_of(const char *word, const char *const *words, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(words[i], word) == 0)
                        return true;
        return false;
}
#define IS_ONE_OF(word, words) is_one_of(word, words, SOVD_N_ELEMENTS(words))

static const char *behind_entity(const struct sovd_route *route) {
        return route->path + (sovd_has_prefix(route->path, entity_pattern) ? strlen(entity_pattern) : 0);
}

static void copy(char *to, size_t size, const char *from, size_t n) {
        n = strnlen(from, SOVD_MIN(n, size - 1));
        memcpy(to, from, n);
        to[n] = '\0';
}

static void find_word(char ret[static 64], const struct sovd_route *route) {
        const char *rest = behind_entity(route);

        rest += *rest == '/';
        if (sovd_has_prefix(rest, "sovd/"))
                rest += strlen("sovd/");
        copy(ret, 64, rest, strcspn(rest, "/"));
        if (route->collection != SOVD_NO_COLLECTION && route->entities) {
                copy(ret, 64, sovd_collection_names[route->collection], 64);
                return;
        }
        for (size_t i = 0; i < SOVD_N_ELEMENTS(others); i++)
                if (strcmp(ret, others[i].word) == 0) {
                        copy(ret, 64, others[i].about, 64);
                        return;
                }
        if (route->entities && sovd_name_find(sovd_relation_names, ret) >= 0)
                copy(ret, 64, ENTITIES, 64);
}

/* Words behind the collection are resources where something is done to them; what is read there are lists of a kind, and
 * leave out what may not be read. */
static void find_resource(struct sovd_route_access *ret, const struct sovd_route *route, const char *const *params) {
        const char *p = behind_entity(route);
        size_t k = 0;

        p += *p == '/';
        k += *p == '{'; /* "/{entity-collection}" */
        p += strcspn(p, "/");
        ret->access.resource = ret->segments;
        ret->access.any_resource = !params;
        for (size_t n = 0; params && *p == '/' && n < SOVD_ACCESS_SEGMENTS; n++) {
                size_t len = strcspn(++p, "/");
                bool is_param = *p == '{';
                if (!is_param && !n && route->method == SOVD_GET)
                        return;
                copy(ret->literals[n], sizeof(ret->literals[n]), p, len);
                ret->segments[n] = !is_param ? ret->literals[n] : k < SOVD_PARAMS_MAX && params[k] ? params[k] : "";
                ret->access.n_resource = n + 1;
                k += is_param;
                p += len;
        }
}

static unsigned flags_of(const struct sovd_route *route, const char *word) {
        const bool is_explicit = (route->flags & SOVD_ADMIN) || IS_ONE_OF(word, explicit_words),
                   spans = !route->entities && IS_ONE_OF(word, spanning);

        return (is_explicit ? SOVD_ACCESS_EXPLICIT : 0) | (spans ? SOVD_ACCESS_SPANS : 0) |
               (route->flags & (SOVD_PUBLIC | SOVD_OWN) ? SOVD_ACCESS_PUBLIC : 0);
}

void sovd_access_of(struct sovd_route_access *ret, const struct sovd_route *route, const struct sovd_entity *e,
                    const char *const *params) {
        find_word(ret->word, route);
        ret->access = (struct sovd_access){ .method = sovd_method_names[route->method],
                                            .route = route->id,
                                            .collection = ret->word,
                                            .entity_type = e ? sovd_entity_type_paths[e->type] : NULL,
                                            .entity_id = e ? e->id : NULL,
                                            .flags = flags_of(route, ret->word) };
        find_resource(ret, route, params);
}

/* --- readers --------------------------------------------------------------------------------------------- */

const struct sovd_route *sovd_access_reader(const char *list) {
        size_t n = strlen(list);

        for (size_t t = 0; sovd_routes[t]; t++)
                for (const struct sovd_route *r = sovd_routes[t]; r->id; r++)
                        if (r->method == SOVD_GET && strncmp(r->path, list, n) == 0 && sovd_has_prefix(r->path + n, "/{") &&
                            !strchr(r->path + n + 1, '/'))
                                return r;
        return NULL;
}

const struct sovd_route *sovd_access_reader_of(enum sovd_collection collection) {
        static const struct sovd_route *found[SOVD_N_COLLECTIONS]; /* whoever asks first finds the same */
        const struct sovd_route *reader = __atomic_load_n(&found[collection], __ATOMIC_RELAXED);
        char list[64];

        if (reader)
                return reader;
        (void)snprintf(list, sizeof(list), "/{entity}/%s", sovd_collection_names[collection]);
        reader = sovd_access_reader(list);
        __atomic_store_n(&found[collection], reader, __ATOMIC_RELAXED);
        return reader;
}

/* --- names ---------------------------------------------------------------------------------------------- */

static struct {
        pthread_once_t once;
        char words[NAMES_MAX][64];
        const char *collections[NAMES_MAX + 1], *routes[NAMES_MAX + 3];
        struct sovd_policy_names names;
} known = { .once = PTHREAD_ONCE_INIT };

static void make_names(void) {
        const size_t n = SOVD_MIN(sovd_route_count(), (size_t)NAMES_MAX);
        size_t n_words = 0, k = 0;

        for (; k < n; k++) {
                known.routes[k] = sovd_route_at(k)->id;
                find_word(known.words[n_words], sovd_route_at(k));
                if (is_one_of(known.words[n_words], known.collections, n_words))
                        continue;
                known.collections[n_words] = known.words[n_words];
                n_words++;
        }
        known.routes[k++] = sovd_route_docs.id;
        known.routes[k] = SOVD_ROUTE_LOCK_BREAK;
        known.names = (struct sovd_policy_names){ known.collections, known.routes };
}

const struct sovd_policy_names *sovd_access_names(void) {
        (void)pthread_once(&known.once, make_names);
        return &known.names;
}
