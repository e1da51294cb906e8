#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Origin - the address under which a client sees this server
 *
 * URIs in answers have to work from where the client stands, so they begin with the authority that its request
 * names (docs/decisions/0009). A proxy in between knows better; it is believed only when it is listed. Of a list of
 * values the last one counts: it is what the trusted proxy itself wrote, the others came from its client.
 */
#include "sovd-core/base/arena.h"
#include "sovd-core/base/network.h"
#include "sovd-rest/head.h"

/* What of a request tells the origin. */
struct sovd_origin_request {
        const struct sovd_head *head;
        const char *remote; /* address of the peer, "" on a Unix socket */
        bool is_tls;
};

/* host [ ":" port ] of RFC 3986: no user, a port of at most 65535. */
bool sovd_authority_is_valid(const char *s, size_t n);

/* May s stand in the list of trusted proxies: an IPv4 or IPv6 address, either with "/bits", or "unix"? */
bool sovd_proxy_is_valid(const char *s);

/* Is the peer one of the list (ends with NULL; NULL = nobody)? */
bool sovd_proxy_is_trusted(const char *const *trusted, const char *remote);

/* The address that a request came from: that of the peer, or the one that a trusted proxy names in Forwarded or in
 * X-Forwarded-For (there the last one that is no trusted proxy itself). false: there is none, as on a Unix socket. */
bool sovd_origin_client(const struct sovd_origin_request *request, const char *const *trusted,
                        struct sovd_address *ret);

/* What every URI begins with: "https://host:port/prefix" and API_BASE; without a usable authority only the path. It
 * is in the arena. SOVD_E_BAD_REQUEST with *reason (static text) when a trusted proxy sends what cannot be read;
 * -ENOMEM. */
int sovd_origin_base(const char **ret, const struct sovd_origin_request *request, const char *const *trusted,
                     struct sovd_arena *arena, const char **reason);
