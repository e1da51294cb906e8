#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Body stream - the body of an upload, read piece by piece by its handler (SOVD_STREAM_BODY)
 */
#include "sovd-core/audit/log.h"

struct sovd_call;
struct sovd_http_exchange;
struct sovd_route;

/* Sets call->body; the handler may take as long as a transfer may. Reading fails with SOVD_E_FORBIDDEN once what allowed it does
 * not hold any more (pass.h). Sets the failure: SOVD_E_LENGTH_REQUIRED, SOVD_E_TOO_LARGE. */
int sovd_body_stream_begin(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route);

/* The name that the audit log has for it: that of the SHA-256 of its bytes. NULL: it is empty, or was not read to its end. */
const char *sovd_body_stream_name(struct sovd_call *call, const struct sovd_audit *audit, char ret[static SOVD_AUDIT_SECRET_SIZE]);
