/* SPDX-License-Identifier: Apache-2.0 */
/* Faults in the words of ISO 17978-3 7.8; the names of the status bits are those of its examples. */
#include "fault-manager/fault_manager.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <strings.h>

static const char *const bit_names[] = {
        "testFailed",        "testFailedThisOperationCycle",
        "pendingDTC",        "confirmedDTC",
        "testNotCompletedSinceLastClear", "testFailedSinceLastClear",
        "testNotCompletedThisOperationCycle", "warningIndicatorRequested",
};

/* What the writer holds, as a tree in the arena. */
static int node_of(struct sovd_json_writer *w, struct sovd_arena *arena, const struct cJSON **ret) {
        struct sovd_json_fault fault;
        struct cJSON *node = NULL;
        const char *text;
        size_t len;

        int r = sovd_json_writer_finish(w, &text, &len);
        if (!r)
                r = sovd_json_parse_in(arena, &node, text, len, NULL, &fault);
        sovd_json_writer_done(w);
        *ret = node;
        return sovd_error_fold(r);
}

/* As a filter of the standard sees a value: 1, "1" and true are alike. */
static bool is_set(const cJSON *value) {
        const char *text = cJSON_IsString(value) || cJSON_IsNumber(value) ? value->valuestring : NULL;

        return cJSON_IsTrue(value) || (text && (strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0));
}

static unsigned bits_of_word(const cJSON *word) {
        static const struct {
                const char *word;
                unsigned bits;
        } rows[] = { { "active", FM_TEST_FAILED }, { "confirmed", FM_CONFIRMED }, { "pending", FM_PENDING } };

        for (size_t i = 0; cJSON_IsString(word) && i < SOVD_N_ELEMENTS(rows); i++)
                if (strcasecmp(word->valuestring, rows[i].word) == 0)
                        return rows[i].bits;
        return 0;
}

uint8_t fm_status_bits(const struct cJSON *status) {
        unsigned bits = bits_of_word(cJSON_GetObjectItem(status, "aggregatedStatus"));

        for (size_t i = 0; i < SOVD_N_ELEMENTS(bit_names); i++)
                if (is_set(cJSON_GetObjectItem(status, bit_names[i])))
                        bits |= 1u << i;
        return (uint8_t)bits;
}

int fm_status_object(const struct fm_state *state, struct sovd_arena *arena, const struct cJSON **ret) {
        struct sovd_json_writer w;
        char mask[8];

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "aggregatedStatus", fm_state_word(state));
        for (size_t i = 0; i < SOVD_N_ELEMENTS(bit_names); i++)
                sovd_json_key_string(&w, bit_names[i], state->status & (1u << i) ? "1" : "0");
        (void)snprintf(mask, sizeof(mask), "%02X", state->status);
        sovd_json_key_string(&w, "mask", mask);
        sovd_json_object_end(&w);
        return node_of(&w, arena, ret);
}

/* A backend's own words, but for its status when it has cleared the fault. */
static int observed_fault(const struct fm_record *record, struct sovd_arena *arena, struct sovd_fault *ret) {
        struct sovd_schema_error error;

        int r = sovd_schema_decode(&sovd_schema_fault, record->about->observed, ret, arena, 0, &error);
        if (r)
                return sovd_error_fold(r);
        return record->state.n_occurrences ? 0 : fm_status_object(&record->state, arena, &ret->status);
}

int fm_record_fault(const struct fm_record *record, struct sovd_arena *arena, struct sovd_fault *ret) {
        const struct fm_descriptor *d = record->about;

        if (d->observed)
                return observed_fault(record, arena, ret);
        *ret = (struct sovd_fault){
                .code = record->code,
                .fault_name = d->name,
                .scope = d->scope,
                .display_code = d->display_code,
                .fault_translation_id = d->translation_id,
                .severity = d->severity,
                .symptom = d->symptom,
                .symptom_translation_id = d->symptom_translation_id,
                .tags = d->tags,
        };
        return fm_status_object(&record->state, arena, &ret->status);
}

static void write_occurrence(struct sovd_json_writer *w, const char *key, uint64_t usec, const struct cJSON *frame) {
        char when[SOVD_TIMESTAMP_SIZE];

        sovd_json_key(w, key);
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "timestamp", sovd_clock_format(when, usec));
        if (frame) {
                sovd_json_key(w, "freeze_frame");
                sovd_json_tree(w, frame);
        }
        sovd_json_object_end(w);
}

static int read_frame(const char *text, struct sovd_arena *arena, struct cJSON **ret) {
        struct sovd_json_fault fault;

        *ret = NULL;
        return text ? sovd_error_fold(sovd_json_parse_in(arena, ret, text, strlen(text), NULL, &fault)) : 0;
}

int fm_record_environment(const struct fm_record *record, struct sovd_arena *arena, const struct cJSON **ret) {
        struct cJSON *first, *last;
        struct sovd_json_writer w;

        int r = read_frame(record->first_frame, arena, &first);
        if (!r)
                r = read_frame(record->last_frame, arena, &last);
        if (r)
                return r;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        write_occurrence(&w, "first_occurrence", record->first_usec, first);
        write_occurrence(&w, "last_occurrence", record->last_usec, last);
        sovd_json_key_int(&w, "occurrences", record->state.n_occurrences);
        sovd_json_key_int(&w, "failed_cycles", record->state.n_failed_cycles);
        sovd_json_key_int(&w, "passed_cycles", record->state.n_passed_cycles);
        sovd_json_object_end(&w);
        return node_of(&w, arena, ret);
}
