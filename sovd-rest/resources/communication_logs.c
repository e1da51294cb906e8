/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/disposition.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"

static const struct sovd_query_param create_query[] = {
        { "stream", SOVD_QUERY_BOOL,
          "true sends the log while it is recorded; false, the default, keeps it as bulk data." },
        { 0 }
};
static const struct sovd_query_param delete_query[] = {
        { "delete_log", SOVD_QUERY_BOOL, "true, the default, deletes the recording too." }, { 0 }
};

static const struct sovd_backend_ops *ops_of(const struct sovd_call *call) {
        return sovd_ops(call, SOVD_COLLECTION_COMMUNICATION_LOGS);
}

/* A backend names the recording by its place below the entity. */
static void finish(struct sovd_call *call, struct sovd_comm_log *log) {
        if (log->log && sovd_has_prefix(log->log, "bulk-data/"))
                log->log = sovd_call_printf(call, "%s/%s", sovd_entity_href(call, call->entity), log->log);
        call->out = log;
}

static int logs_list(struct sovd_call *call) {
        struct sovd_comm_log_ids *ids = sovd_arena_new0(call->arena, struct sovd_comm_log_ids);
        if (!ids)
                return sovd_error_origin(-ENOMEM);

        call->out = ids;
        return ops_of(call)->comm_logs_list(call, call->entity, ids);
}

static int log_create(struct sovd_call *call) {
        struct sovd_comm_log *log = sovd_arena_new0(call->arena, struct sovd_comm_log);
        const char *type = sovd_call_header(call, "Content-Type");
        const struct sovd_comm_log_config config = { .mimetype = type,
                                                     .bytes = call->raw,
                                                     .len = call->raw_len,
                                                     .stream = sovd_streq(sovd_call_query(call, "stream"),
                                                                          "true") };
        if (!log)
                return sovd_error_origin(-ENOMEM);
        if (type && !sovd_media_type_is_valid(type))
                return sovd_fail(call, SOVD_E_BAD_REQUEST,
                                 "Content-Type is not a media type of at most 255 characters");

        int r = sovd_call_did(call, ops_of(call)->comm_log_create(call, call->entity, &config, log));
        if (r)
                return r;
        finish(call, log);
        call->location = sovd_call_printf(call, "%s/communication-logs/%s",
                                          sovd_entity_href(call, call->entity), sovd_encoded(call, log->id));
        return 0;
}

static int log_read(struct sovd_call *call) {
        struct sovd_comm_log *log = sovd_arena_new0(call->arena, struct sovd_comm_log);
        if (!log)
                return sovd_error_origin(-ENOMEM);

        int r = ops_of(call)->comm_log_read(call, call->entity, call->params[0], log);
        if (!r)
                finish(call, log);
        return r;
}

static int log_control(struct sovd_call *call) {
        const struct sovd_comm_log_control *control = call->in;

        return sovd_call_did(call, ops_of(call)->comm_log_control(call, call->entity, call->params[0],
                                                                  (enum sovd_comm_log_action)control->action));
}

static int log_delete(struct sovd_call *call) {
        return sovd_call_did(call, ops_of(call)->comm_log_delete(call, call->entity, call->params[0],
                                                                 !sovd_streq(sovd_call_query(call, "delete_log"), "false")));
}

#define LOGS                                                                                                 \
        .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_COMMUNICATION_LOGS,                       \
        .clause = "ISO 17978-3 7.22"
const struct sovd_route sovd_routes_communication_logs[] = {
        { .id = "communication-logs-list",
          .method = SOVD_GET,
          .path = "/{entity}/communication-logs",
          .handler = logs_list,
          .flags = SOVD_BARE_LIST,
          .out = &sovd_schema_comm_log_ids,
          .success = 200,
          .summary = "List the communication logs of an entity",
          LOGS },
        { .id = "communication-log-create",
          .method = SOVD_POST,
          .path = "/{entity}/communication-logs",
          .handler = log_create,
          .flags = SOVD_RAW_BODY,
          .query = create_query,
          .out = &sovd_schema_comm_log,
          .success = 200,
          .summary = "Create a communication log; it records nothing yet",
          LOGS },
        { .id = "communication-log-read",
          .method = SOVD_GET,
          .path = "/{entity}/communication-logs/{communication-log-id}",
          .handler = log_read,
          .out = &sovd_schema_comm_log,
          .success = 200,
          .summary = "Read the state of a communication log",
          LOGS },
        { .id = "communication-log-control",
          .method = SOVD_PUT,
          .path = "/{entity}/communication-logs/{communication-log-id}",
          .handler = log_control,
          .in = &sovd_schema_comm_log_control,
          .success = 204,
          .summary = "Start or stop the recording of a communication log",
          LOGS },
        { .id = "communication-log-delete",
          .method = SOVD_DELETE,
          .path = "/{entity}/communication-logs/{communication-log-id}",
          .handler = log_delete,
          .query = delete_query,
          .success = 204,
          .summary = "Delete a communication log, and its recording",
          LOGS },
        { 0 }
};
