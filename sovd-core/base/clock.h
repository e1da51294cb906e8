#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Clock - the two times of the program, replaceable in tests
 *
 * Deadlines, expiry and durations use the monotonic clock; what a person or another machine reads uses UTC.
 */
#include "sovd-core/base/util.h"
#include <pthread.h>

struct sovd_clock {
        uint64_t (*monotonic_usec)(void);
        uint64_t (*realtime_usec)(void); /* since the epoch, UTC */
        uint64_t (*boottime_usec)(void); /* NULL = the monotonic one */
};

/* Microseconds on CLOCK_MONOTONIC. */
uint64_t sovd_now_usec(void);

/* Microseconds since the epoch, UTC. */
uint64_t sovd_realtime_usec(void);

/* 2026-01-01: a clock before that was never set. */
#define SOVD_CLOCK_CREDIBLE_USEC (UINT64_C(1767225600) * SOVD_USEC_PER_SEC)

/* Microseconds on CLOCK_BOOTTIME: like the monotonic clock, but it goes on while the machine sleeps. It means the same to
 * every process between two starts of the machine. */
uint64_t sovd_boottime_usec(void);

/* The name of this start of the machine: 36 characters and a NUL; "" = the system does not tell. */
#define SOVD_BOOT_ID_SIZE 40
const char *sovd_boot_id(char buf[static SOVD_BOOT_ID_SIZE]);

/* Replaces both clocks, for tests; NULL brings the real ones back. Call while no other thread runs. */
void sovd_clock_replace(const struct sovd_clock *clock);

/* Microseconds until the monotonic time deadline_usec; 0 when it has passed. */
uint64_t sovd_clock_left_usec(uint64_t deadline_usec);

/* A condition for sovd_cond_wait_until(): no clock that is set wakes those who wait, or lets them sleep. */
int sovd_cond_init(pthread_cond_t *ret);

/* As pthread_cond_timedwait(), until this monotonic time; UINT64_MAX = for ever. */
int sovd_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t until_usec);

/* RFC 3339 in UTC with milliseconds, e.g. "2026-01-02T03:04:05.678Z" (24 characters and a NUL). */
#define SOVD_TIMESTAMP_SIZE 32
const char *sovd_clock_format(char buf[static SOVD_TIMESTAMP_SIZE], uint64_t realtime_usec);
