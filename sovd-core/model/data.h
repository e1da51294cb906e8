#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Data - values of an entity (ISO 17978-3 7.9)
 */
#include "sovd-core/model/error_body.h"

struct sovd_data_item { /* ValueMetadata */
        const char *id, *name, *category, *translation_id;
        struct sovd_strings groups, tags;
        const char *description, *unit, *data_type, *access; /* of the native server's dialect */
        const struct cJSON *extra;
};
struct sovd_data_list {
        struct sovd_list items; /* struct sovd_data_item */
};
struct sovd_data_value { /* ReadValue */
        const char *id;
        const struct cJSON *data; /* never null */
        struct sovd_list errors;  /* struct sovd_data_error */
        const char *name, *unit;
        const struct cJSON *schema;
        const struct cJSON *extra;
};
struct sovd_data_write {
        const struct cJSON *data, *value; /* the standard's word and the native server's: one of them */
        const char *signature;
};

/* Which items a list shows; several values are OR-ed, the two kinds AND-ed. Empty = all. */
struct sovd_data_filter {
        struct sovd_strings groups, categories, tags;
};

extern const struct sovd_schema sovd_schema_data_item, sovd_schema_data_list, sovd_schema_data_value,
        sovd_schema_data_write;

bool sovd_data_filter_matches(const struct sovd_data_filter *filter, const struct sovd_data_item *item);

/* Is one of the wanted strings among those the element has? An empty `wanted` matches everything. */
bool sovd_strings_match(const struct sovd_strings *wanted, const struct sovd_strings *has);
