#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Modes - states of an entity that a client can set (ISO 17978-3 7.16)
 */
#include "sovd-core/base/schema.h"

struct sovd_mode {
        const char *id, *name, *translation_id;
        struct sovd_strings tags;
        const struct cJSON *extra;
};
struct sovd_mode_list {
        struct sovd_list items; /* struct sovd_mode */
};
struct sovd_mode_detail {
        const char *id, *value, *name, *translation_id;
        const struct cJSON *schema, *extra;
};
struct sovd_mode_write {
        const struct cJSON *value;
        struct sovd_int mode_expiration; /* seconds; absent = the backend decides (defect D08) */
        const struct cJSON *key, *parameters; /* proof, of a mode that asks for one */
};
struct sovd_mode_set {
        const char *id;
        const struct cJSON *value;
        const struct cJSON *seed, *parameters; /* to make a proof of */
        const struct cJSON *schema, *extra;
};

extern const struct sovd_schema sovd_schema_mode, sovd_schema_mode_list, sovd_schema_mode_detail,
        sovd_schema_mode_write, sovd_schema_mode_set;
