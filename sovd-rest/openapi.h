#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OpenAPI - the description of what the program serves, made from the route and schema tables
 *
 * It knows no vehicle: ids stand in braces. What is in the running one is told by docs.h.
 */
#include "sovd-core/call.h"
#include "sovd-rest/route.h"

/* The whole document as text, for a server whose base is this (ends with SOVD_API_BASE); the caller frees it. NULL:
 * no memory. */
char *sovd_openapi_text(const char *base, bool pretty);
