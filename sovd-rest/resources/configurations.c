/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/left_out.h"
#include "sovd-core/model/data.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"

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

/* Bytes go out as they came. */
static int answer_bytes(struct sovd_call *call, const struct sovd_configuration_bytes *bytes) {
        struct sovd_document *document = sovd_arena_new0(call->arena, struct sovd_document);
        if (!document)
                return sovd_error_origin(-ENOMEM);

        *document = (struct sovd_document){ .content_type = bytes->content_type, .text = bytes->bytes, .len = bytes->len };
        call->out = document;
        call->out_is_document = true;
        return sovd_call_check_accept(call, bytes->content_type);
}

static int configuration_read(struct sovd_call *call) {
        struct sovd_data_value *value = sovd_arena_new0(call->arena, struct sovd_data_value);
        struct sovd_configuration_bytes bytes = { 0 };
        if (!value)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_ops(call, SOVD_COLLECTION_CONFIGURATIONS)
                        ->configuration_read(call, call->entity, call->params[0], value, &bytes);
        if (r)
                return r;
        if (bytes.content_type)
                return answer_bytes(call, &bytes);
        call->out = value;
        r = sovd_call_check_accept(call, "application/json");
        return r ? r
                 : sovd_add_schema(call, SOVD_COLLECTION_CONFIGURATIONS, &sovd_schema_data_value, "data",
                                   &value->schema);
}

static int write_bytes(struct sovd_call *call) {
        const struct sovd_backend_ops *ops = sovd_ops(call, SOVD_COLLECTION_CONFIGURATIONS);
        const struct sovd_configuration_bytes bytes = { .content_type = sovd_call_header(call, "Content-Type"),
                                                        .bytes = call->raw,
                                                        .len = call->raw_len };

        if (!bytes.content_type && !bytes.len)
                return sovd_fail_at(call, SOVD_E_BAD_REQUEST, "", "a body is missing");
        if (!bytes.content_type || !ops->configuration_write_bytes)
                return sovd_fail(call, SOVD_E_MEDIA_TYPE, "the body must be application/json, not %s",
                                 bytes.content_type ? "what Content-Type says" : "without a Content-Type");
        return sovd_call_did(call, ops->configuration_write_bytes(call, call->entity, call->params[0], &bytes));
}

static int configuration_write(struct sovd_call *call) {
        const struct sovd_backend_ops *ops = sovd_ops(call, SOVD_COLLECTION_CONFIGURATIONS);
        const struct sovd_data_write *write = call->in;
        const struct cJSON *value;

        if (!write)
                return write_bytes(call);
        int r = sovd_written_value(call, write, &value);
        if (r)
                return r;
        if (!ops->configuration_write)
                return sovd_not_offered(call, "writing configurations");
        r = sovd_call_did(call, ops->configuration_write(call, call->entity, call->params[0], value, write->signature));
        return sovd_rename_path(call, write, r);
}

static int configuration_reset(struct sovd_call *call) {
        const struct sovd_backend_ops *ops = sovd_ops(call, SOVD_COLLECTION_CONFIGURATIONS);

        if (!ops->configuration_reset)
                return sovd_not_offered(call, "setting configurations back");
        return sovd_call_did(call, ops->configuration_reset(call, call->entity, call->params[0]));
}

const struct sovd_route sovd_routes_configurations[] = {
        { .id = "configurations-list", .method = SOVD_GET, .path = "/{entity}/configurations",
          .handler = configurations_list, .flags = SOVD_INCLUDE_SCHEMA, .entities = SOVD_ANY_ENTITY,
          .collection = SOVD_COLLECTION_CONFIGURATIONS, .query = list_query, .out = &sovd_schema_configuration_list, .success = 200,
          .summary = "List the configurations of an entity", .clause = "ISO 17978-3 7.12" },
        { .id = "configuration-read", .method = SOVD_GET, .path = "/{entity}/configurations/{configuration-id}",
          .handler = configuration_read, .flags = SOVD_INCLUDE_SCHEMA | SOVD_ANY_TYPE, .entities = SOVD_ANY_ENTITY,
          .collection = SOVD_COLLECTION_CONFIGURATIONS, .out = &sovd_schema_data_value, .success = 200,
          .summary = "Read a configuration", .clause = "ISO 17978-3 7.12" },
        { .id = "configuration-write", .method = SOVD_PUT, .path = "/{entity}/configurations/{configuration-id}",
          .handler = configuration_write, .flags = SOVD_IF_MATCH | SOVD_RAW_BODY, .entities = SOVD_ANY_ENTITY,
          .collection = SOVD_COLLECTION_CONFIGURATIONS, .in = &sovd_schema_data_write, .success = 204,
          .summary = "Write a configuration", .clause = "ISO 17978-3 7.12" },
        { .id = "configuration-reset", .method = SOVD_DELETE, .path = "/{entity}/configurations/{configuration-id}",
          .handler = configuration_reset, .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_CONFIGURATIONS,
          .success = 204, .summary = "Set a configuration back to its default",
          .clause = "an addition to ISO 17978-3 7.12" },
        { .id = "configurations-reset", .method = SOVD_DELETE, .path = "/{entity}/configurations",
          .handler = configuration_reset, .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_CONFIGURATIONS,
          .success = 204, .summary = "Set all configurations of an entity back to their defaults",
          .clause = "an addition to ISO 17978-3 7.12" },
        { 0 }
};
