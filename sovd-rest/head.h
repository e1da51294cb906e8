#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Head - what a request's head must be before anything is believed
 *
 * civetweb takes two lengths, a length beside chunked coding, folded lines, spaces before the colon and more, and
 * then serves what was smuggled behind them (measured with 1.15). This check looks at the head as it came and
 * refuses all of it, by RFC 9112. A refused head always closes the connection.
 */
#include "sovd-core/base/util.h"
#include "sovd-core/base/error.h"

#define SOVD_HEAD_FIELDS_MAX 63

struct sovd_head_field {
        const char *name, *value;
};

/* A head in civetweb's buffer after it was parsed: separators are overwritten with NUL, nothing is moved, so the
 * distance between the parts still tells what stood there. */
struct sovd_head {
        char *buf;        /* first byte that was received */
        size_t len;       /* up to and with the empty line */
        const char *method, *uri, *version; /* version: behind "HTTP/" */
        const struct sovd_head_field *fields;
        size_t n_fields;
};

struct sovd_head_info {
        bool has_body;           /* a length other than 0, or chunked */
        bool chunked;
        uint64_t content_length;
        bool expect_continue;
};

/* Returns 0, or a positive error with *reason (static text that names what is wrong). White space behind values, which is
 * no part of them, is cut off in the buffer: a head is checked once. */
int sovd_head_check(const struct sovd_head *head, struct sovd_head_info *ret, const char **reason);

/* The first field of this name (without case), or NULL. */
const char *sovd_head_field(const struct sovd_head *head, const char *name);
