#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cyclic subscriptions - a value of a component, sent again and again as server-sent events (ISO dialect)
 *
 * The smallest thing that is true: data only, a worker of the listener per open stream, no ids, no replay. Like
 * everything else of the vehicle the table is guarded by its mutex.
 */
#include "demo-ecu/iso.h"

#define SUBSCRIPTION    COMPONENT "/cyclic-subscriptions/*"
#define SUBSCRIBERS_MAX 16

struct subscriptions;
struct mg_connection;

int subscriptions_new(struct subscriptions **ret);

void iso_list_subscriptions(struct call *call);
void iso_add_subscription(struct call *call);
void iso_get_subscription(struct call *call);
void iso_put_subscription(struct call *call);
void iso_delete_subscription(struct call *call);

/* Marks the call: its answer is the stream. */
void iso_get_events(struct call *call);

/* Sends the events of the call's subscription until it ends, the client leaves or the program stops. */
void subscriptions_stream(struct call *call, struct mg_connection *conn);

struct subscriptions *subscriptions_free(struct subscriptions *subscriptions);

static inline void subscriptions_freep(struct subscriptions **subscriptions) {
        subscriptions_free(*subscriptions);
}
