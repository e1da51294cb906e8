#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lock store - the table of locks
 *
 * A row is a lock that was granted in this boot of the machine: it is written before its client hears of it. What is
 * only reserved has no row. The functions that take a connection run as work of the state's writer (base/db.h).
 */
#include "sovd-core/base/db.h"
#include "sovd-core/locks_inside.h"

/* What a grant writes in one transaction; the lock, what it breaks, and whose memory of a broken one has ended. */
struct lock_grant_rows {
        const struct lock *lock;
        const char *boot;
        const struct sovd_lock_infos *broken;
        const char *const *told; /* ids */
        size_t n_told;
        uint64_t now_usec, broken_usec;
        size_t broken_max; /* broken ones that are remembered */
};
int lock_store_grant(struct sovd_db_conn *conn, const struct lock_grant_rows *rows);

/* SOVD_E_NOT_FOUND: no row says that it is held. */
int lock_store_extend(struct sovd_db_conn *conn, const char *id, uint64_t ends_usec);

/* The same. */
int lock_store_remove(struct sovd_db_conn *conn, const char *id);
int lock_store_tell(struct sovd_db_conn *conn, const char *id);

/* It is broken; its owner knows already. */
int lock_store_lose(struct sovd_db_conn *conn, const char *id, uint64_t broken_usec, uint64_t ends_usec);

/* Takes in what was left by the process before, oldest first, and the last fence: at most `max` locks, and as many that
 * were broken. What is of another boot, or has ended, is dropped for good. */
int lock_store_load(struct sovd_locks *locks);
