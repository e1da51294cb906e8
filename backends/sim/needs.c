/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on data and modes, of a restart and of an update. */
#include "backends/sim/backend.h"
#include "sovd-core/base/json_reader.h"
#include <cjson/cJSON.h>

static bool equals(const cJSON *a, const cJSON *b) {
        double x, y;

        if (sovd_json_get_double(a, &x) && sovd_json_get_double(b, &y))
                return !(x < y) && !(x > y);
        return cJSON_Compare(a, b, true);
}

/* The text of a value that we made, for a message. */
static const char *text_of(struct sovd_arena *arena, const cJSON *json) {
        char *text = NULL;

        if (sim_value_text(json, &text))
                return "?";
        const char *copy = sovd_arena_strdup(arena, text);
        free(text);
        return copy ? copy : "?";
}

static const char *say(struct sovd_arena *arena, const struct sim_call *c, const char *what, const char *id,
                       const cJSON *wanted, const char *have) {
        const char *why = sovd_arena_printf(arena, "%s '%s' of '%s' must be %s, is %s", what, id,
                                            c->unit->entity->named.id, text_of(arena, wanted), have);

        return why ? why : "a condition does not hold";
}

static const char *refuse_data(const struct sim_call *c, const struct sim_need *need,
                               struct sovd_arena *arena) {
        const ssize_t i = sim_data_find(c->unit, need->data);
        const cJSON *value;

        if (i < 0 || sim_data_at(c->sim, c->unit, (size_t)i, c->now_usec, arena, &value))
                return "a condition cannot be judged";
        return equals(value, need->value)
                       ? NULL
                       : say(arena, c, "data", need->data, need->value, text_of(arena, value));
}

static const char *refuse_mode(const struct sim_call *c, const struct sim_need *need,
                               struct sovd_arena *arena) {
        const char *value = sim_mode_now(c, need->mode);

        if (value && cJSON_IsString(need->value) && strcmp(value, need->value->valuestring) == 0)
                return NULL;
        return say(arena, c, "mode", need->mode, need->value, value ? value : "unknown");
}

static struct sim_unit *unit_of(const struct sim_call *c, const struct sim_need *need) {
        const char *slash = need->entity ? strchr(need->entity, '/') : NULL;

        if (!slash)
                return c->unit;
        return sim_unit_of(c->sim, sovd_has_prefix(need->entity, "apps/") ? SOVD_APP : SOVD_COMPONENT,
                           slash + 1);
}

const char *sim_needs_refuse(const struct sim_call *c, const struct sovd_list *needs,
                             struct sovd_arena *arena) {
        const struct sim_need *all = needs->items;

        for (size_t i = 0; i < needs->n; i++) {
                const struct sim_call at = { c->sim, unit_of(c, &all[i]), c->now_usec };
                const char *why = !at.unit      ? "a condition cannot be judged"
                                  : all[i].mode ? refuse_mode(&at, &all[i], arena)
                                                : refuse_data(&at, &all[i], arena);
                if (why)
                        return why;
        }
        return NULL;
}
