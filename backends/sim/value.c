/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/value.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>
#include <errno.h>

#define STRING_MAX 4096 /* bytes of a text that a client may write */

static const char *say(const char *text) {
        return text ? text : "out of memory";
}

static const char *refuse_number(const struct sim_value *v, const cJSON *json, struct sovd_arena *arena) {
        int64_t integer;
        double number;

        if (v->type == SIM_INTEGER && !sovd_json_get_int(json, &integer))
                return "must be an integer";
        if (!sovd_json_get_double(json, &number))
                return "must be a number";
        if (v->min.set && v->max.set && (number < v->min.value || number > v->max.value))
                return say(sovd_arena_printf(arena, "must be from %g to %g", v->min.value, v->max.value));
        if (v->min.set && number < v->min.value)
                return say(sovd_arena_printf(arena, "must not be below %g", v->min.value));
        if (v->max.set && number > v->max.value)
                return say(sovd_arena_printf(arena, "must not be above %g", v->max.value));
        return NULL;
}

static const char *refuse_string(const struct sim_value *v, const cJSON *json, struct sovd_arena *arena) {
        const char *all = "";

        if (!cJSON_IsString(json))
                return "must be a string";
        if (strlen(json->valuestring) > STRING_MAX)
                return say(sovd_arena_printf(arena, "must not be longer than %d bytes", STRING_MAX));
        for (size_t i = 0; i < v->values.n; i++) {
                if (strcmp(v->values.items[i], json->valuestring) == 0)
                        return NULL;
                all = say(sovd_arena_printf(arena, "%s%s'%s'", all, i ? ", " : "", v->values.items[i]));
        }
        return v->values.n ? say(sovd_arena_printf(arena, "must be one of %s", all)) : NULL;
}

const char *sim_value_refuse(const struct sim_value *value, const cJSON *json, struct sovd_arena *arena) {
        switch (value->type) {
        case SIM_BOOLEAN:
                return cJSON_IsBool(json) ? NULL : "must be true or false";
        case SIM_STRING:
                return refuse_string(value, json, arena);
        default:
                return refuse_number(value, json, arena);
        }
}

int sim_value_text(const cJSON *json, char **ret) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_tree(&w, json);
        int r = sovd_json_writer_finish(&w, &text, &len);
        if (!r) {
                *ret = strdup(text);
                r = *ret ? 0 : sovd_error_origin(-ENOMEM);
        }
        sovd_json_writer_done(&w);
        return r;
}

static void delete_json(void *tree) {
        cJSON_Delete(tree);
}

int sim_value_node(struct sovd_arena *arena, const char *text, const cJSON **ret) {
        struct sovd_json_fault fault;
        cJSON *json;

        int r = sovd_json_parse(&json, text, strlen(text), NULL, &fault);
        if (r)
                return sovd_error_fold(r);
        r = sovd_arena_defer(arena, delete_json, json);
        if (!r)
                *ret = json;
        return r;
}

int sim_written_node(struct sovd_arena *arena, struct sovd_json_writer *w, const cJSON **ret) {
        const char *text;
        size_t len;

        int r = sovd_json_writer_finish(w, &text, &len);
        if (!r)
                r = sim_value_node(arena, text, ret);
        sovd_json_writer_done(w);
        return r;
}

void sim_text_trim(char *text) {
        size_t n = strlen(text), start = n;

        while (start && n - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
                start--;
        if (start && !sovd_utf8_is_valid(text + start - 1, n - start + 1))
                text[start - 1] = '\0';
}
