#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Faults - what the ECUs detected, with the values at that moment
 *
 * A fault that heals stays stored as passive until somebody clears it. A fault whose cause is still there
 * cannot be cleared alone; clearing all of them removes it for one tick, as its monitor runs again.
 */
#include "demo-ecu/problem.h"
#include "demo-ecu/vehicle.h"

struct fault *fault_find(struct component *component, const char *code);
struct fault *fault_find_by_id(struct component *component, const char *id);
void fault_raise(const struct vehicle *vehicle, struct component *component, struct fault *fault);
void fault_heal(struct fault *fault);

/* What a test set stays until a test or a client takes it back: the monitors leave it alone. */
void fault_monitor(const struct vehicle *vehicle, struct component *component, struct fault *fault,
                   bool present);

int fault_clear(struct fault *fault, const char *code, struct problem *problem);
void fault_clear_all(struct component *component, const char *scope);

struct fault_status {
        const char *key;
        char value[8];
};

#define FAULT_N_STATUS 10

/* The status bits of ISO 14229 by name, the whole byte, and the summary. */
void fault_status(const struct fault *fault, struct fault_status ret[FAULT_N_STATUS]);
