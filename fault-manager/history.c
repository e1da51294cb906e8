/* SPDX-License-Identifier: Apache-2.0 */
/* What happened, by time: the rows that flush.c and clear.c wrote. */
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/error.h"
#include <errno.h>

#define PAGE_BYTES ((size_t)1024 * 1024) /* after so much a page ends, however few events it has */

/* The clear of all faults of an entity has no code and no severity: it belongs to the history of each of them, but to
 * no severity. */
#define FILTER                                                                                                  \
        " AND id<=?14 AND severity<?2 AND (severity>0 OR ?2=2147483647)"                                                     \
        " AND ((CASE status>>6 WHEN 0 THEN ?3 WHEN 1 THEN ?11 WHEN 2 THEN ?12 ELSE ?13 END)>>(status&63))&1"     \
        " AND (?6 IS NULL OR scope=?6 OR (code='' AND scope='')) AND (?7 IS NULL OR code=?7 OR code='')"
#define SELECT "SELECT id, usec, frame, body, entity, code FROM fault_event WHERE "
#define OLDEST "(usec, id)>(?8, ?9) AND usec<=?5" FILTER
#define NEWEST "(usec, id)<(?8, ?9) AND usec>=?5" FILTER
#define OLDEST_FIRST " ORDER BY usec, id LIMIT ?10"
#define NEWEST_FIRST " ORDER BY usec DESC, id DESC LIMIT ?10"
/* What is of no entity happened to all of them: the restore. Both parts come in the order of the index. */
#define OF_ENTITY(place) SELECT "entity=?1 AND " place " UNION ALL " SELECT "entity='' AND " place

static const char *const statements[2][2] = { /* of all or of one entity; newest or oldest first */
        { SELECT NEWEST NEWEST_FIRST, SELECT OLDEST OLDEST_FIRST },
        { OF_ENTITY(NEWEST) NEWEST_FIRST, OF_ENTITY(OLDEST) OLDEST_FIRST },
};

static void bind_times(struct sovd_db_stmt *s, const struct fm_history_query *q) {
        int64_t to = q->to_usec ? (int64_t)q->to_usec : INT64_MAX, from = (int64_t)q->from_usec;

        sovd_db_bind_int(s, 5, q->oldest_first ? to : from);
        if (q->after_id) {
                sovd_db_bind_int(s, 8, (int64_t)q->after_usec);
                sovd_db_bind_int(s, 9, q->after_id);
        } else { /* begins where the time range does */
                sovd_db_bind_int(s, 8, q->oldest_first ? from : to);
                sovd_db_bind_int(s, 9, q->oldest_first ? 0 : INT64_MAX);
        }
}

static void bind(struct sovd_db_stmt *s, const struct fm_history_query *q) {
        static const int places[] = { 3, 11, 12, 13 };

        bind_times(s, q);
        if (q->entity)
                sovd_db_bind_text(s, 1, q->entity);
        for (unsigned i = 0; i < 4; i++)
                sovd_db_bind_int(s, places[i], q->statuses ? (int64_t)q->statuses[i] : -1);
        sovd_db_bind_int(s, 2, q->severity_below ? q->severity_below : INT32_MAX);
        sovd_db_bind_text(s, 6, q->scope);
        sovd_db_bind_text(s, 7, q->code);
        sovd_db_bind_int(s, 14, q->to_id ? q->to_id : INT64_MAX);
        sovd_db_bind_int(s, 10, q->sight.sees ? -1 : (int64_t)q->max + 1); /* one more tells whether something follows */
}

static int copy_past(struct sovd_db_stmt *s, struct sovd_arena *arena, struct fm_past *ret, size_t *bytes) {
        const char *frame = sovd_db_text(s, 2), *body = sovd_db_text(s, 3);

        *ret = (struct fm_past){ .id = sovd_db_int(s, 0),
                                 .usec = (uint64_t)sovd_db_int(s, 1),
                                 .frame = sovd_arena_strdup(arena, frame),
                                 .body = sovd_arena_strdup(arena, body) };
        if (!ret->body || (frame && !ret->frame))
                return sovd_error_origin(-ENOMEM);
        *bytes += strlen(ret->body) + (frame ? strlen(frame) : 0);
        return 0;
}

/* The next row that is seen; *more: there was one. */
static int step(struct sovd_db_stmt *s, const struct fm_history_query *q, bool *more) {
        int r;

        do
                r = sovd_db_step(s, more);
        while (!r && *more && q->sight.sees && !q->sight.sees(q->sight.data, sovd_db_text(s, 4), sovd_db_text(s, 5)));
        return r;
}

static int read_page(struct sovd_db_conn *conn, const struct fm_history_query *q, struct sovd_arena *arena,
                     struct fm_past *items, size_t *n, bool *ret_full) {
        struct sovd_db_stmt *s;
        size_t bytes = 0;
        bool more = true;

        int r = sovd_db_prepare(conn, &s, statements[q->entity != NULL][q->oldest_first]);
        if (!r)
                bind(s, q);
        while (!r && more && *n < q->max && bytes < PAGE_BYTES) {
                r = step(s, q, &more);
                if (!r && more)
                        r = copy_past(s, arena, &items[(*n)++], &bytes);
        }
        if (!r && more)
                r = step(s, q, &more);
        *ret_full = more;
        return r;
}

int fm_manager_history(struct fm_manager *m, const struct fm_history_query *query, struct sovd_arena *arena,
                       struct fm_past **ret, size_t *ret_n, bool *ret_full) {
        struct fm_past *items = sovd_arena_array(arena, struct fm_past, query->max);
        struct sovd_db_conn *conn;
        size_t n = 0;
        if (!items)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_db_read_begin(m->options.db, &conn);
        if (r)
                return r;
        sovd_db_read_until(conn, query->deadline_usec);
        r = read_page(conn, query, arena, items, &n, ret_full);
        sovd_db_read_end(m->options.db, conn);
        *ret = items;
        *ret_n = n;
        return r;
}

int fm_manager_knows(struct fm_manager *m, const char *entity, bool *ret) {
        struct sovd_db_conn *conn;
        struct sovd_db_stmt *s;

        int r = sovd_db_read_begin(m->options.db, &conn);
        if (r)
                return r;
        r = sovd_db_prepare(conn, &s, "SELECT 1 FROM fault WHERE entity=?1 UNION ALL SELECT 1 FROM fault_event WHERE entity=?1 LIMIT 1");
        if (!r) {
                sovd_db_bind_text(s, 1, entity);
                r = sovd_db_step(s, ret);
        }
        sovd_db_read_end(m->options.db, conn);
        return r;
}
