/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Faults - what the ECUs detected, with the values at that moment
 */
#include <stdio.h>
#include "demo-ecu/data.h"
#include "demo-ecu/faults.h"
#include "demo-ecu/logbook.h"

#define CONFIRMED 0x28 /* confirmedDTC and testFailedSinceLastClear: they outlast the healing */
#define FAILED    0x07 /* testFailed, in this operation cycle too, pendingDTC */
#define HEALED    0x06

struct fault *fault_find(struct component *component, const char *code) {
        for (size_t i = 0; i < component->n_faults; ++i)
                if (equal(component->faults[i].code, code))
                        return &component->faults[i];
        return NULL;
}

struct fault *fault_find_by_id(struct component *component, const char *id) {
        for (size_t i = 0; i < component->n_faults; ++i)
                if (equal(component->faults[i].id, id))
                        return &component->faults[i];
        return NULL;
}

void fault_raise(const struct vehicle *vehicle, struct component *component, struct fault *fault) {
        if (fault->active)
                return;

        fault->stored = true;
        fault->active = true;
        ++fault->n_occurrences;
        vehicle_timestamp(vehicle, fault->timestamp, sizeof(fault->timestamp));
        logbook_write(vehicle, component, (enum logbook_severity)(fault->severity - 1), "fault %s: %s", fault->code,
                      fault->name);

        fault->n_frame = 3; /* the first three data of either ECU are its measured ones */
        for (size_t i = 0; i < fault->n_frame; ++i) {
                fault->frame[i].id = component->data[i].id;
                datum_print(&component->data[i], fault->frame[i].text, sizeof(fault->frame[i].text));
        }
}

void fault_heal(struct fault *fault) {
        fault->active = false;
        fault->latched = false;
}

void fault_monitor(const struct vehicle *vehicle, struct component *component, struct fault *fault,
                   bool present) {
        if (present)
                fault_raise(vehicle, component, fault);
        else if (!fault->latched) {
                if (fault->active)
                        logbook_write(vehicle, component, LOGBOOK_INFO, "fault %s is not present any more",
                                      fault->code);
                fault_heal(fault);
        }
}

static void fault_forget(struct fault *fault) {
        fault_heal(fault);
        fault->stored = false;
        fault->n_occurrences = 0;
}

int fault_clear(struct fault *fault, const char *code, struct problem *problem) {
        if (!fault || !fault->stored)
                return problem_set(problem, PROBLEM_NO_RESOURCE, "fault '%.64s' is not stored", code);
        if (fault->active && fault->monitored && !fault->latched)
                return problem_set(problem, PROBLEM_CONFLICT, "the cause of fault '%s' is still present: %s",
                                   fault->code, fault->description);

        fault_forget(fault);
        return 0;
}

void fault_clear_all(struct component *component, const char *scope) {
        for (size_t i = 0; i < component->n_faults; ++i)
                if (!scope || equal(component->faults[i].scope, scope))
                        fault_forget(&component->faults[i]);
}

void fault_status(const struct fault *fault, struct fault_status ret[FAULT_N_STATUS]) {
        static const char *const bits[] = {
                "testFailed",
                "testFailedThisOperationCycle",
                "pendingDTC",
                "confirmedDTC",
                "testNotCompletedSinceLastClear",
                "testFailedSinceLastClear",
                "testNotCompletedThisOperationCycle",
                "warningIndicatorRequested",
        };
        unsigned int mask = CONFIRMED | (fault->active ? FAILED : HEALED);

        if (fault->active && fault->severity == 1)
                mask |= 0x80;

        for (size_t i = 0; i < N_ELEMENTS(bits); ++i) {
                ret[i].key = bits[i];
                copy_text(ret[i].value, sizeof(ret[i].value), mask >> i & 1 ? "1" : "0");
        }
        ret[8].key = "mask";
        snprintf(ret[8].value, sizeof(ret[8].value), "%02X", mask & 0xff);
        ret[9].key = "aggregatedStatus";
        copy_text(ret[9].value, sizeof(ret[9].value), fault->active ? "active" : "passive");
}
