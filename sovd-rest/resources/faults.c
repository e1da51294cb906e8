/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/fault_mirror.h"
#include "sovd-rest/left_out.h"
#include "sovd-core/fault_sink.h"
#include "sovd-rest/page.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/resources/fault_filter.h"
#include "sovd-rest/rest.h"

#define VEHICLE_PAGE 100 /* a list of the whole vehicle always has pages */

#define LIST_QUERY                                                                                                         \
        { "status", SOVD_QUERY_MAP, "Only faults whose status has this value, as status[key]=value; several are OR-ed." }, \
        { "severity", SOVD_QUERY_INT, "Only faults with a severity below this number." },                                  \
        { "scope", SOVD_QUERY_STRING, "The fault memory." },                                                               \
        { "tags", SOVD_QUERY_STRINGS, "Only faults with one of these tags." },                                             \
        SOVD_PAGE_TIMES("faults that occurred last"),                                                                      \
        SOVD_PAGE_LIMIT("without it all are listed, or 100 of the whole vehicle"),                                         \
        { 0 }
static const struct sovd_query_param list_query[] = { LIST_QUERY };
static const struct sovd_query_param vehicle_query[] = { SOVD_FAULT_ENTITY_QUERY, LIST_QUERY };
static const struct sovd_query_param clear_query[] = {
        { "scope", SOVD_QUERY_STRING, "Clear only this fault memory." },
        { 0 }
};

/* A list that a backend gave whole has no order of its own: pages go by code and memory. */
static int compare_codes(const void *a, const void *b) {
        const struct sovd_fault *x = a, *y = b;
        int order = strcmp(x->code, y->code);

        return order ? order : strcmp(x->scope ? x->scope : "", y->scope ? y->scope : "");
}

static int cut_page(struct sovd_call *call, const struct sovd_cursor *after, size_t max, struct sovd_fault_list *list,
                    struct sovd_cursor *ret_next) {
        struct sovd_fault *items = list->items.items;
        const struct sovd_fault last = { .code = after->first, .scope = after->second };
        size_t n = 0;

        if (!max && !after->kind)
                return 0;
        if (after->kind && after->kind != SOVD_CURSOR_CODE)
                return sovd_page_bad_cursor(call);
        if (list->items.n)
                qsort(items, list->items.n, sizeof(*items), compare_codes);
        while (after->kind && n < list->items.n && compare_codes(&items[n], &last) <= 0)
                n++;
        list->items.items = items + n;
        list->items.n -= n;
        if (!max || list->items.n <= max)
                return 0;
        list->items.n = max;
        *ret_next = (struct sovd_cursor){ SOVD_CURSOR_CODE, 0, items[n + max - 1].code, items[n + max - 1].scope };
        return 0;
}

static int finish_page(struct sovd_call *call, const struct sovd_fault_filter *filter, const struct sovd_cursor *after,
                       struct sovd_fault_list *list, const char *path) {
        struct sovd_cursor next = { 0 };

        if (list->kept && after->kind && after->kind != SOVD_CURSOR_TIME)
                return sovd_page_bad_cursor(call);
        if (!list->kept && (filter->from_usec || filter->to_usec))
                return sovd_not_offered(call, "choosing faults by time (their list says no times)");
        int r = list->kept ? 0 : cut_page(call, after, filter->max, list, &next);
        if (list->kept && *list->next.code)
                next = (struct sovd_cursor){ SOVD_CURSOR_TIME, list->next.usec, list->next.entity, list->next.code };
        return r || !next.kind ? r : sovd_page_link(call, path, &next);
}

static int faults_list(struct sovd_call *call) {
        struct sovd_fault_list *list = sovd_arena_new0(call->arena, struct sovd_fault_list);
        struct sovd_fault_filter filter = { 0 };
        struct sovd_cursor after;
        if (!list)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_fault_filter_take(call, &filter);
        if (!r)
                r = sovd_fault_page_take(call, 0, &filter, &after);
        if (r)
                return r;

        call->out = list;
        r = sovd_ops(call, SOVD_COLLECTION_FAULTS)->faults_list(call, call->entity, &filter, list);
        if (!r)
                sovd_left_out_filter(call, SOVD_COLLECTION_FAULTS, &list->items, sizeof(struct sovd_fault));
        if (!r)
                r = finish_page(call, &filter, &after, list,
                                sovd_call_printf(call, "%s/faults", sovd_entity_href(call, call->entity)));
        return r;
}

/* Those that the gateway keeps, of all entities. */
static int vehicle_faults_list(struct sovd_call *call) {
        struct sovd_fault_list *list = sovd_arena_new0(call->arena, struct sovd_fault_list);
        struct sovd_fault_sink *sink = sovd_gateway_fault_sink(call->gateway);
        struct sovd_fault_filter filter = { 0 };
        const struct sovd_entity *only = NULL;
        struct sovd_cursor after;
        if (!list)
                return sovd_error_origin(-ENOMEM);
        if (!sink)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "this gateway keeps no faults");

        int r = sovd_fault_filter_take(call, &filter);
        if (!r)
                r = sovd_fault_page_take(call, VEHICLE_PAGE, &filter, &after);
        if (!r)
                r = sovd_fault_entity_take(call, &only);
        if (r)
                return r;
        call->out = list;
        r = sink->ops->list(sink, call, only, &filter, list);
        return r ? r : finish_page(call, &filter, &after, list, sovd_call_printf(call, "%s/faults", call->base));
}

static int fault_read(struct sovd_call *call) {
        struct sovd_fault_detail *detail = sovd_arena_new0(call->arena, struct sovd_fault_detail);
        if (!detail)
                return sovd_error_origin(-ENOMEM);

        call->out = detail;
        return sovd_ops(call, SOVD_COLLECTION_FAULTS)->fault_read(call, call->entity, call->params[0], detail);
}

/* History and streams know of it at once, and not by the next reading. Returns r. */
static int tell_cleared(struct sovd_call *call, const char *code, const char *scope, int r) {
        struct sovd_fault_mirror *mirror = sovd_rest_of(call)->fault_mirror;

        if (!r && mirror)
                sovd_fault_mirror_cleared(mirror, call->entity, code, scope);
        return r;
}

static int fault_clear(struct sovd_call *call) {
        const struct sovd_backend_ops *ops = sovd_ops(call, SOVD_COLLECTION_FAULTS);

        if (!ops->fault_clear)
                return sovd_not_offered(call, "clearing a single fault");
        return tell_cleared(call, call->params[0], NULL,
                            sovd_call_did(call, ops->fault_clear(call, call->entity, call->params[0])));
}

static int faults_clear(struct sovd_call *call) {
        const struct sovd_backend_ops *ops = sovd_ops(call, SOVD_COLLECTION_FAULTS);

        if (!ops->faults_clear)
                return sovd_not_offered(call, "clearing faults");
        const char *scope = sovd_call_query(call, "scope");
        return tell_cleared(call, NULL, scope, sovd_call_did(call, ops->faults_clear(call, call->entity, scope)));
}

const struct sovd_route sovd_routes_faults[] = {
        { .id = "faults-list", .method = SOVD_GET, .path = "/{entity}/faults", .handler = faults_list,
          .flags = SOVD_INCLUDE_SCHEMA, .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_FAULTS,
          .query = list_query, .query_family = sovd_fault_query_names, .out = &sovd_schema_fault_list,
          .success = 200,
          .summary = "List the faults of an entity", .clause = "ISO 17978-3 7.8" },
        { .id = "vehicle-faults-list", .method = SOVD_GET, .path = "/faults", .handler = vehicle_faults_list,
          .flags = SOVD_INCLUDE_SCHEMA, .collection = SOVD_NO_COLLECTION, .query = vehicle_query,
          .query_family = sovd_fault_query_names, .out = &sovd_schema_fault_list, .success = 200,
          .summary = "List the faults that the gateway keeps, of all entities" },
        { .id = "fault-read", .method = SOVD_GET, .path = "/{entity}/faults/{fault-code}", .handler = fault_read,
          .flags = SOVD_INCLUDE_SCHEMA, .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_FAULTS,
          .out = &sovd_schema_fault_detail, .success = 200, .summary = "Read a fault with its environment data",
          .clause = "ISO 17978-3 7.8" },
        { .id = "fault-clear", .method = SOVD_DELETE, .path = "/{entity}/faults/{fault-code}",
          .handler = fault_clear, .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_FAULTS,
          .query_family = sovd_fault_query_names, .success = 204,
          .summary = "Clear a fault", .clause = "ISO 17978-3 7.8" },
        { .id = "faults-clear", .method = SOVD_DELETE, .path = "/{entity}/faults", .handler = faults_clear,
          .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_FAULTS, .query = clear_query,
          .query_family = sovd_fault_query_names, .success = 204,
          .summary = "Clear the faults of an entity", .clause = "ISO 17978-3 7.8" },
        { 0 }
};
