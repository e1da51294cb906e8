/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include <errno.h>

static const struct sim_operation *operation_of(const struct sim_unit *unit, size_t i) {
        return (const struct sim_operation *)unit->entity->operations.items + i;
}

struct operation_state *sim_operation(struct sovd_call *call, const struct sim_call *c, const char *id,
                                      const struct sim_operation **ret_operation) {
        for (size_t i = 0; i < c->unit->entity->operations.n; i++) {
                *ret_operation = operation_of(c->unit, i);
                if (strcmp((*ret_operation)->named.id, id) == 0)
                        return &c->unit->operations[i];
        }
        (void)sim_no_resource(call, c->unit, "operation", id);
        return NULL;
}

static struct sovd_operation describe(const struct sim_operation *o) {
        return (struct sovd_operation){
                .id = o->named.id,
                .name = o->named.name,
                .translation_id = o->named.translation_id,
                .proximity_proof_required = SOVD_BOOL(o->proximity_proof.value),
                .asynchronous_execution = o->asynchronous,
                .tags = o->named.tags,
                .description = o->description,
        };
}

int sim_operations_list(struct sovd_call *call, const struct sovd_entity *e,
                        struct sovd_operation_list *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_OPERATIONS);
        if (r)
                return r;

        const size_t n = c.unit->entity->operations.n;
        struct sovd_operation *items = SIM_ITEMS(call, struct sovd_operation, n);
        for (size_t i = 0; items && i < n; i++)
                items[i] = describe(operation_of(c.unit, i));
        ret->items = (struct sovd_list){ .items = items, .n = items ? n : 0 };
        sim_leave(&c);
        return items ? 0 : sovd_error_origin(-ENOMEM);
}

/* The modes that it needs; every mode will do: an empty object. */
static int describe_modes(struct sovd_call *call, const struct sim_operation *o, const struct cJSON **ret) {
        const struct sim_mode_need *need = o->modes.items;
        struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        for (size_t i = 0; i < o->modes.n; i++)
                sovd_json_key_string(&w, need[i].mode, need[i].value);
        sovd_json_object_end(&w);
        return sim_written_node(call->arena, &w, ret);
}

static int read_operation(struct sovd_call *call, const struct sim_call *c, const char *id,
                          struct sovd_operation_detail *ret) {
        const struct sim_operation *operation;
        struct operation_state *state = sim_operation(call, c, id, &operation);
        if (!state)
                return SOVD_E_NOT_FOUND;

        ret->item = sovd_arena_new0(call->arena, struct sovd_operation);
        if (!ret->item)
                return sovd_error_origin(-ENOMEM);
        *ret->item = describe(operation);
        int r = describe_modes(call, operation, &ret->modes);
        if (!r && operation->proximity_proof.value)
                r = sim_proximity_challenge(call, c, state, &ret->proximity_challenge);
        return r;
}

int sim_operation_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                       struct sovd_operation_detail *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_OPERATIONS);
        if (r)
                return r;
        r = read_operation(call, &c, id, ret);
        sim_leave(&c);
        return r;
}
