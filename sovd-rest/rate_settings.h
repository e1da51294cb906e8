#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings of rates - how often clients may ask, and how often their credentials may fail
 */
#include "sovd-auth/rate_limit.h"
#include "sovd-core/base/schema.h"

struct sovd_bucket_settings {
        struct sovd_number per_sec;
        struct sovd_int burst;
};
struct sovd_rate_settings {
        struct sovd_bucket_settings *per_address, *per_principal, *failures;
        struct sovd_strings exempt;
        struct sovd_int places;
};
extern const struct sovd_schema sovd_schema_rate_settings;

/* What the table cannot say: NULL, or why, with a JSON pointer from the section to what is meant (in the arena). */
const char *sovd_rate_settings_check(const struct sovd_rate_settings *settings, struct sovd_arena *arena,
                                     const char **ret_pointer);

struct sovd_rate sovd_rate_settings_rate(const struct sovd_bucket_settings *settings);
