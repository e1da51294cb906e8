/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/resources/resources.h"

const struct sovd_route *const sovd_routes[] = {
        /* What is asked most comes first: the router searches in this order. */
        sovd_routes_data_subscribe, /* before data: its last segment is no id */
        sovd_routes_data,
        sovd_routes_discovery,
        sovd_routes_fault_history,
        sovd_routes_fault_streams, /* before them: one is where a code could be */
        sovd_routes_faults,
        sovd_routes_operations,
        sovd_routes_scripts,
        sovd_routes_modes,
        sovd_routes_configurations,
        sovd_routes_data_lists,
        sovd_routes_logs,
        sovd_routes_clear_data,
        sovd_routes_status,
        sovd_routes_updates,
        sovd_routes_locks,
        sovd_routes_subscriptions,
        sovd_routes_triggers,
        sovd_routes_bulk_data,
        sovd_routes_communication_logs,
        sovd_routes_exports,
        sovd_routes_snapshot,
        sovd_routes_data_catalog,
        sovd_routes_server,
        sovd_routes_admin,
        sovd_routes_audit,
        sovd_routes_token,
        sovd_routes_features,
        sovd_routes_evidence,
        sovd_routes_browser_session,
        NULL,
};

/* What ends with its client or with itself, and the locks themselves, are nobody else's to keep. */
static const unsigned temporary = 1u << SOVD_COLLECTION_LOCKS | 1u << SOVD_COLLECTION_DATA_LISTS |
                                  1u << SOVD_COLLECTION_TRIGGERS | 1u << SOVD_COLLECTION_CYCLIC_SUBSCRIPTIONS;

enum sovd_collection sovd_route_lock_scope(const struct sovd_route *route) {
        bool changes = route->method != SOVD_GET && route->entities && !(route->flags & SOVD_NO_LOCK);

        if (!changes || route->collection == SOVD_NO_COLLECTION || (temporary & (1u << route->collection)))
                return SOVD_NO_COLLECTION;
        return route->collection;
}
