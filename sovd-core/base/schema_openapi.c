/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/schema.h"
#include <cjson/cJSON.h>
#include <stdio.h>

/* Documents are built with cJSON: they are made once per tree or request for /docs, not on the hot path. */

static cJSON *object_schema(const struct sovd_schema *schema, bool in_line);

static cJSON *reference(const struct sovd_schema *schema, bool in_line) {
        char path[160];

        if (in_line)
                return object_schema(schema, true);

        cJSON *ref = cJSON_CreateObject();

        (void)snprintf(path, sizeof(path), "#/components/schemas/%s", schema->name);
        cJSON_AddStringToObject(ref, "$ref", path);
        return ref;
}

static void add_type(cJSON *out, const char *type) {
        cJSON_AddStringToObject(out, "type", type);
}

static void add_bounds(cJSON *out, const struct sovd_field *f, const char *min, const char *max) {
        if (!f->min && !f->max)
                return;
        cJSON_AddNumberToObject(out, min, f->least > 0 && !(f->flags & SOVD_OR_ZERO) ? f->least : (double)f->min);
        cJSON_AddNumberToObject(out, max, (double)f->max);
}

static cJSON *string_schema(const struct sovd_field *f) {
        cJSON *out = cJSON_CreateObject();

        add_type(out, "string");
        if (f->format)
                cJSON_AddStringToObject(out, "format", f->format);
        add_bounds(out, f, "minLength", "maxLength");
        return out;
}

static cJSON *number_schema(const struct sovd_field *f) {
        cJSON *out = cJSON_CreateObject();

        add_type(out, f->type == SOVD_FIELD_INT ? "integer" : "number");
        add_bounds(out, f, "minimum", "maximum");
        return out;
}

static cJSON *enum_schema(const struct sovd_field *f) {
        cJSON *out = cJSON_CreateObject(), *names = cJSON_CreateArray();

        add_type(out, "string");
        for (size_t i = 0; f->names[i]; i++)
                cJSON_AddItemToArray(names, cJSON_CreateString(f->names[i]));
        cJSON_AddItemToObject(out, "enum", names);
        return out;
}

static cJSON *array_schema(const struct sovd_field *f, bool in_line) {
        cJSON *out = cJSON_CreateObject(), *items;

        add_type(out, "array");
        if (f->type == SOVD_FIELD_LIST) {
                items = reference(f->of, in_line);
        } else {
                items = cJSON_CreateObject();
                add_type(items, "string");
        }
        cJSON_AddItemToObject(out, "items", items);
        add_bounds(out, f, "minItems", "maxItems");
        return out;
}

/* AnyValue of the standard: everything but null (defect D23 of the template). */
static cJSON *any_schema(const struct sovd_field *f) {
        static const char *const types[] = { "string", "number", "integer", "boolean", "array", "object" };
        cJSON *out = cJSON_CreateObject();

        if (f->flags & SOVD_ANY_OBJECT)
                add_type(out, "object");
        else
                cJSON_AddItemToObject(out, "type", cJSON_CreateStringArray(types, SOVD_N_ELEMENTS(types)));
        return out;
}

static cJSON *field_schema(const struct sovd_field *f, bool in_line) {
        switch (f->type) {
        case SOVD_FIELD_STRING:
                return string_schema(f);
        case SOVD_FIELD_INT:
        case SOVD_FIELD_NUMBER:
                return number_schema(f);
        case SOVD_FIELD_ENUM:
                return enum_schema(f);
        case SOVD_FIELD_OBJECT:
                return reference(f->of, in_line);
        case SOVD_FIELD_LIST:
        case SOVD_FIELD_STRINGS:
                return array_schema(f, in_line);
        case SOVD_FIELD_JSON:
                return any_schema(f);
        case SOVD_FIELD_BOOL:
                break;
        }
        cJSON *out = cJSON_CreateObject();
        add_type(out, "boolean");
        return out;
}

static void add_fields(const struct sovd_schema *schema, bool in_line, cJSON *properties, cJSON *required) {
        if (schema->base)
                add_fields(schema->base, in_line, properties, required);
        for (const struct sovd_field *f = schema->fields; f->name; f++) {
                cJSON *out = field_schema(f, in_line);
                if (f->doc)
                        cJSON_AddStringToObject(out, "description", f->doc);
                cJSON_AddItemToObject(properties, f->name, out);
                if (f->flags & SOVD_REQUIRED)
                        cJSON_AddItemToArray(required, cJSON_CreateString(f->name));
        }
}

static cJSON *object_schema(const struct sovd_schema *schema, bool in_line) {
        cJSON *out = cJSON_CreateObject(), *properties = cJSON_CreateObject(), *required = cJSON_CreateArray();

        add_type(out, "object");
        if (schema->doc)
                cJSON_AddStringToObject(out, "description", schema->doc);
        add_fields(schema, in_line, properties, required);
        cJSON_AddItemToObject(out, "properties", properties);
        if (required && required->child)
                cJSON_AddItemToObject(out, "required", required);
        else
                cJSON_Delete(required);
        return out;
}

cJSON *sovd_schema_openapi(const struct sovd_schema *schema) {
        return object_schema(schema, false);
}

cJSON *sovd_schema_openapi_inline(const struct sovd_schema *schema) {
        return object_schema(schema, true);
}

/* Schemas do not refer to themselves, so this ends. */
void sovd_schema_visit(const struct sovd_schema *schema, void (*f)(const struct sovd_schema *s, void *data),
                       void *data) {
        f(schema, data);
        for (const struct sovd_schema *s = schema; s; s = s->base)
                for (const struct sovd_field *field = s->fields; field->name; field++)
                        if (field->of)
                                sovd_schema_visit(field->of, f, data);
}
