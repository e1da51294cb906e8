#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OData decode - answers of the native server in the form of the model
 *
 * Pure functions. json is a tree that lives as long as the call's arena, and is changed. Each returns 0,
 * SOVD_E_BAD_ANSWER with the failure set, or -ENOMEM.
 */
#include "backends/sovd/iso_decode.h"

/* The one mode that this dialect has. */
#define ODATA_MODE_ID   "session"
#define ODATA_MODE_NAME "Diagnostic session"

int odata_decode_data_list(struct sovd_call *call, struct cJSON *json, const struct sovd_data_filter *filter,
                           struct sovd_data_list *ret);
int odata_decode_value(struct sovd_call *call, struct cJSON *json, const char *id,
                       struct sovd_data_value *ret);

int odata_decode_fault_list(struct sovd_call *call, struct cJSON *json,
                            const struct sovd_fault_filter *filter, struct sovd_fault_list *ret);
/* A single fault is a list's element without a frame. */
int odata_decode_fault(struct sovd_call *call, struct cJSON *json, struct sovd_fault *ret);
/* By its code, else by its id, which this dialect keeps apart. NULL: none. */
struct sovd_fault *odata_find_fault(const struct sovd_fault_list *list, const char *key);
/* How the server itself names it. */
const char *odata_fault_id(const struct sovd_fault *fault);

int odata_decode_operation_list(struct sovd_call *call, struct cJSON *json, struct sovd_operation_list *ret);
int odata_decode_execution_ids(struct sovd_call *call, struct cJSON *json, struct sovd_execution_ids *ret);
/* id NULL: the answer must name it. */
int odata_decode_execution(struct sovd_call *call, struct cJSON *json, const char *id,
                           struct sovd_execution *ret);

/* ret->value is the current mode; with_schema: ret->schema tells those that there are. */
int odata_decode_mode(struct sovd_call *call, struct cJSON *json, bool with_schema,
                      struct sovd_mode_detail *ret);

int odata_decode_configuration_list(struct sovd_call *call, struct cJSON *json,
                                    struct sovd_configuration_list *ret);
/* SOVD_E_NOT_FOUND without a failure set: there is no such parameter. */
int odata_decode_configuration(struct sovd_call *call, struct cJSON *json, const char *id,
                               struct sovd_data_value *ret);
