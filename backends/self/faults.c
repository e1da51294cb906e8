/* SPDX-License-Identifier: Apache-2.0 */
/* Faults are kept by the sink. One cannot be: that the state cannot be written. It is put in front of what is kept. */
#include "backends/self/backend.h"

static bool find_unwritten(const struct self *b, struct sovd_call *call, struct sovd_fault_detail *ret) {
        *ret = (struct sovd_fault_detail){ 0 };
        return b->options.unwritten && b->options.unwritten(b->options.data, call, ret);
}

/* In the place of what the file says of it, or as one more. */
static int add(struct sovd_call *call, const struct sovd_fault *fault, struct sovd_fault_list *list) {
        const struct sovd_fault *before = list->items.items;
        struct sovd_fault *items = sovd_arena_array(call->arena, struct sovd_fault, list->items.n + 1);
        size_t n = 0;
        if (!items)
                return sovd_error_origin(-ENOMEM);

        items[n++] = *fault;
        for (size_t i = 0; i < list->items.n; i++)
                if (strcmp(before[i].code, fault->code) != 0)
                        items[n++] = before[i];
        list->items = (struct sovd_list){ .items = items, .n = n, .set = true };
        return 0;
}

int self_faults_list(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_fault_filter *filter,
                     struct sovd_fault_list *ret) {
        struct self *b = self_of(e->providers[SOVD_COLLECTION_FAULTS]);
        struct sovd_fault_detail unwritten;

        int r = b->sink->ops->list(b->sink, call, e, filter, ret);
        if (!r && find_unwritten(b, call, &unwritten) && sovd_fault_filter_matches(filter, unwritten.item))
                r = add(call, unwritten.item, ret);
        return r;
}

int self_fault_read(struct sovd_call *call, const struct sovd_entity *e, const char *code,
                    struct sovd_fault_detail *ret) {
        struct self *b = self_of(e->providers[SOVD_COLLECTION_FAULTS]);
        struct sovd_fault_detail unwritten;

        if (find_unwritten(b, call, &unwritten) && strcmp(unwritten.item->code, code) == 0) {
                *ret = unwritten;
                return 0;
        }
        return b->sink->ops->read(b->sink, call, e, code, ret);
}

int self_fault_clear(struct sovd_call *call, const struct sovd_entity *e, const char *code) {
        struct self *b = self_of(e->providers[SOVD_COLLECTION_FAULTS]);

        return b->sink->ops->clear(b->sink, call, e, code);
}

int self_faults_clear(struct sovd_call *call, const struct sovd_entity *e, const char *scope) {
        struct self *b = self_of(e->providers[SOVD_COLLECTION_FAULTS]);

        return b->sink->ops->clear_all(b->sink, call, e, scope);
}
