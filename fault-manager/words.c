/* SPDX-License-Identifier: Apache-2.0 */
/* Faults in the words of ISO 17978-3 7.8; the names of the status bits are those of its examples. */
#include "fault-manager/fault_manager.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>

static const char *const bit_names[] = {
        "testFailed",        "testFailedThisOperationCycle",
        "pendingDTC",        "confirmedDTC",
        "testNotCompletedSinceLastClear", "testFailedSinceLastClear",
        "testNotCompletedThisOperationCycle", "warningIndicatorRequested",
};

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

#define N_MEMBERS (SOVD_N_ELEMENTS(bit_names) + 2)

/* The members of a status, one after the other; buf is for values that are made. */
static const char *status_member(const struct fm_state *state, size_t i, char buf[static 4], const char **ret_value) {
        if (i == 0) {
                *ret_value = fm_state_word(state);
                return "aggregatedStatus";
        }
        if (i <= SOVD_N_ELEMENTS(bit_names)) {
                *ret_value = state->status & (1u << (i - 1)) ? "1" : "0";
                return bit_names[i - 1];
        }
        (void)snprintf(buf, 4, "%02X", state->status);
        *ret_value = buf;
        return "mask";
}

static int write_status(uint8_t status, struct sovd_arena *arena, const struct cJSON **ret) {
        const struct fm_state state = { .status = status };
        struct sovd_json_writer w;
        const char *value;
        char buf[4];

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        for (size_t i = 0; i < N_MEMBERS; i++) {
                const char *key = status_member(&state, i, buf, &value);
                sovd_json_key_string(&w, key, value);
        }
        sovd_json_object_end(&w);
        return sovd_json_written(arena, &w, ret);
}

/* There are 256 of them, and every fault of every list has one: they are made once and never change. */
static struct {
        pthread_once_t once;
        struct sovd_arena *arena;
        const struct cJSON *of[256];
        int result;
} statuses = { .once = PTHREAD_ONCE_INIT };

static void make_statuses(void) {
        statuses.result = sovd_arena_new(&statuses.arena, 4096);
        for (unsigned i = 0; !statuses.result && i < SOVD_N_ELEMENTS(statuses.of); i++)
                statuses.result = write_status((uint8_t)i, statuses.arena, &statuses.of[i]);
}

int fm_status_object(const struct fm_state *state, const struct cJSON **ret) {
        (void)pthread_once(&statuses.once, make_statuses);
        *ret = statuses.of[state->status];
        return statuses.result;
}

/* N_MEMBERS: a status has no such member. */
static size_t find_member(const char *key) {
        const struct fm_state any = { 0 };
        const char *value;
        char buf[4];
        size_t i = 0;

        while (i < N_MEMBERS && strcasecmp(status_member(&any, i, buf, &value), key) != 0)
                i++;
        return i;
}

static bool member_is(uint8_t status, size_t i, const char *value) {
        const struct fm_state state = { .status = status };
        const char *have;
        char buf[4];

        if (i == N_MEMBERS)
                return false;
        (void)status_member(&state, i, buf, &have);
        return sovd_status_value_equals(have, value);
}

bool fm_status_matches(uint8_t status, const char *key, const char *value) {
        return member_is(status, find_member(key), value);
}

void fm_statuses_of(const struct sovd_fault_filter *filter, uint64_t ret[static 4]) {
        memset(ret, filter->n_status ? 0 : 0xff, 4 * sizeof(*ret));
        for (size_t i = 0; i < filter->n_status; i++) {
                const size_t member = find_member(filter->status_keys[i]);
                for (unsigned status = 0; status < 256; status++)
                        if (member_is((uint8_t)status, member, filter->status_values[i]))
                                ret[status / 64] |= UINT64_C(1) << status % 64;
        }
}

static const char *timestamp_of(struct sovd_arena *arena, uint64_t usec) {
        char when[SOVD_TIMESTAMP_SIZE];

        return sovd_arena_strdup(arena, sovd_clock_format(when, usec));
}

/* A backend's own words, but for its status when it has cleared the fault. */
static int observed_fault(const struct fm_record *record, struct sovd_arena *arena, struct sovd_fault *ret) {
        struct sovd_schema_error error;

        int r = sovd_schema_decode(&sovd_schema_fault, record->about->observed, ret, arena, 0, &error);
        if (r)
                return sovd_error_fold(r);
        return record->state.n_occurrences ? 0 : fm_status_object(&record->state, &ret->status);
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
        if (record->last_usec) { /* an event has its own time */
                ret->first_occurrence = timestamp_of(arena, record->first_usec);
                ret->last_occurrence = timestamp_of(arena, record->last_usec);
                ret->occurrences = SOVD_INT(record->state.n_occurrences);
                if (!ret->first_occurrence || !ret->last_occurrence)
                        return sovd_error_origin(-ENOMEM);
        }
        return fm_status_object(&record->state, &ret->status);
}
