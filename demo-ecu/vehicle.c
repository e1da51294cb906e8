/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Vehicle - the state of the two ECUs that demo-ecu plays
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include "demo-ecu/faults.h"
#include "demo-ecu/scenario.h"
#include "demo-ecu/vehicle.h"

static uint64_t clock_usec(clockid_t clock) {
        struct timespec now;

        clock_gettime(clock, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int vehicle_new(struct vehicle **ret, uint64_t seed, double time_scale) {
        struct vehicle *vehicle;

        vehicle = calloc(1, sizeof(*vehicle));
        if (!vehicle)
                return -ENOMEM;

        pthread_mutex_init(&vehicle->mutex, NULL);
        vehicle->seed = seed;
        vehicle->random = seed;
        vehicle->time_scale = time_scale;
        vehicle->started_usec = clock_usec(CLOCK_MONOTONIC);
        vehicle->started_wall_usec = clock_usec(CLOCK_REALTIME);
        for (size_t i = 0; i < VEHICLE_N_COMPONENTS; ++i) {
                vehicle->components[i] = *vehicle_components[i];
                vehicle_timestamp(vehicle, vehicle->components[i].session.since,
                                  sizeof(vehicle->components[i].session.since));
        }
        fault_raise(vehicle, &vehicle->components[VEHICLE_BMS],
                    &vehicle->components[VEHICLE_BMS].faults[BMS_IMBALANCE]);

        *ret = vehicle;
        return 0;
}

void vehicle_advance(struct vehicle *vehicle) {
        uint64_t passed_usec = clock_usec(CLOCK_MONOTONIC) - vehicle->started_usec;
        uint64_t due = (uint64_t)((double)passed_usec * vehicle->time_scale * TICKS_PER_SECOND / 1e6);

        while (vehicle->tick < due) {
                ++vehicle->tick;
                simulation_tick(vehicle);
                scenario_tick(vehicle->scenario, vehicle);
        }
}

/* Of the present tick, so that a repeated run differs in its start only. */
void vehicle_timestamp(const struct vehicle *vehicle, char *buffer, size_t n_buffer) {
        double passed = (double)vehicle->tick / TICKS_PER_SECOND / vehicle->time_scale;
        uint64_t usec = vehicle->started_wall_usec + (uint64_t)(passed * 1e6);
        time_t seconds = (time_t)(usec / 1000000);
        struct tm utc;
        char text[24];

        gmtime_r(&seconds, &utc);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
        snprintf(buffer, n_buffer, "%s.%03uZ", text, (unsigned int)(usec / 1000 % 1000));
}

struct component *vehicle_component_any(struct vehicle *vehicle, const char *id) {
        for (size_t i = 0; i < VEHICLE_N_COMPONENTS; ++i)
                if (equal(vehicle->components[i].id, id))
                        return &vehicle->components[i];
        return NULL;
}

struct component *vehicle_component(struct vehicle *vehicle, const char *id) {
        struct component *component = vehicle_component_any(vehicle, id);

        return component && component->present ? component : NULL;
}

struct vehicle *vehicle_free(struct vehicle *vehicle) {
        if (!vehicle)
                return NULL;

        pthread_mutex_destroy(&vehicle->mutex);
        free(vehicle);
        return NULL;
}
