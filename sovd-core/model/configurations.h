#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Configurations of an entity (ISO 17978-3 7.12); a value is read and written like data (data.h)
 */
#include "sovd-core/base/schema.h"

struct sovd_configuration { /* ConfigurationMetaData */
        const char *id, *name;
        int type; /* position in sovd_configuration_type_names + 1 */
        const char *translation_id, *version, *content_type;
        struct sovd_strings tags;
        const struct cJSON *extra;
};
struct sovd_configuration_list {
        struct sovd_list items; /* struct sovd_configuration */
};

/* The content of a bulk configuration. */
struct sovd_configuration_bytes {
        const char *content_type; /* NULL = it is of type parameter, and its value is JSON */
        const char *bytes;
        size_t len;
};

enum sovd_configuration_type { SOVD_CONFIGURATION_BULK = 1, SOVD_CONFIGURATION_PARAMETER };
extern const char *const sovd_configuration_type_names[];
extern const struct sovd_schema sovd_schema_configuration, sovd_schema_configuration_list;
