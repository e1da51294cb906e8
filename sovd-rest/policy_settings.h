#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Policy settings - the policy that the configuration names, and whether who is known in it fits it
 */
#include "sovd-auth/auth.h"
#include "sovd-auth/policy.h"
#include "sovd-core/base/config.h"

/* Reads the policy of the settings. *ret NULL: nothing is to be enforced (auth.enabled is false). NULL, or what is wrong
 * with it (in the arena): then *ret is NULL. */
const char *sovd_policy_settings_read(const struct sovd_auth_settings *settings, const struct sovd_config_tree *tree,
                                      struct sovd_arena *arena, struct sovd_policy **ret);

/* What rules say of a request; for --explain-access. Prints the decision and returns the exit status: 0 allowed, 1 denied,
 * 2 the words make no sense. policy NULL: nothing is enforced. */
int sovd_policy_explain(const struct sovd_policy *policy, const struct sovd_auth_settings *settings, const char *principal, const char *method,
                        const char *path);

/* Prints which built-in role may use which route, as Markdown. */
void sovd_policy_print_matrix(void);
