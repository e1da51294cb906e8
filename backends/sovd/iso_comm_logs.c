/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/iso_bulk.h"
#include "backends/sovd/shape.h"
#include "backends/sovd/upstream.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/id.h"
#include <cjson/cJSON.h>
#include <errno.h>

#define _cleanup_writer_ _cleanup_(sovd_json_writer_done)

static struct upstream logs(struct sovd_call *call, const struct sovd_entity *e, const char *id) {
        return upstream_of(call, e, SOVD_COLLECTION_COMMUNICATION_LOGS,
                           id ? "communication log" : "communication-logs", id);
}

/* A bare array by the standard's schema (defect D09); some servers put it into `items`, as everywhere else. */
int iso_comm_logs_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_comm_log_ids *ret) {
        struct upstream u = logs(call, e, NULL);
        struct cJSON *json;
        const cJSON *item;

        int r = upstream_get(&u, &json, "communication-logs", NULL);
        if (r)
                return r;
        const cJSON *list = cJSON_IsArray(json) ? json : shape_member(json, "items");
        if (!cJSON_IsArray(list))
                return sovd_fail(call, SOVD_E_BAD_ANSWER,
                                 "the backend's answer is no list of communication logs");
        ret->items.items = sovd_arena_array(call->arena, const char *, (size_t)cJSON_GetArraySize(list) + 1);
        if (!ret->items.items)
                return sovd_error_origin(-ENOMEM);
        cJSON_ArrayForEach (item, list) {
                const char *id = cJSON_IsString(item) ? item->valuestring : shape_string(item, "id");
                if (!sovd_id_is_valid(id))
                        return sovd_fail(call, SOVD_E_BAD_ANSWER,
                                         "the backend's list has an id that cannot be used");
                ret->items.items[ret->items.n++] = id;
        }
        return 0;
}

/* The server's URI leads to the server; what stands behind bulk-data/ leads there through us as well. */
static int take_log(struct upstream *u, cJSON *json, const char *id, struct sovd_comm_log *ret) {
        int r = id && cJSON_IsObject(json) ? shape_default(json, "id", id) : 0;

        if (!r)
                r = answer_decode(u->call, &sovd_schema_comm_log, json, ret);
        if (r)
                return r;
        const char *below = strstr(ret->log, "/bulk-data/");
        if (below)
                ret->log = below + 1;
        return sovd_id_is_valid(ret->id) ? 0
                                         : sovd_fail(u->call, SOVD_E_BAD_ANSWER,
                                                     "the backend's answer has an id that cannot be used");
}

int iso_comm_log_create(struct sovd_call *call, const struct sovd_entity *e,
                        const struct sovd_comm_log_config *config, struct sovd_comm_log *ret) {
        struct upstream u = logs(call, e, NULL);
        struct cJSON *json;

        if (config->stream)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED,
                                 "streams of communication logs are not passed on; leave stream out");
        int r = upstream_send_raw(&u, config->mimetype, config->bytes, config->len, &json,
                                  "communication-logs", NULL);
        return r ? r : upstream_accepted(&u, take_log(&u, json, NULL, ret));
}

int iso_comm_log_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                      struct sovd_comm_log *ret) {
        struct upstream u = logs(call, e, id);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "communication-logs", id, NULL);
        return r ? r : take_log(&u, json, id, ret);
}

int iso_comm_log_control(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                         enum sovd_comm_log_action action) {
        const struct sovd_comm_log_control control = { .action = action };
        struct upstream u = logs(call, e, id);
        _cleanup_writer_ struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&sovd_schema_comm_log_control, &control, &w);
        return upstream_send(&u, "PUT", &w, NULL, "communication-logs", id, NULL);
}

int iso_comm_log_delete(struct sovd_call *call, const struct sovd_entity *e, const char *id, bool with_log) {
        struct upstream u = logs(call, e, id);

        int r = with_log ? 0 : upstream_set_query(&u, "delete_log", "false");
        return r ? r : upstream_send(&u, "DELETE", NULL, NULL, "communication-logs", id, NULL);
}
