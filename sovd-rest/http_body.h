#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP bodies - what reading them needs of the connection; for http_body.c, given by http_server.c
 */
#include "sovd-rest/http_server.h"

const struct sovd_http_server_options *sovd_http_options_of(const struct sovd_http_exchange *x);

/* Every wait of this worker ends at this monotonic time. */
void sovd_http_wait_until(uint64_t usec);
bool sovd_http_wait_is_over(void);

/* Some bytes of the body: how many, 0 at the end of a chunked one, or -1. */
int sovd_http_pull(struct sovd_http_exchange *x, void *buf, size_t n);

/* Tells the client to go on (RFC 9110 10.1.1). */
void sovd_http_continue(struct sovd_http_exchange *x);
