#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fingerprints - SHA-256 of texts, and how they are compared
 */
#include "sovd-core/base/util.h"

/* 256 bits as 64 lower-case hex digits and a NUL. */
#define SOVD_FINGERPRINT_SIZE 65

/* SHA-256 of n bytes. -EIO: the library cannot. */
int sovd_fingerprint(char ret[static SOVD_FINGERPRINT_SIZE], const void *data, size_t n);

/* HMAC-SHA-256 of n bytes under a key that is a text. -EIO. */
int sovd_fingerprint_keyed(char ret[static SOVD_FINGERPRINT_SIZE], const char *key, const void *data, size_t n);

/* Are two texts the same? How long it takes does not tell where they differ, only whether their lengths do. */
bool sovd_fingerprint_equal(const char *a, const char *b);
