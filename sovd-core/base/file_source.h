#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Files as sources, and sources into files
 */
#include "sovd-core/base/source.h"

/* Reads the file to its end; the descriptor is taken over, also on failure. */
int sovd_file_source_new(struct sovd_source **ret, int fd);

/* Writes all that comes into the descriptor, which stays the caller's. SOVD_E_TOO_LARGE: more than max; what read() of
 * the source gave; -errno of the file. *ret_n: bytes. */
int sovd_file_source_save(struct sovd_source *source, int fd, uint64_t max, uint64_t deadline_usec, uint64_t *ret_n);
