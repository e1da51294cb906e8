/* SPDX-License-Identifier: Apache-2.0 */
/* Environment data of a fault: the standard leaves their shape open (ISO 17978-3 7.8), this table says ours. */
#include "fault-manager/fault_manager.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>

struct occurrence {
        const char *timestamp;
        struct sovd_int cycle;
        const struct cJSON *frame;
};
struct cycle {
        const char *kind;
        struct sovd_int number;
};
struct progress {
        struct sovd_int counter, threshold;
};
struct catalog {
        const char *id, *version;
};
struct ignored {
        struct sovd_int limited, disabled;
};
struct environment {
        struct occurrence *first, *last;
        struct sovd_int occurrences, failed_cycles, passed_cycles;
        struct cycle *cycle;
        struct progress *healing, *aging;
        struct catalog *catalog;
        struct ignored *ignored;
};

/* clang-format off */
#define INT(word, owner, member, sentence) \
        { .name = word, .type = SOVD_FIELD_INT, .offset = offsetof(struct owner, member), .doc = sentence }
#define STRING(word, owner, member, sentence) \
        { .name = word, .type = SOVD_FIELD_STRING, .offset = offsetof(struct owner, member), .doc = sentence }
#define SCHEMA(word) \
        static const struct sovd_schema word##_schema = { .name = #word, .size = sizeof(struct word), .fields = word##_fields }
static const struct sovd_field occurrence_fields[] = {
        { .name = "timestamp", .type = SOVD_FIELD_STRING, .offset = offsetof(struct occurrence, timestamp),
          .flags = SOVD_REQUIRED, .format = "date-time", .doc = "When the test failed." },
        INT("cycle", occurrence, cycle, "Number of the operation cycle."),
        { .name = "freeze_frame", .type = SOVD_FIELD_JSON, .offset = offsetof(struct occurrence, frame),
          .flags = SOVD_ANY_OBJECT, .doc = "What the app told with its report." },
        { 0 }
};
SCHEMA(occurrence);
static const struct sovd_field cycle_fields[] = {
        STRING("kind", cycle, kind, "The kind of operation cycles that counts for this fault."),
        INT("number", cycle, number, "Number of the present one."),
        { 0 }
};
SCHEMA(cycle);
static const struct sovd_field progress_fields[] = {
        INT("counter", progress, counter, "Cycles so far in which the test ran and only passed."),
        INT("threshold", progress, threshold, "Cycles that it takes."),
        { 0 }
};
SCHEMA(progress);
static const struct sovd_field catalog_fields[] = {
        STRING("id", catalog, id, "Name of the catalogue that the fault stands in."),
        STRING("version", catalog, version, "Its version."),
        { 0 }
};
SCHEMA(catalog);
static const struct sovd_field ignored_fields[] = {
        INT("limited", ignored, limited, "Over a limit."),
        INT("disabled", ignored, disabled, "While an enabling condition was off."),
        { 0 }
};
SCHEMA(ignored);

#define OBJECT(word, member, schema, sentence) \
        { .name = word, .type = SOVD_FIELD_OBJECT, .offset = offsetof(struct environment, member), .of = &schema, .doc = sentence }
static const struct sovd_field environment_fields[] = {
        OBJECT("first_occurrence", first, occurrence_schema, "The first failure since the last clear."),
        OBJECT("last_occurrence", last, occurrence_schema, "The last one."),
        INT("occurrences", environment, occurrences, "How often the test went from not failed to failed."),
        INT("failed_cycles", environment, failed_cycles, "Cycles with a failure, in a row."),
        INT("passed_cycles", environment, passed_cycles, "Cycles since the last failure in which the test ran and only passed."),
        OBJECT("cycle", cycle, cycle_schema, "Operation cycles."),
        OBJECT("healing", healing, progress_schema, "Until the warning indicator goes out; missing: it has none."),
        OBJECT("aging", aging, progress_schema, "Until it is not confirmed any more; missing: it stays."),
        OBJECT("catalog", catalog, catalog_schema, "Where the fault is defined."),
        OBJECT("reports_ignored", ignored, ignored_schema, "Reports since the start of the gateway that were not judged."),
        { 0 }
};
static const struct sovd_schema environment_schema = { .name = "FaultEnvironment", .size = sizeof(struct environment),
                                                       .fields = environment_fields };
/* clang-format on */

static int read_frame(const char *text, struct sovd_arena *arena, const struct cJSON **ret) {
        struct sovd_json_fault fault;
        struct cJSON *frame = NULL;

        int r = text ? sovd_error_fold(sovd_json_parse_in(arena, &frame, text, strlen(text), NULL, &fault))
                     : 0;
        *ret = frame;
        return r;
}

static int describe(uint64_t usec, uint64_t cycle, const char *frame, struct sovd_arena *arena,
                    struct occurrence *ret) {
        char when[SOVD_TIMESTAMP_SIZE];

        ret->timestamp = sovd_arena_strdup(arena, sovd_clock_format(when, usec));
        ret->cycle = SOVD_INT((int64_t)cycle);
        return ret->timestamp ? read_frame(frame, arena, &ret->frame) : sovd_error_origin(-ENOMEM);
}

static struct progress progress_of(uint32_t counter, int64_t threshold) {
        return (struct progress){ SOVD_INT(SOVD_MIN((int64_t)counter, threshold)), SOVD_INT(threshold) };
}

static int to_tree(const struct environment *e, struct sovd_arena *arena, const struct cJSON **ret) {
        struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        sovd_schema_encode(&environment_schema, e, &w);
        return sovd_json_written(arena, &w, ret);
}

int fm_record_environment(const struct fm_record *record, const struct fm_ignored *ignored,
                          struct sovd_arena *arena, const struct cJSON **ret) {
        const struct fm_descriptor *d = record->about;
        const uint32_t passed = record->state.n_passed_cycles;
        struct occurrence first = { 0 }, last = { 0 };
        struct cycle cycle = { d->cycle, SOVD_INT((int64_t)record->cycle) };
        struct progress healing = progress_of(passed, d->heal_cycles.value),
                        aging = progress_of(passed, d->age_cycles.value);
        struct catalog catalog = { d->catalog_id, d->catalog_version };
        struct ignored not_judged = { 0 };
        const struct environment e = {
                .first = &first,
                .last = &last,
                .occurrences = SOVD_INT(record->state.n_occurrences),
                .failed_cycles = SOVD_INT(record->state.n_failed_cycles),
                .passed_cycles = SOVD_INT(passed),
                .cycle = &cycle,
                .healing = d->heal_cycles.value ? &healing : NULL,
                .aging = d->age_cycles.value ? &aging : NULL,
                .catalog = catalog.id || catalog.version ? &catalog : NULL,
                .ignored = ignored && (ignored->n_limited || ignored->n_disabled) ? &not_judged : NULL,
        };

        if (e.ignored) {
                not_judged.limited = SOVD_INT((int64_t)ignored->n_limited);
                not_judged.disabled = SOVD_INT((int64_t)ignored->n_disabled);
        }
        int r = describe(record->first_usec, record->first_cycle, record->first_frame, arena, &first);
        if (!r)
                r = describe(record->last_usec, record->last_cycle, record->last_frame, arena, &last);
        return r ? r : to_tree(&e, arena, ret);
}

int fm_environment_schema(struct sovd_arena *arena, const struct cJSON **ret) {
        struct cJSON *body = sovd_schema_openapi_inline(&sovd_schema_fault_detail);
        struct cJSON *environment = sovd_schema_openapi_inline(&environment_schema);
        struct cJSON *properties = cJSON_GetObjectItemCaseSensitive(body, "properties");

        int r = sovd_json_own(arena, body);
        if (r || !environment ||
            !cJSON_ReplaceItemInObjectCaseSensitive(properties, "environment_data", environment)) {
                cJSON_Delete(environment);
                return r ? r : sovd_error_origin(-ENOMEM);
        }
        *ret = body;
        return 0;
}
