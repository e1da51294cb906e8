/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/execution_store.h"

#define COLUMNS                                                                                              \
        "id, backend, entity_type, entity, operation, backend_id, capability, status, state, ended_usec, adopted, " \
        "client, script"

int execution_store_put(struct sovd_db_conn *conn, const struct execution_row *row) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "INSERT INTO execution(" COLUMNS
                                          ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, row->id);
        sovd_db_bind_text(s, 2, row->backend);
        sovd_db_bind_text(s, 3, row->entity_type);
        sovd_db_bind_text(s, 4, row->entity);
        sovd_db_bind_text(s, 5, row->operation);
        sovd_db_bind_text(s, 6, row->backend_id);
        sovd_db_bind_text(s, 7, row->capability);
        sovd_db_bind_text(s, 8, row->status);
        sovd_db_bind_int(s, 9, row->state);
        sovd_db_bind_int(s, 10, (int64_t)row->ended_usec);
        sovd_db_bind_int(s, 11, row->adopted);
        sovd_db_bind_text(s, 12, row->client);
        sovd_db_bind_int(s, 13, row->script);
        return sovd_db_run(s);
}

static int run_texts(struct sovd_db_conn *conn, const char *sql, const char *first, const char *second) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, sql);
        if (r)
                return r;
        sovd_db_bind_text(s, 1, first);
        sovd_db_bind_text(s, 2, second);
        return sovd_db_run(s);
}

int execution_store_name(struct sovd_db_conn *conn, const char *id, const char *backend_id) {
        return run_texts(conn, "UPDATE execution SET state=1, backend_id=?2 WHERE id=?1", id, backend_id);
}

int execution_store_unname(struct sovd_db_conn *conn, const char *id) {
        return sovd_db_run_text(conn, "UPDATE execution SET backend_id='' WHERE id=?1", id);
}

int execution_store_merge(struct sovd_db_conn *conn, const char *id, const char *into) {
        int r = run_texts(conn, "UPDATE idempotency SET execution=?2 WHERE execution=?1", id, into);

        if (!r)
                r = run_texts(conn, "UPDATE execution SET client=(SELECT client FROM execution WHERE id=?1) WHERE id=?2", id, into);
        return r ? r : execution_store_remove(conn, id);
}

int execution_store_end(struct sovd_db_conn *conn, const char *id, const char *status, uint64_t ended_usec) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "UPDATE execution SET state=2, status=?2, ended_usec=?3 "
                                          "WHERE id=?1 AND state<>2");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, id);
        sovd_db_bind_text(s, 2, status);
        sovd_db_bind_int(s, 3, (int64_t)ended_usec);
        return sovd_db_run(s);
}

int execution_store_resume(struct sovd_db_conn *conn, const char *id, const char *capability) {
        return run_texts(conn, "UPDATE execution SET state=1, status=NULL, ended_usec=0, capability=?2 WHERE id=?1", id,
                         capability);
}

int execution_store_remove(struct sovd_db_conn *conn, const char *id) {
        return sovd_db_run_text(conn, "DELETE FROM execution WHERE id=?1", id);
}

int execution_store_tidy(struct sovd_db_conn *conn, uint64_t ended_usec, size_t max) {
        int r = sovd_db_run_int(conn, "DELETE FROM execution WHERE state=2 AND ended_usec<=?1", ended_usec);

        return r ? r
                 : sovd_db_run_int(conn, "DELETE FROM execution WHERE n IN (SELECT n FROM execution WHERE state=2 ORDER BY n "
                                    "LIMIT max(0, (SELECT count(*) FROM execution)-?1))", max);
}

int execution_store_end_pending(struct sovd_db_conn *conn, const char *status, uint64_t ended_usec, int64_t *ret_n) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "UPDATE execution SET state=2, status=?1, ended_usec=?2 WHERE state=0");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, status);
        sovd_db_bind_int(s, 2, (int64_t)ended_usec);
        r = sovd_db_run(s);
        *ret_n = r ? 0 : sovd_db_changes(conn);
        return r;
}

int execution_store_load(struct sovd_db_conn *conn, size_t max, int (*each)(const struct execution_row *row, void *data),
                         void *data) {
        struct sovd_db_stmt *s;
        bool more = true;

        int r = sovd_db_run_int(conn, "DELETE FROM execution WHERE n NOT IN (SELECT n FROM execution ORDER BY state, n DESC "
                                 "LIMIT ?1)", max);
        if (!r)
                r = sovd_db_prepare(conn, &s, "SELECT " COLUMNS " FROM execution ORDER BY n");
        while (!r && more) {
                r = sovd_db_step(s, &more);
                if (r || !more)
                        return r;
                const struct execution_row row = {
                        .id = sovd_db_text(s, 0),
                        .backend = sovd_db_text(s, 1),
                        .entity_type = sovd_db_text(s, 2),
                        .entity = sovd_db_text(s, 3),
                        .operation = sovd_db_text(s, 4),
                        .backend_id = sovd_db_text(s, 5),
                        .capability = sovd_db_text(s, 6),
                        .status = sovd_db_text(s, 7),
                        .state = (enum execution_state)sovd_db_int(s, 8),
                        .ended_usec = (uint64_t)sovd_db_int(s, 9),
                        .adopted = sovd_db_int(s, 10) != 0,
                        .client = sovd_db_text(s, 11),
                        .script = sovd_db_int(s, 12) != 0,
                };
                r = each(&row, data);
        }
        return r;
}
