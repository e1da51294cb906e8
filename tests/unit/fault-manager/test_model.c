/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories, held against a model that is simple enough to be right by reading it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "fault-manager/manager.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/config.h"
#include "sovd-core/base/error.h"
#include "sovd-core/state.h"
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define N_FAULTS   7
#define N_ENTITIES 2
#define SECOND     SOVD_USEC_PER_SEC

/* --- the model ------------------------------------------------------------------------------------------- */

struct traits {
        const char *code, *text, *cycle;
        char kind; /* e, c, t */
        int failed_at, passed_at, up, down;
        bool jump;
        unsigned failed_secs, passed_secs, hold_secs, confirm, heal, age;
};

static const struct traits traits[N_FAULTS] = {
        { "E", "{code: E, name: e, age_cycles: 2, heal_cycles: 1}", "power", 'e', .confirm = 1, .heal = 1,
          .age = 2 },
        { "H", "{code: H, name: h, age_cycles: 1, debounce: {kind: edge, hold_secs: 3}, cycle: drive}",
          "drive", 'e', .hold_secs = 3, .confirm = 1, .age = 1 },
        { "C",
          "{code: C, name: c, confirm_cycles: 2, debounce: {kind: counter, failed_at: 3, passed_at: -2}}",
          "power", 'c', 3, -2, 1, 1, .confirm = 2, .age = 40 },
        { "J",
          "{code: J, name: j, age_cycles: 0, heal_cycles: 2, cycle: drive, debounce: {kind: counter, "
          "failed_at: 5,"
          " passed_at: -5, step_up: 2, step_down: 3, jump: true}}",
          "drive", 'c', 5, -5, 2, 3, true, .confirm = 1, .heal = 2 },
        { "T",
          "{code: T, name: t, confirm_cycles: 3, age_cycles: 3, debounce: {kind: time, failed_secs: 2, "
          "passed_secs: 4}}",
          "power", 't', .failed_secs = 2, .passed_secs = 4, .confirm = 3, .age = 3 },
        { "U",
          "{code: U, name: u, heal_cycles: 3, cycle: drive, debounce: {kind: time, failed_secs: 1, "
          "passed_secs: 0}}",
          "drive", 't', .failed_secs = 1, .confirm = 1, .heal = 3, .age = 40 },
        { "X", "{code: X, name: x, confirm_cycles: 4, cycle: drive}", "drive", 'e', .confirm = 4, .age = 40 },
};

struct model {
        bool failed, failed_this_cycle, pending, confirmed, failed_since_clear, warning;
        bool done_since_clear, done_this_cycle;
        int counter;
        bool waits, for_failure; /* of the time rule */
        uint64_t until;          /* when it comes true; or the end of a hold */
        unsigned n, failed_cycles, passed_cycles;
        bool known; /* its catalogue was there in this run */
};

static void model_fail(struct model *m, const struct traits *t) {
        if (m->failed)
                return;
        m->n++;
        m->failed_cycles += !m->failed_this_cycle;
        m->passed_cycles = 0;
        m->failed = m->failed_this_cycle = m->pending = m->failed_since_clear = true;
        m->done_since_clear = m->done_this_cycle = true;
        m->confirmed = m->confirmed || m->failed_cycles >= t->confirm;
        m->warning = m->warning || (t->heal && m->confirmed);
}

static void model_pass(struct model *m) {
        m->failed = false;
        m->done_since_clear = m->done_this_cycle = true;
}

static void model_decide(struct model *m, const struct traits *t, bool failure) {
        if (failure)
                model_fail(m, t);
        else
                model_pass(m);
}

static void model_edge(struct model *m, const struct traits *t, bool failure, uint64_t now) {
        model_decide(m, t, failure);
        m->waits = failure && t->hold_secs;
        m->until = now + t->hold_secs * SECOND;
}

static void model_counter(struct model *m, const struct traits *t, bool failure, bool final) {
        if (t->jump && (failure ? m->counter < 0 : m->counter > 0))
                m->counter = 0;
        m->counter += failure ? t->up : -t->down;
        if (final)
                m->counter = failure ? t->failed_at : t->passed_at;
        m->counter = SOVD_MAX(SOVD_MIN(m->counter, t->failed_at), t->passed_at);
        if (m->counter == t->failed_at || m->counter == t->passed_at)
                model_decide(m, t, failure);
}

static void model_tick(struct model *m, const struct traits *t, uint64_t now) {
        if (!m->waits || now < m->until)
                return;
        m->waits = false;
        model_decide(m, t, t->kind == 't' && m->for_failure);
}

static void model_time(struct model *m, const struct traits *t, bool failure, bool final, uint64_t now) {
        if (final) {
                m->waits = false;
                model_decide(m, t, failure);
        } else if (!m->waits || m->for_failure != failure) {
                m->waits = true;
                m->for_failure = failure;
                m->until = now + (failure ? t->failed_secs : t->passed_secs) * SECOND;
                model_tick(m, t, now);
        }
}

static void model_report(struct model *m, const struct traits *t, enum fm_report report, uint64_t now) {
        bool failure = report == FM_FAILED || report == FM_PREFAILED,
             final = report == FM_FAILED || report == FM_PASSED;

        if (t->kind == 'e')
                model_edge(m, t, failure, now);
        else if (t->kind == 'c')
                model_counter(m, t, failure, final);
        else
                model_time(m, t, failure, final, now);
}

static void model_cycle(struct model *m, const struct traits *t) {
        if (!m->known && !m->n)
                return; /* nobody ever heard of it */
        if (m->done_this_cycle && !m->failed_this_cycle) {
                m->passed_cycles++;
                m->failed_cycles = 0;
                m->pending = false;
                m->warning = m->warning && !(t->heal && m->passed_cycles >= t->heal);
                if (m->confirmed && t->age && m->passed_cycles >= t->age)
                        m->confirmed = m->warning = false;
        }
        m->done_this_cycle = m->failed_this_cycle = m->failed;
        if (m->failed) {
                m->failed_cycles++;
                m->confirmed = m->confirmed || m->failed_cycles >= t->confirm;
                m->warning = m->warning || (t->heal && m->confirmed);
        } else {
                m->counter = 0;
                m->waits = false;
        }
}

static void model_hold(struct model *m, const struct traits *t, uint64_t now) {
        m->waits = m->failed && t->hold_secs;
        m->until = now + t->hold_secs * SECOND;
}

/* What was never a fault is not stored, and counters are not. */
static void model_restart(struct model *m, const struct traits *t, uint64_t now) {
        if (!m->n)
                *m = (struct model){ 0 };
        m->counter = 0;
        m->known = false;
        model_hold(m, t, now);
}

static void model_define(struct model *m, const struct traits *t, uint64_t now) {
        if (!m->known)
                model_hold(m, t, now);
        m->known = true;
}

static unsigned model_status(const struct model *m) {
        return (unsigned)m->failed | (unsigned)m->failed_this_cycle << 1 | (unsigned)m->pending << 2 |
               (unsigned)m->confirmed << 3 | (unsigned)!m->done_since_clear << 4 |
               (unsigned)m->failed_since_clear << 5 | (unsigned)!m->done_this_cycle << 6 |
               (unsigned)m->warning << 7;
}

/* --- the world ------------------------------------------------------------------------------------------- */

static const char *const entities[N_ENTITIES] = { "apps/a", "components/b" };
static uint64_t fake_usec; /* atomic: the writer reads it too */

static uint64_t fake_now(void) {
        return __atomic_load_n(&fake_usec, __ATOMIC_RELAXED);
}

struct world {
        char folder[64], path[80];
        struct sovd_arena *arena;
        struct sovd_db *db;
        struct fm_manager *m;
        struct model models[N_ENTITIES][N_FAULTS], durable[N_ENTITIES][N_FAULTS];
        uint8_t told[N_ENTITIES][N_FAULTS]; /* by the last event */
        unsigned seed, step;
        uint64_t random;
        bool breaks; /* nothing can be written now */
        struct rlimit limit;
};

static unsigned draw(struct world *w, unsigned n) {
        w->random ^= w->random << 13;
        w->random ^= w->random >> 7;
        w->random ^= w->random << 17;
        return (unsigned)(w->random % n);
}

static int index_of(const char *const *names, int n, const char *name) {
        for (int i = 0; i < n; i++)
                if (strcmp(names[i], name) == 0)
                        return i;
        return -1;
}

/* On the writer's thread; it is read when nothing is under way. */
static void published(const struct fm_event *event, void *data) {
        const char *codes[N_FAULTS];
        struct world *w = data;

        for (int i = 0; i < N_FAULTS; i++)
                codes[i] = traits[i].code;
        int e = index_of(entities, N_ENTITIES, event->entity), i = index_of(codes, N_FAULTS, event->code);
        for (int k = 0; event->changed == FM_CLEARED && k < N_FAULTS; k++)
                if (i < 0 || k == i)
                        w->told[e][k] = 0;
        if (event->changed != FM_CLEARED)
                w->told[e][i] = event->state.status;
}

static void open_manager(struct world *w) {
        const struct fm_options options = {
                .db = w->db, .faults_max = 100, .published = published, .data = w
        };

        assert_int_equal(fm_manager_new(&w->m, &options), 0);
}

static void open_db(struct world *w, bool in_file) {
        const struct sovd_db_options db = { .path = in_file ? w->path : NULL,
                                            .migrations = sovd_state_migrations,
                                            .readers = 2,
                                            .application_id = SOVD_STATE_APPLICATION_ID,
                                            .queue_max = 1000 };

        assert_int_equal(sovd_db_open(&w->db, &db, NULL), 0);
}

static int nothing(struct sovd_db_conn *conn, void *data) {
        (void)conn;
        (void)data;
        return 0;
}

/* Until all that happened is in the file. */
static void settle(struct world *w) {
        struct sovd_fault_counters c;
        uint64_t ticket;
        int n = 0;

        assert_int_equal(fm_manager_cycle(w->m, "other", &ticket), 0); /* a ticket behind everything */
        assert_int_equal(fm_manager_wait(w->m, ticket), 0);
        assert_int_equal(sovd_db_write(w->db, nothing, NULL), 0);
        do { /* what is in the file only follows page by page */
                (void)fm_manager_tick(w->m);
                assert_int_equal(sovd_db_write(w->db, nothing, NULL), 0);
                fm_manager_counters(w->m, &c);
        } while (c.n_cycles_behind && n++ < 1000);
        assert_int_equal(c.n_cycles_behind, 0);
        assert_int_equal(c.n_waiting, 0);
        memcpy(w->durable, w->models, sizeof(w->models));
}

static const struct fm_record *find(const struct fm_record *records, size_t n, int e, int i) {
        for (size_t k = 0; k < n; k++)
                if (strcmp(records[k].entity, entities[e]) == 0 &&
                    strcmp(records[k].code, traits[i].code) == 0)
                        return &records[k];
        return NULL;
}

static void compare_one(const struct world *w, const struct fm_record *r, int e, int i) {
        const struct model *m = &w->models[e][i];
        const struct fm_state none = { 0 }, *s = r ? &r->state : &none;

        if (!m->n && !r)
                return;
        if (!r || s->status != model_status(m) || s->n_occurrences != m->n ||
            s->n_failed_cycles != m->failed_cycles || s->n_passed_cycles != m->passed_cycles)
                fail_msg("seed %u, step %u, %s of %s: status %02x, %u occurrences, %u failed and %u passed "
                         "cycles, but is"
                         " %02x, %u, %u, %u",
                         w->seed, w->step, traits[i].code, entities[e], model_status(m), m->n,
                         m->failed_cycles, m->passed_cycles, s->status, s->n_occurrences, s->n_failed_cycles,
                         s->n_passed_cycles);
}

/* Filters look at the status that the file has. */
static void compare_filter(struct world *w, unsigned bit) {
        const struct fm_query query = { .status_any = bit, .max = N_ENTITIES * N_FAULTS + 1 };
        struct fm_record *records;
        size_t n, expected = 0;

        for (int e = 0; e < N_ENTITIES; e++)
                for (int i = 0; i < N_FAULTS; i++)
                        expected += w->models[e][i].n && model_status(&w->models[e][i]) & bit;
        assert_int_equal(fm_manager_list(w->m, &query, w->arena, &records, &n), 0);
        if (n != expected)
                fail_msg("seed %u, step %u: %zu faults with bit %02x, but are %zu", w->seed, w->step,
                         expected, bit, n);
}

static void compare_told(const struct world *w, int e, int i) {
        const struct model *m = &w->models[e][i];

        if (m->n && w->told[e][i] != model_status(m))
                fail_msg("seed %u, step %u, %s of %s: status %02x, but told was %02x", w->seed, w->step,
                         traits[i].code, entities[e], model_status(m), w->told[e][i]);
}

static void compare(struct world *w) {
        const struct fm_query all = { .max = N_ENTITIES * N_FAULTS + 1 };
        struct fm_record *records;
        size_t n;

        sovd_arena_reset(w->arena);
        settle(w);
        assert_int_equal(fm_manager_list(w->m, &all, w->arena, &records, &n), 0);
        for (int e = 0; e < N_ENTITIES; e++)
                for (int i = 0; i < N_FAULTS; i++) {
                        compare_one(w, find(records, n, e, i), e, i);
                        compare_told(w, e, i);
                }
        for (unsigned bit = 1; bit < 256; bit <<= 1)
                compare_filter(w, bit);
}

/* --- what happens ---------------------------------------------------------------------------------------- */

static void define(struct world *w, int e) {
        struct fm_catalog catalog;
        const char *message;
        char text[2048] = "faults:\n";

        for (int i = 0; i < N_FAULTS; i++)
                (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "- %s\n", traits[i].text);
        assert_int_equal(sovd_config_parse(&fm_schema_catalog, &catalog, "x", text, strlen(text), NULL,
                                           w->arena, NULL, &message),
                         0);
        for (size_t i = 0; i < catalog.faults.n; i++)
                ((struct fm_descriptor *)catalog.faults.items)[i].reports_per_sec = SOVD_NUMBER(0);
        assert_int_equal(fm_manager_define(w->m, entities[e], &catalog), 0);
        for (int i = 0; i < N_FAULTS; i++)
                model_define(&w->models[e][i], &traits[i], fake_now());
}

static void report(struct world *w, int e) {
        int i = (int)draw(w, N_FAULTS);
        enum fm_report kind = (enum fm_report)draw(w, 4);

        int r = fm_manager_report(w->m, entities[e], traits[i].code, kind, NULL, NULL);
        assert_int_equal(r, w->models[e][i].known ? 0 : SOVD_E_NOT_FOUND);
        if (!r)
                model_report(&w->models[e][i], &traits[i], kind, fake_now());
}

static void pass_time(struct world *w) {
        (void)__atomic_add_fetch(&fake_usec, draw(w, 3) * SECOND, __ATOMIC_RELAXED);
        (void)fm_manager_tick(w->m);
        for (int e = 0; e < N_ENTITIES; e++)
                for (int i = 0; i < N_FAULTS; i++)
                        model_tick(&w->models[e][i], &traits[i], fake_now());
}

static void cycle(struct world *w) {
        const char *kind = draw(w, 2) ? "power" : "drive";
        uint64_t ticket;

        assert_int_equal(fm_manager_cycle(w->m, kind, &ticket), 0);
        for (int e = 0; e < N_ENTITIES; e++)
                for (int i = 0; i < N_FAULTS; i++)
                        if (strcmp(traits[i].cycle, kind) == 0)
                                model_cycle(&w->models[e][i], &traits[i]);
}

static void clear(struct world *w, int e) {
        bool one = draw(w, 3);
        int only = (int)draw(w, N_FAULTS);

        settle(w);
        int r = fm_manager_clear(w->m, entities[e], one ? traits[only].code : NULL, NULL);
        assert_int_equal(r, one && !w->models[e][only].n ? SOVD_E_NOT_FOUND : 0);
        for (int i = 0; !r && i < N_FAULTS; i++)
                if (!one || i == only)
                        w->models[e][i] = (struct model){ .known = w->models[e][i].known };
}

static void restart(struct world *w) {
        w->m = fm_manager_free(w->m);
        open_manager(w);
        for (int e = 0; e < N_ENTITIES; e++)
                for (int i = 0; i < N_FAULTS; i++)
                        model_restart(&w->models[e][i], &traits[i], fake_now());
}

static void do_something(struct world *w) {
        unsigned what = draw(w, 40);
        int e = (int)draw(w, N_ENTITIES);

        if (what < 24)
                report(w, e);
        else if (what < 30)
                pass_time(w);
        else if (what < 35)
                cycle(w);
        else if (what == 35 && !w->breaks)
                clear(w, e);
        else if (what == 36 && !w->breaks)
                restart(w);
        else if (what > 36)
                define(w, e);
}

static void begin(struct world *w, unsigned seed, bool in_file) {
        *w = (struct world){ .seed = seed, .random = 0x9e3779b97f4a7c15u * (seed + 1) };
        assert_int_equal(sovd_arena_new(&w->arena, 16384), 0);
        (void)snprintf(w->folder, sizeof(w->folder), "/tmp/sovd-fm-XXXXXX");
        if (in_file)
                assert_non_null(mkdtemp(w->folder));
        (void)snprintf(w->path, sizeof(w->path), "%s/state.db", w->folder);
        open_db(w, in_file);
        open_manager(w);
}

static void end(struct world *w) {
        char command[128];

        w->m = fm_manager_free(w->m);
        w->db = sovd_db_close(w->db);
        sovd_arena_free(w->arena);
        (void)snprintf(command, sizeof(command), "rm -rf -- '%s'", w->folder);
        if (!strstr(w->folder, "XXXXXX"))
                assert_int_equal(system(command), 0);
}

static void every_history_ends_as_the_model_says(void **state) {
        static const struct sovd_clock clock = { fake_now, fake_now };
        struct world w;
        (void)state;

        fake_usec = 1000 * SECOND;
        sovd_clock_replace(&clock);
        for (unsigned seed = 1; seed <= 400; seed++) {
                begin(&w, seed, false);
                for (w.step = 0; w.step < 60; w.step++) {
                        do_something(&w);
                        if (draw(&w, 3) == 0)
                                compare(&w);
                }
                compare(&w);
                end(&w);
        }
        sovd_clock_replace(NULL);
}

/* --- a disk that takes nothing --------------------------------------------------------------------------- */

static void break_disk(struct world *w, bool breaks) {
        struct rlimit limit = w->limit;

        if (breaks)
                limit.rlim_cur = 0;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        w->breaks = breaks;
}

/* What was not acknowledged may be lost by a crash, and nothing else. */
static void crash(struct world *w) {
        w->m = fm_manager_free(w->m);
        w->db = sovd_db_close(w->db);
        break_disk(w, false);
        open_db(w, true);
        open_manager(w);
        memcpy(w->models, w->durable, sizeof(w->models));
        for (int e = 0; e < N_ENTITIES; e++)
                for (int i = 0; i < N_FAULTS; i++)
                        model_restart(&w->models[e][i], &traits[i], fake_now());
}

static void a_failing_disk(struct world *w) {
        settle(w);
        break_disk(w, true);
        for (int i = 0; i < 6; i++, w->step++)
                do_something(w);
        if (draw(w, 2)) {
                crash(w);
        } else {
                break_disk(w, false);
                while (sovd_db_write(w->db, nothing, NULL)) /* the file is opened anew */
                        ;
                (void)fm_manager_tick(w->m);
        }
        compare(w);
}

static void what_a_failing_disk_did_not_take_comes_later_or_was_never_told(void **state) {
        static const struct sovd_clock clock = { fake_now, fake_now };
        struct world w;
        (void)state;

        fake_usec = 1000 * SECOND;
        sovd_clock_replace(&clock);
        (void)signal(SIGXFSZ, SIG_IGN);
        for (unsigned seed = 1; seed <= 12; seed++) {
                begin(&w, seed, true);
                assert_int_equal(getrlimit(RLIMIT_FSIZE, &w.limit), 0);
                while (w.step < 60) {
                        for (int i = 0; i < 10; i++, w.step++)
                                do_something(&w);
                        a_failing_disk(&w);
                }
                end(&w);
        }
        sovd_clock_replace(NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_history_ends_as_the_model_says),
                cmocka_unit_test(what_a_failing_disk_did_not_take_comes_later_or_was_never_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
