/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/value.h"
#include "sovd-core/base/disposition.h"
#include "sovd-core/base/timestamp.h"
#include "sovd-core/base/id.h"
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

static const struct sim_data *find_data(const struct sim_entity *e, const char *id) {
        const struct sim_data *all = e->data.items;

        for (size_t i = 0; i < e->data.n; i++)
                if (strcmp(all[i].value.named.id, id) == 0)
                        return &all[i];
        return NULL;
}

/* --- values --------------------------------------------------------------------------------------------- */

static bool check_value(struct checker *k, const char *at, const struct sim_value *v) {
        const bool is_number = v->type == SIM_NUMBER || v->type == SIM_INTEGER;

        if (!is_number && (v->min.set || v->max.set))
                return refuse(k, at, v->min.set ? "min" : "max", "only numbers and integers have one");
        if (v->min.set && v->max.set && v->min.value > v->max.value)
                return refuse(k, at, "min", "must not be above max");
        if (v->type != SIM_STRING && v->values.n)
                return refuse(k, at, "values", "only strings have them");

        const char *why = sim_value_refuse(v, v->value, k->arena);
        return why ? refuse(k, at, "value", "%s", why) : true;
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
        const struct sim_data *of = d->of ? find_data(e, d->of) : NULL;

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

static bool check_data(struct checker *k, const char *base, struct sim_entity *e) {
        const struct sim_data *all = e->data.items;

        if (!check_named(k, base, "data", &e->data, sizeof(*all)))
                return false;
        for (size_t i = 0; i < e->data.n; i++) {
                const char *at = below(k, base, "data", i);
                if (!check_value(k, at, &all[i].value) || !check_category(k, at, all[i].category) ||
                    !check_behaviour(k, at, e, &all[i]))
                        return false;
        }
        return true;
}

static bool check_configurations(struct checker *k, const char *base, struct sim_entity *e) {
        const struct sim_configuration *all = e->configurations.items;

        if (!check_named(k, base, "configurations", &e->configurations, sizeof(*all)))
                return false;
        for (size_t i = 0; i < e->configurations.n; i++)
                if (!check_value(k, below(k, base, "configurations", i), &all[i].value))
                        return false;
        return true;
}

/* --- faults, operations, modes -------------------------------------------------------------------------- */

static bool check_fault(struct checker *k, const char *at, const struct sim_entity *e,
                        const struct sim_fault *f) {
        if (f->period_secs.set && !f->heals_after_secs.set)
                return refuse(k, at, "period_secs", "a fault that appears again needs heals_after_secs");
        if (f->period_secs.set && f->period_secs.value < f->heals_after_secs.value + TOO_LITTLE)
                return refuse(k, at, "period_secs", "must be longer than heals_after_secs");
        for (size_t i = 0; i < f->freeze_frame.n; i++)
                if (!find_data(e, f->freeze_frame.items[i]))
                        return refuse(k, below(k, at, "freeze_frame", i), "", "'%s' has no data '%s'",
                                      e->named.id, f->freeze_frame.items[i]);
        return true;
}

static bool check_faults(struct checker *k, const char *base, const struct sim_entity *e) {
        const struct sim_fault *all = e->faults.items;

        if (!check_ids(k, base, "faults", "code", &e->faults, sizeof(*all), offsetof(struct sim_fault, code)))
                return false;
        for (size_t i = 0; i < e->faults.n; i++)
                if (!check_fault(k, below(k, base, "faults", i), e, &all[i]))
                        return false;
        return true;
}

static bool check_operation(struct checker *k, const char *at, const struct sim_operation *o) {
        if (!o->asynchronous.value && o->duration_secs.value > 0)
                return refuse(k, at, "duration_secs",
                              "only an asynchronous operation takes time; latency_ms slows answers");
        return check_ids(k, at, "result", "name", &o->result, sizeof(struct sim_result),
                         offsetof(struct sim_result, name));
}

static bool check_operations(struct checker *k, const char *base, struct sim_entity *e) {
        const struct sim_operation *all = e->operations.items;

        if (!check_named(k, base, "operations", &e->operations, sizeof(*all)))
                return false;
        for (size_t i = 0; i < e->operations.n; i++)
                if (!check_operation(k, below(k, base, "operations", i), &all[i]))
                        return false;
        return true;
}

static bool check_modes(struct checker *k, const char *base, struct sim_entity *e) {
        struct sim_mode *all = e->modes.items;

        if (!check_named(k, base, "modes", &e->modes, sizeof(*all)))
                return false;
        for (size_t i = 0; i < e->modes.n; i++) {
                if (!all[i].initial)
                        all[i].initial = all[i].values.items[0];
                if (!is_one_of(&all[i].values, all[i].initial))
                        return refuse(k, below(k, base, "modes", i), "default",
                                      "'%s' is not one of the values", all[i].initial);
        }
        return true;
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
        for (size_t i = 0; i < e->areas.n; i++)
                if (!find_entity(k, SOVD_AREA, e->areas.items[i]))
                        return refuse(k, below(k, at, "areas", i), "", "there is no area '%s'",
                                      e->areas.items[i]);
        for (size_t i = 0; i < e->depends_on.n; i++)
                if (!check_dependency(k, below(k, at, "depends_on", i), e->depends_on.items[i]))
                        return false;
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
                if (!check_relations(k, at, type, &all[i]) || !check_data(k, at, &all[i]) ||
                    !check_faults(k, at, &all[i]) || !check_operations(k, at, &all[i]) ||
                    !check_modes(k, at, &all[i]) || !check_configurations(k, at, &all[i]) ||
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
        return NULL;
}
