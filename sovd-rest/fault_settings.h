#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings of faults - catalogue files of entities
 *
 * Part of the composition root: it sees the fault manager and the apps.
 */
#include "backends/native/native_backend.h"

struct fm_sink;
struct sovd_config_tree;

struct sovd_fault_catalog_settings {
        const char *entity, *file;
        const char *json; /* what is in the file, as it was checked */
};
struct sovd_fault_settings {
        struct sovd_list catalogs; /* struct sovd_fault_catalog_settings */
};
extern const struct sovd_schema sovd_schema_faults_settings;

/* Checks the section and reads its files. NULL, or "file:line:column: key: why" in the arena. native: who can report;
 * may be NULL. */
const char *sovd_fault_settings_check(struct sovd_fault_settings *settings,
                                      const struct sovd_native_options *native,
                                      const struct sovd_config_tree *tree, struct sovd_arena *arena);

/* Puts the catalogues of checked settings into force. What fails is logged. */
int sovd_fault_settings_apply(const struct sovd_fault_settings *settings, struct fm_sink *sink);
