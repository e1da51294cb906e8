#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pages - from, to, limit and after of long lists, and the link to what follows
 *
 * The standard knows no pages, so lists are whole unless a client asks for pages. A cursor says where a list goes on, not
 * how many items came before it: what is added or removed meanwhile neither repeats an item nor hides one.
 */
#include "sovd-core/call.h"

#define SOVD_PAGE_MAX 1000

/* The rows of a route's query table. */
#define SOVD_PAGE_TIMES(what) \
        { "from", SOVD_QUERY_STRING, "Only " what " at this time or later: RFC 3339, or milliseconds since 1970." }, \
        { "to", SOVD_QUERY_STRING, "The same for the end of the time, its whole millisecond included." }
#define SOVD_PAGE_LIMIT(otherwise) \
        { "limit", SOVD_QUERY_INT, "Items of one page, 1 to 1000; " otherwise "." }, \
        { "after", SOVD_QUERY_STRING, "Where the last page ended, as its Link says." }

/* What the cursor of a list holds; strings are in the arena. */
struct sovd_cursor {
        char kind;          /* of which list it is; 0 = none was given */
        uint64_t number;
        const char *first, *second; /* "" when there is nothing to say */
};

/* from and to in microseconds since the epoch, 0 = not given. SOVD_E_BAD_REQUEST, also when from is later than to. */
int sovd_page_times(struct sovd_call *call, uint64_t *ret_from, uint64_t *ret_to);

/* limit; `otherwise` when it is not given. */
int sovd_page_limit(struct sovd_call *call, size_t otherwise, size_t *ret);

/* after; SOVD_E_BAD_REQUEST when it is no cursor, or one of a list that is none of `kinds`. */
int sovd_page_after(struct sovd_call *call, const char *kinds, struct sovd_cursor *ret);

/* The failure for a cursor of another list. */
int sovd_page_bad_cursor(struct sovd_call *call);

/* Sets call->link to the same request at the cursor. path: of this list, beginning with call->base. SOVD_E_URI_TOO_LONG
 * when the query would not fit into a header. */
int sovd_page_link(struct sovd_call *call, const char *path, const struct sovd_cursor *cursor);
