#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Between jwk.c and jwk_json.c
 */
#include "sovd-auth/jwk.h"

/* An empty set with room for n_max keys, made of these bytes. -ENOMEM, -EIO. */
int sovd_jwks_new(struct sovd_jwks **ret, size_t n_max, const void *source, size_t len);

/* Adds a public key if it is fit to verify with; takes key and kid (or NULL), also when it does not. NULL, or why it does not
 * (static text). */
const char *sovd_jwks_add(struct sovd_jwks *set, EVP_PKEY *key, char *kid, unsigned algorithms);
