/* SPDX-License-Identifier: Apache-2.0 */
/* How each call begins and ends: the entity, its latency, whether it can be reached, the lock. */
#include "backends/sim/backend.h"
#include "sovd-core/base/clock.h"
#include <time.h>

struct sim_unit *sim_unit_of(const struct sim *sim, enum sovd_entity_type type, const char *id) {
        for (size_t i = 0; i < sim->n_units; i++)
                if (sim->units[i].type == type && strcmp(sim->units[i].entity->named.id, id) == 0)
                        return &sim->units[i];
        return NULL;
}

bool sim_is_unreachable(const struct sim *sim, const struct sim_entity *e, uint64_t now) {
        const uint64_t passed = now - sim->start_usec;

        if (!e->unreachable_after_secs.set || passed < sim_usec(e->unreachable_after_secs))
                return false;
        return !e->unreachable_for_secs.set ||
               passed - sim_usec(e->unreachable_after_secs) < sim_usec(e->unreachable_for_secs);
}

/* With the lock, which is open while it waits. 0, or the answer: the deadline or the end of the backend. */
static int wait_latency(struct sim *sim, struct sovd_call *call, const struct sim_entity *e) {
        const uint64_t ready = sovd_now_usec() + (uint64_t)e->latency_ms.value * SOVD_USEC_PER_MSEC;
        const uint64_t until = SOVD_MIN(ready, call->deadline_usec);

        if (!e->latency_ms.value)
                return 0;
        while (!sim->stopped && sovd_now_usec() < until)
                (void)sovd_cond_wait_until(&sim->stopping, &sim->mutex, until);
        if (until < ready && !sim->stopped)
                return sovd_fail(call, SOVD_E_NOT_RESPONDING,
                                 "'%s' did not answer in time (simulated latency)", e->named.id);
        return 0;
}

static int check_reachable(struct sim *sim, struct sovd_call *call, const struct sim_entity *e) {
        const bool gone = sim_is_unreachable(sim, e, sovd_now_usec());

        if (!sim->stopped && !gone)
                return 0;
        (void)sovd_fail(call, SOVD_E_UNAVAILABLE,
                        gone ? "'%s' is not reachable (simulated)"
                             : "the backend of '%s' is being taken out of service",
                        e->named.id);
        sovd_fail_retry_after(call, 1);
        return SOVD_E_UNAVAILABLE;
}

static int check_ready(const struct sim_call *c, struct sovd_call *call) {
        const struct power_state *power = &c->unit->power;
        const char *id = c->unit->entity->named.id;

        if (power->power == SIM_READY)
                return 0;
        (void)sovd_fail(call, SOVD_E_UNAVAILABLE,
                        power->power == SIM_OFF ? "'%s' is shut down (simulated)"
                                                : "'%s' is starting and not ready yet (simulated)",
                        id);
        const uint64_t left = power->power == SIM_OFF ? 0 : power->ready_usec - c->now_usec;
        sovd_fail_retry_after(call, (unsigned)SOVD_MAX(1, (left + SOVD_USEC_PER_SEC - 1) / SOVD_USEC_PER_SEC));
        return SOVD_E_UNAVAILABLE;
}

static int enter(struct sim_call *c, struct sovd_call *call, struct sim *sim, struct sim_unit *unit, bool any) {
        (void)atomic_fetch_add(&sim->n_calls, 1);
        (void)atomic_fetch_add(&sim->in_flight, 1);
        (void)pthread_mutex_lock(&sim->mutex);
        *c = (struct sim_call){ .sim = sim, .unit = unit };
        int r = unit ? wait_latency(sim, call, unit->entity) : 0;
        if (!r && unit)
                r = check_reachable(sim, call, unit->entity);
        c->now_usec = sovd_now_usec();
        if (unit)
                sim_modes_settle(unit, c->now_usec);
        if (!r)
                sim_advance(sim, unit, c->now_usec, call->arena);
        if (!r && unit && !any)
                r = check_ready(c, call);
        if (!r && unit && unit->power.power == SIM_READY)
                sim_scripts_advance(c, call);
        if (r) {
                (void)atomic_fetch_add(&sim->n_failures, 1);
                sim_leave(c);
        }
        return r;
}

static int enter_entity(struct sim_call *c, struct sovd_call *call, const struct sovd_entity *e,
                        enum sovd_collection collection, bool any) {
        struct sim *sim = sim_of(e->providers[collection]);
        struct sim_unit *unit = sim_unit_of(sim, e->type, e->id);

        if (!unit)
                return sovd_fail(call, SOVD_E_NOT_FOUND, "'%s' is not part of the scenario", e->id);
        return enter(c, call, sim, unit, any);
}

int sim_enter(struct sim_call *c, struct sovd_call *call, const struct sovd_entity *e,
              enum sovd_collection collection) {
        return enter_entity(c, call, e, collection, false);
}

int sim_enter_any(struct sim_call *c, struct sovd_call *call, const struct sovd_entity *e,
                  enum sovd_collection collection) {
        return enter_entity(c, call, e, collection, true);
}

int sim_enter_server(struct sim_call *c, struct sovd_call *call, struct sovd_backend *backend) {
        return enter(c, call, sim_of(backend), NULL, true);
}

void sim_leave(struct sim_call *c) {
        (void)pthread_mutex_unlock(&c->sim->mutex);
        (void)atomic_fetch_sub(&c->sim->in_flight, 1);
}

int sim_no_resource(struct sovd_call *call, const struct sim_unit *unit, const char *what, const char *id) {
        return sovd_fail(call, SOVD_E_NOT_FOUND, "%s '%s' has no %s '%.128s'",
                         sovd_entity_type_words[unit->type], unit->entity->named.id, what, id);
}
