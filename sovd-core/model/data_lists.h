#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Data lists, data groups and data categories of an entity (ISO 17978-3 7.9)
 */
#include "sovd-core/model/data.h"

struct sovd_data_category { /* one element of data-categories */
        const char *item, *category_translation_id;
};
struct sovd_data_category_list {
        struct sovd_list items; /* struct sovd_data_category */
};

struct sovd_data_group { /* ValueGroup */
        const char *id, *category, *category_translation_id, *group, *group_translation_id;
        struct sovd_strings tags;
        const struct cJSON *extra;
};
struct sovd_data_group_list {
        struct sovd_list items; /* struct sovd_data_group */
};

struct sovd_data_list_request {
        struct sovd_strings ids;
};
struct sovd_data_list_created {
        const char *id;
};
struct sovd_data_list_entry { /* DataListEntry */
        const char *id;
        struct sovd_list items; /* struct sovd_data_item */
        struct sovd_strings tags;
};
struct sovd_data_list_entries {
        struct sovd_list items; /* struct sovd_data_list_entry */
};
struct sovd_data_list_values {
        struct sovd_list items; /* struct sovd_data_value */
        const struct cJSON *schema;
};

extern const struct sovd_schema sovd_schema_data_category_list, sovd_schema_data_group_list,
        sovd_schema_data_list_request, sovd_schema_data_list_created, sovd_schema_data_list_entries,
        sovd_schema_data_list_values;
