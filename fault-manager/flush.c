/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include <errno.h>

static uint32_t merged(const struct fm_snapshot *s) {
        return s->n_untold ? s->n_untold - 1 : 0;
}

static unsigned held(const struct fm_snapshot *s) {
        const struct fm_rule *rule = &s->definition->rule;

        return rule->kind == FM_EDGE && rule->hold_usec && s->state.status & FM_TEST_FAILED ? FM_HELD : 0;
}

static struct fm_row row_of(const struct fm_snapshot *s) {
        const struct fm_descriptor *about = s->definition->about;

        return (struct fm_row){
                .entity = s->fault->entity,
                .code = s->fault->code,
                .about = s->definition->json,
                .severity = about->severity.value,
                .scope = about->scope ? about->scope : "",
                .state = s->state,
                .first_usec = s->first_usec,
                .last_usec = s->last_usec,
                .first_frame = s->first_frame,
                .last_frame = s->last_frame,
                .cycle_kind = s->kind->name,
                .cycle = s->cycle,
                .first_cycle = s->first_cycle,
                .last_cycle = s->last_cycle,
                .merged = merged(s),
                .owed = s->owed | held(s),
                .untold = s->n_left,
        };
}

static bool copy_text(char **ret, const char *text) {
        *ret = text ? strdup(text) : NULL;
        return *ret || !text;
}

static bool is_within_limit(const struct fm_manager *m, struct fm_fault *f) {
        uint64_t now = sovd_now_usec();

        if (now - f->events_usec >= SOVD_USEC_PER_SEC) {
                f->events_usec = now;
                f->n_events = 0;
        }
        if (m->options.events_per_sec && f->n_events >= m->options.events_per_sec)
                return false;
        f->n_events++;
        return true;
}

/* What is to be told of a fault now. When it had enough events in this second, the next second tells all at once. */
static unsigned take_news(struct fm_manager *m, struct fm_fault *f) {
        unsigned news = (f->changed & ~FM_DESCRIBED) | f->owed;

        f->changed = 0;
        f->owed = news && !is_within_limit(m, f) ? news : 0;
        if (f->owed)
                fm_arm(m, f);
        return f->owed ? 0 : news;
}

/* With the mutex held. false: no memory; the fault stays dirty. */
static bool take_snapshot(struct fm_manager *m, struct fm_snapshot *s, struct fm_fault *f) {
        *s = (struct fm_snapshot){ .fault = f, .state = f->state, .usec = sovd_realtime_usec(), .kind = f->kind,
                                   .cycle = f->kind->n, .first_usec = f->first_usec, .last_usec = f->last_usec,
                                   .first_cycle = f->first_cycle, .last_cycle = f->last_cycle };
        if (!copy_text(&s->first_frame, f->first_frame) || !copy_text(&s->last_frame, f->last_frame)) {
                free(s->first_frame);
                return false;
        }
        s->definition = fm_definition_ref(f->definition);
        s->changed = take_news(m, f);
        if (s->changed)
                s->n_untold = f->n_untold;
        f->n_untold -= s->n_untold;
        s->owed = f->owed;
        s->n_left = f->n_untold;
        return true;
}

void fm_make_dirty(struct fm_manager *m, struct fm_fault *f, unsigned changed) {
        f->changed |= changed;
        if (f->listed)
                return;
        f->listed = true;
        f->next_dirty = NULL;
        *m->last_dirty = f;
        m->last_dirty = &f->next_dirty;
        m->counters.n_waiting++;
}

static struct fm_fault *take_dirty(struct fm_manager *m) {
        struct fm_fault *f = m->dirty;

        m->dirty = f->next_dirty;
        if (!m->dirty)
                m->last_dirty = &m->dirty;
        f->listed = false;
        m->counters.n_waiting--;
        return f;
}

/* With the mutex held. */
static void collect_cycles(struct fm_manager *m) {
        m->n_flushing_kinds = m->n_kinds;
        for (size_t i = 0; i < m->n_kinds; i++) {
                m->kinds[i].flushing = m->kinds[i].changed ? m->kinds[i].n : 0;
                m->kinds[i].changed = false;
        }
        m->cycles_changed = false;
}

/* Everything that waits is written by one flush, in the order in which it became dirty. */
static int collect(struct fm_manager *m) {
        int r = 0;

        (void)pthread_mutex_lock(&m->mutex);
        m->flush_seq = m->restoring ? m->durable_seq : m->seq;
        m->n_flushing = 0;
        if (!m->restoring) /* else they wait too, so that another flush comes and tells who waits for them */
                collect_cycles(m);
        m->flushing = calloc(m->counters.n_waiting + 1, sizeof(*m->flushing));
        if (!m->flushing)
                r = sovd_error_origin(-ENOMEM);
        while (!r && m->dirty && !m->restoring) {
                struct fm_fault *f = take_dirty(m);
                if (!f->changed)
                        continue; /* a clear took it back */
                if (!take_snapshot(m, &m->flushing[m->n_flushing], f)) {
                        fm_make_dirty(m, f, 0);
                        r = sovd_error_origin(-ENOMEM);
                        break;
                }
                m->n_flushing++;
        }
        (void)pthread_mutex_unlock(&m->mutex);
        return r;
}

static int write_cycles(struct sovd_db_conn *conn, const struct fm_manager *m) {
        int r = 0;

        for (size_t i = 0; !r && i < m->n_flushing_kinds; i++)
                if (m->kinds[i].flushing)
                        r = fm_store_cycle(conn, m->kinds[i].name, m->kinds[i].flushing);
        return r;
}

static struct fm_event event_of(const struct fm_snapshot *s) {
        const struct fm_descriptor *about = s->definition->about;

        return (struct fm_event){
                .id = s->id,
                .usec = s->usec,
                .entity = s->fault->entity,
                .code = s->fault->code,
                .changed = s->changed,
                .state = s->state,
                .about = about,
                .scope = about->scope ? about->scope : "",
                .frame = s->changed & FM_NOW_FAILED ? s->last_frame : NULL,
                .body = s->body,
                .merged = merged(s),
        };
}

static int write_one(struct sovd_db_conn *conn, struct fm_snapshot *s, struct sovd_arena *arena) {
        const struct fm_row row = row_of(s);
        struct fm_event event = event_of(s);

        int r = fm_store_put(conn, &row);
        if (!r && s->changed)
                r = fm_event_body(&event, arena, &s->body);
        if (r || !s->changed)
                return r;
        event.body = s->body;
        return fm_store_event(conn, &event, &s->id);
}

/* The database's work. While it runs, flushing belongs to the writer thread. */
static int flush(struct sovd_db_conn *conn, void *data) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct fm_manager *m = data;

        int r = collect(m);
        if (!r)
                r = write_cycles(conn, m);
        if (!r)
                r = sovd_arena_new(&arena, 2048);
        for (size_t i = 0; !r && i < m->n_flushing; i++) {
                r = write_one(conn, &m->flushing[i], arena);
                sovd_arena_reset(arena);
        }
        return r;
}

static void publish(const struct fm_manager *m, const struct fm_snapshot *s) {
        const struct fm_event event = event_of(s);

        if (s->changed && m->options.published)
                m->options.published(&event, m->options.data);
}

static void drop_snapshots(struct fm_snapshot *snapshots, size_t n) {
        for (size_t i = 0; i < n; i++) {
                fm_definition_unref(snapshots[i].definition);
                free(snapshots[i].first_frame);
                free(snapshots[i].last_frame);
                free(snapshots[i].body);
        }
        free(snapshots);
}

/* With the mutex held. What could not be written is dirty again; those who wait for it hear why. */
static void flush_failed(struct fm_manager *m, int result) {
        for (size_t i = 0; i < m->n_flushing; i++) {
                m->flushing[i].fault->n_untold += m->flushing[i].n_untold;
                fm_make_dirty(m, m->flushing[i].fault, m->flushing[i].changed | FM_DESCRIBED);
        }
        for (size_t i = 0; i < m->n_flushing_kinds; i++) {
                m->kinds[i].changed = m->kinds[i].changed || m->kinds[i].flushing;
                m->cycles_changed = m->cycles_changed || m->kinds[i].changed;
        }
        m->failed_seq = m->flush_seq ? m->flush_seq : m->seq; /* 0: it did not come to collecting them */
        m->failed_result = result;
        m->counters.n_failed_flushes++;
}

static bool has_work(const struct fm_manager *m) {
        return m->dirty || m->cycles_changed;
}

static void flush_done(int result, void *data);

/* Without the mutex. posted is set, so the manager waits for its end. */
static void post(struct fm_manager *m) {
        int r = sovd_db_post(m->options.db, flush, flush_done, m);
        if (!r)
                return;

        (void)pthread_mutex_lock(&m->mutex);
        m->posted = false;
        m->retry = true;
        m->failed_seq = m->seq;
        m->failed_result = r;
        (void)pthread_cond_broadcast(&m->progress);
        (void)pthread_mutex_unlock(&m->mutex);
}

/* With the mutex held. The snapshots are the caller's. */
static struct fm_snapshot *settle(struct fm_manager *m, int result) {
        if (result)
                flush_failed(m, result);
        else
                m->durable_seq = m->flush_seq;
        m->retry = result != 0;
        m->counters.n_flushes += !result;
        for (size_t i = 0; !result && i < m->n_flushing; i++)
                m->counters.n_events += m->flushing[i].changed != 0;
        m->n_flushing = m->n_flushing_kinds = 0;
        m->flush_seq = 0;
        (void)pthread_cond_broadcast(&m->progress);
        return SOVD_TAKE(m->flushing);
}

/* The manager may be freed as soon as nothing is posted any more, so that comes last. */
static void flush_done(int result, void *data) {
        struct fm_manager *m = data;

        for (size_t i = 0; !result && i < m->n_flushing; i++)
                publish(m, &m->flushing[i]);
        (void)pthread_mutex_lock(&m->mutex);
        size_t n = m->n_flushing;
        struct fm_snapshot *snapshots = settle(m, result);
        bool sooner = fm_is_sooner(m);
        (void)pthread_mutex_unlock(&m->mutex);
        drop_snapshots(snapshots, n);
        if (sooner && m->options.sooner)
                m->options.sooner(m->options.data);

        (void)pthread_mutex_lock(&m->mutex);
        bool newer = m->seq > m->failed_seq; /* what came meanwhile has not failed yet, and somebody may wait for it */
        bool more = has_work(m) && (!result || newer);
        m->posted = more;
        (void)pthread_cond_broadcast(&m->progress);
        (void)pthread_mutex_unlock(&m->mutex);
        if (more)
                post(m);
}

/* Without the mutex. */
void fm_flush_later(struct fm_manager *m) {
        (void)pthread_mutex_lock(&m->mutex);
        bool mine = !m->posted && has_work(m);
        m->posted = m->posted || mine;
        (void)pthread_mutex_unlock(&m->mutex);
        if (mine)
                post(m);
}

int fm_manager_wait(struct fm_manager *m, uint64_t ticket) {
        (void)pthread_mutex_lock(&m->mutex);
        while (m->durable_seq < ticket && m->failed_seq < ticket)
                (void)pthread_cond_wait(&m->progress, &m->mutex);
        int r = m->durable_seq >= ticket ? 0 : m->failed_result;
        (void)pthread_mutex_unlock(&m->mutex);
        return r;
}
