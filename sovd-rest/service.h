#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Service - what the service manager is told
 *
 * Without libsystemd, or when nobody listens, all of this does nothing.
 */
#include "sovd-core/base/util.h"

void sovd_service_ready(const char *status);
void sovd_service_reloading(void);
void sovd_service_stopping(void);

/* Half of the watchdog's interval, or 0 when there is no watchdog. */
uint64_t sovd_service_watchdog_usec(void);
void sovd_service_alive(void);
