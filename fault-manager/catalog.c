/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/catalog.h"
#include "sovd-core/base/id.h"
#include <cjson/cJSON.h>

#define TEXT_MAX     1024
#define COUNT_MAX    32767
#define SECONDS_MAX  86400
#define DATA_MAX     32

#define F(member) offsetof(struct fm_debounce_options, member)
#define STEP(word, text, sentence) \
        { .name = #word, .type = SOVD_FIELD_INT, .offset = F(word), .min = 1, .max = COUNT_MAX, .def = text, .doc = sentence }
#define SECONDS(word, text, sentence) \
        { .name = #word, .type = SOVD_FIELD_NUMBER, .offset = F(word), .min = 0, .max = SECONDS_MAX, .def = text, .doc = sentence }
static const struct sovd_field debounce_fields[] = {
        { .name = "kind", .type = SOVD_FIELD_ENUM, .offset = F(kind), .flags = SOVD_REQUIRED, .names = fm_debounce_names,
          .doc = "edge: one report decides; counter: so many reports; time: a report that lasts." },
        STEP(failed_at, "127", "counter: where it counts as failed."),
        { .name = "passed_at", .type = SOVD_FIELD_INT, .offset = F(passed_at), .min = -COUNT_MAX, .max = -1,
          .def = "-128", .doc = "counter: where it counts as passed." },
        STEP(step_up, "1", "counter: what a failure adds."),
        STEP(step_down, "1", "counter: what a pass takes away."),
        { .name = "jump", .type = SOVD_FIELD_BOOL, .offset = F(jump), .def = "false",
          .doc = "counter: does an opposite report start from 0?" },
        SECONDS(failed_secs, "1", "time: how long failures must last."),
        SECONDS(passed_secs, "1", "time: how long passes must last."),
        SECONDS(hold_secs, "0", "edge: when it ends by itself, in seconds; 0: by a report only."),
        { 0 }
};
#undef F
static const struct sovd_schema debounce_schema = { .name = "debounce", .size = sizeof(struct fm_debounce_options),
                                                    .fields = debounce_fields,
                                                    .doc = "When reports count as failed or passed." };

#define F(member) offsetof(struct fm_descriptor, member)
#define TEXT(word, place, sentence) \
        { .name = word, .type = SOVD_FIELD_STRING, .offset = F(place), .min = 1, .max = TEXT_MAX, .doc = sentence }
#define CYCLES(word, low, text, sentence) \
        { .name = #word, .type = SOVD_FIELD_INT, .offset = F(word), .min = low, .max = COUNT_MAX, .def = text, .doc = sentence }
static const struct sovd_field descriptor_fields[] = {
        { .name = "code", .type = SOVD_FIELD_STRING, .offset = F(code), .flags = SOVD_REQUIRED, .min = 1,
          .max = FM_CODE_MAX, .doc = "Its id, as in the URI." },
        { .name = "name", .type = SOVD_FIELD_STRING, .offset = F(name), .flags = SOVD_REQUIRED, .min = 1,
          .max = TEXT_MAX, .doc = "What it says to a person." },
        TEXT("display_code", display_code, "How testers write the code."),
        TEXT("scope", scope, "The fault memory that it is in."),
        TEXT("translation_id", translation_id, "Of the name."),
        TEXT("symptom", symptom, "What can be noticed."),
        TEXT("symptom_translation_id", symptom_translation_id, "Of the symptom."),
        { .name = "severity", .type = SOVD_FIELD_INT, .offset = F(severity), .min = 1, .max = 4, .def = "2",
          .doc = "1 fatal, 2 error, 3 warning, 4 information." },
        { .name = "tags", .type = SOVD_FIELD_STRINGS, .offset = F(tags), .max = DATA_MAX, .doc = "Words to filter by." },
        { .name = "debounce", .type = SOVD_FIELD_OBJECT, .offset = F(debounce), .of = &debounce_schema,
          .doc = "When missing, one report decides." },
        CYCLES(confirm_cycles, 1, "1", "Operation cycles with a failure until it is confirmed."),
        CYCLES(heal_cycles, 0, "0", "Passed cycles until the warning indicator goes out; 0: it has none."),
        CYCLES(age_cycles, 0, "40", "Passed cycles until it is not confirmed any more; 0: it stays."),
        { .name = "freeze_frame", .type = SOVD_FIELD_STRINGS, .offset = F(freeze_frame), .max = DATA_MAX,
          .doc = "Ids of data of the app: their values are kept with the first and the last occurrence." },
        { .name = "conditions", .type = SOVD_FIELD_STRINGS, .offset = F(conditions), .max = DATA_MAX,
          .doc = "Enabling conditions: while one is off, reports are not judged." },
        { .name = "reports_per_sec", .type = SOVD_FIELD_NUMBER, .offset = F(reports_per_sec), .min = 0, .max = 100000,
          .def = "100", .doc = "Most reports of one reporter that are judged, per second; 0: all." },
        { .name = "cycle", .type = SOVD_FIELD_STRING, .offset = F(cycle), .min = 1, .max = FM_CODE_MAX, .def = FM_POWER_CYCLE,
          .doc = "The kind of operation cycle that counts; power: a boot of the machine." },
        { 0 }
};
static const struct sovd_field stored_fields[] = {
        TEXT("catalog", catalog_id, "Name of the catalogue."),
        TEXT("catalog_version", catalog_version, "Its version."),
        { .name = "observed", .type = SOVD_FIELD_JSON, .offset = F(observed), .flags = SOVD_ANY_OBJECT },
        { 0 }
};
#undef F
const struct sovd_schema fm_schema_stored = { .name = "stored fault", .size = sizeof(struct fm_descriptor),
                                              .fields = stored_fields, .base = &fm_schema_descriptor };
const struct sovd_schema fm_schema_descriptor = { .name = "fault", .size = sizeof(struct fm_descriptor),
                                                  .fields = descriptor_fields, .doc = "A fault that can be reported." };

static const struct sovd_field catalog_fields[] = {
        { .name = "id", .type = SOVD_FIELD_STRING, .offset = offsetof(struct fm_catalog, id), .min = 1, .max = 128,
          .doc = "Name of the catalogue." },
        { .name = "version", .type = SOVD_FIELD_STRING, .offset = offsetof(struct fm_catalog, version), .min = 1,
          .max = 128, .doc = "Its version, shown in the environment data." },
        { .name = "faults", .type = SOVD_FIELD_LIST, .offset = offsetof(struct fm_catalog, faults),
          .flags = SOVD_REQUIRED, .of = &fm_schema_descriptor, .min = 0, .max = FM_FAULTS_MAX, .doc = "The faults." },
        { 0 }
};
const struct sovd_schema fm_schema_catalog = { .name = "catalogue", .size = sizeof(struct fm_catalog),
                                               .fields = catalog_fields };

static const struct sovd_field file_fields[] = {
        { .name = "closed", .type = SOVD_FIELD_BOOL, .offset = offsetof(struct fm_catalog, closed), .def = "false",
          .doc = "Are codes that only the app registers left out?" },
        { 0 }
};
const struct sovd_schema fm_schema_catalog_file = {
        .name = "catalogue file", .size = sizeof(struct fm_catalog), .fields = file_fields, .base = &fm_schema_catalog,
};

struct problem {
        struct sovd_arena *arena;
        size_t i;
        const char *path;
};

static const char *_printf_(3, 4) refuse(struct problem *p, const char *key, const char *format, ...) {
        va_list args;

        va_start(args, format);
        const char *why = sovd_arena_vprintf(p->arena, format, args);
        va_end(args);
        p->path = sovd_arena_printf(p->arena, "/faults/%zu/%s", p->i, key);
        return why ? why : "out of memory";
}

static int compare_codes(const void *a, const void *b) {
        return strcmp((*(const struct fm_descriptor *const *)a)->code, (*(const struct fm_descriptor *const *)b)->code);
}

/* Which kind of debouncing looks at a member; the others would only seem to heed it. */
static const struct {
        const char *member;
        enum fm_debounce kind;
} members_of[] = {
        { "failed_at", FM_COUNTER },   { "passed_at", FM_COUNTER }, { "step_up", FM_COUNTER },  { "step_down", FM_COUNTER },
        { "jump", FM_COUNTER },        { "failed_secs", FM_TIME },  { "passed_secs", FM_TIME }, { "hold_secs", FM_EDGE },
};

static const char *check_members(struct problem *p, int kind, const struct cJSON *debounce) {
        for (size_t i = 0; i < SOVD_N_ELEMENTS(members_of); i++) {
                const struct cJSON *member = cJSON_GetObjectItemCaseSensitive(debounce, members_of[i].member);
                if (!member || cJSON_IsNull(member) || (int)members_of[i].kind == kind)
                        continue;
                return refuse(p, sovd_arena_printf(p->arena, "debounce/%s", members_of[i].member),
                              "has no effect with the kind '%s', only with '%s'", fm_debounce_names[kind - 1],
                              fm_debounce_names[members_of[i].kind - 1]);
        }
        return NULL;
}

/* The list of what was read is in the order of the text. */
static const char *check_all_members(struct problem *p, const struct fm_catalog *catalog, const struct cJSON *json) {
        const struct fm_descriptor *faults = catalog->faults.items;
        const struct cJSON *fault = cJSON_GetObjectItemCaseSensitive(json, "faults");
        const char *why = NULL;

        p->i = 0;
        for (fault = fault ? fault->child : NULL; !why && fault && p->i < catalog->faults.n; fault = fault->next) {
                const struct fm_debounce_options *o = faults[p->i].debounce;
                if (o)
                        why = check_members(p, o->kind, cJSON_GetObjectItemCaseSensitive(fault, "debounce"));
                p->i += !why;
        }
        return why;
}

/* Sorted, equal codes are neighbours. */
static const char *check_unique(struct problem *p, const struct fm_descriptor *faults, size_t n) {
        const struct fm_descriptor **sorted = sovd_arena_array(p->arena, const struct fm_descriptor *, n + 1);

        if (!sorted)
                return "out of memory";
        for (size_t i = 0; i < n; i++)
                sorted[i] = &faults[i];
        qsort(sorted, n, sizeof(*sorted), compare_codes);
        for (size_t i = 1; i < n; i++)
                if (strcmp(sorted[i - 1]->code, sorted[i]->code) == 0) {
                        p->i = (size_t)(SOVD_MAX(sorted[i - 1], sorted[i]) - faults);
                        return refuse(p, "code", "'%s' comes twice", sorted[i]->code);
                }
        return NULL;
}

static const char *check_strings(struct problem *p, const char *key, const struct sovd_strings *ids) {
        for (size_t i = 0; i < ids->n; i++)
                if (!sovd_id_is_valid(ids->items[i]))
                        return refuse(p, key, "'%s' cannot be an id", ids->items[i]);
        return NULL;
}

static const char *check_one(struct problem *p, const struct fm_descriptor *d) {
        const struct fm_debounce_options *o = d->debounce;

        if (!sovd_id_is_valid(d->code) || sovd_id_is_reserved(d->code) || sovd_id_is_reserved_in(d->code, "faults"))
                return refuse(p, "code", "'%s' cannot be the code of a fault", d->code);
        if (o && o->kind == FM_TIME && o->failed_secs.value <= 0)
                return refuse(p, "debounce/failed_secs", "a time rule needs a time");
        if (!sovd_id_is_valid(d->cycle))
                return refuse(p, "cycle", "'%s' cannot be the name of a cycle", d->cycle);
        const char *why = check_strings(p, "freeze_frame", &d->freeze_frame);
        return why ? why : check_strings(p, "conditions", &d->conditions);
}

/* What one catalogue alone has too many of. */
static const char *check_kinds(struct problem *p, const struct fm_descriptor *faults, size_t n) {
        const char *kinds[FM_KINDS_MAX] = { "power" };
        size_t n_kinds = 1, k;

        for (p->i = 0; p->i < n; p->i++) {
                for (k = 0; k < n_kinds && strcmp(kinds[k], faults[p->i].cycle) != 0; k++)
                        ;
                if (k == FM_KINDS_MAX)
                        return refuse(p, "cycle", "there are %d kinds of operation cycles already, the limit", FM_KINDS_MAX);
                if (k == n_kinds)
                        kinds[n_kinds++] = faults[p->i].cycle;
        }
        return NULL;
}

const char *fm_catalog_check(const struct fm_catalog *catalog, const struct cJSON *json, struct sovd_arena *arena,
                             const char **ret_path) {
        const struct fm_descriptor *faults = catalog->faults.items;
        struct problem p = { .arena = arena, .path = "/faults" };
        const char *why = NULL;

        for (; !why && p.i < catalog->faults.n; p.i += !why)
                why = check_one(&p, &faults[p.i]);
        if (!why)
                why = check_all_members(&p, catalog, json);
        if (!why)
                why = check_unique(&p, faults, catalog->faults.n);
        if (!why)
                why = check_kinds(&p, faults, catalog->faults.n);
        *ret_path = p.path ? p.path : "/faults";
        return why;
}

static uint64_t usec(struct sovd_number seconds) {
        return (uint64_t)(seconds.value * (double)SOVD_USEC_PER_SEC);
}

/* Every default stands in the tables, so every value is there. */
struct fm_rule fm_descriptor_rule(const struct fm_descriptor *d) {
        const struct fm_debounce_options *o = d->debounce;
        struct fm_rule rule = {
                .kind = FM_EDGE,
                .confirm_cycles = (unsigned)d->confirm_cycles.value,
                .heal_cycles = (unsigned)d->heal_cycles.value,
                .age_cycles = (unsigned)d->age_cycles.value,
        };

        if (!o)
                return rule;
        rule.kind = (enum fm_debounce)o->kind;
        rule.failed_at = (int)o->failed_at.value;
        rule.passed_at = (int)o->passed_at.value;
        rule.step_up = (int)o->step_up.value;
        rule.step_down = (int)o->step_down.value;
        rule.jump = o->jump.value;
        rule.failed_usec = usec(o->failed_secs);
        rule.passed_usec = usec(o->passed_secs);
        rule.hold_usec = usec(o->hold_secs);
        return rule;
}
