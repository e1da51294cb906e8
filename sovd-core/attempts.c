/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/attempts.h"
#include "sovd-core/base/db.h"

struct attempts {
        const char *place;
        unsigned n;
};

static int read_row(struct sovd_db_conn *conn, const char *place, unsigned *ret) {
        struct sovd_db_stmt *s;
        bool row = false;

        int r = sovd_db_prepare(conn, &s, "SELECT n FROM wrong_attempt WHERE place=?1");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, place);
        r = sovd_db_step(s, &row);
        if (!r && row) {
                *ret = (unsigned)sovd_db_int(s, 0);
                r = sovd_db_run(s);
        }
        return r;
}

int sovd_attempts_read(struct sovd_db *db, const char *place, unsigned *ret) {
        struct sovd_db_conn *conn;

        *ret = 0;
        if (!db)
                return 0;
        int r = sovd_db_read_begin(db, &conn);
        if (r)
                return r;
        r = read_row(conn, place, ret);
        sovd_db_read_end(db, conn);
        return r;
}

int sovd_attempts_put(struct sovd_db_conn *conn, const char *place, unsigned n) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s,
                                n ? "INSERT INTO wrong_attempt(place, n) VALUES(?1, ?2)"
                                    " ON CONFLICT(place) DO UPDATE SET n=max(n, ?2)" /* two at once */
                                  : "DELETE FROM wrong_attempt WHERE place=?1");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, place);
        if (n)
                sovd_db_bind_int(s, 2, n);
        return sovd_db_run(s);
}

static int put(struct sovd_db_conn *conn, void *data) {
        const struct attempts *a = data;

        return sovd_attempts_put(conn, a->place, a->n);
}

int sovd_attempts_write(struct sovd_db *db, const char *place, unsigned n) {
        struct attempts a = { place, n };

        return db ? sovd_db_write(db, put, &a) : 0;
}

static int read_rows(struct sovd_db_conn *conn, const char *prefix, sovd_attempts_found found, void *data) {
        struct sovd_db_stmt *s;
        bool row = false;

        int r = sovd_db_prepare(conn, &s, "SELECT place, n FROM wrong_attempt WHERE substr(place, 1, length(?1))=?1");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, prefix);
        while (!(r = sovd_db_step(s, &row)) && row)
                found(sovd_db_text(s, 0), (unsigned)sovd_db_int(s, 1), data);
        return r;
}

int sovd_attempts_each(struct sovd_db *db, const char *prefix, sovd_attempts_found found, void *data) {
        struct sovd_db_conn *conn;

        if (!db)
                return 0;
        int r = sovd_db_read_begin(db, &conn);
        if (r)
                return r;
        r = read_rows(conn, prefix, found, data);
        sovd_db_read_end(db, conn);
        return r;
}
