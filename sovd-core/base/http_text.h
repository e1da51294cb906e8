#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP text - what this side checks itself in requests that it sends and answers that it gets
 *
 * The HTTP library frames messages, but it is lenient: of two Content-Lengths it takes the last. Connections
 * upstream are shared by all clients, so an answer whose end can be seen in two ways could hand one client's
 * data to another. Such answers are refused here. Pure functions over bytes.
 */
#include "sovd-core/base/util.h"

/* What is kept of an answer's head. All zero to begin with; the memory is reused from answer to answer. */
struct sovd_http_head {
        unsigned status;          /* 0: no status line yet */
        unsigned retry_after_sec; /* 0 = none or not a number */
        size_t n_bytes;           /* of all lines: those of 1xx answers and of trailers count too */
        bool ended;               /* the empty line came; what follows are trailers */
        bool chunked, has_length;
        uint64_t length;
        size_t content_type, location, etag; /* offsets of values in text; 0 = none */
        char *text;                          /* owned; NUL-terminated values */
        size_t text_len, text_size;
};

/* The most that one answer's head may have, all lines together. */
#define SOVD_HTTP_HEAD_MAX ((size_t)65536)

/* Forgets the answer, keeps the memory. */
void sovd_http_head_reset(struct sovd_http_head *head);
void sovd_http_head_release(struct sovd_http_head *head);

/* Takes one line with its line end. -EBADMSG: not HTTP, contradicts itself, or over the limit. -ENOMEM. */
int sovd_http_head_line(struct sovd_http_head *head, const char *line, size_t len);

/* A value that was kept, by its offset; NULL when there was none. */
const char *sovd_http_head_value(const struct sovd_http_head *head, size_t offset);

/* May these be sent as they are? Each refuses what could end the line early and begin another one. */
bool sovd_http_method_is_valid(const char *method);
bool sovd_http_target_is_valid(const char *target); /* begins with '/', visible ASCII, no '#' */
bool sovd_http_field_is_valid(const char *line);    /* no control character but tab */
