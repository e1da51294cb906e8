#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Modes - the diagnostic session of an ECU, which falls back to its default when it expires
 */
#include "demo-ecu/problem.h"
#include "demo-ecu/vehicle.h"

#define MODE_ID "session"

extern const char *const mode_values[3];

/* n_seconds 0 means that it does not expire. */
int mode_set(const struct vehicle *vehicle, struct mode *mode, const char *value, unsigned int n_seconds,
             struct problem *problem);
void mode_tick(const struct vehicle *vehicle, struct mode *mode);
