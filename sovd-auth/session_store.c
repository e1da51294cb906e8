/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-auth/session_store.h"
#include "sovd-core/base/error.h"
#include <errno.h>
#include <stdio.h>

int session_store_put(struct sovd_db_conn *conn, const struct session *session) {
        struct sovd_db_stmt *s;
        int r = sovd_db_prepare(conn, &s, "INSERT INTO auth_session(id, key, access, refresh, refresh_before, access_ends_usec, ends_usec, scopes)"
                                          " VALUES(?1,?2,?3,?4,?5,?6,?7,?8)");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, session->id);
        sovd_db_bind_blob(s, 2, session->key, SOVD_SESSION_DIGEST);
        sovd_db_bind_blob(s, 3, session->access, SOVD_SESSION_DIGEST);
        sovd_db_bind_blob(s, 4, session->refresh, SOVD_SESSION_DIGEST);
        sovd_db_bind_blob(s, 5, session->before, SOVD_SESSION_DIGEST);
        sovd_db_bind_int(s, 6, (int64_t)session->access_ends_usec);
        sovd_db_bind_int(s, 7, (int64_t)session->ends_usec);
        sovd_db_bind_text(s, 8, session->scopes);
        return sovd_db_run(s);
}

int session_store_exchange(struct sovd_db_conn *conn, const struct session *session, const unsigned char refresh[static SOVD_SESSION_DIGEST]) {
        struct sovd_db_stmt *s;
        int r = sovd_db_prepare(conn, &s, "UPDATE auth_session SET access=?3, refresh=?4, refresh_before=?2, access_ends_usec=?5, ends_usec=?6"
                                          " WHERE id=?1 AND refresh=?2");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, session->id);
        sovd_db_bind_blob(s, 2, refresh, SOVD_SESSION_DIGEST);
        sovd_db_bind_blob(s, 3, session->access, SOVD_SESSION_DIGEST);
        sovd_db_bind_blob(s, 4, session->refresh, SOVD_SESSION_DIGEST);
        sovd_db_bind_int(s, 5, (int64_t)session->access_ends_usec);
        sovd_db_bind_int(s, 6, (int64_t)session->ends_usec);
        r = sovd_db_run(s);
        return !r && sovd_db_changes(conn) != 1 ? SOVD_E_UNAUTHORIZED : r;
}

int session_store_remove(struct sovd_db_conn *conn, const char *id) {
        return sovd_db_run_text(conn, "DELETE FROM auth_session WHERE id=?1", id);
}

int session_store_drop(struct sovd_db_conn *conn, uint64_t now_usec) {
        return sovd_db_run_int(conn, "DELETE FROM auth_session WHERE ends_usec<=?1", (int64_t)now_usec);
}

static bool copy_digest(unsigned char ret[static SOVD_SESSION_DIGEST], struct sovd_db_stmt *s, int column) {
        size_t n;
        const void *bytes = sovd_db_blob(s, column, &n);

        if (!bytes || n != SOVD_SESSION_DIGEST)
                return false;
        memcpy(ret, bytes, n);
        return true;
}

/* A row that makes no sense is no session. */
static int take(struct sovd_db_stmt *s, int (*each)(struct session *session, void *data), void *data) {
        struct session session = { .access_ends_usec = (uint64_t)sovd_db_int(s, 5), .ends_usec = (uint64_t)sovd_db_int(s, 6) };
        const char *id = sovd_db_text(s, 0), *scopes = sovd_db_text(s, 7);

        if (!id || strlen(id) >= sizeof(session.id) || !copy_digest(session.key, s, 1) || !copy_digest(session.access, s, 2) ||
            !copy_digest(session.refresh, s, 3) || !copy_digest(session.before, s, 4))
                return 0;
        (void)strcpy(session.id, id);
        session.scopes = scopes ? strdup(scopes) : NULL;
        if (scopes && !session.scopes)
                return sovd_error_origin(-ENOMEM);
        return each(&session, data);
}

int session_store_load(struct sovd_db_conn *conn, uint64_t now_usec, int (*each)(struct session *session, void *data), void *data) {
        struct sovd_db_stmt *s;
        bool row = true;
        int r = session_store_drop(conn, now_usec);

        if (!r)
                r = sovd_db_prepare(conn, &s, "SELECT id, key, access, refresh, refresh_before, access_ends_usec, ends_usec, scopes FROM auth_session");
        while (!r && row) {
                r = sovd_db_step(s, &row);
                if (!r && row)
                        r = take(s, each, data);
        }
        return r;
}
