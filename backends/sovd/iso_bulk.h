#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect - bulk data, whose bytes pass through without being held, and communication logs
 */
#include "sovd-core/backend.h"

int iso_bulk_categories(struct sovd_call *call, const struct sovd_entity *e,
                        struct sovd_bulk_categories *ret);
int iso_bulk_list(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                  const struct sovd_bulk_filter *filter, struct sovd_bulk_list *ret);
int iso_bulk_open(struct sovd_call *call, const struct sovd_entity *e, const char *category, const char *id,
                  const struct sovd_bulk_wish *wish, struct sovd_bulk_content *ret);
int iso_bulk_write(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                   const struct sovd_bulk_upload *upload, struct sovd_bulk_created *ret);
int iso_bulk_delete(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                    const char *id);
int iso_bulk_delete_all(struct sovd_call *call, const struct sovd_entity *e, const char *category,
                        struct sovd_bulk_deleted *ret);

int iso_comm_logs_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_comm_log_ids *ret);
int iso_comm_log_create(struct sovd_call *call, const struct sovd_entity *e,
                        const struct sovd_comm_log_config *config, struct sovd_comm_log *ret);
int iso_comm_log_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                      struct sovd_comm_log *ret);
int iso_comm_log_control(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                         enum sovd_comm_log_action action);
int iso_comm_log_delete(struct sovd_call *call, const struct sovd_entity *e, const char *id, bool with_log);
