/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/openapi.h"
#include "sovd-core/base/http_client.h"
#include "sovd-rest/router.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

#define PATTERN_SEGMENTS 16

/* What a document is about: everything, or what is below some segments. */
struct scope {
        const char *const *segments; /* concrete; NULL = everything */
        size_t n;
        const struct sovd_entity *entity; /* the one that is addressed, or NULL */
        struct sovd_arena *arena;         /* with segments only */
};

struct pattern {
        char text[256];
        char *segments[PATTERN_SEGMENTS];
        size_t n;
};

/* The path of a route as documents show it; "{entity}" becomes a collection and an id. type: for routes that only
 * some entity types have, else SOVD_N_ENTITY_TYPES. */
static void make_pattern(struct pattern *p, const struct sovd_route *r, int type) {
        static const char entity[] = "/{entity}";
        bool is_entity = sovd_has_prefix(r->path, entity);
        char *save = NULL;

        p->n = 0;
        if (!is_entity)
                (void)snprintf(p->text, sizeof(p->text), "%s", r->path);
        else
                (void)snprintf(p->text, sizeof(p->text), "/%s/{entity-id}%s",
                               type < SOVD_N_ENTITY_TYPES ? sovd_entity_type_paths[type] : "{entity-collection}",
                               r->path + strlen(entity));
        for (char *s = strtok_r(p->text, "/", &save); s && p->n < PATTERN_SEGMENTS; s = strtok_r(NULL, "/", &save))
                p->segments[p->n++] = s;
}

static bool segment_fits(const char *pattern, const char *segment) {
        if (strcmp(pattern, "{entity-collection}") == 0)
                return sovd_name_find(sovd_entity_type_paths, segment) >= 0;
        return *pattern == '{' || strcmp(pattern, segment) == 0;
}

/* Is the route part of the document? A collection shows itself and its members; an entity and a resource all that
 * is below them. */
static bool in_scope(const struct scope *scope, const struct sovd_route *r, const struct pattern *p) {
        if (!scope->segments)
                return true;
        if ((r->flags & SOVD_ROUTE_ROOT) || p->n < scope->n)
                return false;
        if (scope->entity && r->collection != SOVD_NO_COLLECTION && !scope->entity->providers[r->collection])
                return false;
        for (size_t i = 0; i < scope->n; i++)
                if (!segment_fits(p->segments[i], scope->segments[i]))
                        return false;
        return scope->n != 1 || p->n <= 2;
}

static const char *segment_text(const struct scope *scope, const struct pattern *p, size_t i) {
        if (i >= scope->n)
                return p->segments[i];
        const char *encoded = sovd_http_encode_segment(scope->arena, scope->segments[i]);
        return encoded ? encoded : "";
}

static void path_text(char *buf, size_t size, const struct scope *scope, const struct pattern *p) {
        size_t len = 0;

        buf[0] = '\0';
        for (size_t i = 0; i < p->n && len < size; i++)
                len += (size_t)snprintf(buf + len, size - len, "/%s", segment_text(scope, p, i));
        if (!p->n)
                (void)snprintf(buf, size, "/");
}

/* --- one operation -------------------------------------------------------------------------------------- */

static cJSON *parameter(const char *name, const char *in, cJSON *schema, const char *doc) {
        cJSON *out = cJSON_CreateObject();

        cJSON_AddStringToObject(out, "name", name);
        cJSON_AddStringToObject(out, "in", in);
        if (doc)
                cJSON_AddStringToObject(out, "description", doc);
        if (strcmp(in, "path") == 0)
                cJSON_AddBoolToObject(out, "required", true);
        cJSON_AddItemToObject(out, "schema", schema);
        return out;
}

static cJSON *typed(const char *type) {
        cJSON *out = cJSON_CreateObject();

        cJSON_AddStringToObject(out, "type", type);
        return out;
}

static void add_path_parameters(cJSON *parameters, const struct scope *scope, const struct pattern *p) {
        for (size_t i = scope->n; i < p->n; i++) {
                char name[64];
                if (*p->segments[i] != '{')
                        continue;
                (void)snprintf(name, sizeof(name), "%.*s", (int)strlen(p->segments[i]) - 2, p->segments[i] + 1);
                cJSON *schema = typed("string");
                if (strcmp(name, "entity-collection") == 0)
                        cJSON_AddItemToObject(schema, "enum",
                                              cJSON_CreateStringArray(sovd_entity_type_paths, SOVD_N_ENTITY_TYPES));
                cJSON_AddItemToArray(parameters, parameter(name, "path", schema, NULL));
        }
}

static cJSON *query_parameter(const struct sovd_query_param *q) {
        static const char *const types[] = { [SOVD_QUERY_STRING] = "string", [SOVD_QUERY_BOOL] = "boolean",
                                             [SOVD_QUERY_INT] = "integer",   [SOVD_QUERY_STRINGS] = "array",
                                             [SOVD_QUERY_MAP] = "object" };
        cJSON *schema = typed(types[q->type]), *out;

        if (q->type == SOVD_QUERY_STRINGS)
                cJSON_AddItemToObject(schema, "items", typed("string"));
        if (q->type == SOVD_QUERY_MAP)
                cJSON_AddItemToObject(schema, "additionalProperties", typed("string"));
        out = parameter(q->name, "query", schema, q->doc);
        if (q->type == SOVD_QUERY_STRINGS || q->type == SOVD_QUERY_MAP) {
                cJSON_AddStringToObject(out, "style", q->type == SOVD_QUERY_MAP ? "deepObject" : "form");
                cJSON_AddBoolToObject(out, "explode", true);
        }
        return out;
}

static void add_query_parameters(cJSON *parameters, const struct sovd_route *r) {
        static const struct sovd_query_param include_schema = {
                "include-schema", SOVD_QUERY_BOOL, "Adds the schema of the answer as its member \"schema\"."
        };

        for (const struct sovd_query_param *q = r->query; q && q->name; q++)
                cJSON_AddItemToArray(parameters, query_parameter(q));
        if (r->flags & SOVD_INCLUDE_SCHEMA)
                cJSON_AddItemToArray(parameters, query_parameter(&include_schema));
        if (r->flags & SOVD_IF_MATCH)
                cJSON_AddItemToArray(parameters, parameter("If-Match", "header", typed("string"),
                                                           "Write only if the resource has this version."));
}

static cJSON *json_content(const struct sovd_schema *schema) {
        char ref[160];
        cJSON *content = cJSON_CreateObject(), *json, *target;

        (void)snprintf(ref, sizeof(ref), "#/components/schemas/%s", schema->name);
        json = cJSON_AddObjectToObject(content, "application/json");
        target = cJSON_AddObjectToObject(json, "schema");
        cJSON_AddStringToObject(target, "$ref", ref);
        return content;
}

static cJSON *any_content(void) {
        cJSON *content = cJSON_CreateObject();

        cJSON_AddObjectToObject(content, "*/*");
        return content;
}

/* An array alone: of what the only member of the schema holds. */
static cJSON *bare_content(void) {
        cJSON *content = cJSON_CreateObject(), *schema = typed("array");

        cJSON_AddItemToObject(schema, "items", typed("string"));
        cJSON_AddItemToObject(cJSON_AddObjectToObject(content, "application/json"), "schema", schema);
        return content;
}

static void add_header(cJSON *response, const char *name, const char *doc) {
        cJSON *headers = cJSON_GetObjectItemCaseSensitive(response, "headers"), *header;

        if (!headers)
                headers = cJSON_AddObjectToObject(response, "headers");
        header = cJSON_AddObjectToObject(headers, name);
        cJSON_AddStringToObject(header, "description", doc);
        cJSON_AddItemToObject(header, "schema", typed("string"));
}

static void add_response(cJSON *responses, const struct sovd_route *r, unsigned status,
                         const struct sovd_schema *schema) {
        char code[16];
        cJSON *response = cJSON_CreateObject();

        (void)snprintf(code, sizeof(code), "%u", status);
        cJSON_AddStringToObject(response, "description", r->summary);
        if (r->flags & SOVD_BARE_LIST)
                cJSON_AddItemToObject(response, "content", bare_content());
        else if (schema)
                cJSON_AddItemToObject(response, "content", json_content(schema));
        else if ((r->flags & SOVD_STREAM_OUT) && status != 304)
                cJSON_AddItemToObject(response, "content", any_content());
        if (status == 202 || status == 201)
                add_header(response, "Location", "Where the created resource is.");
        if (r->method == SOVD_GET && !(r->flags & SOVD_PROBE))
                add_header(response, "ETag", "The version of the answer, for If-None-Match and If-Match.");
        cJSON_AddItemToObject(responses, code, response);
}

/* Answers of a download that is not ready, or somewhere else. */
static void add_detours(cJSON *responses) {
        cJSON *later = cJSON_CreateObject(), *elsewhere = cJSON_CreateObject();

        cJSON_AddStringToObject(later, "description", "The item is not ready yet.");
        add_header(later, "Retry-After", "Seconds until it may be.");
        cJSON_AddItemToObject(responses, "202", later);
        cJSON_AddStringToObject(elsewhere, "description", "The item is at another place.");
        add_header(elsewhere, "Location", "Where its bytes are.");
        cJSON_AddItemToObject(responses, "307", elsewhere);
}

static void add_responses(cJSON *operation, const struct sovd_route *r) {
        cJSON *responses = cJSON_AddObjectToObject(operation, "responses"), *error;

        add_response(responses, r, r->success, r->out);
        if (r->method == SOVD_GET && !(r->flags & SOVD_PROBE))
                add_response(responses, r, 304, NULL);
        if (r->success_other)
                add_response(responses, r, r->success_other, r->out_other);
        if (r->flags & SOVD_STREAM_OUT)
                add_detours(responses);
        error = cJSON_AddObjectToObject(responses, "default");
        cJSON_AddStringToObject(error, "description", "The request failed.");
        cJSON_AddItemToObject(error, "content", json_content(&sovd_schema_generic_error));
}

static cJSON *operation_of(const struct sovd_route *r, const struct scope *scope, const struct pattern *p) {
        cJSON *out = cJSON_CreateObject(), *parameters = cJSON_CreateArray();

        cJSON_AddStringToObject(out, "summary", r->summary);
        if (r->clause)
                cJSON_AddStringToObject(out, "description", r->clause);
        cJSON_AddStringToObject(out, "x-gw-route", r->id);
        add_path_parameters(parameters, scope, p);
        add_query_parameters(parameters, r);
        if (parameters->child)
                cJSON_AddItemToObject(out, "parameters", parameters);
        else
                cJSON_Delete(parameters);
        if (r->in) {
                cJSON *body = cJSON_AddObjectToObject(out, "requestBody");
                cJSON_AddBoolToObject(body, "required", !(r->flags & SOVD_OPTIONAL_BODY));
                cJSON_AddItemToObject(body, "content", json_content(r->in));
        }
        if (r->flags & (SOVD_STREAM_BODY | SOVD_RAW_BODY)) {
                cJSON *body = cJSON_AddObjectToObject(out, "requestBody");
                cJSON_AddBoolToObject(body, "required", !!(r->flags & SOVD_STREAM_BODY));
                cJSON_AddItemToObject(body, "content", any_content());
        }
        add_responses(out, r);
        return out;
}

/* --- the document --------------------------------------------------------------------------------------- */

static void add_schema(const struct sovd_schema *schema, void *data) {
        cJSON *schemas = data;

        if (!cJSON_GetObjectItemCaseSensitive(schemas, schema->name))
                cJSON_AddItemToObject(schemas, schema->name, sovd_schema_openapi(schema));
}

static void add_schemas(cJSON *schemas, const struct sovd_route *r) {
        const struct sovd_schema *const all[] = { r->in, r->flags & SOVD_BARE_LIST ? NULL : r->out, r->out_other,
                                                  &sovd_schema_generic_error };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(all); i++)
                if (all[i])
                        sovd_schema_visit(all[i], add_schema, schemas);
}

static const char *method_key(enum sovd_method method) {
        static const char *const keys[] = { "get", "post", "put", "delete" };

        return keys[method];
}

static void add_route(cJSON *paths, cJSON *schemas, const struct scope *scope, const struct sovd_route *r, int type) {
        struct pattern p;
        char path[1024];

        make_pattern(&p, r, type);
        if (!in_scope(scope, r, &p))
                return;

        path_text(path, sizeof(path), scope, &p);
        cJSON *item = cJSON_GetObjectItemCaseSensitive(paths, path);
        if (!item) {
                item = cJSON_AddObjectToObject(paths, path);
                if (scope->entity && scope->n == 2 && p.n == 2)
                        cJSON_AddStringToObject(item, "x-sovd-name", scope->entity->name);
                if (r->flags & SOVD_ROUTE_ROOT) {
                        cJSON *servers = cJSON_AddArrayToObject(item, "servers"), *server = cJSON_CreateObject();
                        cJSON_AddStringToObject(server, "url", "/");
                        cJSON_AddItemToArray(servers, server);
                }
        }
        cJSON_AddItemToObject(item, method_key(r->method), operation_of(r, scope, &p));
        add_schemas(schemas, r);
}

static void add_info(cJSON *document) {
        cJSON_AddStringToObject(document, "openapi", "3.1.0");
        cJSON *info = cJSON_AddObjectToObject(document, "info");
        cJSON_AddStringToObject(info, "title", "SOVD gateway");
        cJSON_AddStringToObject(info, "version", SOVD_VERSION);
        cJSON_AddStringToObject(info, "x-sovd-version", "1.1.0");
        cJSON_AddStringToObject(info, "description",
                                "HEAD is answered wherever GET is. An entity is also reached through its parents: "
                                "/components/{id}/subcomponents/{id}, /areas/{id}/subareas/{id}, to any depth. "
                                "Every path also has its own description at the same path with /docs behind it.");
        cJSON *license = cJSON_AddObjectToObject(info, "license");
        cJSON_AddStringToObject(license, "name", "Apache-2.0");
        cJSON *servers = cJSON_AddArrayToObject(document, "servers"), *server = cJSON_CreateObject();
        cJSON_AddStringToObject(server, "url", SOVD_API_BASE);
        cJSON_AddItemToArray(servers, server);
}

static cJSON *build(const struct scope *scope) {
        cJSON *document = cJSON_CreateObject();

        add_info(document);
        cJSON *paths = cJSON_AddObjectToObject(document, "paths");
        cJSON *schemas = cJSON_AddObjectToObject(cJSON_AddObjectToObject(document, "components"), "schemas");
        for (size_t t = 0; sovd_routes[t]; t++)
                for (const struct sovd_route *r = sovd_routes[t]; r->id; r++) {
                        if (!r->entities || r->entities == SOVD_ANY_ENTITY) {
                                add_route(paths, schemas, scope, r, SOVD_N_ENTITY_TYPES);
                                continue;
                        }
                        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++)
                                if (r->entities & SOVD_ONLY(type))
                                        add_route(paths, schemas, scope, r, type);
                }
        return document;
}

static char *print(const struct scope *scope, bool pretty) {
        cJSON *document = build(scope);
        char *text = pretty ? cJSON_Print(document) : cJSON_PrintUnformatted(document);

        cJSON_Delete(document);
        return text;
}

char *sovd_openapi_text(bool pretty) {
        return print(&(const struct scope){ .segments = NULL }, pretty);
}

int sovd_openapi_docs(struct sovd_call *call, const char *const *segments, size_t n) {
        const char *flat[PATTERN_SEGMENTS];
        struct scope scope = { .segments = segments, .n = n, .entity = call->entity, .arena = call->arena };

        /* A nested entity is described under its short path, the one that hrefs use. */
        if (call->entity && n > 2) {
                size_t start = 2;
                while (start + 1 < n && (strcmp(segments[start], "subcomponents") == 0 ||
                                         strcmp(segments[start], "subareas") == 0))
                        start += 2;
                flat[0] = sovd_entity_type_paths[call->entity->type];
                flat[1] = call->entity->id;
                scope.n = 2;
                for (size_t i = start; i < n && scope.n < PATTERN_SEGMENTS; i++)
                        flat[scope.n++] = segments[i];
                scope.segments = flat;
        }
        if (!n)
                scope.segments = NULL;

        struct sovd_document *d = sovd_arena_new0(call->arena, struct sovd_document);
        char *text = print(&scope, false);
        if (!d || !text) {
                free(text);
                return sovd_error_origin(-ENOMEM);
        }
        *d = (struct sovd_document){ "application/json", text, strlen(text) };
        call->out = d;
        return sovd_arena_defer(call->arena, free, text);
}

const struct sovd_route sovd_route_docs = {
        .id = "docs",
        .method = SOVD_GET,
        .path = "/docs",
        .flags = SOVD_DOCUMENT,
        .collection = SOVD_NO_COLLECTION,
        .success = 200,
        .summary = "Describe what is below a path",
        .clause = "ISO 17978-3 7.5",
};
