/* SPDX-License-Identifier: Apache-2.0 */
/* Entities that go away and come back are listed as such when it happens, not when somebody asks. */
#include "backends/sim/backend.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/log.h"
#include <time.h>

/* The first time after `usec` at which an entity comes or goes; UINT64_MAX = never again. */
static uint64_t next_change(const struct sim *sim, uint64_t usec) {
        uint64_t next = UINT64_MAX;

        for (size_t i = 0; i < sim->n_units; i++) {
                const struct sim_entity *e = sim->units[i].entity;
                if (!e->unreachable_after_secs.set)
                        continue;
                const uint64_t goes = sim->start_usec + sim_usec(e->unreachable_after_secs);
                const uint64_t comes =
                        e->unreachable_for_secs.set ? goes + sim_usec(e->unreachable_for_secs) : 0;
                if (goes > usec)
                        next = SOVD_MIN(next, goes);
                if (comes > usec)
                        next = SOVD_MIN(next, comes);
        }
        return next;
}

/* False: stopped meanwhile. */
static bool wait_until(struct sim *sim, uint64_t usec) {
        const struct timespec at = { .tv_sec = (time_t)(usec / SOVD_USEC_PER_SEC),
                                     .tv_nsec = (long)(usec % SOVD_USEC_PER_SEC) * 1000 };

        (void)pthread_mutex_lock(&sim->mutex);
        while (!sim->stopped && sovd_now_usec() < usec)
                (void)pthread_cond_timedwait(&sim->stopping, &sim->mutex, &at);
        const bool stopped = sim->stopped;
        (void)pthread_mutex_unlock(&sim->mutex);
        return !stopped;
}

static void *watch(void *data) {
        struct sim *sim = data;
        uint64_t at = next_change(sim, sim->published_usec);

        while (at != UINT64_MAX && wait_until(sim, at)) {
                if (sim_publish(sim, at))
                        sovd_log(SOVD_LOG_ERROR, "backend '%s' cannot list what changed: out of memory",
                                 sim->base.name);
                at = next_change(sim, at);
        }
        return NULL;
}

int sim_watch_start(struct sim *sim, uint64_t published_usec) {
        if (next_change(sim, published_usec) == UINT64_MAX)
                return 0;

        sim->published_usec = published_usec;
        int r = pthread_create(&sim->watch, NULL, watch, sim);
        if (r)
                return sovd_error_origin(-r);
        sim->is_watching = true;
        return 0;
}

void sim_watch_stop(struct sim *sim) {
        if (sim->is_watching)
                (void)pthread_join(sim->watch, NULL);
        sim->is_watching = false;
}
