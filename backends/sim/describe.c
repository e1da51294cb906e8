/* SPDX-License-Identifier: Apache-2.0 */
/* What values, modes and results look like: schemas, made from the scenario. No entity is asked, so no latency. */
#include "backends/sim/backend.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>

/* Units whose relation to the SI is known: value in the unit = factor * (value in SI units) + offset. */
static const struct unit_row {
        const char *name;
        double factor, offset;
} unit_rows[] = {
        { "A", 1, 0 },          { "mA", 1000, 0 },
        { "V", 1, 0 },          { "mV", 1000, 0 },
        { "W", 1, 0 },          { "kW", 0.001, 0 },
        { "Ohm", 1, 0 },        { "kOhm", 0.001, 0 },
        { "Hz", 1, 0 },         { "kHz", 0.001, 0 },
        { "s", 1, 0 },          { "ms", 1000, 0 },
        { "m", 1, 0 },          { "mm", 1000, 0 },
        { "km", 0.001, 0 },     { "m/s", 1, 0 },
        { "km/h", 3.6, 0 },     { "Pa", 1, 0 },
        { "kPa", 0.001, 0 },    { "bar", 0.00001, 0 },
        { "Nm", 1, 0 },         { "K", 1, 0 },
        { "degC", 1, -273.15 }, { "%", 100, 0 },
        { "kg", 1, 0 },         { "rpm", 9.549296585513721, 0 },
};

static cJSON *add_object(cJSON *object, const char *name) {
        return cJSON_AddObjectToObject(object, name);
}

static void write_unit(cJSON *schema, const char *unit, double factor, double offset) {
        cJSON *out = add_object(schema, "x-sovd-unit");

        cJSON_AddStringToObject(out, "display_name", unit);
        cJSON_AddNumberToObject(out, "factor_si_to_unit", factor);
        if (offset < 0 || offset > 0)
                cJSON_AddNumberToObject(out, "offset_si_to_unit", offset);
}

/* A unit of which no factor is known cannot be an x-sovd-unit, which must have one. */
static void add_unit(cJSON *schema, const char *unit, const struct sovd_number *factor, const struct sovd_number *offset) {
        if (unit && factor && factor->set)
                return write_unit(schema, unit, factor->value, offset->value);
        for (size_t i = 0; unit && i < SOVD_N_ELEMENTS(unit_rows); i++)
                if (strcmp(unit_rows[i].name, unit) == 0)
                        return write_unit(schema, unit, unit_rows[i].factor, unit_rows[i].offset);
        if (unit)
                cJSON_AddStringToObject(schema, "x-gw-unit", unit);
}

static cJSON *describe_value(const struct sim_value *v);

static void describe_members(const struct sim_value *v, cJSON *schema) {
        const struct sim_value *all = v->members.items;
        cJSON *properties, *required;

        if (v->type == SIM_ARRAY) {
                cJSON_AddItemToObject(schema, "items", describe_value(all));
                return;
        }
        properties = add_object(schema, "properties");
        required = cJSON_AddArrayToObject(schema, "required");
        for (size_t i = 0; i < v->members.n; i++) {
                cJSON_AddItemToObject(properties, all[i].named.id, describe_value(&all[i]));
                cJSON_AddItemToArray(required, cJSON_CreateString(all[i].named.id));
        }
}

static void add_strings(cJSON *schema, const char *key, const struct sovd_strings *strings) {
        if (strings->n)
                cJSON_AddItemToObject(schema, key, cJSON_CreateStringArray(strings->items, (int)strings->n));
}

static cJSON *describe_value(const struct sim_value *v) {
        const bool is_array = v->type == SIM_ARRAY;
        cJSON *schema = cJSON_CreateObject();

        cJSON_AddStringToObject(schema, "type", sim_type_names[v->type - 1]);
        if (v->named.name)
                cJSON_AddStringToObject(schema, "title", v->named.name);
        if (v->named.translation_id)
                cJSON_AddStringToObject(schema, "x-sovd-translation-id", v->named.translation_id);
        if (v->min.set)
                cJSON_AddNumberToObject(schema, is_array ? "minItems" : "minimum", v->min.value);
        if (v->max.set)
                cJSON_AddNumberToObject(schema, is_array ? "maxItems" : "maximum", v->max.value);
        add_strings(schema, "enum", &v->values);
        add_strings(schema, "x-sovd-enum-translation-ids", &v->value_translation_ids);
        if (v->members.n)
                describe_members(v, schema);
        return schema;
}

static cJSON *describe_data(const struct sim_entity *e, size_t i) {
        const struct sim_data *d = (const struct sim_data *)e->data.items + i;
        cJSON *schema = describe_value(&d->value);

        if (d->description)
                cJSON_AddStringToObject(schema, "description", d->description);
        add_unit(schema, d->unit, &d->unit_factor, &d->unit_offset);
        if (!d->writable.value)
                cJSON_AddBoolToObject(schema, "readOnly", true);
        return schema;
}

static cJSON *describe_configuration(const struct sim_entity *e, size_t i) {
        return describe_value(&((const struct sim_configuration *)e->configurations.items)[i].value);
}

static cJSON *describe_mode(const struct sim_entity *e, size_t i) {
        const struct sim_mode *mode = (const struct sim_mode *)e->modes.items + i;
        cJSON *schema = cJSON_CreateObject();

        cJSON_AddStringToObject(schema, "type", "string");
        cJSON_AddItemToObject(schema, "enum",
                              cJSON_CreateStringArray(mode->values.items, (int)mode->values.n));
        cJSON_AddStringToObject(schema, "default", mode->initial);
        if (mode->expires_secs.set) {
                cJSON *expiration = add_object(schema, "x-gw-mode-expiration");
                cJSON_AddStringToObject(expiration, "type", "integer");
                cJSON_AddNumberToObject(expiration, "maximum", (double)mode->expires_secs.value);
                cJSON_AddNumberToObject(expiration, "default", (double)mode->expires_secs.value);
        }
        return schema;
}

/* The type of what the scenario says that comes out. */
static const char *type_of(const cJSON *json) {
        int64_t integer;

        return cJSON_IsObject(json)                ? "object"
               : cJSON_IsArray(json)               ? "array"
               : cJSON_IsString(json)              ? "string"
               : cJSON_IsBool(json)                ? "boolean"
               : sovd_json_get_int(json, &integer) ? "integer"
                                                   : "number";
}

static cJSON *describe_parameter(const struct sim_parameter *p) {
        cJSON *schema = describe_value(&p->value);

        if (p->description)
                cJSON_AddStringToObject(schema, "description", p->description);
        if (p->value.value)
                cJSON_AddItemToObject(schema, "default", cJSON_Duplicate(p->value.value, true));
        add_unit(schema, p->unit, NULL, NULL);
        return schema;
}

static cJSON *describe_parameters(const struct sim_operation *o) {
        const struct sim_parameter *all = o->parameters.items;
        cJSON *schema = cJSON_CreateObject(), *required = cJSON_CreateArray(), *properties;

        cJSON_AddStringToObject(schema, "type", "object");
        properties = add_object(schema, "properties");
        for (size_t i = 0; i < o->parameters.n; i++) {
                cJSON_AddItemToObject(properties, all[i].value.named.id, describe_parameter(&all[i]));
                if (all[i].required.value)
                        cJSON_AddItemToArray(required, cJSON_CreateString(all[i].value.named.id));
        }
        if (required->child)
                cJSON_AddItemToObject(schema, "required", required);
        else
                cJSON_Delete(required);
        cJSON_AddBoolToObject(schema, "additionalProperties", false);
        return schema;
}

static cJSON *describe_results(const struct sim_operation *o) {
        const struct sim_result *all = o->result.items;
        cJSON *schema = cJSON_CreateObject(), *properties;

        cJSON_AddStringToObject(schema, "type", "object");
        properties = add_object(schema, "properties");
        for (size_t i = 0; i < o->result.n; i++) {
                const struct sim_parameter *of = sim_find_parameter(o, all[i].of);
                const char *type = of ? sim_type_names[of->value.type - 1] : type_of(all[i].value);
                cJSON_AddStringToObject(add_object(properties, all[i].name), "type",
                                        all[i].factor.set ? "number" : type);
        }
        return schema;
}

static cJSON *describe_one_operation(const struct sim_operation *o) {
        cJSON *schema = cJSON_CreateObject();

        cJSON_AddItemToObject(schema, "parameters", describe_parameters(o));
        cJSON_AddItemToObject(schema, "result", describe_results(o));
        return schema;
}

int sim_operation_schema(struct sovd_call *call, const struct sim_operation *o, const struct cJSON **ret) {
        cJSON *json = describe_one_operation(o);
        int r = sovd_json_own(call->arena, json);

        if (!r)
                *ret = json;
        return r;
}

static cJSON *describe_operation(const struct sim_entity *e, size_t i) {
        return describe_one_operation((const struct sim_operation *)e->operations.items + i);
}

static const char *data_id(const struct sim_entity *e, size_t i) {
        return ((const struct sim_data *)e->data.items)[i].value.named.id;
}

static const char *configuration_id(const struct sim_entity *e, size_t i) {
        return ((const struct sim_configuration *)e->configurations.items)[i].value.named.id;
}

static const char *mode_id(const struct sim_entity *e, size_t i) {
        return ((const struct sim_mode *)e->modes.items)[i].named.id;
}

static const char *operation_id(const struct sim_entity *e, size_t i) {
        return ((const struct sim_operation *)e->operations.items)[i].named.id;
}

static const struct row {
        size_t list; /* offset in struct sim_entity */
        const char *(*id)(const struct sim_entity *e, size_t i);
        cJSON *(*describe)(const struct sim_entity *e, size_t i);
} rows[SOVD_N_COLLECTIONS] = {
        [SOVD_COLLECTION_DATA] = { offsetof(struct sim_entity, data), data_id, describe_data },
        [SOVD_COLLECTION_CONFIGURATIONS] = { offsetof(struct sim_entity, configurations), configuration_id,
                                             describe_configuration },
        [SOVD_COLLECTION_MODES] = { offsetof(struct sim_entity, modes), mode_id, describe_mode },
        [SOVD_COLLECTION_OPERATIONS] = { offsetof(struct sim_entity, operations), operation_id,
                                         describe_operation },
};

static cJSON *describe(const struct sim_entity *e, const struct row *row, const char *id) {
        const struct sovd_list *list = (const struct sovd_list *)(const void *)((const char *)e + row->list);
        cJSON *all = id ? NULL : cJSON_CreateObject();

        for (size_t i = 0; i < list->n; i++) {
                if (id && strcmp(row->id(e, i), id) == 0)
                        return row->describe(e, i);
                if (!id)
                        cJSON_AddItemToObject(all, row->id(e, i), row->describe(e, i));
        }
        return all;
}

int sim_describe(struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                 const char *id, cJSON **ret) {
        const struct sim_unit *unit = sim_unit_of(sim_of(e->providers[collection]), e->type, e->id);
        const struct row *row = &rows[collection];

        if (!row->describe)
                return sovd_fail(call, SOVD_E_NOT_IMPLEMENTED, "%s have no schema here",
                                 sovd_collection_names[collection]);
        if (!unit)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "'%s' is not part of the scenario", e->id);

        cJSON *json = describe(unit->entity, row, id);
        if (!json)
                return sim_no_resource(call, unit, "resource", id);
        int r = sovd_json_own(call->arena, json);
        if (!r)
                *ret = json;
        return r;
}
