#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Watch - the thread that keeps the gateway's view of one server true
 *
 * What the first list names is published at once, the details follow when every entity was asked for them.
 * It discovers at the start and every refresh_secs; while the server is away it tries every second. A call
 * that fails wakes it, so that a change shows quickly.
 */
#include "backends/sovd/backend.h"

/* What is known before the first contact: the configured components. */
int watch_new_stubs(struct view **ret, const struct sovd_strings *component_ids);

int watch_start(struct sovd_sovd *b);
/* Returns when the thread has ended. Without a start nothing happens. */
void watch_stop(struct sovd_sovd *b);

/* Has the stop begun? What fails then says nothing about the server. */
bool watch_is_stopping(struct sovd_sovd *b);

/* Look now. failed: because a call failed, which is no news while the server is known to be away. */
void watch_wake(struct sovd_sovd *b, bool failed);
