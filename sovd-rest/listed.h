#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Listed - lists name only what their reader may read
 *
 * A list is what a route answers below whose path another one reads a single resource ("/updates" and
 * "/updates/{update-package-id}"). Whoever may not use that one for an item does not find the item in the list. Lists that
 * a handler writes by itself ask for themselves.
 */
#include "sovd-rest/route.h"

/* Takes out of the answer of a handler what may not be read by the policy of the call; what the answer points to stays as
 * it is. -ENOMEM. */
int sovd_listed_filter(struct sovd_call *call, const struct sovd_route *route);
