#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Data - the values of an ECU: printing, checked writes, and what tests set behind the API
 */
#include <cjson/cJSON.h>
#include "demo-ecu/problem.h"
#include "demo-ecu/vehicle.h"

struct datum *datum_find(struct component *component, const char *id);

/* The value as JSON: a float keeps its decimals, a written number its spelling, a counter all its digits. */
void datum_print(const struct datum *datum, char *buffer, size_t n_buffer);

/* Takes the member `key` of the document, checks type and range, and keeps the number as it is spelled. */
int datum_write(struct datum *datum, const cJSON *json, const char *body, const char *key,
                struct problem *problem);

/* The same for a value that clients may not write, without a range: what a test sets. */
int datum_set(struct datum *datum, const char *text, struct problem *problem);
