/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/self/backend.h"
#include <cjson/cJSON.h>

struct operation {
        struct sovd_operation about;
        int (*run)(struct self *b, struct sovd_call *call);
};

/* For all faults that the gateway keeps, not only its own: when nobody else says that a cycle began, a tester may. */
static int new_cycle(struct self *b, struct sovd_call *call) {
        uint64_t ticket;
        int r = b->sink->ops->cycle(b->sink, NULL, &ticket);

        if (!r)
                r = b->sink->ops->wait(b->sink, ticket);
        if (!r)
                return 0;
        sovd_fail(call, SOVD_E_OVERLOAD, "the state cannot be written now: %s",
                  r < 0 ? strerror(-r) : "too many changes wait for the disk");
        sovd_fail_retry_after(call, 1);
        return SOVD_E_OVERLOAD;
}

static const struct operation operations[] = {
        { .about = { .id = "new-operation-cycle", .name = "Begin a new operation cycle",
                     .description = "Ends the operation cycle of all faults that the gateway keeps and begins the next.",
                     .proximity_proof_required = { true, false }, .asynchronous_execution = { true, false } },
          .run = new_cycle },
};

static const struct operation *find(struct sovd_call *call, const struct sovd_entity *e, const char *id) {
        for (size_t i = 0; i < SOVD_N_ELEMENTS(operations); i++)
                if (strcmp(operations[i].about.id, id) == 0)
                        return &operations[i];
        sovd_fail(call, SOVD_E_NOT_FOUND, "app '%s' has no operation '%s'", e->id, id);
        return NULL;
}

int self_operations_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_operation_list *ret) {
        const size_t n = SOVD_N_ELEMENTS(operations);
        struct sovd_operation *items = sovd_arena_array(call->arena, struct sovd_operation, n);
        if (!items)
                return sovd_error_origin(-ENOMEM);

        for (size_t i = 0; i < n; i++)
                items[i] = operations[i].about;
        ret->items = (struct sovd_list){ .items = items, .n = n, .set = true };
        return 0;
}

int self_operation_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                        struct sovd_operation_detail *ret) {
        const struct operation *operation = find(call, e, id);
        if (!operation)
                return SOVD_E_NOT_FOUND;

        ret->item = sovd_arena_new0(call->arena, struct sovd_operation);
        if (!ret->item)
                return sovd_error_origin(-ENOMEM);
        *ret->item = operation->about;
        return 0;
}

int self_execution_start(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                         const struct sovd_execution_start *start, struct sovd_execution_started *ret) {
        const struct operation *operation = find(call, e, id);
        if (!operation)
                return SOVD_E_NOT_FOUND;
        if (start->parameters && start->parameters->child)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/parameters", "operation '%s' takes no parameters", id);

        ret->synchronous = true;
        return operation->run(self_of(e->providers[SOVD_COLLECTION_OPERATIONS]), call);
}
