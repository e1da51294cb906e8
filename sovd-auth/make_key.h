#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Make key - a fresh API key, and what the configuration says of it
 */
#include <stdio.h>

/* Writes PREFIX and 43 characters of 256 random bits. -EIO. */
#define SOVD_RANDOM_TEXT 44 /* behind the prefix, with a NUL */
int sovd_make_random(char *ret, const char *prefix);

/* Prints a key of 256 random bits, which is kept nowhere, and the element of auth.api_keys that knows it. -EINVAL: no
 * client can have this name (nothing is printed); -EIO. */
int sovd_make_key(const char *name, FILE *out);
