#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Respond with a stream - the bytes of an item, piece by piece, and the limit of transfers
 */
#include "sovd-rest/http_server.h"
#include "sovd-rest/route.h"

/* Sends what call->out (struct sovd_bulk_content) says and closes its stream; ends the transfer. It breaks off
 * when what allowed it is taken away. An error before the first byte is returned: the failure is set, and nothing was sent. */
int sovd_respond_stream(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route, unsigned *ret_status);

/* Takes a place among the transfers that run at the same time. 0, or SOVD_E_OVERLOAD with the failure set. */
int sovd_transfer_begin(struct sovd_call *call);
/* broken: it ended before its last byte. */
void sovd_transfer_end(struct sovd_call *call, bool broken);
