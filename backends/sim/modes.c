/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include <cjson/cJSON.h>
#include <errno.h>

static const struct sim_mode *mode_of(const struct sim_unit *unit, size_t i) {
        return (const struct sim_mode *)unit->entity->modes.items + i;
}

void sim_modes_init(struct sim_unit *unit) {
        for (size_t i = 0; i < unit->entity->modes.n; i++)
                unit->modes[i] =
                        (struct mode_state){ .value = mode_of(unit, i)->initial, .expires_usec = UINT64_MAX };
}

/* The state, with what has expired taken back. */
static struct mode_state *find(const struct sim_call *c, const char *id, const struct sim_mode **ret_mode) {
        for (size_t i = 0; i < c->unit->entity->modes.n; i++) {
                const struct sim_mode *mode = mode_of(c->unit, i);
                struct mode_state *state = &c->unit->modes[i];
                if (strcmp(mode->named.id, id) != 0)
                        continue;
                if (c->now_usec >= state->expires_usec)
                        *state = (struct mode_state){ .value = mode->initial, .expires_usec = UINT64_MAX };
                *ret_mode = mode;
                return state;
        }
        return NULL;
}

const char *sim_mode_now(const struct sim_call *c, const char *id) {
        const struct sim_mode *mode;
        const struct mode_state *state = find(c, id, &mode);

        return state ? state->value : NULL;
}

int sim_modes_list(struct sovd_call *call, const struct sovd_entity *e, struct sovd_mode_list *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_MODES);
        if (r)
                return r;

        const size_t n = c.unit->entity->modes.n;
        struct sovd_mode *items = SIM_ITEMS(call, struct sovd_mode, n);
        for (size_t i = 0; items && i < n; i++) {
                const struct sim_named *named = &mode_of(c.unit, i)->named;
                items[i] = (struct sovd_mode){ .id = named->id,
                                               .name = named->name,
                                               .translation_id = named->translation_id,
                                               .tags = named->tags };
        }
        ret->items = (struct sovd_list){ .items = items, .n = items ? n : 0 };
        sim_leave(&c);
        return items ? 0 : sovd_error_origin(-ENOMEM);
}

int sim_mode_read(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                  struct sovd_mode_detail *ret) {
        const struct sim_mode *mode;
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_MODES);
        if (r)
                return r;

        const struct mode_state *state = find(&c, id, &mode);
        if (state)
                *ret = (struct sovd_mode_detail){ .id = mode->named.id,
                                                  .value = state->value,
                                                  .name = mode->named.name,
                                                  .translation_id = mode->named.translation_id };
        else
                r = sim_no_resource(call, c.unit, "mode", id);
        sim_leave(&c);
        return r;
}

static const char *find_value(const struct sim_mode *mode, const cJSON *json) {
        for (size_t i = 0; cJSON_IsString(json) && i < mode->values.n; i++)
                if (strcmp(mode->values.items[i], json->valuestring) == 0)
                        return mode->values.items[i];
        return NULL;
}

static int refuse_value(struct sovd_call *call, const struct sim_mode *mode) {
        const char *all = "";

        for (size_t i = 0; i < mode->values.n; i++)
                all = sovd_call_printf(call, "%s%s'%s'", all, i ? ", " : "", mode->values.items[i]);
        return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/value", "mode '%s' must be one of %s", mode->named.id,
                            all);
}

static int write_mode(struct sovd_call *call, const struct sim_call *c, const char *id,
                      const struct sovd_mode_write *write, struct sovd_mode_set *ret) {
        const struct sim_mode *mode;
        struct mode_state *state = find(c, id, &mode);
        if (!state)
                return sim_no_resource(call, c->unit, "mode", id);

        const char *value = find_value(mode, write->value);
        if (!value)
                return refuse_value(call, mode);
        const struct sovd_int *wanted = &write->mode_expiration, *most = &mode->expires_secs;
        if (wanted->set && most->set && wanted->value > most->value)
                return sovd_fail_at(call, SOVD_E_BAD_VALUE, "/mode_expiration",
                                    "mode '%s' stays for at most %lld seconds", id, (long long)most->value);

        const struct sovd_int *stays = wanted->set ? wanted : most;
        *state = (struct mode_state){
                .value = value,
                .expires_usec =
                        stays->set ? c->now_usec + (uint64_t)stays->value * SOVD_USEC_PER_SEC : UINT64_MAX,
        };
        *ret = (struct sovd_mode_set){ .id = mode->named.id, .value = write->value };
        sim_log_note(c, SOVD_SEVERITY_INFO, "mode '%s' was set to '%s'", id, value);
        return 0;
}

int sim_mode_write(struct sovd_call *call, const struct sovd_entity *e, const char *id,
                   const struct sovd_mode_write *write, struct sovd_mode_set *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_MODES);
        if (r)
                return r;
        r = write_mode(call, &c, id, write, ret);
        sim_leave(&c);
        return r;
}
