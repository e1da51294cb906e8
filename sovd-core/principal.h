#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Principal - who asks, kept for longer than a request
 */
#include "sovd-core/call.h"

/* Copies with all strings into the arena. -ENOMEM. */
int sovd_principal_copy(struct sovd_principal *ret, const struct sovd_principal *from, struct sovd_arena *arena);

/* Do the credentials name this role? */
bool sovd_principal_has_role(const struct sovd_principal *principal, const char *role);
