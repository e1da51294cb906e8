/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OData dialect - data, faults, modes and configurations
 */
#include "demo-ecu/configurations.h"
#include "demo-ecu/data.h"
#include "demo-ecu/faults.h"
#include "demo-ecu/modes.h"
#include "demo-ecu/odata.h"

static const char *access_word(const struct datum *datum) {
        return datum->writable ? "readWrite" : "readOnly";
}

static void write_catalog_entry(struct json *json, const struct datum *datum) {
        static const char *const types[] = {
                [DATUM_FLOAT] = "float",
                [DATUM_INTEGER] = "integer",
                [DATUM_STRING] = "string",
        };

        json_begin(json, NULL, '{');
        json_string(json, "id", datum->id);
        json_string(json, "name", datum->name);
        json_string(json, "access", access_word(datum));
        json_string(json, "dataType", types[datum->type]);
        if (datum->unit)
                json_string(json, "unit", datum->unit);
        json_end(json, '}');
}

void odata_list_data(struct call *call) {
        odata_list_begin(&call->out, "data");
        for (size_t i = 0; i < call->component->n_data; ++i)
                write_catalog_entry(&call->out, &call->component->data[i]);
        odata_list_end(&call->out, call->component->n_data);
}

static struct datum *call_datum(struct call *call) {
        const char *id = call->segments[SEG_RESOURCE];
        struct datum *datum = datum_find(call->component, id);

        if (!datum)
                call_fail(call, PROBLEM_NO_RESOURCE, "component '%s' has no data '%.64s'",
                          call->component->id, id);
        return datum;
}

void odata_get_data(struct call *call) {
        const struct datum *datum = call_datum(call);
        struct json *json = &call->out;
        char value[64];

        if (!datum)
                return;

        datum_print(datum, value, sizeof(value));
        json_begin(json, NULL, '{');
        json_string(json, "id", datum->id);
        json_string(json, "name", datum->name);
        json_raw(json, "value", value);
        if (datum->unit)
                json_string(json, "unit", datum->unit);
        json_string(json, "access", access_word(datum));
        json_end(json, '}');
}

void odata_put_data(struct call *call) {
        struct datum *datum = call_datum(call);

        if (!datum)
                return;
        if (datum_write(datum, call->json, call->body, "value", &call->problem)) {
                call_refuse(call);
                return;
        }
        call->status = 204;
}

static void write_fault(struct json *json, const struct component *component, const struct fault *fault) {
        json_begin(json, NULL, '{');
        json_string(json, "id", fault->id);
        json_string(json, "componentId", component->id);
        json_string(json, "code", fault->code);
        json_string(json, "displayCode", fault->code);
        json_string(json, "severity", fault->severity_word);
        json_string(json, "status", fault->active ? "active" : "passive");
        json_string(json, "name", fault->name);
        json_string(json, "description", fault->description);
        json_string(json, "scope", fault->scope);
        json_end(json, '}');
}

void odata_list_faults(struct call *call) {
        size_t n_faults = 0;

        odata_list_begin(&call->out, "faults");
        for (size_t i = 0; i < call->component->n_faults; ++i) {
                if (!call->component->faults[i].stored)
                        continue;
                write_fault(&call->out, call->component, &call->component->faults[i]);
                ++n_faults;
        }
        odata_list_end(&call->out, n_faults);
}

void odata_get_fault(struct call *call) {
        const char *id = call->segments[SEG_RESOURCE];
        const struct fault *fault = fault_find_by_id(call->component, id);

        if (fault && fault->stored)
                write_fault(&call->out, call->component, fault);
        else
                call_fail(call, PROBLEM_NO_RESOURCE, "fault '%.64s' is not stored", id);
}

void odata_clear_faults(struct call *call) {
        fault_clear_all(call->component, NULL);
        call->status = 204;
}

void odata_clear_fault(struct call *call) {
        const char *id = call->segments[SEG_RESOURCE];

        if (fault_clear(fault_find_by_id(call->component, id), id, &call->problem)) {
                call_refuse(call);
                return;
        }
        call->status = 204;
}

void odata_get_modes(struct call *call) {
        const struct mode *mode = &call->component->session;
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_string(json, "componentId", call->component->id);
        json_string(json, "currentMode", mode->value);
        json_begin(json, "availableModes", '[');
        for (size_t i = 0; i < N_ELEMENTS(mode_values); ++i)
                json_string(json, NULL, mode_values[i]);
        json_end(json, ']');
        json_string(json, "activeSince", mode->since);
        json_end(json, '}');
}

static void set_mode(struct call *call, const char *value) {
        if (mode_set(call->server->vehicle, &call->component->session, value, 0, &call->problem))
                call_refuse(call);
        else
                odata_get_modes(call);
}

void odata_post_mode(struct call *call) {
        const cJSON *mode = cJSON_GetObjectItemCaseSensitive(call->json, "mode");

        if (cJSON_IsString(mode))
                set_mode(call, mode->valuestring);
        else
                call_fail(call, PROBLEM_BAD_REQUEST, "'mode' must be a string");
}

void odata_put_mode(struct call *call) {
        set_mode(call, call->segments[SEG_RESOURCE]);
}

void odata_get_configurations(struct call *call) {
        const struct configuration *configuration = &call->component->configuration;
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_string(json, "componentId", call->component->id);
        json_begin(json, "parameters", '{');
        json_raw(json, configuration->id, configuration->text);
        json_end(json, '}');
        json_end(json, '}');
}

void odata_put_configuration(struct call *call) {
        struct configuration *configuration = &call->component->configuration;
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(call->json, "name");
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(call->json, "value");

        if (!cJSON_IsString(name))
                call_fail(call, PROBLEM_BAD_REQUEST, "'name' must be a string");
        else if (!equal(name->valuestring, configuration->id))
                call_fail(call, PROBLEM_NO_RESOURCE, "component '%s' has no configuration '%.64s'",
                          call->component->id, name->valuestring);
        else if (configuration_write(configuration, value, "value", &call->problem))
                call_refuse(call);
        else
                call->status = 204;
}
