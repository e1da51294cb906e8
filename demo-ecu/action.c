/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Actions - what a scenario or a test does to the vehicle behind the API
 */
#include "demo-ecu/action.h"
#include "demo-ecu/data.h"
#include "demo-ecu/faults.h"

static int datum_act(struct component *component, const struct action *action, struct problem *problem) {
        struct datum *datum = datum_find(component, action->id);

        if (!datum)
                return problem_set(problem, PROBLEM_NO_RESOURCE, "component '%s' has no data '%s'",
                                   component->id, action->id);
        if (equal(action->verb, "release")) {
                datum->held = false;
                return 0;
        }

        datum->held = equal(action->verb, "hold");
        return datum_set(datum, action->value, problem);
}

static int fault_act(const struct vehicle *vehicle, struct component *component, const struct action *action,
                     struct problem *problem) {
        struct fault *fault = fault_find(component, action->id);

        if (!fault)
                return problem_set(problem, PROBLEM_NO_RESOURCE, "component '%s' has no fault '%s'",
                                   component->id, action->id);
        if (equal(action->verb, "heal"))
                fault_heal(fault);
        else {
                fault_raise(vehicle, component, fault);
                fault->latched = true;
        }
        return 0;
}

static int self_test_act(struct vehicle *vehicle, const char *outcome, struct problem *problem) {
        if (equal(outcome, "fail"))
                vehicle->next_self_test = "fail";
        else if (equal(outcome, "pass"))
                vehicle->next_self_test = "pass";
        else
                return problem_set(problem, PROBLEM_BAD_REQUEST,
                                   "the next self-test can be made to pass or to fail, not to '%s'", outcome);
        return 0;
}

static int component_act(struct vehicle *vehicle, struct component *component, const struct action *action,
                         struct problem *problem) {
        if (equal(action->verb, "raise") || equal(action->verb, "heal"))
                return fault_act(vehicle, component, action, problem);
        if (!equal(action->verb, "vanish") && !equal(action->verb, "appear"))
                return datum_act(component, action, problem);

        component->present = equal(action->verb, "appear");
        return 0;
}

int action_n_words(const char *verb) {
        static const struct {
                const char *verb;
                int n_words;
        } verbs[] = {
                { "set", 3 },  { "hold", 3 },   { "release", 2 }, { "raise", 2 },
                { "heal", 2 }, { "vanish", 1 }, { "appear", 1 },  { "self-test", 1 },
        };

        for (size_t i = 0; i < N_ELEMENTS(verbs); ++i)
                if (equal(verbs[i].verb, verb))
                        return verbs[i].n_words;
        return -1;
}

int action_apply(struct vehicle *vehicle, const struct action *action, struct problem *problem) {
        struct component *component;

        if (equal(action->verb, "self-test"))
                return self_test_act(vehicle, action->value, problem);

        component = vehicle_component_any(vehicle, action->component);
        if (!component)
                return problem_set(problem, PROBLEM_NO_ENTITY, "there is no component '%s'",
                                   action->component);
        return component_act(vehicle, component, action, problem);
}
