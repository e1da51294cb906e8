/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/updates.h"

const char *const sovd_update_phase_names[] = { "prepare", "execute", NULL };
const char *const sovd_update_state_names[] = { "pending", "inProgress", "failed", "completed", NULL };
const char *const sovd_update_action_names[] = { "prepare", "execute", "automated", NULL };

static const struct sovd_field ids_fields[] = {
        { .name = "items", .type = SOVD_FIELD_STRINGS, .offset = offsetof(struct sovd_update_ids, items),
          .flags = SOVD_REQUIRED },
        { 0 }
};
const struct sovd_schema sovd_schema_update_ids = {
        .name = "UpdatePackageIds", .size = sizeof(struct sovd_update_ids), .fields = ids_fields,
};

static const struct sovd_field registered_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = offsetof(struct sovd_update_registered, id),
          .flags = SOVD_REQUIRED },
        { 0 }
};
const struct sovd_schema sovd_schema_update_registered = {
        .name = "UpdatePackageId", .size = sizeof(struct sovd_update_registered), .fields = registered_fields,
};

#define F(member)          offsetof(struct sovd_update_detail, member)
#define TEXT(word, member) { .name = word, .type = SOVD_FIELD_STRING, .offset = F(member) }
static const struct sovd_field detail_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = F(id) },
        { .name = "update_name", .type = SOVD_FIELD_STRING, .offset = F(update_name), .flags = SOVD_REQUIRED },
        { .name = "size", .type = SOVD_FIELD_INT, .offset = F(size), .flags = SOVD_REQUIRED, .doc = "In kB." },
        { .name = "automated", .type = SOVD_FIELD_BOOL, .offset = F(automated), .def = "false" },
        { .name = "origin", .type = SOVD_FIELD_STRINGS, .offset = F(origin),
          .doc = "remote, proximity or x-…; any when missing." },
        TEXT("update_translation_id", update_translation_id),
        TEXT("notes", notes),
        TEXT("notes_translation_id", notes_translation_id),
        TEXT("user_activity", user_activity),
        TEXT("user_activity_translation_id", user_activity_translation_id),
        TEXT("preconditions", preconditions),
        /* The standard's table spells the second one; clients look for either (defect D04). */
        TEXT("preconditions_translation_id", preconditions_translation_id),
        TEXT("preconditions_transaltion_id", preconditions_translation_id),
        TEXT("execution_conditions", execution_conditions),
        { .name = "duration", .type = SOVD_FIELD_INT, .offset = F(duration),
          .doc = "Seconds that the vehicle cannot be used." },
        { .name = "updated_components", .type = SOVD_FIELD_STRINGS, .offset = F(updated_components) },
        { .name = "affected_components", .type = SOVD_FIELD_STRINGS, .offset = F(affected_components) },
        { .name = "schema", .type = SOVD_FIELD_JSON, .offset = F(schema), .flags = SOVD_ANY_OBJECT },
        { 0 }
};
#undef F
#undef TEXT
const struct sovd_schema sovd_schema_update_detail = {
        .name = "UpdateDetail", .size = sizeof(struct sovd_update_detail), .fields = detail_fields,
        .extra = offsetof(struct sovd_update_detail, extra),
};

#define F(member) offsetof(struct sovd_update_part, member)
static const struct sovd_field part_fields[] = {
        { .name = "entity", .type = SOVD_FIELD_STRING, .offset = F(entity), .flags = SOVD_REQUIRED,
          .format = "uri-reference" },
        { .name = "status", .type = SOVD_FIELD_ENUM, .offset = F(status), .flags = SOVD_REQUIRED,
          .names = sovd_update_state_names },
        { .name = "progress", .type = SOVD_FIELD_INT, .offset = F(progress), .doc = "Percent." },
        { .name = "error", .type = SOVD_FIELD_OBJECT, .offset = F(error), .of = &sovd_schema_generic_error },
        { 0 }
};
#undef F
static const struct sovd_schema part_schema = {
        .name = "UpdateSubprogress", .size = sizeof(struct sovd_update_part), .fields = part_fields,
};

#define F(member) offsetof(struct sovd_update_status, member)
static const struct sovd_field status_fields[] = {
        { .name = "phase", .type = SOVD_FIELD_ENUM, .offset = F(phase), .flags = SOVD_REQUIRED,
          .names = sovd_update_phase_names },
        { .name = "status", .type = SOVD_FIELD_ENUM, .offset = F(status), .flags = SOVD_REQUIRED,
          .names = sovd_update_state_names },
        { .name = "progress", .type = SOVD_FIELD_INT, .offset = F(progress), .doc = "Percent." },
        { .name = "subprogress", .type = SOVD_FIELD_LIST, .offset = F(subprogress), .of = &part_schema },
        { .name = "step", .type = SOVD_FIELD_STRING, .offset = F(step) },
        { .name = "step_translation_id", .type = SOVD_FIELD_STRING, .offset = F(step_translation_id) },
        { .name = "error", .type = SOVD_FIELD_OBJECT, .offset = F(error), .of = &sovd_schema_generic_error },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_update_status = {
        .name = "UpdateStatus", .size = sizeof(struct sovd_update_status), .fields = status_fields,
        .extra = offsetof(struct sovd_update_status, extra),
};

/* The last '*' takes what is needed, so there is one place to go back to. */
bool sovd_version_matches(const char *pattern, const char *version) {
        const char *star = NULL, *resume = version;

        while (*version) {
                if (*pattern == '*') {
                        star = pattern++;
                        resume = version;
                } else if (*pattern == *version) {
                        pattern++;
                        version++;
                } else if (star) {
                        pattern = star + 1;
                        version = ++resume;
                } else
                        return false;
        }
        while (*pattern == '*')
                pattern++;
        return !*pattern;
}
