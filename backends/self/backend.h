#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Self - its inside
 */
#include "backends/self/self_backend.h"
#include "sovd-core/call.h"
#include "sovd-core/fault_sink.h"

struct self {
        struct sovd_backend base;
        struct sovd_self_options options;
        struct sovd_fault_sink *sink; /* or NULL */
};

static inline struct self *self_of(struct sovd_backend *backend) {
        return (struct self *)backend;
}

/* data.c */
int self_data_list(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_data_filter *filter,
                   struct sovd_data_list *ret);
int self_data_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                   struct sovd_data_value *ret);

int self_data_write(struct sovd_call *call, const struct sovd_entity *e, const char *id, const struct cJSON *value,
                    const char *signature);

/* faults.c */
int self_faults_list(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_fault_filter *filter,
                     struct sovd_fault_list *ret);
int self_fault_read(struct sovd_call *call, const struct sovd_entity *e, const char *code,
                    struct sovd_fault_detail *ret);
int self_fault_clear(struct sovd_call *call, const struct sovd_entity *e, const char *code);
int self_faults_clear(struct sovd_call *call, const struct sovd_entity *e, const char *scope);

/* logs.c */
int self_log_entries(struct sovd_call *call, const struct sovd_entity *e, int least, struct sovd_log_list *ret);
int self_log_config_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_log_config *ret);

/* operations.c */
int self_operations_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_operation_list *ret);
int self_operation_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                        struct sovd_operation_detail *ret);
int self_execution_start(struct sovd_call *call, const struct sovd_entity *e, const char *operation,
                         const struct sovd_execution_start *start, struct sovd_execution_started *ret);
