#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect - the answers as ISO 17978-3 shapes them
 */
#include "demo-ecu/router.h"

#define COMPONENT BASE_PATH "/components/*"
#define OPERATION COMPONENT "/operations/*"
#define EXECUTION OPERATION "/executions/*"

/* The members of a GenericError, into the object that is open. */
void iso_write_error(struct json *json, const char *code, const char *vendor_code, const char *message);

/* The segment that names the resource, decoded. */
static inline const char *call_resource(const struct call *call) {
        return call->segments[SEG_RESOURCE];
}

void iso_get_data(struct call *call);
void iso_list_data(struct call *call);
void iso_put_data(struct call *call);
void iso_list_categories(struct call *call);
void iso_list_groups(struct call *call);
void iso_list_configurations(struct call *call);
void iso_get_configuration(struct call *call);
void iso_put_configuration(struct call *call);
void iso_list_modes(struct call *call);
void iso_get_mode(struct call *call);
void iso_put_mode(struct call *call);
void iso_list_faults(struct call *call);
void iso_get_fault(struct call *call);
void iso_clear_faults(struct call *call);
void iso_clear_fault(struct call *call);
void iso_acquire_lock(struct call *call);
void iso_list_locks(struct call *call);
void iso_get_lock(struct call *call);
void iso_extend_lock(struct call *call);
void iso_release_lock(struct call *call);
void iso_list_operations(struct call *call);
void iso_get_operation(struct call *call);
void iso_list_executions(struct call *call);
void iso_start_execution(struct call *call);
void iso_get_execution(struct call *call);
void iso_put_execution(struct call *call);
void iso_delete_execution(struct call *call);
void iso_get_logs(struct call *call);
void iso_list_log_entries(struct call *call);
void iso_get_log_config(struct call *call);
void iso_put_log_config(struct call *call);
void iso_delete_log_config(struct call *call);
void iso_list_bulk_categories(struct call *call);
void iso_list_bulk(struct call *call);
void iso_upload_bulk(struct call *call);
void iso_download_bulk(struct call *call);
void iso_delete_bulk(struct call *call);
void iso_delete_bulk_item(struct call *call);
