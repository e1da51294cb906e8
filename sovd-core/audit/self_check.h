#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Self-check - the log verifies itself while it runs
 *
 * A thread of its own reads the log as an export has it and gives it to the verifier (verify.h), page by page, at the lowest
 * priority and with a rest after each page; no page holds the database for long. What was signed when it ended last has to be a
 * beginning of what it finds next. Then every page of the state's file is read, unless it is very large.
 *
 * It proves what the tables say against keys and signatures. That the columns for filters and the kept hashes of the tree
 * agree with the entries is left to sovdctl, which looks at the file at rest.
 */
#include "sovd-core/audit/verify.h"

struct sovd_audit;
struct sovd_audit_self;

enum sovd_audit_self_result { SOVD_SELF_NOT_YET, SOVD_SELF_SOUND, SOVD_SELF_FAILED, SOVD_SELF_UNREADABLE };
extern const char *const sovd_audit_self_names[]; /* "pending", "sound", "failed", "unreadable" */

struct sovd_audit_self_status {
        enum sovd_audit_self_result result; /* of the last one that ended */
        uint64_t ended_usec, took_usec;     /* UTC; 0 = none has ended */
        uint64_t first, last, size;         /* entries that were read; of the tree whose signature was checked */
        char root[SOVD_AUDIT_HEX];          /* of that tree */
        char reason[320];                   /* "" = sound */
        bool acknowledged;                  /* failed, and an admin has seen it (sovd_audit_acknowledge()) */
        uint64_t n_done, n_failed;
        enum sovd_audit_self_result state;  /* of the file; SOVD_SELF_NOT_YET: in memory, or too large to be read beside the work */
        uint64_t state_usec;                /* UTC: when; 0 = never */
};

/* Begins at once, and again when period_usec have passed since the last one ended. -errno. */
int sovd_audit_self_new(struct sovd_audit_self **ret, struct sovd_audit *audit, uint64_t period_usec);
/* Breaks off what is under way. */
struct sovd_audit_self *sovd_audit_self_free(struct sovd_audit_self *self);

void sovd_audit_self_status(struct sovd_audit_self *self, struct sovd_audit_self_status *ret);

/* An admin has seen this reason. */
void sovd_audit_self_acknowledge(struct sovd_audit_self *self, const char *reason);
