/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/service.h"
#include "sovd-core/base/clock.h"

#if HAVE_SYSTEMD
#include <systemd/sd-daemon.h>

void sovd_service_ready(const char *status) {
        (void)sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void sovd_service_reloading(void) {
        (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)sovd_now_usec());
}

void sovd_service_stopping(void) {
        (void)sd_notify(0, "STOPPING=1\nSTATUS=Finishing running requests");
}

uint64_t sovd_service_watchdog_usec(void) {
        uint64_t usec = 0;

        return sd_watchdog_enabled(0, &usec) > 0 ? usec / 2 : 0;
}

void sovd_service_alive(void) {
        (void)sd_notify(0, "WATCHDOG=1");
}
#else
void sovd_service_ready(const char *status) {
        (void)status;
}

void sovd_service_reloading(void) {
}

void sovd_service_stopping(void) {
}

uint64_t sovd_service_watchdog_usec(void) {
        return 0;
}

void sovd_service_alive(void) {
}
#endif
