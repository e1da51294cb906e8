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

/* What is kept of an answer's head. All zero to begin with. */
struct sovd_http_head {
        unsigned status;          /* 0: no status line yet */
        unsigned retry_after_sec; /* 0 = none or not a number */
        size_t n_bytes;           /* of all lines: those of 1xx answers and of trailers count too */
        bool ended;               /* the empty line came; what follows are trailers */
        bool chunked, has_length;
        uint64_t length;
};

/* The most that one answer's head may have, all lines together. */
#define SOVD_HTTP_HEAD_MAX ((size_t)65536)

/* Takes one line with its line end. -EBADMSG: not HTTP, contradicts itself, or over the limit. */
int sovd_http_head_line(struct sovd_http_head *head, const char *line, size_t len);

/* May these be sent as they are? Each refuses what could end the line early and begin another one. */
bool sovd_http_method_is_valid(const char *method);
bool sovd_http_target_is_valid(const char *target); /* begins with '/', visible ASCII, no '#' */
bool sovd_http_field_is_valid(const char *line);    /* no control character but tab */
