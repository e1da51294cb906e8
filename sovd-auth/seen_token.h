#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Seen token - the form and the digest of the token of a request
 *
 * A client sends the same token with each request of its connection, and a worker serves one connection at a time: the token before is
 * known by comparison, which costs a fifth of its sum (docs/performance.md). Only what follows from the bytes alone is remembered, never
 * whether the token is good.
 */
#include "sovd-auth/sha256.h"

/* 0, or SOVD_E_UNAUTHORIZED: this is no token68 (RFC 9110 11.2), or a negative errno. */
int sovd_seen_token(unsigned char ret[static SOVD_AUTH_SHA256_SIZE], const char *token);

/* The connection of this thread has ended: its token is wiped. */
void sovd_seen_token_forget(void);
