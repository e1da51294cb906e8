/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/docs_work.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/switched.h"
#include <stdio.h>

static const char entity_pattern[] = "/{entity}";

/* --- which routes --------------------------------------------------------------------------------------- */

/* What the standard has, and extensions that are named as such; the dialects that are served beside it describe
 * themselves only when they are asked. */
static bool is_standard(const struct sovd_route *r) {
        return sovd_has_prefix(r->clause ? r->clause : "", "ISO 17978-3") || strstr(r->path, "/x-");
}

/* Does the entity have the relation that the route lists? Yes for routes of something else. */
static bool has_relation(const struct sovd_entity *e, const struct sovd_route *r) {
        const char *word = r->path + strlen(entity_pattern);
        int relation = *word ? sovd_name_find(sovd_relation_names, word + 1) : -1;

        if (strcmp(word, "/related-components") == 0)
                relation = SOVD_RELATION_CONTAINS;
        if (strcmp(word, "/related-apps") == 0)
                relation = SOVD_RELATION_HOSTS;
        return relation < 0 || e->relations[relation].n;
}

static bool is_below(const struct sovd_docs_work *d, const struct sovd_route *r) {
        size_t n = strlen(d->own->path);

        if (strcmp(d->own->path, "/") == 0) /* the children of the root, not what is below them */
                return strcmp(r->path, "/") == 0 || !strchr(r->path + 1, '/');
        return strncmp(r->path, d->own->path, n) == 0 && (r->path[n] == '\0' || r->path[n] == '/');
}

/* What proves who one is has a description of its own in the standard; the OpenAPI document of the program has it all. */
static bool is_part(const struct sovd_docs_work *d, const struct sovd_route *r) {
        const struct sovd_entity *e = d->call->entity;
        bool is_own = strcmp(r->path, d->own->path) == 0,
             is_entity = sovd_has_prefix(r->path, entity_pattern);

        if ((r->flags & SOVD_ROUTE_ROOT) || !is_below(d, r) || (!is_own && (!is_standard(r) || (r->flags & SOVD_PUBLIC))) ||
            is_entity != !!e || !sovd_gate_may_use(d->call, r) || sovd_switched_off(d->call, r, r->flags & SOVD_EVENTS))
                return false;
        if (!e)
                return true;
        if (!(r->entities & SOVD_ONLY(e->type)) ||
            (r->collection != SOVD_NO_COLLECTION && !e->providers[r->collection]))
                return false;
        return is_own || has_relation(e, r);
}

/* What is left of it while streams are switched off. */
static const struct sovd_route *as_it_is_now(const struct sovd_docs_work *d, const struct sovd_route *r) {
        struct sovd_route *now = r->flags & SOVD_OR_EVENTS && sovd_switched_off(d->call, r, true)
                                         ? sovd_arena_new0(d->call->arena, struct sovd_route)
                                         : NULL;

        if (!now)
                return r;
        *now = *r;
        now->flags &= ~(unsigned)SOVD_OR_EVENTS;
        return now;
}

/* The routes of this path that the document has, when `first` is the first of them in the table. */
static size_t routes_of(const struct sovd_docs_work *d, const struct sovd_route *first,
                        const struct sovd_docs_member *member, const struct sovd_route **ret) {
        bool seen = false;
        size_t n = 0;

        for (size_t t = 0; sovd_routes[t]; t++)
                for (const struct sovd_route *r = sovd_routes[t]; r->id; r++) {
                        if (strcmp(r->path, first->path) != 0 || !is_part(d, r))
                                continue;
                        if (!seen && r != first)
                                return 0;
                        seen = true;
                        bool possible = !d->call->entity || sovd_docs_is_possible(d->call->entity, r, member);
                        if (possible && n < SOVD_OPENAPI_METHODS_MAX)
                                ret[n++] = as_it_is_now(d, r);
                }
        return n;
}

/* --- one path ------------------------------------------------------------------------------------------- */

/* The pattern with the entity and the first ids put in; the others stay in braces. */
static void fill(const struct sovd_docs_work *d, const char *pattern, const char *const *ids, size_t n_ids,
                 char *buf, size_t size) {
        const struct sovd_entity *e = d->call->entity;
        size_t len = 0, k = 0;

        if (e && sovd_has_prefix(pattern, entity_pattern)) {
                len = (size_t)snprintf(buf, size, "/%s/%s", sovd_entity_type_paths[e->type],
                                       sovd_encoded(d->call, e->id));
                pattern += strlen(entity_pattern);
        }
        buf[SOVD_MIN(len, size - 1)] = '\0';
        while (*pattern && len < size) {
                size_t n = strcspn(pattern + 1, "/") + 1;
                bool is_filled = pattern[1] == '{' && k < n_ids && ids[k];
                if (is_filled)
                        len += (size_t)snprintf(buf + len, size - len, "/%s", sovd_encoded(d->call, ids[k]));
                else
                        len += (size_t)snprintf(buf + len, size - len, "%.*s", (int)n, pattern);
                k += pattern[1] == '{';
                pattern += n;
        }
}

struct attributes {
        const char *name;
        const struct sovd_strings *tags;
        const struct sovd_docs_member *member; /* or NULL */
        bool is_collection;                    /* of a resource's own: not the resource itself */
        const char *incomplete;
};

static void write_strings(struct sovd_json_writer *w, const char *key, const struct sovd_strings *strings) {
        if (!strings->n)
                return;
        sovd_json_key(w, key);
        sovd_json_array_begin(w);
        for (size_t i = 0; i < strings->n; i++)
                sovd_json_string(w, strings->items[i]);
        sovd_json_array_end(w);
}

/* Definitions: objects with a name (ISO 17978-3 5.2 of the reference). */
static void write_tags(struct sovd_json_writer *w, const struct sovd_strings *tags) {
        if (!tags || !tags->n)
                return;
        sovd_json_key(w, "x-sovd-tags");
        sovd_json_array_begin(w);
        for (size_t i = 0; i < tags->n; i++) {
                sovd_json_object_begin(w);
                sovd_json_key_string(w, "name", tags->items[i]);
                sovd_json_object_end(w);
        }
        sovd_json_array_end(w);
}

static void write_fault(struct sovd_json_writer *w, const struct sovd_fault *fault) {
        if (fault->display_code)
                sovd_json_key_string(w, "x-sovd-fault-display-code", fault->display_code);
        if (fault->scope)
                sovd_json_key_string(w, "x-sovd-fault-scope", fault->scope);
        if (fault->severity.set)
                sovd_json_key_int(w, "x-sovd-fault-severity", fault->severity.value);
}

static void write_member(struct sovd_json_writer *w, const struct sovd_docs_member *m) {
        if (m->category)
                sovd_json_key_string(w, "x-sovd-data-category", m->category);
        write_strings(w, "x-sovd-data-groups", &m->groups);
        if (m->fault)
                write_fault(w, m->fault);
        if (m->script)
                sovd_json_key_bool(w, "x-sovd-proximity-proof-required",
                                   m->script->proximity_proof_required.value);
        if (m->operation) {
                sovd_json_key_bool(w, "x-sovd-proximity-proof-required",
                                   m->operation->proximity_proof_required.value);
                sovd_json_key_bool(w, "x-sovd-asynchronous-execution",
                                   m->operation->asynchronous_execution.value);
        }
}

static void write_attributes(struct sovd_json_writer *w, const void *data) {
        const struct attributes *a = data;

        if (a->name && !a->is_collection)
                sovd_json_key_string(w, "x-sovd-name", a->name);
        if (!a->is_collection)
                write_tags(w, a->tags);
        if (a->member && !a->is_collection)
                write_member(w, a->member);
        if (a->incomplete)
                sovd_json_key_string(w, "x-gw-incomplete", a->incomplete);
}

/* Is it the path of a collection, which needs no name? */
static bool is_collection_path(const char *pattern) {
        const char *last = strrchr(pattern, '/') + 1;

        return sovd_name_find(sovd_collection_names, last) >= 0 || sovd_name_find(sovd_relation_names, last) >= 0 ||
               sovd_name_find(sovd_entity_type_paths, last) >= 0 || strcmp(last, "executions") == 0;
}

/* The name of what a route is about, when nothing has one: an id in braces stands for many. */
static const char *name_of(const struct sovd_docs_work *d, const struct sovd_route *r) {
        if (strcmp(r->path, "/") == 0)
                return "SOVD gateway";
        if (d->call->entity && strcmp(r->path, entity_pattern) == 0)
                return d->call->entity->name;
        return r->summary;
}

static bool is_async(const struct sovd_docs_member *m) {
        return m && m->operation && m->operation->asynchronous_execution.value;
}

static bool is_sync(const struct sovd_docs_member *m) {
        return m && m->operation && m->operation->asynchronous_execution.set && !is_async(m);
}

/* One path of the document: `member` in the place of the first id, if there is one. */
static void write_path(struct sovd_docs_work *d, const struct sovd_route *r,
                       const struct sovd_docs_member *member, const char *incomplete) {
        const struct sovd_entity *e = d->call->entity;
        bool is_entity = e && strcmp(r->path, entity_pattern) == 0;
        const char *ids[SOVD_PARAMS_MAX];
        struct sovd_openapi_known known[SOVD_DOCS_KNOWN_MAX];
        const struct sovd_route *routes[SOVD_OPENAPI_METHODS_MAX];
        char text[SOVD_OPENAPI_PATH_SIZE];
        size_t n = routes_of(d, r, member, routes), n_ids = d->n_own_params;
        if (!n)
                return;

        memcpy(ids, d->call->params, sizeof(ids));
        if (member) {
                ids[0] = member->id;
                n_ids = SOVD_MAX(n_ids, (size_t)1);
        }
        fill(d, r->path, ids, n_ids, text, sizeof(text));

        /* Below a resource, its own attributes are those of the resource's path only. */
        bool is_resource = member && strrchr(r->path, '/') == strrchr(r->path, '{') - 1 &&
                           strchr(r->path + strlen(entity_pattern), '{') == strrchr(r->path, '{');
        const struct attributes attributes = {
                .name = is_resource ? (member->name ? member->name : member->id) : name_of(d, r),
                .tags = is_resource ? &member->tags
                        : is_entity ? &e->tags
                                    : NULL,
                .member = is_resource ? member : NULL,
                .is_collection = is_collection_path(r->path),
                .incomplete = incomplete,
        };
        sovd_openapi_write_path(&d->openapi,
                                &(const struct sovd_openapi_path){
                                        .text = text,
                                        .routes = routes,
                                        .n_routes = n,
                                        .known = known,
                                        .n_known = member ? sovd_docs_known(member, r->collection, known) : 0,
                                        .only_start_status = is_sync(member)    ? 200
                                                             : is_async(member) ? 202
                                                                                : 0,
                                        .retention_sec = r->collection < SOVD_N_COLLECTIONS
                                                                 ? d->options->retention_sec[r->collection]
                                                                 : 0,
                                        .attributes = write_attributes,
                                        .data = &attributes,
                                });
}

/* --- paths with members --------------------------------------------------------------------------------- */

static bool is_full(struct sovd_docs_work *d) {
        return d->openapi.w->len >= d->limit;
}

static const char *left_out(const struct sovd_docs_work *d, size_t n) {
        return sovd_call_printf(d->call, "%zu are left out: the description is over its limit of %zu bytes",
                                n, d->options->max_bytes);
}

/* "/{entity}/data/{data-id}" and what is below it. */
static bool is_member_path(const struct sovd_route *r) {
        const char *rest = r->path + strlen(entity_pattern);

        if (!sovd_docs_has_members(r->collection) || *rest != '/')
                return false;
        size_t n = strlen(sovd_collection_names[r->collection]);
        return strncmp(rest + 1, sovd_collection_names[r->collection], n) == 0 &&
               sovd_has_prefix(rest + 1 + n, "/{");
}

static void write_members(struct sovd_docs_work *d, const struct sovd_route *r) {
        const struct sovd_docs_members *m = &d->members[r->collection];
        const char *incomplete = m->incomplete;
        size_t i = 0;

        for (; i < m->n && !is_full(d); i++)
                write_path(d, r, &m->items[i], m->items[i].schema ? NULL : m->unknown);
        if (i < m->n)
                incomplete = left_out(d, m->n - i);
        if (d->member ? !m->n : incomplete || sovd_docs_is_open(r->collection))
                write_path(d, r, NULL, incomplete);
}

/* The route that reads an entity. */
static const struct sovd_route *entity_reader(void) {
        for (size_t t = 0; sovd_routes[t]; t++)
                for (const struct sovd_route *r = sovd_routes[t]; r->id; r++)
                        if (r->method == SOVD_GET && strcmp(r->path, entity_pattern) == 0)
                                return r;
        return NULL;
}

/* Entities in the place of an id: below a list of them. */
static void write_entities(struct sovd_docs_work *d, const char *prefix,
                           const struct sovd_entities *entities) {
        const struct sovd_route *reader = entity_reader();
        char text[SOVD_OPENAPI_PATH_SIZE];
        size_t i = 0;

        if (!reader)
                return;
        struct sovd_openapi_path path = {
                .text = text, .routes = &reader, .n_routes = 1, .attributes = write_attributes
        };
        for (; i < entities->n && !is_full(d); i++) {
                const struct sovd_entity *e = entities->items[i];
                const struct attributes a = { .name = e->name, .tags = &e->tags };
                (void)snprintf(text, sizeof(text), "%s/%s", prefix, sovd_encoded(d->call, e->id));
                path.data = &a;
                sovd_openapi_write_path(&d->openapi, &path);
        }
        if (i == entities->n)
                return;
        const struct attributes a = { .name = reader->summary, .incomplete = left_out(d, entities->n - i) };
        (void)snprintf(text, sizeof(text), "%s/{entity-id}", prefix);
        path.data = &a;
        sovd_openapi_write_path(&d->openapi, &path);
}

/* "/{entity-collection}" stands for each of them, or for the one that is addressed. */
static void write_collections(struct sovd_docs_work *d, const struct sovd_route *r) {
        bool is_own = strcmp(d->own->path, r->path) == 0;
        const struct attributes a = { .is_collection = true };
        char text[64];

        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++) {
                if (is_own && strcmp(d->call->params[0], sovd_entity_type_paths[type]) != 0)
                        continue;
                (void)snprintf(text, sizeof(text), "/%s", sovd_entity_type_paths[type]);
                sovd_openapi_write_path(&d->openapi,
                                        &(const struct sovd_openapi_path){ .text = text,
                                                                           .routes = &r,
                                                                           .n_routes = 1,
                                                                           .attributes = write_attributes,
                                                                           .data = &a });
                if (is_own)
                        write_entities(d, text, sovd_tree_list(d->call->tree, (enum sovd_entity_type)type));
        }
}

/* The list of sub-entities shows them too. */
static void write_children(struct sovd_docs_work *d, const struct sovd_route *r) {
        const char *word = r->path + strlen(entity_pattern);
        enum sovd_relation relation = strcmp(word, "/subareas") == 0        ? SOVD_RELATION_SUBAREAS
                                      : strcmp(word, "/subcomponents") == 0 ? SOVD_RELATION_SUBCOMPONENTS
                                                                            : SOVD_N_RELATIONS;
        char prefix[SOVD_OPENAPI_PATH_SIZE];

        write_path(d, r, NULL, NULL);
        if (relation == SOVD_N_RELATIONS)
                return;
        fill(d, r->path, NULL, 0, prefix, sizeof(prefix));
        write_entities(d, prefix, &d->call->entity->relations[relation]);
}

static void write_route(struct sovd_docs_work *d, const struct sovd_route *r) {
        const struct sovd_route *routes[SOVD_OPENAPI_METHODS_MAX];

        if (!is_part(d, r) || !routes_of(d, r, NULL, routes))
                return;
        if (strcmp(r->path, "/{entity-collection}") == 0)
                write_collections(d, r);
        else if (d->call->entity && is_member_path(r))
                write_members(d, r);
        else if (d->call->entity && r == d->own)
                write_children(d, r);
        else
                write_path(d, r, NULL, NULL);
}

void sovd_docs_write(const struct sovd_call *call, struct sovd_json_writer *w) {
        struct sovd_docs_work *d = (struct sovd_docs_work *)(uintptr_t)call->out;

        d->openapi.w = w;
        d->limit = w->len + d->options->max_bytes;
        sovd_openapi_begin(&d->openapi, call->entity ? call->entity->name : "SOVD gateway", call->base);
        sovd_json_key(w, "paths");
        sovd_json_object_begin(w);
        for (size_t t = 0; sovd_routes[t]; t++)
                for (const struct sovd_route *r = sovd_routes[t]; r->id; r++)
                        write_route(d, r);
        sovd_json_object_end(w);
        sovd_openapi_write_components(&d->openapi);
}
