#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect - logs, clear-data, status and updates
 *
 * The ops are those of the contract (sovd-core/backend.h). The decoders are pure functions as in iso_decode.h.
 */
#include "backends/sovd/upstream.h"

int iso_log_entries(struct sovd_call *call, const struct sovd_entity *e, int least, struct sovd_log_list *ret);
int iso_log_config_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_log_config *ret);
int iso_log_config_write(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_log_config *config);
int iso_log_config_reset(struct sovd_call *call, const struct sovd_entity *e);

int iso_clear_data_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_clear_support *ret);
int iso_clear_data_start(struct sovd_call *call, const struct sovd_entity *e, enum sovd_clear_type type);
int iso_clear_data_status(struct sovd_call *call, const struct sovd_entity *e, struct sovd_clear_status *ret);

int iso_status_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_entity_status *ret);
int iso_status_control(struct sovd_call *call, const struct sovd_entity *e, enum sovd_status_action action,
                       const struct cJSON *parameters);

int iso_updates_list(struct sovd_call *call, struct sovd_backend *backend, const struct sovd_update_filter *filter,
                     struct sovd_update_ids *ret);
int iso_update_read(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                    struct sovd_update_detail *ret);
int iso_update_status(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                      struct sovd_update_status *ret);
int iso_update_control(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                       enum sovd_update_action action);
int iso_update_register(struct sovd_call *call, struct sovd_backend *backend, const char *content_type,
                        const char *body, size_t len, struct sovd_update_registered *ret);
int iso_update_delete(struct sovd_call *call, struct sovd_backend *backend, const char *id);

/* Entries of severity `least` or worse; a file's reference becomes ours, or is left out. */
int iso_decode_log_entries(struct sovd_call *call, const struct sovd_entity *e, struct cJSON *json, int least,
                           struct sovd_log_list *ret);
int iso_decode_clear_status(struct sovd_call *call, struct cJSON *json, struct sovd_clear_status *ret);
int iso_decode_status(struct sovd_call *call, const struct cJSON *json, struct sovd_entity_status *ret);

/* "https://ecu/sovd/v1/components/x" as "components/x"; what names no entity stays as it is. -ENOMEM: NULL. */
const char *iso_entity_ref(struct sovd_arena *arena, const char *uri);
