#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Catalogue files - what the configuration says of the faults of an entity
 *
 * An app brings its own catalogue, a file is the integrator's: where both name a code, each member that the file gives
 * wins, and the others are those of the app. `debounce` is one member.
 */
#include "fault-manager/catalog.h"

/* Reads the text of a file and checks it; *ret_json: what stands in it as JSON, in the arena. NULL when it is good, else
 * "file:line:column: key: why", also in the arena. */
const char *fm_catalog_file_read(const char *file, const char *text, size_t len, struct sovd_arena *arena,
                                 const char **ret_json);

/* What holds when a file and an app, both checked, name faults of the same entity; each may be NULL. *ret_left_out:
 * codes of the app that a closed file does not have. */
int fm_catalog_merge(const char *file_json, const char *app_json, struct sovd_arena *arena,
                     struct fm_catalog *ret, size_t *ret_left_out);
