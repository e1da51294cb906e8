/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/configurations.h"

const char *const sovd_configuration_type_names[] = { "bulk", "parameter", NULL };

#define F(member) offsetof(struct sovd_configuration, member)
static const struct sovd_field configuration_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name), .flags = SOVD_REQUIRED },
        { .name = "type", .type = SOVD_FIELD_ENUM, .offset = F(type), .flags = SOVD_REQUIRED,
          .names = sovd_configuration_type_names },
        { .name = "translation_id", .type = SOVD_FIELD_STRING, .offset = F(translation_id) },
        { .name = "version", .type = SOVD_FIELD_STRING, .offset = F(version), .doc = "Of a bulk configuration." },
        { .name = "content_type", .type = SOVD_FIELD_STRING, .offset = F(content_type) },
        { .name = "tags", .type = SOVD_FIELD_STRINGS, .offset = F(tags) },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_configuration = {
        .name = "ConfigurationMetaData", .size = sizeof(struct sovd_configuration), .fields = configuration_fields,
        .extra = offsetof(struct sovd_configuration, extra),
};

static const struct sovd_field list_fields[] = {
        { .name = "items", .type = SOVD_FIELD_LIST, .offset = offsetof(struct sovd_configuration_list, items),
          .flags = SOVD_REQUIRED, .of = &sovd_schema_configuration },
        { 0 }
};
const struct sovd_schema sovd_schema_configuration_list = {
        .name = "ConfigurationList", .size = sizeof(struct sovd_configuration_list), .fields = list_fields,
};
