/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/openapi_path.h"
#include <stdio.h>

/* Answers to what went wrong. `when`: for which routes. */
enum {
        ALWAYS = 1 << 0,
        ANSWERED = 1 << 1, /* success has a body */
        BODY = 1 << 2,     /* a body is taken */
        WRITE = 1 << 3,
        VERSIONED = 1 << 4, /* a write with If-Match */
        NAMED = 1 << 5,     /* an id stands in the path */
        BACKEND = 1 << 6    /* a backend answers */
};

const struct sovd_openapi_error sovd_openapi_errors[] = {
        { 400, ALWAYS, "BadRequest", "The request cannot be understood." },
        { 401, ALWAYS, "Unauthorized", "The credentials are missing, wrong or expired." },
        { 403, WRITE, "Forbidden", "This may not be done." },
        { 404, NAMED, "NotFound", "There is no such thing." },
        { 406, ANSWERED, "NotAcceptable", "Accept does not list the type of the answer." },
        { 409, WRITE, "Conflict", "A precondition is missing: a state, a mode, a lock." },
        { 412, VERSIONED, "PreconditionFailed", "The resource has another version than If-Match names." },
        { 413, BODY, "ContentTooLarge", "The body is over the limit." },
        { 415, BODY, "UnsupportedMediaType", "The body is of a type that is not taken here." },
        { 429, ALWAYS, "TooManyRequests", "The client or its address asks too often, or sends wrong credentials too often." },
        { 500, ALWAYS, "ServerFailure", "The server failed." },
        { 501, BACKEND, "NotImplemented", "The backend of the entity does not offer this." },
        { 502, BACKEND, "BadAnswer", "The backend answered with an error, or with what cannot be read." },
        { 503, ALWAYS, "Unavailable", "Not now: overload, the backend or the state cannot be reached, or an admin has switched it off (feature-off)." },
        { 504, BACKEND, "NotResponding", "The backend did not answer in time." },
        { 507, WRITE, "InsufficientStorage", "There is no space for the change to last." },
        { 0 }
};

void sovd_openapi_use_schema(const struct sovd_schema *schema, void *data) {
        struct sovd_openapi *o = data;

        for (size_t i = 0; i < o->n_schemas; i++)
                if (o->schemas[i] == schema)
                        return;
        if (o->n_schemas < SOVD_OPENAPI_SCHEMAS_MAX)
                o->schemas[o->n_schemas++] = schema;
}

void sovd_openapi_write_reference(struct sovd_json_writer *w, const char *kind, const char *name) {
        char ref[160];

        (void)snprintf(ref, sizeof(ref), "#/components/%s/%s", kind, name);
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "$ref", ref);
        sovd_json_object_end(w);
}

/* --- parameters ----------------------------------------------------------------------------------------- */

static void begin_parameter(struct sovd_json_writer *w, const char *name, const char *in, const char *doc) {
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "name", name);
        sovd_json_key_string(w, "in", in);
        if (doc)
                sovd_json_key_string(w, "description", doc);
}

void sovd_openapi_write_type(struct sovd_json_writer *w, const char *key, const char *type) {
        sovd_json_key(w, key);
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "type", type);
        sovd_json_object_end(w);
}

static void write_path_parameter(struct sovd_json_writer *w, const char *name) {
        begin_parameter(w, name, "path", NULL);
        sovd_json_key_bool(w, "required", true);
        sovd_json_key(w, "schema");
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "type", "string");
        if (strcmp(name, "entity-collection") == 0) {
                sovd_json_key(w, "enum");
                sovd_json_array_begin(w);
                for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++)
                        sovd_json_string(w, sovd_entity_type_paths[type]);
                sovd_json_array_end(w);
        }
        sovd_json_object_end(w);
        sovd_json_object_end(w);
}

static void write_path_parameters(struct sovd_json_writer *w, const char *path) {
        for (const char *open = strchr(path, '{'); open; open = strchr(open + 1, '{')) {
                char name[64];
                (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(open + 1, "}"), open + 1);
                write_path_parameter(w, name);
        }
}

static void write_query_schema(struct sovd_json_writer *w, enum sovd_query_type type) {
        static const char *const types[] = { [SOVD_QUERY_STRING] = "string",
                                             [SOVD_QUERY_BOOL] = "boolean",
                                             [SOVD_QUERY_INT] = "integer",
                                             [SOVD_QUERY_STRINGS] = "array",
                                             [SOVD_QUERY_MAP] = "object" };

        sovd_json_key(w, "schema");
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "type", types[type]);
        if (type == SOVD_QUERY_STRINGS)
                sovd_openapi_write_type(w, "items", "string");
        if (type == SOVD_QUERY_MAP)
                sovd_openapi_write_type(w, "additionalProperties", "string");
        sovd_json_object_end(w);
        if (type == SOVD_QUERY_STRINGS || type == SOVD_QUERY_MAP) {
                sovd_json_key_string(w, "style", type == SOVD_QUERY_MAP ? "deepObject" : "form");
                sovd_json_key_bool(w, "explode", true);
        }
}

static void write_query(struct sovd_json_writer *w, const struct sovd_query_param *q) {
        begin_parameter(w, q->name, "query", q->doc);
        write_query_schema(w, q->type);
        sovd_json_object_end(w);
}

/* Header fields that routes with a flag read. */
static const struct header_row {
        unsigned flags;
        const char *name, *doc;
} header_rows[] = {
        { SOVD_IF_MATCH, "If-Match", "Write only if the resource has this version." },
        { SOVD_IDEMPOTENT, "Idempotency-Key",
          "A request with the same key is answered as the first was, and nothing is done again." },
        { SOVD_EVENTS | SOVD_OR_EVENTS, "Last-Event-ID",
          "Id of the last event that arrived; what is kept follows it." },
};

static bool has_parameters(const struct sovd_route *r, const char *path) {
        unsigned flags = SOVD_INCLUDE_SCHEMA;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(header_rows); i++)
                flags |= header_rows[i].flags;
        return (r->query && r->query->name) || (r->flags & flags) || strchr(path, '{');
}

static void write_header_parameters(struct sovd_json_writer *w, const struct sovd_route *r) {
        for (size_t i = 0; i < SOVD_N_ELEMENTS(header_rows); i++) {
                if (!(r->flags & header_rows[i].flags))
                        continue;
                begin_parameter(w, header_rows[i].name, "header", header_rows[i].doc);
                sovd_openapi_write_type(w, "schema", "string");
                sovd_json_object_end(w);
        }
}

static void write_parameters(struct sovd_json_writer *w, const struct sovd_route *r, const char *path) {
        static const struct sovd_query_param include_schema = {
                "include-schema", SOVD_QUERY_BOOL, "Adds the schema of the answer as its member \"schema\"."
        };

        if (!has_parameters(r, path))
                return;
        sovd_json_key(w, "parameters");
        sovd_json_array_begin(w);
        write_path_parameters(w, path);
        for (const struct sovd_query_param *q = r->query; q && q->name; q++)
                write_query(w, q);
        if (r->flags & SOVD_INCLUDE_SCHEMA)
                write_query(w, &include_schema);
        write_header_parameters(w, r);
        sovd_json_array_end(w);
}

/* --- bodies --------------------------------------------------------------------------------------------- */

static bool is_known(const struct sovd_openapi_path *p, const struct sovd_schema *schema) {
        for (size_t i = 0; i < p->n_known; i++)
                if (p->known[i].of == schema && p->known[i].schema)
                        return true;
        return false;
}

/* The table's schema and, beside it, what is known of this very resource. */
static void write_schema(struct sovd_openapi *o, const struct sovd_openapi_path *p,
                         const struct sovd_schema *schema) {
        struct sovd_json_writer *w = o->w;

        sovd_schema_visit(schema, sovd_openapi_use_schema, o);
        sovd_json_key(w, "schema");
        if (!is_known(p, schema))
                return sovd_openapi_write_reference(w, "schemas", schema->name);

        sovd_json_object_begin(w);
        sovd_json_key(w, "allOf");
        sovd_json_array_begin(w);
        sovd_openapi_write_reference(w, "schemas", schema->name);
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "type", "object");
        sovd_json_key(w, "properties");
        sovd_json_object_begin(w);
        for (size_t i = 0; i < p->n_known; i++)
                if (p->known[i].of == schema && p->known[i].schema) {
                        sovd_json_key(w, p->known[i].member);
                        sovd_json_tree(w, p->known[i].schema);
                }
        sovd_json_object_end(w);
        sovd_json_object_end(w);
        sovd_json_array_end(w);
        sovd_json_object_end(w);
}

/* Bodies of other types than JSON, or beside it. */
static const struct media_row {
        unsigned flags;
        bool is_request;
        const char *type;
} media_rows[] = {
        { SOVD_RAW_BODY | SOVD_STREAM_BODY, true, "*/*" },
        { SOVD_EVENTS | SOVD_OR_EVENTS, false, "text/event-stream" },
        { SOVD_ANY_TYPE | SOVD_STREAM_OUT, false, "*/*" },
};

static bool has_media(const struct sovd_route *r, bool is_request) {
        for (size_t i = 0; i < SOVD_N_ELEMENTS(media_rows); i++)
                if (media_rows[i].is_request == is_request && (r->flags & media_rows[i].flags))
                        return true;
        return false;
}

/* An array of strings alone: ISO 17978-3 7.22 has one (defect D09). */
static void write_bare_list(struct sovd_json_writer *w) {
        sovd_json_key(w, "schema");
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "type", "array");
        sovd_openapi_write_type(w, "items", "string");
        sovd_json_object_end(w);
}

/* schema: of JSON, or NULL. Of a stream it is that of the data of an event. */
static void write_content(struct sovd_openapi *o, const struct sovd_openapi_path *p,
                          const struct sovd_route *r, bool is_request, const struct sovd_schema *schema) {
        bool of_events = !is_request && (r->flags & SOVD_EVENTS);
        struct sovd_json_writer *w = o->w;

        sovd_json_key(w, "content");
        sovd_json_object_begin(w);
        if (schema && !of_events) {
                sovd_json_key(w, "application/json");
                sovd_json_object_begin(w);
                if (!is_request && (r->flags & SOVD_BARE_LIST))
                        write_bare_list(w);
                else
                        write_schema(o, p, schema);
                sovd_json_object_end(w);
        }
        for (size_t i = 0; i < SOVD_N_ELEMENTS(media_rows); i++)
                if (media_rows[i].is_request == is_request && (r->flags & media_rows[i].flags)) {
                        sovd_json_key(w, media_rows[i].type);
                        sovd_json_object_begin(w);
                        if (schema && of_events)
                                write_schema(o, p, schema);
                        sovd_json_object_end(w);
                }
        sovd_json_object_end(w);
}

static void write_body(struct sovd_openapi *o, const struct sovd_openapi_path *p,
                       const struct sovd_route *r) {
        struct sovd_json_writer *w = o->w;

        if (!r->in && !has_media(r, true))
                return;
        sovd_json_key(w, "requestBody");
        sovd_json_object_begin(w);
        sovd_json_key_bool(w, "required", !(r->flags & SOVD_OPTIONAL_BODY));
        write_content(o, p, r, true, r->in);
        sovd_json_object_end(w);
}

/* --- responses ------------------------------------------------------------------------------------------ */

static void write_header(struct sovd_json_writer *w, const char *name, const char *doc) {
        sovd_json_key(w, name);
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "description", doc);
        sovd_openapi_write_type(w, "schema", "string");
        sovd_json_object_end(w);
}

/* Do its answers have an ETag? */
static bool is_versioned(const struct sovd_route *r) {
        return r->method == SOVD_GET && !(r->flags & (SOVD_PROBE | SOVD_EVENTS));
}

/* Can it be asked for page by page (page.h)? */
static bool has_pages(const struct sovd_route *r) {
        for (const struct sovd_query_param *q = r->query; q && q->name; q++)
                if (strcmp(q->name, "after") == 0)
                        return true;
        return false;
}

static void write_headers(struct sovd_json_writer *w, const struct sovd_route *r, unsigned status) {
        bool located = status == 201 || status == 202;

        if (!located && !is_versioned(r))
                return;
        sovd_json_key(w, "headers");
        sovd_json_object_begin(w);
        if (located)
                write_header(w, "Location", "Where the created resource is.");
        if (is_versioned(r))
                write_header(w, "ETag", "The version of the answer, for If-None-Match and If-Match.");
        if (status == 200 && has_pages(r))
                write_header(w, "Link", "When something follows: <URI of the next page>; rel=\"next\".");
        sovd_json_object_end(w);
}

static void write_response(struct sovd_openapi *o, const struct sovd_openapi_path *p,
                           const struct sovd_route *r, unsigned status, const struct sovd_schema *schema) {
        struct sovd_json_writer *w = o->w;
        char code[16];

        (void)snprintf(code, sizeof(code), "%u", status);
        sovd_json_key(w, code);
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "description", r->summary);
        write_headers(w, r, status);
        if (schema || (status < 300 && has_media(r, false)))
                write_content(o, p, r, false, schema);
        sovd_json_object_end(w);
}

/* A download that is not ready, or that is somewhere else. */
static void write_detour(struct sovd_json_writer *w, const char *code, const char *why, const char *header,
                         const char *doc) {
        sovd_json_key(w, code);
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "description", why);
        sovd_json_key(w, "headers");
        sovd_json_object_begin(w);
        write_header(w, header, doc);
        sovd_json_object_end(w);
        sovd_json_object_end(w);
}

static unsigned conditions_of(const struct sovd_route *r) {
        bool is_write = r->method != SOVD_GET, takes_body = r->in || has_media(r, true);

        return ALWAYS | (r->out || (r->flags & SOVD_DOCUMENT) ? ANSWERED : 0) | (takes_body ? BODY : 0) |
               (is_write ? WRITE : 0) | (r->flags & SOVD_IF_MATCH ? VERSIONED : 0) |
               (strchr(r->path, '{') ? NAMED : 0) | (r->collection != SOVD_NO_COLLECTION ? BACKEND : 0);
}

static void write_errors(struct sovd_openapi *o, const struct sovd_route *r) {
        unsigned conditions = conditions_of(r);
        char code[16];

        for (size_t i = 0; sovd_openapi_errors[i].name && !(r->flags & SOVD_PROBE); i++) {
                const struct sovd_openapi_error *row = &sovd_openapi_errors[i];
                if (!(row->when & conditions))
                        continue;
                (void)snprintf(code, sizeof(code), "%u", row->status);
                sovd_json_key(o->w, code);
                /* A faulty element of the body is named: DataError and GenericError in one (respond.c). */
                sovd_openapi_write_reference(o->w, "responses",
                                             row->status == 400 && r->in ? "BadValue" : row->name);
        }
        sovd_json_key(o->w, "default");
        sovd_openapi_write_reference(o->w, "responses", "Failure");
}

static void write_responses(struct sovd_openapi *o, const struct sovd_openapi_path *p,
                            const struct sovd_route *r) {
        unsigned only = r->method == SOVD_POST ? p->only_start_status : 0;

        sovd_json_key(o->w, "responses");
        sovd_json_object_begin(o->w);
        if (!only || only == r->success)
                write_response(o, p, r, r->success, r->out);
        if (r->success_other && (!only || only == r->success_other))
                write_response(o, p, r, r->success_other, r->out_other);
        if (is_versioned(r))
                write_response(o, p, r, 304, NULL);
        if (r->flags & SOVD_STREAM_OUT) {
                write_detour(o->w, "202", "The item is not ready yet.", "Retry-After", "Seconds until it may be.");
                write_detour(o->w, "307", "The item is at another place.", "Location", "Where its bytes are.");
        }
        write_errors(o, r);
        sovd_json_object_end(o->w);
}

/* --- one path ------------------------------------------------------------------------------------------- */

/* Does the operation make something that goes by itself? */
static bool is_temporary(const struct sovd_openapi_path *p, const struct sovd_route *r) {
        return p->retention_sec && (r->flags & SOVD_TEMPORARY) &&
               !(r->method == SOVD_POST && p->only_start_status == 200);
}

static void write_operation(struct sovd_openapi *o, const struct sovd_openapi_path *p,
                            const struct sovd_route *r) {
        static const char *const keys[] = { "get", "post", "put", "delete" };
        struct sovd_json_writer *w = o->w;

        sovd_json_key(w, keys[r->method]);
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "summary", r->summary);
        if (r->clause)
                sovd_json_key_string(w, "description", r->clause);
        if (r->flags & SOVD_DEPRECATED)
                sovd_json_key_bool(w, "deprecated", true);
        sovd_json_key_string(w, "x-gw-route", r->id);
        if (r->flags & SOVD_PUBLIC) {
                sovd_json_key(w, "security");
                sovd_json_array_begin(w);
                sovd_json_array_end(w);
        }
        if (is_temporary(p, r))
                sovd_json_key_int(w, "x-sovd-retention-timeout", (int64_t)p->retention_sec);
        write_parameters(w, r, p->text);
        write_body(o, p, r);
        write_responses(o, p, r);
        sovd_json_object_end(w);
}

void sovd_openapi_write_server(struct sovd_json_writer *w, const char *url) {
        sovd_json_key(w, "servers");
        sovd_json_array_begin(w);
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "url", url);
        sovd_json_object_end(w);
        sovd_json_array_end(w);
}

void sovd_openapi_write_path(struct sovd_openapi *o, const struct sovd_openapi_path *path) {
        struct sovd_json_writer *w = o->w;

        sovd_json_key(w, path->text);
        sovd_json_object_begin(w);
        if (path->server)
                sovd_openapi_write_server(w, path->server);
        if (path->attributes)
                path->attributes(w, path->data);
        for (size_t i = 0; i < path->n_routes; i++)
                write_operation(o, path, path->routes[i]);
        sovd_json_object_end(w);
}
