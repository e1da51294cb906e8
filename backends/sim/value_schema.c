/* SPDX-License-Identifier: Apache-2.0 */
/* What a value may be, as the schema that include-schema asks for. */
#include "backends/sim/value.h"
#include <cjson/cJSON.h>

static void write_strings(struct sovd_json_writer *w, const char *key, const struct sovd_strings *strings) {
        if (!strings->n)
                return;
        sovd_json_key(w, key);
        sovd_json_array_begin(w);
        for (size_t i = 0; i < strings->n; i++)
                sovd_json_string(w, strings->items[i]);
        sovd_json_array_end(w);
}

static void write_number(struct sovd_json_writer *w, const char *key, const struct sovd_number *number) {
        if (!number->set)
                return;
        sovd_json_key(w, key);
        sovd_json_double(w, number->value);
}

static void write_members(const struct sim_value *v, struct sovd_json_writer *w);

/* An object with the keywords; nested at most once, as members have no members. */
static void write_value(const struct sim_value *v, const struct sim_data *d, struct sovd_json_writer *w) {
        const bool is_array = v->type == SIM_ARRAY;

        sovd_json_object_begin(w);
        sovd_json_key_string(w, "type", sim_type_names[v->type - 1]);
        write_number(w, is_array ? "minItems" : "minimum", &v->min);
        write_number(w, is_array ? "maxItems" : "maximum", &v->max);
        write_strings(w, "enum", &v->values);
        write_strings(w, "x-sovd-enum-translation-ids", &v->value_translation_ids);
        if (is_array && v->members.n) {
                sovd_json_key(w, "items");
                write_value(v->members.items, NULL, w);
        } else if (v->members.n)
                write_members(v, w);
        if (d && d->unit && d->unit_factor.set) {
                sovd_json_key(w, "x-sovd-unit");
                sovd_json_object_begin(w);
                sovd_json_key_string(w, "display_name", d->unit);
                write_number(w, "factor_si_to_unit", &d->unit_factor);
                write_number(w, "offset_si_to_unit", &d->unit_offset);
                sovd_json_object_end(w);
        }
        sovd_json_object_end(w);
}

static void write_members(const struct sim_value *v, struct sovd_json_writer *w) {
        const struct sim_value *all = v->members.items;

        sovd_json_key(w, "properties");
        sovd_json_object_begin(w);
        for (size_t i = 0; i < v->members.n; i++) {
                sovd_json_key(w, all[i].named.id);
                write_value(&all[i], NULL, w);
        }
        sovd_json_object_end(w);
        sovd_json_key(w, "required");
        sovd_json_array_begin(w);
        for (size_t i = 0; i < v->members.n; i++)
                sovd_json_string(w, all[i].named.id);
        sovd_json_array_end(w);
}

int sim_value_schema(struct sovd_call *call, const struct sim_value *value, const struct sim_data *d,
                     const cJSON **ret) {
        struct sovd_json_writer w;

        if (!sovd_streq(sovd_call_query(call, "include-schema"), "true"))
                return 0;
        sovd_json_writer_init(&w, 0, 0);
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "type", "object");
        sovd_json_key(&w, "properties");
        sovd_json_object_begin(&w);
        sovd_json_key(&w, "id");
        sovd_json_object_begin(&w);
        sovd_json_key_string(&w, "type", "string");
        sovd_json_object_end(&w);
        sovd_json_key(&w, "data");
        write_value(value, d, &w);
        sovd_json_object_end(&w);
        sovd_json_object_end(&w);
        return sim_written_node(call->arena, &w, ret);
}
