#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Left out - resources whose ids the routes need for themselves
 *
 * A backend may offer a value named "docs" or "subscribe"; nobody could ever reach it, since the standard and this
 * server have something else at that path. Such resources are not listed, answer 404, are logged when they are first
 * seen, and are counted.
 */
#include "sovd-core/call.h"

#define SOVD_LEFT_OUT_MAX 256 /* different ones that are told apart; more are only counted */

/* Takes the items with reserved ids, and those that the policy hides, out of a list of structs of `size` bytes, whose first member
 * is the id. */
void sovd_left_out_filter(struct sovd_call *call, enum sovd_collection collection, struct sovd_list *list,
                          size_t size);

/* May this be the id of a resource in the collection? */
bool sovd_left_out_is_usable(enum sovd_collection collection, const char *id);

/* Different resources that were left out since the start, and how often something was. */
void sovd_left_out_count(size_t *ret_different, uint64_t *ret_total);
