/* SPDX-License-Identifier: Apache-2.0 */
/* What readers of the bus lack, from the database, and what is present when they ask for it: a page at a time. */
#include "sovd-core/base/arena.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-core/events_inside.h"
#include <stdio.h>

#define ROWS_MAX    1000       /* that one page looks at, whatever the filter takes of them */
#define NO_ID       UINT64_MAX /* so that a client that loses the stream here begins again */
#define PRESENT_MAX 64         /* faults that are asked for at once */

/* A page while it is made. */
struct work {
        struct sovd_events_reader *reader;
        struct sovd_events_page *page;
        uint64_t position, to; /* ids behind position, up to `to` */
        uint64_t n_replayed, n_missed;
        bool snapshot, snapshot_ended;
};

static bool is_full(const struct sovd_events_page *page) {
        return page->n >= SOVD_PAGE_EVENTS || page->n_bytes >= SOVD_PAGE_BYTES;
}

static int put(struct work *w, const char *name, uint64_t id, const char *data) {
        struct sovd_event *event = sovd_event_new(name, data, strlen(data));
        if (!event)
                return sovd_error_origin(-ENOMEM);

        if (id != NO_ID)
                sovd_event_set_id(event, id);
        w->page->events[w->page->n++] = event;
        w->page->n_bytes += event->len;
        return 0;
}

/* --- replay --------------------------------------------------------------------------------------------- */

/* A snapshot that follows tells what is, so the client is to ask again for both when it loses the stream before that. */
static int put_gap(struct work *w, uint64_t to) {
        char data[128];

        (void)snprintf(data, sizeof(data), "{\"from\":%llu,\"to\":%llu,\"missed\":%llu}",
                       (unsigned long long)w->position + 1, (unsigned long long)to,
                       (unsigned long long)(to - w->position));
        w->page->is_gap = true;
        w->n_missed = to - w->position;
        w->position = to;
        w->snapshot = w->reader->snapshot_after_gap;
        return put(w, "gap", w->snapshot ? NO_ID : to, data);
}

/* The oldest event that is kept; the one behind the newest if there is none. */
static int oldest_kept(struct sovd_db_conn *conn, uint64_t newest, uint64_t *ret) {
        struct sovd_db_stmt *s;
        bool row;

        int r = sovd_db_prepare(conn, &s, "SELECT id FROM fault_event ORDER BY id LIMIT 1");
        if (!r)
                r = sovd_db_step(s, &row);
        if (!r)
                *ret = row ? SOVD_MIN((uint64_t)sovd_db_int(s, 0), newest + 1) : newest + 1;
        return r;
}

static int check_gap(struct work *w, struct sovd_db_conn *conn) {
        uint64_t max = w->reader->events->options.replay_max, oldest = 0;
        uint64_t first = w->to - w->position > max ? w->to - max + 1 : w->position + 1;

        int r = oldest_kept(conn, w->to, &oldest);
        if (r)
                return r;
        first = SOVD_MAX(first, oldest);
        return first > w->position + 1 ? put_gap(w, first - 1) : 0;
}

static struct sovd_fact read_fact(struct sovd_db_stmt *s) {
        return (struct sovd_fact){
                .id = (uint64_t)sovd_db_int(s, 0),
                .entity = sovd_db_text(s, 1),
                .code = sovd_db_text(s, 2),
                .scope = sovd_db_text(s, 3),
                .severity = sovd_db_int(s, 4),
                .status = (uint8_t)sovd_db_int(s, 5),
                .changed = (unsigned)sovd_db_int(s, 6),
                .body = sovd_db_text(s, 7),
        };
}

static int put_rows(struct work *w, struct sovd_db_stmt *s) {
        bool row = true;
        size_t n = 0;

        for (; n < ROWS_MAX && !is_full(w->page); n++) {
                int r = sovd_db_step(s, &row);
                if (r)
                        return r;
                if (!row)
                        break;
                const struct sovd_fact fact = read_fact(s);
                w->position = fact.id;
                if (!sovd_event_filter_matches(&w->reader->filter, &fact))
                        continue;
                r = put(w, "fault", fact.id, fact.body);
                if (r)
                        return r;
                w->n_replayed++;
        }
        if (!row)
                w->position = w->to;
        return 0;
}

static int replay_from(struct work *w, struct sovd_db_conn *conn) {
        struct sovd_db_stmt *s;
        int r = check_gap(w, conn);

        if (r || w->snapshot)
                return r;
        r = sovd_db_prepare(
                conn, &s,
                "SELECT id, entity, code, scope, severity, status, changed, body FROM fault_event "
                "WHERE id>?1 AND id<=?2 ORDER BY id");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)w->position);
        sovd_db_bind_int(s, 2, (int64_t)w->to);
        return put_rows(w, s);
}

static int replay(struct work *w) {
        struct sovd_db *db = w->reader->events->options.db;
        struct sovd_db_conn *conn;

        int r = sovd_db_read_begin(db, &conn);
        if (r)
                return r;
        r = replay_from(w, conn);
        sovd_db_read_end(db, conn);
        return r;
}

/* --- snapshot ------------------------------------------------------------------------------------------- */

static int put_present(const struct sovd_fact *fact, void *data) {
        struct work *w = data;

        if (!sovd_event_filter_matches(&w->reader->filter, fact))
                return 0;
        w->reader->n_present++;
        return put(w, "snapshot", NO_ID, fact->body);
}

static int end_snapshot(struct work *w) {
        char data[96];

        w->snapshot_ended = true;
        free(w->reader->place);
        w->reader->place = NULL;
        (void)snprintf(data, sizeof(data), "{\"id\":%llu,\"faults\":%llu}", (unsigned long long)w->position,
                       (unsigned long long)w->reader->n_present);
        return put(w, "snapshot-end", w->position, data);
}

/* What changes between two pages comes as an event afterwards: their ids are behind the position, which was the newest
 * before the first page was read. */
static int snapshot(struct work *w) {
        struct sovd_fault_sink *sink = w->reader->events->sink;
        const struct sovd_event_filter *f = &w->reader->filter;
        bool more = false;
        int r = 0;

        if (!w->reader->has_begun) {
                w->reader->place = calloc(1, sizeof(*w->reader->place));
                if (!w->reader->place)
                        return sovd_error_origin(-ENOMEM);
                w->reader->has_begun = true;
                w->reader->n_present = 0;
                w->position = w->to;
        }
        if (sink)
                r = sink->ops->present(sink, f->n_entities == 1 ? f->entities[0] : NULL, w->reader->place,
                                       PRESENT_MAX, put_present, w, &more);
        return r || more ? r : end_snapshot(w);
}

/* --- the thread ----------------------------------------------------------------------------------------- */

void sovd_events_want_page(struct sovd_events_reader *reader) {
        struct sovd_events *e = reader->events;

        if (reader->waiting || reader->working)
                return;
        reader->waiting = true;
        reader->next_waiting = NULL;
        *e->last_waiting = reader;
        e->last_waiting = &reader->next_waiting;
        e->counters.n_waiting++;
        (void)pthread_cond_signal(&e->wanted);
}

static struct sovd_events_reader *take_waiting(struct sovd_events *e) {
        struct sovd_events_reader *reader = e->waiting;

        e->waiting = reader->next_waiting;
        if (!e->waiting)
                e->last_waiting = &e->waiting;
        reader->waiting = false;
        reader->working = true;
        e->counters.n_waiting--;
        return reader;
}

static int make_page(struct work *w) {
        w->page = calloc(1, sizeof(*w->page));
        if (!w->page)
                return sovd_error_origin(-ENOMEM);
        return w->snapshot ? snapshot(w) : replay(w);
}

/* With the mutex held: what the page means for its reader. */
static void go_on(struct sovd_events *e, struct work *w) {
        struct sovd_events_reader *reader = w->reader;

        reader->position = w->position;
        if (w->snapshot_ended) {
                reader->phase = SOVD_EVENTS_REPLAY;
                reader->snapshot_after_gap = false;
                w->snapshot = false;
        } else if (w->snapshot) {
                reader->phase = SOVD_EVENTS_SNAPSHOT;
        }
        if (!w->snapshot && reader->position >= sovd_events_before_ring(e))
                reader->phase = SOVD_EVENTS_LIVE;
        if (w->page->n)
                reader->page = SOVD_TAKE(w->page);
}

/* With the mutex held. */
static void hand_over(struct sovd_events *e, struct work *w, int r) {
        struct sovd_events_reader *reader = w->reader;

        reader->working = false;
        e->counters.n_replayed += w->n_replayed;
        e->counters.n_missed += w->n_missed;
        e->counters.n_failed += r != 0;
        if (!r)
                go_on(e, w);
        reader->failed = reader->failed || r;
        if (reader->sleeping && !reader->page && !reader->failed && reader->phase != SOVD_EVENTS_LIVE)
                sovd_events_want_page(reader); /* nothing was for it: the others have their turn first */
        else
                sovd_events_wake_reader(reader);
}

/* With the mutex held, which is free while the page is made. */
static void serve(struct sovd_events *e) {
        struct work w = { .reader = take_waiting(e), .to = e->newest };

        w.position = w.reader->position;
        w.snapshot = w.reader->phase == SOVD_EVENTS_SNAPSHOT;
        (void)pthread_mutex_unlock(&e->mutex);
        int r = make_page(&w);
        if (r)
                sovd_log(SOVD_LOG_WARN, "a stream of faults ends: what it lacks cannot be read: %s",
                         strerror(r < 0 ? -r : r));

        (void)pthread_mutex_lock(&e->mutex);
        bool closed = w.reader->closed;
        if (!closed)
                hand_over(e, &w, r);
        if (closed || w.page) {
                (void)pthread_mutex_unlock(&e->mutex);
                sovd_events_page_free(w.page);
                if (closed)
                        sovd_events_reader_free(w.reader);
                (void)pthread_mutex_lock(&e->mutex);
        }
}

static void *run(void *data) {
        struct sovd_events *e = data;

        (void)pthread_setname_np(pthread_self(), "events");
        (void)pthread_mutex_lock(&e->mutex);
        while (!e->stopping) {
                if (e->waiting)
                        serve(e);
                else
                        (void)pthread_cond_wait(&e->wanted, &e->mutex);
        }
        (void)pthread_mutex_unlock(&e->mutex);
        return NULL;
}

int sovd_events_start_pages(struct sovd_events *e) {
        int r = pthread_create(&e->thread, NULL, run, e);

        e->has_thread = !r;
        return r ? sovd_error_origin(-r) : 0;
}

void sovd_events_stop_pages(struct sovd_events *e) {
        (void)pthread_mutex_lock(&e->mutex);
        e->stopping = true;
        (void)pthread_cond_signal(&e->wanted);
        (void)pthread_mutex_unlock(&e->mutex);
        if (e->has_thread)
                (void)pthread_join(e->thread, NULL);
        e->has_thread = false;
}
