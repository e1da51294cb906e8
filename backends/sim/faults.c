/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include "sovd-core/base/clock.h"
#include <errno.h>
#include <stdio.h>

static const struct sim_fault *fault_of(const struct sim_unit *unit, size_t i) {
        return (const struct sim_fault *)unit->entity->faults.items + i;
}

/* --- coming and going ----------------------------------------------------------------------------------- */

/* How many appearances have ended by `passed`, the time since the first one. */
static uint64_t n_ended(const struct sim_fault *f, uint64_t passed) {
        const uint64_t lasts = sim_usec(f->heals_after_secs), period = sim_usec(f->period_secs);

        if (!f->heals_after_secs.set || passed < lasts)
                return 0;
        return f->period_secs.set ? (passed - lasts) / period + 1 : 1;
}

static struct sighting look(const struct sim *sim, const struct sim_unit *unit, size_t i, uint64_t now) {
        const struct sim_fault *f = fault_of(unit, i);
        const uint64_t first = sim->start_usec + sim_usec(f->appears_after_secs),
                       cleared = unit->faults[i].cleared_usec;
        if (now < first)
                return (struct sighting){ 0 };

        const uint64_t period = f->period_secs.set ? sim_usec(f->period_secs) : 0;
        const uint64_t last = period ? (now - first) / period : 0; /* number of the last appearance, from 0 */
        const uint64_t n_over = cleared >= first ? n_ended(f, cleared - first) : 0;
        if (last < n_over)
                return (struct sighting){ 0 };
        return (struct sighting){
                .stored = true,
                .first_usec = first,
                .cleared_usec = cleared,
                .active = n_ended(f, now - first) <= last,
                .detected_usec = SOVD_MAX(first + last * period, cleared),
                .n = last - n_over + 1,
        };
}

static ssize_t find(const struct sim_unit *unit, const char *code) {
        for (size_t i = 0; i < unit->entity->faults.n; i++)
                if (strcmp(fault_of(unit, i)->code, code) == 0)
                        return (ssize_t)i;
        return -1;
}

/* --- as the answer shows it ----------------------------------------------------------------------------- */

static int status_of(struct sovd_call *call, const struct sim_call *c, const struct sim_fault *f,
                     const struct sighting *s, const struct cJSON **ret) {
        const struct cycle_state now = sim_judge_cycle(c, f, s);
        const bool lamp = s->active && now.confirmed && f->severity.value <= 2;
        const struct {
                const char *name;
                bool set;
        } bits[] = {
                /* from the lowest bit of the status byte of ISO 14229 */
                { "testFailed", s->active },
                { "testFailedThisOperationCycle", now.failed },
                { "pendingDTC", now.pending },
                { "confirmedDTC", now.confirmed },
                { "testNotCompletedSinceLastClear", false }, /* it failed since: that completed it */
                { "testFailedSinceLastClear", s->stored },
                { "testNotCompletedThisOperationCycle", now.not_completed },
                { "warningIndicatorRequested", lamp },
        };
        struct sovd_json_writer w;
        unsigned mask = 0;
        char hex[8];

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(bits); i++) {
                sovd_json_key_string(&w, bits[i].name, bits[i].set ? "1" : "0");
                mask |= bits[i].set ? 1u << i : 0;
        }
        (void)snprintf(hex, sizeof(hex), "%02X", mask);
        sovd_json_key_string(&w, "mask", hex);
        sovd_json_key_string(&w, "aggregatedStatus", s->active ? "active" : "passive");
        sovd_json_object_end(&w);
        return sim_written_node(call->arena, &w, ret);
}

static int describe(struct sovd_call *call, const struct sim_call *c, const struct sim_fault *f,
                    const struct sighting *s, struct sovd_fault *ret) {
        *ret = (struct sovd_fault){
                .code = f->code,
                .fault_name = f->name,
                .scope = f->scope,
                .display_code = f->display_code,
                .fault_translation_id = f->translation_id,
                .severity = f->severity,
                .symptom = f->symptom,
                .symptom_translation_id = f->symptom_translation_id,
                .tags = f->tags,
        };
        return status_of(call, c, f, s, &ret->status);
}

/* --- freeze frames -------------------------------------------------------------------------------------- */

static bool is_in_frame(const struct sim_fault *f, const char *id) {
        for (size_t i = 0; i < f->freeze_frame.n; i++)
                if (strcmp(f->freeze_frame.items[i], id) == 0)
                        return true;
        return false;
}

/* The values at a time, as an object. */
static int write_frame(const struct sim *sim, const struct sim_unit *unit, const struct sim_fault *f,
                       uint64_t usec, struct sovd_arena *arena, struct sovd_json_writer *w) {
        const struct sim_data *data = unit->entity->data.items;
        const struct cJSON *value;

        sovd_json_object_begin(w);
        for (size_t i = 0; i < unit->entity->data.n; i++) {
                if (!is_in_frame(f, data[i].value.named.id) || data[i].read_error)
                        continue;
                int r = sim_data_at(sim, unit, i, usec, arena, &value);
                if (r)
                        return r;
                sovd_json_key(w, data[i].value.named.id);
                sovd_json_tree(w, value);
        }
        sovd_json_object_end(w);
        return 0;
}

static int keep_frame(const struct sim_call *c, size_t i, const struct sighting *s,
                      struct sovd_arena *arena) {
        struct fault_state *state = &c->unit->faults[i];
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        int r = write_frame(c->sim, c->unit, fault_of(c->unit, i), s->detected_usec, arena, &w);
        if (!r)
                r = sovd_json_writer_finish(&w, &text, &len);
        char *copy = r ? NULL : strdup(text);
        sovd_json_writer_done(&w);
        if (!copy)
                return r ? r : sovd_error_origin(-ENOMEM);
        free(state->frame);
        state->frame = copy;
        state->frame_usec = s->detected_usec;
        return 0;
}

int sim_faults_keep_frames(const struct sim_call *c, struct sovd_arena *arena) {
        for (size_t i = 0; i < c->unit->entity->faults.n; i++) {
                const struct sighting s = look(c->sim, c->unit, i, c->now_usec);
                if (!s.stored || !fault_of(c->unit, i)->freeze_frame.n ||
                    c->unit->faults[i].frame_usec == s.detected_usec)
                        continue;
                int r = keep_frame(c, i, &s, arena);
                if (r)
                        return r;
        }
        return 0;
}

/* What could not be read when the fault appeared is missing in its frame. */
static int add_frame_errors(struct sovd_call *call, const struct sim_call *c, const struct sim_fault *f,
                            struct sovd_list *errors) {
        const struct sim_data *data = c->unit->entity->data.items;
        int r = 0;

        for (size_t i = 0; !r && i < c->unit->entity->data.n; i++)
                if (data[i].read_error && is_in_frame(f, data[i].value.named.id))
                        r = sim_add_error(call, errors,
                                          sovd_call_printf(call, "/environment_data/freeze_frame/%s",
                                                           data[i].value.named.id),
                                          data[i].read_error);
        return r;
}

static int environment_of(struct sovd_call *call, const struct sim_call *c, size_t i,
                          const struct sighting *s, const struct cJSON **ret) {
        const bool has_frame = fault_of(c->unit, i)->freeze_frame.n > 0;
        char when[SOVD_TIMESTAMP_SIZE];
        const struct cJSON *frame = NULL;
        struct sovd_json_writer w;

        int r = has_frame ? sim_faults_keep_frames(c, call->arena) : 0;
        if (!r && has_frame)
                r = sim_value_node(call->arena, c->unit->faults[i].frame, &frame);
        if (r)
                return r;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(
                &w, "timestamp",
                sovd_clock_format(when, sovd_realtime_usec() - (c->now_usec - s->detected_usec)));
        sovd_json_key_int(&w, "occurrences", (int64_t)s->n);
        if (frame) {
                sovd_json_key(&w, "freeze_frame");
                sovd_json_tree(&w, frame);
        }
        sovd_json_object_end(&w);
        return sim_written_node(call->arena, &w, ret);
}

/* --- ops ------------------------------------------------------------------------------------------------ */

static int list(struct sovd_call *call, const struct sim_call *c, const struct sovd_fault_filter *filter,
                struct sovd_list *ret) {
        struct sovd_fault *items = SIM_ITEMS(call, struct sovd_fault, c->unit->entity->faults.n);
        if (!items)
                return sovd_error_origin(-ENOMEM);

        for (size_t i = 0; i < c->unit->entity->faults.n; i++) {
                const struct sighting s = look(c->sim, c->unit, i, c->now_usec);
                if (!s.stored)
                        continue;
                int r = describe(call, c, fault_of(c->unit, i), &s, &items[ret->n]);
                if (r)
                        return r;
                ret->n += sovd_fault_filter_matches(filter, &items[ret->n]);
        }
        ret->items = items;
        return 0;
}

int sim_faults_list(struct sovd_call *call, const struct sovd_entity *e,
                    const struct sovd_fault_filter *filter, struct sovd_fault_list *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_FAULTS);
        if (r)
                return r;
        r = list(call, &c, filter, &ret->items);
        sim_leave(&c);
        return r;
}

static int read_fault(struct sovd_call *call, const struct sim_call *c, const char *code,
                      struct sovd_fault_detail *ret) {
        const ssize_t i = find(c->unit, code);
        if (i < 0)
                return sim_no_resource(call, c->unit, "fault", code);

        const struct sighting s = look(c->sim, c->unit, (size_t)i, c->now_usec);
        if (!s.stored)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "fault '%s' is not in the memory now", code);
        ret->item = sovd_arena_new0(call->arena, struct sovd_fault);
        if (!ret->item)
                return sovd_error_origin(-ENOMEM);
        int r = describe(call, c, fault_of(c->unit, (size_t)i), &s, ret->item);
        if (!r)
                r = environment_of(call, c, (size_t)i, &s, &ret->environment_data);
        return r ? r : add_frame_errors(call, c, fault_of(c->unit, (size_t)i), &ret->errors);
}

int sim_fault_read(struct sovd_call *call, const struct sovd_entity *e, const char *code,
                   struct sovd_fault_detail *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_FAULTS);
        if (r)
                return r;
        r = read_fault(call, &c, code, ret);
        sim_leave(&c);
        return r;
}

static int check_clearing(struct sovd_call *call, const struct sim_call *c, const struct sim_fault *f) {
        if (!f->clearable.value)
                return sovd_fail(call, SOVD_E_CONFLICT,
                                 "fault '%s' cannot be cleared by a client: it goes when the "
                                 "entity finds it healed",
                                 f->code);
        return sim_check_required(call, c->unit, &f->clear_requires, "clearing fault", f->code);
}

/* A single one is cleared when it has healed: the client learns that it would come back at once. */
static int clear_one(struct sovd_call *call, const struct sim_call *c, const char *code) {
        const ssize_t i = find(c->unit, code);
        if (i < 0)
                return sim_no_resource(call, c->unit, "fault", code);
        if (!c->unit->entity->single_clear.value)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED,
                                 "'%s' clears all its faults or those of a scope, not one",
                                 c->unit->entity->named.id);
        int r = check_clearing(call, c, fault_of(c->unit, (size_t)i));
        if (r)
                return r;
        if (look(c->sim, c->unit, (size_t)i, c->now_usec).active)
                return sovd_fail(call, SOVD_E_CONFLICT,
                                 "fault '%s' is still active: its cause has to go first", code);
        c->unit->faults[i].cleared_usec = c->now_usec;
        return 0;
}

int sim_fault_clear(struct sovd_call *call, const struct sovd_entity *e, const char *code) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_FAULTS);
        if (r)
                return r;
        r = clear_one(call, &c, code);
        sim_leave(&c);
        return r;
}

static bool is_in_scope(const struct sim_fault *f, const char *scope) {
        return !scope || !f->scope || strcmp(scope, f->scope) == 0;
}

/* All or none: a condition of one of them is a condition of all. Those that no client may clear stay. What is active
 * is detected again in the same moment. */
static int clear_all(struct sovd_call *call, const struct sim_call *c, const char *scope) {
        size_t n = 0;

        for (size_t i = 0; i < c->unit->entity->faults.n; i++) {
                const struct sim_fault *f = fault_of(c->unit, i);
                if (!is_in_scope(f, scope))
                        continue;
                int r = f->clearable.value ? check_clearing(call, c, f) : 0;
                if (r)
                        return r;
                n++;
        }
        if (!n)
                return sim_no_resource(call, c->unit, "fault memory", scope);
        for (size_t i = 0; i < c->unit->entity->faults.n; i++)
                if (is_in_scope(fault_of(c->unit, i), scope) && fault_of(c->unit, i)->clearable.value)
                        c->unit->faults[i].cleared_usec = c->now_usec;
        return 0;
}

int sim_faults_clear(struct sovd_call *call, const struct sovd_entity *e, const char *scope) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_FAULTS);
        if (r)
                return r;
        r = clear_all(call, &c, scope);
        sim_leave(&c);
        return r;
}
