#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sequences - numbers that never come twice, also not after a restart
 *
 * A block of numbers is reserved with one commit before the first of them is given; a restart goes on behind the block
 * and so skips what was left of it. The next block is asked for when half of the present one is used, so that whoever
 * takes a number never waits. A sequence that the state does not know yet begins at the present time in microseconds:
 * then numbers do not come twice either when the state is lost, or kept in memory only.
 */
#include "sovd-core/base/util.h"

struct sovd_db;
struct sovd_sequence;

/* name: static, unique in the state. block: numbers per commit, at least 2. Nothing is reserved yet. -ENOMEM. */
int sovd_sequence_new(struct sovd_sequence **ret, struct sovd_db *db, const char *name, uint64_t block);

/* No reservation may be under way: the database is closed, or sovd_sequence_settle() was called. */
struct sovd_sequence *sovd_sequence_free(struct sovd_sequence *sequence);
SOVD_DEFINE_CLEANUP(struct sovd_sequence *, sovd_sequence_free)

/* Reserves the first block, if that was not done yet, and waits until it is durable. Errors of the database. */
int sovd_sequence_begin(struct sovd_sequence *sequence);

/* Waits until no reservation is under way; nothing is taken any more. */
void sovd_sequence_settle(struct sovd_sequence *sequence);

/* A new number, greater than all before it. Never waits, takes no lock. false: the disk has not taken the next block
 * yet, or sovd_sequence_begin() was not called. */
bool sovd_sequence_next(struct sovd_sequence *sequence, uint64_t *ret);

/* The greatest number that was given; one less than the first when none was. */
uint64_t sovd_sequence_last(const struct sovd_sequence *sequence);
