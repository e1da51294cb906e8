/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/value.h"
#include "sovd-core/base/disposition.h"
#include "sovd-core/base/timestamp.h"
#include "sovd-core/base/id.h"
#include "sovd-core/model/operations.h"
#include <cjson/cJSON.h>

/* Stops at the first problem. */
struct checker {
        struct sim_scenario *scenario;
        const struct sovd_config_tree *tree;
        struct sovd_arena *arena;
        const char *message;
};

#define TOO_LITTLE    0.001 /* seconds */
#define SMALLEST_STEP 1e-9

/* false, with the message; pointer: of the bad key, below `base`. */
static bool _printf_(4, 5)
        refuse(struct checker *k, const char *base, const char *key, const char *format, ...) {
        va_list args;

        va_start(args, format);
        const char *why = sovd_arena_vprintf(k->arena, format, args);
        va_end(args);
        const char *pointer = sovd_arena_printf(k->arena, "%s%s%s", base, *key ? "/" : "", key);
        const char *where = pointer ? sovd_config_where(k->tree, pointer, k->arena) : NULL;
        k->message = where && why ? sovd_arena_printf(k->arena, "%s: %s", where, why) : NULL;
        if (!k->message)
                k->message = "out of memory";
        return false;
}

/* "BASE/LIST/INDEX"; "" when memory is out: the position is coarse then, and the next allocation fails too. */
static const char *below(struct checker *k, const char *base, const char *list, size_t i) {
        const char *pointer = sovd_arena_printf(k->arena, "%s/%s/%zu", base, list, i);

        return pointer ? pointer : "";
}

/* --- names ---------------------------------------------------------------------------------------------- */

static bool check_id(struct checker *k, const char *at, const char *key, const char *id) {
        if (!sovd_id_is_valid(id))
                return refuse(k, at, key,
                              "'%s' cannot be an id: no '/', '\\', leading '$' or control characters", id);
        if (sovd_id_is_reserved(id))
                return refuse(k, at, key, "'%s' is a word that the API needs for itself", id);
        return true;
}

/* The string at `offset` of each struct of a list is an id that comes once. */
static bool check_ids(struct checker *k, const char *base, const char *list_name, const char *key,
                      const struct sovd_list *list, size_t size, size_t offset) {
        const char *items = list->items;

        for (size_t i = 0; i < list->n; i++) {
                const char *at = below(k, base, list_name, i),
                           *id = *(const char *const *)(items + i * size + offset);
                if (!check_id(k, at, key, id))
                        return false;
                for (size_t n = 0; n < i; n++)
                        if (strcmp(*(const char *const *)(items + n * size + offset), id) == 0)
                                return refuse(k, at, key, "'%s' is there already", id);
        }
        return true;
}

/* The same for structs that begin with struct sim_named; a name that is missing is the id. */
static bool check_named(struct checker *k, const char *base, const char *list_name, struct sovd_list *list,
                        size_t size) {
        for (size_t i = 0; i < list->n; i++) {
                struct sim_named *named = (struct sim_named *)((char *)list->items + i * size);
                if (!named->name)
                        named->name = named->id;
        }
        return check_ids(k, base, list_name, "id", list, size, offsetof(struct sim_named, id));
}

static bool is_one_of(const struct sovd_strings *all, const char *s) {
        for (size_t i = 0; i < all->n; i++)
                if (strcmp(all->items[i], s) == 0)
                        return true;
        return false;
}

static const struct sim_entity *find_entity(const struct checker *k, enum sovd_entity_type type,
                                            const char *id) {
        const struct sim_entity *all = k->scenario->entities[type].items;

        for (size_t i = 0; i < k->scenario->entities[type].n; i++)
                if (strcmp(all[i].named.id, id) == 0)
                        return &all[i];
        return NULL;
}

/* --- modes ---------------------------------------------------------------------------------------------- */

/* One text, or a list of them, as a list. */
static bool read_values(struct checker *k, const cJSON *json, struct sovd_strings *ret) {
        const cJSON *one = cJSON_IsArray(json) ? json->child : json;

        ret->items = sovd_arena_array(k->arena, const char *, (size_t)cJSON_GetArraySize(json) + 2);
        for (; ret->items && one; one = cJSON_IsArray(json) ? one->next : NULL) {
                if (!cJSON_IsString(one))
                        return false;
                ret->items[ret->n++] = one->valuestring;
        }
        return ret->n > 0;
}

static bool check_condition(struct checker *k, const char *at, const char *key, const struct sim_entity *e,
                            const cJSON *json, struct sim_condition *ret) {
        const ssize_t mode = sim_find_mode(e, json->string);
        if (mode < 0)
                return refuse(k, at, key, "'%s' has no mode '%s'", e->named.id, json->string);
        if (!read_values(k, json, &ret->values))
                return refuse(k, at, key, "'%s' has to be a text or a list of texts", json->string);

        const struct sim_mode *all = e->modes.items;
        for (size_t i = 0; i < ret->values.n; i++)
                if (!is_one_of(&all[mode].values, ret->values.items[i]))
                        return refuse(k, at, key, "'%s' is not one of the values of mode '%s'",
                                      ret->values.items[i], json->string);
        ret->mode = (size_t)mode;
        return true;
}

/* Modes are found by their position from here on. */
static bool check_required(struct checker *k, const char *at, const char *key, const struct sim_entity *e,
                           struct sim_required *r) {
        const cJSON *json;

        if (!r->json)
                return true;
        r->conditions =
                sovd_arena_array(k->arena, struct sim_condition, (size_t)cJSON_GetArraySize(r->json) + 1);
        if (!r->conditions)
                return refuse(k, at, key, "out of memory");
        cJSON_ArrayForEach (json, r->json) {
                if (!check_condition(k, at, key, e, json, &r->conditions[r->n]))
                        return false;
                r->n++;
        }
        return true;
}

static bool check_transitions(struct checker *k, const char *at, const struct sim_mode *m) {
        const struct sim_transition *all = m->transitions.items;

        for (size_t i = 0; i < m->transitions.n; i++) {
                const char *one = below(k, at, "transitions", i);
                if (!is_one_of(&m->values, all[i].from))
                        return refuse(k, one, "from", "'%s' is not one of the values", all[i].from);
                for (size_t n = 0; n < all[i].to.n; n++)
                        if (!is_one_of(&m->values, all[i].to.items[n]))
                                return refuse(k, one, "to", "'%s' is not one of the values",
                                              all[i].to.items[n]);
        }
        return true;
}

static bool check_access(struct checker *k, const char *at, const struct sim_mode *m) {
        if (m->access == SIM_FREE)
                return m->key ? refuse(k, at, "key", "needs access seed_key or challenge") : true;
        for (size_t i = 0; i < m->values.n; i++)
                if (strlen(m->values.items[i]) > SIM_LEVEL_MAX)
                        return refuse(k, at, "values", "must not be longer than %d bytes with this access",
                                      SIM_LEVEL_MAX);
        return m->key ? true : refuse(k, at, "access", "seed_key and challenge need a key");
}

static bool check_times(struct checker *k, const char *at, const struct sim_mode *m) {
        const struct sovd_int *least = &m->shortest_secs, *most = &m->expires_secs, *usual = &m->default_secs;

        if (least->set && most->set && least->value > most->value)
                return refuse(k, at, "shortest_secs", "must not be above expires_secs");
        if (usual->set &&
            ((most->set && usual->value > most->value) || (least->set && usual->value < least->value)))
                return refuse(k, at, "default_secs", "must be from shortest_secs to expires_secs");
        return true;
}

static bool check_modes(struct checker *k, const char *base, struct sim_entity *e) {
        struct sim_mode *all = e->modes.items;

        if (!check_named(k, base, "modes", &e->modes, sizeof(*all)))
                return false;
        for (size_t i = 0; i < e->modes.n; i++) {
                const char *at = below(k, base, "modes", i);
                if (!all[i].initial)
                        all[i].initial = all[i].values.items[0];
                if (!is_one_of(&all[i].values, all[i].initial))
                        return refuse(k, at, "default", "'%s' is not one of the values", all[i].initial);
                if (!check_transitions(k, at, &all[i]) || !check_access(k, at, &all[i]) ||
                    !check_times(k, at, &all[i]) || !check_required(k, at, "requires", e, &all[i].required))
                        return false;
        }
        return true;
}

/* --- values --------------------------------------------------------------------------------------------- */

static bool check_bounds(struct checker *k, const char *at, const struct sim_value *v) {
        const bool is_number = v->type == SIM_NUMBER || v->type == SIM_INTEGER;

        if (!is_number && v->type != SIM_ARRAY && (v->min.set || v->max.set))
                return refuse(k, at, v->min.set ? "min" : "max",
                              "only numbers, integers and arrays have one");
        if (v->min.set && v->max.set && v->min.value > v->max.value)
                return refuse(k, at, "min", "must not be above max");
        if (v->type != SIM_STRING && v->values.n)
                return refuse(k, at, "values", "only strings have them");
        if (v->value_translation_ids.n && v->value_translation_ids.n != v->values.n)
                return refuse(k, at, "value_translation_ids", "must be as many as values");
        return true;
}

static bool check_members(struct checker *k, const char *at, struct sim_value *v) {
        const struct sim_value *all = v->members.items;

        if (v->members.n && v->type != SIM_OBJECT && v->type != SIM_ARRAY)
                return refuse(k, at, "members", "only objects and arrays have them");
        if (v->type == SIM_OBJECT && !v->members.n)
                return refuse(k, at, "members", "an object needs them");
        if (v->type == SIM_ARRAY && v->members.n > 1)
                return refuse(k, at, "members", "an array has one, which each of its items is like");
        if (!check_named(k, at, "members", &v->members, sizeof(*all)))
                return false;
        for (size_t i = 0; i < v->members.n; i++)
                if (!check_bounds(k, below(k, at, "members", i), &all[i]))
                        return false;
        return true;
}

static bool check_value(struct checker *k, const char *at, struct sim_value *v) {
        const char *part;

        if (!check_bounds(k, at, v) || !check_members(k, at, v))
                return false;
        const char *why = v->value ? sim_value_refuse(v, v->value, k->arena, &part) : NULL;
        return why ? refuse(k, at, "value", "%s%s%s", part, *part ? " " : "", why) : true;
}

static bool check_category(struct checker *k, const char *at, const char *category) {
        static const char *const known[] = { "identData", "currentData", "storedData", "sysInfo", NULL };

        if (sovd_name_find(known, category) >= 0)
                return true;
        if (sovd_has_prefix(category, "x-") &&
            strspn(category, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "0123456789_-") == strlen(category))
                return true;
        return refuse(k, at, "category",
                      "must be identData, currentData, storedData, sysInfo, or x- and letters, digits, "
                      "'_' or '-'");
}

static bool check_follow(struct checker *k, const char *at, const struct sim_entity *e,
                         const struct sim_data *d) {
        const struct sim_data *of = sim_find_data(e, d->of);

        if (!d->of)
                return refuse(k, at, "behaviour", "follow needs the key of");
        if (!of)
                return refuse(k, at, "of", "'%s' has no data '%s'", e->named.id, d->of);
        if (of->behaviour != SIM_CONSTANT || (of->value.type != SIM_NUMBER && of->value.type != SIM_INTEGER))
                return refuse(k, at, "of", "'%s' is not a constant number", d->of);
        return d->rate.value > 0 ? true : refuse(k, at, "rate", "must be above 0");
}

static bool check_behaviour(struct checker *k, const char *at, const struct sim_entity *e,
                            const struct sim_data *d) {
        if (d->behaviour == SIM_CONSTANT)
                return true;
        if (d->value.type != SIM_NUMBER && d->value.type != SIM_INTEGER)
                return refuse(k, at, "behaviour", "only numbers and integers move");
        if (d->writable.value)
                return refuse(k, at, "writable", "only a constant value can be written");
        if (d->period_secs.value < TOO_LITTLE)
                return refuse(k, at, "period_secs", "must be at least %g", TOO_LITTLE);
        if (d->step.set && d->step.value < SMALLEST_STEP)
                return refuse(k, at, "step", "must be at least %g", SMALLEST_STEP);
        if (d->behaviour != SIM_FOLLOW && d->of)
                return refuse(k, at, "of", "only follow has it");
        return d->behaviour == SIM_FOLLOW ? check_follow(k, at, e, d) : true;
}

static bool check_groups(struct checker *k, const char *base, struct sim_entity *e) {
        const struct sim_group *all = e->groups.items;

        if (!check_named(k, base, "groups", &e->groups, sizeof(*all)))
                return false;
        for (size_t i = 0; i < e->groups.n; i++)
                if (!check_category(k, below(k, base, "groups", i), all[i].category))
                        return false;
        return true;
}

static bool check_data(struct checker *k, const char *base, struct sim_entity *e) {
        struct sim_data *all = e->data.items;

        if (!check_named(k, base, "data", &e->data, sizeof(*all)))
                return false;
        for (size_t i = 0; i < e->data.n; i++) {
                const char *at = below(k, base, "data", i);
                if (!check_value(k, at, &all[i].value) || !check_category(k, at, all[i].category) ||
                    !check_behaviour(k, at, e, &all[i]) ||
                    !check_required(k, at, "requires", e, &all[i].required))
                        return false;
        }
        return check_groups(k, base, e);
}

static bool check_bulk(struct checker *k, const char *at, const struct sim_configuration *c) {
        if (!c->content_type)
                return true;
        if (c->value.type != SIM_STRING)
                return refuse(k, at, "content_type", "only a string can be of type bulk");
        if (strpbrk(c->content_type, "\r\n;, ") || !strchr(c->content_type, '/') ||
            strstr(c->content_type, "json"))
                return refuse(k, at, "content_type", "must be a media type without parameters, and not JSON");
        if (c->signature_key)
                return refuse(k, at, "signature_key", "only a configuration of type parameter has one");
        return strlen(c->value.value->valuestring) <= (size_t)c->max_bytes.value
                       ? true
                       : refuse(k, at, "value", "is longer than max_bytes");
}

static bool check_configurations(struct checker *k, const char *base, struct sim_entity *e) {
        struct sim_configuration *all = e->configurations.items;

        if (!check_named(k, base, "configurations", &e->configurations, sizeof(*all)))
                return false;
        for (size_t i = 0; i < e->configurations.n; i++) {
                const char *at = below(k, base, "configurations", i);
                if (!check_value(k, at, &all[i].value) || !check_bulk(k, at, &all[i]) ||
                    !check_required(k, at, "requires", e, &all[i].required))
                        return false;
        }
        return true;
}

/* --- faults, operations -------------------------------------------------------------------------- */

static bool check_fault(struct checker *k, const char *at, const struct sim_entity *e, struct sim_fault *f) {
        if (f->period_secs.set && !f->heals_after_secs.set)
                return refuse(k, at, "period_secs", "a fault that appears again needs heals_after_secs");
        if (f->period_secs.set && f->period_secs.value < f->heals_after_secs.value + TOO_LITTLE)
                return refuse(k, at, "period_secs", "must be longer than heals_after_secs");
        for (size_t i = 0; i < f->freeze_frame.n; i++)
                if (!sim_find_data(e, f->freeze_frame.items[i]))
                        return refuse(k, below(k, at, "freeze_frame", i), "", "'%s' has no data '%s'",
                                      e->named.id, f->freeze_frame.items[i]);
        return check_required(k, at, "clear_requires", e, &f->clear_requires);
}

static bool check_faults(struct checker *k, const char *base, struct sim_entity *e) {
        struct sim_fault *all = e->faults.items;

        if (!check_ids(k, base, "faults", "code", &e->faults, sizeof(*all), offsetof(struct sim_fault, code)))
                return false;
        for (size_t i = 0; i < e->faults.n; i++)
                if (!check_fault(k, below(k, base, "faults", i), e, &all[i]))
                        return false;
        return true;
}

static bool check_parameters(struct checker *k, const char *base, struct sim_operation *o) {
        struct sim_parameter *all = o->parameters.items;

        if (!check_named(k, base, "parameters", &o->parameters, sizeof(*all)))
                return false;
        for (size_t i = 0; i < o->parameters.n; i++) {
                const char *at = below(k, base, "parameters", i);
                if (!check_value(k, at, &all[i].value))
                        return false;
                if (all[i].required.value && all[i].value.value)
                        return refuse(k, at, "required", "a parameter with a default is never missing");
        }
        return true;
}

static bool check_results(struct checker *k, const char *base, const struct sim_operation *o) {
        const struct sim_result *all = o->result.items;

        for (size_t i = 0; i < o->result.n; i++) {
                const char *at = below(k, base, "result", i);
                const struct sim_parameter *of = sim_find_parameter(o, all[i].of);
                if (all[i].of && !of)
                        return refuse(k, at, "of", "the operation has no parameter '%s'", all[i].of);
                if (!all[i].of && !all[i].value)
                        return refuse(k, at, "value", "give a value, or of");
                if (all[i].factor.set && (!of || of->value.type == SIM_BOOLEAN || of->value.type == SIM_STRING))
                        return refuse(k, at, "factor", "only a number of a parameter has one");
        }
        return check_ids(k, base, "result", "name", &o->result, sizeof(*all), offsetof(struct sim_result, name));
}

static bool check_capabilities(struct checker *k, const char *base, struct sim_operation *o) {
        static const char *usual[] = { "execute", "stop" };

        if (!o->capabilities.n)
                o->capabilities = (struct sovd_strings){ .items = usual, .n = SOVD_N_ELEMENTS(usual) };
        for (size_t i = 0; i < o->capabilities.n; i++) {
                const char *word = o->capabilities.items[i];
                if (sovd_name_find(sovd_capability_names, word) < 0 &&
                    !(sovd_has_prefix(word, "x-") && sovd_id_is_valid(word)))
                        return refuse(k, below(k, base, "capabilities", i), "",
                                      "must be execute, stop, freeze, reset, status, or begin with x-");
        }
        return true;
}

/* The modes of an operation, each with one value, become conditions like those of the others. */
static bool check_needs(struct checker *k, const char *base, const struct sim_entity *e,
                        struct sim_operation *o) {
        struct sim_mode_need *all = o->modes.items;
        const struct sim_mode *modes = e->modes.items;
        struct sim_condition *conditions = sovd_arena_array(k->arena, struct sim_condition, o->modes.n + 1);

        if (!conditions)
                return refuse(k, base, "modes", "out of memory");
        for (size_t i = 0; i < o->modes.n; i++) {
                const char *at = below(k, base, "modes", i);
                const ssize_t n = sim_find_mode(e, all[i].mode);
                if (n < 0)
                        return refuse(k, at, "mode", "'%s' has no mode '%s'", e->named.id, all[i].mode);
                if (!is_one_of(&modes[n].values, all[i].value))
                        return refuse(k, at, "value", "'%s' is not one of the values of mode '%s'",
                                      all[i].value, all[i].mode);
                conditions[i] = (struct sim_condition){ .mode = (size_t)n, .values = { &all[i].value, 1 } };
        }
        o->required = (struct sim_required){ .conditions = conditions, .n = o->modes.n };
        return check_ids(k, base, "modes", "mode", &o->modes, sizeof(*all), offsetof(struct sim_mode_need, mode));
}

static bool check_operation(struct checker *k, const char *at, const struct sim_entity *e,
                            struct sim_operation *o) {
        if (!o->asynchronous.value && o->duration_secs.value > 0)
                return refuse(k, at, "duration_secs",
                              "only an asynchronous operation takes time; latency_ms slows answers");
        if (!o->asynchronous.value && (o->parallel_runs.value > 1 || o->retention_secs.set))
                return refuse(k, at, o->retention_secs.set ? "retention_secs" : "parallel_runs",
                              "only an asynchronous operation has runs that last");
        return check_parameters(k, at, o) && check_results(k, at, o) && check_capabilities(k, at, o) &&
               check_needs(k, at, e, o);
}

static bool check_operations(struct checker *k, const char *base, struct sim_entity *e) {
        struct sim_operation *all = e->operations.items;

        if (!check_named(k, base, "operations", &e->operations, sizeof(*all)))
                return false;
        for (size_t i = 0; i < e->operations.n; i++)
                if (!check_operation(k, below(k, base, "operations", i), e, &all[i]))
                        return false;
        return true;
}

static bool check_scripts(struct checker *k, const char *base, struct sim_entity *e) {
        const struct sim_script *all = e->scripts.items;

        if (!check_named(k, base, "scripts", &e->scripts, sizeof(*all)))
                return false;
        for (size_t i = 0; i < e->scripts.n; i++) {
                size_t step;
                const char *why = sim_steps_refuse(e, &all[i].steps, &step, k->arena);
                if (why)
                        return refuse(k, below(k, below(k, base, "scripts", i), "steps", step), "", "%s", why);
        }
        return true;
}

/* --- logs, clear_data, status, updates -------------------------------------------------------------------- */

static bool check_upkeep(struct checker *k, const char *at, struct sim_entity *e) {
        const char *key = "", *why = sim_upkeep_refuse(e, k->arena, &key);

        return why ? refuse(k, at, key, "%s", why) : true;
}

static bool check_updates(struct checker *k) {
        struct sovd_list *list = &k->scenario->updates;
        struct sim_update *all = list->items;

        if (list->n > (size_t)k->scenario->updates_max.value)
                return refuse(k, "", "updates_max", "is less than the number of updates");
        if (!check_named(k, "", "updates", list, sizeof(*all)))
                return false;
        for (size_t i = 0; i < list->n; i++) {
                const char *key = "", *why = sim_update_refuse(k->scenario, &all[i], k->arena, &key);
                if (why)
                        return refuse(k, below(k, "", "updates", i), key, "%s", why);
        }
        for (size_t i = 0; i < list->n; i++)
                if (sovd_streq(all[i].named.id, k->scenario->autonomous_update))
                        return true;
        return k->scenario->autonomous_update
                       ? refuse(k, "", "autonomous_update", "there is no update '%s'", k->scenario->autonomous_update)
                       : true;
}

/* --- bulk data ------------------------------------------------------------------------------------------ */

static bool check_bulk_item(struct checker *k, const char *at, struct sim_bulk_item *item) {
        if (!item->content == !item->size_bytes.set)
                return refuse(k, at, "content", "give either content or size_bytes");
        if (!sovd_media_type_is_valid(item->mimetype))
                return refuse(k, at, "mimetype", "'%s' is not a media type", item->mimetype);
        if (item->created && !sovd_timestamp_parse(item->created, &item->created_usec))
                return refuse(k, at, "created", "must be like 2026-01-31T12:00:00Z");
        return true;
}

static bool check_bulk_data(struct checker *k, const char *base, struct sim_entity *e) {
        struct sim_bulk *all = e->bulk_data.items;

        if (!check_ids(k, base, "bulk_data", "category", &e->bulk_data, sizeof(*all),
                       offsetof(struct sim_bulk, category)))
                return false;
        for (size_t i = 0; i < e->bulk_data.n; i++) {
                const char *at = below(k, base, "bulk_data", i);
                struct sim_bulk_item *items = all[i].items.items;
                if (strcmp(all[i].category, "communication-logs") == 0)
                        return refuse(k, at, "category", "is taken by the recordings of communication_logs");
                if (!check_named(k, at, "items", &all[i].items, sizeof(*items)))
                        return false;
                for (size_t n = 0; n < all[i].items.n; n++)
                        if (!check_bulk_item(k, below(k, at, "items", n), &items[n]))
                                return false;
        }
        return true;
}

/* ID#DATA: 3 or 8 digits, then an even number of at most 16. */
static bool is_frame(const char *frame) {
        static const char digits[] = "0123456789ABCDEFabcdef";
        size_t id = strspn(frame, digits), data = frame[id] == '#' ? strspn(frame + id + 1, digits) : 0;

        return (id == 3 || id == 8) && frame[id] == '#' && data % 2 == 0 && data <= 16 && !frame[id + 1 + data];
}

static bool check_comm_logs(struct checker *k, const char *base, const struct sim_entity *e) {
        const struct sim_comm_logs *logs = e->communication_logs;
        const char *at = below(k, base, "communication_logs/frames", 0);

        if (!logs)
                return true;
        if (!logs->frames.n)
                return refuse(k, base, "communication_logs", "needs at least one frame");
        if (strpbrk(logs->interface, " \t\r\n"))
                return refuse(k, base, "communication_logs/interface", "may have no blanks");
        if (logs->rate_per_sec.value < 0.1)
                return refuse(k, base, "communication_logs/rate_per_sec", "must be at least 0.1");
        for (size_t i = 0; i < logs->frames.n; i++)
                if (!is_frame(logs->frames.items[i]))
                        return refuse(k, at, "", "'%s' is not a frame like 123#00FF", logs->frames.items[i]);
        return true;
}

/* --- entities ------------------------------------------------------------------------------------------- */

/* "components/ID" or "apps/ID". */
static bool check_dependency(struct checker *k, const char *at, const char *ref) {
        static const enum sovd_entity_type types[] = { SOVD_COMPONENT, SOVD_APP };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(types); i++) {
                const char *word = sovd_entity_type_paths[types[i]];
                const size_t n = strlen(word);
                if (strncmp(ref, word, n) == 0 && ref[n] == '/')
                        return find_entity(k, types[i], ref + n + 1)
                                       ? true
                                       : refuse(k, at, "", "there is no '%s'", ref);
        }
        return refuse(k, at, "", "'%s' is neither components/ID nor apps/ID", ref);
}

static bool check_relations(struct checker *k, const char *at, enum sovd_entity_type type,
                            const struct sim_entity *e) {
        const struct sim_entity *parent = e->parent ? find_entity(k, type, e->parent) : NULL;

        if (e->parent && (!parent || parent >= e)) /* so none is a part of itself */
                return refuse(k, at, "parent", "no %s '%s' stands before this one",
                              sovd_entity_type_words[type], e->parent);
        if (e->located_on && !find_entity(k, SOVD_COMPONENT, e->located_on))
                return refuse(k, at, "located_on", "there is no component '%s'", e->located_on);
        const cJSON *text;
        cJSON_ArrayForEach (text, e->variant)
                if (!cJSON_IsString(text))
                        return refuse(k, at, "variant", "'%s' must be a text", text->string);
        for (size_t i = 0; i < e->areas.n; i++)
                if (!find_entity(k, SOVD_AREA, e->areas.items[i]))
                        return refuse(k, below(k, at, "areas", i), "", "there is no area '%s'",
                                      e->areas.items[i]);
        for (size_t i = 0; i < e->depends_on.n; i++)
                if (!check_dependency(k, below(k, at, "depends_on", i), e->depends_on.items[i]))
                        return false;
        if (e->operation_cycle_secs.set && e->operation_cycle_secs.value < TOO_LITTLE)
                return refuse(k, at, "operation_cycle_secs", "must be at least %g", TOO_LITTLE);
        if (e->unreachable_for_secs.set && !e->unreachable_after_secs.set)
                return refuse(k, at, "unreachable_for_secs", "needs unreachable_after_secs");
        return true;
}

static bool check_entities(struct checker *k, enum sovd_entity_type type) {
        const char *word = sovd_entity_type_paths[type];
        struct sovd_list *list = &k->scenario->entities[type];
        struct sim_entity *all = list->items;

        if (!check_named(k, "", word, list, sizeof(*all)))
                return false;
        for (size_t i = 0; i < list->n; i++) {
                const char *at = below(k, "", word, i);
                if (!check_relations(k, at, type, &all[i]) || !check_modes(k, at, &all[i]) ||
                    !check_data(k, at, &all[i]) || !check_faults(k, at, &all[i]) ||
                    !check_operations(k, at, &all[i]) || !check_configurations(k, at, &all[i]) ||
                    !check_scripts(k, at, &all[i]) || !check_upkeep(k, at, &all[i]) ||
                    !check_bulk_data(k, at, &all[i]) || !check_comm_logs(k, at, &all[i]))
                        return false;
        }
        return true;
}

const char *sim_check(struct sim_scenario *scenario, const struct sovd_config_tree *tree,
                      struct sovd_arena *arena) {
        struct checker k = { .scenario = scenario, .tree = tree, .arena = arena };

        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++)
                if (!check_entities(&k, (enum sovd_entity_type)type))
                        return k.message;
        return check_updates(&k) ? NULL : k.message;
}
