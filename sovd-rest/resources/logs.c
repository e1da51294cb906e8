/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/resources/resources.h"

/* GET of the collection names its two resources; the entries are one of them. */
struct logs_body {
        const char *entries, *config;
};
#define URI(word) { .name = #word, .type = SOVD_FIELD_STRING, .offset = offsetof(struct logs_body, word), \
                    .flags = SOVD_REQUIRED, .format = "uri-reference" }
static const struct sovd_field logs_fields[] = { URI(entries), URI(config), { 0 } };
#undef URI
static const struct sovd_schema logs_schema = {
        .name = "Logs", .size = sizeof(struct logs_body), .fields = logs_fields,
};

static const struct sovd_query_param entries_query[] = {
        { "severity", SOVD_QUERY_STRING, "Only entries that are fatal, error, warn, info or debug, or worse than that." },
        { 0 }
};

static int logs_read(struct sovd_call *call) {
        struct logs_body *body = sovd_arena_new0(call->arena, struct logs_body);
        const char *href = sovd_entity_href(call, call->entity);
        if (!body)
                return sovd_error_origin(-ENOMEM);

        *body = (struct logs_body){ .entries = sovd_call_printf(call, "%s/logs/entries", href),
                                    .config = sovd_call_printf(call, "%s/logs/config", href) };
        call->out = body;
        return 0;
}

static int entries_list(struct sovd_call *call) {
        struct sovd_log_list *list = sovd_arena_new0(call->arena, struct sovd_log_list);
        const char *severity = sovd_call_query(call, "severity");
        int least = severity ? sovd_enum_parse(sovd_log_severity_names, severity) : 0;

        if (!list)
                return sovd_error_origin(-ENOMEM);
        if (severity && !least)
                return sovd_fail(call, SOVD_E_BAD_REQUEST,
                                 "query parameter 'severity' must be fatal, error, warn, info or debug");
        call->out = list;
        return sovd_ops(call, SOVD_COLLECTION_LOGS)->log_entries(call, call->entity, least, list);
}

static int config_read(struct sovd_call *call) {
        struct sovd_log_config *config = sovd_arena_new0(call->arena, struct sovd_log_config);
        if (!config)
                return sovd_error_origin(-ENOMEM);

        call->out = config;
        return sovd_ops(call, SOVD_COLLECTION_LOGS)->log_config_read(call, call->entity, config);
}

/* The backend speaks of items; a client that wrote contexts is told about those. */
static int rename_path(struct sovd_call *call, int r) {
        const char *path = call->failure.path;

        if (r && path && sovd_has_prefix(path, "/items"))
                call->failure.path = sovd_call_printf(call, "/contexts%s", path + strlen("/items"));
        return r;
}

static int config_write(struct sovd_call *call) {
        const struct sovd_backend_ops *ops = sovd_ops(call, SOVD_COLLECTION_LOGS);
        const struct sovd_log_config_write *write = call->in;

        if (!ops->log_config_write)
                return sovd_not_offered(call, "configuring its log");
        if (write->items.set && write->contexts.set)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/contexts", "give either items or contexts, not both");
        if (!write->items.set && !write->contexts.set)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/items", "member items is missing");

        const struct sovd_log_config config = { .contexts = write->items.set ? write->items : write->contexts };
        int r = sovd_call_did(call, ops->log_config_write(call, call->entity, &config));
        return write->items.set ? r : rename_path(call, r);
}

static int config_reset(struct sovd_call *call) {
        const struct sovd_backend_ops *ops = sovd_ops(call, SOVD_COLLECTION_LOGS);

        if (!ops->log_config_reset)
                return sovd_not_offered(call, "taking the configuration of its log back");
        return sovd_call_did(call, ops->log_config_reset(call, call->entity));
}

#define LOGS .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_LOGS, .clause = "ISO 17978-3 7.21"

const struct sovd_route sovd_routes_logs[] = {
        { .id = "logs-read", .method = SOVD_GET, .path = "/{entity}/logs", .handler = logs_read, .out = &logs_schema,
          .success = 200, .summary = "Read where the log of an entity is", LOGS },
        { .id = "log-entries-list", .method = SOVD_GET, .path = "/{entity}/logs/entries", .handler = entries_list,
          .flags = SOVD_INCLUDE_SCHEMA, .query = entries_query, .out = &sovd_schema_log_list, .success = 200,
          .summary = "List what an entity wrote in its log", LOGS },
        { .id = "log-config-read", .method = SOVD_GET, .path = "/{entity}/logs/config", .handler = config_read,
          .out = &sovd_schema_log_config, .success = 200, .summary = "Read what an entity writes in its log", LOGS },
        { .id = "log-config-write", .method = SOVD_PUT, .path = "/{entity}/logs/config", .handler = config_write,
          .flags = SOVD_IF_MATCH, .in = &sovd_schema_log_config_write, .success = 204,
          .summary = "Set what an entity writes in its log", LOGS },
        { .id = "log-config-reset", .method = SOVD_DELETE, .path = "/{entity}/logs/config", .handler = config_reset,
          .success = 204, .summary = "Go back to what an entity writes by itself", LOGS },
        { 0 }
};
