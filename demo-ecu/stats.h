#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Statistics - what arrived, so that a test of a gateway can count its calls and see the headers it passed on
 */
#include "demo-ecu/util.h"

struct json;
struct stats;

typedef const char *stats_header(void *user, const char *name);

int stats_new(struct stats **ret);
void stats_begin(struct stats *stats, const char *method, const char *path, stats_header *header, void *user);
void stats_end(struct stats *stats);
void stats_reset(struct stats *stats);
void stats_write(struct stats *stats, struct json *json);
struct stats *stats_free(struct stats *stats);

static inline void stats_freep(struct stats **stats) {
        stats_free(*stats);
}
