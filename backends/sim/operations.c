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

int sim_operation_result(struct sovd_call *call, const struct sim_operation *operation,
                         const struct cJSON **ret) {
        const struct sim_result *result = operation->result.items;
        struct sovd_json_writer w;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        for (size_t i = 0; i < operation->result.n; i++) {
                sovd_json_key(&w, result[i].name);
                sovd_json_tree(&w, result[i].value);
        }
        sovd_json_object_end(&w);
        return sim_written_node(call->arena, &w, ret);
}

static struct sovd_operation describe(const struct sim_operation *o) {
        return (struct sovd_operation){
                .id = o->named.id,
                .name = o->named.name,
                .translation_id = o->named.translation_id,
                .proximity_proof_required = SOVD_BOOL(false),
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

/* Every mode will do: an empty object. */
int sim_operation_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                       struct sovd_operation_detail *ret) {
        const struct sim_operation *operation;
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_OPERATIONS);
        if (r)
                return r;

        ret->item = sovd_arena_new0(call->arena, struct sovd_operation);
        if (!ret->item)
                r = sovd_error_origin(-ENOMEM);
        else if (!sim_operation(call, &c, id, &operation))
                r = SOVD_E_NOT_FOUND;
        else {
                *ret->item = describe(operation);
                r = sim_value_node(call->arena, "{}", &ret->modes);
        }
        sim_leave(&c);
        return r;
}
