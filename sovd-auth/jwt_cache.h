#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cache of verified tokens - who a token proved, so that its signature is looked at once
 *
 * Goes by SHA-256 of the whole token; only tokens that were verified get in, for at most a minute and never past their end.
 * It belongs to one generation of keys: with the next one all that it holds is gone. A fixed number of places in small
 * groups; a full group gives up its oldest entry. Thread-safe.
 */
#include "sovd-auth/jwt_claims.h"
#include "sovd-auth/sha256.h"

#define SOVD_TOKEN_DIGEST_SIZE SOVD_AUTH_SHA256_SIZE

struct sovd_jwt_cache;

struct sovd_jwt_cache_counters {
        uint64_t hits, misses, evictions;
        size_t entries, max;
};

/* Room for at least max tokens; 0: it keeps none. -ENOMEM. */
int sovd_jwt_cache_new(struct sovd_jwt_cache **ret, size_t max);
struct sovd_jwt_cache *sovd_jwt_cache_free(struct sovd_jwt_cache *cache);
SOVD_DEFINE_CLEANUP(struct sovd_jwt_cache *, sovd_jwt_cache_free)

/* Copies what is known of a token into the arena. false: nothing; *ret_r is 0 or -ENOMEM. */
bool sovd_jwt_cache_get(struct sovd_jwt_cache *cache, const unsigned char digest[static SOVD_TOKEN_DIGEST_SIZE],
                        uint64_t generation, struct sovd_claims *ret, struct sovd_arena *arena, int *ret_r);

/* Keeps a copy; without memory it keeps nothing. */
void sovd_jwt_cache_put(struct sovd_jwt_cache *cache, const unsigned char digest[static SOVD_TOKEN_DIGEST_SIZE],
                        uint64_t generation, const struct sovd_claims *claims);

void sovd_jwt_cache_count(struct sovd_jwt_cache *cache, struct sovd_jwt_cache_counters *ret);
