/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include "sovd-core/base/clock.h"
#include <errno.h>
#include <stdio.h>

static size_t keep_of(const struct sim_unit *unit) {
        return (size_t)unit->entity->logs->keep.value;
}

static const struct sim_log_context *context_of(const struct sim_unit *unit, size_t i) {
        return (const struct sim_log_context *)unit->entity->logs->contexts.items + i;
}

/* What is there at the start counts from one moment before it. */
int sim_logs_init(struct sim *sim, struct sim_unit *unit) {
        if (!unit->entity->logs)
                return 0;

        unit->logs.lines = sovd_arena_array(sim->arena, struct log_line, keep_of(unit));
        unit->logs.severities = sovd_arena_array(sim->arena, int, unit->entity->logs->contexts.n);
        unit->logs.since_usec = sim->start_usec;
        unit->logs.seen_usec = sim->start_usec - 1;
        return unit->logs.lines && unit->logs.severities ? 0 : sovd_error_origin(-ENOMEM);
}

void sim_logs_done(struct sim_unit *unit) {
        for (size_t i = 0; unit->logs.lines && i < keep_of(unit); i++)
                free(unit->logs.lines[i].text);
}

/* --- writing -------------------------------------------------------------------------------------------- */

static int severity_of(const struct sim_unit *unit, size_t context) {
        const int configured = unit->logs.severities[context];

        return configured ? configured : context_of(unit, context)->severity;
}

/* An entry for which there is no memory is lost, as in a logger that runs full. */
void sim_log_add(const struct sim_call *c, size_t context, int severity, uint64_t usec, const char *text) {
        struct log_state *logs = &c->unit->logs;
        const size_t keep = keep_of(c->unit);
        char *copy = sovd_log_severity_passes(severity, severity_of(c->unit, context)) ? strdup(text) : NULL;
        if (!copy)
                return;

        if (logs->n == keep) {
                logs->first = (logs->first + 1) % keep;
                logs->n--;
        }
        struct log_line *line = &logs->lines[(logs->first + logs->n++) % keep];
        free(line->text);
        *line = (struct log_line){
                .written_usec = sovd_realtime_usec() - (sovd_now_usec() - usec),
                .context = context_of(c->unit, context),
                .severity = severity,
                .text = copy,
        };
}

void sim_log_note(const struct sim_call *c, int severity, const char *format, ...) {
        char text[1024];
        va_list args;

        if (!c->unit->entity->logs)
                return;
        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        sim_text_trim(text);
        sim_log_add(c, 0, severity, c->now_usec, text);
}

/* --- reading -------------------------------------------------------------------------------------------- */

static struct sovd_log_context *describe_context(struct sovd_arena *arena,
                                                 const struct sim_log_context *context) {
        struct sovd_log_context *ret = sovd_arena_new0(arena, struct sovd_log_context);

        if (ret)
                *ret = (struct sovd_log_context){
                        .type = context->type,
                        .host = context->host,
                        .process = context->process,
                        .pid = context->pid,
                        .session = context->session,
                        .session_id = context->session_id,
                        .application_id = context->application_id,
                        .context_id = context->context_id,
                        .message_id = context->message_id,
                };
        return ret;
}

static int describe_line(struct sovd_arena *arena, const struct log_line *line, struct sovd_log_entry *ret) {
        char when[SOVD_TIMESTAMP_SIZE];

        *ret = (struct sovd_log_entry){
                .timestamp = sovd_arena_strdup(arena, sovd_clock_format(when, line->written_usec)),
                .context = describe_context(arena, line->context),
                .severity = line->severity,
                .msg = sovd_arena_strdup(arena, line->text),
        };
        return ret->timestamp && ret->context && ret->msg ? 0 : sovd_error_origin(-ENOMEM);
}

static int list(struct sovd_call *call, const struct sim_call *c, int least, struct sovd_list *ret) {
        const struct log_state *logs = &c->unit->logs;
        struct sovd_log_entry *items = SIM_ITEMS(call, struct sovd_log_entry, logs->n);
        if (!items)
                return sovd_error_origin(-ENOMEM);

        ret->items = items;
        for (size_t i = 0; i < logs->n; i++) {
                const struct log_line *line = &logs->lines[(logs->first + i) % keep_of(c->unit)];
                if (!sovd_log_severity_passes(line->severity, least))
                        continue;
                int r = describe_line(call->arena, line, &items[ret->n++]);
                if (r)
                        return r;
        }
        return 0;
}

int sim_log_entries(struct sovd_call *call, const struct sovd_entity *e, int least,
                    struct sovd_log_list *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_LOGS);
        if (r)
                return r;
        r = list(call, &c, least, &ret->items);
        sim_leave(&c);
        return r;
}

/* --- configuration -------------------------------------------------------------------------------------- */

int sim_log_config_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_log_config *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_LOGS);
        if (r)
                return r;

        const size_t n = c.unit->entity->logs->contexts.n;
        struct sovd_log_configuration *items = SIM_ITEMS(call, struct sovd_log_configuration, n);
        for (size_t i = 0; items && i < n; i++) {
                items[i].context = describe_context(call->arena, context_of(c.unit, i));
                items[i].severity = severity_of(c.unit, i);
                if (!items[i].context)
                        items = NULL;
        }
        ret->contexts = (struct sovd_list){ .items = items, .n = items ? n : 0 };
        sim_leave(&c);
        return items ? 0 : sovd_error_origin(-ENOMEM);
}

/* Sets the severity of each context that a configuration names; how many there are. */
static size_t configure(const struct sim_unit *unit, const struct sovd_log_configuration *wanted,
                        int *severities) {
        size_t n = 0;

        for (size_t i = 0; i < unit->entity->logs->contexts.n; i++) {
                const struct sim_log_context *own = context_of(unit, i);
                const struct sovd_log_context context = {
                        .type = own->type,
                        .host = own->host,
                        .process = own->process,
                        .pid = own->pid,
                        .session = own->session,
                        .session_id = own->session_id,
                        .application_id = own->application_id,
                        .context_id = own->context_id,
                        .message_id = own->message_id,
                };
                if (!sovd_log_context_matches(wanted->context, &context))
                        continue;
                severities[i] = wanted->severity;
                n++;
        }
        return n;
}

static int write_config(struct sovd_call *call, const struct sim_call *c,
                        const struct sovd_log_config *config) {
        const struct sovd_log_configuration *all = config->contexts.items;
        const size_t n = c->unit->entity->logs->contexts.n;
        int *severities = sovd_arena_array(call->arena, int, n);
        if (!severities)
                return sovd_error_origin(-ENOMEM);

        memcpy(severities, c->unit->logs.severities, n * sizeof(*severities));
        for (size_t i = 0; i < config->contexts.n; i++)
                if (!configure(c->unit, &all[i], severities))
                        return sovd_fail_at(call, SOVD_E_BAD_VALUE,
                                            sovd_call_printf(call, "/items/%zu/context", i),
                                            "'%s' has no such log context", c->unit->entity->named.id);
        memcpy(c->unit->logs.severities, severities, n * sizeof(*severities));
        return 0;
}

int sim_log_config_write(struct sovd_call *call, const struct sovd_entity *e,
                         const struct sovd_log_config *config) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_LOGS);
        if (r)
                return r;
        r = write_config(call, &c, config);
        sim_leave(&c);
        return r;
}

int sim_log_config_reset(struct sovd_call *call, const struct sovd_entity *e) {
        bool configured = false;
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_LOGS);
        if (r)
                return r;
        for (size_t i = 0; i < c.unit->entity->logs->contexts.n; i++) {
                configured = configured || c.unit->logs.severities[i];
                c.unit->logs.severities[i] = 0;
        }
        sim_leave(&c);
        return configured ? 0 : sovd_fail(call, SOVD_E_NOT_FOUND, "the log of '%s' is not configured", e->id);
}

int sim_log_append(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_log_entry *entry) {
        size_t context = 0;
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_LOGS);
        if (r)
                return r;
        const size_t n = c.unit->entity->logs->contexts.n;
        int *named = entry->context ? sovd_arena_array(call->arena, int, n) : NULL;
        const struct sovd_log_configuration wanted = { .context = entry->context, .severity = 1 };
        if (named && configure(c.unit, &wanted, named))
                while (!named[context])
                        context++;
        sim_log_add(&c, context, entry->severity, c.now_usec, entry->msg);
        sim_leave(&c);
        return 0;
}
