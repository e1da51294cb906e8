#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Digest - SHA-256 of bytes that come in pieces
 */
#include "sovd-core/base/util.h"

#define SOVD_SHA256_SIZE 65 /* hex digits and a NUL */

struct sovd_sha256;

/* -ENOMEM. */
int sovd_sha256_new(struct sovd_sha256 **ret);
/* A failure sticks until the end. */
void sovd_sha256_add(struct sovd_sha256 *sha, const void *data, size_t n);
/* The sum as lower-case hex; nothing may be added after it. -EIO: the library failed. */
int sovd_sha256_end(struct sovd_sha256 *sha, char ret[static SOVD_SHA256_SIZE]);

struct sovd_sha256 *sovd_sha256_free(struct sovd_sha256 *sha);
SOVD_DEFINE_CLEANUP(struct sovd_sha256 *, sovd_sha256_free)
