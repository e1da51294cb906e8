/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Schema - the member `schema` that include-schema=true adds to an answer of the ISO dialect
 *
 * It is derived from the answer itself; only the value of a datum brings its own type, limits and unit.
 */
#include <math.h>
#include <stdio.h>
#include "demo-ecu/data.h"
#include "demo-ecu/router.h"
#include "demo-ecu/schema.h"

static const char *type_of(const cJSON *node) {
        if (cJSON_IsBool(node))
                return "boolean";
        if (cJSON_IsNumber(node))
                return node->valuedouble == floor(node->valuedouble) ? "integer" : "number";
        if (cJSON_IsString(node))
                return "string";
        return cJSON_IsArray(node) ? "array" : "object";
}

static void write_unit(struct json *json, const char *unit) {
        static const struct {
                const char *unit, *factor, *offset;
        } units[] = { { "%", "100" }, { "V", "1" }, { "°C", "1", "-273.15" }, { "mWs", "1000" } };

        for (size_t i = 0; i < N_ELEMENTS(units); ++i) {
                if (!equal(units[i].unit, unit))
                        continue;
                json_begin(json, "x-sovd-unit", '{');
                json_string(json, "display_name", unit);
                json_raw(json, "factor_si_to_unit", units[i].factor);
                if (units[i].offset)
                        json_raw(json, "offset_si_to_unit", units[i].offset);
                json_end(json, '}');
        }
}

static void write_limit(struct json *json, const char *key, double limit) {
        char text[32];

        snprintf(text, sizeof(text), "%g", limit);
        json_raw(json, key, text);
}

static void write_datum_schema(struct json *json, const struct datum *datum) {
        static const char *const types[] = {
                [DATUM_FLOAT] = "number",
                [DATUM_INTEGER] = "integer",
                [DATUM_STRING] = "string",
        };

        json_begin(json, "data", '{');
        json_string(json, "type", types[datum->type]);
        if (datum->writable) {
                write_limit(json, "minimum", datum->min);
                write_limit(json, "maximum", datum->max);
        } else
                json_bool(json, "readOnly", true);
        if (datum->unit)
                write_unit(json, datum->unit);
        json_end(json, '}');
}

static void write_schema(struct json *json, const char *key, const cJSON *node, const struct datum *datum) {
        const cJSON *child;

        json_begin(json, key, '{');
        json_string(json, "type", type_of(node));
        if (cJSON_IsArray(node) && node->child)
                write_schema(json, "items", node->child, NULL);
        if (cJSON_IsObject(node)) {
                json_begin(json, "properties", '{');
                cJSON_ArrayForEach (child, node) {
                        if (datum && equal(child->string, "data"))
                                write_datum_schema(json, datum);
                        else
                                write_schema(json, child->string, child, NULL);
                }
                json_end(json, '}');
        }
        json_end(json, '}');
}

static const struct datum *call_datum(const struct call *call) {
        if (call->n_segments != SEG_RESOURCE + 1 || !equal(call->segments[SEG_RESOURCE - 1], "data"))
                return NULL;
        return datum_find(call->component, call->segments[SEG_RESOURCE]);
}

void schema_add(struct call *call) {
        const char *iterator = NULL;
        _cleanup_(json_freep) cJSON *body = NULL;
        char value[16];

        if (call->status != 200 || call->server->dialect != &dialect_iso || !equal(call->method, "GET") ||
            !*call->query || !call_query(call, "include-schema", &iterator, value, sizeof(value)) ||
            equal(value, "false"))
                return;
        if (!equal(value, "true")) {
                call_fail(call, PROBLEM_BAD_REQUEST, "'include-schema' must be true or false, got '%s'",
                          value);
                return;
        }

        body = call->out.failed ? NULL : json_parse(call->out.text, call->out.n_text);
        if (!body)
                return;
        --call->out.n_text; /* the closing brace moves behind the schema */
        write_schema(&call->out, "schema", body, call_datum(call));
        json_end(&call->out, '}');
}
