/* SPDX-License-Identifier: Apache-2.0 */
/* Ready or not, and the thread that shows it in the tree. */
#include "backends/sim/backend.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/log.h"
#include <errno.h>
#include <signal.h>
#include <time.h>

/* --- time passes ---------------------------------------------------------------------------------------- */

/* What is to begin whenever the entity starts begins here. */
static void on_ready(const struct sim_call *c) {
        sim_log_note(c, SOVD_SEVERITY_INFO, "'%s' is ready", c->unit->entity->named.id);
        sim_scripts_on_restart(c->unit, c->now_usec);
}

static void advance_unit(struct sim *sim, struct sim_unit *unit, uint64_t now, struct sovd_arena *arena) {
        struct sim_call c = { sim, unit, now };

        if (unit->power.power == SIM_STARTING && now >= unit->power.ready_usec) {
                const struct sim_call then = { sim, unit, unit->power.ready_usec };
                unit->power.power = SIM_READY;
                unit->logs.seen_usec = unit->power.ready_usec - 1;
                unit->logs.since_usec = unit->power.ready_usec;
                on_ready(&then);
        }
        if (unit->power.power != SIM_READY)
                return;
        /* The log first up to where clearing changes data, then from there. */
        if (unit->clear.running && unit->clear.ends_usec <= now) {
                const struct sim_call then = { sim, unit, unit->clear.ends_usec };
                sim_log_catch_up(&then, arena);
        }
        sim_clear_advance(&c, arena);
        sim_log_catch_up(&c, arena);
}

void sim_advance(struct sim *sim, struct sim_unit *unit, uint64_t now, struct sovd_arena *arena) {
        sim_updates_advance(sim, now, arena);
        if (unit) {
                advance_unit(sim, unit, now, arena);
                return;
        }
        for (size_t i = 0; i < sim->n_units; i++)
                advance_unit(sim, &sim->units[i], now, arena);
}

/* --- stopping and starting ------------------------------------------------------------------------------ */

/* Written data that are not stored return to their start. */
static void reset_data(const struct sim_call *c, struct sovd_arena *arena) {
        const struct sim_data *data = c->unit->entity->data.items;

        for (size_t i = 0; i < c->unit->entity->data.n; i++) {
                const bool stays = sovd_streq(data[i].category, "storedData") ||
                                   sovd_streq(data[i].category, "identData");
                if (!stays && data[i].writable.value && sim_data_put(c, i, data[i].value.value, arena))
                        return;
        }
}

/* What is volatile is lost: executions, modes, data that are not stored. */
static void stop(const struct sim_call *c, struct sovd_arena *arena) {
        sim_log_catch_up(c, arena);
        sim_executions_lose(c);
        sim_clear_lose(c);
        sim_modes_init(c->unit);
        reset_data(c, arena);
}

void sim_restart(const struct sim_call *c, double secs, struct sovd_arena *arena) {
        stop(c, arena);
        sim_log_note(c, SOVD_SEVERITY_WARN, "'%s' restarts", c->unit->entity->named.id);
        c->unit->power = (struct power_state){
                .power = SIM_STARTING,
                .ready_usec = c->now_usec + (uint64_t)(secs * (double)SOVD_USEC_PER_SEC),
        };
}

static void shut_down(const struct sim_call *c, struct sovd_arena *arena) {
        stop(c, arena);
        sim_log_note(c, SOVD_SEVERITY_WARN, "'%s' shuts down", c->unit->entity->named.id);
        c->unit->power = (struct power_state){ .power = SIM_OFF };
}

static double start_secs(const struct sim_status *status) {
        return status->start_secs.set ? status->start_secs.value : status->restart_secs.value;
}

/* What stands against the plain action; the forced one outranks it. */
static int check_idle(struct sovd_call *call, const struct sim_call *c) {
        const char *id = c->unit->entity->named.id, *operation = sim_execution_running(c),
                   *update = sim_update_on(c->sim, c->unit);

        if (operation)
                return sovd_fail(call, SOVD_E_CONFLICT, "operation '%s' runs on '%s'", operation, id);
        if (update)
                return sovd_fail(call, SOVD_E_CONFLICT, "update '%s' is being executed on '%s'", update, id);
        if (c->unit->clear.running)
                return sovd_fail(call, SOVD_E_CONFLICT, "'%s' is clearing data", id);
        return 0;
}

static int check_stoppable(struct sovd_call *call, const struct sim_call *c, bool forced) {
        const struct power_state *power = &c->unit->power;
        const char *id = c->unit->entity->named.id;

        if (power->power != SIM_READY)
                return sovd_fail(call, SOVD_E_CONFLICT, "'%s' %s", id,
                                 power->power == SIM_OFF ? "is shut down" : "is starting and not ready yet");
        const char *why = sim_needs_refuse(c, &c->unit->entity->status->needs, call->arena);
        if (why)
                return sovd_fail(call, SOVD_E_CONFLICT, "it would not be safe: %s", why);
        return forced ? 0 : check_idle(call, c);
}

static int start(struct sovd_call *call, const struct sim_call *c) {
        const struct sim_entity *e = c->unit->entity;

        if (c->unit->power.power != SIM_OFF)
                return sovd_fail(call, SOVD_E_CONFLICT, "'%s' runs already", e->named.id);
        c->unit->power = (struct power_state){
                .power = SIM_STARTING,
                .ready_usec = c->now_usec + (uint64_t)(start_secs(e->status) * (double)SOVD_USEC_PER_SEC),
        };
        return 0;
}

static int control(struct sovd_call *call, const struct sim_call *c, enum sovd_status_action action) {
        const struct sim_status *status = c->unit->entity->status;
        const bool forced = action == SOVD_STATUS_FORCE_RESTART || action == SOVD_STATUS_FORCE_SHUTDOWN;

        if (!(status->actions & (1u << action)))
                return sovd_fail(call, SOVD_E_NOT_FOUND, "'%s' does not support %s",
                                 c->unit->entity->named.id, sovd_status_action_names[action]);
        if (action == SOVD_STATUS_START)
                return start(call, c);
        int r = check_stoppable(call, c, forced);
        if (r)
                return r;
        sim_update_abort(c->sim, c->unit);
        if (action == SOVD_STATUS_RESTART || action == SOVD_STATUS_FORCE_RESTART)
                sim_restart(c, status->restart_secs.value, call->arena);
        else
                shut_down(c, call->arena);
        return 0;
}

int sim_status_control(struct sovd_call *call, const struct sovd_entity *e, enum sovd_status_action action,
                       const struct cJSON *parameters) {
        struct sim_call c;

        int r = sim_enter_any(&c, call, e, SOVD_COLLECTION_STATUS);
        if (r)
                return r;
        if (parameters)
                r = sovd_fail_at(call, SOVD_E_BAD_VALUE, "/parameters", "'%s' takes no parameters", e->id);
        else
                r = control(call, &c, action);
        (void)pthread_cond_broadcast(&c.sim->stopping);
        sim_leave(&c);
        return r;
}

int sim_status_read(struct sovd_call *call, const struct sovd_entity *e, struct sovd_entity_status *ret) {
        struct sim_call c;

        int r = sim_enter_any(&c, call, e, SOVD_COLLECTION_STATUS);
        if (r)
                return r;
        ret->status = c.unit->power.power == SIM_READY ? SOVD_READY : SOVD_NOT_READY;
        ret->actions = c.unit->entity->status->actions;
        sim_leave(&c);
        return 0;
}

/* --- the thread ----------------------------------------------------------------------------------------- */

bool sim_is_away(const struct sim *sim, const struct sim_unit *unit, uint64_t now) {
        return unit->power.power != SIM_READY || sim_is_unreachable(sim, unit->entity, now);
}

/* Marks who is away; true when that differs from what was published last. */
static bool mark_away(const struct sim *sim, uint64_t usec, bool *away) {
        bool changed = false;

        for (size_t i = 0; i < sim->n_units; i++) {
                const bool now = sim_is_away(sim, &sim->units[i], usec);
                changed = changed || now != away[i];
                away[i] = now;
        }
        return changed;
}

/* When the entity becomes unreachable or reachable again, after `usec`; UINT64_MAX = never. */
static uint64_t next_window(const struct sim *sim, const struct sim_entity *e, uint64_t usec) {
        if (!e->unreachable_after_secs.set)
                return UINT64_MAX;

        const uint64_t goes = sim->start_usec + sim_usec(e->unreachable_after_secs);
        const uint64_t comes = e->unreachable_for_secs.set ? goes + sim_usec(e->unreachable_for_secs) : 0;
        return goes > usec ? goes : comes > usec ? comes : UINT64_MAX;
}

static uint64_t next_change(const struct sim *sim, uint64_t usec) {
        uint64_t next = sim_updates_next(sim);

        for (size_t i = 0; i < sim->n_units; i++) {
                const struct sim_unit *unit = &sim->units[i];
                if (unit->power.power == SIM_STARTING)
                        next = SOVD_MIN(next, unit->power.ready_usec);
                const uint64_t window = next_window(sim, unit->entity, usec);
                next = SOVD_MIN(next, window);
        }
        return next;
}

/* With the lock, which is open while the view is published. */
static void publish(struct sim *sim) {
        (void)pthread_mutex_unlock(&sim->mutex);
        int r = sim_publish(sim);
        if (r && r != -ENOENT)
                sovd_log(SOVD_LOG_ERROR, "backend '%s' cannot show who is ready: %s", sim->base.name,
                         strerror(-r));
        (void)pthread_mutex_lock(&sim->mutex);
}

static void *run(void *data) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sim *sim = data;
        bool *away = calloc(sim->n_units + 1, sizeof(*away));

        if (!away || sovd_arena_new(&arena, 4096)) {
                sovd_log(SOVD_LOG_ERROR, "backend '%s' does not show who is ready: out of memory",
                         sim->base.name);
                free(away);
                return NULL;
        }
        (void)pthread_mutex_lock(&sim->mutex);
        while (!sim->stopped) {
                const uint64_t now = sovd_now_usec();
                sim_advance(sim, NULL, now, arena);
                sovd_arena_reset(arena);
                if (mark_away(sim, now, away))
                        publish(sim);
                else
                        (void)sovd_cond_wait_until(&sim->stopping, &sim->mutex, next_change(sim, now));
        }
        (void)pthread_mutex_unlock(&sim->mutex);
        free(away);
        return NULL;
}

static bool needs_thread(const struct sim *sim) {
        for (size_t i = 0; i < sim->n_units; i++)
                if (sim->units[i].entity->status || sim->units[i].entity->unreachable_after_secs.set)
                        return true;
        return sim_serves_updates(&sim->scenario);
}

/* Signals are the main thread's. */
int sim_thread_start(struct sim *sim) {
        sigset_t all, before;

        if (!needs_thread(sim))
                return 0;
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        int r = pthread_create(&sim->thread, NULL, run, sim);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        sim->has_thread = !r;
        return r ? sovd_error_origin(-r) : 0;
}

void sim_thread_stop(struct sim *sim) {
        if (sim->has_thread)
                (void)pthread_join(sim->thread, NULL);
        sim->has_thread = false;
}
