/* SPDX-License-Identifier: Apache-2.0 */
#include "fault-manager/retention.h"
#include "fault-manager/manager_inside.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include <errno.h>
#include <stdio.h>
#include <time.h>

#define ROWS        500
#define PAUSE_USEC  (10 * SOVD_USEC_PER_MSEC) /* between two changes: others write meanwhile */
#define FIRST_USEC  (UINT64_C(1577836800) * SOVD_USEC_PER_SEC) /* 2020: no gateway is older */
#define AHEAD_USEC  (UINT64_C(86400) * SOVD_USEC_PER_SEC) /* what happens while a round runs is not ahead */
#define FREE_PAGES  256                       /* stay in the file: the next events need them */

struct fm_retention {
        struct fm_manager *m;
        struct fm_retention_options options;
        pthread_t thread;
        bool has_thread;
        pthread_mutex_t mutex; /* leaf: everything below */
        pthread_cond_t wake;
        bool stopping;
        struct fm_retention_counters counters;
        uint64_t begin_usec, begin_boot_usec; /* UTC and boottime when it was made */
};

/* What a round works with. */
struct round {
        struct fm_retention *r;
        uint64_t older_usec;     /* events before this are old */
        uint64_t ahead_usec;     /* times after this cannot be */
        int64_t old_id;          /* the last event that is too old; 0 = none is */
        uint64_t events_too_many, faults_too_many;
        size_t rows;
        int64_t n;               /* that the last change removed */
};

/* --- what there is -------------------------------------------------------------------------------------- */

static int ask(struct sovd_db_conn *conn, const char *sql, int64_t *ret) {
        struct sovd_db_stmt *s;
        bool row;

        int r = sovd_db_prepare(conn, &s, sql);
        if (!r)
                r = sovd_db_step(s, &row);
        if (!r)
                *ret = row ? sovd_db_int(s, 0) : 0;
        return r;
}

static uint64_t excess(uint64_t max, int64_t have) {
        return max && (uint64_t)have > max ? (uint64_t)have - max : 0;
}

static int look(struct round *o) {
        struct sovd_db *db = o->r->m->options.db;
        int64_t events = 0, faults = 0, free_pages = 0, page = 0;
        struct sovd_db_conn *conn;

        int r = sovd_db_read_begin(db, &conn);
        if (r)
                return r;
        r = ask(conn, "SELECT count(*) FROM fault_event", &events);
        if (!r)
                r = ask(conn, "SELECT count(*) FROM fault", &faults);
        if (!r)
                r = ask(conn, "PRAGMA freelist_count", &free_pages);
        if (!r)
                r = ask(conn, "PRAGMA page_size", &page);
        sovd_db_read_end(db, conn);

        o->events_too_many = excess(o->r->options.events_max, events);
        o->faults_too_many = excess(o->r->options.faults_max, faults);
        (void)pthread_mutex_lock(&o->r->mutex);
        o->r->counters.n_events = (uint64_t)events;
        o->r->counters.n_faults = (uint64_t)faults;
        o->r->counters.free_bytes = (uint64_t)(free_pages * page);
        (void)pthread_mutex_unlock(&o->r->mutex);
        return r;
}

/* --- changes -------------------------------------------------------------------------------------------- */

/* Ids tell the order in which things happened, times do not: a vehicle's clock may begin in 1970 and be set later. So an
 * event that stands behind a young one is no older than that, whatever its time; and one with a time that cannot be is as
 * old as the old one behind it. The newest stays. Each look ends at the first event that it finds; the last two read only what
 * goes then, as a rule, and are spared when nothing is old. */
static const char any_old_sql[] = "SELECT id FROM fault_event INDEXED BY fault_event_time WHERE usec>=?2 AND usec<?1 LIMIT 1";
static const char first_young_sql[] = "SELECT id FROM fault_event NOT INDEXED WHERE usec BETWEEN ?1 AND ?2 ORDER BY id LIMIT 1";
static const char last_old_sql[] = "SELECT id FROM fault_event NOT INDEXED WHERE id<?3 AND usec>=?2 AND usec<?1 ORDER BY id DESC LIMIT 1";

static int find_id(struct sovd_db_conn *conn, const char *sql, uint64_t first, uint64_t second, int64_t third, int64_t *ret) {
        struct sovd_db_stmt *s;
        bool row;

        int r = sovd_db_prepare(conn, &s, sql);
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)first);
        sovd_db_bind_int(s, 2, (int64_t)second);
        if (third)
                sovd_db_bind_int(s, 3, third);
        r = sovd_db_step(s, &row);
        if (!r && row)
                *ret = sovd_db_int(s, 0);
        return r;
}

/* A reader looks, so that no report waits when all of them have times that cannot be. */
static int find_old(struct round *o) {
        struct sovd_db *db = o->r->m->options.db;
        struct sovd_db_conn *conn;
        int64_t any = 0, young = INT64_MAX;

        int r = sovd_db_read_begin(db, &conn);
        if (r)
                return r;
        r = find_id(conn, any_old_sql, o->older_usec, FIRST_USEC, 0, &any);
        if (!r && any)
                r = find_id(conn, first_young_sql, o->older_usec, o->ahead_usec, 0, &young);
        if (!r && any)
                r = find_id(conn, last_old_sql, o->older_usec, FIRST_USEC, young, &o->old_id);
        sovd_db_read_end(db, conn);
        return r;
}

/* A restore may have put others in their place meanwhile, so no young one goes. */
static int remove_old(struct sovd_db_conn *conn, void *data) {
        struct round *o = data;
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "DELETE FROM fault_event WHERE id IN (SELECT id FROM fault_event WHERE id<=?2"
                                          " AND id<(SELECT max(id) FROM fault_event) ORDER BY id LIMIT ?1) AND usec NOT BETWEEN ?3 AND ?4");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)o->rows);
        sovd_db_bind_int(s, 2, o->old_id);
        sovd_db_bind_int(s, 3, (int64_t)o->older_usec);
        sovd_db_bind_int(s, 4, (int64_t)o->ahead_usec);
        r = sovd_db_run(s);
        o->n = r ? 0 : sovd_db_changes(conn);
        return r;
}

static int remove_too_many(struct sovd_db_conn *conn, void *data) {
        struct round *o = data;
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(conn, &s, "DELETE FROM fault_event WHERE id IN (SELECT id FROM fault_event WHERE"
                                          " id<(SELECT max(id) FROM fault_event) ORDER BY id LIMIT ?1)");
        if (r)
                return r;
        sovd_db_bind_int(s, 1, (int64_t)SOVD_MIN(o->events_too_many, (uint64_t)o->rows));
        r = sovd_db_run(s);
        o->n = r ? 0 : sovd_db_changes(conn);
        return r;
}

/* One that is defined now is in memory, and its row is the half of it that outlives a restart. */
static bool is_defined(struct fm_manager *m, const char *entity, const char *code) {
        (void)pthread_mutex_lock(&m->mutex);
        const struct fm_fault *f = fm_table_find(&m->table, entity, code);
        bool defined = f && (f->defined || f->listed || f->changed || f->owed);
        (void)pthread_mutex_unlock(&m->mutex);
        return defined;
}

/* A cycle may have read it from the file: without this the next one would write it again. If it stays there after all, it
 * is read again. */
static void forget(struct fm_manager *m, const char *entity, const char *code) {
        (void)pthread_mutex_lock(&m->mutex);
        struct fm_fault *f = fm_table_find(&m->table, entity, code);
        if (f && !f->defined && !f->listed) {
                fm_state_clear(&f->state);
                f->loaded = false;
                fm_keep_frame(&f->first_frame, NULL);
                fm_keep_frame(&f->last_frame, NULL);
                fm_arm(m, f);
        }
        (void)pthread_mutex_unlock(&m->mutex);
}

struct victim {
        char entity[200], code[FM_CODE_MAX + 1];
};

/* The oldest faults that nobody can report any more. */
static int find_victims(struct sovd_db_conn *conn, struct round *o, struct victim *victims, size_t max, size_t *n) {
        struct sovd_db_stmt *s;
        bool row = true;

        /* Those that are observed at a backend are its own to bound: they would only come again. */
        int r = sovd_db_prepare(conn, &s, "SELECT entity, code FROM fault WHERE json_extract(about, '$.observed') IS NULL"
                                          " ORDER BY last_usec, code, entity");
        while (!r && row && *n < max) {
                r = sovd_db_step(s, &row);
                if (r || !row || is_defined(o->r->m, sovd_db_text(s, 0), sovd_db_text(s, 1)))
                        continue;
                (void)snprintf(victims[*n].entity, sizeof(victims[*n].entity), "%s", sovd_db_text(s, 0));
                (void)snprintf(victims[*n].code, sizeof(victims[*n].code), "%s", sovd_db_text(s, 1));
                (*n)++;
        }
        return r;
}

static int remove_faults(struct sovd_db_conn *conn, void *data) {
        struct round *o = data;
        size_t max = (size_t)SOVD_MIN(o->faults_too_many, (uint64_t)o->rows), n = 0;
        struct victim *victims = calloc(max, sizeof(*victims));
        int64_t gone;

        o->n = 0;
        int r = victims ? find_victims(conn, o, victims, max, &n) : sovd_error_origin(-ENOMEM);
        for (size_t i = 0; !r && i < n; i++) {
                r = fm_store_clear(conn, victims[i].entity, victims[i].code, NULL, &gone);
                if (!r)
                        forget(o->r->m, victims[i].entity, victims[i].code);
                o->n += r ? 0 : gone;
        }
        free(victims);
        return r;
}

/* Gives pages back that are free, the last of the file first. */
static int shrink(struct sovd_db_conn *conn, void *data) {
        struct round *o = data;
        struct sovd_db_stmt *s;
        int64_t free_pages = 0;

        o->n = 0;
        int r = ask(conn, "PRAGMA freelist_count", &free_pages);
        if (r || free_pages <= FREE_PAGES)
                return r;
        r = sovd_db_prepare(conn, &s, "PRAGMA incremental_vacuum(64)");
        if (!r)
                r = sovd_db_run(s);
        int64_t left = free_pages;
        if (!r)
                r = ask(conn, "PRAGMA freelist_count", &left);
        o->n = free_pages - left; /* 0: they cannot be given back */
        return r;
}

/* --- rounds --------------------------------------------------------------------------------------------- */

static bool pause_until(struct fm_retention *r, uint64_t usec) {
        const uint64_t until = sovd_now_usec() + usec;

        (void)pthread_mutex_lock(&r->mutex);
        int waited = 0;
        while (!r->stopping && !waited)
                waited = sovd_cond_wait_until(&r->wake, &r->mutex, until);
        bool stopping = r->stopping;
        (void)pthread_mutex_unlock(&r->mutex);
        return !stopping;
}

static int change(struct round *o, sovd_db_work work, uint64_t *count) {
        uint64_t begin = sovd_now_usec();
        int r = sovd_db_write(o->r->m->options.db, work, o);
        uint64_t took = sovd_now_usec() - begin;

        (void)pthread_mutex_lock(&o->r->mutex);
        o->r->counters.longest_usec = SOVD_MAX(o->r->counters.longest_usec, took);
        if (count && !r)
                *count += (uint64_t)o->n;
        (void)pthread_mutex_unlock(&o->r->mutex);
        return r;
}

/* A catalogue that comes between the look at what is defined and the commit would adopt a row that goes. */
static int change_faults(struct round *o, sovd_db_work work, uint64_t *count) {
        fm_clearing_begin(o->r->m);
        int r = change(o, work, count);
        fm_clearing_end(o->r->m);
        return r;
}

/* Change after change until one has nothing more to do. */
static int repeat(struct round *o, sovd_db_work work, uint64_t *count) {
        int r;

        do
                r = change(o, work, count);
        while (!r && o->n && pause_until(o->r, PAUSE_USEC));
        return r;
}

/* The same until so many are gone, or no other may go. */
static int repeat_for(struct round *o, sovd_db_work work, uint64_t *n, uint64_t *count) {
        int r = 0;

        while (!r && *n) {
                r = (work == remove_faults ? change_faults : change)(o, work, count);
                *n -= SOVD_MIN(*n, (uint64_t)o->n);
                if (!o->n || !pause_until(o->r, PAUSE_USEC))
                        break;
        }
        return r;
}

/* For want of one that knows better: a clock that was put forward since the start makes nothing older. */
static uint64_t time_for_ages(const struct fm_retention *r, uint64_t now) {
        return SOVD_MIN(now, r->begin_usec + (sovd_boottime_usec() - r->begin_boot_usec));
}

int fm_retention_run(struct fm_retention *r) {
        const uint64_t clock = sovd_realtime_usec(), keep = r->options.keep_usec,
                       now = r->options.now_usec ? r->options.now_usec(r->options.now_data) : time_for_ages(r, clock);
        struct round o = { .r = r, .rows = r->options.rows ? r->options.rows : ROWS, .ahead_usec = clock + AHEAD_USEC };

        o.older_usec = keep && now > keep ? now - keep : 0;
        int result = o.older_usec ? find_old(&o) : 0;
        if (!result && o.old_id)
                result = repeat(&o, remove_old, &r->counters.n_events_removed);
        if (!result)
                result = look(&o);
        if (!result)
                result = repeat_for(&o, remove_too_many, &o.events_too_many, &r->counters.n_events_removed);
        if (!result)
                result = repeat_for(&o, remove_faults, &o.faults_too_many, &r->counters.n_faults_removed);
        if (!result)
                result = repeat(&o, shrink, NULL);
        if (!result)
                result = look(&o);
        (void)pthread_mutex_lock(&r->mutex);
        r->counters.n_rounds++;
        r->counters.n_failed += result != 0;
        (void)pthread_mutex_unlock(&r->mutex);
        return result;
}

static void *run(void *data) {
        struct fm_retention *r = data;

        do {
                int result = fm_retention_run(r);
                if (result)
                        sovd_log(SOVD_LOG_WARN, "the history of faults could not be cut: %s", strerror(abs(result)));
        } while (pause_until(r, r->options.period_usec));
        return NULL;
}

/* --- life ----------------------------------------------------------------------------------------------- */

int fm_retention_new(struct fm_retention **ret, struct fm_manager *m, const struct fm_retention_options *options) {
        _cleanup_(fm_retention_freep) struct fm_retention *r = calloc(1, sizeof(*r));
        if (!r)
                return sovd_error_origin(-ENOMEM);

        r->m = m;
        r->options = *options;
        r->begin_usec = sovd_realtime_usec();
        r->begin_boot_usec = sovd_boottime_usec();
        (void)pthread_mutex_init(&r->mutex, NULL);
        (void)sovd_cond_init(&r->wake);
        int result = options->period_usec ? -pthread_create(&r->thread, NULL, run, r) : 0;
        r->has_thread = options->period_usec && !result;
        if (result)
                return result;

        *ret = SOVD_TAKE(r);
        return 0;
}

struct fm_retention *fm_retention_free(struct fm_retention *r) {
        if (!r)
                return NULL;

        (void)pthread_mutex_lock(&r->mutex);
        r->stopping = true;
        (void)pthread_cond_signal(&r->wake);
        (void)pthread_mutex_unlock(&r->mutex);
        if (r->has_thread)
                (void)pthread_join(r->thread, NULL);
        (void)pthread_cond_destroy(&r->wake);
        (void)pthread_mutex_destroy(&r->mutex);
        free(r);
        return NULL;
}

void fm_retention_counters(struct fm_retention *r, struct fm_retention_counters *ret) {
        (void)pthread_mutex_lock(&r->mutex);
        *ret = r->counters;
        (void)pthread_mutex_unlock(&r->mutex);
}
