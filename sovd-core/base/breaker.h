#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Breaker - stop asking a server that does not answer
 *
 * A backend that hangs costs every caller a deadline, and one that comes back is knocked over again when all
 * callers return together. So after `threshold` failures in a row the breaker opens: callers are refused at
 * once. After `open_usec` exactly one caller is let through as a probe: its success closes the breaker, its
 * failure opens it again.
 *
 *         closed --threshold failures--> open --time--> half-open --success--> closed
 *                                          ^----------------failure----+
 *
 * The caller brings the time (monotonic microseconds), so nothing here waits or reads a clock. Whoever was
 * admitted reports exactly once, with the probe flag it was given: success, failure or abandon. Results of
 * calls that began before the breaker opened carry no probe flag and cannot close or re-open it.
 * All functions are thread-safe but new and free; none blocks.
 */
#include "sovd-core/base/util.h"

struct sovd_breaker;

struct sovd_breaker_options {
        unsigned threshold; /* failures in a row; 0 = 5 */
        uint64_t open_usec; /* how long it is open; 0 = 5 s */
};

enum sovd_breaker_state { SOVD_BREAKER_CLOSED, SOVD_BREAKER_OPEN, SOVD_BREAKER_HALF_OPEN };

/* options: NULL = all defaults. -ENOMEM. */
int sovd_breaker_new(struct sovd_breaker **ret, const struct sovd_breaker_options *options);

/* May a call be made now? If not, *ret_retry_after_sec is set (at least 1). If so, *ret_probe is. */
bool sovd_breaker_admit(struct sovd_breaker *b, uint64_t now_usec, unsigned *ret_retry_after_sec,
                        bool *ret_probe);

/* The server answered, whatever its status: a 500 is an answer. */
void sovd_breaker_success(struct sovd_breaker *b, bool probe);

/* Nothing usable came: refused, timed out, lost, broken. */
void sovd_breaker_failure(struct sovd_breaker *b, bool probe, uint64_t now_usec);

/* The call said nothing about the server (its client went away, a limit of ours): the next one may probe. */
void sovd_breaker_abandon(struct sovd_breaker *b, bool probe);

/* The server is known from elsewhere to be back: closes, whatever was before. */
void sovd_breaker_reset(struct sovd_breaker *b);

/* Open lasts until somebody is admitted: time alone changes nothing here. */
enum sovd_breaker_state sovd_breaker_state(struct sovd_breaker *b);

struct sovd_breaker *sovd_breaker_free(struct sovd_breaker *b);
SOVD_DEFINE_CLEANUP(struct sovd_breaker *, sovd_breaker_free)
