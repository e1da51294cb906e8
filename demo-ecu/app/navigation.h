#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Navigation - what sovd-demo-app is: values, an operation, a mode, a configuration, faults and a log
 *
 * It knows where it is and how loud it speaks, computes routes, which takes its time, and notices when it loses its
 * position. What it says is worked out from its own clock and from what clients set.
 */
#include "backends/native/app/sovd_app.h"

/* Makes the app and tells the library all that it has. -errno. The app is `nav`'s own until nav_free(). */
int nav_new(const struct sovd_app_options *options);
/* Spends up to two seconds on what waits; returns how many reports were not delivered. */
size_t nav_free(void);

/* Takes the position away, or gives it back. */
void nav_set_position(bool known);

/* A new operation cycle, if the gateway lets the app begin one. */
void nav_cycle(void);

/* One look at everything: the position is published, its monitor reports, a route goes on. */
void nav_look(void);
