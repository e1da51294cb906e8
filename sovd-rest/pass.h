#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pass - what an event stream or a transfer rests on: who opened it, for what, and the policy that allowed it
 *
 * A stream outlives its request. Its pass is looked at again and again: it ends with the credentials, and when another
 * policy, or who is known now, no longer allows the stream. What a stream leaves out by the policy was decided when it
 * began, so that one ends with every change; its client connects again and goes on behind its last event.
 */
#include "sovd-core/call.h"
#include "sovd-core/model/faults.h"
#include "sovd-rest/route.h"

struct sovd_pass; /* reference-counted */

/* Of a call that was authorized. *ret NULL: nothing is enforced. -ENOMEM. */
int sovd_pass_new(struct sovd_pass **ret, const struct sovd_call *call, const struct sovd_route *route);
struct sovd_pass *sovd_pass_ref(struct sovd_pass *pass);
struct sovd_pass *sovd_pass_unref(struct sovd_pass *pass);

/* Does it hold now? For one thread; costs nothing while nothing has changed. */
bool sovd_pass_holds(struct sovd_pass *pass);

/* The same for what ends by itself (limits.bulk_timeout_secs): was nothing taken away that it rests on? Credentials that end by
 * their time, and a browser session that ends, take nothing away. */
bool sovd_pass_stands(struct sovd_pass *pass);

/* Sets what of the vehicle's faults the call's principal may see; the data live as long as the call. */
void sovd_pass_sight(struct sovd_call *call, struct sovd_fault_sight *ret);

/* The same of a pass that others hold, for filters of events. */
bool sovd_pass_sees(void *pass, const char *entity, const char *code);
void *sovd_pass_hold(void *pass);
void sovd_pass_release(void *pass);
