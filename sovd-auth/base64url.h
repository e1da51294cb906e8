#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * base64url - the one spelling of bytes (RFC 4648 5, RFC 7515 2)
 *
 * No padding, no white space, no other alphabet, and the bits that stand for nothing are zero: there is one text for
 * given bytes, so a token cannot be changed without changing what it says.
 */
#include "sovd-core/base/arena.h"
#include <sys/types.h>

/* Bytes that n characters stand for at most. */
#define SOVD_BASE64URL_BYTES(n) ((n) / 4 * 3 + 2)

/* Decodes n characters into ret, which has SOVD_BASE64URL_BYTES(n). Returns how many bytes; -1: it is not that spelling. */
ssize_t sovd_base64url_decode(unsigned char *ret, const char *text, size_t n);

/* The same into the arena, with a NUL behind the bytes. NULL: not that spelling, or no memory. */
unsigned char *sovd_base64url_decode_in(struct sovd_arena *arena, const char *text, size_t n, size_t *ret_n);
