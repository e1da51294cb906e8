#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Process - what the kernel says of this one; 0 when it does not
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

size_t sovd_process_open_files(void);
size_t sovd_process_resident_bytes(void);

/* Before there are threads: many of them do not make the heap fall into many parts, each of which keeps what it once had. */
void sovd_process_bound_heap(void);

/* Raises the limit of open files to n, as far as the hard one allows. false: it is lower than that. */
bool sovd_process_allow_files(uint64_t n);
