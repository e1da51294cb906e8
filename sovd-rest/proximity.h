#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Proximity - where the gateway's own proof (sovd-auth/proximity.h) meets operations and scripts
 *
 * They are the same for every backend: what is guarded says so, its description has the challenge, and a start takes the
 * answer out of the request before the backend sees it. One request carries one answer, so a backend that demands a proof
 * of its own for the same resource makes it one that nobody can start.
 */
#include "sovd-core/model/scripts.h"
#include "sovd-rest/route.h"

/* Says of the operations of the call's entity which of them are guarded. */
void sovd_near_mark_operations(const struct sovd_call *call, struct sovd_list *items);
void sovd_near_mark_scripts(const struct sovd_call *call, struct sovd_list *items);

/* Gives the one that the call describes, call->params[0], a challenge if it is guarded and the client may start it.
 * SOVD_E_OVERLOAD, with the failure set: too many are open. */
int sovd_near_offer(struct sovd_call *call, enum sovd_collection collection, struct sovd_bool *required,
                    struct sovd_proximity_challenge **challenge);

/* Before it is started. Of one that is guarded the answer is looked at and taken away. Sets the failure: SOVD_E_BAD_VALUE (none
 * came), SOVD_E_CONFLICT, SOVD_E_FORBIDDEN (wrong), SOVD_E_UNAVAILABLE (nobody can tell), SOVD_E_NOT_IMPLEMENTED (the backend
 * demands one, too). */
int sovd_near_check(struct sovd_call *call, enum sovd_collection collection, const char **response);

/* What ends something needs no proof; of one that is guarded the answer is taken away all the same. */
void sovd_near_withhold(const struct sovd_call *call, enum sovd_collection collection, const char **response);
