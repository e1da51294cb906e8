/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/data_catalog.h"
#include "sovd-core/vss.h"

#define TEXT(word, place, sentence)                                                                          \
        { .name = word, .type = SOVD_FIELD_STRING, .offset = F(place), .doc = sentence }
#define JSON(word, place, sentence)                                                                          \
        { .name = word, .type = SOVD_FIELD_JSON, .offset = F(place), .doc = sentence }
#define COUNT(word, place, bits, sentence)                                                                   \
        { .name = word, .type = SOVD_FIELD_INT, .offset = F(place), .flags = bits, .doc = sentence }

#define F(member) offsetof(struct sovd_catalog_vss, member)
static const struct sovd_field vss_fields[] = {
        { .name = "path",
          .type = SOVD_FIELD_STRING,
          .offset = F(path),
          .flags = SOVD_REQUIRED,
          .doc = "Vehicle.Speed" },
        { .name = "type",
          .type = SOVD_FIELD_ENUM,
          .offset = F(kind),
          .flags = SOVD_REQUIRED,
          .names = sovd_vss_kind_names },
        { .name = "datatype", .type = SOVD_FIELD_STRING, .offset = F(datatype), .flags = SOVD_REQUIRED },
        TEXT("unit", unit, NULL),
        TEXT("description", description, NULL),
        TEXT("deprecation", deprecation, "Since when it should not be used any more, and what instead."),
        TEXT("pattern", pattern, NULL),
        JSON("min", min, NULL),
        JSON("max", max, NULL),
        JSON("default", def, NULL),
        JSON("allowed", allowed, NULL),
        { 0 }
};
#undef F
static const struct sovd_schema vss_schema = { .name = "VssLeaf",
                                               .size = sizeof(struct sovd_catalog_vss),
                                               .fields = vss_fields };

#define F(member) offsetof(struct sovd_catalog_item, member)
static const struct sovd_field item_fields[] = {
        { .name = "entity",
          .type = SOVD_FIELD_STRING,
          .offset = F(entity),
          .flags = SOVD_REQUIRED,
          .doc = "Whose value it is: components/bms." },
        { .name = "href",
          .type = SOVD_FIELD_STRING,
          .offset = F(href),
          .flags = SOVD_REQUIRED,
          .format = "uri-reference",
          .doc = "Where the value is read." },
        { .name = "schema",
          .type = SOVD_FIELD_JSON,
          .offset = F(schema),
          .flags = SOVD_ANY_OBJECT,
          .doc = "Schema of the value: of its backend, completed from VSS when it says no type." },
        { .name = "vss",
          .type = SOVD_FIELD_OBJECT,
          .offset = F(vss),
          .of = &vss_schema,
          .doc = "What the Vehicle Signal Specification says of it." },
        { 0 }
};
#undef F
static const struct sovd_schema item_schema = { .name = "DataCatalogItem",
                                                .size = sizeof(struct sovd_catalog_item),
                                                .fields = item_fields,
                                                .base = &sovd_schema_data_item };

#define F(member) offsetof(struct sovd_catalog_gap, member)
static const struct sovd_field gap_fields[] = {
        { .name = "entity", .type = SOVD_FIELD_STRING, .offset = F(entity), .flags = SOVD_REQUIRED },
        { .name = "href",
          .type = SOVD_FIELD_STRING,
          .offset = F(href),
          .flags = SOVD_REQUIRED,
          .format = "uri-reference" },
        { .name = "error",
          .type = SOVD_FIELD_OBJECT,
          .offset = F(error),
          .flags = SOVD_REQUIRED,
          .of = &sovd_schema_generic_error },
        { 0 }
};
#undef F
static const struct sovd_schema gap_schema = { .name = "DataCatalogGap",
                                               .size = sizeof(struct sovd_catalog_gap),
                                               .fields = gap_fields };

#define F(member) offsetof(struct sovd_catalog_source, member)
static const struct sovd_field source_fields[] = {
        TEXT("version", version, "As Vehicle.VersionVSS has it."),
        COUNT("leaves", leaves, SOVD_REQUIRED, "Leaves that the files have."),
        COUNT("mapped", mapped, SOVD_REQUIRED, "Values of entities that a leaf belongs to."),
        COUNT("unused", unused, 0, "Entries of catalog.map whose value no entity has now; for clients that see all of the vehicle."),
        { 0 }
};
#undef F
static const struct sovd_schema source_schema = { .name = "VssSource",
                                                  .size = sizeof(struct sovd_catalog_source),
                                                  .fields = source_fields };

#define F(member) offsetof(struct sovd_data_catalog_page, member)
static const struct sovd_field page_fields[] = {
        { .name = "version",
          .type = SOVD_FIELD_STRING,
          .offset = F(version),
          .flags = SOVD_REQUIRED,
          .doc = "Differs when anything in the whole catalogue does." },
        { .name = "vss", .type = SOVD_FIELD_OBJECT, .offset = F(vss), .of = &source_schema },
        COUNT("total", total, SOVD_REQUIRED, "Items on all pages."),
        { .name = "items",
          .type = SOVD_FIELD_LIST,
          .offset = F(items),
          .flags = SOVD_REQUIRED,
          .of = &item_schema },
        { .name = "incomplete",
          .type = SOVD_FIELD_LIST,
          .offset = F(incomplete),
          .of = &gap_schema,
          .doc = "Entities whose values could not be asked for; the first 100." },
        COUNT("incomplete_total", incomplete_total, SOVD_REQUIRED, "How many they are."),
        COUNT("left_out", left_out, 0, "Values that are not listed: over limits.catalog_items."),
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_data_catalog = { .name = "DataCatalog",
                                                      .size = sizeof(struct sovd_data_catalog_page),
                                                      .fields = page_fields };
