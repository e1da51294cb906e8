/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/rate_limit.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <pthread.h>
#include <sys/random.h>

#define WAYS         16 /* buckets of one set: where a key may be */
#define SHARDS       16 /* mutexes; sets are spread over them */
#define NSEC_PER_SEC 1e9
#define NSEC_PER_USEC UINT64_C(1000)
/* A rate that is hardly more than none may not leave the numbers: about four months for a token, and 30 years for all. */
#define TOKEN_NSEC_MAX 1e16
#define ROOM_NSEC_MAX  1e18

/* A place whose bucket is full is free. */
struct bucket {
        uint64_t tag;       /* hash of the key */
        uint64_t full_nsec; /* monotonic: when every token will be back */
};

struct set {
        struct bucket buckets[WAYS];
};

struct sovd_rate_limit {
        uint64_t key[2]; /* of the hash */
        size_t n_sets;   /* a power of two */
        uint64_t token_nsec, room_nsec; /* atomic: time for one token, and for all of them; token 0 = no limit */
        uint64_t refused, forgotten;    /* atomic */
        pthread_mutex_t mutexes[SHARDS]; /* leaf; each for every SHARDSth set */
        struct set *sets;
};

/* --- SipHash-2-4 (Aumasson, Bernstein 2012): short inputs, and nobody without the key finds two with one hash --- */

static uint64_t rotate(uint64_t x, unsigned bits) {
        return (x << bits) | (x >> (64 - bits));
}

static void mix(uint64_t v[static 4], unsigned rounds) {
        while (rounds--) {
                v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
                v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
                v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
                v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
        }
}

static void absorb(uint64_t v[static 4], uint64_t word) {
        v[3] ^= word;
        mix(v, 2);
        v[0] ^= word;
}

static uint64_t hash(const uint64_t key[static 2], const unsigned char *data, size_t n) {
        uint64_t v[4] = { key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                          key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573) };
        uint64_t last = (uint64_t)(n & 0xff) << 56;

        for (; n >= 8; data += 8, n -= 8) {
                uint64_t word = 0;
                for (unsigned i = 0; i < 8; i++)
                        word |= (uint64_t)data[i] << (8 * i);
                absorb(v, word);
        }
        for (size_t i = 0; i < n; i++)
                last |= (uint64_t)data[i] << (8 * i);
        absorb(v, last);
        v[2] ^= 0xff;
        mix(v, 4);
        return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- life ----------------------------------------------------------------------------------------------- */

void sovd_rate_limit_set(struct sovd_rate_limit *limit, struct sovd_rate rate) {
        const double token = rate.per_sec > 0 ? SOVD_MIN(NSEC_PER_SEC / rate.per_sec, TOKEN_NSEC_MAX) : 0;
        const double room = SOVD_MIN(token * SOVD_MAX(rate.burst, 1.0), ROOM_NSEC_MAX);

        __atomic_store_n(&limit->room_nsec, SOVD_MAX((uint64_t)room, (uint64_t)1), __ATOMIC_RELAXED);
        __atomic_store_n(&limit->token_nsec, rate.per_sec > 0 ? SOVD_MAX((uint64_t)token, 1) : 0, __ATOMIC_RELAXED);
}

int sovd_rate_limit_new(struct sovd_rate_limit **ret, size_t places, struct sovd_rate rate) {
        _cleanup_(sovd_rate_limit_freep) struct sovd_rate_limit *limit = calloc(1, sizeof(*limit));
        if (!limit)
                return sovd_error_origin(-ENOMEM);

        for (size_t i = 0; i < SHARDS; i++)
                (void)pthread_mutex_init(&limit->mutexes[i], NULL);
        for (limit->n_sets = 1; limit->n_sets * WAYS < places;)
                limit->n_sets *= 2;
        limit->sets = calloc(limit->n_sets, sizeof(*limit->sets));
        if (!limit->sets)
                return sovd_error_origin(-ENOMEM);
        if (getrandom(limit->key, sizeof(limit->key), 0) != (ssize_t)sizeof(limit->key))
                return sovd_error_origin(errno ? -errno : -EIO);
        sovd_rate_limit_set(limit, rate);

        *ret = SOVD_TAKE(limit);
        return 0;
}

struct sovd_rate_limit *sovd_rate_limit_free(struct sovd_rate_limit *limit) {
        if (!limit)
                return NULL;
        for (size_t i = 0; i < SHARDS; i++)
                (void)pthread_mutex_destroy(&limit->mutexes[i]);
        free(limit->sets);
        free(limit);
        return NULL;
}

/* --- tokens --------------------------------------------------------------------------------------------- */

/* The bucket of the key, or the fullest of its set. */
static struct bucket *place_of(struct set *set, uint64_t tag) {
        struct bucket *fullest = set->buckets;

        for (struct bucket *b = set->buckets; b < set->buckets + WAYS; b++) {
                if (b->tag == tag)
                        return b;
                if (b->full_nsec < fullest->full_nsec)
                        fullest = b;
        }
        return fullest;
}

/* When the bucket is full again once a token is taken of it; its room is the time from empty to full. */
uint64_t sovd_rate_limit_take(struct sovd_rate_limit *limit, const void *key, size_t n) {
        const uint64_t token = __atomic_load_n(&limit->token_nsec, __ATOMIC_RELAXED);
        const uint64_t room = __atomic_load_n(&limit->room_nsec, __ATOMIC_RELAXED);
        const uint64_t tag = hash(limit->key, key, n);
        const size_t at = (size_t)tag & (limit->n_sets - 1);
        const uint64_t now = sovd_now_usec() * NSEC_PER_USEC;
        if (!token)
                return 0;

        pthread_mutex_t *mutex = &limit->mutexes[at % SHARDS];
        (void)pthread_mutex_lock(mutex);
        struct bucket *b = place_of(&limit->sets[at], tag);
        uint64_t full = (b->tag == tag ? SOVD_MAX(b->full_nsec, now) : now) + token;
        uint64_t wait = full > now + room ? full - now - room : 0;
        if (!wait) {
                if (b->tag != tag && b->full_nsec > now)
                        (void)__atomic_add_fetch(&limit->forgotten, 1, __ATOMIC_RELAXED);
                *b = (struct bucket){ tag, full };
        }
        (void)pthread_mutex_unlock(mutex);
        if (wait)
                (void)__atomic_add_fetch(&limit->refused, 1, __ATOMIC_RELAXED);
        return (wait + NSEC_PER_USEC - 1) / NSEC_PER_USEC;
}

static size_t count_used(struct sovd_rate_limit *limit, size_t at, uint64_t now) {
        pthread_mutex_t *mutex = &limit->mutexes[at % SHARDS];
        size_t n = 0;

        (void)pthread_mutex_lock(mutex);
        for (size_t i = 0; i < WAYS; i++)
                n += limit->sets[at].buckets[i].full_nsec > now;
        (void)pthread_mutex_unlock(mutex);
        return n;
}

void sovd_rate_limit_count(struct sovd_rate_limit *limit, struct sovd_rate_limit_counters *ret) {
        const uint64_t now = sovd_now_usec() * NSEC_PER_USEC;

        *ret = (struct sovd_rate_limit_counters){
                .refused = __atomic_load_n(&limit->refused, __ATOMIC_RELAXED),
                .forgotten = __atomic_load_n(&limit->forgotten, __ATOMIC_RELAXED),
        };
        for (size_t i = 0; i < limit->n_sets; i++)
                ret->in_use += count_used(limit, i, now);
}
