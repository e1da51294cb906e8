#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Gate - who comes in, and what for
 *
 * Dispatch asks here before a handler sees a request: who asks (401), how often (429), and whether he may (403, or 404 for
 * what he may not even know of).
 */
#include "sovd-core/call.h"
#include "sovd-core/model/entity.h"

struct sovd_http_exchange;
struct sovd_route;

/* Who is there when nothing proves it: the address, or the user at the other end of a Unix socket. */
struct sovd_principal sovd_gate_whoever(struct sovd_call *call, const struct sovd_http_exchange *x);

/* Takes what the request costs the address that it came from. Probes cost nothing. route NULL: none was found. Sets the
 * failure: SOVD_E_TOO_MANY. */
int sovd_gate_charge_address(struct sovd_call *call, const struct sovd_route *route);

/* Makes the client that the request's credentials prove the principal of the call; without any it stays who it was. Sets the
 * failure: SOVD_E_UNAUTHORIZED, SOVD_E_BAD_REQUEST, SOVD_E_TOO_MANY (they were not accepted too often). */
int sovd_gate_identify(struct sovd_call *call, const struct sovd_http_exchange *x);

/* May somebody who proved nothing come so far? route: the one that was asked for, or NULL when there is none. Comes before
 * anything is looked up, so that the answer tells nothing. Sets the failure: SOVD_E_UNAUTHORIZED. */
int sovd_gate_admit(struct sovd_call *call, const struct sovd_route *route);

/* Takes what the request costs the client that is known now; as sovd_gate_charge_address(). */
int sovd_gate_charge_principal(struct sovd_call *call, const struct sovd_route *route);

/* --- what for (the policy, authority.h) ----------------------------------------------------------------- */

/* Takes the policy that holds now for the call; sovd_gate_admit() has done so. -ENOMEM. */
int sovd_gate_take_policy(struct sovd_call *call);

/* Sets the tree of the call, with a reference, to what its principal may see of the vehicle. -ENOMEM: there is none. */
int sovd_gate_take_tree(struct sovd_call *call);

/* The same for a call that is made without a request, on behalf of its principal: it has a tree already, which is replaced.
 * SOVD_E_UNAUTHORIZED with the failure set: the principal is not known any more; -ENOMEM. */
int sovd_gate_resume(struct sovd_call *call);

/* Sets that failure. Returns SOVD_E_UNAUTHORIZED. */
int sovd_gate_unproved(struct sovd_call *call);

/* May the principal use the route, on the entity and with the parameters of the call? Sets the failure: SOVD_E_UNAUTHORIZED
 * (credentials would help), SOVD_E_FORBIDDEN, SOVD_E_NO_ENTITY (none that he knows of). */
int sovd_gate_authorize(struct sovd_call *call, const struct sovd_route *route);

/* The same without a failure, and with whatever parameters. */
bool sovd_gate_may_use(const struct sovd_call *call, const struct sovd_route *route);

/* May the principal read a resource of an entity? id NULL: anything of the collection. For what reads more than its route
 * says: lists, exports, streams of the whole vehicle. */
bool sovd_gate_may_read(const struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection,
                        const char *id);

/* May he do anything with the collection? */
bool sovd_gate_offers(const struct sovd_call *call, const struct sovd_entity *e, enum sovd_collection collection);

/* Does a list that somebody else may read have things in it that he may not? */
bool sovd_gate_picks(const struct sovd_call *call);

/* May this be an id of a resource? A backend may take what is encoded in an id for a part of the path. What would then be another
 * path, or encoded still, is none; and where rules name single resources, none has what could end it. */
bool sovd_gate_takes_id(const struct sovd_call *call, const char *id);

/* May he use another route on the same entity, with the parameters of the call? Sets no failure. */
bool sovd_gate_may_also(const struct sovd_call *call, const struct sovd_route *route);

/* The same with other parameters: SOVD_PARAMS_MAX of them. */
bool sovd_gate_may_with(const struct sovd_call *call, const struct sovd_route *route, const char *const *params);

/* The same about an entity that it is about too, "components/bms"; of what is no such name nobody knows what it is, so what is denied on one is denied. Sets no
 * failure. */
bool sovd_gate_may_on(const struct sovd_call *call, const struct sovd_route *route, const char *const *params, const char *ref);

/* May what he leaves behind write into the log of the entity? Who may not read it does not, nor whom a rule keeps from adding
 * to it. Sets the failure. */
int sovd_gate_may_log(struct sovd_call *call, const struct sovd_entity *e);

/* May he break locks of others? Else SOVD_E_FORBIDDEN, with the failure set. */
int sovd_gate_may_break(struct sovd_call *call);

/* Can there be anything that he may not see? false: nobody needs to ask. */
bool sovd_gate_is_narrowed(const struct sovd_call *call);
