/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/store.h"
#include "sovd-core/base/error.h"

#define COLUMNS \
        "entity, code, about, severity, scope, status, occurrences, failed_cycles, passed_cycles, first_usec, " \
        "last_usec, first_frame, last_frame, cycle_kind, cycle, first_cycle, last_cycle, owed, untold"

#define N_COLUMNS 19

static int put(struct sovd_db_conn *conn, const struct fm_row *row) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "INSERT INTO fault(" COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,"
                                          "?16,?17,?18,?19)"
                                          " ON CONFLICT(entity, code) DO UPDATE SET about=?3, severity=?4, scope=?5, status=?6,"
                                          " occurrences=?7, failed_cycles=?8, passed_cycles=?9, first_usec=?10,"
                                          " last_usec=?11, first_frame=?12, last_frame=?13, cycle_kind=?14, cycle=?15,"
                                          " first_cycle=?16, last_cycle=?17, owed=?18, untold=?19");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, row->entity);
        sovd_db_bind_text(s, 2, row->code);
        sovd_db_bind_text(s, 3, row->about);
        sovd_db_bind_int(s, 4, row->severity);
        sovd_db_bind_text(s, 5, row->scope);
        sovd_db_bind_int(s, 6, row->state.status);
        sovd_db_bind_int(s, 7, row->state.n_occurrences);
        sovd_db_bind_int(s, 8, row->state.n_failed_cycles);
        sovd_db_bind_int(s, 9, row->state.n_passed_cycles);
        sovd_db_bind_int(s, 10, (int64_t)row->first_usec);
        sovd_db_bind_int(s, 11, (int64_t)row->last_usec);
        sovd_db_bind_text(s, 12, row->first_frame);
        sovd_db_bind_text(s, 13, row->last_frame);
        sovd_db_bind_text(s, 14, row->cycle_kind ? row->cycle_kind : "");
        sovd_db_bind_int(s, 15, (int64_t)row->cycle);
        sovd_db_bind_int(s, 16, (int64_t)row->first_cycle);
        sovd_db_bind_int(s, 17, (int64_t)row->last_cycle);
        sovd_db_bind_int(s, 18, row->owed);
        sovd_db_bind_int(s, 19, row->untold);
        return sovd_db_run(s);
}

static int delete_one(struct sovd_db_conn *conn, const char *entity, const char *code) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "DELETE FROM fault WHERE entity=?1 AND code=?2");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, entity);
        sovd_db_bind_text(s, 2, code);
        return sovd_db_run(s);
}

int fm_store_put(struct sovd_db_conn *conn, const struct fm_row *row) {
        return row->state.n_occurrences ? put(conn, row) : delete_one(conn, row->entity, row->code);
}

int fm_store_event(struct sovd_db_conn *conn, const struct fm_event *event, int64_t *ret_id) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "INSERT INTO fault_event(usec, entity, code, changed, status, severity, scope, "
                                          "frame, body, merged) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)event->usec);
        sovd_db_bind_text(s, 2, event->entity);
        sovd_db_bind_text(s, 3, event->code);
        sovd_db_bind_int(s, 4, event->changed);
        sovd_db_bind_int(s, 5, event->state.status);
        sovd_db_bind_int(s, 6, event->about ? event->about->severity.value : 0);
        sovd_db_bind_text(s, 7, event->scope);
        sovd_db_bind_text(s, 8, event->frame);
        sovd_db_bind_text(s, 9, event->body);
        sovd_db_bind_int(s, 10, event->merged);
        r = sovd_db_run(s);
        if (!r)
                *ret_id = sovd_db_last_id(conn);
        return r;
}

static struct fm_row read_row(struct sovd_db_stmt *s) {
        return (struct fm_row){
                .entity = sovd_db_text(s, 0),
                .code = sovd_db_text(s, 1),
                .about = sovd_db_text(s, 2),
                .severity = sovd_db_int(s, 3),
                .scope = sovd_db_text(s, 4),
                .state = { .status = (uint8_t)sovd_db_int(s, 5),
                           .n_occurrences = (uint32_t)sovd_db_int(s, 6),
                           .n_failed_cycles = (uint32_t)sovd_db_int(s, 7),
                           .n_passed_cycles = (uint32_t)sovd_db_int(s, 8) },
                .first_usec = (uint64_t)sovd_db_int(s, 9),
                .last_usec = (uint64_t)sovd_db_int(s, 10),
                .first_frame = sovd_db_text(s, 11),
                .last_frame = sovd_db_text(s, 12),
                .cycle_kind = sovd_db_text(s, 13),
                .cycle = (uint64_t)sovd_db_int(s, 14),
                .first_cycle = (uint64_t)sovd_db_int(s, 15),
                .last_cycle = (uint64_t)sovd_db_int(s, 16),
                .owed = (unsigned)sovd_db_int(s, 17),
                .untold = (uint32_t)sovd_db_int(s, 18),
        };
}

/* Calls each for every row of a statement. */
static int walk(struct sovd_db_stmt *s, int (*each)(const struct fm_row *row, void *data), void *data) {
        bool more = true;
        int r = 0;

        while (!r && more) {
                r = sovd_db_step(s, &more);
                if (!r && more) {
                        const struct fm_row row = read_row(s);
                        r = each(&row, data);
                }
        }
        return r;
}

int fm_store_load(struct sovd_db_conn *conn, const char *entity, const char *code,
                  int (*each)(const struct fm_row *row, void *data), void *data) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, code ? "SELECT " COLUMNS " FROM fault WHERE entity=?1 AND code=?2"
                                               : "SELECT " COLUMNS " FROM fault WHERE entity=?1");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, entity);
        if (code)
                sovd_db_bind_text(s, 2, code);
        return walk(s, each, data);
}

/* As in the index: not (only) "not completed in this cycle" of the bits that a cycle moves. */
#define UNSETTLED "(status&67)<>64"

int fm_store_unsettled(struct sovd_db_conn *conn, const char *kind, int64_t after, size_t max,
                       int (*each)(int64_t id, const struct fm_row *row, void *data), void *data, size_t *ret_n) {
        struct sovd_db_stmt *s;
        bool more = true;

        *ret_n = 0;
        int r = sovd_db_prepare(conn, &s, "SELECT " COLUMNS ", rowid FROM fault WHERE cycle_kind=?1 AND " UNSETTLED
                                          " AND rowid>?2 ORDER BY rowid LIMIT ?3");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, kind);
        sovd_db_bind_int(s, 2, after);
        sovd_db_bind_int(s, 3, (int64_t)max);
        while (!r && more) {
                r = sovd_db_step(s, &more);
                if (r || !more)
                        break;
                const struct fm_row row = read_row(s);
                r = each(sovd_db_int(s, N_COLUMNS), &row, data);
                (*ret_n)++;
        }
        return r;
}

int fm_store_owed(struct sovd_db_conn *conn, int (*each)(const struct fm_row *row, void *data), void *data) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "SELECT " COLUMNS " FROM fault WHERE owed<>0");
        return r ? r : walk(s, each, data);
}

/* --- cycles --------------------------------------------------------------------------------------------- */

int fm_store_cycle(struct sovd_db_conn *conn, const char *kind, uint64_t n) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "INSERT INTO fault_cycle(kind, n) VALUES(?1,?2) "
                                          "ON CONFLICT(kind) DO UPDATE SET n=excluded.n");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, kind);
        sovd_db_bind_int(s, 2, (int64_t)n);
        return sovd_db_run(s);
}

int fm_store_rebase(struct sovd_db_conn *conn) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "UPDATE fault SET cycle=coalesce((SELECT n FROM fault_cycle c WHERE "
                                          "c.kind=fault.cycle_kind),0)");
        return r ? r : sovd_db_run(s);
}

int fm_store_settled(struct sovd_db_conn *conn, const char *kind, uint64_t n) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "UPDATE fault_cycle SET settled=?2 WHERE kind=?1 AND settled<>?2");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, kind);
        sovd_db_bind_int(s, 2, (int64_t)n);
        return sovd_db_run(s);
}

int fm_store_cycles(struct sovd_db_conn *conn, int (*each)(const char *kind, uint64_t n, bool settled, void *data), void *data) {
        struct sovd_db_stmt *s;
        bool more = true;

        int r = sovd_db_prepare(conn, &s, "SELECT kind, n, settled=n FROM fault_cycle");
        while (!r && more) {
                r = sovd_db_step(s, &more);
                if (!r && more)
                        r = each(sovd_db_text(s, 0), (uint64_t)sovd_db_int(s, 1), sovd_db_int(s, 2), data);
        }
        return r;
}

/* The first mark ever begins nothing. */
int fm_store_mark(struct sovd_db_conn *conn, const char *kind, const char *mark) {
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "INSERT INTO fault_cycle(kind, n, mark) VALUES(?1,0,?2) ON CONFLICT(kind) DO UPDATE "
                                          "SET n=n+(mark IS NOT NULL), mark=excluded.mark WHERE mark IS NOT excluded.mark");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, kind);
        sovd_db_bind_text(s, 2, mark);
        return sovd_db_run(s);
}

int fm_store_clear(struct sovd_db_conn *conn, const char *entity, const char *code, const char *scope,
                   int64_t *ret_n) {
        struct sovd_db_stmt *s;

        /* Two statements: one for both would read all faults of the entity to find one. */
        int r = sovd_db_prepare(conn, &s, code ? "DELETE FROM fault WHERE entity=?1 AND code=?2 AND (?3 IS NULL OR scope=?3)"
                                               : "DELETE FROM fault WHERE entity=?1 AND (?3 IS NULL OR scope=?3)");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, entity);
        if (code)
                sovd_db_bind_text(s, 2, code);
        sovd_db_bind_text(s, 3, scope);
        r = sovd_db_run(s);
        *ret_n = r ? 0 : sovd_db_changes(conn);
        return r;
}

/* Statuses that are wanted are bits of four words, so that any filter on the status is one of the index. */
#define FILTER                                                                                          \
        " AND severity<?2"                                                                              \
        " AND ((CASE status>>6 WHEN 0 THEN ?3 WHEN 1 THEN ?11 WHEN 2 THEN ?12 ELSE ?13 END)>>(status&63))&1" \
        " AND last_usec>=?4 AND last_usec<=?5"                                                          \
        " AND (?6 IS NULL OR scope=?6) AND (?7 IS NULL OR code=?7)"
#define TAGS                                                                                            \
        " AND (?14 IS NULL OR EXISTS(SELECT 1 FROM json_each(about, '$.tags') t JOIN json_each(?14) w"  \
        " ON t.value=w.value))"

/* The index alone says which rows, then they are read: a row that the filter leaves out is never looked up. */
#define ROWS_OF(table, where, order)                                                                    \
        "SELECT " COLUMNS " FROM (SELECT rowid AS r FROM " table " WHERE " where FILTER      \
        " ORDER BY " order " LIMIT ?10) CROSS JOIN fault ON fault.rowid=r ORDER BY " order
/* Tags are in the row. */
#define TAGGED_ROWS_OF(table, where, order)                                                             \
        "SELECT " COLUMNS " FROM " table " WHERE " where FILTER TAGS " ORDER BY " order " LIMIT ?10"

#define ENTITY       "entity=?1 AND (last_usec, code)<(?8, ?9)"
#define ENTITY_ORDER "last_usec DESC, code DESC"
#define ALL          "(last_usec, code, entity)<(?8, ?9, ?1)"
#define ALL_ORDER    "last_usec DESC, code DESC, entity DESC"

/* As in the index of what is now: the test fails, or the warning indicator is requested. */
#define NOW_BITS     (FM_TEST_FAILED | FM_WARNING_INDICATOR)
#define IS_NOW       " AND (status&129)<>0"
#define FAULT_NOW    "fault INDEXED BY fault_now"

static const char *const newest_first[2][2][2] = { /* of all or of one entity; whatever their tags or with some; any or now */
        { { ROWS_OF("fault", ALL, ALL_ORDER), ROWS_OF(FAULT_NOW, ALL IS_NOW, ALL_ORDER) },
          { TAGGED_ROWS_OF("fault", ALL, ALL_ORDER), TAGGED_ROWS_OF(FAULT_NOW, ALL IS_NOW, ALL_ORDER) } },
        { { ROWS_OF("fault", ENTITY, ENTITY_ORDER), ROWS_OF(FAULT_NOW, ENTITY IS_NOW, ENTITY_ORDER) },
          { TAGGED_ROWS_OF("fault", ENTITY, ENTITY_ORDER), TAGGED_ROWS_OF(FAULT_NOW, ENTITY IS_NOW, ENTITY_ORDER) } },
};
static const char by_key[] = TAGGED_ROWS_OF("fault", "(entity, code)>(?1, ?9) AND entity<=?8", "entity, code");
static const char one[] = "SELECT " COLUMNS " FROM fault WHERE entity=?1 AND code=?7" FILTER TAGS " LIMIT ?10";

/* Is every status that is wanted one of those in the smaller index? */
static bool is_now_only(const uint64_t statuses[static 4]) {
        for (unsigned status = 0; status < 256; status++)
                if (!(status & NOW_BITS) && statuses[status / 64] & (UINT64_C(1) << status % 64))
                        return false;
        return true;
}

static const char *statement_for(const struct fm_query *q, const uint64_t statuses[static 4]) {
        if (q->by_key)
                return by_key;
        return q->entity && q->code && !q->after_usec
                       ? one
                       : newest_first[q->entity != NULL][q->tags != NULL][is_now_only(statuses)];
}

/* No text sorts behind this one: bytes above those of UTF-8 do not come. */
#define LAST_TEXT "\xf4\x8f\xbf\xbf"

static void bind_newest_first(struct sovd_db_stmt *s, const struct fm_query *q) {
        bool first = !q->after_usec;
        const char *after_entity = first || !q->after_entity ? LAST_TEXT : q->after_entity;
        uint64_t newest = q->to_usec ? q->to_usec : INT64_MAX;

        sovd_db_bind_text(s, 1, q->entity ? q->entity : after_entity);
        sovd_db_bind_int(s, 8, (int64_t)(first ? newest : q->after_usec)); /* begins where the time range does */
        sovd_db_bind_text(s, 9, first || !q->after_code ? LAST_TEXT : q->after_code);
}

static void bind_by_key(struct sovd_db_stmt *s, const struct fm_query *q) {
        const char *entity = q->entity ? q->entity : "";

        sovd_db_bind_text(s, 1, q->after_code && q->after_entity ? q->after_entity : entity);
        sovd_db_bind_text(s, 8, q->entity ? q->entity : LAST_TEXT);
        sovd_db_bind_text(s, 9, q->after_code ? q->after_code : "");
}

static void make_statuses(const struct fm_query *q, uint64_t ret[static 4]) {
        for (unsigned i = 0; i < 4; i++)
                ret[i] = q->statuses ? q->statuses[i] : UINT64_MAX;
        for (unsigned status = 0; q->status_any && status < 256; status++)
                if (!(status & q->status_any))
                        ret[status / 64] &= ~(UINT64_C(1) << status % 64);
}

static void bind_query(struct sovd_db_stmt *s, const struct fm_query *q, const uint64_t statuses[static 4]) {
        static const int places[] = { 3, 11, 12, 13 };

        if (q->by_key)
                bind_by_key(s, q);
        else
                bind_newest_first(s, q);
        for (unsigned i = 0; i < 4; i++)
                sovd_db_bind_int(s, places[i], (int64_t)statuses[i]);
        sovd_db_bind_int(s, 2, q->severity_below ? q->severity_below : INT32_MAX);
        sovd_db_bind_int(s, 4, (int64_t)q->from_usec);
        sovd_db_bind_int(s, 5, q->to_usec ? (int64_t)q->to_usec : INT64_MAX);
        sovd_db_bind_text(s, 6, q->scope);
        sovd_db_bind_text(s, 7, q->code);
        sovd_db_bind_int(s, 10, q->sight.sees ? -1 : (int64_t)q->max); /* whoever passes over some stops by himself */
        if (q->tags)
                sovd_db_bind_text(s, 14, q->tags);
}

int fm_store_list(struct sovd_db_conn *conn, const struct fm_query *query,
                  int (*each)(const struct fm_row *row, void *data), void *data) {
        struct sovd_db_stmt *s;
        uint64_t statuses[4];

        make_statuses(query, statuses);
        int r = sovd_db_prepare(conn, &s, statement_for(query, statuses));
        if (r)
                return r;
        bind_query(s, query, statuses);
        return walk(s, each, data);
}
