#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Principal - who asks, kept for longer than a request
 */
#include "sovd-core/call.h"

/* Copies with all strings into the arena. -ENOMEM. */
int sovd_principal_copy(struct sovd_principal *ret, const struct sovd_principal *from, struct sovd_arena *arena);

/* A copy in one piece of memory, for free(). NULL: no memory. */
struct sovd_principal *sovd_principal_dup(const struct sovd_principal *from);

/* What its credentials said of it, as one JSON object: not its id, and no secret. */
void sovd_principal_write(const struct sovd_principal *principal, struct sovd_json_writer *w);

/* Adds what such a text says to a principal, which has its id; the strings are in the arena. SOVD_E_BAD_REQUEST: it is
 * no such text; -ENOMEM. */
int sovd_principal_read(struct sovd_principal *principal, const char *text, struct sovd_arena *arena);

/* Do the credentials name this role? */
bool sovd_principal_has_role(const struct sovd_principal *principal, const char *role);
