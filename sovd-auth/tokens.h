#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tokens - tells who asks by a bearer token (RFC 6750)
 *
 * The configuration names clients and gives each a secret. Only digests of the secrets are kept, and a token is
 * compared with all of them in the same time. This says who a client is, not yet what it may do. Thread-safe.
 */
#include "sovd-core/base/schema.h"

struct sovd_call;
struct sovd_tokens;

struct sovd_token_settings {
        const char *name, *token;
        struct sovd_bool admin;
};
struct sovd_auth_settings {
        struct sovd_list tokens; /* struct sovd_token_settings */
};
extern const struct sovd_schema sovd_schema_auth_settings;

/* What the table cannot say: NULL, or why an item is not acceptable, with its index and member. */
const char *sovd_auth_settings_check(const struct sovd_auth_settings *settings, size_t *ret_index,
                                     const char **ret_member);

/* Names and tokens of --demo, for a configuration that has none. */
extern const struct sovd_auth_settings sovd_auth_demo_settings;

int sovd_tokens_new(struct sovd_tokens **ret);
struct sovd_tokens *sovd_tokens_free(struct sovd_tokens *tokens);
SOVD_DEFINE_CLEANUP(struct sovd_tokens *, sovd_tokens_free)

/* These tokens from now on, and no others. -ENOMEM, -EIO: the old ones stay. */
int sovd_tokens_set(struct sovd_tokens *tokens, const struct sovd_auth_settings *settings);

/* Makes the client that the Authorization field proves the principal of the call. SOVD_E_UNAUTHORIZED with the
 * failure set: it is another scheme, or the token is not known; -ENOMEM, -EIO. */
int sovd_tokens_identify(struct sovd_tokens *tokens, struct sovd_call *call, const char *authorization);
