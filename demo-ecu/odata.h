#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OData dialect - the answers as the older SOVD servers with the value/@odata.count envelope shape them
 */
#include "demo-ecu/router.h"

#define COMPONENT BASE_PATH "/components/*"
#define OPERATION COMPONENT "/operations/*"
#define EXECUTION OPERATION "/executions/*"

void odata_list_begin(struct json *json, const char *name);
void odata_list_end(struct json *json, size_t n_entries);

void odata_list_operations(struct call *call);
void odata_start_execution(struct call *call);
void odata_list_executions(struct call *call);
void odata_get_execution(struct call *call);
void odata_cancel_execution(struct call *call);

void odata_list_data(struct call *call);
void odata_get_data(struct call *call);
void odata_put_data(struct call *call);
void odata_list_faults(struct call *call);
void odata_get_fault(struct call *call);
void odata_clear_faults(struct call *call);
void odata_clear_fault(struct call *call);
void odata_get_modes(struct call *call);
void odata_post_mode(struct call *call);
void odata_put_mode(struct call *call);
void odata_get_configurations(struct call *call);
void odata_put_configuration(struct call *call);
