/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/bulk_data.h"
#include "sovd-core/base/timestamp.h"
#include "sovd-core/model/data.h"

static const struct sovd_field categories_fields[] = { { .name = "items",
                                                         .type = SOVD_FIELD_STRINGS,
                                                         .offset =
                                                                 offsetof(struct sovd_bulk_categories, items),
                                                         .flags = SOVD_REQUIRED,
                                                         .doc = "Categories of bulk data." },
                                                       { 0 } };
const struct sovd_schema sovd_schema_bulk_categories = {
        .name = "BulkDataCategories",
        .size = sizeof(struct sovd_bulk_categories),
        .fields = categories_fields,
};

#define F(member) offsetof(struct sovd_bulk_item, member)
static const struct sovd_field item_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id), .flags = SOVD_REQUIRED },
        { .name = "mimetype", .type = SOVD_FIELD_STRING, .offset = F(mimetype), .flags = SOVD_REQUIRED },
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name) },
        { .name = "translation_id", .type = SOVD_FIELD_STRING, .offset = F(translation_id) },
        { .name = "size", .type = SOVD_FIELD_INT, .offset = F(size), .doc = "Bytes." },
        { .name = "creation_date",
          .type = SOVD_FIELD_STRING,
          .offset = F(creation_date),
          .format = "date-time" },
        { .name = "last_modified",
          .type = SOVD_FIELD_STRING,
          .offset = F(last_modified),
          .format = "date-time" },
        { .name = "hash",
          .type = SOVD_FIELD_STRING,
          .offset = F(hash),
          .doc = "Of the bytes, as hexadecimal digits." },
        { .name = "hash_algorithm",
          .type = SOVD_FIELD_STRING,
          .offset = F(hash_algorithm),
          .doc = "sha-256" },
        { .name = "tags", .type = SOVD_FIELD_STRINGS, .offset = F(tags) },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_bulk_item = {
        .name = "BulkDataDescriptor",
        .size = sizeof(struct sovd_bulk_item),
        .fields = item_fields,
        .extra = offsetof(struct sovd_bulk_item, extra),
};

static const struct sovd_field list_fields[] = { { .name = "items",
                                                   .type = SOVD_FIELD_LIST,
                                                   .offset = offsetof(struct sovd_bulk_list, items),
                                                   .flags = SOVD_REQUIRED,
                                                   .of = &sovd_schema_bulk_item },
                                                 { 0 } };
const struct sovd_schema sovd_schema_bulk_list = {
        .name = "BulkDataList",
        .size = sizeof(struct sovd_bulk_list),
        .fields = list_fields,
};

static const struct sovd_field created_fields[] = { { .name = "id",
                                                      .type = SOVD_FIELD_STRING,
                                                      .offset = offsetof(struct sovd_bulk_created, id),
                                                      .flags = SOVD_REQUIRED },
                                                    { 0 } };
const struct sovd_schema sovd_schema_bulk_created = {
        .name = "BulkDataCreated",
        .size = sizeof(struct sovd_bulk_created),
        .fields = created_fields,
};

static const struct sovd_field failure_fields[] = { { .name = "id",
                                                      .type = SOVD_FIELD_STRING,
                                                      .offset = offsetof(struct sovd_bulk_failure, id),
                                                      .flags = SOVD_REQUIRED },
                                                    { .name = "error",
                                                      .type = SOVD_FIELD_OBJECT,
                                                      .offset = offsetof(struct sovd_bulk_failure, error),
                                                      .flags = SOVD_REQUIRED,
                                                      .of = &sovd_schema_generic_error },
                                                    { 0 } };
const struct sovd_schema sovd_schema_bulk_failure = {
        .name = "BulkDataDeleteError",
        .size = sizeof(struct sovd_bulk_failure),
        .fields = failure_fields,
};

static const struct sovd_field deleted_fields[] = { { .name = "deleted_ids",
                                                      .type = SOVD_FIELD_STRINGS,
                                                      .offset =
                                                              offsetof(struct sovd_bulk_deleted, deleted_ids),
                                                      .flags = SOVD_REQUIRED },
                                                    { .name = "errors",
                                                      .type = SOVD_FIELD_LIST,
                                                      .offset = offsetof(struct sovd_bulk_deleted, errors),
                                                      .flags = SOVD_REQUIRED,
                                                      .of = &sovd_schema_bulk_failure,
                                                      .doc = "Items that could not be deleted, and why." },
                                                    { 0 } };
const struct sovd_schema sovd_schema_bulk_deleted = {
        .name = "BulkDataDeleted",
        .size = sizeof(struct sovd_bulk_deleted),
        .fields = deleted_fields,
};

bool sovd_bulk_filter_matches(const struct sovd_bulk_filter *filter, const struct sovd_bulk_item *item) {
        uint64_t created;

        if (!sovd_strings_match(&filter->tags, &item->tags))
                return false;
        if (!filter->created_after && filter->created_before == UINT64_MAX)
                return true;
        return item->creation_date && sovd_timestamp_parse(item->creation_date, &created) &&
               created > filter->created_after && created < filter->created_before;
}
