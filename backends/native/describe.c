/* SPDX-License-Identifier: Apache-2.0 */
/* What values, modes and operations look like: the schemas that the app has registered, and what else it said of them.
 * The app is not asked, so that this is known while it is away, too. */
#include "backends/native/backend.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>

/* A schema is shown by itself, so it cannot refer to a document around it. */
static bool has_reference(const cJSON *node) {
        const cJSON *child;

        if (node->string && strcmp(node->string, "$ref") == 0)
                return true;
        cJSON_ArrayForEach (child, node)
                if (has_reference(child))
                        return true;
        return false;
}

static const char *check(const char *list, size_t i, const char *word, const cJSON *schema,
                         struct sovd_arena *arena) {
        if (!schema || !has_reference(schema))
                return NULL;
        const char *why = sovd_arena_printf(
                arena, "/%s/%zu/%s: a schema stands for itself and cannot have $ref", list, i, word);
        return why ? why : "out of memory";
}

const char *native_schemas_check(const struct native_register *reg, struct sovd_arena *arena) {
        const struct native_data *data = reg->data.items;
        const struct native_operation *operations = reg->operations.items;
        const struct native_configuration *configurations = reg->configurations.items;
        const char *why = NULL;

        for (size_t i = 0; !why && i < reg->data.n; i++)
                why = check("data", i, "schema", data[i].schema, arena);
        for (size_t i = 0; !why && i < reg->operations.n; i++) {
                why = check("operations", i, "parameters", operations[i].parameters, arena);
                why = why ? why : check("operations", i, "result", operations[i].result, arena);
        }
        for (size_t i = 0; !why && i < reg->configurations.n; i++)
                why = check("configurations", i, "schema", configurations[i].schema, arena);
        return why;
}

/* --- one resource ------------------------------------------------------------------------------------------ */

static void add_text(cJSON *schema, const char *name, const char *text) {
        if (schema && text && !cJSON_GetObjectItemCaseSensitive(schema, name))
                cJSON_AddStringToObject(schema, name, text);
}

/* Without a schema of the app's any value is possible: that is what an empty schema says. */
static cJSON *copy(const cJSON *schema) {
        return schema ? cJSON_Duplicate(schema, true) : cJSON_CreateObject();
}

static cJSON *describe_data(const void *item) {
        const struct native_data *d = item;
        cJSON *schema = copy(d->schema);

        add_text(schema, "title", d->name);
        add_text(schema, "description", d->description);
        add_text(schema, "x-gw-unit", d->unit);
        if (schema && !d->writable.value)
                cJSON_DeleteItemFromObjectCaseSensitive(schema, "readOnly");
        if (schema && !d->writable.value)
                cJSON_AddBoolToObject(schema, "readOnly", true);
        return schema;
}

static cJSON *describe_configuration(const void *item) {
        const struct native_configuration *c = item;
        cJSON *schema = copy(c->schema);

        add_text(schema, "title", c->name);
        return schema;
}

static cJSON *describe_mode(const void *item) {
        const struct native_mode *m = item;
        cJSON *schema = cJSON_CreateObject();

        add_text(schema, "type", "string");
        if (schema && m->values.n)
                cJSON_AddItemToObject(schema, "enum",
                                      cJSON_CreateStringArray(m->values.items, (int)m->values.n));
        return schema;
}

static cJSON *describe_operation(const void *item) {
        const struct native_operation *o = item;
        cJSON *both = cJSON_CreateObject();

        if (o->parameters)
                cJSON_AddItemToObject(both, "parameters", copy(o->parameters));
        if (o->result)
                cJSON_AddItemToObject(both, "result", copy(o->result));
        return both;
}

static const struct row {
        size_t list, size; /* list: offset in struct native_register */
        cJSON *(*describe)(const void *item);
        const char *word;
} rows[SOVD_N_COLLECTIONS] = {
        [SOVD_COLLECTION_DATA] = { offsetof(struct native_register, data), sizeof(struct native_data),
                                   describe_data, "data" },
        [SOVD_COLLECTION_CONFIGURATIONS] = { offsetof(struct native_register, configurations),
                                             sizeof(struct native_configuration), describe_configuration,
                                             "configuration" },
        [SOVD_COLLECTION_MODES] = { offsetof(struct native_register, modes), sizeof(struct native_mode),
                                    describe_mode, "mode" },
        [SOVD_COLLECTION_OPERATIONS] = { offsetof(struct native_register, operations),
                                         sizeof(struct native_operation), describe_operation, "operation" },
};

static cJSON *describe_all(const struct row *row, const struct sovd_list *list) {
        cJSON *all = cJSON_CreateObject();

        for (size_t i = 0; i < list->n; i++) {
                const char *item = (const char *)list->items + i * row->size, *id;
                memcpy(&id, item, sizeof(id)); /* each begins with its id */
                cJSON_AddItemToObject(all, id, row->describe(item));
        }
        return all;
}

int native_describe(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                    const char *id, struct cJSON **ret) {
        const struct row *row = &rows[collection];
        const struct native_register *lists;
        struct native_app *app;

        if (!row->describe)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "%s have no schema here",
                                 sovd_collection_names[collection]);
        int r = native_lookup(call, e, collection, &app, &lists);
        if (r)
                return r;
        const struct sovd_list *list =
                (const struct sovd_list *)(const void *)((const char *)lists + row->list);
        const void *item = id ? native_find_id(list, row->size, id) : NULL;
        if (id && !item)
                return native_no_resource(call, app, row->word, id);
        cJSON *json = id ? row->describe(item) : describe_all(row, list);
        r = sovd_json_own(call->arena, json);
        if (!r)
                *ret = json;
        return r;
}
