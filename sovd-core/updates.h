#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Updates - the update packages of all backends as one collection (ISO 17978-3 7.18)
 *
 * A package belongs to the first backend that knows its id. Which one that is, is asked and not remembered: backends
 * come and go, and so do packages. One update runs at a time: what was started last is remembered, and asked about
 * before another backend is told to start. Functions fail as backend ops do.
 */
#include "sovd-core/backend.h"

struct sovd_updates;

int sovd_updates_new(struct sovd_updates **ret);
struct sovd_updates *sovd_updates_free(struct sovd_updates *updates);
SOVD_DEFINE_CLEANUP(struct sovd_updates *, sovd_updates_free)

/* Ids of all backends that answer, each once. It fails when none of them answers. */
int sovd_updates_list(struct sovd_call *call, const struct sovd_update_filter *filter, struct sovd_update_ids *ret);

int sovd_updates_read(struct sovd_call *call, const char *id, struct sovd_update_detail *ret);
int sovd_updates_status(struct sovd_call *call, const char *id, struct sovd_update_status *ret);
int sovd_updates_delete(struct sovd_call *call, const char *id);
int sovd_updates_control(struct sovd_call *call, struct sovd_updates *updates, const char *id,
                         enum sovd_update_action action);

/* At the first backend that takes registrations. */
int sovd_updates_register(struct sovd_call *call, const char *content_type, struct sovd_update_registered *ret);
