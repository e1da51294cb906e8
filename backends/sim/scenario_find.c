/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/scenario.h"
#include "sovd-core/model/entity.h"

const struct sim_data *sim_find_data(const struct sim_entity *e, const char *id) {
        const struct sim_data *all = e->data.items;

        for (size_t i = 0; id && i < e->data.n; i++)
                if (strcmp(all[i].value.named.id, id) == 0)
                        return &all[i];
        return NULL;
}

ssize_t sim_find_mode(const struct sim_entity *e, const char *id) {
        const struct sim_mode *all = e->modes.items;

        for (size_t i = 0; id && i < e->modes.n; i++)
                if (strcmp(all[i].named.id, id) == 0)
                        return (ssize_t)i;
        return -1;
}

const struct sim_parameter *sim_find_parameter(const struct sim_operation *o, const char *id) {
        const struct sim_parameter *all = o->parameters.items;

        for (size_t i = 0; id && i < o->parameters.n; i++)
                if (strcmp(all[i].value.named.id, id) == 0)
                        return &all[i];
        return NULL;
}

const struct sim_entity *sim_entity_of(const struct sim_scenario *scenario, const char *ref) {
        static const enum sovd_entity_type types[] = { SOVD_COMPONENT, SOVD_APP };

        for (size_t k = 0; ref && k < SOVD_N_ELEMENTS(types); k++) {
                const char *word = sovd_entity_type_paths[types[k]];
                const size_t n = strlen(word);
                const struct sim_entity *all = scenario->entities[types[k]].items;
                if (strncmp(ref, word, n) != 0 || ref[n] != '/')
                        continue;
                for (size_t i = 0; i < scenario->entities[types[k]].n; i++)
                        if (strcmp(all[i].named.id, ref + n + 1) == 0)
                                return &all[i];
        }
        return NULL;
}
