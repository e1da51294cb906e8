/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the log of an entity says about time that has passed: messages of the scenario, faults that came and went,
 * executions that ended. It is written when the entity is asked next, and before anything changes, so that each
 * entry shows the values of its own moment.
 */
#include "backends/sim/backend.h"
#include <cjson/cJSON.h>

#define NEVER UINT64_MAX

/* The first moment of a series after `usec`; period 0 = there is one. */
static uint64_t next_of(uint64_t first, uint64_t period, uint64_t usec) {
        if (usec < first)
                return first;
        return period ? first + ((usec - first) / period + 1) * period : NEVER;
}

/* One thing that can happen. */
struct event {
        uint64_t at_usec;
        const struct sim_log_message *message; /* or */
        const struct sim_fault *fault;         /* or an operation */
        bool heals;
        const char *operation, *failure;
};

/* Of a series that is faster than the ring is large only the newest are looked at. */
static uint64_t from_of(const struct sim_call *c, uint64_t after, uint64_t period) {
        const uint64_t shown = period * (uint64_t)c->unit->entity->logs->keep.value;

        return period && c->now_usec - after > shown ? SOVD_MAX(after, c->now_usec - shown) : after;
}

static uint64_t series(const struct sim_call *c, uint64_t first, struct sovd_number period_secs,
                       uint64_t after) {
        const uint64_t period = period_secs.set ? sim_usec(period_secs) : 0;

        return next_of(first, period, from_of(c, after, period));
}

static void keep_earlier(struct event *best, const struct event *candidate) {
        if (candidate->at_usec < best->at_usec)
                *best = *candidate;
}

/* Position `i` of all sources. false: there are no more. */
static bool look_at(const struct sim_call *c, size_t i, uint64_t after, struct event *best) {
        const struct sim_entity *e = c->unit->entity;
        const struct sim_log_message *messages = e->logs->messages.items;
        const struct sim_fault *faults = e->faults.items;
        const struct sim_operation *operations = e->operations.items;
        struct event event = { .at_usec = NEVER };

        if (i < e->logs->messages.n) {
                event.message = &messages[i];
                event.at_usec = series(c, c->unit->logs.since_usec + sim_usec(messages[i].after_secs),
                                       messages[i].period_secs, after);
        } else if ((i -= e->logs->messages.n) < 2 * e->faults.n) {
                event.fault = &faults[i / 2];
                event.heals = i % 2;
                if (!event.heals || event.fault->heals_after_secs.set)
                        event.at_usec =
                                series(c,
                                       c->sim->start_usec + sim_usec(event.fault->appears_after_secs) +
                                               (event.heals ? sim_usec(event.fault->heals_after_secs) : 0),
                                       event.fault->period_secs, after);
        } else if ((i -= 2 * e->faults.n) < e->operations.n) {
                event.operation = operations[i].named.id;
                event.at_usec = sim_execution_end(c->unit, i, after, &event.failure);
        } else
                return false;
        keep_earlier(best, &event);
        return true;
}

/* --- texts ---------------------------------------------------------------------------------------------- */

/* The value of data at that moment as a person reads it. */
static const char *value_at(const struct sim_call *c, const char *id, uint64_t usec,
                            struct sovd_arena *arena) {
        const ssize_t i = sim_data_find(c->unit, id);
        const cJSON *value;
        char *text;

        if (i < 0 || sim_data_at(c->sim, c->unit, (size_t)i, usec, arena, &value))
                return NULL;
        if (cJSON_IsString(value))
                return value->valuestring;
        if (sim_value_text(value, &text))
                return NULL;
        const char *copy = sovd_arena_strdup(arena, text);
        free(text);
        return copy;
}

static const char *fill_in(const struct sim_call *c, const char *text, uint64_t usec,
                           struct sovd_arena *arena) {
        const char *all = "";

        while (all && *text) {
                const size_t plain = strcspn(text, "{");
                all = sovd_arena_printf(arena, "%s%.*s", all, (int)plain, text);
                text += plain;
                const char *end = *text ? strchr(text, '}') : NULL;
                const char *id = end ? sovd_arena_strndup(arena, text + 1, (size_t)(end - text) - 1) : NULL;
                const char *value = id ? value_at(c, id, usec, arena) : NULL;
                if (all && value)
                        all = sovd_arena_printf(arena, "%s%s", all, value);
                else if (all && *text)
                        all = sovd_arena_printf(arena, "%s%.*s", all, end ? (int)(end - text) + 1 : 1, text);
                text += end ? end - text + 1 : *text ? 1 : 0;
        }
        return all;
}

static size_t context_named(const struct sim_unit *unit, const char *id) {
        const struct sim_log_context *all = unit->entity->logs->contexts.items;
        size_t i = 0;

        while (i < unit->entity->logs->contexts.n - 1 && strcmp(all[i].id, id) != 0)
                i++;
        return i;
}

void sim_log_execution_end(const struct sim_call *c, const char *operation, const char *failure) {
        if (failure)
                sim_log_note(c, SOVD_SEVERITY_ERROR, "operation '%s' failed: %s", operation, failure);
        else
                sim_log_note(c, SOVD_SEVERITY_INFO, "operation '%s' ended", operation);
}

static void write_event(const struct sim_call *c, const struct event *event, struct sovd_arena *arena) {
        const struct sim_call at = { c->sim, c->unit, event->at_usec };

        if (event->message) {
                const char *text = fill_in(c, event->message->text, event->at_usec, arena);
                if (text)
                        sim_log_add(c, context_named(c->unit, event->message->context),
                                    event->message->severity, event->at_usec, text);
        } else if (event->fault) {
                sim_log_note(&at, event->heals ? SOVD_SEVERITY_INFO : (int)event->fault->severity.value,
                             "fault %s %s: %s", event->fault->code,
                             event->heals ? "is not active any more" : "appeared", event->fault->name);
        } else
                sim_log_execution_end(&at, event->operation, event->failure);
}

/* What comes at the same moment is written together. */
static void write_moment(const struct sim_call *c, uint64_t after, uint64_t moment,
                         struct sovd_arena *arena) {
        bool more = true;

        for (size_t i = 0; more; i++) {
                struct event event = { .at_usec = NEVER };
                more = look_at(c, i, after, &event);
                if (more && event.at_usec == moment)
                        write_event(c, &event, arena);
        }
}

void sim_log_catch_up(const struct sim_call *c, struct sovd_arena *arena) {
        struct log_state *logs = &c->unit->logs;

        while (c->unit->entity->logs && logs->seen_usec < c->now_usec) {
                struct event next = { .at_usec = NEVER };
                for (size_t i = 0; look_at(c, i, logs->seen_usec, &next); i++)
                        ;
                if (next.at_usec <= c->now_usec)
                        write_moment(c, logs->seen_usec, next.at_usec, arena);
                logs->seen_usec = SOVD_MIN(next.at_usec, c->now_usec);
        }
}
