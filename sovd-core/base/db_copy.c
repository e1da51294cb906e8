/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/base/db_handle.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

/* A table, and none that runs something when it is read. */
static int is_table(struct sovd_db_conn *conn, const char *table) {
        struct sovd_db_stmt *s;
        bool row = false;

        int r = sovd_db_prepare(conn, &s, "SELECT 1 FROM sqlite_schema WHERE name=?1 AND type='table' "
                                          "AND sql NOT LIKE '%VIRTUAL%'");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, table);
        r = sovd_db_step(s, &row);
        (void)sqlite3_reset(s->stmt);
        return r ? r : row ? 0 : -EBADMSG;
}

static int prepare_named(struct sovd_db_conn *conn, sqlite3_stmt **ret, const char *format, const char *table) {
        char *sql = sqlite3_mprintf(format, table);
        int result = sql ? sqlite3_prepare_v2(conn->sqlite, sql, -1, ret, NULL) : SQLITE_NOMEM;

        sqlite3_free(sql);
        return sovd_db_failed(conn, result);
}

/* INSERT with a place for each column of the table. */
static int prepare_insert(struct sovd_db_conn *to, sqlite3_stmt **ret, const char *table, int n) {
        char places[3 * 64] = "?";

        if (n < 1 || n > 64)
                return -EBADMSG;
        for (int i = 1; i < n; i++)
                (void)strcpy(places + 2 * i - 1, ",?");
        char *sql = sqlite3_mprintf("INSERT INTO \"%w\" VALUES(%s)", table, places);
        int result = sql ? sqlite3_prepare_v2(to->sqlite, sql, -1, ret, NULL) : SQLITE_NOMEM;
        sqlite3_free(sql);
        return sovd_db_failed(to, result);
}

static bool same_columns(sqlite3_stmt *a, sqlite3_stmt *b) {
        int n = sqlite3_column_count(a);

        for (int i = 0; i < n && sqlite3_column_count(b) == n; i++)
                if (!sovd_streq(sqlite3_column_name(a, i), sqlite3_column_name(b, i)))
                        return false;
        return sqlite3_column_count(b) == n;
}

static int copy_rows(struct sovd_db_conn *to, sqlite3_stmt *in, struct sovd_db_conn *from, sqlite3_stmt *out, int64_t *ret_n) {
        int result, n = sqlite3_column_count(out);

        for (*ret_n = 0; (result = sqlite3_step(out)) == SQLITE_ROW; ++*ret_n) {
                for (int i = 0; i < n; i++)
                        (void)sqlite3_bind_value(in, i + 1, sqlite3_column_value(out, i));
                result = sqlite3_step(in);
                if (result != SQLITE_DONE)
                        return sovd_db_failed(to, result);
                (void)sqlite3_reset(in);
        }
        return sovd_db_failed(from, result);
}

int sovd_db_copy_table(struct sovd_db_conn *to, struct sovd_db_conn *from, const char *table, int64_t *ret_n) {
        sqlite3_stmt *out = NULL, *own = NULL, *in = NULL, *wipe = NULL;

        int r = is_table(from, table);
        if (!r)
                r = prepare_named(from, &out, "SELECT * FROM \"%w\"", table);
        if (!r)
                r = prepare_named(to, &own, "SELECT * FROM \"%w\"", table);
        if (!r && !same_columns(out, own))
                r = -EBADMSG;
        if (!r)
                r = prepare_named(to, &wipe, "DELETE FROM \"%w\"", table);
        if (!r)
                r = sovd_db_failed(to, sqlite3_step(wipe));
        if (!r)
                r = prepare_insert(to, &in, table, sqlite3_column_count(out));
        if (!r)
                r = copy_rows(to, in, from, out, ret_n);
        (void)sqlite3_finalize(out);
        (void)sqlite3_finalize(own);
        (void)sqlite3_finalize(in);
        (void)sqlite3_finalize(wipe);
        return r;
}

int sovd_db_check_in(struct sovd_db_conn *conn) {
        return sovd_db_conn_check(conn, false);
}

void sovd_db_interrupt(struct sovd_db_conn *conn) {
        sovd_db_read_until(conn, 1); /* for what begins now */
        sqlite3_interrupt(conn->sqlite);
}

int sovd_db_check(struct sovd_db *db) {
        struct sovd_db_conn *conn;

        int r = sovd_db_read_begin(db, &conn);
        if (r)
                return r;
        r = sovd_db_check_in(conn);
        sovd_db_read_end(db, conn);
        return r;
}

static uint32_t big_endian(const unsigned char *p) {
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int sovd_db_identify(const char *path, struct sovd_db_file *ret) {
        unsigned char head[100] = "";
        struct stat st = { 0 };
        FILE *f = fopen(path, "rbe");
        if (!f)
                return sovd_error_origin(-errno);

        size_t n = fread(head, 1, sizeof(head), f);
        int r = ferror(f) || fstat(fileno(f), &st) ? sovd_error_origin(-EIO) : 0;
        (void)fclose(f);
        uint32_t page = (uint32_t)head[16] << 8 | head[17];
        *ret = (struct sovd_db_file){
                .is_database = n == sizeof(head) && memcmp(head, "SQLite format 3", 16) == 0,
                .application_id = big_endian(head + 68),
                .version = big_endian(head + 60),
                .bytes = (uint64_t)st.st_size,
                .bytes_said = (uint64_t)(page == 1 ? 65536 : page) * big_endian(head + 28),
        };
        return r;
}
