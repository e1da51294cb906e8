/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
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

static uint64_t real_boottime(void) {
        return read_clock(CLOCK_BOOTTIME);
}

static const struct sovd_clock real = { real_monotonic, real_realtime, real_boottime };
static const struct sovd_clock *current = &real; /* atomic: threads that wait look at it while a test replaces it */

static const struct sovd_clock *now_used(void) {
        return __atomic_load_n(&current, __ATOMIC_ACQUIRE);
}

uint64_t sovd_now_usec(void) {
        return now_used()->monotonic_usec();
}

uint64_t sovd_realtime_usec(void) {
        return now_used()->realtime_usec();
}

uint64_t sovd_boottime_usec(void) {
        const struct sovd_clock *clock = now_used();

        return clock->boottime_usec ? clock->boottime_usec() : clock->monotonic_usec();
}

const char *sovd_boot_id(char buf[static SOVD_BOOT_ID_SIZE]) {
        FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

        *buf = '\0';
        if (!file)
                return buf;
        if (!fgets(buf, SOVD_BOOT_ID_SIZE, file))
                *buf = '\0';
        (void)fclose(file);
        buf[strcspn(buf, "\n")] = '\0';
        return buf;
}

void sovd_clock_replace(const struct sovd_clock *clock) {
        __atomic_store_n(&current, clock ? clock : &real, __ATOMIC_RELEASE);
}

uint64_t sovd_clock_left_usec(uint64_t deadline_usec) {
        uint64_t now = sovd_now_usec();

        return deadline_usec > now ? deadline_usec - now : 0;
}

int sovd_cond_init(pthread_cond_t *ret) {
        pthread_condattr_t attr;

        int r = pthread_condattr_init(&attr);
        if (!r)
                r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        if (!r)
                r = pthread_cond_init(ret, &attr);
        (void)pthread_condattr_destroy(&attr);
        return r ? sovd_error_origin(-r) : 0;
}

/* On the kernel's clock: the condition knows nothing of a replaced one. */
int sovd_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t until_usec) {
        const uint64_t kernel = until_usec == UINT64_MAX ? 0 : real_monotonic() + sovd_clock_left_usec(until_usec);
        const struct timespec until = { .tv_sec = (time_t)(kernel / SOVD_USEC_PER_SEC),
                                        .tv_nsec = (long)(kernel % SOVD_USEC_PER_SEC) * 1000 };

        return kernel ? pthread_cond_timedwait(cond, mutex, &until) : pthread_cond_wait(cond, mutex);
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
