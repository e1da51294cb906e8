/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect - logs, clear-data and status of an entity
 */
#include "backends/sovd/iso_upkeep.h"
#include "backends/sovd/shape.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/http_client.h"
#include <errno.h>
#include <stdlib.h>

#define _cleanup_writer_ _cleanup_(sovd_json_writer_done)

/* --- logs ----------------------------------------------------------------------------------------------- */

/* A reference into bulk-data leads to the same file through us; any other one would lead to the server itself. */
static int shape_href(struct sovd_call *call, const struct sovd_entity *e, struct sovd_log_entry *entry) {
        const char *tail = entry->href ? strstr(entry->href, "/bulk-data/") : NULL;
        const char *id = tail ? sovd_http_encode_segment(call->arena, e->id) : NULL;
        const bool offered = e->providers[SOVD_COLLECTION_BULK_DATA] != NULL;

        entry->href = id && offered ? sovd_arena_printf(call->arena, "%s/%s/%s%s", call->base,
                                                        sovd_entity_type_paths[e->type], id, tail)
                                    : NULL;
        return tail && offered && !entry->href ? sovd_error_origin(-ENOMEM) : 0;
}

int iso_decode_log_entries(struct sovd_call *call, const struct sovd_entity *e, cJSON *json, int least,
                           struct sovd_log_list *ret) {
        size_t n = 0;

        int r = answer_decode(call, &sovd_schema_log_list, json, ret);
        struct sovd_log_entry *items = ret->items.items;
        for (size_t i = 0; !r && i < ret->items.n; i++) {
                if (!sovd_log_severity_passes(items[i].severity, least))
                        continue;
                items[n] = items[i];
                r = shape_href(call, e, &items[n++]);
        }
        ret->items.n = n;
        return r;
}

int iso_log_entries(struct sovd_call *call, const struct sovd_entity *e, int least,
                    struct sovd_log_list *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_LOGS, "logs", NULL);
        struct cJSON *json;

        upstream_pass_schema(&u);
        int r = least ? upstream_add_query(&u, "severity", sovd_log_severity_names[least - 1]) : 0;
        if (!r)
                r = upstream_get(&u, &json, "logs", "entries", NULL);
        return r ? r : iso_decode_log_entries(call, e, json, least, ret);
}

int iso_log_config_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_log_config *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_LOGS, "log configuration", NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "logs", "config", NULL);
        return r ? r : answer_decode(call, &sovd_schema_log_config, json, ret);
}

int iso_log_config_write(struct sovd_call *call, const struct sovd_entity *e,
                         const struct sovd_log_config *config) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_LOGS, "log configuration", NULL);
        const struct sovd_log_config_write write = { .items = config->contexts };
        _cleanup_writer_ struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&sovd_schema_log_config_write, &write, &w);
        return upstream_send(&u, "PUT", &w, NULL, "logs", "config", NULL);
}

int iso_log_config_reset(struct sovd_call *call, const struct sovd_entity *e) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_LOGS, "log configuration", NULL);

        return upstream_send(&u, "DELETE", NULL, NULL, "logs", "config", NULL);
}

/* --- clear-data ----------------------------------------------------------------------------------------- */

int iso_clear_data_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_clear_support *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_CLEAR_DATA, "clear-data", NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "clear-data", NULL);
        for (int type = 1; !r && type <= SOVD_N_CLEAR_TYPES; type++)
                if (shape_string(json, sovd_clear_type_names[type - 1]))
                        ret->types |= 1u << type;
        return r;
}

int iso_clear_data_start(struct sovd_call *call, const struct sovd_entity *e, enum sovd_clear_type type) {
        const char *word = sovd_clear_type_names[type - 1];
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_CLEAR_DATA, word, NULL);

        return upstream_send(&u, "PUT", NULL, NULL, "clear-data", word, NULL);
}

/* The example of the standard has the progress as text (defect D16); servers that follow it are understood. */
static int shape_progress(cJSON *json) {
        const char *text = shape_string(json, "progress");
        char *end;

        if (!text)
                return 0;
        const long value = strtol(text, &end, 10);
        if (end == text || *end || value < 0 || value > 100)
                return 0; /* the schema refuses it */
        return shape_put(json, "progress", cJSON_CreateNumber((double)value));
}

int iso_decode_clear_status(struct sovd_call *call, cJSON *json, struct sovd_clear_status *ret) {
        int r = shape_progress(json);

        return r ? r : answer_decode(call, &sovd_schema_clear_status, json, ret);
}

int iso_clear_data_status(struct sovd_call *call, const struct sovd_entity *e,
                          struct sovd_clear_status *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_CLEAR_DATA, "clear-data", NULL);
        struct cJSON *json;

        upstream_pass_schema(&u);
        int r = upstream_get(&u, &json, "clear-data", "status", NULL);
        return r ? r : iso_decode_clear_status(call, json, ret);
}

/* --- status --------------------------------------------------------------------------------------------- */

int iso_decode_status(struct sovd_call *call, const cJSON *json, struct sovd_entity_status *ret) {
        const char *word = shape_string(json, "status");
        const int status = word ? sovd_enum_parse(sovd_readiness_names, word) : 0;

        if (!status)
                return sovd_fail(call, SOVD_E_BAD_ANSWER, "the backend's answer has no status that is known");
        *ret = (struct sovd_entity_status){ .status = status };
        for (int action = 0; action < SOVD_N_STATUS_ACTIONS; action++)
                if (shape_string(json, sovd_status_action_names[action]))
                        ret->actions |= 1u << action;
        return 0;
}

int iso_status_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_entity_status *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_STATUS, "status", NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "status", NULL);
        return r ? r : iso_decode_status(call, json, ret);
}

/* The standard has a body for some of the actions only, and it may be left out (defect D15). */
int iso_status_control(struct sovd_call *call, const struct sovd_entity *e, enum sovd_status_action action,
                       const struct cJSON *parameters) {
        const char *word = sovd_status_action_names[action];
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_STATUS, word, NULL);
        const struct sovd_status_control control = { .parameters = parameters };
        _cleanup_writer_ struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        if (parameters)
                sovd_schema_encode(&sovd_schema_status_control, &control, &w);
        return upstream_send(&u, "PUT", parameters ? &w : NULL, NULL, "status", word, NULL);
}
