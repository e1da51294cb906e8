#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Mint - access tokens of the gateway's own, signed by a key of its own (JWT, with the claims of RFC 9068)
 *
 * For vehicles without an identity provider. The algorithm follows from the key: ES256 for EC P-256, RS256 for RSA of at
 * least 2048 bits. Other services may verify the tokens by the public key; the gateway itself looks them up (sessions.h), so
 * that one which was revoked is refused at once.
 */
#include "sovd-core/base/arena.h"
#include "sovd-core/base/secret.h"
#include "sovd-core/base/schema.h"

struct sovd_mint;

struct sovd_minted_claims {
        const char *issuer, *audience, *subject, *id, *client;
        const struct sovd_strings *roles;
        const char *scope, *tenant; /* or NULL */
        uint64_t issued_sec, expires_sec;
};

/* A private key in PEM. -EINVAL with *ret_why (static text), -ENOMEM. */
int sovd_mint_new(struct sovd_mint **ret, const struct sovd_secret *key, const char **ret_why);
struct sovd_mint *sovd_mint_free(struct sovd_mint *mint);
SOVD_DEFINE_CLEANUP(struct sovd_mint *, sovd_mint_free)

/* The token, in the arena. -ENOMEM, -EIO. */
int sovd_mint_token(const struct sovd_mint *mint, const struct sovd_minted_claims *claims, struct sovd_arena *arena,
                    const char **ret);
