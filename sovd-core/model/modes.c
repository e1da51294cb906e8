/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/modes.h"

#define F(member) offsetof(struct sovd_mode, member)
static const struct sovd_field mode_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name) },
        { .name = "translation_id", .type = SOVD_FIELD_STRING, .offset = F(translation_id) },
        { .name = "tags", .type = SOVD_FIELD_STRINGS, .offset = F(tags) },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_mode = {
        .name = "Mode", .size = sizeof(struct sovd_mode), .fields = mode_fields,
        .extra = offsetof(struct sovd_mode, extra),
};

static const struct sovd_field list_fields[] = {
        { .name = "items", .type = SOVD_FIELD_LIST, .offset = offsetof(struct sovd_mode_list, items),
          .flags = SOVD_REQUIRED, .of = &sovd_schema_mode },
        { 0 }
};
const struct sovd_schema sovd_schema_mode_list = {
        .name = "ModeList", .size = sizeof(struct sovd_mode_list), .fields = list_fields,
};

#define F(member) offsetof(struct sovd_mode_detail, member)
static const struct sovd_field detail_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id) },
        { .name = "value", .type = SOVD_FIELD_STRING, .offset = F(value), .flags = SOVD_REQUIRED },
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name) },
        { .name = "translation_id", .type = SOVD_FIELD_STRING, .offset = F(translation_id) },
        { .name = "schema", .type = SOVD_FIELD_JSON, .offset = F(schema), .flags = SOVD_ANY_OBJECT },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_mode_detail = {
        .name = "ModeDetails", .size = sizeof(struct sovd_mode_detail), .fields = detail_fields,
        .extra = offsetof(struct sovd_mode_detail, extra),
};

static const struct sovd_field write_fields[] = {
        { .name = "value", .type = SOVD_FIELD_JSON, .offset = offsetof(struct sovd_mode_write, value),
          .flags = SOVD_REQUIRED },
        { .name = "mode_expiration", .type = SOVD_FIELD_INT, .offset = offsetof(struct sovd_mode_write, mode_expiration),
          .min = 1, .max = INT32_MAX, .doc = "Seconds until the mode returns to its default." },
        { .name = "key", .type = SOVD_FIELD_JSON, .offset = offsetof(struct sovd_mode_write, key),
          .doc = "Answer to a seed that was asked for before: text, or an object with Send_Key." },
        { .name = "parameters", .type = SOVD_FIELD_JSON, .offset = offsetof(struct sovd_mode_write, parameters),
          .flags = SOVD_ANY_OBJECT, .doc = "What the mode asks for besides its value." },
        { 0 }
};
const struct sovd_schema sovd_schema_mode_write = {
        .name = "SetMode", .size = sizeof(struct sovd_mode_write), .fields = write_fields,
};

static const struct sovd_field set_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_mode_set, id),
          .flags = SOVD_REQUIRED },
        { .name = "value", .type = SOVD_FIELD_JSON, .offset = offsetof(struct sovd_mode_set, value),
          .flags = SOVD_REQUIRED },
        { .name = "seed", .type = SOVD_FIELD_JSON, .offset = offsetof(struct sovd_mode_set, seed),
          .doc = "When a seed was asked for." },
        { .name = "parameters", .type = SOVD_FIELD_JSON, .offset = offsetof(struct sovd_mode_set, parameters),
          .doc = "What the mode gives besides its value." },
        { .name = "schema", .type = SOVD_FIELD_JSON, .offset = offsetof(struct sovd_mode_set, schema),
          .flags = SOVD_ANY_OBJECT },
        { 0 }
};
const struct sovd_schema sovd_schema_mode_set = {
        .name = "ModeSet", .size = sizeof(struct sovd_mode_set), .fields = set_fields,
        .extra = offsetof(struct sovd_mode_set, extra),
};
