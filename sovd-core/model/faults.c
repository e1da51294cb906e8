/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/model/faults.h"
#include "sovd-core/model/data.h"
#include <cjson/cJSON.h>
#include <strings.h>

#define F(member) offsetof(struct sovd_fault, member)
static const struct sovd_field fault_fields[] = {
        { .name = "code", .type = SOVD_FIELD_STRING, .offset = F(code), .flags = SOVD_REQUIRED },
        { .name = "fault_name", .type = SOVD_FIELD_STRING, .offset = F(fault_name), .flags = SOVD_REQUIRED },
        { .name = "scope", .type = SOVD_FIELD_STRING, .offset = F(scope), .doc = "The fault memory." },
        { .name = "display_code", .type = SOVD_FIELD_STRING, .offset = F(display_code) },
        { .name = "fault_translation_id", .type = SOVD_FIELD_STRING, .offset = F(fault_translation_id) },
        { .name = "severity", .type = SOVD_FIELD_INT, .offset = F(severity),
          .doc = "1 fatal, 2 error, 3 warning, 4 information; lower is worse." },
        { .name = "status", .type = SOVD_FIELD_JSON, .offset = F(status), .flags = SOVD_ANY_OBJECT },
        { .name = "symptom", .type = SOVD_FIELD_STRING, .offset = F(symptom) },
        { .name = "symptom_translation_id", .type = SOVD_FIELD_STRING, .offset = F(symptom_translation_id) },
        { .name = "tags", .type = SOVD_FIELD_STRINGS, .offset = F(tags) },
        { .name = "description", .type = SOVD_FIELD_STRING, .offset = F(description) },
        { .name = "entity", .type = SOVD_FIELD_STRING, .offset = F(entity),
          .doc = "Whose fault it is; in lists of the whole vehicle." },
        { .name = "x-gw-first-occurrence", .type = SOVD_FIELD_STRING, .offset = F(first_occurrence),
          .format = "date-time", .doc = "Since the last clear; of faults that the gateway keeps, as the next two." },
        { .name = "x-gw-last-occurrence", .type = SOVD_FIELD_STRING, .offset = F(last_occurrence),
          .format = "date-time" },
        { .name = "x-gw-occurrences", .type = SOVD_FIELD_INT, .offset = F(occurrences) },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_fault = {
        .name = "Fault", .size = sizeof(struct sovd_fault), .fields = fault_fields,
        .extra = offsetof(struct sovd_fault, extra),
};

static const struct sovd_field list_fields[] = {
        { .name = "items", .type = SOVD_FIELD_LIST, .offset = offsetof(struct sovd_fault_list, items),
          .flags = SOVD_REQUIRED, .of = &sovd_schema_fault },
        { 0 }
};
const struct sovd_schema sovd_schema_fault_list = {
        .name = "FaultList", .size = sizeof(struct sovd_fault_list), .fields = list_fields,
};

#define F(member) offsetof(struct sovd_fault_detail, member)
static const struct sovd_field detail_fields[] = {
        { .name = "item", .type = SOVD_FIELD_OBJECT, .offset = F(item), .flags = SOVD_REQUIRED,
          .of = &sovd_schema_fault },
        { .name = "environment_data", .type = SOVD_FIELD_JSON, .offset = F(environment_data),
          .doc = "Freeze frames and extended data of the fault." },
        { .name = "errors", .type = SOVD_FIELD_LIST, .offset = F(errors), .of = &sovd_schema_data_error },
        { .name = "schema", .type = SOVD_FIELD_JSON, .offset = F(schema), .flags = SOVD_ANY_OBJECT },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_fault_detail = {
        .name = "FaultDetails", .size = sizeof(struct sovd_fault_detail), .fields = detail_fields,
};

static const char *const change_names[] = { "failed", "passed", "confirmed", "aged", "changed", "cleared", "restored", "present", NULL };

#define F(member) offsetof(struct sovd_fault_event, member)
static const struct sovd_field event_fields[] = {
        { .name = "timestamp", .type = SOVD_FIELD_STRING, .offset = F(timestamp), .flags = SOVD_REQUIRED,
          .format = "date-time", .doc = "When it happened; of a present fault, its last occurrence." },
        { .name = "entity", .type = SOVD_FIELD_STRING, .offset = F(entity),
          .format = "uri-reference", .doc = "Whose fault it is, seen from the base of the API; none: of all." },
        { .name = "change", .type = SOVD_FIELD_ENUM, .offset = F(change), .flags = SOVD_REQUIRED, .names = change_names,
          .doc = "What happened last." },
        { .name = "scope", .type = SOVD_FIELD_STRING, .offset = F(scope),
          .doc = "The fault memory that was cleared; none: all of the entity." },
        { .name = "merged", .type = SOVD_FIELD_INT, .offset = F(merged), .min = 1, .max = UINT32_MAX,
          .doc = "Further changes of the fault since the event before, which came too fast to be told one by one." },
        { .name = "fault", .type = SOVD_FIELD_OBJECT, .offset = F(fault), .of = &sovd_schema_fault,
          .doc = "The fault as it is now; none: all were cleared." },
        { 0 }
};
#undef F
const struct sovd_schema sovd_schema_fault_event = {
        .name = "FaultEvent", .size = sizeof(struct sovd_fault_event), .fields = event_fields,
};

#define F(member) offsetof(struct sovd_fault_past, member)
static const struct sovd_field past_fields[] = {
        { .name = "id", .type = SOVD_FIELD_INT, .offset = F(id), .flags = SOVD_REQUIRED,
          .doc = "Grows from event to event, and is that of the event in streams." },
        { .name = "freeze_frame", .type = SOVD_FIELD_JSON, .offset = F(freeze_frame), .flags = SOVD_ANY_OBJECT,
          .doc = "What was captured with this occurrence." },
        { 0 }
};
#undef F
static const struct sovd_schema past_schema = {
        .name = "FaultPast", .size = sizeof(struct sovd_fault_past), .fields = past_fields,
        .base = &sovd_schema_fault_event,
};
static const struct sovd_field history_fields[] = {
        { .name = "items", .type = SOVD_FIELD_LIST, .offset = offsetof(struct sovd_fault_history, items),
          .flags = SOVD_REQUIRED, .of = &past_schema },
        { 0 }
};
const struct sovd_schema sovd_schema_fault_history = {
        .name = "FaultHistory", .size = sizeof(struct sovd_fault_history), .fields = history_fields,
};

/* The body is what was told then, byte by byte; the members that it lacks come before it. */
void sovd_fault_past_write(const struct sovd_fault_past *past, struct sovd_json_writer *w) {
        static const char frame[] = "\"freeze_frame\":";

        sovd_json_rawf(w, "{\"id\":%lld,", (long long)past->id.value);
        if (past->frame) {
                sovd_json_raw(w, frame, strlen(frame));
                sovd_json_raw(w, past->frame, strlen(past->frame));
                sovd_json_raw(w, ",", 1);
        }
        sovd_json_raw(w, past->body + 1, strlen(past->body) - 1);
}

static const char *canonical(const char *value) {
        if (strcasecmp(value, "true") == 0)
                return "1";
        return strcasecmp(value, "false") == 0 ? "0" : value;
}

bool sovd_status_value_equals(const char *have, const char *want) {
        return strcasecmp(canonical(have), canonical(want)) == 0;
}

static bool value_equals(const cJSON *have, const char *want) {
        if (cJSON_IsString(have) || (cJSON_IsNumber(have) && have->valuestring))
                return sovd_status_value_equals(have->valuestring, want);
        if (cJSON_IsBool(have))
                return strcmp(canonical(want), cJSON_IsTrue(have) ? "1" : "0") == 0;
        return false;
}

static bool status_matches(const struct sovd_fault_filter *filter, const cJSON *status) {
        const cJSON *member;

        for (size_t i = 0; i < filter->n_status; i++)
                cJSON_ArrayForEach(member, status)
                        if (strcasecmp(member->string, filter->status_keys[i]) == 0 &&
                            value_equals(member, filter->status_values[i]))
                                return true;
        return filter->n_status == 0;
}

bool sovd_fault_filter_matches(const struct sovd_fault_filter *filter, const struct sovd_fault *fault) {
        if (filter->severity.set && !(fault->severity.set && fault->severity.value < filter->severity.value))
                return false;
        if (filter->scope && fault->scope && strcmp(filter->scope, fault->scope) != 0)
                return false;
        return status_matches(filter, fault->status) && sovd_strings_match(&filter->tags, &fault->tags);
}
