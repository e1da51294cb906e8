#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Native apps in the daemon - the faults that are kept, and the backend of the apps
 *
 * The second part of the composition root: it puts fault-manager/ and backends/native/ behind the gateway. Stopped in
 * this order: backends (with the gateway), fault manager, state.
 */
#include "backends/native/native_backend.h"

struct sovd_config_tree;
struct sovd_events;
struct sovd_gateway;
struct sovd_native_apps;

/* What a table cannot say: NULL, or "file:line:column: key: why" in the arena. options may be NULL. */
const char *sovd_native_apps_check(const struct sovd_native_options *options, const struct sovd_config_tree *tree,
                                   struct sovd_arena *arena);

/* Starts the fault manager on the gateway's state, which publishes on the bus of events, and gives the gateway its fault sink; before backends are added. What
 * fails is logged. *ret is set also then. */
struct sovd_fault_settings;
struct sovd_limits_settings;
int sovd_native_apps_start(struct sovd_native_apps **ret, struct sovd_gateway *gateway, struct sovd_events *events,
                           const struct sovd_limits_settings *limits, const struct sovd_fault_settings *faults);

/* Puts the catalogue files of new settings into force; what fails is logged. */
void sovd_native_apps_reload(struct sovd_native_apps *apps, const struct sovd_fault_settings *faults);

/* Keeps history and faults within bounds. */
struct sovd_history_settings;
int sovd_native_apps_retain(struct sovd_native_apps *apps, struct sovd_gateway *gateway, const struct sovd_history_settings *settings);

/* Adds the backend; options may be NULL. */
int sovd_native_apps_add(struct sovd_gateway *gateway, const struct sovd_native_options *options);

/* After the gateway was freed. */
struct sovd_native_apps *sovd_native_apps_free(struct sovd_native_apps *apps);
