/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/left_out.h"
#include "sovd-rest/resources/resources.h"

static const struct sovd_query_param list_query[] = {
        { "groups", SOVD_QUERY_STRINGS, "Only values of one of these groups." },
        { "category", SOVD_QUERY_STRINGS, "Only values of one of these categories." },
        { "categories", SOVD_QUERY_STRINGS, "The same as category." },
        { "tags", SOVD_QUERY_STRINGS, "Only values with one of these tags." },
        { 0 }
};

/* The template says category, the text of the standard categories (defect D11): both are taken together. */
static bool merge(struct sovd_call *call, struct sovd_strings *into, const struct sovd_strings *more) {
        const char **items = sovd_arena_array(call->arena, const char *, into->n + more->n + 1);
        if (!items)
                return false;

        for (size_t i = 0; i < into->n; i++)
                items[i] = into->items[i];
        for (size_t i = 0; i < more->n; i++)
                items[into->n + i] = more->items[i];
        into->items = items;
        into->n += more->n;
        return true;
}

static int data_list(struct sovd_call *call) {
        struct sovd_data_list *list = sovd_arena_new0(call->arena, struct sovd_data_list);
        struct sovd_data_filter filter = { 0 };
        struct sovd_strings categories;

        if (!list || !sovd_call_query_all(call, "groups", &filter.groups) ||
            !sovd_call_query_all(call, "category", &filter.categories) ||
            !sovd_call_query_all(call, "categories", &categories) ||
            !sovd_call_query_all(call, "tags", &filter.tags) || !merge(call, &filter.categories, &categories))
                return sovd_error_origin(-ENOMEM);
        call->out = list;
        int r = sovd_ops(call, SOVD_COLLECTION_DATA)->data_list(call, call->entity, &filter, list);
        if (!r)
                sovd_left_out_filter(call, SOVD_COLLECTION_DATA, &list->items, sizeof(struct sovd_data_item));
        return r;
}

static int data_read(struct sovd_call *call) {
        struct sovd_data_value *value = sovd_arena_new0(call->arena, struct sovd_data_value);
        if (!value)
                return sovd_error_origin(-ENOMEM);

        call->out = value;
        int r = sovd_ops(call, SOVD_COLLECTION_DATA)->data_read(call, call->entity, call->params[0], value);
        return r ? r : sovd_add_schema(call, SOVD_COLLECTION_DATA, &sovd_schema_data_value, "data", &value->schema);
}

static int data_write(struct sovd_call *call) {
        const struct sovd_backend_ops *ops = sovd_ops(call, SOVD_COLLECTION_DATA);
        const struct sovd_data_write *write = call->in;
        const struct cJSON *value;

        int r = sovd_written_value(call, write, &value);
        if (r)
                return r;
        if (!ops->data_write)
                return sovd_not_offered(call, "writing data");
        r = sovd_call_did(call, ops->data_write(call, call->entity, call->params[0], value, write->signature));
        return sovd_rename_path(call, write, r);
}

const struct sovd_route sovd_routes_data[] = {
        { .id = "data-read", .method = SOVD_GET, .path = "/{entity}/data/{data-id}", .handler = data_read,
          .flags = SOVD_INCLUDE_SCHEMA, .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_DATA,
          .out = &sovd_schema_data_value, .success = 200, .summary = "Read a value", .clause = "ISO 17978-3 7.9" },
        { .id = "data-list", .method = SOVD_GET, .path = "/{entity}/data", .handler = data_list,
          .flags = SOVD_INCLUDE_SCHEMA, .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_DATA,
          .query = list_query, .out = &sovd_schema_data_list, .success = 200,
          .summary = "List the values of an entity", .clause = "ISO 17978-3 7.9" },
        { .id = "data-write", .method = SOVD_PUT, .path = "/{entity}/data/{data-id}", .handler = data_write,
          .flags = SOVD_IF_MATCH, .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_DATA,
          .in = &sovd_schema_data_write, .success = 204, .summary = "Write a value", .clause = "ISO 17978-3 7.9" },
        { 0 }
};
