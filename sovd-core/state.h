#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * State - the tables of the one database file, in the order in which they came to be
 *
 * Step n of the list leads a file from version n to n + 1. A step that was released never changes.
 */
#include <stdint.h>

#define SOVD_STATE_APPLICATION_ID UINT32_C(0x534f5644) /* "SOVD" */

extern const char *const sovd_state_migrations[]; /* ends with NULL */
