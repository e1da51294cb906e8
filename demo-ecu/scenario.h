#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scenario - a file that says what happens to the vehicle at which simulated time
 *
 * One action per line: seconds since the start, a verb, its words. Empty lines and lines that begin with #
 * are skipped. docs/demo-ecu.md lists the verbs.
 */
#include "demo-ecu/vehicle.h"

/* Negative on failure, with file, line and reason in error: every line is tried on a scratch vehicle. */
int scenario_load(struct scenario **ret, const char *path, char *error, size_t n_error);

/* Carries out what is due; NULL is the scenario in which nothing happens. */
void scenario_tick(struct scenario *scenario, struct vehicle *vehicle);
struct scenario *scenario_free(struct scenario *scenario);

static inline void scenario_freep(struct scenario **scenario) {
        scenario_free(*scenario);
}
