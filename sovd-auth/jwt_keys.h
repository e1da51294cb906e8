#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Between the settings of issuers and their keys
 */
#include "sovd-auth/jwk.h"
#include "sovd-auth/jwt.h"

/* Bits of the algorithms that are named, 0 = none is. false: one is not known. */
bool sovd_issuer_algorithms(const struct sovd_issuer_settings *settings, unsigned *ret);

/* Are its keys fetched? Else they are in a file. */
bool sovd_issuer_is_remote(const struct sovd_issuer_settings *settings);

/* Reads the key that the settings name; secrets NULL: no secret is in Vault. SOVD_E_BAD_REQUEST or -errno, with *ret_why (in the arena, or static) unless
 * it is -ENOMEM or -EIO. */
int sovd_issuer_read_keys(struct sovd_jwks **ret, const struct sovd_issuer_settings *settings, struct sovd_secrets *secrets,
                          struct sovd_arena *arena, const char **ret_why);
