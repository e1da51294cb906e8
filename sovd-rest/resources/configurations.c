/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/left_out.h"
#include "sovd-core/model/data.h"
#include "sovd-rest/resources/resources.h"

static const struct sovd_query_param list_query[] = {
        { "tags", SOVD_QUERY_STRINGS, "Only configurations with one of these tags." },
        { 0 }
};

static int configurations_list(struct sovd_call *call) {
        struct sovd_configuration_list *list = sovd_arena_new0(call->arena, struct sovd_configuration_list);
        struct sovd_strings tags;
        size_t n = 0;

        if (!list || !sovd_call_query_all(call, "tags", &tags))
                return sovd_error_origin(-ENOMEM);
        int r = sovd_ops(call, SOVD_COLLECTION_CONFIGURATIONS)->configurations_list(call, call->entity, list);
        if (r)
                return r;

        struct sovd_configuration *items = list->items.items;
        for (size_t i = 0; i < list->items.n; i++)
                if (sovd_strings_match(&tags, &items[i].tags))
                        items[n++] = items[i];
        list->items.n = n;
        sovd_left_out_filter(call, SOVD_COLLECTION_CONFIGURATIONS, &list->items, sizeof(*items));
        call->out = list;
        return 0;
}

static int configuration_read(struct sovd_call *call) {
        struct sovd_data_value *value = sovd_arena_new0(call->arena, struct sovd_data_value);
        if (!value)
                return sovd_error_origin(-ENOMEM);

        call->out = value;
        int r = sovd_ops(call, SOVD_COLLECTION_CONFIGURATIONS)
                        ->configuration_read(call, call->entity, call->params[0], value);
        return r ? r
                 : sovd_add_schema(call, SOVD_COLLECTION_CONFIGURATIONS, &sovd_schema_data_value, "data",
                                   &value->schema);
}

static int configuration_write(struct sovd_call *call) {
        const struct sovd_backend_ops *ops = sovd_ops(call, SOVD_COLLECTION_CONFIGURATIONS);
        const struct sovd_data_write *write = call->in;
        const struct cJSON *value;

        int r = sovd_written_value(call, write, &value);
        if (r)
                return r;
        if (!ops->configuration_write)
                return sovd_not_offered(call, "writing configurations");
        r = ops->configuration_write(call, call->entity, call->params[0], value, write->signature);
        return sovd_rename_path(call, write, r);
}

const struct sovd_route sovd_routes_configurations[] = {
        { .id = "configurations-list", .method = SOVD_GET, .path = "/{entity}/configurations",
          .handler = configurations_list, .flags = SOVD_INCLUDE_SCHEMA, .entities = SOVD_ANY_ENTITY,
          .collection = SOVD_COLLECTION_CONFIGURATIONS, .query = list_query, .out = &sovd_schema_configuration_list, .success = 200,
          .summary = "List the configurations of an entity", .clause = "ISO 17978-3 7.12" },
        { .id = "configuration-read", .method = SOVD_GET, .path = "/{entity}/configurations/{configuration-id}",
          .handler = configuration_read, .flags = SOVD_INCLUDE_SCHEMA, .entities = SOVD_ANY_ENTITY,
          .collection = SOVD_COLLECTION_CONFIGURATIONS, .out = &sovd_schema_data_value, .success = 200,
          .summary = "Read a configuration", .clause = "ISO 17978-3 7.12" },
        { .id = "configuration-write", .method = SOVD_PUT, .path = "/{entity}/configurations/{configuration-id}",
          .handler = configuration_write, .flags = SOVD_IF_MATCH, .entities = SOVD_ANY_ENTITY,
          .collection = SOVD_COLLECTION_CONFIGURATIONS, .in = &sovd_schema_data_write, .success = 204,
          .summary = "Write a configuration", .clause = "ISO 17978-3 7.12" },
        { 0 }
};
