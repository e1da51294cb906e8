#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Export - the audit log as a file: one record per line
 *
 *   header      which log, which entries, and what the entries before them come to
 *   key         one line each, from epoch 0 on: all that began up to the last entry of the export
 *   entry       the exact bytes that are hashed, and the chain; in order, and behind the last one that it covers each
 *   checkpoint  as a note
 *   end         how many there were
 *
 * Lines are canonical JSON (canon.h), so a record has one text. The same functions write and read them.
 */
#include "sovd-core/audit/verify.h"
#include <stdio.h>

#define SOVD_AUDIT_LINE_MAX 16384 /* bytes of a line with its newline; room for one needs one more */

/* Each writes a whole line with its newline and a NUL. -EINVAL, -E2BIG: the record is none. */
int sovd_audit_line_header(const struct sovd_audit_header *header, char *ret, size_t size, size_t *ret_len);
int sovd_audit_line_key(const struct sovd_audit_key *key, char *ret, size_t size, size_t *ret_len);
int sovd_audit_line_entry(uint64_t seq, const char *body, size_t len, const struct sovd_audit_hash *chain,
                          char *ret, size_t size, size_t *ret_len);
int sovd_audit_line_note(const char *note, char *ret, size_t size, size_t *ret_len);
int sovd_audit_line_end(uint64_t n_checkpoints, uint64_t n_entries, uint64_t to, char *ret, size_t size,
                        size_t *ret_len);

/* Reads a whole export and fills the report. 0, or -ENOMEM and -EIO (the report says so too). */
int sovd_audit_verify_export(FILE *file, const struct sovd_audit_trust *trust,
                             struct sovd_audit_report *report);
