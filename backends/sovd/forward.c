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
        .configuration_write_bytes = configuration_write_bytes,
        .configuration_reset = configuration_reset,
};
