#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Known clients - those of the configuration, by the digest of a key or by their user; never changed once made
 */
#include "sovd-auth/auth.h"
#include "sovd-core/call.h"

#define SOVD_KEY_DIGEST_SIZE 32

struct sovd_known;

/* -ENOMEM; -ESRCH, logged: this machine has no such user. The settings passed the check. */
int sovd_known_new(struct sovd_known **ret, const struct sovd_auth_settings *settings);
struct sovd_known *sovd_known_free(struct sovd_known *known);
SOVD_DEFINE_CLEANUP(struct sovd_known *, sovd_known_free)

/* Who has this key, or NULL. Takes the same time for every key. -EIO. */
int sovd_known_key(const struct sovd_known *known, const char *key, const struct sovd_principal **ret);

/* Who that user is, or NULL. */
const struct sovd_principal *sovd_known_user(const struct sovd_known *known, int64_t uid);

/* The users, one after the other; NULL: there are no more. */
const struct sovd_principal *sovd_known_user_at(const struct sovd_known *known, size_t i);

/* The keys, one after the other; NULL: there are no more. */
const struct sovd_principal *sovd_known_key_at(const struct sovd_known *known, size_t i);
