/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/data_lists.h"

#define LIST_OF(S, schema) \
        { .name = "items", .type = SOVD_FIELD_LIST, .offset = offsetof(struct S, items), .flags = SOVD_REQUIRED, \
          .of = &schema }

/* --- categories and groups ------------------------------------------------------------------------------ */

#define F(member) offsetof(struct sovd_data_category, member)
static const struct sovd_field category_fields[] = {
        { .name = "item", .type = SOVD_FIELD_STRING, .offset = F(item), .flags = SOVD_REQUIRED },
        { .name = "category_translation_id", .type = SOVD_FIELD_STRING, .offset = F(category_translation_id) },
        { 0 }
};
#undef F
static const struct sovd_schema category_schema = {
        .name = "DataCategory", .size = sizeof(struct sovd_data_category), .fields = category_fields,
};
static const struct sovd_field category_list_fields[] = { LIST_OF(sovd_data_category_list, category_schema), { 0 } };
const struct sovd_schema sovd_schema_data_category_list = {
        .name = "DataCategoryList", .size = sizeof(struct sovd_data_category_list), .fields = category_list_fields,
};

#define F(member) offsetof(struct sovd_data_group, member)
static const struct sovd_field group_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        { .name = "category", .type = SOVD_FIELD_STRING, .offset = F(category), .flags = SOVD_REQUIRED },
        { .name = "category_translation_id", .type = SOVD_FIELD_STRING, .offset = F(category_translation_id) },
        { .name = "group", .type = SOVD_FIELD_STRING, .offset = F(group), .doc = "Name for people." },
        { .name = "group_translation_id", .type = SOVD_FIELD_STRING, .offset = F(group_translation_id) },
        { .name = "tags", .type = SOVD_FIELD_STRINGS, .offset = F(tags) },
        { 0 }
};
#undef F
static const struct sovd_schema group_schema = {
        .name = "ValueGroup", .size = sizeof(struct sovd_data_group), .fields = group_fields,
        .extra = offsetof(struct sovd_data_group, extra),
};
static const struct sovd_field group_list_fields[] = { LIST_OF(sovd_data_group_list, group_schema), { 0 } };
const struct sovd_schema sovd_schema_data_group_list = {
        .name = "ValueGroupList", .size = sizeof(struct sovd_data_group_list), .fields = group_list_fields,
};

/* --- data lists ----------------------------------------------------------------------------------------- */

static const struct sovd_field request_fields[] = {
        { .name = "ids", .type = SOVD_FIELD_STRINGS, .offset = offsetof(struct sovd_data_list_request, ids),
          .flags = SOVD_REQUIRED, .doc = "Ids of data of the entity, each once." },
        { 0 }
};
const struct sovd_schema sovd_schema_data_list_request = {
        .name = "DataListRequest", .size = sizeof(struct sovd_data_list_request), .fields = request_fields,
};

static const struct sovd_field created_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_data_list_created, id),
          .flags = SOVD_REQUIRED },
        { 0 }
};
const struct sovd_schema sovd_schema_data_list_created = {
        .name = "DataListCreated", .size = sizeof(struct sovd_data_list_created), .fields = created_fields,
};

#define F(member) offsetof(struct sovd_data_list_entry, member)
static const struct sovd_field entry_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        LIST_OF(sovd_data_list_entry, sovd_schema_data_item),
        { .name = "tags", .type = SOVD_FIELD_STRINGS, .offset = F(tags), .doc = "Those of its members." },
        { 0 }
};
#undef F
static const struct sovd_schema entry_schema = {
        .name = "DataListEntry", .size = sizeof(struct sovd_data_list_entry), .fields = entry_fields,
};
static const struct sovd_field entries_fields[] = { LIST_OF(sovd_data_list_entries, entry_schema), { 0 } };
const struct sovd_schema sovd_schema_data_list_entries = {
        .name = "DataListEntries", .size = sizeof(struct sovd_data_list_entries), .fields = entries_fields,
};

static const struct sovd_field values_fields[] = {
        LIST_OF(sovd_data_list_values, sovd_schema_data_value),
        { .name = "schema", .type = SOVD_FIELD_JSON, .offset = offsetof(struct sovd_data_list_values, schema),
          .flags = SOVD_ANY_OBJECT },
        { 0 }
};
const struct sovd_schema sovd_schema_data_list_values = {
        .name = "DataListValues", .size = sizeof(struct sovd_data_list_values), .fields = values_fields,
};
