/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/data.h"

#define F(member) offsetof(struct sovd_data_item, member)
static const struct sovd_field item_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name), .flags = SOVD_REQUIRED },
        { .name = "category", .type = SOVD_FIELD_STRING, .offset = F(category), .flags = SOVD_REQUIRED,
          .doc = "identData, currentData, storedData, sysInfo, or x-<ext>-…" },
        { .name = "translation_id", .type = SOVD_FIELD_STRING, .offset = F(translation_id) },
        { .name = "groups", .type = SOVD_FIELD_STRINGS, .offset = F(groups) },
        { .name = "tags", .type = SOVD_FIELD_STRINGS, .offset = F(tags) },
        { .name = "description", .type = SOVD_FIELD_STRING, .offset = F(description) },
        { .name = "unit", .type = SOVD_FIELD_STRING, .offset = F(unit) },
        { .name = "dataType", .type = SOVD_FIELD_STRING, .offset = F(data_type) },
        { .name = "access", .type = SOVD_FIELD_STRING, .offset = F(access), .doc = "readOnly, readWrite or writeOnly" },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_data_item = {
        .name = "ValueMetadata", .size = sizeof(struct sovd_data_item), .fields = item_fields,
        .extra = offsetof(struct sovd_data_item, extra),
};

static const struct sovd_field list_fields[] = {
        { .name = "items", .type = SOVD_FIELD_LIST, .offset = offsetof(struct sovd_data_list, items),
          .flags = SOVD_REQUIRED, .of = &sovd_schema_data_item },
        { 0 }
};
const struct sovd_schema sovd_schema_data_list = {
        .name = "DataList", .size = sizeof(struct sovd_data_list), .fields = list_fields,
};

#define F(member) offsetof(struct sovd_data_value, member)
static const struct sovd_field value_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        { .name = "data", .type = SOVD_FIELD_JSON, .offset = F(data), .flags = SOVD_REQUIRED,
          .doc = "The value, as the backend gave it." },
        { .name = "errors", .type = SOVD_FIELD_LIST, .offset = F(errors), .of = &sovd_schema_data_error,
          .doc = "Present when the value, or a part of it, is erroneous." },
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name) },
        { .name = "unit", .type = SOVD_FIELD_STRING, .offset = F(unit) },
        { .name = "schema", .type = SOVD_FIELD_JSON, .offset = F(schema), .flags = SOVD_ANY_OBJECT },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_data_value = {
        .name = "ReadValue", .size = sizeof(struct sovd_data_value), .fields = value_fields,
        .extra = offsetof(struct sovd_data_value, extra),
};

static const struct sovd_field write_fields[] = {
        { .name = "data", .type = SOVD_FIELD_JSON, .offset = offsetof(struct sovd_data_write, data),
          .doc = "The new value; it replaces the whole value." },
        { .name = "value", .type = SOVD_FIELD_JSON, .offset = offsetof(struct sovd_data_write, value),
          .doc = "The same under the native server's name. Exactly one of data and value is given." },
        { .name = "signature", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_data_write, signature) },
        { 0 }
};
const struct sovd_schema sovd_schema_data_write = {
        .name = "WriteValue", .size = sizeof(struct sovd_data_write), .fields = write_fields,
};

bool sovd_strings_match(const struct sovd_strings *wanted, const struct sovd_strings *has) {
        for (size_t i = 0; i < wanted->n; i++)
                for (size_t k = 0; k < has->n; k++)
                        if (strcmp(wanted->items[i], has->items[k]) == 0)
                                return true;
        return wanted->n == 0;
}

bool sovd_data_filter_matches(const struct sovd_data_filter *filter, const struct sovd_data_item *item) {
        const struct sovd_strings category = { .items = (const char *[]){ item->category }, .n = 1 };

        return sovd_strings_match(&filter->groups, &item->groups) &&
               sovd_strings_match(&filter->categories, &category) && sovd_strings_match(&filter->tags, &item->tags);
}
