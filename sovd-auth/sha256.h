#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * SHA-256 of credentials, once per request: looked up in OpenSSL once per process, which costs more than the sum itself
 */
#include <stddef.h>

#define SOVD_AUTH_SHA256_SIZE 32

/* -EIO: the library cannot. */
int sovd_auth_sha256(unsigned char ret[static SOVD_AUTH_SHA256_SIZE], const void *data, size_t n);
