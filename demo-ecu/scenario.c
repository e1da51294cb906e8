/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scenario - a file that says what happens to the vehicle at which simulated time
 */
#include <errno.h>
#include <stdio.h>
#include "demo-ecu/action.h"
#include "demo-ecu/scenario.h"

#define EVENTS_MAX  1000
#define SECONDS_MAX 1e9

struct event {
        uint64_t tick;
        struct action action;
};

struct scenario {
        struct event events[EVENTS_MAX]; /* in the order of their ticks */
        size_t n_events;
        size_t n_done;
};

static int event_parse_words(struct event *event, char *words, struct problem *problem) {
        const char *separators = " \t\r\n";
        struct action *action = &event->action;
        char *place = words, *word = strtok_r(words, separators, &place);
        int n_words, n_found = 0;

        copy_text(action->verb, sizeof(action->verb), word ? word : "");
        n_words = action_n_words(action->verb);
        if (n_words < 0)
                return problem_set(problem, PROBLEM_BAD_REQUEST, "unknown verb '%s'", action->verb);

        while ((word = strtok_r(NULL, separators, &place))) {
                if (++n_found > n_words)
                        break;
                if (equal(action->verb, "self-test") || n_found == 3)
                        copy_text(action->value, sizeof(action->value), word);
                else if (n_found == 1)
                        copy_text(action->component, sizeof(action->component), word);
                else
                        copy_text(action->id, sizeof(action->id), word);
        }
        if (n_found != n_words)
                return problem_set(problem, PROBLEM_BAD_REQUEST, "'%s' takes %d words after it", action->verb,
                                   n_words);
        return 0;
}

static int scenario_add(struct scenario *scenario, char *line, struct vehicle *rehearsal,
                        struct problem *problem) {
        struct event *event = &scenario->events[scenario->n_events];
        double seconds;
        char *end;
        int r;

        seconds = strtod(line, &end);
        if (end == line || !(seconds >= 0 && seconds <= SECONDS_MAX) || !strchr(" \t", *end))
                return problem_set(problem, PROBLEM_BAD_REQUEST, "a line begins with a time in seconds");
        if (scenario->n_events == EVENTS_MAX)
                return problem_set(problem, PROBLEM_BAD_REQUEST, "there are more than %d actions",
                                   EVENTS_MAX);

        event->tick = (uint64_t)(seconds * TICKS_PER_SECOND + 0.5);
        if (scenario->n_events && event->tick < event[-1].tick)
                return problem_set(problem, PROBLEM_BAD_REQUEST, "the times must not go backwards");

        r = event_parse_words(event, end, problem);
        if (r)
                return r;
        r = action_apply(rehearsal, &event->action, problem);
        if (r)
                return r;

        ++scenario->n_events;
        return 0;
}

static int scenario_read(struct scenario *scenario, FILE *file, const char *path, char *error,
                         size_t n_error) {
        _cleanup_(vehicle_freep) struct vehicle *rehearsal = NULL;
        struct problem problem = { 0 };
        char line[256];

        if (vehicle_new(&rehearsal, 0, 1))
                return -ENOMEM;

        for (unsigned int n_lines = 1; fgets(line, sizeof(line), file); ++n_lines) {
                char *text = line + strspn(line, " \t\r\n");

                if (!*text || *text == '#')
                        continue;
                if (scenario_add(scenario, text, rehearsal, &problem)) {
                        snprintf(error, n_error, "%s:%u: %s", path, n_lines, problem.message);
                        return -EINVAL;
                }
        }
        return 0;
}

int scenario_load(struct scenario **ret, const char *path, char *error, size_t n_error) {
        _cleanup_(scenario_freep) struct scenario *scenario = NULL;
        FILE *file;
        int r;

        scenario = calloc(1, sizeof(*scenario));
        if (!scenario)
                return -ENOMEM;

        file = fopen(path, "re");
        if (!file) {
                snprintf(error, n_error, "%s: %s", path, strerror(errno));
                return -errno;
        }
        r = scenario_read(scenario, file, path, error, n_error);
        fclose(file);
        if (r)
                return r;

        *ret = scenario;
        scenario = NULL;
        return 0;
}

void scenario_tick(struct scenario *scenario, struct vehicle *vehicle) {
        struct problem problem;

        if (!scenario)
                return;

        while (scenario->n_done < scenario->n_events &&
               scenario->events[scenario->n_done].tick <= vehicle->tick)
                (void)action_apply(vehicle, &scenario->events[scenario->n_done++].action, &problem);
}

struct scenario *scenario_free(struct scenario *scenario) {
        free(scenario);
        return NULL;
}
