/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include <errno.h>

static const struct sim_configuration *configuration_of(const struct sim_unit *unit, size_t i) {
        return (const struct sim_configuration *)unit->entity->configurations.items + i;
}

static struct configuration_state *find(const struct sim_unit *unit, const char *id,
                                        const struct sim_value **ret_value) {
        for (size_t i = 0; i < unit->entity->configurations.n; i++) {
                *ret_value = &configuration_of(unit, i)->value;
                if (strcmp((*ret_value)->named.id, id) == 0)
                        return &unit->configurations[i];
        }
        return NULL;
}

int sim_configurations_init(struct sim_unit *unit) {
        for (size_t i = 0; i < unit->entity->configurations.n; i++) {
                int r = sim_value_text(configuration_of(unit, i)->value.value, &unit->configurations[i].text);
                if (r)
                        return r;
        }
        return 0;
}

int sim_configurations_list(struct sovd_call *call, const struct sovd_entity *e,
                            struct sovd_configuration_list *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_CONFIGURATIONS);
        if (r)
                return r;

        const size_t n = c.unit->entity->configurations.n;
        struct sovd_configuration *items = SIM_ITEMS(call, struct sovd_configuration, n);
        for (size_t i = 0; items && i < n; i++) {
                const struct sim_named *named = &configuration_of(c.unit, i)->value.named;
                items[i] = (struct sovd_configuration){
                        .id = named->id,
                        .name = named->name,
                        .type = SOVD_CONFIGURATION_PARAMETER,
                        .translation_id = named->translation_id,
                        .tags = named->tags,
                };
        }
        ret->items = (struct sovd_list){ .items = items, .n = items ? n : 0 };
        sim_leave(&c);
        return items ? 0 : sovd_error_origin(-ENOMEM);
}

int sim_configuration_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                           struct sovd_data_value *ret) {
        const struct sim_value *value;
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_CONFIGURATIONS);
        if (r)
                return r;

        const struct configuration_state *state = find(c.unit, id, &value);
        if (state) {
                ret->id = value->named.id;
                r = sim_value_node(call->arena, state->text, &ret->data);
        } else
                r = sim_no_resource(call, c.unit, "configuration", id);
        sim_leave(&c);
        return r;
}

static int write_value(struct sovd_call *call, const struct sim_call *c, const char *id,
                       const struct cJSON *json) {
        const struct sim_value *value;
        struct configuration_state *state = find(c->unit, id, &value);
        char *text;

        if (!state)
                return sim_no_resource(call, c->unit, "configuration", id);
        const char *why = sim_value_refuse(value, json, call->arena);
        if (why)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/data", "configuration '%s' %s", id, why);

        int r = sim_value_text(json, &text);
        if (r)
                return r;
        free(state->text);
        state->text = text;
        sim_log_note(c, SOVD_SEVERITY_INFO, "configuration '%s' was written: %s", id, text);
        return 0;
}

int sim_configuration_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                            const struct cJSON *value, const char *signature) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_CONFIGURATIONS);
        if (r)
                return r;
        r = write_value(call, &c, id, value);
        sim_leave(&c);
        return r;
}
