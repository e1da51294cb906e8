/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/fault_sink.h"
#include "sovd-rest/resources/fault_filter.h"
#include "sovd-rest/resources/resources.h"

#define PAGE 100

#define HISTORY_QUERY \
        { "status", SOVD_QUERY_MAP, "Only events after which the status had this value, as status[key]=value; several are OR-ed." }, \
        { "severity", SOVD_QUERY_INT, "Only events of faults with a severity below this number." }, \
        { "scope", SOVD_QUERY_STRING, "The fault memory." }, \
        { "code", SOVD_QUERY_STRING, "Only events of this fault, and of the clear of all." }, \
        { "order", SOVD_QUERY_STRING, "desc (newest first, the default) or asc." }, \
        SOVD_PAGE_TIMES("events"), \
        SOVD_PAGE_LIMIT("100 without it"), \
        { 0 }
static const struct sovd_query_param history_query[] = { HISTORY_QUERY };
static const struct sovd_query_param vehicle_query[] = { SOVD_FAULT_ENTITY_QUERY, HISTORY_QUERY };

static int take_order(struct sovd_call *call, bool *ret_oldest_first) {
        const char *order = sovd_call_query(call, "order");

        *ret_oldest_first = sovd_streq(order, "asc");
        return !order || *ret_oldest_first || strcmp(order, "desc") == 0
                       ? 0
                       : sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter 'order' must be asc or desc");
}

/* The cursor names the order in which it was given: in the other one the page would be another. */
static int take_after(struct sovd_call *call, struct sovd_fault_history_filter *filter) {
        static const char kinds[] = { SOVD_CURSOR_EVENT, '\0' };
        struct sovd_cursor after;
        char *end;

        int r = sovd_page_after(call, kinds, &after);
        if (r || !after.kind)
                return r;
        if (strcmp(after.second, filter->oldest_first ? "asc" : "desc") != 0)
                return sovd_page_bad_cursor(call);
        filter->after_usec = after.number;
        filter->after_id = strtoll(after.first, &end, 10);
        return *end || filter->after_id < 1 ? sovd_page_bad_cursor(call) : 0;
}

static int take_filter(struct sovd_call *call, struct sovd_fault_filter *faults, struct sovd_fault_history_filter *filter) {
        *filter = (struct sovd_fault_history_filter){ .faults = faults, .code = sovd_call_query(call, "code") };
        int r = sovd_fault_filter_take(call, faults);
        if (!r)
                r = sovd_page_times(call, &faults->from_usec, &faults->to_usec);
        if (!r)
                r = sovd_page_limit(call, PAGE, &faults->max);
        if (!r)
                r = take_order(call, &filter->oldest_first);
        return r ? r : take_after(call, filter);
}

static void write_items(const struct sovd_call *call, struct sovd_json_writer *w) {
        const struct sovd_fault_history *history = call->out;
        const struct sovd_fault_past *items = history->items.items;

        sovd_json_key(w, "items");
        sovd_json_array_begin(w);
        for (size_t i = 0; i < history->items.n; i++) {
                sovd_json_raw(w, ",", i > 0); /* the text of an event counts for nothing to the writer */
                sovd_fault_past_write(&items[i], w);
        }
        sovd_json_array_end(w);
}

static int finish(struct sovd_call *call, const struct sovd_fault_history_filter *filter,
                  const struct sovd_fault_history *history, const char *path) {
        const struct sovd_fault_past *items = history->items.items;
        size_t n = history->items.n;

        call->out = history;
        call->write = write_items;
        if (!history->more || !n)
                return 0;
        const struct sovd_cursor next = {
                .kind = SOVD_CURSOR_EVENT,
                .number = items[n - 1].usec,
                .first = sovd_call_printf(call, "%lld", (long long)items[n - 1].id.value),
                .second = filter->oldest_first ? "asc" : "desc",
        };
        return sovd_page_link(call, path, &next);
}

static int entity_history(struct sovd_call *call) {
        struct sovd_fault_history *history = sovd_arena_new0(call->arena, struct sovd_fault_history);
        struct sovd_fault_filter faults = { 0 };
        struct sovd_fault_history_filter filter;
        if (!history)
                return sovd_error_origin(-ENOMEM);

        int r = take_filter(call, &faults, &filter);
        if (!r)
                r = sovd_fault_history_read(call, call->entity, &filter, history);
        return r ? r : finish(call, &filter, history,
                              sovd_call_printf(call, "%s/faults/history", sovd_entity_href(call, call->entity)));
}

static int vehicle_history(struct sovd_call *call) {
        struct sovd_fault_sink *sink = sovd_gateway_fault_sink(call->gateway);
        struct sovd_fault_history *history = sovd_arena_new0(call->arena, struct sovd_fault_history);
        struct sovd_fault_filter faults = { 0 };
        struct sovd_fault_history_filter filter;
        const struct sovd_entity *only = NULL;
        if (!history)
                return sovd_error_origin(-ENOMEM);
        if (!sink)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "this gateway keeps no faults");

        int r = take_filter(call, &faults, &filter);
        if (!r)
                r = sovd_fault_entity_take(call, &only);
        if (!r)
                r = sink->ops->history(sink, call, only, &filter, history);
        return r ? r : finish(call, &filter, history, sovd_call_printf(call, "%s/faults/history", call->base));
}

/* Before those with {fault-code}: no fault can have this code. */
const struct sovd_route sovd_routes_fault_history[] = {
        { .id = "faults-history", .method = SOVD_GET, .path = "/{entity}/faults/history", .handler = entity_history,
          .flags = SOVD_INCLUDE_SCHEMA, .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_FAULTS,
          .query = history_query, .query_family = sovd_fault_query_names,
          .out = &sovd_schema_fault_history, .success = 200, .summary = "What happened to the faults of an entity" },
        { .id = "vehicle-faults-history", .method = SOVD_GET, .path = "/faults/history", .handler = vehicle_history,
          .flags = SOVD_INCLUDE_SCHEMA, .collection = SOVD_NO_COLLECTION, .query = vehicle_query,
          .query_family = sovd_fault_query_names, .out = &sovd_schema_fault_history, .success = 200,
          .summary = "What happened to the faults that the gateway keeps, of all entities" },
        { 0 }
};
