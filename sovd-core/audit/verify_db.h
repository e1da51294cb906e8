#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Verifier - of the tables of a database
 *
 * The file is never written to, and no program needs to run. Beside what every log must be (verify.h), the columns that
 * filters use must say what the entries say, and the kept hashes of the tree must be those of its leaves.
 */
#include "sovd-core/audit/verify.h"

/* Fills the report; path is a database at rest, or one with a journal beside it: then a copy of both is read, in a folder
 * of its own under $TMPDIR, and removed afterwards. *ret_copied says so. 0, or -errno (the report says so too). */
int sovd_audit_verify_database(const char *path, const struct sovd_audit_trust *trust,
                               struct sovd_audit_report *report, bool *ret_copied);
