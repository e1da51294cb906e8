/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OData dialect - routes, errors, components and groups
 */
#include "demo-ecu/odata.h"

static void write_problem(struct call *call, int status) {
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_begin(json, "error", '{');
        json_format(json, "code", "SOVD-ERR-%d", status);
        json_string(json, "message", call->problem.message);
        json_end(json, '}');
        json_end(json, '}');
}

void odata_list_begin(struct json *json, const char *name) {
        json_begin(json, NULL, '{');
        json_format(json, "@odata.context", "$metadata#%s", name);
        json_begin(json, "value", '[');
}

void odata_list_end(struct json *json, size_t n_entries) {
        json_end(json, ']');
        json_integer(json, "@odata.count", (long long)n_entries);
        json_end(json, '}');
}

static void get_root(struct call *call) {
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_string(json, "serverName", "demo-ecu");
        json_string(json, "serverVersion", SOVD_VERSION);
        json_string(json, "sovdVersion", "1.1.0");
        json_string(json, "description", "Demo ECUs: battery management and cabin climate");
        json_begin(json, "supportedProtocols", '[');
        json_string(json, NULL, "http/1.1");
        json_end(json, ']');
        json_end(json, '}');
}

static void get_version_info(struct call *call) {
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_string(json, "sovdVersion", "1.1.0");
        json_string(json, "serverVersion", SOVD_VERSION);
        json_begin(json, "apiVersions", '[');
        json_begin(json, NULL, '{');
        json_string(json, "version", "v1");
        json_string(json, "url", BASE_PATH);
        json_string(json, "status", "active");
        json_end(json, '}');
        json_end(json, ']');
        json_end(json, '}');
}

static void get_health(struct call *call) {
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_string(json, "status", "healthy");
        json_string(json, "serverName", "demo-ecu");
        json_string(json, "uptime", "running");
        json_end(json, '}');
}

static void write_component(struct json *json, const struct component *component) {
        json_begin(json, NULL, '{');
        json_string(json, "id", component->id);
        json_string(json, "name", component->name);
        json_string(json, "category", component->area);
        json_string(json, "description", component->description);
        json_string(json, "connectionState", "connected");
        json_end(json, '}');
}

/* `group` NULL: all of them */
static void write_components(struct call *call, const char *group) {
        size_t n_components = 0;

        odata_list_begin(&call->out, "components");
        for (size_t i = 0; i < VEHICLE_N_COMPONENTS; ++i) {
                const struct component *component = &call->server->vehicle->components[i];

                if (!component->present || (group && !equal(component->area, group)))
                        continue;
                write_component(&call->out, component);
                ++n_components;
        }
        odata_list_end(&call->out, n_components);
}

static void list_components(struct call *call) {
        write_components(call, NULL);
}

static void get_component(struct call *call) {
        write_component(&call->out, call->component);
}

static void get_capabilities(struct call *call) {
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_string(json, "componentId", call->component->id);
        json_begin(json, "supportedCategories", '[');
        json_string(json, NULL, "data");
        json_string(json, NULL, "faults");
        json_string(json, NULL, "operations");
        json_end(json, ']');
        json_integer(json, "dataCount", (long long)call->component->n_data);
        json_integer(json, "operationCount", (long long)call->component->n_operations);
        json_begin(json, "features", '[');
        json_end(json, ']');
        json_end(json, '}');
}

static void write_group(struct call *call, size_t i) {
        const struct component *member = &call->server->vehicle->components[i];
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_string(json, "id", vehicle_areas[i].id);
        json_string(json, "name", vehicle_areas[i].name);
        json_string(json, "description", vehicle_areas[i].description);
        json_begin(json, "componentIds", '[');
        if (member->present)
                json_string(json, NULL, member->id);
        json_end(json, ']');
        json_end(json, '}');
}

static void list_groups(struct call *call) {
        odata_list_begin(&call->out, "groups");
        for (size_t i = 0; i < VEHICLE_N_COMPONENTS; ++i)
                write_group(call, i);
        odata_list_end(&call->out, VEHICLE_N_COMPONENTS);
}

static bool group_find(struct call *call, size_t *ret) {
        for (*ret = 0; *ret < VEHICLE_N_COMPONENTS; ++*ret)
                if (equal(vehicle_areas[*ret].id, call->segments[SEG_ENTITY]))
                        return true;

        call_fail(call, PROBLEM_NO_ENTITY, "there is no group '%.64s'", call->segments[SEG_ENTITY]);
        return false;
}

static void get_group(struct call *call) {
        size_t i;

        if (group_find(call, &i))
                write_group(call, i);
}

static void list_group_components(struct call *call) {
        size_t i;

        if (group_find(call, &i))
                write_components(call, vehicle_areas[i].id);
}

/* The most frequent ones first: the table is searched from its top. */
static const struct route routes[] = {
        { "GET", COMPONENT "/data/*", odata_get_data },
        { "PUT", COMPONENT "/data/*", odata_put_data, ROUTE_BODY },
        { "GET", COMPONENT "/faults", odata_list_faults },
        { "GET", COMPONENT "/data", odata_list_data },
        { "DELETE", COMPONENT "/faults", odata_clear_faults },
        { "GET", COMPONENT "/faults/*", odata_get_fault },
        { "DELETE", COMPONENT "/faults/*", odata_clear_fault },
        { "GET", COMPONENT "/operations", odata_list_operations },
        { "POST", OPERATION, odata_start_execution, ROUTE_BODY },
        { "GET", OPERATION "/executions", odata_list_executions },
        { "GET", EXECUTION, odata_get_execution },
        { "DELETE", EXECUTION, odata_cancel_execution },
        { "GET", COMPONENT "/modes", odata_get_modes },
        { "POST", COMPONENT "/modes", odata_post_mode, ROUTE_BODY },
        { "PUT", COMPONENT "/modes/*", odata_put_mode },
        { "GET", COMPONENT "/configurations", odata_get_configurations },
        { "PUT", COMPONENT "/configurations", odata_put_configuration, ROUTE_BODY },
        { "GET", COMPONENT "/capabilities", get_capabilities },
        { "GET", COMPONENT, get_component },
        { "GET", BASE_PATH "/components", list_components },
        { "GET", BASE_PATH "/groups", list_groups },
        { "GET", BASE_PATH "/groups/*", get_group },
        { "GET", BASE_PATH "/groups/*/components", list_group_components },
        { "GET", BASE_PATH "/health", get_health },
        { "GET", BASE_PATH "/version-info", get_version_info },
        { "GET", BASE_PATH, get_root },
        { 0 },
};

const struct dialect dialect_odata = { "odata", routes, write_problem };
