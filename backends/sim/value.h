#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Values - what may be written, and values as JSON that keeps its digits
 */
#include "backends/sim/scenario.h"
#include "sovd-core/call.h"

/* NULL when json is one of the values that `value` allows, else why not (in the arena), and *ret_below is the JSON
 * pointer to the faulty part, "" for all of it. */
const char *sim_value_refuse(const struct sim_value *value, const struct cJSON *json,
                             struct sovd_arena *arena, const char **ret_below);

/* The same as a failure of the call: SOVD_E_BAD_VALUE with a path below /data. */
int sim_refuse(struct sovd_call *call, const struct sim_value *value, const struct cJSON *json,
               const char *what, const char *id);

/* JSON text of json, digits kept; owned by the caller. -ENOMEM. */
int sim_value_text(const struct cJSON *json, char **ret);

/* The tree of a JSON text that we made; lives as long as the arena. */
int sim_value_node(struct sovd_arena *arena, const char *text, const struct cJSON **ret);

/* The tree of what was written; w is done with. */
int sim_written_node(struct sovd_arena *arena, struct sovd_json_writer *w, const struct cJSON **ret);

/* A text that was cut to fit ends with a whole character: takes away what is left of the last one. */
void sim_text_trim(char *text);
