#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fetching keys - a JWK set over https, found directly or by OpenID Connect Discovery
 *
 * Addresses come from the configuration, or from the document of an issuer that the configuration names; never from a
 * token. https only, but for this machine itself; no redirects; answers are bounded.
 */
#include "sovd-auth/jwk.h"

struct sovd_key_fetch;

struct sovd_key_fetch_options {
        const char *jwks_url;   /* where the set is; or NULL: */
        const char *issuer_url; /* whose discovery document says where */
        const char *ca_file;    /* the only trusted authorities; NULL = the system's */
        unsigned algorithms;    /* that keys may serve; 0 = all */
};

/* May keys be fetched from there? NULL, or why not (static text). */
const char *sovd_key_url_check(const char *url);

/* Strings must outlive it. -ENOMEM. */
int sovd_key_fetch_new(struct sovd_key_fetch **ret, const struct sovd_key_fetch_options *options);

/* Ends a fetch under way at once, and each that comes. */
void sovd_key_fetch_stop(struct sovd_key_fetch *fetch);
struct sovd_key_fetch *sovd_key_fetch_free(struct sovd_key_fetch *fetch);
SOVD_DEFINE_CLEANUP(struct sovd_key_fetch *, sovd_key_fetch_free)

/* One fetch; one at a time. SOVD_E_UNAVAILABLE with *ret_why (in the arena or static); -ENOMEM and others of ours. */
int sovd_key_fetch_now(struct sovd_key_fetch *fetch, uint64_t deadline_usec, struct sovd_arena *arena,
                       struct sovd_jwks **ret, const char **ret_why);
