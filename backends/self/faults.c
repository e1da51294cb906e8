/* SPDX-License-Identifier: Apache-2.0 */
/* Faults are kept by the sink. One cannot be: that the state cannot be written. It is put in front of what is kept. */
#include "backends/self/backend.h"
#include "sovd-core/base/clock.h"
#include <stdio.h>

static bool find_unwritten(const struct self *b, struct sovd_call *call, struct sovd_fault_detail *ret) {
        *ret = (struct sovd_fault_detail){ 0 };
        return b->options.unwritten && b->options.unwritten(b->options.data, call, ret);
}

/* It fails now, so it stands before all others, and what is asked of another time does not show it. */
static bool is_asked_for(const struct sovd_fault_filter *filter, const struct sovd_fault *fault) {
        const uint64_t now = sovd_realtime_usec();

        return sovd_fault_filter_matches(filter, fault) && filter->from_usec <= now &&
               (!filter->to_usec || filter->to_usec >= now);
}

static void leave_out(const struct sovd_fault *fault, struct sovd_fault_list *list) {
        struct sovd_fault *items = list->items.items;
        size_t n = 0;

        for (size_t i = 0; i < list->items.n; i++)
                if (strcmp(items[i].code, fault->code) != 0)
                        items[n++] = items[i];
        list->items.n = n;
}

static int put_first(struct sovd_call *call, const struct sovd_fault *fault, struct sovd_fault_list *list) {
        const struct sovd_fault *before = list->items.items;
        struct sovd_fault *items = sovd_arena_array(call->arena, struct sovd_fault, list->items.n + 1);
        size_t n = 0;
        if (!items)
                return sovd_error_origin(-ENOMEM);

        items[n++] = *fault;
        for (size_t i = 0; i < list->items.n; i++)
                items[n++] = before[i];
        list->items = (struct sovd_list){ .items = items, .n = n, .set = true };
        return 0;
}

/* It has the page for itself: what was read only shows whether another one follows, which begins with the newest. */
static void keep_for_next(const struct sovd_fault *fault, struct sovd_fault_list *list) {
        if (list->items.n) {
                list->next = (struct sovd_fault_place){ .usec = INT64_MAX };
                (void)snprintf(list->next.code, sizeof(list->next.code), "%s", fault->code);
        }
        list->items.n = 0;
}

/* The first page begins with it. It is on no other one, even where the file has it too. */
static int list_with(struct sovd_call *call, const struct self *b, const struct sovd_entity *e,
                     const struct sovd_fault_filter *filter, const struct sovd_fault *fault, struct sovd_fault_list *ret) {
        struct sovd_fault_filter rest = *filter;
        bool is_first = !*filter->after.code;

        if (is_first && rest.max > 1)
                rest.max--;
        int r = b->sink->ops->list(b->sink, call, e, &rest, ret);
        if (r)
                return r;
        leave_out(fault, ret);
        if (is_first && filter->max == 1)
                keep_for_next(fault, ret);
        return is_first ? put_first(call, fault, ret) : 0;
}

int self_faults_list(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_fault_filter *filter,
                     struct sovd_fault_list *ret) {
        struct self *b = self_of(e->providers[SOVD_COLLECTION_FAULTS]);
        struct sovd_fault_detail unwritten;

        if (find_unwritten(b, call, &unwritten) && is_asked_for(filter, unwritten.item))
                return list_with(call, b, e, filter, unwritten.item, ret);
        return b->sink->ops->list(b->sink, call, e, filter, ret);
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
