/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ISO dialect - data, configurations and modes
 */
#include "demo-ecu/configurations.h"
#include "demo-ecu/data.h"
#include "demo-ecu/iso.h"
#include "demo-ecu/logbook.h"
#include "demo-ecu/modes.h"

/* Several values of one filter are OR-ed; a filter that is not there lets everything pass. */
static bool filter_passes(const struct call *call, const char *name, const char *actual) {
        const char *iterator = NULL;
        bool filtered = false;
        char value[64];

        while (call_query(call, name, &iterator, value, sizeof(value))) {
                if (equal(value, actual))
                        return true;
                filtered = true;
        }
        return !filtered;
}

static bool datum_is_wanted(const struct call *call, const struct datum *datum) {
        return filter_passes(call, "groups", datum->group) &&
               filter_passes(call, "category", datum->category) &&
               filter_passes(call, "categories", datum->category);
}

void iso_list_data(struct call *call) {
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_begin(json, "items", '[');
        for (size_t i = 0; i < call->component->n_data; ++i) {
                const struct datum *datum = &call->component->data[i];

                if (!datum_is_wanted(call, datum))
                        continue;
                json_begin(json, NULL, '{');
                json_string(json, "id", datum->id);
                json_string(json, "name", datum->name);
                json_string(json, "category", datum->category);
                json_begin(json, "groups", '[');
                json_string(json, NULL, datum->group);
                json_end(json, ']');
                json_end(json, '}');
        }
        json_end(json, ']');
        json_end(json, '}');
}

static struct datum *call_datum(struct call *call) {
        struct datum *datum = datum_find(call->component, call_resource(call));

        if (!datum)
                call_fail(call, PROBLEM_NO_RESOURCE, "component '%s' has no data '%.64s'",
                          call->component->id, call_resource(call));
        return datum;
}

static void write_value(struct json *json, const char *id, const char *value) {
        json_begin(json, NULL, '{');
        json_string(json, "id", id);
        json_raw(json, "data", value);
        json_end(json, '}');
}

void iso_get_data(struct call *call) {
        const struct datum *datum = call_datum(call);
        char value[64];

        if (!datum)
                return;

        datum_print(datum, value, sizeof(value));
        write_value(&call->out, datum->id, value);
}

void iso_put_data(struct call *call) {
        struct datum *datum = call_datum(call);

        if (!datum)
                return;
        if (datum_write(datum, call->json, call->body, "data", &call->problem)) {
                call_refuse(call);
                return;
        }
        logbook_write(call->server->vehicle, call->component, LOGBOOK_INFO, "data %s was written", datum->id);
        call->status = 204;
}

void iso_list_categories(struct call *call) {
        static const char *const categories[] = { "identData", "currentData", "storedData" };
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_begin(json, "items", '[');
        for (size_t i = 0; i < N_ELEMENTS(categories); ++i) {
                bool used = false;

                for (size_t k = 0; k < call->component->n_data; ++k)
                        used |= equal(call->component->data[k].category, categories[i]);
                if (!used)
                        continue;
                json_begin(json, NULL, '{');
                json_string(json, "item", categories[i]);
                json_end(json, '}');
        }
        json_end(json, ']');
        json_end(json, '}');
}

/* All data of a group are of one category: the standard wants the ids of groups unique over categories. */
void iso_list_groups(struct call *call) {
        const struct component *component = call->component;
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_begin(json, "items", '[');
        for (size_t i = 0; i < component->n_data; ++i) {
                const struct datum *datum = &component->data[i];
                bool known = false;

                for (size_t k = 0; k < i; ++k)
                        known |= equal(component->data[k].group, datum->group);
                if (known)
                        continue;
                json_begin(json, NULL, '{');
                json_string(json, "id", datum->group);
                json_string(json, "category", datum->category);
                json_string(json, "group", datum->group_name);
                json_end(json, '}');
        }
        json_end(json, ']');
        json_end(json, '}');
}

void iso_list_configurations(struct call *call) {
        const struct configuration *configuration = &call->component->configuration;
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_begin(json, "items", '[');
        json_begin(json, NULL, '{');
        json_string(json, "id", configuration->id);
        json_string(json, "name", configuration->name);
        json_string(json, "type", "parameter");
        json_end(json, '}');
        json_end(json, ']');
        json_end(json, '}');
}

static struct configuration *call_configuration(struct call *call) {
        if (equal(call->component->configuration.id, call_resource(call)))
                return &call->component->configuration;

        call_fail(call, PROBLEM_NO_RESOURCE, "component '%s' has no configuration '%.64s'",
                  call->component->id, call_resource(call));
        return NULL;
}

void iso_get_configuration(struct call *call) {
        const struct configuration *configuration = call_configuration(call);

        if (configuration)
                write_value(&call->out, configuration->id, configuration->text);
}

void iso_put_configuration(struct call *call) {
        struct configuration *configuration = call_configuration(call);
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(call->json, "data");

        if (!configuration)
                return;
        if (configuration_write(configuration, value, "data", &call->problem)) {
                call_refuse(call);
                return;
        }
        call->status = 204;
}

void iso_list_modes(struct call *call) {
        struct json *json = &call->out;

        json_begin(json, NULL, '{');
        json_begin(json, "items", '[');
        json_begin(json, NULL, '{');
        json_string(json, "id", MODE_ID);
        json_string(json, "name", "Diagnostic Session");
        json_end(json, '}');
        json_end(json, ']');
        json_end(json, '}');
}

static bool call_has_mode(struct call *call) {
        if (equal(call_resource(call), MODE_ID))
                return true;

        call_fail(call, PROBLEM_NO_RESOURCE, "component '%s' has no mode '%.64s'", call->component->id,
                  call_resource(call));
        return false;
}

void iso_get_mode(struct call *call) {
        if (!call_has_mode(call))
                return;

        json_begin(&call->out, NULL, '{');
        json_string(&call->out, "id", MODE_ID);
        json_string(&call->out, "name", "Diagnostic Session");
        json_string(&call->out, "value", call->component->session.value);
        json_end(&call->out, '}');
}

void iso_put_mode(struct call *call) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(call->json, "value");
        unsigned int n_seconds = 0;

        if (!call_has_mode(call))
                return;
        if (!cJSON_IsString(value)) {
                call_fail(call, PROBLEM_BAD_REQUEST, "'value' must be a string");
                return;
        }
        if (call_seconds(call, "mode_expiration", &n_seconds))
                return;
        if (mode_set(call->server->vehicle, &call->component->session, value->valuestring, n_seconds,
                     &call->problem)) {
                call_refuse(call);
                return;
        }

        json_begin(&call->out, NULL, '{');
        json_string(&call->out, "id", MODE_ID);
        json_string(&call->out, "value", call->component->session.value);
        json_end(&call->out, '}');
}
