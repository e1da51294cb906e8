/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/fault_mirror.h"
#include "sovd-rest/left_out.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"

static const struct sovd_query_param list_query[] = {
        { "status", SOVD_QUERY_MAP, "Only faults whose status has this value, as status[key]=value; several are OR-ed." },
        { "severity", SOVD_QUERY_INT, "Only faults with a severity below this number." },
        { "scope", SOVD_QUERY_STRING, "The fault memory." },
        { "tags", SOVD_QUERY_STRINGS, "Only faults with one of these tags." },
        { 0 }
};
static const struct sovd_query_param clear_query[] = {
        { "scope", SOVD_QUERY_STRING, "Clear only this fault memory." },
        { 0 }
};

static int make_filter(struct sovd_call *call, struct sovd_fault_filter *filter) {
        const char **keys = sovd_arena_array(call->arena, const char *, call->n_query + 1);
        const char **values = sovd_arena_array(call->arena, const char *, call->n_query + 1);
        const char *severity = sovd_call_query(call, "severity");

        if (!keys || !values || !sovd_call_query_all(call, "tags", &filter->tags))
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < call->n_query; i++)
                if (call->query[i].key && strcmp(call->query[i].name, "status") == 0) {
                        keys[filter->n_status] = call->query[i].key;
                        values[filter->n_status++] = call->query[i].value;
                }
        filter->status_keys = keys;
        filter->status_values = values;
        filter->scope = sovd_call_query(call, "scope");
        if (severity)
                filter->severity = SOVD_INT(strtoll(severity, NULL, 10)); /* dispatch has checked it */
        return 0;
}

static int faults_list(struct sovd_call *call) {
        struct sovd_fault_list *list = sovd_arena_new0(call->arena, struct sovd_fault_list);
        struct sovd_fault_filter filter = { 0 };
        if (!list)
                return sovd_error_origin(-ENOMEM);

        int r = make_filter(call, &filter);
        if (r)
                return r;

        call->out = list;
        r = sovd_ops(call, SOVD_COLLECTION_FAULTS)->faults_list(call, call->entity, &filter, list);
        if (!r)
                sovd_left_out_filter(call, SOVD_COLLECTION_FAULTS, &list->items, sizeof(struct sovd_fault));
        return r;
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
        return tell_cleared(call, call->params[0], NULL, ops->fault_clear(call, call->entity, call->params[0]));
}

static int faults_clear(struct sovd_call *call) {
        const struct sovd_backend_ops *ops = sovd_ops(call, SOVD_COLLECTION_FAULTS);

        if (!ops->faults_clear)
                return sovd_not_offered(call, "clearing faults");
        const char *scope = sovd_call_query(call, "scope");
        return tell_cleared(call, NULL, scope, ops->faults_clear(call, call->entity, scope));
}

const struct sovd_route sovd_routes_faults[] = {
        { .id = "faults-list", .method = SOVD_GET, .path = "/{entity}/faults", .handler = faults_list,
          .flags = SOVD_INCLUDE_SCHEMA, .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_FAULTS,
          .query = list_query, .out = &sovd_schema_fault_list, .success = 200,
          .summary = "List the faults of an entity", .clause = "ISO 17978-3 7.8" },
        { .id = "fault-read", .method = SOVD_GET, .path = "/{entity}/faults/{fault-code}", .handler = fault_read,
          .flags = SOVD_INCLUDE_SCHEMA, .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_FAULTS,
          .out = &sovd_schema_fault_detail, .success = 200, .summary = "Read a fault with its environment data",
          .clause = "ISO 17978-3 7.8" },
        { .id = "fault-clear", .method = SOVD_DELETE, .path = "/{entity}/faults/{fault-code}",
          .handler = fault_clear, .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_FAULTS, .success = 204,
          .summary = "Clear a fault", .clause = "ISO 17978-3 7.8" },
        { .id = "faults-clear", .method = SOVD_DELETE, .path = "/{entity}/faults", .handler = faults_clear,
          .entities = SOVD_ANY_ENTITY, .collection = SOVD_COLLECTION_FAULTS, .query = clear_query, .success = 204,
          .summary = "Clear the faults of an entity", .clause = "ISO 17978-3 7.8" },
        { 0 }
};
