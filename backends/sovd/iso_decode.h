#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO decode - answers in the form of ISO 17978-3, and what the Eclipse CDA does otherwise
 *
 * Pure functions. json is a tree that lives as long as the call's arena, and is changed. Each returns 0,
 * SOVD_E_BAD_ANSWER with the failure set, or -ENOMEM.
 */
#include "sovd-core/call.h"
#include "sovd-core/model/configurations.h"
#include "sovd-core/model/data.h"
#include "sovd-core/model/data_lists.h"
#include "sovd-core/model/faults.h"
#include "sovd-core/model/modes.h"
#include "sovd-core/model/operations.h"
#include "sovd-core/model/scripts.h"

int iso_decode_data_list(struct sovd_call *call, struct cJSON *json, const struct sovd_data_filter *filter,
                         struct sovd_data_list *ret);
int iso_decode_data_groups(struct sovd_call *call, struct cJSON *json, struct sovd_data_group_list *ret);

/* Also of configurations. id stands in when the answer has none. */
int iso_decode_value(struct sovd_call *call, struct cJSON *json, const char *id, struct sovd_data_value *ret);

int iso_decode_fault_list(struct sovd_call *call, struct cJSON *json, const struct sovd_fault_filter *filter,
                          struct sovd_fault_list *ret);
int iso_decode_fault(struct sovd_call *call, struct cJSON *json, struct sovd_fault_detail *ret);

int iso_decode_operation_list(struct sovd_call *call, struct cJSON *json, struct sovd_operation_list *ret);
int iso_decode_operation(struct sovd_call *call, struct cJSON *json, struct sovd_operation_detail *ret);

/* status: of the HTTP answer; json NULL = it had no body. */
int iso_decode_started(struct sovd_call *call, unsigned status, struct cJSON *json,
                       struct sovd_execution_started *ret);
int iso_decode_execution_ids(struct sovd_call *call, struct cJSON *json, struct sovd_execution_ids *ret);
int iso_decode_execution(struct sovd_call *call, struct cJSON *json, const char *id,
                         struct sovd_execution *ret);
int iso_decode_accepted(struct sovd_call *call, struct cJSON *json, const char *id,
                        struct sovd_execution_accepted *ret);

int iso_decode_mode_list(struct sovd_call *call, struct cJSON *json, struct sovd_mode_list *ret);
int iso_decode_mode(struct sovd_call *call, struct cJSON *json, const char *id, struct sovd_mode_detail *ret);
int iso_decode_mode_set(struct sovd_call *call, struct cJSON *json, const char *id,
                        const struct sovd_mode_write *write, struct sovd_mode_set *ret);

int iso_decode_configuration_list(struct sovd_call *call, struct cJSON *json,
                                  struct sovd_configuration_list *ret);

/* May it name an execution? Else SOVD_E_BAD_ANSWER. */
int iso_check_execution_id(struct sovd_call *call, const char *id);

/* Why an execution failed, in a form that has no place for it: a list with one error for the path "/". */
int iso_execution_error(struct sovd_call *call, const char *message, struct sovd_list *ret);
