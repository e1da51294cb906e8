/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is a catalogue file and, behind a line "---", what an app registers
 *
 * Beside the sanitizers' findings: what both checks accept can be merged, is good again, comes back from the form in which
 * it is stored, and its rules keep their counters between the thresholds.
 */
#include "fault-manager/catalog_file.h"
#include "fault-manager/fault.h"
#include "sovd-core/base/json_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
        if (!condition)
                abort();
}

static const char *read_app(const char *text, size_t len, struct sovd_arena *arena) {
        struct sovd_json_fault fault;
        struct sovd_schema_error error;
        struct fm_catalog catalog;
        struct cJSON *json;
        const char *path;

        if (sovd_json_parse_in(arena, &json, text, len, NULL, &fault) ||
            sovd_schema_decode(&fm_schema_catalog, json, &catalog, arena, 0, &error) ||
            fm_catalog_check(&catalog, json, arena, &path))
                return NULL;
        return sovd_arena_strdup(arena, text);
}

static void judge(const struct fm_rule *rule) {
        static const enum fm_report reports[] = { FM_PREFAILED, FM_PREFAILED, FM_PREPASSED, FM_FAILED, FM_PREPASSED,
                                                  FM_PASSED, FM_PREFAILED };
        struct fm_state state;

        fm_state_clear(&state);
        for (uint64_t i = 0; i < 64; i++) {
                (void)fm_state_report(&state, rule, reports[i % SOVD_N_ELEMENTS(reports)], 1 + i * SOVD_USEC_PER_SEC);
                if (i % 5 == 0)
                        (void)fm_state_cycle(&state, rule);
                (void)fm_state_tick(&state, rule, 1 + i * SOVD_USEC_PER_SEC);
                must(rule->kind != FM_COUNTER || (state.counter <= rule->failed_at && state.counter >= rule->passed_at));
                must(!(state.status & FM_TEST_FAILED) || state.n_occurrences);
        }
}

static void keep(const struct fm_descriptor *fault) {
        struct fm_definition *first = NULL, *second = NULL;

        must(!fm_definition_new(&first, fault) && !fm_definition_read(&second, first->json));
        must(strcmp(second->about->code, fault->code) == 0 && second->rule.kind == first->rule.kind);
        judge(&first->rule);
        fm_definition_unref(first);
        fm_definition_unref(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        const char *file = NULL, *path;
        struct fm_catalog catalog;
        size_t n_left_out = 0;

        if (sovd_arena_new(&arena, 4096))
                return 0;
        char *text = sovd_arena_alloc(arena, size + 1);
        if (!text)
                return 0;
        if (size)
                memcpy(text, data, size);
        text[size] = '\0';
        char *app = strstr(text, "\n---\n");
        size_t n = app ? (size_t)(app - text) : strlen(text);
        const char *why = fm_catalog_file_read("f", text, n, arena, &file);
        must(why ? *why != '\0' : file != NULL);
        const char *registered = app ? read_app(app + 5, strlen(app + 5), arena) : NULL;
        if (why && !registered)
                return 0;
        must(!fm_catalog_merge(why ? NULL : file, registered, arena, &catalog, &n_left_out));
        must(!fm_catalog_check(&catalog, NULL, arena, &path));
        const struct fm_descriptor *faults = catalog.faults.items;
        for (size_t i = 0; i < catalog.faults.n; i++)
                keep(&faults[i]);
        return 0;
}
