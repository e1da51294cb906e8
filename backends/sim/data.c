/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>

#define DECIMALS_MAX 9

static const struct sim_data *data_of(const struct sim_unit *unit, size_t i) {
        return (const struct sim_data *)unit->entity->data.items + i;
}

ssize_t sim_data_find(const struct sim_unit *unit, const char *id) {
        for (size_t i = 0; i < unit->entity->data.n; i++)
                if (sovd_streq(data_of(unit, i)->value.named.id, id))
                        return (ssize_t)i;
        return -1;
}

static double number_of(const char *text) {
        return strtod(text, NULL);
}

/* --- behaviours ----------------------------------------------------------------------------------------- */

/* splitmix64 */
static uint64_t mix(uint64_t input) {
        uint64_t z = input + UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

/* The nth number of a sequence, from -1 to 1; mixed twice, so that no sequence is a part of another one. */
static double noise(uint64_t sequence, uint64_t n) {
        return (double)(mix(mix(sequence) + n) >> 11) / (double)(UINT64_C(1) << 52) - 1;
}

static double follow(const struct sim_data *d, const struct data_state *state, uint64_t usec) {
        const double passed = usec > state->since_usec ? (double)(usec - state->since_usec) / 1e6 : 0;
        const double way = state->target - state->from, moved = d->rate.value * passed;

        return fabs(way) <= moved ? state->target : state->from + copysign(moved, way);
}

static double behave(const struct sim *sim, const struct sim_unit *unit, size_t i, uint64_t usec) {
        const struct sim_data *d = data_of(unit, i);
        const uint64_t passed = usec - sim->start_usec, period = sim_usec(d->period_secs);
        const double phase = (double)(passed % period) / (double)period;
        const double low = number_of(unit->data[i].text);

        switch (d->behaviour) {
        case SIM_RAMP:
                return low + d->amplitude.value * phase;
        case SIM_SINE:
                return low + d->amplitude.value * sin(2 * M_PI * phase);
        case SIM_NOISE:
                return low + d->amplitude.value * noise(unit->salt + i, passed / period);
        default:
                return follow(d, &unit->data[i], usec);
        }
}

static double step_of(const struct sim_data *d) {
        return d->step.set ? d->step.value : d->value.type == SIM_INTEGER ? 1 : 0.1;
}

/* How many decimals a multiple of the step needs. */
static int decimals_of(double step) {
        int n = 0;

        for (double scaled = step;
             n < DECIMALS_MAX && (round(scaled) < 1 || fabs(scaled - round(scaled)) > 1e-6); n++)
                scaled *= 10;
        return n;
}

/* Within the value's own limits, and within those of what can be printed with all its decimals. */
static double bounded(const struct sim_value *v, double number) {
        number = fmin(fmax(number, (double)-SIM_NUMBER_MAX), (double)SIM_NUMBER_MAX);
        if (v->min.set && number < v->min.value)
                return v->min.value;
        return v->max.set && number > v->max.value ? v->max.value : number;
}

int sim_data_at(const struct sim *sim, const struct sim_unit *unit, size_t i, uint64_t usec,
                struct sovd_arena *arena, const cJSON **ret) {
        const struct sim_data *d = data_of(unit, i);
        if (d->behaviour == SIM_CONSTANT)
                return sim_value_node(arena, unit->data[i].text, ret);

        const double step = step_of(d);
        double number =
                bounded(&d->value, round(bounded(&d->value, behave(sim, unit, i, usec)) / step) * step);
        const int decimals = d->value.type == SIM_INTEGER ? 0 : decimals_of(step);
        if (fabs(number) < step / 2)
                number = 0; /* not -0.0 */
        const char *text = sovd_arena_printf(arena, "%.*f", decimals, number);
        return text ? sim_value_node(arena, text, ret) : sovd_error_origin(-ENOMEM);
}

/* --- state ---------------------------------------------------------------------------------------------- */

/* Those that follow the one that changes go on from where they are, towards its new value. */
static void turn_followers(struct sim_unit *unit, const char *id, double target, uint64_t now) {
        for (size_t i = 0; i < unit->entity->data.n; i++) {
                const struct sim_data *d = data_of(unit, i);
                struct data_state *state = &unit->data[i];
                if (d->behaviour != SIM_FOLLOW || !sovd_streq(d->of, id))
                        continue;
                state->from = follow(d, state, now);
                state->target = target;
                state->since_usec = now;
        }
}

static void start_follower(struct sim *sim, struct sim_unit *unit, size_t i) {
        const ssize_t of = sim_data_find(unit, data_of(unit, i)->of);

        unit->data[i].from = number_of(unit->data[i].text);
        unit->data[i].target = of >= 0 ? number_of(unit->data[of].text) : unit->data[i].from;
        unit->data[i].since_usec = sim->start_usec;
}

int sim_data_init(struct sim *sim, struct sim_unit *unit) {
        for (size_t i = 0; i < unit->entity->data.n; i++) {
                int r = sim_value_text(data_of(unit, i)->value.value, &unit->data[i].text);
                if (r)
                        return r;
        }
        for (size_t i = 0; i < unit->entity->data.n; i++)
                if (data_of(unit, i)->behaviour == SIM_FOLLOW)
                        start_follower(sim, unit, i);
        return 0;
}

/* --- ops ------------------------------------------------------------------------------------------------ */

static struct sovd_data_item item_of(const struct sim_data *d) {
        return (struct sovd_data_item){
                .id = d->value.named.id,
                .name = d->value.named.name,
                .translation_id = d->value.named.translation_id,
                .category = d->category,
                .groups = d->groups,
                .tags = d->value.named.tags,
                .description = d->description,
                .unit = d->unit,
                .data_type = sim_type_names[d->value.type - 1],
                .access = d->writable.value ? "readWrite" : "readOnly",
        };
}

int sim_data_list(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_data_filter *filter,
                  struct sovd_data_list *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_DATA);
        if (r)
                return r;

        const struct sim_unit *unit = c.unit;
        struct sovd_data_item *items = SIM_ITEMS(call, struct sovd_data_item, unit->entity->data.n);
        for (size_t i = 0; items && i < unit->entity->data.n; i++) {
                items[ret->items.n] = item_of(data_of(unit, i));
                ret->items.n += sovd_data_filter_matches(filter, &items[ret->items.n]);
        }
        ret->items.items = items;
        sim_leave(&c);
        return items ? 0 : sovd_error_origin(-ENOMEM);
}

int sim_data_groups(struct sovd_call *call, const struct sovd_entity *e, struct sovd_data_group_list *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_DATA);
        if (r)
                return r;

        const struct sim_group *all = c.unit->entity->groups.items;
        const size_t n = c.unit->entity->groups.n;
        struct sovd_data_group *items = SIM_ITEMS(call, struct sovd_data_group, n);
        for (size_t i = 0; items && i < n; i++)
                items[i] =
                        (struct sovd_data_group){ .id = all[i].named.id,
                                                  .category = all[i].category,
                                                  .category_translation_id = all[i].category_translation_id,
                                                  .group = all[i].named.name,
                                                  .group_translation_id = all[i].named.translation_id,
                                                  .tags = all[i].named.tags };
        ret->items = (struct sovd_list){ .items = items, .n = items ? n : 0 };
        sim_leave(&c);
        return items ? 0 : sovd_error_origin(-ENOMEM);
}

/* --- reading and writing -------------------------------------------------------------------------------- */

int sim_add_error(struct sovd_call *call, struct sovd_list *errors, const char *path, const char *why) {
        struct sovd_data_error *all = sovd_arena_array(call->arena, struct sovd_data_error, errors->n + 1);
        struct sovd_generic_error *body = sovd_arena_new0(call->arena, struct sovd_generic_error);

        if (!all || !body)
                return sovd_error_origin(-ENOMEM);
        if (errors->n)
                memcpy(all, errors->items, errors->n * sizeof(*all));
        *body = (struct sovd_generic_error){ .error_code = "error-response", .message = why };
        all[errors->n] = (struct sovd_data_error){ .path = path, .error = body };
        *errors = (struct sovd_list){ .items = all, .n = errors->n + 1, .set = true };
        return 0;
}

static int read_value(struct sovd_call *call, const struct sim_call *c, const char *id,
                      struct sovd_data_value *ret) {
        const ssize_t i = sim_data_find(c->unit, id);
        if (i < 0)
                return sim_no_resource(call, c->unit, "data", id);

        const struct sim_data *d = data_of(c->unit, (size_t)i);
        ret->id = d->value.named.id;
        ret->unit = d->unit;
        if (d->read_error) {
                int r = sim_value_node(call->arena, "{}", &ret->data);
                return r ? r : sim_add_error(call, &ret->errors, "/data", d->read_error);
        }
        return sim_data_at(c->sim, c->unit, (size_t)i, c->now_usec, call->arena, &ret->data);
}

int sim_data_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                  struct sovd_data_value *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_DATA);
        if (r)
                return r;
        r = read_value(call, &c, id, ret);
        sim_leave(&c);
        return r;
}

int sim_data_put(const struct sim_call *c, size_t i, const cJSON *value, struct sovd_arena *arena) {
        char *text;

        int r = sim_faults_keep_frames(c, arena);
        if (!r)
                r = sim_value_text(value, &text);
        if (r)
                return r;
        free(c->unit->data[i].text);
        c->unit->data[i].text = text;
        turn_followers(c->unit, data_of(c->unit, i)->value.named.id, number_of(text), c->now_usec);
        return 0;
}

static int write_value(struct sovd_call *call, const struct sim_call *c, const char *id, const cJSON *value,
                       const char *signature) {
        const ssize_t i = sim_data_find(c->unit, id);
        if (i < 0)
                return sim_no_resource(call, c->unit, "data", id);

        const struct sim_data *d = data_of(c->unit, (size_t)i);
        if (!d->writable.value)
                return sovd_fail(call, SOVD_E_FORBIDDEN, "data '%s' can only be read", id);
        int r = sim_check_required(call, c->unit, &d->required, "writing data", id);
        if (r)
                return r;
        r = sim_refuse(call, &d->value, value, "data", id);
        if (r)
                return r;
        if (signature)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "data '%s' checks no signatures", id);

        r = sim_data_put(c, (size_t)i, value, call->arena);
        if (!r)
                sim_log_note(c, SOVD_SEVERITY_INFO, "data '%s' was written: %s", id, c->unit->data[i].text);
        return r;
}

int sim_data_write(struct sovd_call *call, const struct sovd_entity *e, const char *id, const cJSON *value,
                   const char *signature) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_DATA);
        if (r)
                return r;
        r = write_value(call, &c, id, value, signature);
        sim_leave(&c);
        return r;
}

int sim_data_set(struct sovd_call *call, const struct sim_call *c, const char *id, const cJSON *value) {
        return write_value(call, c, id, value, NULL);
}
