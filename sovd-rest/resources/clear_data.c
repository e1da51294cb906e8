/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/resources/resources.h"

struct clear_body {
        const char *status, *types[SOVD_N_CLEAR_TYPES];
};
#define F(member) offsetof(struct clear_body, member)
#define TYPE(word, which) \
        { .name = word, .type = SOVD_FIELD_STRING, .offset = F(types[(which)-1]), .format = "uri-reference" }
static const struct sovd_field clear_fields[] = {
        { .name = "status", .type = SOVD_FIELD_STRING, .offset = F(status), .flags = SOVD_REQUIRED,
          .format = "uri-reference" },
        TYPE("cached-data", SOVD_CLEAR_CACHED_DATA),
        TYPE("learned-data", SOVD_CLEAR_LEARNED_DATA),
        TYPE("client-defined-resources", SOVD_CLEAR_CLIENT_DEFINED),
        { 0 }
};
#undef F
#undef TYPE
static const struct sovd_schema clear_schema = {
        .name = "ClearData", .size = sizeof(struct clear_body), .fields = clear_fields,
};

static const struct sovd_backend_ops *ops_of(const struct sovd_call *call) {
        return sovd_ops(call, SOVD_COLLECTION_CLEAR_DATA);
}

static int clear_data_read(struct sovd_call *call) {
        struct clear_body *body = sovd_arena_new0(call->arena, struct clear_body);
        const char *href = sovd_entity_href(call, call->entity);
        struct sovd_clear_support support = { 0 };
        if (!body)
                return sovd_error_origin(-ENOMEM);

        int r = ops_of(call)->clear_data_read(call, call->entity, &support);
        if (r)
                return r;
        body->status = sovd_call_printf(call, "%s/clear-data/status", href);
        for (int type = 1; type <= SOVD_N_CLEAR_TYPES; type++)
                if (support.types & (1u << type))
                        body->types[type - 1] =
                                sovd_call_printf(call, "%s/clear-data/%s", href, sovd_clear_type_names[type - 1]);
        call->out = body;
        return 0;
}

static int start(struct sovd_call *call, enum sovd_clear_type type) {
        int r = sovd_call_did(call, ops_of(call)->clear_data_start(call, call->entity, type));

        if (!r)
                call->location = sovd_call_printf(call, "%s/clear-data/status", sovd_entity_href(call, call->entity));
        return r;
}

static int cached_clear(struct sovd_call *call) {
        return start(call, SOVD_CLEAR_CACHED_DATA);
}

static int learned_clear(struct sovd_call *call) {
        return start(call, SOVD_CLEAR_LEARNED_DATA);
}

/* A part of what clients defined is kept by the gateway. */
static int client_defined_clear(struct sovd_call *call) {
        int r = start(call, SOVD_CLEAR_CLIENT_DEFINED);

        if (!r)
                sovd_gateway_clear_client_defined(call->gateway, call->entity, &call->principal);
        return r;
}

static int clear_status_read(struct sovd_call *call) {
        struct sovd_clear_status *status = sovd_arena_new0(call->arena, struct sovd_clear_status);
        if (!status)
                return sovd_error_origin(-ENOMEM);

        call->out = status;
        return ops_of(call)->clear_data_status(call, call->entity, status);
}

#define CLEAR .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_CLEAR_DATA, .clause = "ISO 17978-3 7.13"

const struct sovd_route sovd_routes_clear_data[] = {
        { .id = "clear-data-read", .method = SOVD_GET, .path = "/{entity}/clear-data", .handler = clear_data_read,
          .out = &clear_schema, .success = 200, .summary = "Read what can be cleared", CLEAR },
        { .id = "cached-data-clear", .method = SOVD_PUT, .path = "/{entity}/clear-data/cached-data",
          .handler = cached_clear, .success = 202, .summary = "Clear what an entity cached", CLEAR },
        { .id = "learned-data-clear", .method = SOVD_PUT, .path = "/{entity}/clear-data/learned-data",
          .handler = learned_clear, .success = 202, .summary = "Clear what an entity learned", CLEAR },
        { .id = "client-defined-clear", .method = SOVD_PUT, .path = "/{entity}/clear-data/client-defined-resources",
          .handler = client_defined_clear, .success = 202, .summary = "Clear what clients defined at an entity", CLEAR },
        { .id = "clear-data-status-read", .method = SOVD_GET, .path = "/{entity}/clear-data/status",
          .handler = clear_status_read, .flags = SOVD_INCLUDE_SCHEMA, .out = &sovd_schema_clear_status,
          .success = 200, .summary = "Read what became of clearing", CLEAR },
        { 0 }
};
