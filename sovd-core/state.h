#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * State - the tables of the one database file, in the order in which they came to be
 *
 * Step n of the list leads a file from version n to n + 1. A step that was released never changes.
 */
#include "sovd-core/base/db.h"

#define SOVD_STATE_APPLICATION_ID UINT32_C(0x534f5644) /* "SOVD" */

extern const char *const sovd_state_migrations[]; /* ends with NULL */

/* Opens the file state.db in a folder (NULL = in memory), and logs why it cannot. A damaged file is kept beside it under
 * another name, and an empty one begun: *ret_aside is its path then (the caller's), else NULL. It may be NULL. -EBUSY: another
 * process has the folder. */
int sovd_state_open(struct sovd_db **ret, const char *folder, char **ret_aside);
