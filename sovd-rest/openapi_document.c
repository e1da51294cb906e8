/* SPDX-License-Identifier: Apache-2.0 */
/* What stands around the paths of a document: who speaks, where, and what the paths refer to. */
#include "sovd-rest/openapi_path.h"
#include <cjson/cJSON.h>

/* What a client may show, one of them; its field of the document's scheme. */
static const struct scheme {
        const char *name, *type, *key, *value, *field, *text;
} schemes[] = {
        { "bearer", "http", "scheme", "bearer", NULL, "A signed token (JWT), or an API key." },
        { "apiKey", "apiKey", "in", "header", "X-API-Key", "An API key." },
};

/* Any of them is good for everything; operations that need none say so. */
static void write_security(struct sovd_json_writer *w) {
        sovd_json_key(w, "security");
        sovd_json_array_begin(w);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(schemes); i++) {
                sovd_json_object_begin(w);
                sovd_json_key(w, schemes[i].name);
                sovd_json_array_begin(w);
                sovd_json_array_end(w);
                sovd_json_object_end(w);
        }
        sovd_json_array_end(w);
}

static void write_schemes(struct sovd_json_writer *w) {
        sovd_json_key(w, "securitySchemes");
        sovd_json_object_begin(w);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(schemes); i++) {
                const struct scheme *s = &schemes[i];
                sovd_json_key(w, s->name);
                sovd_json_object_begin(w);
                sovd_json_key_string(w, "type", s->type);
                sovd_json_key_string(w, s->key, s->value);
                if (s->field)
                        sovd_json_key_string(w, "name", s->field);
                sovd_json_key_string(w, "description", s->text);
                sovd_json_object_end(w);
        }
        sovd_json_object_end(w);
}

void sovd_openapi_begin(struct sovd_openapi *o, const char *title, const char *base) {
        struct sovd_json_writer *w = o->w;

        sovd_json_key_string(w, "openapi", "3.1.0");
        sovd_json_key(w, "info");
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "title", title);
        sovd_json_key_string(w, "version", SOVD_VERSION);
        sovd_json_key_string(w, "x-sovd-version", "1.1.0");
        sovd_json_key_string(
                w, "description",
                "HEAD is answered wherever GET is. An entity is also reached through its parents: "
                "/components/{id}/subcomponents/{id}, /areas/{id}/subareas/{id}, to any depth. "
                "Every path also has its own description at the same path with /docs behind it.");
        sovd_json_key(w, "license");
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "name", "Apache-2.0");
        sovd_json_object_end(w);
        sovd_json_object_end(w);
        sovd_openapi_write_server(w, base);
        write_security(w);
}

static void begin_error(struct sovd_json_writer *w, const char *name, const char *text) {
        sovd_json_key(w, name);
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "description", text);
        sovd_json_key(w, "content");
        sovd_json_object_begin(w);
        sovd_json_key(w, "application/json");
        sovd_json_object_begin(w);
        sovd_json_key(w, "schema");
}

static void end_error(struct sovd_json_writer *w) {
        for (int i = 0; i < 3; i++)
                sovd_json_object_end(w);
}

static void write_generic_error(struct sovd_json_writer *w, const char *name, const char *text) {
        begin_error(w, name, text);
        sovd_openapi_write_reference(w, "schemas", sovd_schema_generic_error.name);
        end_error(w);
}

static void write_bad_value(struct sovd_json_writer *w) {
        begin_error(w, "BadValue", "The body, or a member of it, is not acceptable.");
        sovd_json_object_begin(w);
        sovd_json_key(w, "allOf");
        sovd_json_array_begin(w);
        sovd_openapi_write_reference(w, "schemas", sovd_schema_generic_error.name);
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "type", "object");
        sovd_json_key(w, "properties");
        sovd_json_object_begin(w);
        sovd_openapi_write_type(w, "path", "string");
        sovd_json_key(w, "error");
        sovd_openapi_write_reference(w, "schemas", sovd_schema_generic_error.name);
        sovd_json_object_end(w);
        sovd_json_object_end(w);
        sovd_json_array_end(w);
        sovd_json_object_end(w);
        end_error(w);
}

void sovd_openapi_write_components(struct sovd_openapi *o) {
        struct sovd_json_writer *w = o->w;

        sovd_schema_visit(&sovd_schema_generic_error, sovd_openapi_use_schema, o);
        sovd_json_key(w, "components");
        sovd_json_object_begin(w);
        sovd_json_key(w, "schemas");
        sovd_json_object_begin(w);
        for (size_t i = 0; i < o->n_schemas; i++) {
                cJSON *schema = sovd_schema_openapi(o->schemas[i]);
                sovd_json_key(w, o->schemas[i]->name);
                sovd_json_tree(w, schema);
                cJSON_Delete(schema);
        }
        sovd_json_object_end(w);
        sovd_json_key(w, "responses");
        sovd_json_object_begin(w);
        for (size_t i = 0; sovd_openapi_errors[i].name; i++)
                write_generic_error(w, sovd_openapi_errors[i].name, sovd_openapi_errors[i].text);
        write_bad_value(w);
        write_generic_error(w, "Failure", "The request failed.");
        sovd_json_object_end(w);
        write_schemes(w);
        sovd_json_object_end(w);
}
