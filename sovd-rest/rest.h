#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rest - what dispatch and the handlers of the server's own resources share
 */
#include "sovd-core/base/source.h"
#include "sovd-core/base/network.h"
#include "sovd-core/call.h"
#include "sovd-core/gateway.h"
#include "sovd-rest/docs.h"
#include "sovd-rest/metrics.h"
#include "sovd-rest/trail.h"

struct sovd_http_server;
struct sovd_pass;
struct sovd_sha256;
struct sovd_admission;
struct sovd_cors_settings;
struct sovd_events;
struct sovd_evidence;
struct sovd_auth;
struct sovd_authority;
struct sovd_proximity;
struct sovd_browser_sessions;
struct sovd_policy;
struct sovd_route;
struct sovd_secrets;
struct sovd_sessions;
struct sovd_observations;
struct sovd_own_faults;
struct sovd_fault_mirror;
struct sovd_streamer;
struct sovd_data_watches;
struct sovd_data_catalog;

struct sovd_rest {
        struct sovd_gateway *gateway;
        struct sovd_metrics *metrics;
        struct sovd_auth *auth;
        struct sovd_authority *authority;
        struct sovd_proximity *proximity;
        struct sovd_browser_sessions *browser_sessions;
        struct sovd_secrets *secrets;
        struct sovd_sessions *sessions;       /* or NULL */
        bool is_local;                        /* only this machine reaches it */
        struct sovd_admission *admission;
        struct sovd_http_server *server;      /* set once it listens */
        uint64_t request_timeout_usec;
        uint64_t bulk_bytes, bulk_timeout_usec;
        const char *state_folder;             /* NULL: the state is in memory */
        const char *const *allowed_hosts;     /* ends with NULL; NULL: host.h says which */
        const char *const *trusted_proxies;   /* ends with NULL; NULL = none (origin.h) */
        const struct sovd_cors_settings *cors; /* or NULL: no page of another origin is answered */
        struct sovd_docs_options docs;
        struct sovd_observations *observations;
        struct sovd_streamer *streamer;
        struct sovd_events *fault_events;
        struct sovd_data_watches *data_watches;
        struct sovd_data_catalog *data_catalog;
        size_t watch_values;                  /* of one of them */
        const struct sovd_events_settings *events;
        struct sovd_evidence *evidence;       /* the configuration in force; or NULL */
        struct sovd_own_faults *own_faults;   /* or NULL */
        struct sovd_fault_mirror *fault_mirror; /* or NULL */
        bool ready;                           /* atomic: the first discovery has ended */
};

/* The call's rest, for handlers: the call was made by dispatch. */
struct sovd_rest *sovd_rest_of(const struct sovd_call *call);

struct sovd_http_exchange;
struct sovd_idempotent_answer;

/* The body of the request as a stream; counts what comes. */
struct sovd_body_stream {
        struct sovd_source base;
        struct sovd_http_exchange *x;
        struct sovd_transfers *transfers;
        struct sovd_sha256 *sha; /* of the n bytes that were read */
        uint64_t n;
        struct sovd_pass *pass; /* what allows it; or NULL: nothing is enforced */
};

/* What is beside the call while dispatch works on it. */
struct sovd_rest_call {
        struct sovd_call call; /* first, so that a call leads to its rest */
        struct sovd_rest *rest;
        struct sovd_http_exchange *x;
        struct sovd_address from; /* who asks, as sovd_address_client() has it (admission.h) */
        const struct sovd_idempotent_answer *replay; /* given before under the same Idempotency-Key; or NULL */
        struct sovd_body_stream body;
        /* A stream of events tells of this resource, too: its route, and the parameters of its path (pass.h). */
        const struct sovd_route *observed;
        const char *observed_params[SOVD_PARAMS_MAX];
        bool is_anothers_list;
        const void *judged;               /* the list that was freed already of what the policy hides (left_out.h); or NULL */
        const struct sovd_policy *policy; /* that holds for this call (gate.h); NULL = nothing is enforced */
        struct sovd_trail trail;
        bool in_session;                  /* the client is that of a browser session (cookie.h) */
        unsigned char session[32];        /* which one */
        const char *set_cookie;           /* Set-Cookie; or NULL */
};

/* Does the request accept an answer of this type (RFC 9110 12.5.1)? */
bool sovd_call_accepts(const struct sovd_call *call, const char *type);

/* HEAD comes to the handlers of GET. */
bool sovd_call_is_head(const struct sovd_call *call);

/* A header field of the request, or NULL. For handlers. */
const char *sovd_call_header(const struct sovd_call *call, const char *name);

/* May a GET be answered with this type? Else SOVD_E_NOT_ACCEPTABLE. For routes with SOVD_ANY_TYPE. */
int sovd_call_check_accept(struct sovd_call *call, const char *type);

/* Is it application/json or application/…+json? NULL is not. */
bool sovd_type_is_json(const char *type);
