#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Trail - what a request leaves in the audit log (sovd-core/audit/log.h)
 *
 * Whatever its method says is a change is put on record before its handler runs, and once more before it is answered: no
 * answer without an entry that is on the disk, and no change when there cannot be one. Refusals are told without waiting.
 */
#include "sovd-core/audit/log.h"

struct sovd_call;
struct sovd_http_exchange;
struct sovd_route;

#define SOVD_TRAIL_ID_MAX 200 /* bytes that are kept of names that clients can make long */

struct sovd_trail {
        struct sovd_audit *audit;          /* NULL until it has begun */
        struct sovd_audit_intent *intent;
        struct sovd_audit_entry who;
        const char *proximity;             /* what became of a proof (sovd-auth/proximity.h), static; or NULL */
        uint64_t fence;                    /* of the lock that the change rests on; 0 = none */
        char sub[SOVD_TRAIL_ID_MAX + 1], entity[SOVD_TRAIL_ID_MAX + 1], lock[SOVD_TRAIL_ID_MAX + 1], tenant[SOVD_TRAIL_ID_MAX + 1];
        char method[17];
        char jti[SOVD_AUDIT_SECRET_SIZE], body[SOVD_AUDIT_SECRET_SIZE];
        char path[SOVD_AUDIT_PATH_MAX + 1];
        char session[SOVD_AUDIT_SECRET_SIZE], session_of[SOVD_TRAIL_ID_MAX + 1]; /* of tokens that were given out, or ended */
        char location[256 + 1];            /* of what was made */
        char client[48];                   /* the address that a trusted proxy names */
        char head[SOVD_AUDIT_HEAD_SIZE];   /* for the answer: a signed head that covers the outcome; "" = none */
};

/* Before the handler of a route runs. Sets the failure: SOVD_E_AUDIT; the handler must not run then. */
int sovd_trail_begin(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route);

/* Around the handler alone: what it changes in our state becomes a part of the trail. leave: r, or the failure of which nobody can say
 * what was done before it (sovd_call_settle()). */
void sovd_trail_enter(const struct sovd_call *call);
int sovd_trail_leave(struct sovd_call *call, int r);

/* After it; r: what became of it. Returns that, or SOVD_E_INTERNAL with an unknown outcome when a success could not be put on
 * record. */
int sovd_trail_end(struct sovd_call *call, const struct sovd_route *route, int r);

/* While it is answered: what allowed a transfer was taken away, and it breaks off. */
void sovd_trail_tell_withdrawn(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route);

/* When the request is about to be answered: refusals, streams, reads that are put on record. route may be NULL. */
void sovd_trail_tell(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route, int r);

/* The value of the header SOVD-Audit-Head, or NULL. */
const char *sovd_trail_head(const struct sovd_call *call);

/* The one that the call is about, for entries that a handler writes itself. */
void sovd_trail_who(struct sovd_http_exchange *x, struct sovd_call *call, const struct sovd_route *route,
                    struct sovd_trail *trail);
