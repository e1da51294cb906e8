#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Target - the path and the query of a request, decoded once
 *
 * Each path segment is percent-decoded by itself, so "%2F" is a character of an id and never a separator. What
 * could mean two things to two programs is refused: dot segments, empty segments, control characters, NUL, bad
 * percent signs, overlong or broken UTF-8 (RFC 3986 3.3, 6.2.2; RFC 3629).
 */
#include "sovd-core/base/arena.h"
#include "sovd-core/call.h"

#define SOVD_SEGMENTS_MAX 40

struct sovd_target {
        const char *segments[SOVD_SEGMENTS_MAX]; /* decoded, in the arena */
        size_t n;
        bool trailing_slash; /* an empty segment at the end, which is not counted */
};

/* path: from the request line, starts with '/', without query. One trailing slash is ignored. Returns 0;
 * SOVD_E_BAD_REQUEST or SOVD_E_URI_TOO_LONG with *reason (static text); -ENOMEM. */
int sovd_target_parse(struct sovd_target *ret, const char *path, struct sovd_arena *arena, const char **reason);

/* Would a segment, decoded, be another path for who decodes it once more, or takes slashes in it apart: one with an empty part or a
 * dot segment, or with something that is still encoded? */
bool sovd_target_leads_on(const char *segment);

/* query: what follows '?', or NULL. '+' is a plus sign (RFC 3986; the standard encodes no forms). name[key]=value
 * gives key, with the brackets raw or encoded. At most SOVD_QUERY_MAX items. Returns like sovd_target_parse. */
int sovd_query_parse(struct sovd_query_item ret[static SOVD_QUERY_MAX], size_t *ret_n, const char *query,
                     struct sovd_arena *arena, const char **reason);
