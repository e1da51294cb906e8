/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include "sovd-core/attempts.h"
#include "sovd-core/base/log.h"
#include "sovd-core/gateway.h"
#include <cjson/cJSON.h>
#include <errno.h>

static const struct sim_mode *mode_of(const struct sim_unit *unit, size_t i) {
        return (const struct sim_mode *)unit->entity->modes.items + i;
}

static void to_default(struct sim_unit *unit, size_t i) {
        unit->modes[i].value = mode_of(unit, i)->initial;
        unit->modes[i].expires_usec = UINT64_MAX;
}

void sim_modes_init(struct sim_unit *unit) {
        for (size_t i = 0; i < unit->entity->modes.n; i++)
                to_default(unit, i);
}

void sim_modes_free(struct sim_unit *unit) {
        for (size_t i = 0; i < unit->entity->modes.n; i++)
                sim_unlock_free(&unit->modes[i].unlock);
}

/* --- conditions ----------------------------------------------------------------------------------------- */

static bool holds(const struct sim_unit *unit, const struct sim_condition *condition) {
        for (size_t i = 0; i < condition->values.n; i++)
                if (strcmp(unit->modes[condition->mode].value, condition->values.items[i]) == 0)
                        return true;
        return false;
}

static const struct sim_condition *unmet(const struct sim_unit *unit, const struct sim_required *required) {
        for (size_t i = 0; i < required->n; i++)
                if (!holds(unit, &required->conditions[i]))
                        return &required->conditions[i];
        return NULL;
}

/* "'a'", "'a' or 'b'" */
static const char *one_of(struct sovd_call *call, const struct sovd_strings *values, const char *between) {
        const char *all = "";

        for (size_t i = 0; i < values->n; i++)
                all = sovd_call_printf(call, "%s%s'%s'", all, i ? between : "", values->items[i]);
        return all;
}

int sim_check_required(struct sovd_call *call, const struct sim_unit *unit,
                       const struct sim_required *required, const char *what, const char *id) {
        const struct sim_condition *condition = unmet(unit, required);

        if (!condition)
                return 0;
        return sovd_fail(call, SOVD_E_CONFLICT, "%s '%s' needs mode '%s' to be %s, and it is '%s'", what, id,
                         mode_of(unit, condition->mode)->named.id, one_of(call, &condition->values, " or "),
                         unit->modes[condition->mode].value);
}

void sim_modes_settle(struct sim_unit *unit, uint64_t now_usec) {
        bool changed = true;

        while (changed) { /* a mode that falls back may take others with it */
                changed = false;
                for (size_t i = 0; i < unit->entity->modes.n; i++) {
                        const struct sim_mode *mode = mode_of(unit, i);
                        struct mode_state *state = &unit->modes[i];
                        if (state->value == mode->initial ||
                            (now_usec < state->expires_usec && !unmet(unit, &mode->required)))
                                continue;
                        to_default(unit, i);
                        changed = true;
                }
        }
}

/* --- reading -------------------------------------------------------------------------------------------- */

static struct mode_state *find(const struct sim_call *c, const char *id, const struct sim_mode **ret_mode) {
        for (size_t i = 0; i < c->unit->entity->modes.n; i++) {
                const struct sim_mode *mode = mode_of(c->unit, i);
                if (strcmp(mode->named.id, id) != 0)
                        continue;
                *ret_mode = mode;
                return &c->unit->modes[i];
        }
        return NULL;
}

const char *sim_mode_now(const struct sim_call *c, const char *id) {
        const struct sim_mode *mode;
        sim_modes_settle(c->unit, c->now_usec);
        const struct mode_state *state = find(c, id, &mode);

        return state ? state->value : NULL;
}

int sim_modes_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_mode_list *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_MODES);
        if (r)
                return r;

        const size_t n = c.unit->entity->modes.n;
        struct sovd_mode *items = SIM_ITEMS(call, struct sovd_mode, n);
        for (size_t i = 0; items && i < n; i++) {
                const struct sim_named *named = &mode_of(c.unit, i)->named;
                items[i] = (struct sovd_mode){ .id = named->id,
                                               .name = named->name,
                                               .translation_id = named->translation_id,
                                               .tags = named->tags };
        }
        ret->items = (struct sovd_list){ .items = items, .n = items ? n : 0 };
        sim_leave(&c);
        return items ? 0 : sovd_error_origin(-ENOMEM);
}

static void write_text_schema(struct sovd_json_writer *w, const char *name) {
        sovd_json_key(w, name);
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "type", "string");
        sovd_json_object_end(w);
}

static void write_value_schema(struct sovd_json_writer *w, const struct sim_mode *mode) {
        sovd_json_key(w, "value");
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "type", "string");
        sovd_json_key(w, "enum");
        sovd_json_array_begin(w);
        for (size_t i = 0; i < mode->values.n; i++)
                sovd_json_string(w, mode->values.items[i]);
        sovd_json_array_end(w);
        sovd_json_key_string(w, "default", mode->initial);
        sovd_json_object_end(w);
}

static const struct sovd_int *default_secs(const struct sim_mode *mode) {
        return mode->default_secs.set ? &mode->default_secs : &mode->expires_secs;
}

static void write_expiration_schema(struct sovd_json_writer *w, const struct sim_mode *mode) {
        sovd_json_key(w, "mode_expiration");
        sovd_json_object_begin(w);
        sovd_json_key_string(w, "type", "integer");
        sovd_json_key_int(w, "minimum", mode->shortest_secs.set ? mode->shortest_secs.value : 1);
        if (mode->expires_secs.set)
                sovd_json_key_int(w, "maximum", mode->expires_secs.value);
        if (default_secs(mode)->set)
                sovd_json_key_int(w, "default", default_secs(mode)->value);
        sovd_json_object_end(w);
}

/* What may be written is a part of it: clients learn the defaults from nowhere else (ISO 17978-3 7.16). */
static int make_schema(struct sovd_call *call, const struct sim_mode *mode, const struct cJSON **ret) {
        struct sovd_json_writer w;

        if (!sovd_streq(sovd_call_query(call, "include-schema"), "true"))
                return 0;
        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "type", "object");
        sovd_json_key(&w, "properties");
        sovd_json_object_begin(&w);
        write_text_schema(&w, "id");
        write_text_schema(&w, "name");
        write_text_schema(&w, "translation_id");
        write_value_schema(&w, mode);
        write_expiration_schema(&w, mode);
        sovd_json_object_end(&w);
        sovd_json_object_end(&w);
        return sim_written_node(call->arena, &w, ret);
}

int sim_mode_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                  struct sovd_mode_detail *ret) {
        const struct sim_mode *mode;
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_MODES);
        if (r)
                return r;

        const struct mode_state *state = find(&c, id, &mode);
        if (state) {
                *ret = (struct sovd_mode_detail){ .id = mode->named.id,
                                                  .value = state->value,
                                                  .name = mode->named.name,
                                                  .translation_id = mode->named.translation_id };
                r = make_schema(call, mode, &ret->schema);
        } else
                r = sim_no_resource(call, c.unit, "mode", id);
        sim_leave(&c);
        return r;
}

/* --- writing -------------------------------------------------------------------------------------------- */

static const char *find_value(const struct sim_mode *mode, const cJSON *json) {
        for (size_t i = 0; cJSON_IsString(json) && i < mode->values.n; i++)
                if (strcmp(mode->values.items[i], json->valuestring) == 0)
                        return mode->values.items[i];
        return NULL;
}

static int check_transition(struct sovd_call *call, const struct sim_mode *mode, const char *from,
                            const char *to) {
        const struct sim_transition *all = mode->transitions.items;

        if (!mode->transitions.n || strcmp(from, to) == 0)
                return 0;
        for (size_t i = 0; i < mode->transitions.n; i++)
                for (size_t k = 0; strcmp(all[i].from, from) == 0 && k < all[i].to.n; k++)
                        if (strcmp(all[i].to.items[k], to) == 0)
                                return 0;
        return sovd_fail(call, SOVD_E_CONFLICT, "mode '%s' cannot go from '%s' to '%s'", mode->named.id, from,
                         to);
}

static int check_expiration(struct sovd_call *call, const struct sim_mode *mode,
                            const struct sovd_int *wanted) {
        const struct sovd_int *most = &mode->expires_secs, *least = &mode->shortest_secs;

        if (wanted->set && most->set && wanted->value > most->value)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/mode_expiration",
                                    "mode '%s' stays for at most %lld seconds", mode->named.id,
                                    (long long)most->value);
        if (wanted->set && least->set && wanted->value < least->value)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/mode_expiration",
                                    "mode '%s' stays for at least %lld seconds", mode->named.id,
                                    (long long)least->value);
        return 0;
}

/* May the mode leave its default? Proof comes last: a seed is not spent on what is refused anyway. */
static int check_leaving(struct sovd_call *call, const struct sim_call *c, const struct sim_mode *mode,
                         struct mode_state *state, const char *value, const struct sovd_mode_write *write) {
        int r = sim_check_required(call, c->unit, &mode->required, "mode", mode->named.id);

        if (!r && mode->access != SIM_FREE)
                r = sim_unlock_prove(call, mode, &state->unlock, value, write, c->now_usec);
        return r;
}

static int set_value(struct sovd_call *call, const struct sim_call *c, const struct sim_mode *mode,
                     struct mode_state *state, const struct sovd_mode_write *write) {
        const char *value = find_value(mode, write->value);
        if (!value)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/value", "mode '%s' must be one of %s",
                                    mode->named.id, one_of(call, &mode->values, ", "));

        const bool is_default = strcmp(value, mode->initial) == 0;
        int r = check_expiration(call, mode, &write->mode_expiration);
        if (!r)
                r = check_transition(call, mode, state->value, value);
        if (!r && !is_default)
                r = check_leaving(call, c, mode, state, value, write);
        if (r)
                return r;

        const struct sovd_int *stays =
                write->mode_expiration.set ? &write->mode_expiration : default_secs(mode);
        const bool ends = stays->set && !is_default;
        state->value = is_default ? mode->initial : value;
        state->expires_usec = ends ? c->now_usec + (uint64_t)stays->value * SOVD_USEC_PER_SEC : UINT64_MAX;
        sim_modes_settle(c->unit, c->now_usec);
        sim_log_note(c, SOVD_SEVERITY_INFO, "mode '%s' was set to '%s'", mode->named.id, value);
        return 0;
}

static int write_mode(struct sovd_call *call, const struct sim_call *c, const char *id,
                      const struct sovd_mode_write *write, struct sovd_mode_set *ret) {
        const struct sim_mode *mode;
        struct mode_state *state = find(c, id, &mode);
        if (!state)
                return sim_no_resource(call, c->unit, "mode", id);

        *ret = (struct sovd_mode_set){ .id = mode->named.id, .value = write->value };
        const char *level =
                cJSON_IsString(write->value) ? sim_unlock_requested(mode, write->value->valuestring) : NULL;
        if (!level)
                return set_value(call, c, mode, state, write);
        int r = sim_check_required(call, c->unit, &mode->required, "mode", id);
        return r ? r : sim_unlock_request(call, mode, &state->unlock, level, c->now_usec, ret);
}

/* --- wrong keys outlive the process ---------------------------------------------------------------------- */

struct attempts {
        struct sovd_db *db;
        const char *place;   /* in the state */
        bool is_asked_for;   /* they are not known yet */
        unsigned before;     /* the process */
        unsigned n_at_first; /* before the call */
        unsigned n;          /* behind it */
};

/* Of a mode that asks for a proof. With the lock. */
static struct unlock_state *guard_of(const struct sim_call *c, const char *id) {
        const struct sim_mode *mode;
        struct mode_state *state = find(c, id, &mode);

        return state && mode->access != SIM_FREE ? &state->unlock : NULL;
}

/* The state is read without the lock. What cannot be read now is asked for the next time, and until then nothing is unlocked. */
static int restore(struct sovd_call *call, const struct sovd_entity *e, const char *id, struct attempts *a) {
        struct sim_call c;
        int r = sim_enter(&c, call, e, SOVD_COLLECTION_MODES);
        if (r)
                return r;

        const struct unlock_state *u = guard_of(&c, id);
        a->is_asked_for = u && !u->is_restored;
        sim_leave(&c);
        a->db = call->gateway ? sovd_gateway_db(call->gateway) : NULL;
        a->place = sovd_call_printf(call, "modes/%s/%s/%s", sovd_entity_type_paths[e->type], e->id, id);
        r = a->is_asked_for ? sovd_attempts_read(a->db, a->place, &a->before) : 0;
        return r ? sovd_fail_storage(call, r) : 0;
}

/* A wrong key is answered when it is on the disk, so that ending the process gives no further try. A disk that refuses changes
 * nothing of the answer. */
static void keep(const struct attempts *a) {
        if (a->n != a->n_at_first && sovd_attempts_write(a->db, a->place, a->n))
                sovd_log(SOVD_LOG_WARN, "wrong keys for %s cannot be kept now", a->place);
}

int sim_mode_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                   const struct sovd_mode_write *write, struct sovd_mode_set *ret) {
        struct attempts a = { .before = 0 };
        struct sim_call c;

        int r = restore(call, e, id, &a);
        if (!r)
                r = sim_enter(&c, call, e, SOVD_COLLECTION_MODES);
        if (r)
                return r;
        struct unlock_state *u = guard_of(&c, id);
        if (u && a.is_asked_for)
                sim_unlock_restore(u, a.before, c.now_usec);
        a.n_at_first = u ? u->n_failures : 0;
        r = write_mode(call, &c, id, write, ret);
        a.n = u ? u->n_failures : 0;
        sim_leave(&c);
        keep(&a);
        return r;
}
