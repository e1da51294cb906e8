/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sim/backend.h"
#include "sovd-core/base/clock.h"
#include <errno.h>

static const struct sim_clear *kind_of(const struct sim_unit *unit, int type) {
        return unit->entity->clear_data->types[type - 1];
}

/* --- what happens --------------------------------------------------------------------------------------- */

/* The values of the scenario come back. */
static void reset(const struct sim_call *c, const struct sim_clear *kind, struct sovd_arena *arena) {
        const struct sim_data *data = c->unit->entity->data.items;

        for (size_t i = 0; i < kind->resets.n; i++) {
                const ssize_t at = sim_data_find(c->unit, kind->resets.items[i]);
                if (at >= 0 && sim_data_put(c, (size_t)at, data[at].value.value, arena))
                        c->unit->clear.failure = "the memory is out";
        }
}

void sim_clear_advance(const struct sim_call *c, struct sovd_arena *arena) {
        struct clear_state *state = &c->unit->clear;
        if (!state->running || c->now_usec < state->ends_usec)
                return;

        const struct sim_clear *kind = kind_of(c->unit, state->type);
        const struct sim_call at = { c->sim, c->unit, state->ends_usec };
        state->running = false;
        state->failure = state->fails ? kind->error : NULL;
        if (!state->fails)
                reset(&at, kind, arena);
        if (!state->fails && state->type == SOVD_CLEAR_CLIENT_DEFINED)
                sim_scripts_forget_uploads(c->unit);
        sim_log_note(&at, state->failure ? SOVD_SEVERITY_ERROR : SOVD_SEVERITY_INFO, "clearing %s %s%s",
                     sovd_clear_type_names[state->type - 1], state->failure ? "failed: " : "ended",
                     state->failure ? state->failure : "");
}

void sim_clear_lose(const struct sim_call *c) {
        struct clear_state *state = &c->unit->clear;

        if (!state->running)
                return;
        state->running = false;
        state->ends_usec = SOVD_MAX(c->now_usec, state->started_usec);
        state->failure = "interrupted, because the entity was stopped or restarted";
}

/* --- ops ------------------------------------------------------------------------------------------------ */

int sim_clear_data_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_clear_support *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_CLEAR_DATA);
        if (r)
                return r;
        for (int type = 1; type <= SOVD_N_CLEAR_TYPES; type++)
                ret->types |= kind_of(c.unit, type) ? 1u << type : 0;
        sim_leave(&c);
        return 0;
}

static int start(struct sovd_call *call, const struct sim_call *c, enum sovd_clear_type type) {
        const struct sim_clear *kind = kind_of(c->unit, (int)type);
        struct clear_state *state = &c->unit->clear;

        if (!kind)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "'%s' has no %s to clear", c->unit->entity->named.id,
                                 sovd_clear_type_names[type - 1]);
        if (state->running)
                return sovd_fail(call, SOVD_E_CONFLICT, "clearing %s runs already",
                                 sovd_clear_type_names[state->type - 1]);

        const uint64_t every = (uint64_t)kind->fails_every.value, n = state->n_started + 1;
        *state = (struct clear_state){
                .type = (int)type,
                .running = true,
                .fails = every && n % every == 0,
                .started_usec = c->now_usec,
                .started_realtime_usec = sovd_realtime_usec(),
                .ends_usec = c->now_usec + sim_usec(kind->duration_secs),
                .n_started = n,
        };
        sim_log_note(c, SOVD_SEVERITY_INFO, "clearing %s starts", sovd_clear_type_names[type - 1]);
        return 0;
}

int sim_clear_data_start(struct sovd_call *call, const struct sovd_entity *e, enum sovd_clear_type type) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_CLEAR_DATA);
        if (r)
                return r;
        r = start(call, &c, type);
        sim_leave(&c);
        return r;
}

static int set_error(struct sovd_call *call, const char *message, struct sovd_list *ret) {
        struct sovd_generic_error *error = sovd_arena_new0(call->arena, struct sovd_generic_error);
        if (!error)
                return sovd_error_origin(-ENOMEM);

        *error = (struct sovd_generic_error){ .error_code = "error-response", .message = message };
        *ret = (struct sovd_list){ .items = error, .n = 1 };
        return 0;
}

static int64_t progress_of(const struct clear_state *state, uint64_t now) {
        const uint64_t all = state->ends_usec - state->started_usec;

        if (!state->running)
                return state->failure ? 0 : 100;
        return all ? (int64_t)((now - state->started_usec) * 100 / all) : 0;
}

static int describe(struct sovd_call *call, const struct sim_call *c, struct sovd_clear_status *ret) {
        const struct clear_state *state = &c->unit->clear;
        char when[SOVD_TIMESTAMP_SIZE];

        ret->status = SOVD_CLEAR_NOT_REQUESTED;
        if (!state->type)
                return 0;
        ret->status = state->running   ? SOVD_CLEAR_RUNNING
                      : state->failure ? SOVD_CLEAR_FAILED
                                       : SOVD_CLEAR_COMPLETED;
        ret->type = state->type;
        ret->last_started =
                sovd_call_printf(call, "%s", sovd_clock_format(when, state->started_realtime_usec));
        if (!state->failure)
                ret->progress = SOVD_INT(progress_of(state, c->now_usec));
        return state->failure ? set_error(call, state->failure, &ret->error) : 0;
}

int sim_clear_data_status(struct sovd_call *call, const struct sovd_entity *e,
                          struct sovd_clear_status *ret) {
        struct sim_call c;

        int r = sim_enter(&c, call, e, SOVD_COLLECTION_CLEAR_DATA);
        if (r)
                return r;
        r = describe(call, &c, ret);
        sim_leave(&c);
        return r;
}
