#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect - scripts (ISO 17978-3 7.15)
 */
#include "sovd-core/backend.h"

int iso_scripts_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_script_list *ret);
int iso_script_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                    struct sovd_script_detail *ret);
int iso_script_upload(struct sovd_call *call, const struct sovd_entity *e,
                      const struct sovd_script_upload *upload, struct sovd_script_created *ret);
int iso_script_delete(struct sovd_call *call, const struct sovd_entity *e, const char *id);
int iso_script_start(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                     const struct sovd_script_start *start, struct sovd_script_started *ret);
int iso_script_executions_list(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                               struct sovd_execution_ids *ret);
int iso_script_execution_read(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                              const char *id, struct sovd_script_execution *ret);
int iso_script_execution_control(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                                 const char *id, enum sovd_script_action action);
int iso_script_execution_delete(struct sovd_call *call, const struct sovd_entity *e, const char *script,
                                const char *id);

#define ISO_SCRIPTS_OPS                                                                                      \
        .scripts_list = iso_scripts_list, .script_read = iso_script_read,                                    \
        .script_upload = iso_script_upload, .script_delete = iso_script_delete,                              \
        .script_start = iso_script_start, .script_executions_list = iso_script_executions_list,              \
        .script_execution_read = iso_script_execution_read,                                                  \
        .script_execution_control = iso_script_execution_control,                                            \
        .script_execution_delete = iso_script_execution_delete
