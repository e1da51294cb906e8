/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/resources/fault_filter.h"
#include "sovd-core/backend.h"
#include "sovd-core/base/error.h"
#include "sovd-core/fault_sink.h"
#include "sovd-core/gateway.h"
#include "sovd-rest/pass.h"
#include <stdio.h>

const char *const sovd_fault_query_names[] = { "status", "severity", "scope", "tags",   "entity", "code",     "from",
                                               "to",     "limit",    "after", "order",  "kind",   "snapshot", NULL };

int sovd_fault_severity_take(struct sovd_call *call, struct sovd_int *ret) {
        const char *text = sovd_call_query(call, "severity");
        int64_t value = text ? strtoll(text, NULL, 10) : 0; /* dispatch has checked it */

        if (!text)
                return 0;
        if (value < 1)
                return sovd_fail(call, SOVD_E_BAD_REQUEST,
                                 "query parameter 'severity' must be 1 or more, is %s: no fault is below that", text);
        *ret = SOVD_INT(value);
        return 0;
}

int sovd_fault_filter_take(struct sovd_call *call, struct sovd_fault_filter *filter) {
        const char **keys = sovd_arena_array(call->arena, const char *, call->n_query + 1);
        const char **values = sovd_arena_array(call->arena, const char *, call->n_query + 1);

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
        sovd_pass_sight(call, &filter->sight);
        return sovd_fault_severity_take(call, &filter->severity);
}

int sovd_fault_page_take(struct sovd_call *call, size_t limit, struct sovd_fault_filter *filter,
                         struct sovd_cursor *ret_after) {
        static const char kinds[] = { SOVD_CURSOR_TIME, SOVD_CURSOR_CODE, '\0' };

        int r = sovd_page_times(call, &filter->from_usec, &filter->to_usec);
        if (!r)
                r = sovd_page_limit(call, limit, &filter->max);
        if (!r)
                r = sovd_page_after(call, kinds, ret_after);
        if (r || ret_after->kind != SOVD_CURSOR_TIME)
                return r;
        filter->after.usec = ret_after->number;
        (void)snprintf(filter->after.entity, sizeof(filter->after.entity), "%s", ret_after->first);
        (void)snprintf(filter->after.code, sizeof(filter->after.code), "%s", ret_after->second);
        return 0;
}

bool sovd_faults_are_elsewhere(const struct sovd_entity *e) {
        const struct sovd_backend *backend = e->providers[SOVD_COLLECTION_FAULTS];

        return backend && !backend->ops->faults_history;
}

/* A restore happened to all entities alike, and is of none. */
static bool is_of_entity(void *data, const char *entity, const char *code) {
        return *entity;
}

/* Has anything ever happened to its faults, as far as the gateway knows? */
static int was_followed(struct sovd_call *call, struct sovd_fault_sink *sink, const struct sovd_entity *e) {
        const struct sovd_fault_filter one = { .max = 1, .sight = { .sees = is_of_entity } };
        const struct sovd_fault_history_filter any = { .faults = &one };
        struct sovd_fault_history past = { 0 };

        if (sink && sink->follows)
                return 0;
        int r = sink ? sink->ops->history(sink, call, e, &any, &past) : 0;
        return r || past.items.n ? r
                                 : sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "the faults of %s '%s' have no history here",
                                             sovd_entity_type_words[e->type], e->id);
}

int sovd_fault_history_read(struct sovd_call *call, const struct sovd_entity *e,
                            const struct sovd_fault_history_filter *filter, struct sovd_fault_history *ret) {
        const struct sovd_backend_ops *ops = e->providers[SOVD_COLLECTION_FAULTS]->ops;
        struct sovd_fault_sink *sink = sovd_gateway_fault_sink(call->gateway);

        if (ops->faults_history)
                return ops->faults_history(call, e, filter, ret);
        int r = was_followed(call, sink, e);
        return r ? r : sink->ops->history(sink, call, e, filter, ret);
}

int sovd_fault_entity_take(struct sovd_call *call, const struct sovd_entity **ret) {
        const char *text = sovd_call_query(call, "entity"), *slash = text ? strchr(text, '/') : NULL;

        if (!text)
                return 0;
        const char *word = slash ? sovd_arena_strndup(call->arena, text, (size_t)(slash - text)) : "";
        if (!word)
                return sovd_error_origin(-ENOMEM);
        int type = sovd_name_find(sovd_entity_type_paths, word);
        if (type < 0)
                return sovd_fail(call, SOVD_E_BAD_REQUEST, "query parameter 'entity' must be like components/bms");
        *ret = sovd_tree_find(call->tree, (enum sovd_entity_type)type, slash + 1);
        if (!*ret)
                return sovd_fail(call, SOVD_E_NO_ENTITY, "there is no %s '%s'", sovd_entity_type_words[type], slash + 1);
        if (!(*ret)->providers[SOVD_COLLECTION_FAULTS])
                return sovd_fail(call, SOVD_E_NOT_FOUND, "%s '%s' offers no faults", sovd_entity_type_words[type],
                                 slash + 1);
        return 0;
}
