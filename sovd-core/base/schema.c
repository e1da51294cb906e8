/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/schema.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>

struct decoder {
        struct sovd_arena *arena;
        unsigned flags;
        struct sovd_schema_error *error;
        const char *path; /* pointer of the object that is being decoded */
};

static int decode_object(struct decoder *d, const struct sovd_schema *schema, const cJSON *json, void *object);

/* "~" and "/" in a member name are written "~0" and "~1" (RFC 6901). */
static const char *pointer_join(struct sovd_arena *arena, const char *path, const char *name) {
        size_t n = strlen(path);
        char *out = sovd_arena_alloc(arena, n + 2 * strlen(name) + 2), *p = out;
        if (!out)
                return "";

        p = (char *)mempcpy(p, path, n);
        *p++ = '/';
        for (; *name; name++) {
                if (*name == '~' || *name == '/')
                        *p++ = '~';
                *p++ = *name == '~' ? '0' : *name == '/' ? '1' : *name;
        }
        return out;
}

static int refuse(struct decoder *d, const char *name, const char *format, ...) _printf_(3, 4);
static int refuse(struct decoder *d, const char *name, const char *format, ...) {
        va_list args;

        va_start(args, format);
        const char *reason = sovd_arena_vprintf(d->arena, format, args);
        va_end(args);
        *d->error = (struct sovd_schema_error){
                .path = name ? pointer_join(d->arena, d->path, name) : d->path,
                .reason = reason ? reason : "",
        };
        return SOVD_E_BAD_REQUEST;
}

static const char *type_name(const cJSON *json) {
        return cJSON_IsObject(json)   ? "an object"
               : cJSON_IsArray(json)  ? "an array"
               : cJSON_IsString(json) ? "a string"
               : cJSON_IsNumber(json) ? "a number"
               : cJSON_IsBool(json)   ? "a boolean"
                                      : "null";
}

static int wrong_type(struct decoder *d, const struct sovd_field *f, const cJSON *json, const char *wanted) {
        return refuse(d, f->name, "must be %s, not %s", wanted, type_name(json));
}

static bool bounded(const struct sovd_field *f) {
        return f->min || f->max;
}

static int decode_string(struct decoder *d, const struct sovd_field *f, const cJSON *json, const char **member) {
        if (!cJSON_IsString(json))
                return wrong_type(d, f, json, "a string");

        size_t n = strlen(json->valuestring);
        if (bounded(f) && (n < (size_t)f->min || n > (size_t)f->max))
                return refuse(d, f->name, "must have %lld to %lld bytes, has %zu", (long long)f->min,
                              (long long)f->max, n);
        *member = json->valuestring;
        return 0;
}

static int decode_int(struct decoder *d, const struct sovd_field *f, const cJSON *json, struct sovd_int *member) {
        int64_t v;

        if (!cJSON_IsNumber(json))
                return wrong_type(d, f, json, "an integer");
        if (!sovd_json_get_int(json, &v))
                return refuse(d, f->name, "must be an integer of at most 64 bits");
        if (bounded(f) && (v < f->min || v > f->max))
                return refuse(d, f->name, "must be from %lld to %lld, is %lld", (long long)f->min, (long long)f->max,
                              (long long)v);
        *member = SOVD_INT(v);
        return 0;
}

static double lower_bound(const struct sovd_field *f) {
        return f->least > 0 ? f->least : (double)f->min;
}

static bool is_within(const struct sovd_field *f, double v) {
        return (v >= lower_bound(f) && v <= (double)f->max) || ((f->flags & SOVD_OR_ZERO) && v == 0);
}

static int decode_number(struct decoder *d, const struct sovd_field *f, const cJSON *json,
                         struct sovd_number *member) {
        double v;

        if (!sovd_json_get_double(json, &v))
                return wrong_type(d, f, json, "a number");
        if (bounded(f) && !is_within(f, v))
                return refuse(d, f->name, "must be %sfrom %.15g to %lld, is %g", f->flags & SOVD_OR_ZERO ? "0 or " : "",
                              lower_bound(f), (long long)f->max, v);
        *member = SOVD_NUMBER(v);
        return 0;
}

static const char *enum_list(struct sovd_arena *arena, const char *const *names) {
        const char *list = "";

        for (size_t i = 0; list && names[i]; i++)
                list = sovd_arena_printf(arena, "%s%s%s", list, i ? ", " : "", names[i]);
        return list ? list : "";
}

int sovd_enum_parse(const char *const *names, const char *token) {
        for (int i = 0; names[i]; i++)
                if (strcmp(names[i], token) == 0)
                        return i + 1;
        return 0;
}

static int decode_enum(struct decoder *d, const struct sovd_field *f, const cJSON *json, int *member) {
        if (!cJSON_IsString(json))
                return wrong_type(d, f, json, "a string");

        *member = sovd_enum_parse(f->names, json->valuestring);
        if (!*member)
                return refuse(d, f->name, "must be one of: %s", enum_list(d->arena, f->names));
        return 0;
}

static int check_items(struct decoder *d, const struct sovd_field *f, const cJSON *json, size_t *ret_n) {
        if (!cJSON_IsArray(json))
                return wrong_type(d, f, json, "an array");

        size_t n = 0;
        const cJSON *child;
        cJSON_ArrayForEach(child, json)
                n++;
        if (bounded(f) && (n < (size_t)f->min || n > (size_t)f->max))
                return refuse(d, f->name, "must have %lld to %lld items, has %zu", (long long)f->min,
                              (long long)f->max, n);
        *ret_n = n;
        return 0;
}

static int decode_strings(struct decoder *d, const struct sovd_field *f, const cJSON *json,
                          struct sovd_strings *member) {
        int r = check_items(d, f, json, &member->n);
        if (r)
                return r;

        size_t i = 0;
        const cJSON *child;
        member->set = true;
        member->items = sovd_arena_array(d->arena, const char *, member->n + 1);
        if (!member->items)
                return sovd_error_origin(-ENOMEM);
        cJSON_ArrayForEach(child, json) {
                if (!cJSON_IsString(child))
                        return refuse(d, f->name, "item %zu must be a string, not %s", i, type_name(child));
                member->items[i++] = child->valuestring;
        }
        return 0;
}

static int decode_list(struct decoder *d, const struct sovd_field *f, const cJSON *json, struct sovd_list *member) {
        int r = check_items(d, f, json, &member->n);
        if (r)
                return r;

        size_t i = 0;
        const cJSON *child;
        const char *above = d->path, *list = pointer_join(d->arena, above, f->name);
        member->set = true;
        member->items = sovd_arena_calloc(d->arena, member->n + 1, f->of->size);
        if (!member->items)
                return sovd_error_origin(-ENOMEM);
        cJSON_ArrayForEach(child, json) {
                const char *path = sovd_arena_printf(d->arena, "%s/%zu", list, i);
                d->path = path ? path : list;
                r = decode_object(d, f->of, child, (char *)member->items + i++ * f->of->size);
                if (r)
                        return r;
        }
        d->path = above;
        return 0;
}

static int decode_nested(struct decoder *d, const struct sovd_field *f, const cJSON *json, void **member) {
        const char *above = d->path;

        *member = sovd_arena_alloc(d->arena, f->of->size);
        if (!*member)
                return sovd_error_origin(-ENOMEM);
        d->path = pointer_join(d->arena, above, f->name);
        int r = decode_object(d, f->of, json, *member);
        if (!r)
                d->path = above;
        return r;
}

static int decode_any(struct decoder *d, const struct sovd_field *f, const cJSON *json, const cJSON **member) {
        if ((f->flags & SOVD_ANY_OBJECT) && !cJSON_IsObject(json))
                return wrong_type(d, f, json, "an object");
        *member = json;
        return 0;
}

static int decode_member(struct decoder *d, const struct sovd_field *f, const cJSON *json, void *member) {
        switch (f->type) {
        case SOVD_FIELD_STRING:
                return decode_string(d, f, json, member);
        case SOVD_FIELD_INT:
                return decode_int(d, f, json, member);
        case SOVD_FIELD_NUMBER:
                return decode_number(d, f, json, member);
        case SOVD_FIELD_BOOL:
                if (!cJSON_IsBool(json))
                        return wrong_type(d, f, json, "a boolean");
                *(struct sovd_bool *)member = SOVD_BOOL(cJSON_IsTrue(json));
                return 0;
        case SOVD_FIELD_ENUM:
                return decode_enum(d, f, json, member);
        case SOVD_FIELD_JSON:
                return decode_any(d, f, json, member);
        case SOVD_FIELD_OBJECT:
                return decode_nested(d, f, json, member);
        case SOVD_FIELD_LIST:
                return decode_list(d, f, json, member);
        case SOVD_FIELD_STRINGS:
                return decode_strings(d, f, json, member);
        }
        return sovd_error_origin(-EINVAL);
}

/* The table's default, read as if it had stood in the text. Its tree lives as long as the arena. */
static int decode_default(struct decoder *d, const struct sovd_field *f, void *member) {
        cJSON *json = f->type == SOVD_FIELD_STRING || f->type == SOVD_FIELD_ENUM ? cJSON_CreateString(f->def)
                                                                                : cJSON_Parse(f->def);
        if (!json)
                return sovd_error_origin(-EINVAL); /* the table is wrong, or memory is out */

        int r = sovd_json_own(d->arena, json);
        return r ? r : decode_member(d, f, json, member);
}

/* Nothing in a section means its defaults. A single member without its value is a mistake: the default may be the opposite of
 * what was meant, as in "enabled:". */
static bool is_section(const struct sovd_field *f) {
        return f->def && f->type == SOVD_FIELD_OBJECT;
}

static int decode_fields(struct decoder *d, const struct sovd_schema *schema, const cJSON *json, char *object) {
        int r = schema->base ? decode_fields(d, schema->base, json, object) : 0;

        for (const struct sovd_field *f = schema->fields; !r && f->name; f++) {
                const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, f->name);
                /* The standard's AnyValue has no null (defect D23), so null is the same as absent everywhere. */
                if (member && !cJSON_IsNull(member))
                        r = decode_member(d, f, member, object + f->offset);
                else if (member && (d->flags & SOVD_DECODE_CLOSED) && !is_section(f))
                        r = refuse(d, f->name, "is empty; give it a value or leave it out");
                else if (f->flags & SOVD_REQUIRED)
                        r = refuse(d, f->name, "is missing");
                else if (f->def)
                        r = decode_default(d, f, object + f->offset);
        }
        return r;
}

static bool knows(const struct sovd_schema *schema, const char *name) {
        for (const struct sovd_field *f = schema->fields; f->name; f++)
                if (strcmp(f->name, name) == 0)
                        return true;
        return schema->base && knows(schema->base, name);
}

static int decode_object(struct decoder *d, const struct sovd_schema *schema, const cJSON *json, void *object) {
        const cJSON *child;

        if (!cJSON_IsObject(json))
                return refuse(d, NULL, "must be an object, not %s", type_name(json));
        if (d->flags & SOVD_DECODE_CLOSED)
                cJSON_ArrayForEach(child, json)
                        if (!knows(schema, child->string))
                                return refuse(d, child->string, "is not known");
        if (schema->extra)
                *(const cJSON **)((char *)object + schema->extra) = json;
        return decode_fields(d, schema, json, object);
}

int sovd_schema_decode(const struct sovd_schema *schema, const cJSON *json, void *object, struct sovd_arena *arena,
                       unsigned flags, struct sovd_schema_error *error) {
        struct decoder d = { .arena = arena, .flags = flags, .error = error, .path = "" };

        memset(object, 0, schema->size);
        return decode_object(&d, schema, json, object);
}

/* --- encoding ------------------------------------------------------------------------------------------- */

static void encode_list(const struct sovd_field *f, const struct sovd_list *list, struct sovd_json_writer *w) {
        sovd_json_array_begin(w);
        for (size_t i = 0; i < list->n; i++)
                sovd_schema_encode(f->of, (const char *)list->items + i * f->of->size, w);
        sovd_json_array_end(w);
}

static void encode_strings(const struct sovd_strings *strings, struct sovd_json_writer *w) {
        sovd_json_array_begin(w);
        for (size_t i = 0; i < strings->n; i++)
                sovd_json_string(w, strings->items[i]);
        sovd_json_array_end(w);
}

static bool is_present(const struct sovd_field *f, const void *member) {
        switch (f->type) {
        case SOVD_FIELD_STRING:
        case SOVD_FIELD_JSON:
        case SOVD_FIELD_OBJECT:
                return *(void *const *)member;
        case SOVD_FIELD_INT:
                return ((const struct sovd_int *)member)->set;
        case SOVD_FIELD_NUMBER:
                return ((const struct sovd_number *)member)->set;
        case SOVD_FIELD_BOOL:
                return ((const struct sovd_bool *)member)->set;
        case SOVD_FIELD_ENUM:
                return *(const int *)member > 0;
        case SOVD_FIELD_LIST:
                return ((const struct sovd_list *)member)->n || (f->flags & (SOVD_EMPTY_LIST | SOVD_REQUIRED));
        case SOVD_FIELD_STRINGS:
                return ((const struct sovd_strings *)member)->n || (f->flags & (SOVD_EMPTY_LIST | SOVD_REQUIRED));
        }
        return false;
}

static void encode_member(const struct sovd_field *f, const void *member, struct sovd_json_writer *w) {
        switch (f->type) {
        case SOVD_FIELD_STRING:
                return sovd_json_string(w, *(const char *const *)member);
        case SOVD_FIELD_INT:
                return sovd_json_int(w, ((const struct sovd_int *)member)->value);
        case SOVD_FIELD_NUMBER:
                return sovd_json_double(w, ((const struct sovd_number *)member)->value);
        case SOVD_FIELD_BOOL:
                return sovd_json_bool(w, ((const struct sovd_bool *)member)->value);
        case SOVD_FIELD_ENUM:
                return sovd_json_string(w, f->names[*(const int *)member - 1]);
        case SOVD_FIELD_JSON:
                return sovd_json_tree(w, *(const cJSON *const *)member);
        case SOVD_FIELD_OBJECT:
                return sovd_schema_encode(f->of, *(void *const *)member, w);
        case SOVD_FIELD_LIST:
                return encode_list(f, member, w);
        case SOVD_FIELD_STRINGS:
                return encode_strings(member, w);
        }
}

/* The naming rule of ISO 17978-3 5.4.5: only "x-<ext>-…" may stand beside the standard's members. */
static void encode_extensions(const struct sovd_schema *schema, const cJSON *extra, struct sovd_json_writer *w) {
        const cJSON *child;

        cJSON_ArrayForEach(child, extra) {
                if (!sovd_has_prefix(child->string, "x-") || knows(schema, child->string))
                        continue;
                sovd_json_key(w, child->string);
                sovd_json_tree(w, child);
        }
}

void sovd_schema_encode_members(const struct sovd_schema *schema, const void *object, struct sovd_json_writer *w) {
        if (schema->base)
                sovd_schema_encode_members(schema->base, object, w);
        for (const struct sovd_field *f = schema->fields; f->name; f++) {
                const void *member = (const char *)object + f->offset;
                if (!is_present(f, member))
                        continue;
                sovd_json_key(w, f->name);
                encode_member(f, member, w);
        }
        if (schema->extra)
                encode_extensions(schema, *(const cJSON *const *)((const char *)object + schema->extra), w);
}

void sovd_schema_encode(const struct sovd_schema *schema, const void *object, struct sovd_json_writer *w) {
        sovd_json_object_begin(w);
        sovd_schema_encode_members(schema, object, w);
        sovd_json_object_end(w);
}
