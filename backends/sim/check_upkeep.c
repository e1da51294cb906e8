/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of logs, clear_data, status and updates cannot say. */
#include "backends/sim/scenario.h"
#include "sovd-core/base/id.h"
#include "sovd-core/model/clear_data.h"
#include "sovd-core/model/entity.h"
#include "sovd-core/model/logs.h"
#include "sovd-core/model/status.h"
#include <stdarg.h>

#define SHORTEST_PERIOD 0.1

/* Where the problem is and what it is. */
struct finding {
        struct sovd_arena *arena;
        const char *key, *why;
};

/* false, with the finding; i: position in the list, or -1 for the key itself. */
static bool _printf_(4, 5) refuse(struct finding *f, const char *list, ssize_t i, const char *format, ...) {
        const char *key = i < 0 ? list : sovd_arena_printf(f->arena, "%s/%zd", list, i);
        va_list args;

        va_start(args, format);
        const char *why = sovd_arena_vprintf(f->arena, format, args);
        va_end(args);
        f->key = key ? key : "";
        f->why = why ? why : "out of memory";
        return false;
}

/* --- needs ---------------------------------------------------------------------------------------------- */

static bool check_need(struct finding *f, const char *list, ssize_t i, const struct sim_entity *e,
                       const struct sim_need *need) {
        if (!need->data == !need->mode)
                return refuse(f, list, i, "must name either data or a mode");
        if (need->data && !sim_find_data(e, need->data))
                return refuse(f, list, i, "'%s' has no data '%s'", e->named.id, need->data);
        if (need->mode && sim_find_mode(e, need->mode) < 0)
                return refuse(f, list, i, "'%s' has no mode '%s'", e->named.id, need->mode);
        return true;
}

/* --- logs ----------------------------------------------------------------------------------------------- */

static bool check_context(struct finding *f, ssize_t i, const struct sim_log_context *c) {
        const bool has_rfc = c->host || c->process || c->pid.set, has_dlt = c->session || c->session_id ||
                                                                            c->application_id ||
                                                                            c->context_id || c->message_id;

        if (c->type == SOVD_CONTEXT_RFC5424 ? has_dlt : has_rfc)
                return refuse(f, "logs/contexts", i, "a context of type %s has no keys of the other type",
                              sovd_log_context_type_names[c->type - 1]);
        return true;
}

static bool check_message(struct finding *f, ssize_t i, const struct sim_entity *e,
                          struct sim_log_message *m) {
        const struct sim_log_context *contexts = e->logs->contexts.items;
        bool known = !m->context;

        if (!m->context)
                m->context = contexts[0].id;
        for (size_t k = 0; k < e->logs->contexts.n; k++)
                known = known || strcmp(contexts[k].id, m->context) == 0;
        if (!known)
                return refuse(f, "logs/messages", i, "there is no log context '%s'", m->context);
        if (m->period_secs.set && m->period_secs.value < SHORTEST_PERIOD)
                return refuse(f, "logs/messages", i, "period_secs must be at least %g", SHORTEST_PERIOD);
        for (const char *p = strchr(m->text, '{'); p; p = strchr(p + 1, '{')) {
                const char *end = strchr(p, '}');
                const char *id = end ? sovd_arena_strndup(f->arena, p + 1, (size_t)(end - p) - 1) : NULL;
                if (!sim_find_data(e, id))
                        return refuse(f, "logs/messages", i, "'%s' has no data for the text after '{'",
                                      e->named.id);
        }
        return true;
}

static bool check_logs(struct finding *f, const struct sim_entity *e) {
        const struct sim_log_context *contexts = e->logs->contexts.items;
        struct sim_log_message *messages = e->logs->messages.items;

        for (size_t i = 0; i < e->logs->contexts.n; i++) {
                for (size_t k = 0; k < i; k++)
                        if (strcmp(contexts[k].id, contexts[i].id) == 0)
                                return refuse(f, "logs/contexts", (ssize_t)i, "'%s' is there already",
                                              contexts[i].id);
                if (!check_context(f, (ssize_t)i, &contexts[i]))
                        return false;
        }
        for (size_t i = 0; i < e->logs->messages.n; i++)
                if (!check_message(f, (ssize_t)i, e, &messages[i]))
                        return false;
        return true;
}

/* --- clear_data and status ------------------------------------------------------------------------------ */

static bool check_clear_data(struct finding *f, const struct sim_entity *e) {
        static const char *const words[] = { "clear_data/cached/resets", "clear_data/learned/resets",
                                             "clear_data/client_defined/resets" };
        bool any = false;

        for (size_t k = 0; k < SOVD_N_ELEMENTS(words); k++) {
                const struct sim_clear *kind = e->clear_data->types[k];
                any = any || kind;
                for (size_t i = 0; kind && i < kind->resets.n; i++) {
                        const struct sim_data *data = sim_find_data(e, kind->resets.items[i]);
                        if (!data)
                                return refuse(f, words[k], (ssize_t)i, "'%s' has no data '%s'", e->named.id,
                                              kind->resets.items[i]);
                        if (data->behaviour != SIM_CONSTANT)
                                return refuse(f, words[k], (ssize_t)i, "data '%s' moves by itself",
                                              kind->resets.items[i]);
                }
        }
        return any ? true : refuse(f, "clear_data", -1, "needs cached, learned or client_defined");
}

static bool check_status(struct finding *f, const struct sim_entity *e) {
        const struct sim_need *needs = e->status->needs.items;

        for (size_t i = 0; i < e->status->supports.n; i++) {
                const int action = sovd_name_find(sovd_status_action_names, e->status->supports.items[i]);
                if (action < 0)
                        return refuse(
                                f, "status/supports", (ssize_t)i,
                                "'%s' is none of start, restart, force-restart, shutdown and force-shutdown",
                                e->status->supports.items[i]);
                e->status->actions |= 1u << action;
        }
        for (size_t i = 0; i < e->status->needs.n; i++) {
                if (needs[i].entity)
                        return refuse(f, "status/needs", (ssize_t)i,
                                      "is about the entity itself: no key 'entity'");
                if (!check_need(f, "status/needs", (ssize_t)i, e, &needs[i]))
                        return false;
        }
        return true;
}

const char *sim_upkeep_refuse(struct sim_entity *e, struct sovd_arena *arena, const char **ret_key) {
        struct finding f = { .arena = arena };

        if ((!e->logs || check_logs(&f, e)) && (!e->clear_data || check_clear_data(&f, e)) &&
            (!e->status || check_status(&f, e)))
                return NULL;
        *ret_key = f.key;
        return f.why;
}

/* --- updates -------------------------------------------------------------------------------------------- */

static bool check_part(struct finding *f, const struct sim_scenario *scenario, ssize_t i, const char *version,
                       struct sim_update_part *part) {
        const char *ref = sovd_arena_printf(f->arena, "components/%s", part->component);
        const struct sim_entity *e = sim_entity_of(scenario, ref);
        const struct sim_data *data = e ? sim_find_data(e, part->data) : NULL;

        if (!part->version)
                part->version = version;
        if (!e)
                return refuse(f, "components", i, "there is no component '%s'", part->component);
        if (!data || data->value.type != SIM_STRING || data->behaviour != SIM_CONSTANT ||
            strcmp(data->category, "identData") != 0)
                return refuse(f, "components", i, "'%s' has no constant string '%s' of category identData",
                              part->component, part->data);
        return true;
}

static bool check_origins(struct finding *f, const struct sim_update *update) {
        for (size_t i = 0; i < update->origins.n; i++) {
                const char *origin = update->origins.items[i];
                if (strcmp(origin, "remote") != 0 && strcmp(origin, "proximity") != 0 &&
                    !sovd_has_prefix(origin, "x-"))
                        return refuse(f, "origins", (ssize_t)i,
                                      "'%s' is neither remote nor proximity, and does not begin with x-",
                                      origin);
        }
        return true;
}

static bool check_update(struct finding *f, const struct sim_scenario *scenario, struct sim_update *update) {
        const struct sim_need *needs = update->needs.items;
        struct sim_update_part *parts = update->components.items;

        if (!sovd_id_is_valid(update->named.id) || sovd_id_is_reserved(update->named.id))
                return refuse(f, "id", -1, "'%.128s' cannot be the id of an update package",
                              update->named.id);
        if (!update->named.name)
                update->named.name = update->named.id;
        for (size_t i = 0; i < update->components.n; i++)
                if (!check_part(f, scenario, (ssize_t)i, update->version, &parts[i]))
                        return false;
        for (size_t i = 0; i < update->affects.n; i++)
                if (!sim_entity_of(scenario, update->affects.items[i]))
                        return refuse(f, "affects", (ssize_t)i, "there is no '%s'", update->affects.items[i]);
        for (size_t i = 0; i < update->needs.n; i++) {
                const struct sim_entity *e = sim_entity_of(scenario, needs[i].entity);
                if (!e)
                        return refuse(f, "needs", (ssize_t)i, "key entity must be components/ID or apps/ID");
                if (!check_need(f, "needs", (ssize_t)i, e, &needs[i]))
                        return false;
        }
        return check_origins(f, update);
}

const char *sim_update_refuse(const struct sim_scenario *scenario, struct sim_update *update,
                              struct sovd_arena *arena, const char **ret_key) {
        struct finding f = { .arena = arena };

        if (check_update(&f, scenario, update))
                return NULL;
        *ret_key = f.key;
        return f.why;
}
