#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Configuration by environment - variables that override keys of the file
 *
 * The schema leads: the type of the key decides how the text of a variable is read.
 */
#include "sovd-core/base/config_tree.h"
#include "sovd-core/base/schema.h"

/* Puts the variables that are ours into the tree; problems are added to it. environment ends with NULL. */
void sovd_config_read_environment(struct sovd_config_tree *tree, const struct sovd_schema *schema,
                                  char *const *environment);
