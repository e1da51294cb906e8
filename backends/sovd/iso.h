#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect, inside - what its files share
 */
#include "backends/sovd/upstream.h"

/* PUTs {"data": value} to the resource of u in this collection. */
int iso_write_value(struct upstream *u, const char *collection, const struct cJSON *value,
                    const char *signature);

/* iso_configurations.c */
int iso_configurations_list(struct sovd_call *call, const struct sovd_entity *e,
                            struct sovd_configuration_list *ret);
int iso_configuration_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                           struct sovd_data_value *ret, struct sovd_configuration_bytes *ret_bytes);
int iso_configuration_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                            const struct cJSON *value, const char *signature);
int iso_configuration_write_bytes(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                                  const struct sovd_configuration_bytes *bytes);
int iso_configuration_reset(struct sovd_call *call, const struct sovd_entity *e, const char *id);
