/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/db_handle.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

/* 0 = there is none. */
static uint64_t wal_bytes(const struct sovd_db *db) {
        struct stat st;
        char wal[4200];

        (void)snprintf(wal, sizeof(wal), "%s-wal", db->path ? db->path : "");
        return db->path && stat(wal, &st) == 0 ? (uint64_t)st.st_size : 0;
}

void sovd_db_status(struct sovd_db *db, struct sovd_db_status *ret) {
        const uint64_t wal = wal_bytes(db);
        struct stat st;
        bool has_file = db->path && stat(db->path, &st) == 0;

        (void)pthread_mutex_lock(&db->mutex);
        *ret = (struct sovd_db_status){
                .error = db->damaged ? -EBADMSG : db->error,
                .n_waiting = db->n_waiting,
                .n_changes = db->n_changes,
                .n_commits = db->n_commits,
                .n_failed = db->n_failed,
                .bytes = has_file ? (uint64_t)st.st_size : 0,
                .wal_bytes = wal,
        };
        (void)pthread_mutex_unlock(&db->mutex);
}
