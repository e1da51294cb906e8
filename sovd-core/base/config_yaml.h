#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * YAML reader - a strict subset of YAML into a configuration tree; the one user of libyaml
 *
 * Anchors and aliases (which let a short file unfold into gigabytes), tags, several documents, keys that are
 * no text and keys that come twice are refused.
 */
#include "sovd-core/base/config_tree.h"

#define SOVD_CONFIG_DEPTH 32

/* Reads text into the tree, which then has a root, an object. Returns 0, SOVD_E_BAD_REQUEST with the problem
 * added to the tree, or -ENOMEM. */
int sovd_config_read_yaml(struct sovd_config_tree *tree, const char *text, size_t len);
