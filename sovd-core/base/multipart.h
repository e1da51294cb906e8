#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Multipart - one file out of a multipart/form-data body (RFC 7578, 2046), piece by piece
 *
 * Strict: the body begins with the boundary, has one part that carries a file and nothing behind it. Memory is one
 * window; the file itself is never held. It is a stream over the body's stream.
 */
#include "sovd-core/base/arena.h"
#include "sovd-core/base/disposition.h"
#include "sovd-core/base/source.h"

#define SOVD_MULTIPART_HEAD_MAX ((size_t)8192) /* of the part */

struct sovd_multipart {
        struct sovd_source base;             /* the file's bytes, until the closing boundary */
        struct sovd_disposition disposition; /* of the part; name is never NULL */
        const char *content_type;            /* of the part; "application/octet-stream" when it names none */
};

/* Reads up to the file's first byte. content_type: of the body, with its boundary. body stays the caller's and must
 * live longer. *ret is in the arena: closing it does nothing. 0; SOVD_E_BAD_REQUEST, or what the body's read gave,
 * with *reason; -errno. */
int sovd_multipart_open(struct sovd_multipart **ret, struct sovd_source *body, const char *content_type,
                        uint64_t deadline_usec, struct sovd_arena *arena, const char **reason);
