/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Modes - the diagnostic session of an ECU, which falls back to its default when it expires
 */
#include "demo-ecu/modes.h"

const char *const mode_values[3] = { "default", "extended", "programming" };

static void mode_enter(const struct vehicle *vehicle, struct mode *mode, const char *value) {
        mode->value = value;
        mode->expires = 0;
        vehicle_timestamp(vehicle, mode->since, sizeof(mode->since));
}

int mode_set(const struct vehicle *vehicle, struct mode *mode, const char *value, unsigned int n_seconds,
             struct problem *problem) {
        for (size_t i = 0; i < N_ELEMENTS(mode_values); ++i) {
                if (!equal(mode_values[i], value))
                        continue;
                mode_enter(vehicle, mode, mode_values[i]);
                if (n_seconds)
                        mode->expires = vehicle->tick + (uint64_t)n_seconds * TICKS_PER_SECOND;
                return 0;
        }
        return problem_set(problem, PROBLEM_BAD_REQUEST,
                           "'value' must be one of default, extended, programming; got '%.60s'", value);
}

void mode_tick(const struct vehicle *vehicle, struct mode *mode) {
        if (mode->expires && vehicle->tick >= mode->expires)
                mode_enter(vehicle, mode, mode_values[0]);
}
