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

static const struct sim_value *find_member(const struct sim_value *v, const char *name) {
        const struct sim_value *all = v->members.items;

        for (size_t i = 0; i < v->members.n; i++)
                if (strcmp(all[i].named.id, name) == 0)
                        return &all[i];
        return NULL;
}

/* A name as a token of a JSON pointer. */
static const char *token_of(struct sovd_arena *arena, const char *name) {
        char *token = sovd_arena_alloc(arena, 2 * strlen(name) + 2), *end = token;
        if (!token)
                return "";

        *end++ = '/';
        for (; *name; name++) {
                const bool special = *name == '~' || *name == '/';
                if (special)
                        *end++ = '~';
                *end++ = !special ? *name : *name == '~' ? '0' : '1';
        }
        return token;
}

/* The whole value is replaced, so an object has all of its members and no other. */
static const char *refuse_object(const struct sim_value *v, const cJSON *json, struct sovd_arena *arena,
                                 const char **ret_below) {
        const struct sim_value *all = v->members.items;
        const char *ignored;
        const cJSON *member;

        if (!cJSON_IsObject(json))
                return "must be an object";
        cJSON_ArrayForEach (member, json) {
                const struct sim_value *known = find_member(v, member->string);
                const char *why =
                        known ? sim_value_refuse(known, member, arena, &ignored) : "is no member of it";
                *ret_below = token_of(arena, member->string);
                if (why)
                        return why;
        }
        for (size_t i = 0; i < v->members.n; i++) {
                *ret_below = token_of(arena, all[i].named.id);
                if (!cJSON_GetObjectItemCaseSensitive(json, all[i].named.id))
                        return "is missing";
        }
        return NULL;
}

static const char *refuse_array(const struct sim_value *v, const cJSON *json, struct sovd_arena *arena,
                                const char **ret_below) {
        const char *ignored;
        const cJSON *item;
        size_t n = 0;

        if (!cJSON_IsArray(json))
                return "must be an array";
        const double count = cJSON_GetArraySize(json);
        if (v->min.set && count < v->min.value)
                return say(sovd_arena_printf(arena, "must have at least %g items", v->min.value));
        if (v->max.set && count > v->max.value)
                return say(sovd_arena_printf(arena, "must have at most %g items", v->max.value));
        cJSON_ArrayForEach (item, json) {
                const char *why =
                        v->members.n ? sim_value_refuse(v->members.items, item, arena, &ignored) : NULL;
                *ret_below = say(sovd_arena_printf(arena, "/%zu", n++));
                if (why)
                        return why;
        }
        return NULL;
}

const char *sim_value_refuse(const struct sim_value *value, const cJSON *json, struct sovd_arena *arena,
                             const char **ret_below) {
        *ret_below = "";
        switch (value->type) {
        case SIM_BOOLEAN:
                return cJSON_IsBool(json) ? NULL : "must be true or false";
        case SIM_STRING:
                return refuse_string(value, json, arena);
        case SIM_OBJECT:
                return refuse_object(value, json, arena, ret_below);
        case SIM_ARRAY:
                return refuse_array(value, json, arena, ret_below);
        default:
                return refuse_number(value, json, arena);
        }
}

int sim_refuse(struct sovd_call *call, const struct sim_value *value, const cJSON *json, const char *what,
               const char *id) {
        const char *below, *why = sim_value_refuse(value, json, call->arena, &below);

        if (!why)
                return 0;
        return sovd_fail_at(call, SOVD_E_BAD_VALUE, sovd_call_printf(call, "/data%s", below),
                            "%s '%s'%s%s %s", what, id, *below ? " at " : "", below, why);
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
