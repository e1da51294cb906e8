#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key store - the keys of one issuer that hold now
 *
 * Either they come from a file, or a thread of its own fetches them: every refresh_usec, after a failure with growing
 * pauses, and when a token names a key that is not there. While the other side does not answer, the last keys hold for
 * max_stale_usec; then none do. However many tokens name unknown keys, there is one fetch at a time and at most one in
 * min_gap_usec, and few requests wait for it. Each change of the keys is a new generation. Thread-safe.
 */
#include "sovd-auth/key_fetch.h"

struct sovd_key_store;

struct sovd_key_store_options {
        const char *name; /* in messages */
        struct sovd_key_fetch_options fetch;
        uint64_t refresh_usec, max_stale_usec, min_gap_usec;
        uint64_t *changes; /* atomic: grows with each set that is another one; or NULL */
};

struct sovd_key_store_counters {
        size_t n_keys;          /* that hold now */
        bool is_remote, usable;
        uint64_t age_usec;      /* since they were fetched */
        uint64_t fetches, failures, unknown;
};

/* Keys that stand still; takes the set. -ENOMEM: it is the caller's still. */
int sovd_key_store_new_fixed(struct sovd_key_store **ret, struct sovd_jwks *set);

/* Keys that are fetched from now on. Strings must outlive it. -ENOMEM, -EAGAIN: no thread. */
int sovd_key_store_new_remote(struct sovd_key_store **ret, const struct sovd_key_store_options *options);

/* Ends a fetch under way. No other call may run. */
struct sovd_key_store *sovd_key_store_free(struct sovd_key_store *store);
SOVD_DEFINE_CLEANUP(struct sovd_key_store *, sovd_key_store_free)

/* Other keys that stand still; takes the set. The same ones as before make no new generation. Returns whether they differ. */
bool sovd_key_store_replace(struct sovd_key_store *store, struct sovd_jwks *set);

/* Fetches soon, as far as they are fetched. */
void sovd_key_store_refresh(struct sovd_key_store *store);

/* A reference to the keys that hold now, or NULL: there are none yet, or they are too old. */
struct sovd_jwks *sovd_key_store_get(struct sovd_key_store *store);

/* For a token whose key is not in generation `seen` (0: there were no keys): fetches if that is allowed now, waits for it until
 * the deadline and not longer than 2 s, and gives the keys that hold then. SOVD_E_UNAVAILABLE: there are none, or it would
 * take too long; *ret_retry_after_sec is set. */
int sovd_key_store_look_again(struct sovd_key_store *store, uint64_t seen, uint64_t deadline_usec, struct sovd_jwks **ret,
                              unsigned *ret_retry_after_sec);

void sovd_key_store_count(struct sovd_key_store *store, struct sovd_key_store_counters *ret);
