#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Configurations - one parameter set of each ECU, checked when it is written
 */
#include <cjson/cJSON.h>
#include "demo-ecu/problem.h"
#include "demo-ecu/vehicle.h"

/* `value` is the member `key` of the request; NULL if it is missing. */
int configuration_write(struct configuration *configuration, const cJSON *value, const char *key,
                        struct problem *problem);
