/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/error_body.h"

#define F(member) offsetof(struct sovd_generic_error, member)
static const struct sovd_field generic_error_fields[] = {
        { .name = "error_code", .type = SOVD_FIELD_STRING, .offset = F(error_code), .flags = SOVD_REQUIRED,
          .doc = "One of the standard's codes; vendor-specific when none fits." },
        { .name = "message", .type = SOVD_FIELD_STRING, .offset = F(message), .flags = SOVD_REQUIRED,
          .doc = "What is wrong, for a person; names the member, the limit or the state." },
        { .name = "vendor_code", .type = SOVD_FIELD_STRING, .offset = F(vendor_code),
          .doc = "Present when error_code is vendor-specific." },
        { .name = "translation_id", .type = SOVD_FIELD_STRING, .offset = F(translation_id) },
        { .name = "parameters", .type = SOVD_FIELD_JSON, .offset = F(parameters), .flags = SOVD_ANY_OBJECT,
          .doc = "Details as names and values." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_generic_error = {
        .name = "GenericError", .size = sizeof(struct sovd_generic_error), .fields = generic_error_fields,
        .doc = "The answer of every request that fails.",
};

static const struct sovd_field data_error_fields[] = {
        { .name = "path", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_data_error, path),
          .flags = SOVD_REQUIRED, .format = "json-pointer", .doc = "The faulty element." },
        { .name = "error", .type = SOVD_FIELD_OBJECT, .offset = offsetof(struct sovd_data_error, error),
          .of = &sovd_schema_generic_error },
        { 0 }
};
const struct sovd_schema sovd_schema_data_error = {
        .name = "DataError", .size = sizeof(struct sovd_data_error), .fields = data_error_fields,
};
