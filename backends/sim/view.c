/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <errno.h>

static unsigned collections_of(const struct sim_entity *e) {
        const struct {
                enum sovd_collection collection;
                size_t n;
        } rows[] = {
                { SOVD_COLLECTION_DATA, e->data.n },
                { SOVD_COLLECTION_FAULTS, e->faults.n },
                { SOVD_COLLECTION_OPERATIONS, e->operations.n },
                { SOVD_COLLECTION_MODES, e->modes.n },
                { SOVD_COLLECTION_CONFIGURATIONS, e->configurations.n },
                { SOVD_COLLECTION_SCRIPTS, e->scripts.n + (size_t)e->script_uploads.value },
                { SOVD_COLLECTION_LOGS, e->logs != NULL },
                { SOVD_COLLECTION_CLEAR_DATA, e->clear_data != NULL },
                { SOVD_COLLECTION_STATUS, e->status != NULL },
                { SOVD_COLLECTION_BULK_DATA, e->bulk_data.n + !!e->communication_logs },
                { SOVD_COLLECTION_COMMUNICATION_LOGS, !!e->communication_logs },
        };
        unsigned bits = 0;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(rows); i++)
                bits |= rows[i].n ? 1u << rows[i].collection : 0;
        return bits;
}

/* Those of the list that name this one as their parent. */
static int find_parts(const struct sovd_list *list, const char *id, struct sovd_arena *arena,
                      struct sovd_strings *ret) {
        const struct sim_entity *all = list->items;

        ret->items = sovd_arena_array(arena, const char *, list->n + 1);
        if (!ret->items)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < list->n; i++)
                if (sovd_streq(all[i].parent, id))
                        ret->items[ret->n++] = all[i].named.id;
        return 0;
}

/* A few texts: a name and what it is now. */
static int write_variant(const struct cJSON *variant, struct sovd_arena *arena, const char **ret) {
        _cleanup_(sovd_freep) char *text = NULL;

        int r = variant ? sim_value_text(variant, &text) : 0;
        *ret = sovd_arena_strdup(arena, text);
        return r ? r : *ret || !text ? 0 : sovd_error_origin(-ENOMEM);
}

static int describe(const struct sim *sim, const struct sim_unit *unit, uint64_t now_usec,
                    struct sovd_arena *arena, struct sovd_entity_spec *ret) {
        const struct sim_entity *e = unit->entity;

        *ret = (struct sovd_entity_spec){
                .type = unit->type,
                .id = e->named.id,
                .name = e->named.name,
                .translation_id = e->named.translation_id,
                .category = e->category,
                .description = e->description,
                .tags = e->named.tags,
                .disconnected = sim_is_away(sim, unit, now_usec),
                .collections = collections_of(e),
                .relations[SOVD_RELATION_BELONGS_TO] = e->areas,
                .relations[SOVD_RELATION_DEPENDS_ON] = e->depends_on,
        };
        if (e->located_on) {
                struct sovd_strings *on = &ret->relations[SOVD_RELATION_IS_LOCATED_ON];
                on->items = (const char **)sovd_arena_alloc(arena, sizeof(*on->items));
                if (!on->items)
                        return sovd_error_origin(-ENOMEM);
                on->items[on->n++] = e->located_on;
        }
        int r = write_variant(e->variant, arena, &ret->variant);
        if (r || (unit->type != SOVD_AREA && unit->type != SOVD_COMPONENT))
                return r;
        return find_parts(&sim->scenario.entities[unit->type], e->named.id, arena,
                          &ret->relations[unit->type == SOVD_AREA ? SOVD_RELATION_SUBAREAS
                                                                  : SOVD_RELATION_SUBCOMPONENTS]);
}

int sim_publish(struct sim *sim) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;

        int r = sovd_arena_new(&arena, 4096);
        if (r)
                return r;

        struct sovd_view view = { .backend = &sim->base,
                                  .connection = SOVD_CONNECTED,
                                  .n_entities = sim->n_units,
                                  .updates = sim_serves_updates(&sim->scenario) };
        view.entities = sovd_arena_array(arena, struct sovd_entity_spec, sim->n_units + 1);
        if (!view.entities)
                return sovd_error_origin(-ENOMEM);
        const uint64_t now = sovd_now_usec();
        (void)pthread_mutex_lock(&sim->mutex);
        for (size_t i = 0; !r && i < sim->n_units; i++)
                r = describe(sim, &sim->units[i], now, arena, &view.entities[i]);
        (void)pthread_mutex_unlock(&sim->mutex);
        return r ? r : sovd_backend_publish(&sim->base, &view);
}
