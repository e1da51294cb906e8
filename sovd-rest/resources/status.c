/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/resources/resources.h"

struct status_body {
        int status;
        const char *actions[SOVD_N_STATUS_ACTIONS];
};
#define F(member)            offsetof(struct status_body, member)
#define ACTION(word, action) \
        { .name = word, .type = SOVD_FIELD_STRING, .offset = F(actions[action]), .format = "uri-reference" }
static const struct sovd_field status_fields[] = {
        { .name = "status", .type = SOVD_FIELD_ENUM, .offset = F(status), .flags = SOVD_REQUIRED,
          .names = sovd_readiness_names },
        ACTION("start", SOVD_STATUS_START),
        ACTION("restart", SOVD_STATUS_RESTART),
        ACTION("force-restart", SOVD_STATUS_FORCE_RESTART),
        ACTION("shutdown", SOVD_STATUS_SHUTDOWN),
        ACTION("force-shutdown", SOVD_STATUS_FORCE_SHUTDOWN),
        { 0 }
};
#undef F
#undef ACTION
static const struct sovd_schema status_schema = {
        .name = "EntityStatus", .size = sizeof(struct status_body), .fields = status_fields,
        .doc = "Is the entity ready? Each action that it supports has its URI here.",
};

static int status_read(struct sovd_call *call) {
        struct status_body *body = sovd_arena_new0(call->arena, struct status_body);
        const char *href = sovd_entity_href(call, call->entity);
        struct sovd_entity_status status = { 0 };
        if (!body)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_ops(call, SOVD_COLLECTION_STATUS)->status_read(call, call->entity, &status);
        if (r)
                return r;
        body->status = status.status;
        for (int action = 0; action < SOVD_N_STATUS_ACTIONS; action++)
                if (status.actions & (1u << action))
                        body->actions[action] =
                                sovd_call_printf(call, "%s/status/%s", href, sovd_status_action_names[action]);
        call->out = body;
        return 0;
}

static int control(struct sovd_call *call, enum sovd_status_action action) {
        const struct sovd_status_control *in = call->in;

        int r = sovd_call_did(call, sovd_ops(call, SOVD_COLLECTION_STATUS)->status_control(call, call->entity, action,
                                                                                           in->parameters));
        if (!r)
                call->location = sovd_call_printf(call, "%s/status", sovd_entity_href(call, call->entity));
        return r;
}

static int status_start(struct sovd_call *call) {
        return control(call, SOVD_STATUS_START);
}

static int status_restart(struct sovd_call *call) {
        return control(call, SOVD_STATUS_RESTART);
}

static int status_force_restart(struct sovd_call *call) {
        return control(call, SOVD_STATUS_FORCE_RESTART);
}

static int status_shutdown(struct sovd_call *call) {
        return control(call, SOVD_STATUS_SHUTDOWN);
}

static int status_force_shutdown(struct sovd_call *call) {
        return control(call, SOVD_STATUS_FORCE_SHUTDOWN);
}

#define STATUS .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_STATUS, .clause = "ISO 17978-3 7.19"
#define CONTROL(name, word, text)                                                                                \
        { .id = "status-" word, .method = SOVD_PUT, .path = "/{entity}/status/" word, .handler = name,           \
          .flags = SOVD_OPTIONAL_BODY, .in = &sovd_schema_status_control, .success = 202, .summary = text, STATUS }

const struct sovd_route sovd_routes_status[] = {
        { .id = "status-read", .method = SOVD_GET, .path = "/{entity}/status", .handler = status_read,
          .out = &status_schema, .success = 200, .summary = "Read whether an entity is ready", STATUS },
        CONTROL(status_start, "start", "Start an entity"),
        CONTROL(status_restart, "restart", "Restart an entity"),
        CONTROL(status_force_restart, "force-restart", "Restart an entity whatever it does"),
        CONTROL(status_shutdown, "shutdown", "Shut an entity down"),
        CONTROL(status_force_shutdown, "force-shutdown", "Shut an entity down whatever it does"),
        { 0 }
};
