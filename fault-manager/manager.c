/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>

#define RETRY_USEC SOVD_USEC_PER_SEC

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
        struct fm_fault *fault;

        int r = fm_table_add(&m->table, entity, definition->about->code, &fault);
        if (r)
                return r;
        fm_definition_unref(fault->definition);
        fault->definition = definition;
        fault->defined = true;
        return 0;
}

/* With the mutex held. */
static bool have_room(const struct fm_manager *m, const char *entity, struct fm_definition *const *definitions, size_t n) {
        size_t n_new = 0;

        for (size_t i = 0; i < n; i++)
                n_new += !fm_table_find(&m->table, entity, definitions[i]->about->code);
        return m->table.n + n_new <= m->options.faults_max;
}

static int define_all(struct fm_manager *m, const char *entity, struct fm_definition **definitions, size_t n) {
        (void)pthread_mutex_lock(&m->mutex);
        int r = have_room(m, entity, definitions, n) ? 0 : SOVD_E_OVERLOAD;
        if (!r)
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

        for (size_t i = 0; !r && i < catalog->faults.n; i++) {
                struct fm_descriptor about = faults[i];
                about.catalog_id = catalog->id;
                about.catalog_version = catalog->version;
                r = fm_definition_new(&definitions[i], &about);
        }
        if (!r)
                r = define_all(m, entity, definitions, catalog->faults.n);
        for (size_t i = 0; definitions && i < catalog->faults.n; i++)
                fm_definition_unref(definitions[i]);
        free(definitions);
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

void fm_keep_frame(char **to, const char *frame) {
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
                        fm_keep_frame(&f->first_frame, frame);
                }
                fm_keep_frame(&f->last_frame, frame);
        }
        if (!f->state.n_occurrences)
                return; /* a test that never failed is no fault: nothing to store or to tell */
        fm_make_dirty(m, f, changed);
        m->seq++;
        m->counters.n_changes++;
}

/* With the mutex held. */
static int judge(struct fm_manager *m, struct fm_fault *f, enum fm_report report, const char *frame,
                 uint64_t *ret_ticket) {
        uint64_t now = sovd_now_usec();

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
                fm_keep_frame(&f->first_frame, row.first_frame);
                fm_keep_frame(&f->last_frame, row.last_frame);
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
        m->counters.n_reports++;
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
                fm_flush_later(m);
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
        fm_flush_later(m);
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
        fm_flush_later(m);
        return fm_manager_wait(m, ticket);
}

int fm_manager_condition(struct fm_manager *m, const char *name, bool on) {
        int r = 0;

        (void)pthread_mutex_lock(&m->mutex);
        size_t i = 0;
        while (i < m->n_conditions && strcmp(m->conditions[i].name, name) != 0)
                i++;
        if (i == FM_CONDITIONS_MAX) {
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

void fm_manager_counters(struct fm_manager *m, struct sovd_fault_counters *ret) {
        (void)pthread_mutex_lock(&m->mutex);
        *ret = m->counters;
        ret->n_definitions = m->table.n;
        (void)pthread_mutex_unlock(&m->mutex);
}
