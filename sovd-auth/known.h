#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Known clients - those of the configuration, by the digest of a key or by their user. Only the keys
 * that are secrets elsewhere change, when their owner keeps others out
 */
#include "sovd-auth/auth.h"
#include "sovd-auth/secrets.h"
#include "sovd-core/call.h"

#define SOVD_KEY_DIGEST_SIZE 32

struct sovd_known;

/* -ENOMEM; -ESRCH: this machine has no such user; -errno: a key cannot be read (logged). The settings passed the check.
 * secrets: where keys are read; or NULL. */
int sovd_known_new(struct sovd_known **ret, const struct sovd_auth_settings *settings, struct sovd_secrets *secrets);
struct sovd_known *sovd_known_free(struct sovd_known *known);
SOVD_DEFINE_CLEANUP(struct sovd_known *, sovd_known_free)

/* The number of the user that is meant: 0, -ESRCH (this machine has none of that name). */
int sovd_known_uid(int64_t *ret, const struct sovd_unix_user_settings *user);

/* Who has the key of this digest, or NULL. Takes the same time for every key. */
const struct sovd_principal *sovd_known_digest(const struct sovd_known *known, const unsigned char digest[static SOVD_KEY_DIGEST_SIZE]);
/* -EIO. */
int sovd_known_digest_of(unsigned char ret[static SOVD_KEY_DIGEST_SIZE], const char *key);

/* Who that user is, or NULL. */
const struct sovd_principal *sovd_known_user(const struct sovd_known *known, int64_t uid);

/* The users, one after the other; NULL: there are no more. */
const struct sovd_principal *sovd_known_user_at(const struct sovd_known *known, size_t i);
/* NULL: what is in the secret can be a key; else what is wrong with it (static text). */
const char *sovd_known_key_check(const struct sovd_secret *secret);

/* Where the key at this place is read; NULL: it is in the configuration, or there is none at this place. */
const char *sovd_known_key_source(const struct sovd_known *known, size_t i);

/* Makes this the key at the place. NULL, or why it is not (static text): the one of before stays. */
const char *sovd_known_set_key(struct sovd_known *known, size_t i, const struct sovd_secret *secret);

/* How many keys there are. */
size_t sovd_known_count(const struct sovd_known *known);

/* The keys, one after the other; NULL: there are no more. */
const struct sovd_principal *sovd_known_key_at(const struct sovd_known *known, size_t i);
