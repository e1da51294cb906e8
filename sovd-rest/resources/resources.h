#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Resources - the route tables of the collections, one file each
 */
#include "sovd-rest/route.h"

extern const struct sovd_route sovd_routes_server[];
extern const struct sovd_route sovd_routes_discovery[];
extern const struct sovd_route sovd_routes_data[];
extern const struct sovd_route sovd_routes_data_subscribe[];
extern const struct sovd_route sovd_routes_data_catalog[];
extern const struct sovd_route sovd_routes_data_lists[];
extern const struct sovd_route sovd_routes_fault_history[];
extern const struct sovd_route sovd_routes_fault_streams[];
extern const struct sovd_route sovd_routes_faults[];
extern const struct sovd_route sovd_routes_exports[];
extern const struct sovd_route sovd_routes_snapshot[];
extern const struct sovd_route sovd_routes_operations[];
extern const struct sovd_route sovd_routes_scripts[];
extern const struct sovd_route sovd_routes_modes[];
extern const struct sovd_route sovd_routes_configurations[];
extern const struct sovd_route sovd_routes_logs[];
extern const struct sovd_route sovd_routes_clear_data[];
extern const struct sovd_route sovd_routes_status[];
extern const struct sovd_route sovd_routes_updates[];
extern const struct sovd_route sovd_routes_locks[];
extern const struct sovd_route sovd_routes_subscriptions[];
extern const struct sovd_route sovd_routes_triggers[];
extern const struct sovd_route sovd_routes_bulk_data[];
extern const struct sovd_route sovd_routes_communication_logs[];
extern const struct sovd_route sovd_routes_admin[];
extern const struct sovd_route sovd_routes_audit[];
extern const struct sovd_route sovd_routes_token[];
extern const struct sovd_route sovd_routes_features[];
extern const struct sovd_route sovd_routes_evidence[];
extern const struct sovd_route sovd_routes_browser_session[];

/* "/sovd/v1/components/bms" in the arena, with ids encoded; "" when memory is out. */
const char *sovd_entity_href(struct sovd_call *call, const struct sovd_entity *e);

/* Adds to the failure of a call for an operation which execution stands for what was asked for. -ENOMEM. */
int sovd_execution_point_to(struct sovd_call *call, const char *id);

/* Reserves a place for an execution of the call's client, of an operation or a script (sovd_executions_reserve_for()). Sets the
 * failure: SOVD_E_OVERLOAD. */
int sovd_execution_reserve(struct sovd_call *call);

/* The same as sovd_entity_href() in a buffer, for lists of thousands: takes memory of the arena only for ids that have to be encoded. */
#define SOVD_HREF_SIZE 1024
const char *sovd_entity_href_in(char buf[static SOVD_HREF_SIZE], const struct sovd_call *call,
                                const struct sovd_entity *e);

/* The same with a path below it whose format is filled with encoded text by the caller. */
const char *sovd_encoded(struct sovd_call *call, const char *segment);

/* Fills *ret, the member "schema" of an answer of this schema, when include-schema=true asks for it, the backend has
 * not given one with the value, and it can describe the resource call->params[0]: with its schema in the place of that
 * of `member`. member NULL: an operation, whose parameters and result stand in x-gw-operation. 0 or -errno. */
int sovd_add_schema(struct sovd_call *call, enum sovd_collection collection, const struct sovd_schema *schema,
                    const char *member, const struct cJSON **ret);

/* The ops of the backend that provides a collection of the call's entity; dispatch has checked that it does. */
static inline const struct sovd_backend_ops *sovd_ops(const struct sovd_call *call, enum sovd_collection collection) {
        return call->entity->providers[collection]->ops;
}

/* Answers 501: the backend of the collection does not offer this. */
int sovd_not_offered(struct sovd_call *call, const char *what);

/* The value that a write carries under the standard's name or the native server's; checks that it is one. */
struct sovd_data_write;
int sovd_written_value(struct sovd_call *call, const struct sovd_data_write *write, const struct cJSON **ret);

/* A backend names the faulty element by its own word for the value; this makes it the client's. Returns r. */
int sovd_rename_path(struct sovd_call *call, const struct sovd_data_write *write, int r);
