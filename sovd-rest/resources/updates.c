/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/updates.h"
#include "sovd-rest/gate.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"

static const struct sovd_query_param list_query[] = {
        { "target-version", SOVD_QUERY_STRING, "Only packages that lead to this version; * stands for any characters." },
        { "origin", SOVD_QUERY_STRING, "Only packages that may come this way: remote (when missing) or proximity." },
        { 0 }
};

/* Without a backend that serves updates there is no such collection. */
static int check_served(struct sovd_call *call) {
        size_t n;

        (void)sovd_tree_updaters(call->tree, &n);
        return n ? 0 : sovd_fail(call, SOVD_E_NOT_FOUND, "no backend offers updates");
}

static int updates_list(struct sovd_call *call) {
        struct sovd_update_ids *ids = sovd_arena_new0(call->arena, struct sovd_update_ids);
        const char *origin = sovd_call_query(call, "origin");
        const struct sovd_update_filter filter = { .target_version = sovd_call_query(call, "target-version"),
                                                   .origin = origin ? origin : "remote" };
        if (!ids)
                return sovd_error_origin(-ENOMEM);

        int r = check_served(call);
        if (r)
                return r;
        if (strcmp(filter.origin, "remote") != 0 && strcmp(filter.origin, "proximity") != 0 &&
            !sovd_has_prefix(filter.origin, "x-"))
                return sovd_fail(call, SOVD_E_BAD_REQUEST,
                                 "query parameter 'origin' must be remote, proximity or one that begins with x-");
        call->out = ids;
        return sovd_updates_list(call, &filter, ids);
}

/* "components/bms" becomes the URI that this server has for it; anything else stays. */
static const char *uri_of(struct sovd_call *call, const char *ref) {
        const char *id = strchr(ref, '/');
        bool known = false;

        for (int type = 0; id && type < SOVD_N_ENTITY_TYPES; type++) {
                const size_t n = strlen(sovd_entity_type_paths[type]);
                known = known || (n == (size_t)(id - ref) && strncmp(ref, sovd_entity_type_paths[type], n) == 0);
        }
        return known ? sovd_call_printf(call, "%s/%.*s/%s", call->base, (int)(id - ref), ref, sovd_encoded(call, id + 1))
                  : ref;
}

/* --- what may be done with it --------------------------------------------------------------------------- */

static const struct sovd_route *route_of(int (*handler)(struct sovd_call *call)) {
        const struct sovd_route *route = sovd_routes_updates;

        while (route->handler != handler)
                route++;
        return route;
}

static int refuse(struct sovd_call *call, const char *what) {
        return sovd_fail(call, SOVD_E_FORBIDDEN, "your roles and scopes do not allow this with %s", what);
}

/* The package that is meant: rules name what the server chooses by its own id. */
static int find_meant(struct sovd_call *call, const struct sovd_route *route, const char **ret_id) {
        const char *params[SOVD_PARAMS_MAX] = { NULL };
        struct sovd_update_detail detail = { 0 };

        *ret_id = call->params[0];
        if (!sovd_gate_is_narrowed(call) || strcmp(*ret_id, SOVD_UPDATE_AUTONOMOUS) != 0)
                return 0;
        int r = sovd_updates_read(call, *ret_id, &detail);
        if (r)
                return r;
        params[0] = detail.id;
        if (detail.id ? !sovd_gate_may_with(call, route, params) : sovd_gate_picks(call))
                return refuse(call, "the package that the server chooses");
        *ret_id = detail.id ? detail.id : *ret_id;
        return 0;
}

/* May he use the route for one that the package is about? "" = it does not say which. */
static bool may_with(const struct sovd_call *call, const struct sovd_route *route, const char *id, const char *ref) {
        const char *params[SOVD_PARAMS_MAX] = { id };

        return sovd_gate_may_on(call, route, params, ref);
}

/* Is he allowed to do it on each of these? */
static bool may_on_all(const struct sovd_call *call, const struct sovd_route *route, const char *id, const struct sovd_strings *refs) {
        for (size_t i = 0; i < refs->n; i++)
                if (!may_with(call, route, id, refs->items[i]))
                        return false;
        return true;
}

static int check_changed(struct sovd_call *call, const struct sovd_route *route, const char *id) {
        struct sovd_update_detail detail = { 0 };
        int r = sovd_gate_is_narrowed(call) ? sovd_updates_read(call, id, &detail) : 0;

        if (r)
                return r;
        if (!detail.updated_components.n && !may_with(call, route, id, "")) /* what it changes it need not say */
                return refuse(call, "a package that does not say what it changes");
        return may_on_all(call, route, id, &detail.updated_components) && may_on_all(call, route, id, &detail.affected_components)
                       ? 0
                       : refuse(call, "all that the package changes");
}

static void leave_out(const struct sovd_call *call, const struct sovd_route *route, const char *id, struct sovd_strings *refs) {
        size_t n = 0;

        for (size_t i = 0; i < refs->n; i++)
                if (may_with(call, route, id, refs->items[i]))
                        refs->items[n++] = refs->items[i];
        refs->n = n;
}

/* --- handlers ------------------------------------------------------------------------------------------- */

static void make_uris(struct sovd_call *call, const struct sovd_strings *refs) {
        for (size_t i = 0; i < refs->n; i++)
                refs->items[i] = uri_of(call, refs->items[i]);
}

/* A client that asks for the package that the server chooses needs its real id; the others know it. */
static int update_read(struct sovd_call *call) {
        struct sovd_update_detail *detail = sovd_arena_new0(call->arena, struct sovd_update_detail);
        const struct sovd_route *route = route_of(update_read);
        const char *id;
        if (!detail)
                return sovd_error_origin(-ENOMEM);

        int r = check_served(call);
        if (!r)
                r = find_meant(call, route, &id);
        if (!r)
                r = sovd_updates_read(call, id, detail);
        if (r)
                return r;
        if (!detail->id)
                detail->id = id;
        leave_out(call, route, id, &detail->updated_components);
        leave_out(call, route, id, &detail->affected_components);
        make_uris(call, &detail->updated_components);
        make_uris(call, &detail->affected_components);
        call->out = detail;
        return 0;
}

static const char *status_href(struct sovd_call *call, const char *id) {
        return sovd_call_printf(call, "%s/updates/%s/status", call->base, sovd_encoded(call, id));
}

static int update_register(struct sovd_call *call) {
        struct sovd_update_registered *registered = sovd_arena_new0(call->arena, struct sovd_update_registered);
        if (!registered)
                return sovd_error_origin(-ENOMEM);

        int r = check_served(call);
        if (!r && !call->raw_len)
                r = sovd_fail(call, SOVD_E_BAD_REQUEST, "the description of the package is missing");
        if (!r)
                r = sovd_updates_register(call, sovd_call_header(call, "Content-Type"), registered);
        if (r)
                return r;
        call->location = status_href(call, registered->id); /* defect D22 */
        call->out = registered;
        return 0;
}

static int update_delete(struct sovd_call *call) {
        int r = check_served(call);

        if (r)
                return r;
        if (strcmp(call->params[0], SOVD_UPDATE_AUTONOMOUS) == 0) {
                sovd_fail(call, SOVD_E_METHOD, "'%s' stands for a package and cannot be deleted", call->params[0]);
                call->failure.allow = "GET, HEAD";
                return SOVD_E_METHOD;
        }
        return sovd_updates_delete(call, call->params[0]);
}

/* Of what runs elsewhere only the other side knows which it is: its words are for those who may read everything. */
static bool may_hear(const struct sovd_call *call, const char *id) {
        const char *params[SOVD_PARAMS_MAX] = { call->failure.package ? call->failure.package : id };

        return (call->failure.package || !sovd_gate_picks(call)) && sovd_gate_may_with(call, route_of(update_read), params);
}

static int leave_out_running(struct sovd_call *call, int r, const char *id) {
        static const enum sovd_error errors[] = { SOVD_E_UPDATE_RUNNING, SOVD_E_UPDATE_PREPARING, SOVD_E_UPDATE_EXECUTING };
        const char *code = r > 0 ? call->failure.body.error_code : NULL;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(errors); i++)
                if ((r == (int)errors[i] || (code && strcmp(code, sovd_error_info(errors[i])->error_code) == 0)) && !may_hear(call, id))
                        return sovd_fail(call, errors[i], "an update is in progress: wait until it has ended");
        return r;
}

static int control(struct sovd_call *call, const struct sovd_route *route, enum sovd_update_action action) {
        const char *id;
        int r = check_served(call);

        if (!r)
                r = find_meant(call, route, &id);
        if (!r)
                r = check_changed(call, route, id);
        if (!r)
                r = leave_out_running(call, sovd_updates_control(call, sovd_gateway_updates(call->gateway), id, action), id);
        if (!r)
                call->location = status_href(call, call->params[0]);
        return r;
}

static int update_prepare(struct sovd_call *call) {
        return control(call, route_of(update_prepare), SOVD_UPDATE_DO_PREPARE);
}

static int update_execute(struct sovd_call *call) {
        return control(call, route_of(update_execute), SOVD_UPDATE_DO_EXECUTE);
}

static int update_automated(struct sovd_call *call) {
        return control(call, route_of(update_automated), SOVD_UPDATE_DO_AUTOMATED);
}

static int update_status_read(struct sovd_call *call) {
        struct sovd_update_status *status = sovd_arena_new0(call->arena, struct sovd_update_status);
        const struct sovd_route *route = route_of(update_status_read);
        const char *id;
        size_t n = 0;
        if (!status)
                return sovd_error_origin(-ENOMEM);

        int r = check_served(call);
        if (!r)
                r = find_meant(call, route, &id);
        if (!r)
                r = sovd_updates_status(call, id, status);
        if (r)
                return r;
        struct sovd_update_part *parts = status->subprogress.items;
        for (size_t i = 0; i < status->subprogress.n; i++) {
                if (!may_with(call, route, id, parts[i].entity))
                        continue;
                parts[n] = parts[i];
                parts[n].entity = uri_of(call, parts[n].entity);
                n++;
        }
        status->subprogress.n = n;
        call->out = status;
        return 0;
}

#define UPDATES .collection = SOVD_NO_COLLECTION, .clause = "ISO 17978-3 7.18"
#define ONE     "/updates/{update-package-id}"

const struct sovd_route sovd_routes_updates[] = {
        { .id = "updates-list", .method = SOVD_GET, .path = "/updates", .handler = updates_list, .query = list_query,
          .out = &sovd_schema_update_ids, .success = 200, .summary = "List the update packages", UPDATES },
        { .id = "update-register", .method = SOVD_POST, .path = "/updates", .handler = update_register,
          .flags = SOVD_RAW_BODY, .out = &sovd_schema_update_registered, .success = 201,
          .summary = "Register an update package", UPDATES },
        { .id = "update-read", .method = SOVD_GET, .path = ONE, .handler = update_read, .flags = SOVD_INCLUDE_SCHEMA,
          .out = &sovd_schema_update_detail, .success = 200, .summary = "Read an update package", UPDATES },
        { .id = "update-delete", .method = SOVD_DELETE, .path = ONE, .handler = update_delete, .success = 204,
          .summary = "Delete an update package", UPDATES },
        { .id = "update-prepare", .method = SOVD_PUT, .path = ONE "/prepare", .handler = update_prepare,
          .success = 202, .summary = "Prepare an update", UPDATES },
        { .id = "update-execute", .method = SOVD_PUT, .path = ONE "/execute", .handler = update_execute,
          .success = 202, .summary = "Execute an update that is prepared", UPDATES },
        { .id = "update-automated", .method = SOVD_PUT, .path = ONE "/automated", .handler = update_automated,
          .success = 202, .summary = "Prepare and execute an update", UPDATES },
        { .id = "update-status-read", .method = SOVD_GET, .path = ONE "/status", .handler = update_status_read,
          .out = &sovd_schema_update_status, .success = 200, .summary = "Read how far an update is", UPDATES },
        { 0 }
};
