#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Range - the part of a document that a client asks for (RFC 9110 14)
 */
#include "sovd-core/base/util.h"

struct sovd_range {
        bool set;
        bool suffix;          /* the last `last` bytes */
        uint64_t first, last; /* last UINT64_MAX: to the end */
};

/* Reads a Range field. A field that is not one range of bytes asks for nothing: the whole is the answer then.
 * field may be NULL. */
struct sovd_range sovd_range_parse(const char *field);

/* Where the range lies in a document of this size. false: nothing of it does (416). */
bool sovd_range_resolve(const struct sovd_range *range, uint64_t size, uint64_t *ret_first,
                        uint64_t *ret_length);

/* "bytes FIRST-LAST/SIZE" of an answer; SIZE may be "*". false: it is not that. size UINT64_MAX: not told. */
bool sovd_content_range_parse(const char *field, uint64_t *ret_first, uint64_t *ret_last, uint64_t *ret_size);

/* 1*DIGIT from the start of *p, which moves behind it. false: no digit, or too large. */
bool sovd_digits_parse(const char **p, uint64_t *ret);
