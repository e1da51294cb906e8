#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings of the data catalogue: the files of VSS, and which value is which signal
 */
#include "sovd-core/base/config.h"
#include "sovd-rest/data_catalog.h"

struct sovd_catalog_settings {
        const char *vss; /* or NULL */
        struct sovd_strings overlays;
        struct sovd_list map; /* struct sovd_catalog_mapping */
        struct sovd_number refresh, timeout;

        /* Of sovd_catalog_settings_check(). */
        struct sovd_vss *read; /* or NULL */
        const char *digest;
};
extern const struct sovd_schema sovd_schema_catalog_settings;

/* Reads the files, and puts the map in order; what is read lives as long as the arena. Returns why it cannot be, with the
 * place, or NULL. */
const char *sovd_catalog_settings_check(struct sovd_catalog_settings *settings,
                                        const struct sovd_config_tree *tree, struct sovd_arena *arena);

/* The options of the catalogue; the limit is left to the caller. */
void sovd_catalog_settings_options(const struct sovd_catalog_settings *settings,
                                   struct sovd_data_catalog_options *ret);
