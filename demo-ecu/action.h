#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Actions - what a scenario or a test does to the vehicle behind the API
 */
#include "demo-ecu/problem.h"
#include "demo-ecu/vehicle.h"

struct action {
        char verb[24]; /* set, hold, release, raise, heal, vanish, appear, self-test */
        char component[32];
        char id[40];    /* of the data or fault */
        char value[64]; /* a number or string as it is; pass or fail */
};

/* The words an action of that verb has after the verb; -1 if there is no such verb. */
int action_n_words(const char *verb);
int action_apply(struct vehicle *vehicle, const struct action *action, struct problem *problem);
