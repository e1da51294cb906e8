/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect - routes, errors and the discovery of entities
 *
 * Areas and components only: collections that are not offered (apps, functions, logs ...) answer 404.
 */
#include <stdio.h>
#include "demo-ecu/bulk.h"
#include "demo-ecu/iso.h"
#include "demo-ecu/subscriptions.h"

void iso_write_error(struct json *json, const char *code, const char *vendor_code, const char *message) {
        json_string(json, "error_code", code);
        if (vendor_code)
                json_string(json, "vendor_code", vendor_code);
        json_string(json, "message", message);
}

/* A refused value also gets the members of a DataError, which GenericError allows. */
static void iso_write_problem(struct call *call, int status) {
        static const struct {
                const char *code, *vendor_code;
        } codes[PROBLEM_N_KINDS] = {
                [PROBLEM_BAD_REQUEST] = { "incomplete-request" },
                [PROBLEM_BAD_VALUE] = { "incomplete-request" },
                [PROBLEM_READ_ONLY] = { "insufficient-access-rights" },
                [PROBLEM_NO_ENTITY] = { "vendor-specific", "entity-not-found" },
                [PROBLEM_NO_RESOURCE] = { "vendor-specific", "resource-not-found" },
                [PROBLEM_BAD_METHOD] = { "vendor-specific", "method-not-allowed" },
                [PROBLEM_CONFLICT] = { "precondition-not-fulfilled" },
                [PROBLEM_LOCK_BROKEN] = { "lock-broken" },
                [PROBLEM_TOO_LARGE] = { "vendor-specific", "payload-too-large" },
                [PROBLEM_BAD_TYPE] = { "vendor-specific", "unsupported-media-type" },
                [PROBLEM_FAILURE] = { "sovd-server-failure" },
                [PROBLEM_INJECTED] = { "vendor-specific", "injected" },
        };
        const struct problem *problem = &call->problem;
        const char *code = codes[problem->kind].code, *vendor_code = codes[problem->kind].vendor_code;
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        if (problem->kind == PROBLEM_BAD_VALUE) {
                json_string(json, "path", problem->path);
                json_begin(json, "error", '{');
                iso_write_error(json, code, vendor_code, problem->message);
                json_end(json, '}');
        }
        iso_write_error(json, code, vendor_code, problem->message);
        json_end(json, '}');
}

static void get_version_info(struct call *call) {
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_begin(json, "sovd_info", '[');
        json_begin(json, NULL, '{');
        json_string(json, "version", "1.1.0");
        json_string(json, "base_uri", BASE_PATH);
        json_begin(json, "vendor_info", '{');
        json_string(json, "name", "demo-ecu");
        json_string(json, "version", SOVD_VERSION);
        json_end(json, '}');
        json_end(json, '}');
        json_end(json, ']');
        json_end(json, '}');
}

static void get_root(struct call *call) {
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_string(json, "id", "demo-ecu");
        json_string(json, "name", "demo-ecu");
        json_string(json, "areas", BASE_PATH "/areas");
        json_string(json, "components", BASE_PATH "/components");
        json_end(json, '}');
}

static void write_reference(struct json *json, const char *collection, const char *id, const char *name) {
        json_begin(json, NULL, '{');
        json_string(json, "id", id);
        json_string(json, "name", name);
        json_format(json, "href", BASE_PATH "/%s/%s", collection, id);
        json_end(json, '}');
}

static void list_begin(struct json *json) {
        json_begin(json, NULL, '{');
        json_begin(json, "items", '[');
}

static void list_end(struct json *json) {
        json_end(json, ']');
        json_end(json, '}');
}

/* `area` NULL: all of them */
static void list_components(struct call *call, const char *area) {
        list_begin(&call->out);
        for (size_t i = 0; i < VEHICLE_N_COMPONENTS; ++i) {
                const struct component *component = &call->server->vehicle->components[i];

                if (component->present && (!area || equal(component->area, area)))
                        write_reference(&call->out, "components", component->id, component->name);
        }
        list_end(&call->out);
}

static void iso_list_components(struct call *call) {
        list_components(call, NULL);
}

static void iso_get_component(struct call *call) {
        static const char *const collections[] = { "data",           "data-categories", "data-groups",
                                                   "faults",         "operations",      "modes",
                                                   "configurations", "locks",           "belongs-to",
                                                   "logs",            "cyclic-subscriptions" };
        const struct component *component = call->component;

        json_begin(&call->out, NULL, '{');
        json_string(&call->out, "id", component->id);
        json_string(&call->out, "name", component->name);
        for (size_t i = 0; i < N_ELEMENTS(collections); ++i)
                json_format(&call->out, collections[i], BASE_PATH "/components/%s/%s", component->id,
                            collections[i]);
        if (bulk_has(component->id))
                json_format(&call->out, "bulk-data", BASE_PATH "/components/%s/bulk-data", component->id);
        json_end(&call->out, '}');
}

static const struct area *area_find(struct call *call) {
        for (size_t i = 0; i < VEHICLE_N_COMPONENTS; ++i)
                if (equal(vehicle_areas[i].id, call->segments[SEG_ENTITY]))
                        return &vehicle_areas[i];

        call_fail(call, PROBLEM_NO_ENTITY, "there is no area '%.64s'", call->segments[SEG_ENTITY]);
        return NULL;
}

static void iso_list_belongs_to(struct call *call) {
        const struct area *area = &vehicle_areas[call->component - call->server->vehicle->components];

        list_begin(&call->out);
        write_reference(&call->out, "areas", area->id, area->name);
        list_end(&call->out);
}

static void iso_list_areas(struct call *call) {
        list_begin(&call->out);
        for (size_t i = 0; i < VEHICLE_N_COMPONENTS; ++i)
                write_reference(&call->out, "areas", vehicle_areas[i].id, vehicle_areas[i].name);
        list_end(&call->out);
}

static void iso_get_area(struct call *call) {
        const struct area *area = area_find(call);

        if (!area)
                return;

        json_begin(&call->out, NULL, '{');
        json_string(&call->out, "id", area->id);
        json_string(&call->out, "name", area->name);
        json_format(&call->out, "contains", BASE_PATH "/areas/%s/contains", area->id);
        json_end(&call->out, '}');
}

static void iso_list_contains(struct call *call) {
        const struct area *area = area_find(call);

        if (area)
                list_components(call, area->id);
}

/* The most frequent ones first: the table is searched from its top. */
static const struct route routes[] = {
        { "GET", COMPONENT "/data/*", iso_get_data },
        { "PUT", COMPONENT "/data/*", iso_put_data, ROUTE_BODY },
        { "GET", COMPONENT "/faults", iso_list_faults },
        { "GET", COMPONENT "/data", iso_list_data },
        { "GET", COMPONENT "/data-categories", iso_list_categories },
        { "GET", COMPONENT "/data-groups", iso_list_groups },
        { "DELETE", COMPONENT "/faults", iso_clear_faults },
        { "GET", COMPONENT "/faults/*", iso_get_fault },
        { "DELETE", COMPONENT "/faults/*", iso_clear_fault },
        { "GET", COMPONENT "/operations", iso_list_operations },
        { "GET", OPERATION, iso_get_operation },
        { "GET", OPERATION "/executions", iso_list_executions },
        { "POST", OPERATION "/executions", iso_start_execution, ROUTE_OPTIONAL_BODY },
        { "GET", EXECUTION, iso_get_execution },
        { "PUT", EXECUTION, iso_put_execution, ROUTE_BODY },
        { "DELETE", EXECUTION, iso_delete_execution },
        { "GET", COMPONENT "/configurations", iso_list_configurations },
        { "GET", COMPONENT "/configurations/*", iso_get_configuration },
        { "PUT", COMPONENT "/configurations/*", iso_put_configuration, ROUTE_BODY },
        { "GET", COMPONENT "/modes", iso_list_modes },
        { "GET", COMPONENT "/modes/*", iso_get_mode },
        { "PUT", COMPONENT "/modes/*", iso_put_mode, ROUTE_BODY },
        { "GET", COMPONENT "/logs", iso_get_logs },
        { "GET", COMPONENT "/logs/entries", iso_list_log_entries },
        { "GET", COMPONENT "/logs/config", iso_get_log_config },
        { "PUT", COMPONENT "/logs/config", iso_put_log_config, ROUTE_BODY },
        { "DELETE", COMPONENT "/logs/config", iso_delete_log_config },
        { "GET", COMPONENT "/locks", iso_list_locks },
        { "POST", COMPONENT "/locks", iso_acquire_lock, ROUTE_BODY },
        { "GET", COMPONENT "/locks/*", iso_get_lock },
        { "PUT", COMPONENT "/locks/*", iso_extend_lock, ROUTE_BODY },
        { "DELETE", COMPONENT "/locks/*", iso_release_lock },
        { "GET", COMPONENT "/cyclic-subscriptions", iso_list_subscriptions },
        { "POST", COMPONENT "/cyclic-subscriptions", iso_add_subscription, ROUTE_BODY },
        { "GET", SUBSCRIPTION, iso_get_subscription },
        { "PUT", SUBSCRIPTION, iso_put_subscription, ROUTE_BODY },
        { "DELETE", SUBSCRIPTION, iso_delete_subscription },
        { "GET", SUBSCRIPTION "/events", iso_get_events },
        { "GET", COMPONENT "/belongs-to", iso_list_belongs_to },
        { "GET", COMPONENT "/bulk-data", iso_list_bulk_categories },
        { "GET", COMPONENT "/bulk-data/*", iso_list_bulk },
        { "POST", COMPONENT "/bulk-data/*", iso_upload_bulk, ROUTE_TRANSFER },
        { "DELETE", COMPONENT "/bulk-data/*", iso_delete_bulk },
        { "GET", COMPONENT "/bulk-data/*/*", iso_download_bulk, ROUTE_TRANSFER },
        { "DELETE", COMPONENT "/bulk-data/*/*", iso_delete_bulk_item },
        { "GET", COMPONENT, iso_get_component },
        { "GET", BASE_PATH "/components", iso_list_components },
        { "GET", BASE_PATH "/areas", iso_list_areas },
        { "GET", BASE_PATH "/areas/*", iso_get_area },
        { "GET", BASE_PATH "/areas/*/contains", iso_list_contains },
        { "GET", BASE_PATH, get_root },
        { "GET", BASE_PATH "/version-info", get_version_info },
        { "GET", "/sovd/version-info", get_version_info },
        { 0 },
};

const struct dialect dialect_iso = { "iso", routes, iso_write_problem };
