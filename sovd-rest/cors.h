#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * CORS - web pages of other origins (https://fetch.spec.whatwg.org/#http-cors-protocol)
 *
 * A browser lets a page of another origin read an answer only when the answer says so, and sends more than the simplest
 * requests only after it has asked (a preflight). Nobody is allowed unless the configuration names his origin. The
 * simplest requests are sent without asking, and some of them change something: a change that a page of an origin asks
 * for which is neither ours nor named is refused.
 */
#include "sovd-core/base/schema.h"

struct sovd_call;
struct sovd_http_exchange;
struct sovd_route;

struct sovd_cors_settings {
        struct sovd_strings origins;
        struct sovd_bool credentials;
        struct sovd_int max_age;
};
extern const struct sovd_schema sovd_schema_cors_settings;

/* What the table cannot say: NULL, or why, with the index of the origin. */
const char *sovd_cors_settings_check(const struct sovd_cors_settings *settings, size_t *ret_index);

/* Gives the headers of CORS to the answer, whatever it will be. settings NULL: none. -ENOMEM. */
int sovd_cors_begin(const struct sovd_cors_settings *settings, struct sovd_http_exchange *x);

/* Is it a browser that asks what a page of an allowed origin may do? */
bool sovd_cors_is_preflight(const struct sovd_cors_settings *settings, const struct sovd_http_exchange *x);

/* The answer to it; methods: what the path offers ("GET, HEAD"). It tells of the route table only, so nothing of the
 * vehicle. -ENOMEM. */
int sovd_cors_answer(const struct sovd_cors_settings *settings, struct sovd_http_exchange *x, const char *methods);
extern const struct sovd_route sovd_route_preflight;

/* Refuses a change that a page of a foreign origin asks for: SOVD_E_FORBIDDEN, with the failure set. The call's base is
 * known. */
int sovd_cors_check_change(const struct sovd_cors_settings *settings, const struct sovd_http_exchange *x,
                           struct sovd_call *call);
