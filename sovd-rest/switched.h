#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Switched - is what a request asks for switched off (sovd-core/feature_switches.h)?
 *
 * Which features a request needs follows from its route: its method, its flags, and whether events are wanted. What switches
 * features, and what answers for the audit log, needs none.
 */
#include "sovd-core/feature_switches.h"

struct sovd_call;
struct sovd_json_writer;
struct sovd_route;

/* Once it is known that the client may ask, and that events are wanted or not. Sets the failure: SOVD_E_SWITCHED_OFF, which
 * names the feature and the admin's reason. */
int sovd_switched_check(struct sovd_call *call, const struct sovd_route *route);

/* Would it be refused now? For descriptions: nothing is counted. */
bool sovd_switched_off(const struct sovd_call *call, const struct sovd_route *route, bool wants_events);

/* Writes the metrics. */
void sovd_switched_write_metrics(struct sovd_features *features, struct sovd_json_writer *w);
