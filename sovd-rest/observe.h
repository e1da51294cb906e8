#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Observe - resources that are read without a request of their own
 *
 * What a cyclic subscription or a trigger watches is named by a URI reference and read through the same route, with
 * the same checks, as GET reads it.
 */
#include "sovd-core/observations.h"
#include "sovd-rest/rest.h"

struct sovd_route;

struct sovd_observed {
        const char *resource; /* behind the base, in its one form: "/components/bms/data/soc?x=y" */
        const char *source;   /* name of the backend that will be asked */
        const struct sovd_route *route;
        bool is_value; /* the body has the value as its member data */
};

/* Finds what `resource` names below the call's entity: absolute, from the root of the server, or relative to the entity
 * ("data/x", "../data/x"). Sets the failure: SOVD_E_BAD_REQUEST (no such thing, or of another entity),
 * SOVD_E_NOT_IMPLEMENTED (it cannot be observed). */
int sovd_observe_resolve(struct sovd_call *call, const char *resource, struct sovd_observed *ret);

/* May the call's principal hear what a reading of the resource said that was made for its owner? Then the call is marked, so
 * that the stream ends when this does. Sets the failure: SOVD_E_FORBIDDEN, and what GET on the resource says. */
int sovd_observe_authorize(struct sovd_call *call, const char *resource, const char *owner);

/* Reads it once, for the present call; *ret is its body in the arena. Fails as GET does. */
int sovd_observe_once(struct sovd_call *call, const struct sovd_observed *observed, const struct cJSON **ret);

/* A sovd_read_resource; data is struct sovd_rest. */
int sovd_observe_read(void *data, struct sovd_reading *reading);

/* A sovd_clear_hook: ends what the client observes at the entity; data is struct sovd_observations. */
void sovd_observe_forget(void *data, const struct sovd_entity *entity, const struct sovd_principal *principal);

/* A listener of the bus of events: triggers on that fault look at once; data is struct sovd_observations. */
struct sovd_fact;
void sovd_observe_fault(void *data, const struct sovd_fact *fact);

/* Makes a call without a request, with ids of its own; the caller fills in for whom it is and until when, and gives
 * call.tree back, also on failure. -ENOMEM. */
int sovd_observe_begin(struct sovd_rest_call *ret, struct sovd_rest *rest, struct sovd_arena *arena);

/* Writes the GenericError of such a call. Returns r as a positive error, or 0. */
int sovd_observe_fail(struct sovd_call *call, int r, struct sovd_json_writer *w);

/* The schema of an event whose payload has this schema (taken over). In the arena; NULL when memory is out. */
const struct cJSON *sovd_observe_event_schema(struct sovd_call *call, struct cJSON *payload);
