/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/snapshot.h"
#include "sovd-core/base/arena.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/state.h"
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "state.snapshot-"

const char *const sovd_snapshot_tables[] = { "fault", "fault_event", "fault_entity", NULL };

static const char *folder_of(const char *folder) {
        const char *temporary = getenv("TMPDIR");

        return folder ? folder : temporary && *temporary ? temporary : "/tmp";
}

int sovd_snapshot_file(const char *folder, struct sovd_arena *arena, const char **ret_path) {
        char *path = sovd_arena_printf(arena, "%s/" NAME "XXXXXX", folder_of(folder));
        if (!path)
                return sovd_error_origin(-ENOMEM);

        int fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0)
                return sovd_error_origin(-errno);
        (void)close(fd);
        *ret_path = path;
        return 0;
}

void sovd_snapshot_unlink(const char *path) {
        static const char *const ends[] = { "", "-wal", "-shm", "-journal" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(ends); i++) {
                char name[4200];
                (void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
                (void)unlink(name);
        }
}

/* Only in the state's own folder: in that of temporary files they may be another gateway's. */
void sovd_snapshot_clean(const char *folder) {
        char pattern[4200];
        glob_t found;

        (void)snprintf(pattern, sizeof(pattern), "%s/" NAME "*", folder);
        if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
                for (size_t i = 0; i < found.gl_pathc; i++)
                        (void)unlink(found.gl_pathv[i]);
        globfree(&found);
}

static int open_file(struct sovd_db **ret, const char *path) {
        const struct sovd_db_options options = { .path = path, .migrations = sovd_state_migrations,
                                                 .application_id = SOVD_STATE_APPLICATION_ID, .readers = 1,
                                                 .queue_max = 1 };

        return sovd_db_open(ret, &options, NULL);
}

/* --- making --------------------------------------------------------------------------------------------- */

static int write_about(struct sovd_db_conn *conn) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "INSERT INTO snapshot(made_usec, gateway) VALUES(?1, ?2)");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)sovd_realtime_usec());
        sovd_db_bind_text(s, 2, SOVD_VERSION);
        return sovd_db_run(s);
}

int sovd_snapshot_copy(struct sovd_db_conn *to, struct sovd_db_conn *from) {
        int r = 0;

        for (size_t i = 0; !r && sovd_snapshot_tables[i]; i++) {
                int64_t n;
                r = sovd_db_copy_table(to, from, sovd_snapshot_tables[i], &n);
        }
        return r;
}

static int fill(struct sovd_db_conn *conn, void *data) {
        int r = sovd_snapshot_copy(conn, data);

        return r ? r : write_about(conn);
}

static int make(struct sovd_db *db, struct sovd_db *to) {
        struct sovd_db_conn *from;

        int r = sovd_db_read_begin(db, &from);
        if (r)
                return r;
        r = sovd_db_write(to, fill, from);
        sovd_db_read_end(db, from);
        return r ? r : sovd_db_check(to);
}

/* A journal that is left says that not everything came into the file. */
static int is_whole(const char *path) {
        struct stat st;
        char wal[4200];

        (void)snprintf(wal, sizeof(wal), "%s-wal", path);
        return stat(wal, &st) == 0 && st.st_size ? sovd_error_origin(-EIO) : 0;
}

int sovd_snapshot_make(struct sovd_db *db, const char *path) {
        struct sovd_db *to = NULL;

        int r = open_file(&to, path);
        if (!r)
                r = make(db, to);
        (void)sovd_db_close(to);
        return r ? r : is_whole(path);
}

/* --- opening -------------------------------------------------------------------------------------------- */

static int bad(const char **ret_why, const char *why) {
        *ret_why = why ? why : "it cannot be used";
        return SOVD_E_BAD_REQUEST;
}

static int check_head(const char *path, struct sovd_arena *arena, const char **ret_why) {
        struct sovd_db_file f;
        uint32_t newest = 0;

        int r = sovd_db_identify(path, &f);
        if (r)
                return r;
        while (sovd_state_migrations[newest])
                newest++;
        if (!f.is_database)
                return bad(ret_why, "it is no snapshot: its head is not that of a database");
        if (f.application_id != SOVD_STATE_APPLICATION_ID || !f.version)
                return bad(ret_why, sovd_arena_printf(arena, "it is another program's database (application id %u)",
                                                             f.application_id));
        if (f.version > newest)
                return bad(ret_why,
                           sovd_arena_printf(arena, "it is of version %u, from a newer gateway; this one knows versions up "
                                                    "to %u", f.version, newest));
        if (f.bytes != f.bytes_said)
                return bad(ret_why,
                           sovd_arena_printf(arena, "it is cut off, or has more behind its end: it has %llu bytes and says %llu",
                                             (unsigned long long)f.bytes, (unsigned long long)f.bytes_said));
        return 0;
}

static int read_about(struct sovd_db *db, struct sovd_arena *arena, struct sovd_snapshot *ret) {
        struct sovd_db_conn *conn;
        struct sovd_db_stmt *s;
        bool row = false;

        int r = sovd_db_read_begin(db, &conn);
        if (r)
                return r;
        r = sovd_db_prepare(conn, &s, "SELECT made_usec, gateway FROM snapshot");
        if (!r)
                r = sovd_db_step(s, &row);
        if (row)
                *ret = (struct sovd_snapshot){ (uint64_t)sovd_db_int(s, 0), sovd_arena_strdup(arena, sovd_db_text(s, 1)) };
        sovd_db_read_end(db, conn);
        return r ? r : !row ? -EBADMSG : ret->gateway ? 0 : sovd_error_origin(-ENOMEM);
}

int sovd_snapshot_open(struct sovd_db **ret, const char *path, struct sovd_arena *arena, struct sovd_snapshot *ret_about,
                       const char **ret_why) {
        _cleanup_(sovd_db_closep) struct sovd_db *db = NULL;

        int r = check_head(path, arena, ret_why);
        if (!r)
                r = open_file(&db, path);
        if (!r)
                r = sovd_db_check(db);
        if (!r)
                r = read_about(db, arena, ret_about);
        if (r == -EBADMSG || r == -EPROTO || r == -EMEDIUMTYPE || r == -EINVAL)
                return bad(ret_why, "it is damaged, or no snapshot");
        if (r)
                return r;
        *ret = SOVD_TAKE(db);
        return 0;
}
