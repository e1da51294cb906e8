/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect - the requests of ISO 17978-3
 */
#include "backends/sovd/iso.h"
#include "backends/sovd/iso_bulk.h"
#include "backends/sovd/iso_decode.h"
#include "backends/sovd/iso_describe.h"
#include "backends/sovd/iso_locks.h"
#include "backends/sovd/discovery.h"
#include "backends/sovd/iso_scripts.h"
#include "backends/sovd/iso_upkeep.h"
#include "backends/sovd/upstream.h"

#define _cleanup_writer_ _cleanup_(sovd_json_writer_done)

/* --- data ---------------------------------------------------------------------------- */

static int data_list(struct sovd_call *call, const struct sovd_entity *e,
                     const struct sovd_data_filter *filter, struct sovd_data_list *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_DATA, "data", NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "data", NULL);
        return r ? r : iso_decode_data_list(call, json, filter, ret);
}

/* A server need not have them: the gateway takes them from the data then. */
static int data_groups(struct sovd_call *call, const struct sovd_entity *e,
                       struct sovd_data_group_list *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_DATA, "data groups", NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "data-groups", NULL);
        if (r > 0 && fetch_is_absent(u.status))
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "the server has no data groups");
        return r ? r : iso_decode_data_groups(call, json, ret);
}

int iso_write_value(struct upstream *u, const char *collection, const struct cJSON *value,
                    const char *signature) {
        _cleanup_writer_ struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key(&w, "data");
        sovd_json_tree(&w, value);
        if (signature)
                sovd_json_key_string(&w, "signature", signature);
        sovd_json_object_end(&w);
        return upstream_send(u, "PUT", &w, NULL, collection, u->subject.id, NULL);
}

static int data_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                     struct sovd_data_value *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_DATA, "data", id);
        struct cJSON *json;

        upstream_pass_schema(&u);
        int r = upstream_get(&u, &json, "data", id, NULL);
        return r ? r : iso_decode_value(call, json, id, ret);
}

static int data_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                      const struct cJSON *value, const char *signature) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_DATA, "data", id);

        return iso_write_value(&u, "data", value, signature);
}

/* --- faults --------------------------------------------------------------------------------------------- */

static int faults_list(struct sovd_call *call, const struct sovd_entity *e,
                       const struct sovd_fault_filter *filter, struct sovd_fault_list *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_FAULTS, "faults", NULL);
        struct cJSON *json;

        /* Only the scope is the server's to judge: it chooses a memory, the rest only filters. */
        int r = filter && filter->scope ? upstream_set_query(&u, "scope", filter->scope) : 0;
        if (!r)
                r = upstream_get(&u, &json, "faults", NULL);
        return r ? r : iso_decode_fault_list(call, json, filter, ret);
}

static int fault_read(struct sovd_call *call, const struct sovd_entity *e, const char *code,
                      struct sovd_fault_detail *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_FAULTS, "fault", code);
        struct cJSON *json;

        upstream_pass_schema(&u);
        int r = upstream_get(&u, &json, "faults", code, NULL);
        return r ? r : iso_decode_fault(call, json, ret);
}

static int fault_clear(struct sovd_call *call, const struct sovd_entity *e, const char *code) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_FAULTS, "fault", code);

        return upstream_send(&u, "DELETE", NULL, NULL, "faults", code, NULL);
}

static int faults_clear(struct sovd_call *call, const struct sovd_entity *e, const char *scope) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_FAULTS, "faults", NULL);

        int r = scope ? upstream_set_query(&u, "scope", scope) : 0;
        return r ? r : upstream_send(&u, "DELETE", NULL, NULL, "faults", NULL);
}

/* --- operations ----------------------------------------------------------------------------------------- */

static int operations_list(struct sovd_call *call, const struct sovd_entity *e,
                           struct sovd_operation_list *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_OPERATIONS, "operations", NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "operations", NULL);
        return r ? r : iso_decode_operation_list(call, json, ret);
}

static int operation_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                          struct sovd_operation_detail *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_OPERATIONS, "operation", id);
        struct cJSON *json;

        upstream_pass_schema(&u);
        int r = upstream_get(&u, &json, "operations", id, NULL);
        return r ? r : iso_decode_operation(call, json, ret);
}

/* Model structs are encoded as they came in: by the same table. */
static int execution_start(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                           const struct sovd_execution_start *start, struct sovd_execution_started *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_OPERATIONS, "operation", operation);
        _cleanup_writer_ struct sovd_json_writer w;
        struct cJSON *json;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&sovd_schema_execution_start, start, &w);
        int r = upstream_send(&u, "POST", &w, &json, "operations", operation, "executions", NULL);
        return r ? r : upstream_accepted(&u, iso_decode_started(call, u.status, json, ret));
}

static int executions_list(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                           struct sovd_execution_ids *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_OPERATIONS, "operation", operation);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "operations", operation, "executions", NULL);
        if (!r)
                return iso_decode_execution_ids(call, json, ret);
        *ret = (struct sovd_execution_ids){ .items.set = true };
        return upstream_without_list(&u, r, operation);
}

static int execution_read(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                          const char *id, struct sovd_execution *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_OPERATIONS, "execution", id);
        struct cJSON *json;

        upstream_pass_schema(&u);
        int r = upstream_get(&u, &json, "operations", operation, "executions", id, NULL);
        return r ? r : iso_decode_execution(call, json, id, ret);
}

static int execution_control(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                             const char *id, const struct sovd_execution_control *control,
                             struct sovd_execution_accepted *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_OPERATIONS, "execution", id);
        _cleanup_writer_ struct sovd_json_writer w;
        struct cJSON *json;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&sovd_schema_execution_control, control, &w);
        int r = upstream_send(&u, "PUT", &w, &json, "operations", operation, "executions", id, NULL);
        return r ? r : upstream_accepted(&u, iso_decode_accepted(call, json, id, ret));
}

/* Many servers refuse a DELETE with a body, though the standard's has one (defect D14): only when it says
 * something. */
static int execution_stop(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                          const char *id, const struct sovd_execution_stop *stop) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_OPERATIONS, "execution", id);
        _cleanup_writer_ struct sovd_json_writer w;
        bool has_body = stop && stop->proximity_response;

        sovd_json_writer_init(&w, 0, 0);
        if (has_body)
                sovd_schema_encode(&sovd_schema_execution_stop, stop, &w);
        return upstream_send(&u, "DELETE", has_body ? &w : NULL, NULL, "operations", operation, "executions",
                             id, NULL);
}

/* --- modes ---------------------------------------------------------------------------------------------- */

static int modes_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_mode_list *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_MODES, "modes", NULL);
        struct cJSON *json;

        int r = upstream_get(&u, &json, "modes", NULL);
        return r ? r : iso_decode_mode_list(call, json, ret);
}

static int mode_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                     struct sovd_mode_detail *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_MODES, "mode", id);
        struct cJSON *json;

        upstream_pass_schema(&u);
        int r = upstream_get(&u, &json, "modes", id, NULL);
        return r ? r : iso_decode_mode(call, json, id, ret);
}

static int mode_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                      const struct sovd_mode_write *write, struct sovd_mode_set *ret) {
        struct upstream u = upstream_of(call, e, SOVD_COLLECTION_MODES, "mode", id);
        _cleanup_writer_ struct sovd_json_writer w;
        struct cJSON *json;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&sovd_schema_mode_write, write, &w);
        int r = upstream_send(&u, "PUT", &w, &json, "modes", id, NULL);
        return r ? r : upstream_accepted(&u, iso_decode_mode_set(call, json, id, write, ret));
}

static const struct sovd_backend_ops ops = {
        .data_list = data_list,
        .data_read = data_read,
        .data_write = data_write,
        .data_groups = data_groups,
        .faults_list = faults_list,
        .fault_read = fault_read,
        .fault_clear = fault_clear,
        .faults_clear = faults_clear,
        .operations_list = operations_list,
        .operation_read = operation_read,
        .execution_start = execution_start,
        .executions_list = executions_list,
        .execution_read = execution_read,
        .execution_control = execution_control,
        .execution_stop = execution_stop,
        .modes_list = modes_list,
        .mode_read = mode_read,
        .mode_write = mode_write,
        .configurations_list = iso_configurations_list,
        .configuration_read = iso_configuration_read,
        .configuration_write = iso_configuration_write,
        .configuration_write_bytes = iso_configuration_write_bytes,
        .configuration_reset = iso_configuration_reset,
        .describe = iso_describe,
        ISO_SCRIPTS_OPS,
        .log_entries = iso_log_entries,
        .log_config_read = iso_log_config_read,
        .log_config_write = iso_log_config_write,
        .log_config_reset = iso_log_config_reset,
        .clear_data_read = iso_clear_data_read,
        .clear_data_start = iso_clear_data_start,
        .clear_data_status = iso_clear_data_status,
        .status_read = iso_status_read,
        .status_control = iso_status_control,
        .updates_list = iso_updates_list,
        .update_read = iso_update_read,
        .update_status = iso_update_status,
        .update_control = iso_update_control,
        .update_register = iso_update_register,
        .update_delete = iso_update_delete,
        .lock_acquire = iso_lock_acquire,
        .lock_extend = iso_lock_extend,
        .lock_release = iso_lock_release,
        .bulk_categories = iso_bulk_categories,
        .bulk_list = iso_bulk_list,
        .bulk_open = iso_bulk_open,
        .bulk_write = iso_bulk_write,
        .bulk_delete = iso_bulk_delete,
        .bulk_delete_all = iso_bulk_delete_all,
        .comm_logs_list = iso_comm_logs_list,
        .comm_log_create = iso_comm_log_create,
        .comm_log_read = iso_comm_log_read,
        .comm_log_control = iso_comm_log_control,
        .comm_log_delete = iso_comm_log_delete,
};

const struct dialect dialect_iso = {
        .name = "iso",
        .type_paths = sovd_entity_type_paths,
        .ops = &ops,
        .discover = discovery_iso,
};
