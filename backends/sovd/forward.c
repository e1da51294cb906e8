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
FORWARD(configuration_read, CONFIGURATIONS, (CALL, const char *id, struct sovd_data_value *ret),
        (call, e, id, ret))
FORWARD(configuration_write, CONFIGURATIONS,
        (CALL, const char *id, const struct cJSON *value, const char *signature),
        (call, e, id, value, signature))

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
