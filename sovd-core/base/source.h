#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sources - bytes that come piece by piece, so that nobody holds the whole
 *
 * Whoever needs the next piece asks for it: a slow reader slows the origin, and no buffer grows in between.
 * A source belongs to one thread at a time.
 */
#include "sovd-core/base/util.h"

struct sovd_source {
        /* Fills buf unless the end comes first: *ret_n < size is the end, and nothing may be read after it.
         * Blocks at most until deadline_usec (monotonic). 0; enum sovd_error with `problem` set: what came so far
         * is no good; -errno. */
        int (*read)(struct sovd_source *stream, void *buf, size_t size, uint64_t deadline_usec,
                    size_t *ret_n);
        void (*close)(struct sovd_source *stream); /* frees it; NULL: there is nothing to free */
        bool may_fall_short;                       /* a read that gives less is not the end; one that gives 0 is */
        const char *problem;                       /* why read() failed; lives as long as the source */
};

static inline struct sovd_source *sovd_source_close(struct sovd_source *stream) {
        if (stream && stream->close)
                stream->close(stream);
        return NULL;
}
SOVD_DEFINE_CLEANUP(struct sovd_source *, sovd_source_close)

/* What one read asks for; it bounds the memory of a transfer and is what a deadline counts for. */
#define SOVD_SOURCE_PIECE ((size_t)65536)
