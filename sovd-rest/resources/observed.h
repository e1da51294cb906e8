#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the handlers of cyclic subscriptions and of triggers share
 */
#include "sovd-core/observations.h"
#include "sovd-rest/resources/resources.h"
#include "sovd-rest/rest.h"

/* ".../cyclic-subscriptions/ID" and what the standard calls its event source, with the base of this call. */
const char *sovd_observation_href(struct sovd_call *call, enum sovd_observation_kind kind, const char *id);
const char *sovd_observation_events(struct sovd_call *call, enum sovd_observation_kind kind, const char *id);

/* The one that the path names; sets the failure. */
int sovd_observation_read(struct sovd_call *call, enum sovd_observation_kind kind,
                          struct sovd_observation *ret);

/* Answers with the events of the one that the path names. */
int sovd_observation_stream(struct sovd_call *call, enum sovd_observation_kind kind);

/* Starts one: sets the failure for a limit. */
int sovd_observation_add(struct sovd_call *call, const struct sovd_observation_spec *spec,
                         char id[static SOVD_ID_SIZE]);

int sovd_observation_change(struct sovd_call *call, enum sovd_observation_kind kind,
                            const struct sovd_observation_change *change);
int sovd_observation_remove(struct sovd_call *call, enum sovd_observation_kind kind);

/* "2026-…Z" in the arena. */
const char *sovd_observation_time(struct sovd_call *call, uint64_t utc_usec);

/* The last error, decoded; NULL when there is none, or no memory. */
const struct sovd_generic_error *sovd_observation_error(struct sovd_call *call,
                                                        const struct sovd_observation *o);

/* Has the request asked for schemas? */
static inline bool sovd_wants_schema(const struct sovd_call *call) {
        return sovd_streq(sovd_call_query(call, "include-schema"), "true");
}
