/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/iso_describe.h"
#include "backends/sovd/discovery.h"
#include "backends/sovd/shape.h"
#include "backends/sovd/upstream.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_reader.h"
#include <errno.h>
#include <stdio.h>

#define REFERENCES_MAX 8  /* that lead to one another */
#define JOINED_MAX     32 /* schemas that are joined into one */
#define ONE_BY_ONE_MAX 16 /* resources that are read for their schema */
#define EXPIRATION     "x-gw-mode-expiration"

/* Where the value stands in the body of a resource; NULL: it is an operation. */
static const char *member_of(enum sovd_collection collection) {
        switch (collection) {
        case SOVD_COLLECTION_DATA:
        case SOVD_COLLECTION_CONFIGURATIONS:
                return "data";
        case SOVD_COLLECTION_MODES:
                return "value";
        default:
                return NULL;
        }
}

/* --- schemas in what the server sends ------------------------------------------------------------------- */

static bool has_reference(const cJSON *node) {
        const cJSON *child;

        if (node->string && strcmp(node->string, "$ref") == 0)
                return true;
        cJSON_ArrayForEach (child, node)
                if (has_reference(child))
                        return true;
        return false;
}

/* A schema that lets everything pass says nothing; one that refers to its document cannot stand alone. */
static bool is_telling(const cJSON *schema) {
        const cJSON *type = shape_member(schema, "type");

        if (!cJSON_IsObject(schema) || !schema->child || has_reference(schema))
                return false;
        return cJSON_IsString(type) || shape_member(schema, "enum") || shape_member(schema, "properties") ||
               shape_member(schema, "oneOf") || shape_member(schema, "anyOf") ||
               shape_member(schema, "allOf") || (cJSON_IsArray(type) && cJSON_GetArraySize(type) < 4);
}

static void add_copy(cJSON *object, const char *name, const cJSON *schema) {
        cJSON *copy = schema ? cJSON_Duplicate(schema, true) : NULL;

        if (copy && !cJSON_AddItemToObject(object, name, copy))
                cJSON_Delete(copy);
}

/* Of a mode the expiration is told beside the value, and kept with its schema. */
cJSON *iso_schema_of_answer(const cJSON *json, enum sovd_collection collection) {
        const cJSON *schema = shape_member(json, "schema");
        cJSON *found = member_of(collection)
                               ? shape_member(shape_member(schema, "properties"), member_of(collection))
                               : shape_member(schema, "x-gw-operation");

        if (!is_telling(found) && (member_of(collection) || !cJSON_IsObject(found)))
                return NULL;
        if (collection == SOVD_COLLECTION_MODES && !shape_member(found, EXPIRATION))
                add_copy(found, EXPIRATION, shape_member(shape_member(schema, "properties"), "mode_expiration"));
        return found;
}

/* What a local reference leads to; the node itself when it is none. */
static const cJSON *follow(const cJSON *document, const cJSON *node) {
        for (int i = 0; i < REFERENCES_MAX; i++) {
                const char *ref = shape_string(node, "$ref");
                if (!ref)
                        return node;
                if (!sovd_has_prefix(ref, "#/components/"))
                        return NULL;
                const char *kind = ref + strlen("#/components/"), *slash = strchr(kind, '/');
                const cJSON *all = shape_member(document, "components"), *group = NULL, *child;
                cJSON_ArrayForEach (child, all)
                        if (slash && strlen(child->string) == (size_t)(slash - kind) &&
                            strncmp(child->string, kind, (size_t)(slash - kind)) == 0)
                                group = child;
                node = group ? shape_member(group, slash + 1) : NULL;
        }
        return NULL;
}

/* budget: of schemas that are looked at; a server may join them in rings. */
static const cJSON *find_property(const cJSON *document, const cJSON *schema, const char *name,
                                  unsigned *budget) {
        const cJSON *node = follow(document, schema), *inner, *found;
        const cJSON *own = follow(document, shape_member(shape_member(node, "properties"), name));

        found = is_telling(own) ? own : NULL;
        cJSON_ArrayForEach (inner, shape_member(node, "allOf")) {
                if (!*budget)
                        break;
                --*budget;
                const cJSON *theirs = find_property(document, inner, name, budget);
                found = theirs ? theirs : found;
        }
        return found;
}

/* The schema of a member; of several that are joined by allOf the last that tells something. */
static const cJSON *property_of(const cJSON *document, const cJSON *schema, const char *name) {
        unsigned budget = JOINED_MAX;

        return find_property(document, schema, name, &budget);
}

static const cJSON *json_schema_in(const cJSON *document, const cJSON *holder) {
        const cJSON *content = shape_member(follow(document, holder), "content");

        return shape_member(shape_member(content, "application/json"), "schema");
}

static const cJSON *schema_of_value(const cJSON *document, const cJSON *item, const char *member) {
        const cJSON *responses = shape_member(shape_member(item, "get"), "responses");

        return property_of(document, json_schema_in(document, shape_member(responses, "200")), member);
}

static cJSON *describe_value(const cJSON *document, const cJSON *item, const char *member) {
        cJSON *copy = cJSON_Duplicate(schema_of_value(document, item, member), true);

        if (copy && !shape_member(item, "put") && !shape_member(copy, "readOnly"))
                cJSON_AddBoolToObject(copy, "readOnly", true);
        return copy;
}

/* item: of the path of its executions. */
static void describe_start(const cJSON *document, const cJSON *item, cJSON *operation) {
        const cJSON *post = shape_member(item, "post"), *responses = shape_member(post, "responses");
        const cJSON *body = json_schema_in(document, shape_member(post, "requestBody"));
        const cJSON *result = json_schema_in(document, shape_member(responses, "200"));

        add_copy(operation, "parameters", property_of(document, body, "parameters"));
        add_copy(operation, "result", property_of(document, result, "parameters"));
}

/* item: of the path of one execution, for what runs asynchronously. */
static void describe_end(const cJSON *document, const cJSON *item, cJSON *operation) {
        if (!shape_member(operation, "result"))
                add_copy(operation, "result", schema_of_value(document, item, "parameters"));
}

/* Decodes n bytes of a path segment. false: not one that can be an id. */
static bool read_id(char *buf, size_t size, const char *s, size_t n) {
        size_t len = 0;

        for (size_t i = 0; i < n && len + 1 < size; i++) {
                char digits[3] = { 0 };
                if (s[i] == '%' && n - i > 2) {
                        memcpy(digits, s + i + 1, 2);
                        buf[len++] = (char)strtoul(digits, NULL, 16);
                        i += 2;
                } else {
                        buf[len++] = s[i];
                }
        }
        buf[len] = '\0';
        return n && *s != '{' && len + 1 < size;
}

static cJSON *operation_of(cJSON *all, const char *id) {
        cJSON *operation = shape_member(all, id);

        return operation ? operation : cJSON_AddObjectToObject(all, id);
}

/* rest: what stands behind the collection in the path. */
static void describe_path(const cJSON *document, const cJSON *item, const char *rest,
                          enum sovd_collection collection, cJSON *all) {
        size_t n = strcspn(rest, "/");
        const char *member = member_of(collection), *below = rest + n;
        char id[256];

        if (!read_id(id, sizeof(id), rest, n))
                return;
        if (member && !*below) {
                cJSON *schema = describe_value(document, item, member);
                if (schema && !cJSON_AddItemToObject(all, id, schema))
                        cJSON_Delete(schema);
        } else if (!member && strcmp(below, "/executions") == 0) {
                describe_start(document, item, operation_of(all, id));
        } else if (!member && sovd_has_prefix(below, "/executions/")) {
                describe_end(document, item, operation_of(all, id));
        }
}

int iso_schemas_of_docs(const cJSON *document, enum sovd_collection collection, cJSON **ret) {
        cJSON *all = cJSON_CreateObject();
        const cJSON *item;
        char word[64];
        if (!all)
                return sovd_error_origin(-ENOMEM);

        (void)snprintf(word, sizeof(word), "/%s/", sovd_collection_names[collection]);
        cJSON_ArrayForEach (item, shape_member(document, "paths")) {
                const char *rest = strstr(item->string, word);
                if (rest)
                        describe_path(document, item, rest + strlen(word), collection, all);
        }
        *ret = all;
        return 0;
}

/* --- requests ------------------------------------------------------------------------------------------- */

/* The schema that one resource has; *ret stays NULL when the server gives none. */
static int read_one(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                    const char *id, cJSON **ret) {
        struct upstream u = upstream_of(call, e, collection, "resource", id);
        cJSON *json;

        u.query = "include-schema=true";
        int r = upstream_get(&u, &json, sovd_collection_names[collection], id, NULL);
        if (!r)
                *ret = iso_schema_of_answer(json, collection);
        return r;
}

static int read_docs(struct upstream *u, enum sovd_collection collection, cJSON **ret) {
        const char *id = u->subject.id;
        cJSON *json, *all;

        int r = id ? upstream_get(u, &json, sovd_collection_names[collection], id, "docs", NULL)
                   : upstream_get(u, &json, sovd_collection_names[collection], "docs", NULL);
        if (!r)
                r = iso_schemas_of_docs(json, collection, &all);
        if (!r)
                r = sovd_json_own(u->call->arena, all);
        if (!r)
                *ret = all;
        return r;
}

static void add_one(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                    const char *id, cJSON *all) {
        cJSON *schema = NULL;

        if (read_one(call, e, collection, id, &schema) == 0)
                add_copy(all, id, schema);
}

/* Half of the time that is left, and so many of them: what is not reached stays unknown. */
static int read_one_by_one(struct sovd_call *call, const struct sovd_entity *e,
                           enum sovd_collection collection, cJSON **ret) {
        struct upstream u = upstream_of(call, e, collection, sovd_collection_names[collection], NULL);
        uint64_t until = call->deadline_usec - sovd_clock_left_usec(call->deadline_usec) / 2;
        cJSON *list, *all = cJSON_CreateObject();
        const cJSON *item;
        size_t n = 0;

        int r = sovd_json_own(call->arena, all);
        if (!r)
                r = upstream_get(&u, &list, sovd_collection_names[collection], NULL);
        if (r)
                return r;
        cJSON_ArrayForEach (item, shape_member(list, "items")) {
                const char *id = shape_string(item, "id");
                if (id && n++ < ONE_BY_ONE_MAX && sovd_clock_left_usec(until))
                        add_one(call, e, collection, id, all);
        }
        call->failure = (struct sovd_failure){ 0 };
        *ret = all;
        return 0;
}

static int describe_all(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                        cJSON **ret) {
        struct upstream u = upstream_of(call, e, collection, "description", NULL);

        int r = read_docs(&u, collection, ret);
        bool has_docs = !r && (*ret)->child;
        if (has_docs || r < 0 || (r > 0 && !fetch_is_absent(u.status)))
                return r;
        /* An operation is not read for its schema: a challenge might be made for that. */
        if (!member_of(collection))
                return r ? r
                         : sovd_fail(call, SOVD_E_NOT_IMPLEMENTED,
                                     "the server does not describe its operations");
        call->failure = (struct sovd_failure){ 0 };
        return read_one_by_one(call, e, collection, ret);
}

static int describe_one(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                        const char *id, cJSON **ret) {
        struct upstream u = upstream_of(call, e, collection, "description", id);
        cJSON *found = NULL, *all;
        int r = 0;

        /* When the client asked for the schema the value was read with it, and there was none. */
        if (!sovd_streq(sovd_call_query(call, "include-schema"), "true"))
                r = read_one(call, e, collection, id, &found);
        if (!r && !found)
                r = read_docs(&u, collection, &all);
        if (r)
                return r;
        found = found ? found : shape_member(all, id);
        if (!found)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "the server gives no schema of '%.128s'", id);
        *ret = found;
        return 0;
}

int iso_describe(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                 const char *id, cJSON **ret) {
        return id ? describe_one(call, e, collection, id, ret) : describe_all(call, e, collection, ret);
}
