#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rate limit - token buckets for many clients in a table that does not grow
 *
 * Each key (an address, the id of a principal) has a bucket: it holds `burst` tokens, and per_sec of them come back each
 * second. A bucket is one time: the moment at which it will be full again; a bucket that is full needs no place. When
 * the places for a key are all taken the fullest bucket among them goes, as least is forgotten with it. Where a key
 * belongs is decided by a keyed hash, so nobody can choose whose bucket gives way. Every call takes the same short time,
 * however many clients there are. Thread-safe.
 */
#include "sovd-core/base/util.h"

struct sovd_rate_limit;

struct sovd_rate {
        double per_sec; /* 0 = no limit */
        double burst;   /* at least 1 */
};

struct sovd_rate_limit_counters {
        uint64_t refused;   /* keys whose bucket was empty */
        uint64_t forgotten; /* buckets that gave way although they were not full */
        size_t in_use;      /* buckets that are not full */
};

/* places: how many clients are remembered at least approximately; rounded up. -ENOMEM, -errno of the random numbers. */
int sovd_rate_limit_new(struct sovd_rate_limit **ret, size_t places, struct sovd_rate rate);
struct sovd_rate_limit *sovd_rate_limit_free(struct sovd_rate_limit *limit);
SOVD_DEFINE_CLEANUP(struct sovd_rate_limit *, sovd_rate_limit_free)

/* Another rate from now on; what was taken stays taken. */
void sovd_rate_limit_set(struct sovd_rate_limit *limit, struct sovd_rate rate);

/* Takes one token. Returns 0, or how many microseconds it takes until there is one; then none was taken. */
uint64_t sovd_rate_limit_take(struct sovd_rate_limit *limit, const void *key, size_t n);

void sovd_rate_limit_count(struct sovd_rate_limit *limit, struct sovd_rate_limit_counters *ret);
