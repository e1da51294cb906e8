/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an update goes on: by the time that has passed, one package at a time
 *
 * While it executes, the components are done one after the other: each gets its new version and restarts when its
 * share of the time is over. A failure leaves those that are done as they are.
 */
#include "backends/sim/backend.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

static size_t n_parts(const struct update_state *u) {
        return u->update->components.n;
}

static const struct sim_update_part *part_of(const struct update_state *u, size_t i) {
        return (const struct sim_update_part *)u->update->components.items + i;
}

static uint64_t duration_of(const struct update_state *u) {
        return sim_usec(u->phase == SOVD_UPDATE_PREPARE ? u->update->prepare_secs : u->update->execute_secs);
}

/* When the next component is done. */
static uint64_t part_ends(const struct update_state *u) {
        return u->started_usec + duration_of(u) * (u->n_applied + 1) / n_parts(u);
}

int64_t sim_update_progress(const struct update_state *u, uint64_t now) {
        const uint64_t all = duration_of(u);

        if (u->status != SOVD_UPDATE_IN_PROGRESS)
                return u->reached;
        return all ? (int64_t)(SOVD_MIN(now, u->ends_usec) - u->started_usec) * 100 / (int64_t)all : 0;
}

struct update_state *sim_update_running(const struct sim *sim) {
        for (size_t i = 0; i < sim->n_updates; i++)
                if (sim->updates[i].status == SOVD_UPDATE_IN_PROGRESS)
                        return &sim->updates[i];
        return NULL;
}

uint64_t sim_updates_next(const struct sim *sim) {
        const struct update_state *u = sim_update_running(sim);

        if (!u)
                return UINT64_MAX;
        const bool parts = u->phase == SOVD_UPDATE_EXECUTE && u->n_applied < n_parts(u);
        return parts ? SOVD_MIN(u->ends_usec, part_ends(u)) : u->ends_usec;
}

static struct sim_unit *unit_of(const struct sim *sim, const struct sim_update_part *part) {
        return sim_unit_of(sim, SOVD_COMPONENT, part->component);
}

const char *sim_update_on(const struct sim *sim, const struct sim_unit *unit) {
        const struct update_state *u = sim_update_running(sim);

        if (!u || u->phase != SOVD_UPDATE_EXECUTE)
                return NULL;
        for (size_t i = 0; i < n_parts(u); i++)
                if (unit_of(sim, part_of(u, i)) == unit)
                        return u->update->named.id;
        return NULL;
}

static void fail(struct update_state *u, const char *error, int64_t reached) {
        u->status = SOVD_UPDATE_FAILED;
        u->reached = reached;
        u->error = error;
        u->automated = false;
}

void sim_update_abort(struct sim *sim, const struct sim_unit *unit) {
        struct update_state *u = sim_update_running(sim);

        if (u && sim_update_on(sim, unit))
                fail(u, "interrupted, because a component was stopped or restarted",
                     (int64_t)u->n_applied * 100 / (int64_t)n_parts(u));
}

/* --- going on ------------------------------------------------------------------------------------------- */

static void begin(struct update_state *u, enum sovd_update_phase phase, uint64_t usec) {
        const struct sim_update *update = u->update;

        u->phase = (int)phase;
        u->status = SOVD_UPDATE_IN_PROGRESS;
        u->error = NULL;
        u->n_applied = 0;
        u->started_usec = usec;
        u->fails = update->fails_in == (int)phase && u->n_failed < (uint64_t)update->fails_times.value;
        u->ends_usec =
                usec + (u->fails ? duration_of(u) * (uint64_t)update->fails_at.value / 100 : duration_of(u));
}

/* The component tells its new version, and restarts. */
static int apply(struct sim *sim, const struct sim_update_part *part, uint64_t usec,
                 struct sovd_arena *arena) {
        struct sim_unit *unit = unit_of(sim, part);
        const struct sim_call c = { sim, unit, usec };
        const struct sim_status *status = unit->entity->status;
        cJSON *version = cJSON_CreateString(part->version);
        if (!version)
                return sovd_error_origin(-ENOMEM);

        sim_log_catch_up(&c, arena);
        int r = sim_data_put(&c, (size_t)sim_data_find(unit, part->data), version, arena);
        cJSON_Delete(version);
        if (r)
                return r;
        sim_log_note(&c, SOVD_SEVERITY_INFO, "software was updated to version %s", part->version);
        sim_restart(&c, status ? status->restart_secs.value : 0, arena);
        return 0;
}

static void apply_due(struct sim *sim, struct update_state *u, uint64_t now, struct sovd_arena *arena) {
        while (u->phase == SOVD_UPDATE_EXECUTE && u->n_applied < n_parts(u) && part_ends(u) <= now &&
               part_ends(u) <= u->ends_usec) {
                if (apply(sim, part_of(u, u->n_applied), part_ends(u), arena)) {
                        fail(u, "out of memory", sim_update_progress(u, now));
                        return;
                }
                u->n_applied++;
        }
}

/* Why it cannot be executed at that time, or NULL (in the arena). */
static const char *refuse_execution(struct sim *sim, const struct update_state *u, uint64_t usec,
                                    struct sovd_arena *arena) {
        for (size_t i = 0; i < n_parts(u); i++) {
                const struct sim_unit *unit = unit_of(sim, part_of(u, i));
                const char *why = unit->power.power != SIM_READY        ? "is not ready"
                                  : sim_is_unreachable(sim, unit->entity, usec) ? "is not reachable"
                                                                        : NULL;
                if (why) {
                        const char *text =
                                sovd_arena_printf(arena, "component '%s' %s", part_of(u, i)->component, why);
                        return text ? text : why;
                }
        }
        const struct sim_call c = { sim, NULL, usec };
        return sim_needs_refuse(&c, &u->update->needs, arena);
}

static void end(struct sim *sim, struct update_state *u, struct sovd_arena *arena) {
        if (u->fails) {
                u->n_failed++;
                fail(u, u->update->error, u->update->fails_at.value);
                return;
        }
        u->status = SOVD_UPDATE_COMPLETED;
        u->reached = 100;
        if (!u->automated || u->phase == SOVD_UPDATE_EXECUTE)
                return;
        const char *why = refuse_execution(sim, u, u->ends_usec, arena);
        if (!why) {
                begin(u, SOVD_UPDATE_EXECUTE, u->ends_usec);
                return;
        }
        u->phase = SOVD_UPDATE_EXECUTE;
        fail(u, NULL, 0);
        (void)snprintf(u->error_text, sizeof(u->error_text), "%s", why);
        sim_text_trim(u->error_text);
}

void sim_updates_advance(struct sim *sim, uint64_t now, struct sovd_arena *arena) {
        struct update_state *u;

        while ((u = sim_update_running(sim)) && sim_updates_next(sim) <= now) {
                apply_due(sim, u, now, arena);
                if (u->status == SOVD_UPDATE_IN_PROGRESS && u->ends_usec <= now)
                        end(sim, u, arena);
        }
}

/* --- control -------------------------------------------------------------------------------------------- */

/* One process at a time; the code says what the other one does. */
static int refuse_second(struct sovd_call *call, const struct update_state *running,
                         enum sovd_update_action action) {
        const bool prepares = running->phase == SOVD_UPDATE_PREPARE;
        const enum sovd_error error = action == SOVD_UPDATE_DO_AUTOMATED ? SOVD_E_UPDATE_RUNNING
                                      : prepares                         ? SOVD_E_UPDATE_PREPARING
                                                                         : SOVD_E_UPDATE_EXECUTING;

        return sovd_fail_update(call, error, running->update->named.id, prepares ? "being prepared" : "being executed");
}

static bool is_prepared(const struct update_state *u) {
        return u->phase == SOVD_UPDATE_PREPARE ? u->status == SOVD_UPDATE_COMPLETED
                                               : u->status == SOVD_UPDATE_FAILED;
}

static int check_sequence(struct sovd_call *call, const struct sim_call *c, const struct update_state *u,
                          enum sovd_update_action action) {
        const struct update_state *running = sim_update_running(c->sim);
        const char *id = u->update->named.id;

        if (action == SOVD_UPDATE_DO_AUTOMATED && !u->update->automated.value)
                return sovd_fail(call, SOVD_E_UPDATE_AUTOMATED,
                                 "update '%s' cannot be installed automatically: prepare it, then execute it",
                                 id);
        if (running)
                return refuse_second(call, running, action);
        if (u->phase == SOVD_UPDATE_EXECUTE && u->status == SOVD_UPDATE_COMPLETED)
                return sovd_fail(call, SOVD_E_CONFLICT, "update '%s' was executed already", id);
        if (action == SOVD_UPDATE_DO_EXECUTE && !is_prepared(u))
                return sovd_fail(call, SOVD_E_CONFLICT, "update '%s' is not prepared", id);
        if (action == SOVD_UPDATE_DO_PREPARE)
                return 0;
        const char *why = refuse_execution(c->sim, u, c->now_usec, call->arena);
        return why ? sovd_fail(call, SOVD_E_CONFLICT, "update '%s' cannot be executed: %s", id, why) : 0;
}

int sim_update_control(struct sovd_call *call, struct sovd_backend *backend, const char *id,
                       enum sovd_update_action action) {
        struct sim_call c;

        int r = sim_enter_server(&c, call, backend);
        if (r)
                return r;
        struct update_state *u = sim_update_find(call, c.sim, id);
        r = u ? check_sequence(call, &c, u, action) : SOVD_E_NOT_FOUND;
        if (!r) {
                u->automated = action == SOVD_UPDATE_DO_AUTOMATED;
                begin(u, action == SOVD_UPDATE_DO_EXECUTE ? SOVD_UPDATE_EXECUTE : SOVD_UPDATE_PREPARE,
                      c.now_usec);
                (void)pthread_cond_broadcast(&c.sim->stopping);
        }
        sim_leave(&c);
        return r;
}
