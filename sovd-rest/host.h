#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Host - the names under which this server answers
 *
 * A page of any site can have its own name lead to this server (DNS rebinding); to the browser it is of one origin with it
 * then, and reads and changes what needs no credentials. It cannot choose the name in Host: that is its own. So over
 * plain HTTP only names are answered for that no stranger can have. Over TLS the browser compares the name with the
 * certificate, and to the Unix socket no page gets.
 */
#include "sovd-core/base/util.h"

struct sovd_call;
struct sovd_http_exchange;

/* Can no stranger have this name? host: name or address, with or without a port. An address, localhost and what is below it,
 * and the machine's own name. Beyond loopback a name without a dot too, and the machine's below .local: whoever can forge those is
 * in the network in which everything can be read and changed on the way anyway. */
bool sovd_host_is_ours(const char *host, const char *machine, bool is_local);

/* Is the server asked under one of server.allowed_hosts ("*": any); without that, under a name that is its own? Else
 * SOVD_E_MISDIRECTED. */
int sovd_host_check(struct sovd_call *call, const struct sovd_http_exchange *x);
