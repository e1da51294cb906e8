/* SPDX-License-Identifier: Apache-2.0 */
/* What a table cannot say of the steps of a script: that each does one thing, with what the entity has. */
#include "backends/sim/value.h"
#include <cjson/cJSON.h>

static const struct sim_operation *find_operation(const struct sim_entity *e, const char *id) {
        const struct sim_operation *all = e->operations.items;

        for (size_t i = 0; i < e->operations.n; i++)
                if (strcmp(all[i].named.id, id) == 0)
                        return &all[i];
        return NULL;
}

_printf_(2, 3) static const char *say(struct sovd_arena *arena, const char *format, ...) {
        va_list args;

        va_start(args, format);
        const char *text = sovd_arena_vprintf(arena, format, args);
        va_end(args);
        return text ? text : "out of memory";
}

/* Members that belong to another kind of step. */
static const char *refuse_members(const struct sim_step *s) {
        if ((s->read != NULL) + (s->write != NULL) + (s->start != NULL) + (s->expect != NULL) +
                    s->wait_ms.set !=
            1)
                return "must have exactly one of read, write, start, expect and wait_ms";
        if (s->as && !s->read && !s->start)
                return "has 'as', which only read and start have";
        if (s->value && !s->write && !s->expect)
                return "has 'value', which only write and expect have";
        if (s->parameters && !s->start)
                return "has 'parameters', which only start has";
        if ((s->min.set || s->max.set) && !s->expect)
                return "has 'min' or 'max', which only expect has";
        return NULL;
}

static const char *refuse_write(const struct sim_step *s, const struct sim_data *d,
                                struct sovd_arena *arena) {
        if (!d->writable.value)
                return say(arena, "writes data '%.128s', which can only be read", s->write);
        if (!s->value)
                return "write needs a value";

        const char *part, *why = sim_value_refuse(&d->value, s->value, arena, &part);
        return why ? say(arena, "writes data '%.128s', which %s", s->write, why) : NULL;
}

static const char *refuse_expect(const struct sim_step *s, const struct sim_data *d,
                                 struct sovd_arena *arena) {
        const bool is_number = d->value.type == SIM_NUMBER || d->value.type == SIM_INTEGER;
        const bool range = s->min.set || s->max.set;

        if ((s->value != NULL) == range)
                return "expect needs either value, or min or max";
        if (range && !is_number)
                return say(arena, "expects data '%.128s' in a range, which is no number", s->expect);
        if (s->min.set && s->max.set && s->min.value > s->max.value)
                return "has a min above its max";
        return NULL;
}

static const char *refuse_start(const struct sim_entity *e, const struct sim_step *s,
                                struct sovd_arena *arena) {
        const struct sim_operation *o = find_operation(e, s->start);

        if (!o)
                return say(arena, "starts operation '%.128s', which '%s' has not", s->start, e->named.id);
        if (o->proximity_proof.value)
                return say(arena, "starts operation '%.128s', which needs a proof of proximity", s->start);
        return NULL;
}

static const char *refuse(const struct sim_entity *e, const struct sim_step *s, struct sovd_arena *arena) {
        const char *id = s->read ? s->read : s->write ? s->write : s->expect;
        const struct sim_data *d = sim_find_data(e, id);

        const char *why = refuse_members(s);
        if (why)
                return why;
        if (id && !d)
                return say(arena, "names data '%.128s', which '%s' has not", id, e->named.id);
        if (s->write)
                return refuse_write(s, d, arena);
        if (s->expect)
                return refuse_expect(s, d, arena);
        return s->start ? refuse_start(e, s, arena) : NULL;
}

static const char *result_of(const struct sim_step *s) {
        if (!s->read && !s->start)
                return NULL;
        return s->as ? s->as : s->read ? s->read : s->start;
}

static const char *refuse_result(const struct sim_step *all, size_t i, struct sovd_arena *arena) {
        const char *name = result_of(&all[i]);

        for (size_t k = 0; name && k < i; k++)
                if (sovd_streq(result_of(&all[k]), name))
                        return say(arena, "gives a result '%.128s' a second time: name it with as", name);
        return NULL;
}

const char *sim_steps_refuse(const struct sim_entity *e, const struct sovd_list *steps, size_t *ret_step,
                             struct sovd_arena *arena) {
        const struct sim_step *all = steps->items;

        for (size_t i = 0; i < steps->n; i++) {
                const char *why = refuse(e, &all[i], arena);
                *ret_step = i;
                why = why ? why : refuse_result(all, i, arena);
                if (why)
                        return why;
        }
        return NULL;
}
