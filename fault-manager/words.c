/* SPDX-License-Identifier: Apache-2.0 */
/* Faults in the words of ISO 17978-3 7.8; the names of the status bits are those of its examples. */
#include "fault-manager/fault_manager.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <stdio.h>

static const char *const bit_names[] = {
        "testFailed",        "testFailedThisOperationCycle",
        "pendingDTC",        "confirmedDTC",
        "testNotCompletedSinceLastClear", "testFailedSinceLastClear",
        "testNotCompletedThisOperationCycle", "warningIndicatorRequested",
};

int fm_tree_of(struct sovd_json_writer *w, struct sovd_arena *arena, const struct cJSON **ret) {
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
        return fm_tree_of(&w, arena, ret);
}

int fm_record_fault(const struct fm_record *record, struct sovd_arena *arena, struct sovd_fault *ret) {
        const struct fm_descriptor *d = record->about;

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
