/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/json_reader.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/router.h"
#include <cjson/cJSON.h>
#include <errno.h>

struct entity_reference {
        const char *id, *name, *href, *translation_id;
        struct sovd_strings tags;
        const char *category, *description, *connection;
};
struct entity_list {
        struct sovd_list items;
};

/* GET of an entity: every member that is not a word of the entity is the URI of something it offers. */
struct entity_body {
        const char *id, *name, *translation_id, *category, *description, *connection;
        const struct cJSON *variant;
        const char *docs, *data_categories, *data_groups;
        const char *collections[SOVD_N_COLLECTIONS];
        const char *relations[SOVD_N_RELATIONS];
};

#define F(member) offsetof(struct entity_reference, member)
static const struct sovd_field reference_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name), .flags = SOVD_REQUIRED },
        { .name = "href", .type = SOVD_FIELD_STRING, .offset = F(href), .flags = SOVD_REQUIRED,
          .format = "uri-reference" },
        { .name = "translation_id", .type = SOVD_FIELD_STRING, .offset = F(translation_id) },
        { .name = "tags", .type = SOVD_FIELD_STRINGS, .offset = F(tags) },
        { .name = "category", .type = SOVD_FIELD_STRING, .offset = F(category) },
        { .name = "description", .type = SOVD_FIELD_STRING, .offset = F(description) },
        { .name = "connectionState", .type = SOVD_FIELD_STRING, .offset = F(connection),
          .doc = "connected, connecting or disconnected: can its backend be reached?" },
        { 0 }
};
#undef F
static const struct sovd_schema reference_schema = {
        .name = "EntityReference", .size = sizeof(struct entity_reference), .fields = reference_fields,
};
static const struct sovd_field list_fields[] = {
        { .name = "items", .type = SOVD_FIELD_LIST, .offset = offsetof(struct entity_list, items),
          .flags = SOVD_REQUIRED, .of = &reference_schema },
        { 0 }
};
static const struct sovd_schema list_schema = {
        .name = "EntityList", .size = sizeof(struct entity_list), .fields = list_fields,
};

#define F(member)        offsetof(struct entity_body, member)
#define URI(word, place) { .name = word, .type = SOVD_FIELD_STRING, .offset = F(place), .format = "uri-reference" }
static const struct sovd_field body_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name), .flags = SOVD_REQUIRED },
        { .name = "translation_id", .type = SOVD_FIELD_STRING, .offset = F(translation_id) },
        { .name = "category", .type = SOVD_FIELD_STRING, .offset = F(category) },
        { .name = "description", .type = SOVD_FIELD_STRING, .offset = F(description) },
        { .name = "connectionState", .type = SOVD_FIELD_STRING, .offset = F(connection) },
        { .name = "variant", .type = SOVD_FIELD_JSON, .offset = F(variant) },
        URI("data", collections[SOVD_COLLECTION_DATA]),
        URI("faults", collections[SOVD_COLLECTION_FAULTS]),
        URI("operations", collections[SOVD_COLLECTION_OPERATIONS]),
        URI("modes", collections[SOVD_COLLECTION_MODES]),
        URI("configurations", collections[SOVD_COLLECTION_CONFIGURATIONS]),
        URI("data-lists", collections[SOVD_COLLECTION_DATA_LISTS]),
        URI("locks", collections[SOVD_COLLECTION_LOCKS]),
        URI("logs", collections[SOVD_COLLECTION_LOGS]),
        URI("communication-logs", collections[SOVD_COLLECTION_COMMUNICATION_LOGS]),
        URI("bulk-data", collections[SOVD_COLLECTION_BULK_DATA]),
        URI("scripts", collections[SOVD_COLLECTION_SCRIPTS]),
        URI("clear-data", collections[SOVD_COLLECTION_CLEAR_DATA]),
        URI("status", collections[SOVD_COLLECTION_STATUS]),
        URI("triggers", collections[SOVD_COLLECTION_TRIGGERS]),
        URI("cyclic-subscriptions", collections[SOVD_COLLECTION_CYCLIC_SUBSCRIPTIONS]),
        URI("data-categories", data_categories),
        URI("data-groups", data_groups),
        URI("docs", docs),
        URI("subareas", relations[SOVD_RELATION_SUBAREAS]),
        URI("subcomponents", relations[SOVD_RELATION_SUBCOMPONENTS]),
        URI("contains", relations[SOVD_RELATION_CONTAINS]),
        URI("hosts", relations[SOVD_RELATION_HOSTS]),
        URI("is-located-on", relations[SOVD_RELATION_IS_LOCATED_ON]),
        URI("belongs-to", relations[SOVD_RELATION_BELONGS_TO]),
        URI("depends-on", relations[SOVD_RELATION_DEPENDS_ON]),
        { 0 }
};
#undef F
static const struct sovd_schema body_schema = {
        .name = "EntityCapabilities", .size = sizeof(struct entity_body), .fields = body_fields,
};

static const struct sovd_query_param list_query[] = {
        { "tags", SOVD_QUERY_STRINGS, "Only entities with one of these tags." },
        { 0 }
};

/* Which entities a list shows; they are written straight from the tree, however many there are. */
struct entity_selection {
        const struct sovd_entities *entities;
        struct sovd_strings tags;
};

static void write_reference(const struct sovd_call *call, const struct sovd_entity *e, struct sovd_json_writer *w) {
        char href[SOVD_HREF_SIZE];
        const struct entity_reference reference = {
                .id = e->id,
                .name = e->name,
                .href = sovd_entity_href_in(href, call, e),
                .translation_id = e->translation_id,
                .tags = e->tags,
                .category = e->category,
                .description = e->description,
                .connection = sovd_connection_names[e->connection],
        };

        sovd_schema_encode(&reference_schema, &reference, w);
}

static void write_selection(const struct sovd_call *call, struct sovd_json_writer *w) {
        const struct entity_selection *selection = call->out;

        sovd_json_key(w, "items");
        sovd_json_array_begin(w);
        for (size_t i = 0; i < selection->entities->n; i++)
                if (sovd_strings_match(&selection->tags, &selection->entities->items[i]->tags))
                        write_reference(call, selection->entities->items[i], w);
        sovd_json_array_end(w);
}

static int answer_list(struct sovd_call *call, const struct sovd_entities *entities) {
        struct entity_selection *selection = sovd_arena_new0(call->arena, struct entity_selection);

        if (!selection || !sovd_call_query_all(call, "tags", &selection->tags))
                return sovd_error_origin(-ENOMEM);
        selection->entities = entities;
        call->out = selection;
        call->write = write_selection;
        return 0;
}

static int entities_list(struct sovd_call *call) {
        int type = sovd_name_find(sovd_entity_type_paths, call->params[0]);

        return answer_list(call, sovd_tree_list(call->tree, (enum sovd_entity_type)type));
}

static int read_variant(struct sovd_call *call, const char *text, const struct cJSON **ret) {
        struct sovd_json_fault fault;
        cJSON *json;

        int r = sovd_json_parse_in(call->arena, &json, text, strlen(text), NULL, &fault);
        if (!r)
                *ret = json;
        return sovd_error_fold(r);
}

/* The URI of what stands below an entity, when there is a route for it. */
static const char *below(struct sovd_call *call, const char *href, const char *word) {
        const char *path = sovd_call_printf(call, "/{entity}/%s", word);

        return sovd_router_has(path) ? sovd_call_printf(call, "%s/%s", href, word) : NULL;
}

static int entity_read(struct sovd_call *call) {
        const struct sovd_entity *e = call->entity;
        struct entity_body *body = sovd_arena_new0(call->arena, struct entity_body);
        const char *href = sovd_entity_href(call, e);
        if (!body)
                return sovd_error_origin(-ENOMEM);

        *body = (struct entity_body){ .id = e->id,
                                      .name = e->name,
                                      .translation_id = e->translation_id,
                                      .category = e->category,
                                      .description = e->description,
                                      .connection = sovd_connection_names[e->connection] };
        for (int c = 0; c < SOVD_N_COLLECTIONS; c++)
                if (e->providers[c] && sovd_gate_offers(call, e, (enum sovd_collection)c))
                        body->collections[c] = sovd_call_printf(call, "%s/%s", href, sovd_collection_names[c]);
        body->docs = sovd_call_printf(call, "%s/docs", href);
        if (body->collections[SOVD_COLLECTION_DATA]) {
                body->data_categories = below(call, href, "data-categories");
                body->data_groups = below(call, href, "data-groups");
        }
        for (int k = 0; k < SOVD_N_RELATIONS; k++)
                if (e->relations[k].n)
                        body->relations[k] = sovd_call_printf(call, "%s/%s", href, sovd_relation_names[k]);
        call->out = body;
        return e->variant ? read_variant(call, e->variant, &body->variant) : 0;
}

static int answer_relation(struct sovd_call *call, enum sovd_relation relation) {
        return answer_list(call, &call->entity->relations[relation]);
}

static int subareas_list(struct sovd_call *call) {
        return answer_relation(call, SOVD_RELATION_SUBAREAS);
}

static int subcomponents_list(struct sovd_call *call) {
        return answer_relation(call, SOVD_RELATION_SUBCOMPONENTS);
}

static int contains_list(struct sovd_call *call) {
        return answer_relation(call, SOVD_RELATION_CONTAINS);
}

static int hosts_list(struct sovd_call *call) {
        return answer_relation(call, SOVD_RELATION_HOSTS);
}

static int is_located_on_list(struct sovd_call *call) {
        return answer_relation(call, SOVD_RELATION_IS_LOCATED_ON);
}

static int belongs_to_list(struct sovd_call *call) {
        return answer_relation(call, SOVD_RELATION_BELONGS_TO);
}

static int depends_on_list(struct sovd_call *call) {
        return answer_relation(call, SOVD_RELATION_DEPENDS_ON);
}

/* Capabilities of the native server's dialect, from what the tree knows. */
struct capabilities {
        const char *id;
        struct sovd_strings categories;
        const char *connection;
};
#define F(member) offsetof(struct capabilities, member)
static const struct sovd_field capabilities_fields[] = {
        { .name = "componentId", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        { .name = "supportedCategories", .type = SOVD_FIELD_STRINGS, .offset = F(categories), .flags = SOVD_REQUIRED,
          .doc = "The collections that the entity offers." },
        { .name = "connectionState", .type = SOVD_FIELD_STRING, .offset = F(connection), .flags = SOVD_REQUIRED },
        { 0 }
};
#undef F
static const struct sovd_schema capabilities_schema = {
        .name = "Capabilities", .size = sizeof(struct capabilities), .fields = capabilities_fields,
};

static int capabilities_read(struct sovd_call *call) {
        struct capabilities *c = sovd_arena_new0(call->arena, struct capabilities);
        const char **names = sovd_arena_array(call->arena, const char *, SOVD_N_COLLECTIONS);
        if (!c || !names)
                return sovd_error_origin(-ENOMEM);

        c->id = call->entity->id;
        c->connection = sovd_connection_names[call->entity->connection];
        c->categories.items = names;
        for (int k = 0; k < SOVD_N_COLLECTIONS; k++)
                if (call->entity->providers[k] && sovd_gate_offers(call, call->entity, (enum sovd_collection)k))
                        names[c->categories.n++] = sovd_collection_names[k];
        call->out = c;
        return 0;
}

#define AREA      SOVD_ONLY(SOVD_AREA)
#define COMPONENT SOVD_ONLY(SOVD_COMPONENT)
#define APP       SOVD_ONLY(SOVD_APP)
#define FUNCTION  SOVD_ONLY(SOVD_FUNCTION)
#define RELATION(name, word, types, text, more)                                                                 \
        { .id = word "-list", .method = SOVD_GET, .path = "/{entity}/" word, .handler = name, .entities = types, \
          .collection = SOVD_NO_COLLECTION, .flags = SOVD_INCLUDE_SCHEMA | (more), .query = list_query,         \
          .out = &list_schema, .success = 200, .summary = text, .clause = "ISO 17978-3 7.6.2" }

const struct sovd_route sovd_routes_discovery[] = {
        { .id = "entities-list", .method = SOVD_GET, .path = "/{entity-collection}", .handler = entities_list,
          .flags = SOVD_INCLUDE_SCHEMA, .collection = SOVD_NO_COLLECTION, .query = list_query, .out = &list_schema,
          .success = 200, .summary = "List the entities of a type", .clause = "ISO 17978-3 7.6" },
        { .id = "entity-read", .method = SOVD_GET, .path = "/{entity}", .handler = entity_read,
          .flags = SOVD_INCLUDE_SCHEMA, .entities = SOVD_ANY_ENTITY, .collection = SOVD_NO_COLLECTION,
          .out = &body_schema, .success = 200, .summary = "Read what an entity is and offers",
          .clause = "ISO 17978-3 7.6.3" },
        { .id = "capabilities-read", .method = SOVD_GET, .path = "/{entity}/capabilities",
          .handler = capabilities_read, .entities = SOVD_ANY_ENTITY, .collection = SOVD_NO_COLLECTION,
          .out = &capabilities_schema, .success = 200, .summary = "Read what an entity offers, in short",
          .clause = "of the native server's dialect" },
        RELATION(subareas_list, "subareas", AREA, "List the areas below an area", 0),
        RELATION(subcomponents_list, "subcomponents", COMPONENT, "List the components below a component", 0),
        RELATION(contains_list, "contains", AREA, "List what is in an area", 0),
        RELATION(contains_list, "related-components", AREA, "The same as contains", SOVD_DEPRECATED),
        RELATION(hosts_list, "hosts", COMPONENT, "List the apps on a component", 0),
        RELATION(hosts_list, "related-apps", COMPONENT, "The same as hosts", SOVD_DEPRECATED),
        RELATION(is_located_on_list, "is-located-on", APP, "List the component that an app is on", 0),
        RELATION(belongs_to_list, "belongs-to", APP | COMPONENT, "List the areas that an entity is in", 0),
        RELATION(depends_on_list, "depends-on", COMPONENT | APP | FUNCTION, "List what an entity needs", 0),
        { 0 }
};
