#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Configuration checks - what a person gets wrong: misspelt keys, and text that YAML takes for a number
 *
 * All of it is found in one pass, so that a file is put right in one go. Ranges are the decoder's business.
 */
#include "sovd-core/base/config_tree.h"
#include "sovd-core/base/schema.h"

/* Adds the problems of the whole tree to it. */
void sovd_config_check(struct sovd_config_tree *tree, const struct sovd_schema *schema);

/* The field of that name, base schemas included, or NULL. */
const struct sovd_field *sovd_config_field(const struct sovd_schema *schema, const char *name,
                                           bool ignore_case);

/* Why a key is not known, with the nearest name when there is one; in the arena, NULL: no memory. */
const char *sovd_config_unknown(const struct sovd_schema *schema, const char *key, struct sovd_arena *arena);
