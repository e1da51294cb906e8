/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Configurations - one parameter set of each ECU, checked when it is written
 */
#include <stdio.h>
#include "demo-ecu/configurations.h"

static int refuse(struct problem *problem, const char *path, const char *member, const char *rule) {
        snprintf(problem->path, sizeof(problem->path), "/%s%s%s", path, *member ? "/" : "", member);
        return problem_set(problem, PROBLEM_BAD_VALUE, "'%s' must be %s", *member ? member : path, rule);
}

static int cell_balancing_write(struct configuration *configuration, const cJSON *value, const char *key,
                                struct problem *problem) {
        const cJSON *enabled = cJSON_GetObjectItemCaseSensitive(value, "enabled");
        const cJSON *threshold = cJSON_GetObjectItemCaseSensitive(value, "threshold_mv");

        if (!cJSON_IsObject(value))
                return refuse(problem, key, "", "an object with the members 'enabled' and 'threshold_mv'");
        if (!cJSON_IsBool(enabled))
                return refuse(problem, key, "enabled", "true or false");
        if (!cJSON_IsNumber(threshold) || threshold->valuedouble != (double)threshold->valueint ||
            threshold->valueint < 5 || threshold->valueint > 50)
                return refuse(problem, key, "threshold_mv", "an integer from 5 to 50");
        if (cJSON_GetArraySize(value) != 2)
                return refuse(problem, key, "", "an object with just 'enabled' and 'threshold_mv'");

        snprintf(configuration->text, sizeof(configuration->text), "{\"enabled\":%s,\"threshold_mv\":%d}",
                 cJSON_IsTrue(enabled) ? "true" : "false", threshold->valueint);
        return 0;
}

static int display_unit_write(struct configuration *configuration, const cJSON *value, const char *key,
                              struct problem *problem) {
        if (!cJSON_IsString(value) ||
            (!equal(value->valuestring, "celsius") && !equal(value->valuestring, "fahrenheit")))
                return refuse(problem, key, "", "\"celsius\" or \"fahrenheit\"");

        snprintf(configuration->text, sizeof(configuration->text), "\"%s\"", value->valuestring);
        return 0;
}

int configuration_write(struct configuration *configuration, const cJSON *value, const char *key,
                        struct problem *problem) {
        if (equal(configuration->id, "cell-balancing"))
                return cell_balancing_write(configuration, value, key, problem);
        return display_unit_write(configuration, value, key, problem);
}
