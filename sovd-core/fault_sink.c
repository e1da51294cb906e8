/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/fault_sink.h"

const char *const sovd_report_names[] = { "failed", "passed", "prefailed", "prepassed", NULL };
