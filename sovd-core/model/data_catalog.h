#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Data catalogue - the values of all entities in one list, with what VSS says of them
 */
#include "sovd-core/model/data.h"

struct sovd_catalog_vss { /* a leaf of VSS */
        const char *path;
        int kind; /* enum sovd_vss_kind */
        const char *datatype, *unit, *description, *deprecation, *pattern;
        const struct cJSON *min, *max, *def, *allowed;
};
struct sovd_catalog_item {
        struct sovd_data_item data; /* first */
        const char *entity, *href;
        const struct cJSON *schema;   /* or NULL: not known */
        struct sovd_catalog_vss *vss; /* or NULL: no leaf belongs to it */
};
struct sovd_catalog_gap { /* an entity whose values could not be asked for */
        const char *entity, *href;
        const struct sovd_generic_error *error;
};
struct sovd_catalog_source {
        const char *version; /* or NULL */
        struct sovd_int leaves, mapped, unused;
};
struct sovd_data_catalog_page {
        const char *version;
        struct sovd_catalog_source *vss; /* or NULL: no file is configured */
        struct sovd_int total, left_out, incomplete_total;
        struct sovd_list items, incomplete;
};

extern const struct sovd_schema sovd_schema_data_catalog;
