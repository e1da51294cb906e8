#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Error bodies - GenericError (ISO 17978-3 Table 16) and DataError (Table 17)
 */
#include "sovd-core/base/schema.h"

struct sovd_generic_error {
        const char *error_code;
        const char *message;
        const char *vendor_code;
        const char *translation_id;
        const struct cJSON *parameters;
};

struct sovd_data_error {
        const char *path; /* JSON pointer to the faulty element */
        struct sovd_generic_error *error;
};

extern const struct sovd_schema sovd_schema_generic_error;
extern const struct sovd_schema sovd_schema_data_error;
