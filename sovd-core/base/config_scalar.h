#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Plain scalars - what an unquoted word of the configuration means
 *
 * The core schema of YAML 1.2: null, true, false and numbers in their usual spellings; all else is text (so
 * yes, no, on and off are text). Where that schema differs from YAML 1.1 in the value of a number, the number
 * is refused: "0640" is neither 416 nor 640 here.
 */
#include "sovd-core/base/util.h"

struct cJSON;

/* The node of a plain scalar, owned by the caller; a number carries its digits as json_reader.h says. NULL
 * with *refused set to static text when the scalar is not acceptable, NULL without when memory is out. */
struct cJSON *sovd_config_scalar(const char *text, const char **refused);
