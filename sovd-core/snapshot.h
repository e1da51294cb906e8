#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Snapshot - the diagnostic state as a file of its own
 *
 * A snapshot is a database with the tables of the state (state.h), of which only those that say what was found wrong
 * with the vehicle have rows: nothing of clients, their locks or their executions leaves the gateway with it.
 */
#include "sovd-core/base/db.h"

struct sovd_arena;

struct sovd_snapshot {
        uint64_t made_usec;  /* UTC */
        const char *gateway; /* version of the one that made it */
};

/* The tables that a snapshot carries; ends with NULL. */
extern const char *const sovd_snapshot_tables[];

/* A file for a snapshot in a folder (NULL = that of temporary files): its path, in the arena. It exists and is empty.
 * Files that an ended process left behind are gone after sovd_snapshot_clean(). -errno. */
int sovd_snapshot_file(const char *folder, struct sovd_arena *arena, const char **ret_path);
void sovd_snapshot_clean(const char *folder);
void sovd_snapshot_unlink(const char *path);

/* Writes the last commit of the state into the empty file at path, and reads it once more to see that it is good. */
int sovd_snapshot_make(struct sovd_db *db, const char *path);

/* Opens one that came from elsewhere, after checking all of it. SOVD_E_BAD_REQUEST with *ret_why (in the arena): it is
 * cut off, damaged, not ours, or of a newer version. */
int sovd_snapshot_open(struct sovd_db **ret, const char *path, struct sovd_arena *arena, struct sovd_snapshot *ret_about,
                       const char **ret_why);

/* Copies its tables into the state; inside a change of the state. */
int sovd_snapshot_copy(struct sovd_db_conn *to, struct sovd_db_conn *from);
