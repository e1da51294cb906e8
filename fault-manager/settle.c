/* SPDX-License-Identifier: Apache-2.0 */
/* What a cycle means for faults that are in the file only. */
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>

#define ROWS       256                          /* of one change: about 10 ms of the writer */
#define RETRY_USEC SOVD_USEC_PER_SEC

/* One change on its way; it belongs to the writer thread until it is done. */
struct fm_page {
        struct fm_manager *m;
        struct fm_kind *kind;
        uint64_t n;               /* number of its cycle, which is in the file */
        int64_t after, last;      /* rows behind this one; the last that was seen */
        struct sovd_arena *arena; /* of the rows and the events */
        struct fm_row rows[ROWS];
        struct fm_event events[ROWS];
        size_t n_rows, n_events;
        bool is_last;
};

static struct fm_page *page_free(struct fm_page *page) {
        if (!page)
                return NULL;
        sovd_arena_free(page->arena);
        free(page);
        return NULL;
}
SOVD_DEFINE_CLEANUP(struct fm_page *, page_free)

/* --- on the writer thread -------------------------------------------------------------------------------- */

static bool copy_row(struct fm_page *page, const struct fm_row *row) {
        struct fm_row *copy = &page->rows[page->n_rows++];

        *copy = *row;
        copy->entity = sovd_arena_strdup(page->arena, row->entity);
        copy->code = sovd_arena_strdup(page->arena, row->code);
        copy->about = sovd_arena_strdup(page->arena, row->about);
        copy->scope = sovd_arena_strdup(page->arena, row->scope);
        copy->first_frame = sovd_arena_strdup(page->arena, row->first_frame);
        copy->last_frame = sovd_arena_strdup(page->arena, row->last_frame);
        copy->cycle_kind = page->kind->name;
        return copy->entity && copy->code && copy->about && copy->scope &&
               !row->first_frame == !copy->first_frame && !row->last_frame == !copy->last_frame;
}

/* What is in memory has made its step, and is written from there. */
static bool is_in_memory(struct fm_manager *m, const struct fm_row *row) {
        (void)pthread_mutex_lock(&m->mutex);
        const struct fm_fault *f = fm_table_find(&m->table, row->entity, row->code);
        bool loaded = f && f->loaded;
        (void)pthread_mutex_unlock(&m->mutex);
        return loaded;
}

static int take(int64_t id, const struct fm_row *row, void *data) {
        struct fm_page *page = data;

        page->last = id;
        page->is_last = false;
        if (row->cycle >= page->n || is_in_memory(page->m, row))
                return 0;
        return copy_row(page, row) ? 0 : sovd_error_origin(-ENOMEM);
}

static int tell(struct sovd_db_conn *conn, struct fm_page *page, struct fm_row *row, unsigned changed,
                const struct fm_descriptor *about) {
        struct fm_event *event = &page->events[page->n_events];
        _cleanup_(sovd_freep) char *body = NULL;

        *event = (struct fm_event){ .usec = sovd_realtime_usec(), .entity = row->entity, .code = row->code,
                                    .changed = changed | (row->owed & ~FM_HELD), .state = row->state, .about = about,
                                    .scope = row->scope, .merged = row->untold };
        int r = fm_event_body(event, page->arena, &body);
        if (r)
                return r;
        event->body = sovd_arena_strdup(page->arena, body);
        if (!event->body)
                return sovd_error_origin(-ENOMEM);
        page->n_events++;
        row->owed &= FM_HELD;
        row->untold = 0;
        return fm_store_event(conn, event, &event->id);
}

static int step(struct sovd_db_conn *conn, struct fm_page *page, struct fm_row *row) {
        struct fm_descriptor *about;
        int r = fm_descriptor_read(page->arena, row->about, &about);
        if (r == -ENOMEM)
                return r;
        if (r) { /* the others can go on */
                sovd_log(SOVD_LOG_WARN, "what is stored of fault %s of %s cannot be read", row->code, row->entity);
                return 0;
        }
        const struct fm_rule rule = fm_descriptor_rule(about);

        unsigned changed = fm_state_cycles(&row->state, &rule, page->n - row->cycle);
        row->cycle = page->n;
        if (!changed)
                return 0;
        r = tell(conn, page, row, changed, about);
        return r ? r : fm_store_put(conn, row);
}

/* The faults that are in memory were written with the number of the cycle, so what is behind the last row is settled. */
static int work(struct sovd_db_conn *conn, void *data) {
        struct fm_page *page = data;
        size_t seen = 0;

        sovd_arena_reset(page->arena); /* it may be done again */
        page->n_rows = page->n_events = 0;
        page->last = page->after;
        int r = fm_store_unsettled(conn, page->kind->name, page->after, ROWS, take, page, &seen);
        page->is_last = seen < ROWS;
        for (size_t i = 0; !r && i < page->n_rows; i++)
                r = step(conn, page, &page->rows[i]);
        return !r && page->is_last ? fm_store_settled(conn, page->kind->name, page->n) : r;
}

/* With the mutex held. Another cycle may have begun meanwhile. */
static void go_on(struct fm_manager *m, const struct fm_page *page, int result) {
        struct fm_kind *kind = page->kind;

        m->settle_usec = result ? sovd_now_usec() + RETRY_USEC : 0;
        if (result || kind->n != page->n)
                return;
        kind->settled_row = page->is_last ? 0 : page->last;
        kind->behind = !page->is_last;
}

static void done(int result, void *data) {
        struct fm_page *page = data;
        struct fm_manager *m = page->m;

        for (size_t i = 0; !result && i < page->n_events && m->options.published; i++)
                m->options.published(&page->events[i], m->options.data);
        (void)pthread_mutex_lock(&m->mutex);
        go_on(m, page, result);
        m->counters.n_events += result ? 0 : page->n_events;
        m->counters.n_changes += result ? 0 : page->n_events;
        m->n_clearing--;
        m->settling = false;
        m->n_settle_ends++; /* until it is 0 again the manager stays */
        (void)pthread_mutex_unlock(&m->mutex);
        page_free(page);
        if (m->options.sooner)
                m->options.sooner(m->options.data);
        (void)pthread_mutex_lock(&m->mutex);
        m->n_settle_ends--;
        (void)pthread_cond_broadcast(&m->progress);
        (void)pthread_mutex_unlock(&m->mutex);
}

/* --- on the thread of the ticks --------------------------------------------------------------------------- */

/* A number that is not in the file yet goes there with what the cycle changes in memory. */
static bool is_stored(const struct fm_manager *m, const struct fm_kind *kind) {
        bool on_its_way = kind < m->kinds + m->n_flushing_kinds && kind->flushing;

        return !kind->changed && !on_its_way;
}

/* What the file is being read for at this moment has to end first: whoever ends it looks for what is due. */
static struct fm_kind *next_kind(struct fm_manager *m) {
        if (m->settling || m->n_loading || m->restoring)
                return NULL;
        for (size_t i = 0; i < m->n_kinds; i++)
                if (m->kinds[i].behind && is_stored(m, &m->kinds[i]))
                        return &m->kinds[i];
        return NULL;
}

uint64_t fm_settle_next(struct fm_manager *m) {
        return next_kind(m) ? m->settle_usec : UINT64_MAX;
}

/* With the mutex held: the kind to go on with, or NULL. From here on nothing is read from the file that the page will write,
 * as with a clear. */
static struct fm_kind *begin(struct fm_manager *m, uint64_t now) {
        struct fm_kind *kind = m->settle_usec <= now ? next_kind(m) : NULL;

        if (!kind)
                return NULL;
        m->settling = true;
        m->n_clearing++;
        m->n_clears++;
        return kind;
}

static void give_up(struct fm_manager *m, uint64_t now) {
        (void)pthread_mutex_lock(&m->mutex);
        m->n_clearing--;
        m->settling = false;
        m->settle_usec = now + RETRY_USEC;
        (void)pthread_cond_broadcast(&m->progress);
        (void)pthread_mutex_unlock(&m->mutex);
}

static int post(struct fm_manager *m, struct fm_kind *kind, uint64_t n, int64_t after) {
        _cleanup_(page_freep) struct fm_page *page = calloc(1, sizeof(*page));
        int r = page ? sovd_arena_new(&page->arena, 65536) : sovd_error_origin(-ENOMEM);
        if (r)
                return r;

        page->m = m;
        page->kind = kind;
        page->n = n;
        page->after = after;
        r = sovd_db_post(m->options.db, work, done, page);
        if (!r)
                (void)SOVD_TAKE(page); /* done() frees it */
        return r;
}

uint64_t fm_settle(struct fm_manager *m) {
        const uint64_t now = sovd_now_usec();
        uint64_t next, n = 0;
        int64_t after = 0;

        (void)pthread_mutex_lock(&m->mutex);
        struct fm_kind *kind = begin(m, now);
        if (kind)
                n = kind->n, after = kind->settled_row;
        next = fm_settle_next(m);
        (void)pthread_mutex_unlock(&m->mutex);
        if (!kind)
                return next;
        if (!post(m, kind, n, after))
                return next; /* never: its end wakes who waits */
        give_up(m, now);
        return now + RETRY_USEC;
}
