#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Simulation backend - a vehicle that exists in a scenario only
 *
 * For newcomers, for tests, and for clients that are written before the vehicle is. What an entity shows is a
 * function of the scenario, of its seed, of the time since the start and of what clients wrote: it is worked
 * out when it is asked for, so there is no thread, and two runs with the same requests give the same answers.
 */
#include "sovd-core/backend.h"
#include <stdio.h>

struct sovd_arena;

/* The keys of a scenario file. */
extern const struct sovd_schema sovd_schema_sim_scenario;

/* A backend from a scenario file; file NULL = the vehicle that is built in. Returns 0; SOVD_E_BAD_REQUEST with
 * *message set ("file:line:column: key: why", one line per problem; in the arena); -errno with *message set. */
int sovd_sim_backend_new(struct sovd_backend **ret, const char *name, const char *file,
                         struct sovd_arena *arena, const char **message);

/* The same from text; file stands for its name in messages. */
int sovd_sim_backend_parse(struct sovd_backend **ret, const char *name, const char *file, const char *text,
                           size_t len, struct sovd_arena *arena, const char **message);
