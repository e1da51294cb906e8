/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/fault.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>
#include <pthread.h>

#define CONDITIONS_MAX 256
#define RETRY_USEC     SOVD_USEC_PER_SEC

/* A change on its way into the file. */
struct snapshot {
        struct fm_fault *fault;
        struct fm_definition *definition; /* reference */
        struct fm_state state;
        uint64_t usec, first_usec, last_usec;
        char *first_frame, *last_frame;
        unsigned changed;
        int64_t id;                       /* of the event */
};

struct condition {
        char *name;
        bool on;
};

struct fm_manager {
        struct fm_options options;

        pthread_mutex_t mutex;            /* everything below */
        pthread_cond_t progress;          /* a flush or a clear ended */
        struct fm_table table;
        struct condition conditions[CONDITIONS_MAX];
        size_t n_conditions;
        struct fm_fault *dirty, **last_dirty;
        bool posted;                      /* a flush waits in the database's queue, or runs */
        bool retry;                       /* the last one failed */
        struct snapshot *flushing;        /* of the flush that runs */
        size_t n_flushing;
        uint64_t seq, flush_seq, durable_seq, failed_seq; /* number of the last change that was made, … */
        int failed_result;
        struct fm_counters counters;
};

static void flush_later(struct fm_manager *m);

/* --- life ----------------------------------------------------------------------------------------------- */

int fm_manager_new(struct fm_manager **ret, const struct fm_options *options) {
        _cleanup_(fm_manager_freep) struct fm_manager *m = calloc(1, sizeof(*m));
        if (!m)
                return sovd_error_origin(-ENOMEM);

        m->options = *options;
        (void)pthread_mutex_init(&m->mutex, NULL);
        (void)pthread_cond_init(&m->progress, NULL);
        m->last_dirty = &m->dirty;
        int r = fm_table_init(&m->table);
        if (r)
                return r;

        *ret = SOVD_TAKE(m);
        return 0;
}

/* The database ends a flush even when it fails, so this ends. */
static void wait_for_flush(struct fm_manager *m) {
        (void)pthread_mutex_lock(&m->mutex);
        while (m->posted)
                (void)pthread_cond_wait(&m->progress, &m->mutex);
        (void)pthread_mutex_unlock(&m->mutex);
}

struct fm_manager *fm_manager_free(struct fm_manager *m) {
        if (!m)
                return NULL;

        wait_for_flush(m);
        (void)fm_manager_tick(m); /* a last attempt at what failed */
        wait_for_flush(m);
        if (m->dirty)
                sovd_log(SOVD_LOG_ERROR, "changes of faults are lost: they could not be written until the end");
        fm_table_done(&m->table);
        for (size_t i = 0; i < m->n_conditions; i++)
                free(m->conditions[i].name);
        (void)pthread_cond_destroy(&m->progress);
        (void)pthread_mutex_destroy(&m->mutex);
        free(m);
        return NULL;
}

/* --- definitions ---------------------------------------------------------------------------------------- */

static void undefine(struct fm_fault *fault, void *data) {
        (void)data;
        fault->defined = false;
}

/* With the mutex held. Takes the reference over when it returns 0. */
static int define(struct fm_manager *m, const char *entity, struct fm_definition *definition) {
        struct fm_fault *fault = fm_table_find(&m->table, entity, definition->about->code);

        if (!fault && m->table.n >= m->options.faults_max)
                return SOVD_E_OVERLOAD;
        int r = fm_table_add(&m->table, entity, definition->about->code, &fault);
        if (r)
                return r;
        fm_definition_unref(fault->definition);
        fault->definition = definition;
        fault->defined = true;
        return 0;
}

static int define_all(struct fm_manager *m, const char *entity, struct fm_definition **definitions, size_t n) {
        int r = 0;

        (void)pthread_mutex_lock(&m->mutex);
        fm_table_each(&m->table, entity, undefine, NULL);
        for (size_t i = 0; !r && i < n; i++) {
                r = define(m, entity, definitions[i]);
                if (!r)
                        definitions[i] = NULL;
        }
        (void)pthread_mutex_unlock(&m->mutex);
        return r;
}

int fm_manager_define(struct fm_manager *m, const char *entity, const struct fm_catalog *catalog) {
        const struct fm_descriptor *faults = catalog->faults.items;
        struct fm_definition **definitions = calloc(catalog->faults.n + 1, sizeof(struct fm_definition *));
        int r = definitions ? 0 : sovd_error_origin(-ENOMEM);

        for (size_t i = 0; !r && i < catalog->faults.n; i++)
                r = fm_definition_new(&definitions[i], &faults[i]);
        if (!r)
                r = define_all(m, entity, definitions, catalog->faults.n);
        for (size_t i = 0; definitions && i < catalog->faults.n; i++)
                fm_definition_unref(definitions[i]);
        free(definitions);
        return r;
}

/* --- writing -------------------------------------------------------------------------------------------- */

static struct fm_row row_of(const struct snapshot *s) {
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
        };
}

static bool copy_text(char **ret, const char *text) {
        *ret = text ? strdup(text) : NULL;
        return *ret || !text;
}

/* With the mutex held. false: no memory; the fault stays dirty. */
static bool take_snapshot(struct snapshot *s, struct fm_fault *f) {
        *s = (struct snapshot){ .fault = f, .state = f->state, .usec = sovd_realtime_usec(), .changed = f->changed,
                                .first_usec = f->first_usec, .last_usec = f->last_usec };
        if (!copy_text(&s->first_frame, f->first_frame) || !copy_text(&s->last_frame, f->last_frame)) {
                free(s->first_frame);
                return false;
        }
        s->definition = fm_definition_ref(f->definition);
        f->changed = 0;
        return true;
}

static void make_dirty(struct fm_manager *m, struct fm_fault *f, unsigned changed) {
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

/* Everything that waits is written by one flush, in the order in which it became dirty. */
static int collect(struct fm_manager *m) {
        int r = 0;

        (void)pthread_mutex_lock(&m->mutex);
        m->flush_seq = m->seq;
        m->n_flushing = 0;
        m->flushing = calloc(m->counters.n_waiting + 1, sizeof(*m->flushing));
        if (!m->flushing)
                r = sovd_error_origin(-ENOMEM);
        while (!r && m->dirty) {
                struct fm_fault *f = take_dirty(m);
                if (!f->changed)
                        continue; /* a clear took it back */
                if (!take_snapshot(&m->flushing[m->n_flushing], f)) {
                        make_dirty(m, f, 0);
                        r = sovd_error_origin(-ENOMEM);
                        break;
                }
                m->n_flushing++;
        }
        (void)pthread_mutex_unlock(&m->mutex);
        return r;
}

/* The database's work. While it runs, flushing belongs to the writer thread. */
static int flush(struct sovd_db_conn *conn, void *data) {
        struct fm_manager *m = data;

        int r = collect(m);
        for (size_t i = 0; !r && i < m->n_flushing; i++) {
                struct snapshot *s = &m->flushing[i];
                const struct fm_row row = row_of(s);
                r = fm_store_put(conn, &row);
                if (!r)
                        r = fm_store_event(conn, &row, s->usec, s->changed,
                                           s->changed & FM_NOW_FAILED ? s->last_frame : NULL, &s->id);
        }
        return r;
}

static void publish(const struct fm_manager *m, const struct snapshot *s) {
        const struct fm_event event = {
                .id = s->id,
                .usec = s->usec,
                .entity = s->fault->entity,
                .code = s->fault->code,
                .changed = s->changed,
                .state = s->state,
                .about = s->definition->about,
                .frame = s->changed & FM_NOW_FAILED ? s->last_frame : NULL,
        };

        if (m->options.published)
                m->options.published(&event, m->options.data);
}

static void drop_snapshots(struct snapshot *snapshots, size_t n) {
        for (size_t i = 0; i < n; i++) {
                fm_definition_unref(snapshots[i].definition);
                free(snapshots[i].first_frame);
                free(snapshots[i].last_frame);
        }
        free(snapshots);
}

/* With the mutex held. What could not be written is dirty again; those who wait for it hear why. */
static void flush_failed(struct fm_manager *m, int result) {
        for (size_t i = 0; i < m->n_flushing; i++)
                make_dirty(m, m->flushing[i].fault, m->flushing[i].changed);
        m->failed_seq = m->flush_seq ? m->flush_seq : m->seq; /* 0: it did not come to collecting them */
        m->failed_result = result;
        m->counters.n_failed_flushes++;
}

static void flush_done(int result, void *data) {
        struct fm_manager *m = data;

        for (size_t i = 0; !result && i < m->n_flushing; i++)
                publish(m, &m->flushing[i]);

        (void)pthread_mutex_lock(&m->mutex);
        if (result)
                flush_failed(m, result);
        else
                m->durable_seq = m->flush_seq;
        m->retry = result != 0;
        m->counters.n_flushes += !result;
        struct snapshot *snapshots = SOVD_TAKE(m->flushing);
        size_t n = m->n_flushing;
        m->n_flushing = 0;
        m->flush_seq = 0;
        m->posted = false;
        bool more = m->dirty && !result;
        (void)pthread_cond_broadcast(&m->progress);
        (void)pthread_mutex_unlock(&m->mutex);
        drop_snapshots(snapshots, n);
        if (more)
                flush_later(m);
}

/* Without the mutex. */
static void flush_later(struct fm_manager *m) {
        (void)pthread_mutex_lock(&m->mutex);
        bool mine = !m->posted && m->dirty;
        m->posted = m->posted || mine;
        (void)pthread_mutex_unlock(&m->mutex);
        int r = mine ? sovd_db_post(m->options.db, flush, flush_done, m) : 0;
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

int fm_manager_wait(struct fm_manager *m, uint64_t ticket) {
        (void)pthread_mutex_lock(&m->mutex);
        while (m->durable_seq < ticket && m->failed_seq < ticket)
                (void)pthread_cond_wait(&m->progress, &m->mutex);
        int r = m->durable_seq >= ticket ? 0 : m->failed_result;
        (void)pthread_mutex_unlock(&m->mutex);
        return r;
}

/* --- reports -------------------------------------------------------------------------------------------- */

static bool is_enabled(const struct fm_manager *m, const struct fm_descriptor *d) {
        for (size_t i = 0; i < d->conditions.n; i++)
                for (size_t k = 0; k < m->n_conditions; k++)
                        if (!m->conditions[k].on && strcmp(m->conditions[k].name, d->conditions.items[i]) == 0)
                                return false;
        return true;
}

static bool is_within_limit(struct fm_fault *f, uint64_t now) {
        double limit = f->definition->about->reports_per_sec.value;

        if (now - f->window_usec >= SOVD_USEC_PER_SEC) {
                f->window_usec = now;
                f->n_in_window = 0;
        }
        return limit <= 0 || f->n_in_window++ < SOVD_MAX((unsigned)limit, 1u);
}

static void keep_frame(char **to, const char *frame) {
        char *copy = frame ? strdup(frame) : NULL;

        if (copy || !frame) {
                free(*to);
                *to = copy;
        }
}

/* With the mutex held: what a step of the state machine means for the record. */
static void note_change(struct fm_manager *m, struct fm_fault *f, unsigned changed, const char *frame) {
        if (changed & FM_NOW_FAILED) {
                f->last_usec = sovd_realtime_usec();
                if (f->state.n_occurrences == 1) {
                        f->first_usec = f->last_usec;
                        keep_frame(&f->first_frame, frame);
                }
                keep_frame(&f->last_frame, frame);
        }
        if (!f->state.n_occurrences)
                return; /* a test that never failed is no fault: nothing to store or to tell */
        make_dirty(m, f, changed);
        m->seq++;
        m->counters.n_changes++;
}

/* With the mutex held. */
static int judge(struct fm_manager *m, struct fm_fault *f, enum fm_report report, const char *frame,
                 uint64_t *ret_ticket) {
        uint64_t now = sovd_now_usec();

        m->counters.n_reports++;
        if (!is_enabled(m, f->definition->about)) {
                m->counters.n_disabled++;
                return 0;
        }
        if (!is_within_limit(f, now)) {
                m->counters.n_limited++;
                return SOVD_E_OVERLOAD;
        }
        m->counters.n_judged++;
        uint64_t before = m->seq;
        unsigned changed = fm_state_report(&f->state, &f->definition->rule, report, now);
        if (changed)
                note_change(m, f, changed, frame);
        *ret_ticket = m->seq != before ? m->seq : 0;
        return 0;
}

static int load_row(struct fm_manager *m, const char *entity, const char *code, struct sovd_arena *arena,
                    struct fm_row *ret) {
        struct sovd_db_conn *conn;

        int r = sovd_db_read_begin(m->options.db, &conn);
        if (r)
                return r;
        r = fm_store_load(conn, entity, code, arena, ret);
        sovd_db_read_end(m->options.db, conn);
        return r;
}

/* The state of an earlier run. Without the mutex: the file is read. */
static int load(struct fm_manager *m, struct fm_fault *f) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct fm_row row;

        int r = sovd_arena_new(&arena, 512);
        if (!r)
                r = load_row(m, f->entity, f->code, arena, &row);
        if (r && r != SOVD_E_NOT_FOUND)
                return r;

        (void)pthread_mutex_lock(&m->mutex);
        if (!f->loaded && !r) {
                f->state = row.state;
                f->first_usec = row.first_usec;
                f->last_usec = row.last_usec;
                keep_frame(&f->first_frame, row.first_frame);
                keep_frame(&f->last_frame, row.last_frame);
        }
        f->loaded = true;
        (void)pthread_mutex_unlock(&m->mutex);
        return 0;
}

static struct fm_fault *find_defined(struct fm_manager *m, const char *entity, const char *code, bool *ret_loaded) {
        (void)pthread_mutex_lock(&m->mutex);
        struct fm_fault *f = fm_table_find(&m->table, entity, code);
        if (f && !f->defined)
                f = NULL;
        m->counters.n_unknown += !f;
        *ret_loaded = f && f->loaded;
        (void)pthread_mutex_unlock(&m->mutex);
        return f;
}

int fm_manager_report(struct fm_manager *m, const char *entity, const char *code, enum fm_report report,
                      const char *frame, uint64_t *ret_ticket) {
        uint64_t ticket = 0;
        bool loaded;
        struct fm_fault *f = find_defined(m, entity, code, &loaded);
        if (!f)
                return SOVD_E_NOT_FOUND;

        int r = loaded ? 0 : load(m, f);
        if (r)
                return r;
        (void)pthread_mutex_lock(&m->mutex);
        r = judge(m, f, report, frame, &ticket);
        (void)pthread_mutex_unlock(&m->mutex);
        if (ticket)
                flush_later(m);
        if (ret_ticket)
                *ret_ticket = ticket;
        return r;
}

/* --- time, cycles, conditions --------------------------------------------------------------------------- */

struct tick {
        struct fm_manager *m;
        uint64_t now, next;
};

static void tick_one(struct fm_fault *f, void *data) {
        struct tick *t = data;

        if (!f->loaded || fm_state_next_usec(&f->state, &f->definition->rule) == UINT64_MAX)
                return;
        unsigned changed = fm_state_tick(&f->state, &f->definition->rule, t->now);
        if (changed)
                note_change(t->m, f, changed, NULL);
        uint64_t next = fm_state_next_usec(&f->state, &f->definition->rule);
        t->next = SOVD_MIN(t->next, next);
}

uint64_t fm_manager_tick(struct fm_manager *m) {
        struct tick t = { .m = m, .now = sovd_now_usec(), .next = UINT64_MAX };

        (void)pthread_mutex_lock(&m->mutex);
        fm_table_each(&m->table, NULL, tick_one, &t);
        if (m->retry)
                t.next = SOVD_MIN(t.next, t.now + RETRY_USEC);
        (void)pthread_mutex_unlock(&m->mutex);
        flush_later(m);
        return t.next;
}

static void cycle_one(struct fm_fault *f, void *data) {
        unsigned changed = f->loaded ? fm_state_cycle(&f->state, &f->definition->rule) : 0;

        if (changed)
                note_change(data, f, changed, NULL);
}

int fm_manager_cycle(struct fm_manager *m) {
        (void)pthread_mutex_lock(&m->mutex);
        uint64_t before = m->seq;
        fm_table_each(&m->table, NULL, cycle_one, m);
        uint64_t ticket = m->seq;
        (void)pthread_mutex_unlock(&m->mutex);
        if (ticket == before)
                return 0;
        flush_later(m);
        return fm_manager_wait(m, ticket);
}

int fm_manager_condition(struct fm_manager *m, const char *name, bool on) {
        int r = 0;

        (void)pthread_mutex_lock(&m->mutex);
        size_t i = 0;
        while (i < m->n_conditions && strcmp(m->conditions[i].name, name) != 0)
                i++;
        if (i == CONDITIONS_MAX) {
                r = SOVD_E_OVERLOAD;
        } else if (i == m->n_conditions) {
                m->conditions[i].name = strdup(name);
                r = m->conditions[i].name ? 0 : sovd_error_origin(-ENOMEM);
                m->n_conditions += !r;
        }
        if (!r)
                m->conditions[i].on = on;
        (void)pthread_mutex_unlock(&m->mutex);
        return r;
}

/* --- clearing ------------------------------------------------------------------------------------------- */

struct clear {
        struct fm_manager *m;
        const char *entity, *code, *scope;
        int64_t id, n;
        bool finished;
        int result;
};

static bool is_meant(const struct clear *c, const struct fm_fault *f) {
        const char *scope = f->definition ? f->definition->about->scope : NULL;

        return (!c->code || strcmp(c->code, f->code) == 0) && (!c->scope || strcmp(c->scope, scope ? scope : "") == 0);
}

static void forget(struct fm_fault *f, void *data) {
        if (!is_meant(data, f))
                return;
        f->before_clear = f->state;
        fm_state_clear(&f->state);
        f->changed = 0; /* what was about to be written is cleared with it */
}

/* The file still has them. A fault that failed anew meanwhile is newer than both. */
static void take_back(struct fm_fault *f, void *data) {
        if (is_meant(data, f) && !f->state.n_occurrences)
                f->state = f->before_clear;
}

static void drop_frames(struct fm_fault *f, void *data) {
        if (!is_meant(data, f) || f->state.n_occurrences)
                return;
        f->loaded = true;
        keep_frame(&f->first_frame, NULL);
        keep_frame(&f->last_frame, NULL);
}

static int clear_work(struct sovd_db_conn *conn, void *data) {
        struct clear *c = data;
        const struct fm_row row = { .entity = c->entity, .code = c->code ? c->code : "", .scope = "" };

        int r = fm_store_clear(conn, c->entity, c->code, c->scope, &c->n);
        if (!r && !c->n && c->code)
                return SOVD_E_NOT_FOUND;
        if (!r)
                r = fm_store_event(conn, &row, sovd_realtime_usec(), FM_CLEARED, NULL, &c->id);
        if (r)
                return r;
        (void)pthread_mutex_lock(&c->m->mutex);
        fm_table_each(&c->m->table, c->entity, forget, c);
        (void)pthread_mutex_unlock(&c->m->mutex);
        return 0;
}

static void clear_done(int result, void *data) {
        struct clear *c = data;
        struct fm_manager *m = c->m;
        const struct fm_event event = { .id = c->id, .usec = sovd_realtime_usec(), .entity = c->entity,
                                        .code = c->code ? c->code : "", .changed = FM_CLEARED };

        if (!result && m->options.published)
                m->options.published(&event, m->options.data);
        (void)pthread_mutex_lock(&m->mutex);
        if (result != SOVD_E_NOT_FOUND) /* then nothing was touched */
                fm_table_each(&m->table, c->entity, result ? take_back : drop_frames, c);
        c->result = result;
        c->finished = true;
        (void)pthread_cond_broadcast(&m->progress);
        (void)pthread_mutex_unlock(&m->mutex);
}

int fm_manager_clear(struct fm_manager *m, const char *entity, const char *code, const char *scope) {
        struct clear c = { .m = m, .entity = entity, .code = code, .scope = scope };

        flush_later(m); /* what was reported before is written before, so that it can be found */
        int r = sovd_db_post(m->options.db, clear_work, clear_done, &c);
        if (r)
                return r;
        (void)pthread_mutex_lock(&m->mutex);
        while (!c.finished)
                (void)pthread_cond_wait(&m->progress, &m->mutex);
        (void)pthread_mutex_unlock(&m->mutex);
        return c.result;
}

/* --- reading -------------------------------------------------------------------------------------------- */

struct page {
        struct sovd_arena *arena;
        struct fm_record *records;
        size_t n;
};

static int add_record(const struct fm_row *row, void *data) {
        struct page *page = data;
        struct fm_record *ret = &page->records[page->n];

        *ret = (struct fm_record){
                .entity = sovd_arena_strdup(page->arena, row->entity),
                .code = sovd_arena_strdup(page->arena, row->code),
                .state = row->state,
                .first_usec = row->first_usec,
                .last_usec = row->last_usec,
                .first_frame = sovd_arena_strdup(page->arena, row->first_frame),
                .last_frame = sovd_arena_strdup(page->arena, row->last_frame),
        };
        if (!ret->entity || !ret->code)
                return sovd_error_origin(-ENOMEM);
        const char *about = sovd_arena_strdup(page->arena, row->about);
        int r = about ? fm_descriptor_read(page->arena, about, &ret->about) : sovd_error_origin(-ENOMEM);
        page->n += !r;
        return r;
}

int fm_manager_list(struct fm_manager *m, const struct fm_query *query, struct sovd_arena *arena,
                    struct fm_record **ret, size_t *ret_n) {
        struct page page = { .arena = arena, .records = sovd_arena_array(arena, struct fm_record, query->max) };
        struct sovd_db_conn *conn;
        if (!page.records)
                return sovd_error_origin(-ENOMEM);

        int r = sovd_db_read_begin(m->options.db, &conn);
        if (r)
                return r;
        r = fm_store_list(conn, query, add_record, &page);
        sovd_db_read_end(m->options.db, conn);
        *ret = page.records;
        *ret_n = page.n;
        return r;
}

void fm_manager_counters(struct fm_manager *m, struct fm_counters *ret) {
        (void)pthread_mutex_lock(&m->mutex);
        *ret = m->counters;
        ret->n_definitions = m->table.n;
        (void)pthread_mutex_unlock(&m->mutex);
}
