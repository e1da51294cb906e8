#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Timestamps - RFC 3339 as clients and servers write it
 */
#include "sovd-core/base/util.h"

/* Microseconds since the epoch of a date-time with its offset ("Z" or "+01:00"; a blank stands for the '+' that a
 * query turned into one). false: it is not one, or before 1970. */
bool sovd_timestamp_parse(const char *text, uint64_t *ret_usec);
