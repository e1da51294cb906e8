#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings of locks - which collections are changed with a lock only, and whose locks may be broken
 */
#include "sovd-core/base/schema.h"

struct sovd_locks;

struct sovd_lock_entity_settings {
        const char *entity; /* "components/bms" */
        struct sovd_strings required;
        struct sovd_bool breakable;
};
struct sovd_lock_settings {
        struct sovd_strings required;
        struct sovd_bool breakable;
        struct sovd_list entities; /* struct sovd_lock_entity_settings */
};
extern const struct sovd_schema sovd_schema_locks_settings;

/* What the table cannot say: NULL, or why, with a JSON pointer from the section to what is meant (in the arena). */
const char *sovd_lock_settings_check(const struct sovd_lock_settings *settings, struct sovd_arena *arena,
                                     const char **ret_pointer);

/* Makes them hold. -ENOMEM: the old ones stay. */
int sovd_lock_settings_apply(const struct sovd_lock_settings *settings, struct sovd_locks *locks);
