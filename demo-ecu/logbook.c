/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Logbook - what an ECU wrote down
 */
#include <stdarg.h>
#include <stdio.h>
#include "demo-ecu/data.h"
#include "demo-ecu/logbook.h"

#define REPORT_TICKS (10 * TICKS_PER_SECOND)

const char *const logbook_severity_names[LOGBOOK_N] = { "fatal", "error", "warn", "info", "debug" };

enum logbook_severity logbook_severity_find(const char *name) {
        int i = 0;

        while (i < LOGBOOK_N && !equal(name, logbook_severity_names[i]))
                ++i;
        return (enum logbook_severity)i;
}

enum logbook_severity logbook_level(const struct component *component) {
        return component->log.configured ? (enum logbook_severity)component->log.level : LOGBOOK_DEFAULT;
}

void logbook_write(const struct vehicle *vehicle, struct component *component, enum logbook_severity severity,
                   const char *format, ...) {
        struct log *log = &component->log;
        struct log_entry *entry = &log->entries[log->n_written % LOG_ENTRIES_MAX];
        va_list args;

        if (severity > logbook_level(component))
                return;

        entry->severity = (int)severity;
        vehicle_timestamp(vehicle, entry->timestamp, sizeof(entry->timestamp));
        va_start(args, format);
        vsnprintf(entry->text, sizeof(entry->text), format, args);
        va_end(args);
        ++log->n_written;
}

const struct log_entry *logbook_at(const struct component *component, size_t i) {
        const struct log *log = &component->log;
        uint64_t n = log->n_written < LOG_ENTRIES_MAX ? log->n_written : LOG_ENTRIES_MAX;

        return i < n ? &log->entries[(log->n_written - n + i) % LOG_ENTRIES_MAX] : NULL;
}

void logbook_tick(const struct vehicle *vehicle, struct component *component) {
        char value[64];

        if (vehicle->tick % REPORT_TICKS)
                return;
        datum_print(&component->data[0], value, sizeof(value));
        logbook_write(vehicle, component, LOGBOOK_DEBUG, "%s is %s %s", component->data[0].name, value,
                      component->data[0].unit ? component->data[0].unit : "");
}
