/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/clock.h"
#include <stdio.h>
#include <time.h>

static uint64_t read_clock(clockid_t id) {
        struct timespec ts;

        (void)clock_gettime(id, &ts);
        return (uint64_t)ts.tv_sec * SOVD_USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t real_monotonic(void) {
        return read_clock(CLOCK_MONOTONIC);
}

static uint64_t real_realtime(void) {
        return read_clock(CLOCK_REALTIME);
}

static const struct sovd_clock real = { real_monotonic, real_realtime };
static const struct sovd_clock *current = &real;

uint64_t sovd_now_usec(void) {
        return current->monotonic_usec();
}

uint64_t sovd_realtime_usec(void) {
        return current->realtime_usec();
}

void sovd_clock_replace(const struct sovd_clock *clock) {
        current = clock ? clock : &real;
}

uint64_t sovd_clock_left_usec(uint64_t deadline_usec) {
        uint64_t now = sovd_now_usec();

        return deadline_usec > now ? deadline_usec - now : 0;
}

const char *sovd_clock_format(char buf[static SOVD_TIMESTAMP_SIZE], uint64_t realtime_usec) {
        time_t sec = (time_t)(realtime_usec / SOVD_USEC_PER_SEC);
        unsigned msec = (unsigned)(realtime_usec % SOVD_USEC_PER_SEC / 1000);
        struct tm tm;

        (void)gmtime_r(&sec, &tm);
        size_t n = strftime(buf, SOVD_TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
        (void)snprintf(buf + n, SOVD_TIMESTAMP_SIZE - n, ".%03uZ", msec);
        return buf;
}
