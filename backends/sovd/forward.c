/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Forward - the contract's ops, each handed to the dialect of the server
 */
#include "backends/sovd/upstream.h"

#define FORWARD(op, collection, params, args)                                                                \
        static int op params {                                                                               \
                const struct dialect *dialect = upstream_dialect(call, e, SOVD_COLLECTION_##collection);     \
                return dialect ? dialect->ops->op args : SOVD_E_UNAVAILABLE;                                 \
        }
/* The same for what not every dialect has. */
#define FORWARD_MAY(op, collection, params, args)                                                            \
        static int op params {                                                                               \
                const struct dialect *dialect = upstream_dialect(call, e, SOVD_COLLECTION_##collection);     \
                if (dialect && !dialect->ops->op)                                                            \
                        return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "the server has no " #op);            \
                return dialect ? dialect->ops->op args : SOVD_E_UNAVAILABLE;                                 \
        }
#define CALL struct sovd_call *call, const struct sovd_entity *e

FORWARD(data_list, DATA, (CALL, const struct sovd_data_filter *filter, struct sovd_data_list *ret),
        (call, e, filter, ret))
FORWARD(data_read, DATA, (CALL, const char *id, struct sovd_data_value *ret), (call, e, id, ret))
FORWARD(data_write, DATA, (CALL, const char *id, const struct cJSON *value, const char *signature),
        (call, e, id, value, signature))
FORWARD_MAY(data_groups, DATA, (CALL, struct sovd_data_group_list *ret), (call, e, ret))
FORWARD(faults_list, FAULTS, (CALL, const struct sovd_fault_filter *filter, struct sovd_fault_list *ret),
        (call, e, filter, ret))
FORWARD(fault_read, FAULTS, (CALL, const char *code, struct sovd_fault_detail *ret), (call, e, code, ret))
FORWARD(fault_clear, FAULTS, (CALL, const char *code), (call, e, code))
FORWARD(faults_clear, FAULTS, (CALL, const char *scope), (call, e, scope))
FORWARD(operations_list, OPERATIONS, (CALL, struct sovd_operation_list *ret), (call, e, ret))
FORWARD(operation_read, OPERATIONS, (CALL, const char *id, struct sovd_operation_detail *ret),
        (call, e, id, ret))
FORWARD(execution_start, OPERATIONS,
        (CALL, const char *operation, const struct sovd_execution_start *start,
         struct sovd_execution_started *ret),
        (call, e, operation, start, ret))
FORWARD(executions_list, OPERATIONS, (CALL, const char *operation, struct sovd_execution_ids *ret),
        (call, e, operation, ret))
FORWARD(execution_read, OPERATIONS, (CALL, const char *operation, const char *id, struct sovd_execution *ret),
        (call, e, operation, id, ret))
FORWARD(execution_control, OPERATIONS,
        (CALL, const char *operation, const char *id, const struct sovd_execution_control *control,
         struct sovd_execution_accepted *ret),
        (call, e, operation, id, control, ret))
FORWARD(execution_stop, OPERATIONS,
        (CALL, const char *operation, const char *id, const struct sovd_execution_stop *stop),
        (call, e, operation, id, stop))
FORWARD(modes_list, MODES, (CALL, struct sovd_mode_list *ret), (call, e, ret))
FORWARD(mode_read, MODES, (CALL, const char *id, struct sovd_mode_detail *ret), (call, e, id, ret))
FORWARD(mode_write, MODES,
        (CALL, const char *id, const struct sovd_mode_write *write, struct sovd_mode_set *ret),
        (call, e, id, write, ret))
FORWARD(configurations_list, CONFIGURATIONS, (CALL, struct sovd_configuration_list *ret), (call, e, ret))
FORWARD(configuration_read, CONFIGURATIONS,
        (CALL, const char *id, struct sovd_data_value *ret, struct sovd_configuration_bytes *ret_bytes),
        (call, e, id, ret, ret_bytes))
FORWARD(configuration_write, CONFIGURATIONS,
        (CALL, const char *id, const struct cJSON *value, const char *signature),
        (call, e, id, value, signature))
FORWARD_MAY(configuration_write_bytes, CONFIGURATIONS,
            (CALL, const char *id, const struct sovd_configuration_bytes *bytes), (call, e, id, bytes))
FORWARD_MAY(configuration_reset, CONFIGURATIONS, (CALL, const char *id), (call, e, id))

static int describe(CALL, enum sovd_collection collection, const char *id, struct cJSON **ret) {
        const struct dialect *dialect = upstream_dialect(call, e, collection);

        if (dialect && !dialect->ops->describe)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "the server does not describe its resources");
        return dialect ? dialect->ops->describe(call, e, collection, id, ret) : SOVD_E_UNAVAILABLE;
}

FORWARD_MAY(scripts_list, SCRIPTS, (CALL, struct sovd_script_list *ret), (call, e, ret))
FORWARD_MAY(script_read, SCRIPTS, (CALL, const char *id, struct sovd_script_detail *ret), (call, e, id, ret))
FORWARD_MAY(script_upload, SCRIPTS,
            (CALL, const struct sovd_script_upload *upload, struct sovd_script_created *ret), (call, e, upload, ret))
FORWARD_MAY(script_delete, SCRIPTS, (CALL, const char *id), (call, e, id))
FORWARD_MAY(script_start, SCRIPTS,
            (CALL, const char *script, const struct sovd_script_start *start, struct sovd_script_started *ret),
            (call, e, script, start, ret))
FORWARD_MAY(script_executions_list, SCRIPTS, (CALL, const char *script, struct sovd_execution_ids *ret),
            (call, e, script, ret))
FORWARD_MAY(script_execution_read, SCRIPTS,
            (CALL, const char *script, const char *id, struct sovd_script_execution *ret), (call, e, script, id, ret))
FORWARD_MAY(script_execution_control, SCRIPTS,
            (CALL, const char *script, const char *id, enum sovd_script_action action), (call, e, script, id, action))
FORWARD_MAY(script_execution_delete, SCRIPTS, (CALL, const char *script, const char *id), (call, e, script, id))
FORWARD_MAY(log_entries, LOGS, (CALL, int least, struct sovd_log_list *ret), (call, e, least, ret))
FORWARD_MAY(log_config_read, LOGS, (CALL, struct sovd_log_config *ret), (call, e, ret))
FORWARD_MAY(log_config_write, LOGS, (CALL, const struct sovd_log_config *config), (call, e, config))
FORWARD_MAY(log_config_reset, LOGS, (CALL), (call, e))
FORWARD_MAY(clear_data_read, CLEAR_DATA, (CALL, struct sovd_clear_support *ret), (call, e, ret))
FORWARD_MAY(clear_data_start, CLEAR_DATA, (CALL, enum sovd_clear_type type), (call, e, type))
FORWARD_MAY(clear_data_status, CLEAR_DATA, (CALL, struct sovd_clear_status *ret), (call, e, ret))
FORWARD_MAY(status_read, STATUS, (CALL, struct sovd_entity_status *ret), (call, e, ret))
FORWARD_MAY(status_control, STATUS,
            (CALL, enum sovd_status_action action, const struct cJSON *parameters),
            (call, e, action, parameters))

/* The same for what is the server's. */
#define FORWARD_SERVER(op, params, args)                                                                     \
        static int op params {                                                                               \
                const struct dialect *dialect = upstream_dialect_of(call, backend);                          \
                if (dialect && !dialect->ops->op)                                                            \
                        return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "the server has no " #op);            \
                return dialect ? dialect->ops->op args : SOVD_E_UNAVAILABLE;                                 \
        }
#define SERVER struct sovd_call *call, struct sovd_backend *backend

FORWARD_SERVER(updates_list, (SERVER, const struct sovd_update_filter *filter, struct sovd_update_ids *ret),
               (call, backend, filter, ret))
FORWARD_SERVER(update_read, (SERVER, const char *id, struct sovd_update_detail *ret), (call, backend, id, ret))
FORWARD_SERVER(update_status, (SERVER, const char *id, struct sovd_update_status *ret), (call, backend, id, ret))
FORWARD_SERVER(update_control, (SERVER, const char *id, enum sovd_update_action action),
               (call, backend, id, action))
FORWARD_SERVER(update_register,
               (SERVER, const char *content_type, const char *body, size_t len,
                struct sovd_update_registered *ret),
               (call, backend, content_type, body, len, ret))
FORWARD_SERVER(update_delete, (SERVER, const char *id), (call, backend, id))
FORWARD_MAY(lock_acquire, LOCKS, (CALL, const struct sovd_lock_request *request, const char **ret_id),
            (call, e, request, ret_id))
FORWARD_MAY(lock_extend, LOCKS, (CALL, const char *id, int64_t seconds), (call, e, id, seconds))
FORWARD_MAY(lock_release, LOCKS, (CALL, const char *id), (call, e, id))

FORWARD_MAY(bulk_categories, BULK_DATA, (CALL, struct sovd_bulk_categories *ret), (call, e, ret))
FORWARD_MAY(bulk_list, BULK_DATA,
            (CALL, const char *category, const struct sovd_bulk_filter *filter, struct sovd_bulk_list *ret),
            (call, e, category, filter, ret))
FORWARD_MAY(bulk_open, BULK_DATA,
            (CALL, const char *category, const char *id, const struct sovd_bulk_wish *wish,
             struct sovd_bulk_content *ret),
            (call, e, category, id, wish, ret))
FORWARD_MAY(bulk_write, BULK_DATA,
            (CALL, const char *category, const struct sovd_bulk_upload *upload, struct sovd_bulk_created *ret),
            (call, e, category, upload, ret))
FORWARD_MAY(bulk_delete, BULK_DATA, (CALL, const char *category, const char *id), (call, e, category, id))
FORWARD_MAY(bulk_delete_all, BULK_DATA, (CALL, const char *category, struct sovd_bulk_deleted *ret),
            (call, e, category, ret))
FORWARD_MAY(comm_logs_list, COMMUNICATION_LOGS, (CALL, struct sovd_comm_log_ids *ret), (call, e, ret))
FORWARD_MAY(comm_log_create, COMMUNICATION_LOGS,
            (CALL, const struct sovd_comm_log_config *config, struct sovd_comm_log *ret), (call, e, config, ret))
FORWARD_MAY(comm_log_read, COMMUNICATION_LOGS, (CALL, const char *id, struct sovd_comm_log *ret), (call, e, id, ret))
FORWARD_MAY(comm_log_control, COMMUNICATION_LOGS, (CALL, const char *id, enum sovd_comm_log_action action),
            (call, e, id, action))
FORWARD_MAY(comm_log_delete, COMMUNICATION_LOGS, (CALL, const char *id, bool with_log), (call, e, id, with_log))

const struct sovd_backend_ops sovd_sovd_ops = {
        .type = "sovd",
        .start = sovd_sovd_start,
        .stop = sovd_sovd_stop,
        .free = sovd_sovd_free,
        .status = sovd_sovd_status,
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
        .configurations_list = configurations_list,
        .configuration_read = configuration_read,
        .configuration_write = configuration_write,
        .describe = describe,
        .scripts_list = scripts_list,
        .script_read = script_read,
        .script_upload = script_upload,
        .script_delete = script_delete,
        .script_start = script_start,
        .script_executions_list = script_executions_list,
        .script_execution_read = script_execution_read,
        .script_execution_control = script_execution_control,
        .script_execution_delete = script_execution_delete,
        .log_entries = log_entries,
        .log_config_read = log_config_read,
        .log_config_write = log_config_write,
        .log_config_reset = log_config_reset,
        .clear_data_read = clear_data_read,
        .clear_data_start = clear_data_start,
        .clear_data_status = clear_data_status,
        .status_read = status_read,
        .status_control = status_control,
        .updates_list = updates_list,
        .update_read = update_read,
        .update_status = update_status,
        .update_control = update_control,
        .update_register = update_register,
        .update_delete = update_delete,
        .lock_acquire = lock_acquire,
        .lock_extend = lock_extend,
        .lock_release = lock_release,
        .configuration_write_bytes = configuration_write_bytes,
        .configuration_reset = configuration_reset,
        .bulk_categories = bulk_categories,
        .bulk_list = bulk_list,
        .bulk_open = bulk_open,
        .bulk_write = bulk_write,
        .bulk_delete = bulk_delete,
        .bulk_delete_all = bulk_delete_all,
        .comm_logs_list = comm_logs_list,
        .comm_log_create = comm_log_create,
        .comm_log_read = comm_log_read,
        .comm_log_control = comm_log_control,
        .comm_log_delete = comm_log_delete,
};
