#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Process - what the kernel says of this one; 0 when it does not
 */
#include <stddef.h>

size_t sovd_process_open_files(void);
size_t sovd_process_resident_bytes(void);
