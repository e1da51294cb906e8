#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Logbook - what an ECU wrote down: a ring of entries, and from which severity on it writes
 *
 * Entries come from what happens to the simulated ECU; nothing is written when a client asks.
 */
#include "demo-ecu/vehicle.h"

/* Lower is worse. */
enum logbook_severity { LOGBOOK_FATAL, LOGBOOK_ERROR, LOGBOOK_WARN, LOGBOOK_INFO, LOGBOOK_DEBUG, LOGBOOK_N };
extern const char *const logbook_severity_names[LOGBOOK_N];

#define LOGBOOK_DEFAULT LOGBOOK_INFO

/* LOGBOOK_N if there is no such severity. */
enum logbook_severity logbook_severity_find(const char *name);

/* From which severity on the ECU writes now. */
enum logbook_severity logbook_level(const struct component *component);

void logbook_write(const struct vehicle *vehicle, struct component *component, enum logbook_severity severity,
                   const char *format, ...) _printf_(4, 5);

/* The entry at a position, the oldest first; NULL behind the last. */
const struct log_entry *logbook_at(const struct component *component, size_t i);

/* A line about the ECU's measured values, every 10 seconds. */
void logbook_tick(const struct vehicle *vehicle, struct component *component);
