#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Conditions - does a value that changed meet what a trigger waits for? (ISO 17978-3 7.11)
 *
 * A condition remembers what it saw last; the first value is where it starts from and never fires. Numbers are compared by
 * value, so 23.0 is 23, and integers by all their digits. Not thread-safe.
 */
#include "sovd-core/model/triggers.h"

struct sovd_condition;

/* Can this condition watch a value like this one? NULL, or why not (in the arena), with *ret_member the faulty member's
 * JSON pointer in the request. */
const char *sovd_condition_check(const struct sovd_trigger_condition *condition, const struct cJSON *value,
                                 struct sovd_arena *arena, const char **ret_member);

/* A condition that was checked. -ENOMEM. */
int sovd_condition_new(struct sovd_condition **ret, const struct sovd_trigger_condition *condition);
struct sovd_condition *sovd_condition_free(struct sovd_condition *condition);
SOVD_DEFINE_CLEANUP(struct sovd_condition *, sovd_condition_free)

/* Takes the present value; *ret_fires: the condition is met by the step from the one before. SOVD_E_BAD_ANSWER: it has
 * to be a number and is none; nothing has changed then. -ENOMEM. */
int sovd_condition_take(struct sovd_condition *condition, const struct cJSON *value, bool *ret_fires);

/* Walks a JSON pointer (RFC 6901). NULL when it leads nowhere. */
const struct cJSON *sovd_pointer_get(const struct cJSON *value, const char *pointer);

/* Is it a JSON pointer at all? */
bool sovd_pointer_is_valid(const char *pointer);
