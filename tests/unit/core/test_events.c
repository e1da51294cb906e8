/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "sovd-core/base/error.h"
#include "sovd-core/events.h"
#include "sovd-core/fault_sink.h"
#include "sovd-core/state.h"
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

struct fixture {
        struct sovd_db *db;
        struct sovd_events *events;
};

static struct sovd_events *bus_of(struct sovd_db *db, size_t kept, size_t bytes, uint64_t replay_max) {
        const struct sovd_events_options options = {
                .db = db, .kept = kept, .bytes_max = bytes, .replay_max = replay_max
        };
        struct sovd_events *events = NULL;

        assert_int_equal(sovd_events_new(&events, &options), 0);
        return events;
}

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(sovd_state_open(&f->db, NULL, NULL), 0);
        f->events = bus_of(f->db, 4, 100000, 10000);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        sovd_events_free(f->events);
        sovd_db_close(f->db);
        free(f);
        return 0;
}

static void begin_anew(struct fixture *f, size_t kept, size_t bytes, uint64_t replay_max) {
        sovd_events_free(f->events);
        f->events = bus_of(f->db, kept, bytes, replay_max);
}

/* --- writing -------------------------------------------------------------------------------------------- */

static int store(struct sovd_db_conn *conn, void *data) {
        struct sovd_fact *fact = data;
        struct sovd_db_stmt *s;

        int r = sovd_db_prepare(
                conn, &s,
                "INSERT INTO fault_event(usec, entity, code, changed, status, severity, scope, body) "
                "VALUES(1,?1,?2,?3,?4,?5,?6,?7)");
        if (r)
                return r;
        sovd_db_bind_text(s, 1, fact->entity);
        sovd_db_bind_text(s, 2, fact->code);
        sovd_db_bind_int(s, 3, fact->changed);
        sovd_db_bind_int(s, 4, fact->status);
        sovd_db_bind_int(s, 5, fact->severity);
        sovd_db_bind_text(s, 6, fact->scope);
        sovd_db_bind_text(s, 7, fact->body);
        r = sovd_db_run(s);
        fact->id = (uint64_t)sovd_db_last_id(conn);
        return r;
}

static uint64_t happen(struct fixture *f, struct sovd_fact fact) {
        fact.entity = fact.entity ? fact.entity : "apps/nav";
        fact.code = fact.code ? fact.code : "P1";
        fact.scope = fact.scope ? fact.scope : "";
        fact.body = fact.body ? fact.body : "{}";
        assert_int_equal(sovd_db_write(f->db, store, &fact), 0);
        sovd_events_publish(f->events, &fact);
        return fact.id;
}

static void happen_often(struct fixture *f, unsigned n) {
        for (unsigned i = 0; i < n; i++)
                happen(f, (struct sovd_fact){ 0 });
}

static int run_sql(struct sovd_db_conn *conn, void *data) {
        struct sovd_db_stmt *s;
        int r = sovd_db_prepare(conn, &s, data);

        return r ? r : sovd_db_run(s);
}

/* --- reading -------------------------------------------------------------------------------------------- */

struct reader {
        struct sovd_stream_reader *reader;
        atomic_uint n_wakes;
        char text[256];
};

static void wake(void *data) {
        atomic_fetch_add(&((struct reader *)data)->n_wakes, 1);
}

static void open_with(struct fixture *f, struct reader *r, const struct sovd_events_source *options) {
        struct sovd_events_source source;

        sovd_events_source_init(&source, f->events);
        source.filter = options->filter;
        source.is_resumed = options->is_resumed;
        source.last_id = options->last_id;
        source.with_snapshot = options->with_snapshot;
        atomic_store(&r->n_wakes, 0);
        assert_int_equal(source.base.open(&source.base, &r->reader, NULL, wake, r), 0);
}

static void open_behind(struct fixture *f, struct reader *r, uint64_t id) {
        open_with(f, r, &(struct sovd_events_source){ .is_resumed = true, .last_id = id });
}

static void open_now(struct fixture *f, struct reader *r) {
        open_with(f, r, &(struct sovd_events_source){ 0 });
}

/* The next one; waits to be woken as the streamer does. */
static enum sovd_stream_what next(struct reader *r, uint64_t *ret_id) {
        _cleanup_(sovd_event_unrefp) struct sovd_event *event = NULL;
        enum sovd_stream_what what;

        for (int i = 0; i < 20000; i++) {
                unsigned wakes = atomic_load(&r->n_wakes);
                what = sovd_stream_next(r->reader, &event);
                if (what != SOVD_STREAM_NOTHING)
                        break;
                while (atomic_load(&r->n_wakes) == wakes && i++ < 20000)
                        (void)poll(NULL, 0, 1);
        }
        assert_int_not_equal(what, SOVD_STREAM_NOTHING);
        if (event) {
                (void)snprintf(r->text, sizeof(r->text), "%.*s", (int)event->len, event->text + event->start);
                *ret_id = event->id;
        }
        return what;
}

static void next_is(struct reader *r, uint64_t id) {
        uint64_t found = 0;

        assert_int_equal(next(r, &found), SOVD_STREAM_EVENT);
        assert_int_equal(found, id);
}

static void next_says(struct reader *r, enum sovd_stream_what what, const char *text) {
        uint64_t id;

        assert_int_equal(next(r, &id), what);
        assert_string_equal(r->text, text);
}

static void nothing_is_next(struct reader *r) {
        struct sovd_event *event;

        assert_int_equal(sovd_stream_next(r->reader, &event), SOVD_STREAM_NOTHING);
}

/* --- the ring ------------------------------------------------------------------------------------------- */

static void a_reader_gets_what_comes_after_it_came(void **state) {
        struct fixture *f = *state;
        struct reader r;

        happen(f, (struct sovd_fact){ 0 });
        open_now(f, &r);
        nothing_is_next(&r);
        assert_int_equal(happen(f, (struct sovd_fact){ .body = "{\"n\":2}" }), 2);
        assert_int_equal(atomic_load(&r.n_wakes), 1);
        next_says(&r, SOVD_STREAM_EVENT, "id: 2\nevent: fault\ndata: {\"n\":2}\n\n");
        nothing_is_next(&r);
        r.reader = sovd_stream_close(r.reader);
}

static void a_reader_is_woken_for_what_passes_its_filter_only(void **state) {
        const char *const codes[] = { "P2", "P3" };
        const struct sovd_events_source options = { .filter = { .codes = codes, .n_codes = 2 } };
        struct fixture *f = *state;
        struct reader r;

        open_with(f, &r, &options);
        nothing_is_next(&r);
        happen_often(f, 20);
        assert_int_equal(atomic_load(&r.n_wakes), 0);
        happen(f, (struct sovd_fact){ .code = "P3" });
        next_is(&r, 21);
        nothing_is_next(&r);
        r.reader = sovd_stream_close(r.reader);
}

static void the_ring_is_bounded_in_number_and_in_bytes(void **state) {
        struct fixture *f = *state;
        struct sovd_events_counters c;

        happen_often(f, 10);
        sovd_events_count(f->events, &c);
        assert_int_equal(c.n_kept, 4);
        begin_anew(f, 100, 1000, 10000);
        happen_often(f, 50);
        sovd_events_count(f->events, &c);
        assert_in_range(c.n_bytes, 500, 1000);
        assert_in_range(c.n_kept, 2, 20);
        assert_int_equal(c.n_published, 50);
        begin_anew(f, 100, 1, 10000);
        happen_often(f, 2);
        sovd_events_count(f->events, &c);
        assert_int_equal(c.n_kept, 1);
}

static bool passes(struct sovd_event_filter filter, struct sovd_fact fact) {
        fact.entity = fact.entity ? fact.entity : "apps/nav";
        fact.code = fact.code ? fact.code : "P1";
        fact.scope = fact.scope ? fact.scope : "";
        return sovd_event_filter_matches(&filter, &fact);
}

static void filters_say_what_passes(void **state) {
        const char *const nav[] = { "apps/nav" }, *const p1[] = { "P1" };
        const struct sovd_event_filter severe = { .severity_below = 3 },
                                       failed = { .by_status = true, .statuses = { 2 } },
                                       main = { .scope = "main" };

        (void)state;
        assert_true(passes((struct sovd_event_filter){ 0 }, (struct sovd_fact){ 0 }));
        assert_true(passes((struct sovd_event_filter){ .entities = nav, .n_entities = 1 },
                           (struct sovd_fact){ 0 }));
        assert_false(passes((struct sovd_event_filter){ .entities = nav, .n_entities = 1 },
                            (struct sovd_fact){ .entity = "apps/n" }));
        assert_false(passes((struct sovd_event_filter){ .codes = p1, .n_codes = 1 },
                            (struct sovd_fact){ .code = "P2" }));
        assert_true(passes((struct sovd_event_filter){ .codes = p1, .n_codes = 1 },
                           (struct sovd_fact){ .code = "" }));
        assert_true(passes(severe, (struct sovd_fact){ .severity = 2 }));
        assert_false(passes(severe, (struct sovd_fact){ .severity = 3 }));
        assert_true(passes(severe, (struct sovd_fact){ .severity = 3, .changed = SOVD_FACT_CLEARED }));
        assert_true(passes(failed, (struct sovd_fact){ .status = 1 }));
        assert_false(passes(failed, (struct sovd_fact){ .status = 2 }));
        assert_true(passes(failed, (struct sovd_fact){ .status = 2, .changed = SOVD_FACT_CLEARED }));
        assert_true(passes(main, (struct sovd_fact){ .scope = "main" }));
        assert_false(passes(main, (struct sovd_fact){ .scope = "" }));
        assert_false(passes(
                main, (struct sovd_fact){ .code = "", .scope = "other", .changed = SOVD_FACT_CLEARED }));
        assert_true(passes(main, (struct sovd_fact){ .code = "", .changed = SOVD_FACT_CLEARED }));
}

/* --- the database --------------------------------------------------------------------------------------- */

static void who_comes_back_gets_what_it_missed_once_and_in_order(void **state) {
        struct fixture *f = *state;
        struct sovd_events_counters c;
        struct reader r;

        happen_often(f, 500);
        open_behind(f, &r, 10);
        for (uint64_t id = 11; id <= 500; id++)
                next_is(&r, id);
        nothing_is_next(&r);
        happen_often(f, 2);
        next_is(&r, 501);
        next_is(&r, 502);
        nothing_is_next(&r);
        sovd_events_count(f->events, &c);
        assert_int_equal(c.n_missed, 0);
        assert_in_range(c.n_replayed, 486, 490);
        r.reader = sovd_stream_close(r.reader);
}

static void the_filter_holds_for_what_is_told_later_too(void **state) {
        const char *const codes[] = { "P7" };
        const struct sovd_events_source options = { .is_resumed = true,
                                                    .filter = { .codes = codes, .n_codes = 1 } };
        struct fixture *f = *state;
        struct reader r;

        happen(f, (struct sovd_fact){ .code = "P7", .body = "{\"first\":1}" });
        happen_often(f, 2500); /* more than one page looks at */
        happen(f, (struct sovd_fact){ .code = "P7" });
        open_with(f, &r, &options);
        next_says(&r, SOVD_STREAM_EVENT, "id: 1\nevent: fault\ndata: {\"first\":1}\n\n");
        next_is(&r, 2502);
        nothing_is_next(&r);
        r.reader = sovd_stream_close(r.reader);
}

static void a_reader_that_falls_behind_the_ring_misses_nothing(void **state) {
        struct fixture *f = *state;
        struct reader r;

        open_now(f, &r);
        nothing_is_next(&r);
        happen_often(f, 300);
        for (uint64_t id = 1; id <= 300; id++)
                next_is(&r, id);
        nothing_is_next(&r);
        r.reader = sovd_stream_close(r.reader);
}

static void what_is_beyond_the_limit_is_one_gap_that_says_what_is_missing(void **state) {
        struct fixture *f = *state;
        struct sovd_events_counters c;
        struct reader r;

        begin_anew(f, 4, 100000, 20);
        happen_often(f, 100);
        open_behind(f, &r, 5);
        next_says(&r, SOVD_STREAM_GAP, "id: 80\nevent: gap\ndata: {\"from\":6,\"to\":80,\"missed\":75}\n\n");
        for (uint64_t id = 81; id <= 100; id++)
                next_is(&r, id);
        nothing_is_next(&r);
        sovd_events_count(f->events, &c);
        assert_int_equal(c.n_missed, 75);
        r.reader = sovd_stream_close(r.reader);

        open_behind(f, &r, 80); /* exactly the limit */
        next_is(&r, 81);
        r.reader = sovd_stream_close(r.reader);
}

static void what_was_deleted_is_a_gap(void **state) {
        static char some[] = "DELETE FROM fault_event WHERE id<=30", all[] = "DELETE FROM fault_event";
        struct fixture *f = *state;
        struct reader r;

        happen_often(f, 40);
        assert_int_equal(sovd_db_write(f->db, run_sql, some), 0);
        open_behind(f, &r, 10);
        next_says(&r, SOVD_STREAM_GAP, "id: 30\nevent: gap\ndata: {\"from\":11,\"to\":30,\"missed\":20}\n\n");
        next_is(&r, 31);
        r.reader = sovd_stream_close(r.reader);

        begin_anew(f, 4, 100000, 10000);
        assert_int_equal(sovd_db_write(f->db, run_sql, all), 0);
        assert_int_equal(sovd_events_newest(f->events), 40);
        open_behind(f, &r, 39);
        next_says(&r, SOVD_STREAM_GAP, "id: 40\nevent: gap\ndata: {\"from\":40,\"to\":40,\"missed\":1}\n\n");
        assert_int_equal(happen(f, (struct sovd_fact){ 0 }), 41);
        next_is(&r, 41);
        r.reader = sovd_stream_close(r.reader);
}

static void ids_go_on_after_a_restart(void **state) {
        struct fixture *f = *state;
        struct reader r;

        happen_often(f, 3);
        begin_anew(f, 4, 100000, 10000);
        assert_int_equal(sovd_events_newest(f->events), 3);
        open_behind(f, &r, 1);
        next_is(&r, 2);
        next_is(&r, 3);
        happen_often(f, 1);
        next_is(&r, 4);
        r.reader = sovd_stream_close(r.reader);
}

static void an_event_that_did_not_come_by_is_told_from_the_database(void **state) {
        struct sovd_fact fact = { .entity = "apps/nav", .code = "P1", .scope = "", .body = "{}" };
        struct fixture *f = *state;
        struct reader r;

        open_now(f, &r);
        happen_often(f, 2);
        assert_int_equal(sovd_db_write(f->db, store, &fact), 0); /* stored, and never published */
        happen_often(f, 1);
        for (uint64_t id = 1; id <= 4; id++)
                next_is(&r, id);
        nothing_is_next(&r);
        r.reader = sovd_stream_close(r.reader);
}

static void a_state_that_cannot_be_read_ends_the_stream_and_not_those_that_need_it_not(void **state) {
        static char drop[] = "DROP TABLE fault_event";
        struct fixture *f = *state;
        struct sovd_events_counters c;
        struct reader late, live;
        uint64_t id;

        happen_often(f, 20);
        open_now(f, &live);
        nothing_is_next(&live);
        assert_int_equal(sovd_db_write(f->db, run_sql, drop), 0);
        open_behind(f, &late, 1);
        assert_int_equal(next(&late, &id), SOVD_STREAM_END);
        sovd_events_publish(f->events, &(struct sovd_fact){ .id = 21, .entity = "apps/nav", .code = "P1", .scope = "", .body = "{}" });
        next_is(&live, 21);
        sovd_events_count(f->events, &c);
        assert_int_equal(c.n_failed, 1);
        late.reader = sovd_stream_close(late.reader);
        live.reader = sovd_stream_close(live.reader);
}

/* --- snapshots ------------------------------------------------------------------------------------------ */

#define N_PRESENT 150u

/* Two of three faults are of severity 1; an event happens between two pages. */
static int show(struct sovd_fault_sink *sink, const char *entity, struct sovd_fault_place *place, size_t max,
                int (*each)(const struct sovd_fact *fact, void *data), void *data, bool *ret_more);
static const struct sovd_fault_sink_ops show_ops = { .present = show };
struct showing {
        struct sovd_fault_sink base;
        struct fixture *f;
};

static int show(struct sovd_fault_sink *sink, const char *entity, struct sovd_fault_place *place, size_t max,
                int (*each)(const struct sovd_fact *fact, void *data), void *data, bool *ret_more) {
        struct fixture *f = ((struct showing *)sink)->f;
        int r = 0;

        (void)entity;
        if (place->usec)
                happen(f, (struct sovd_fact){ .severity = 1 });
        for (size_t i = 0; !r && i < max && place->usec < N_PRESENT; i++, place->usec++) {
                struct sovd_fact fact = { .entity = "apps/nav",
                                          .code = "P1",
                                          .scope = "",
                                          .body = "{}",
                                          .severity = place->usec % 3 ? 1 : 4 };
                r = each(&fact, data);
        }
        *ret_more = place->usec < N_PRESENT;
        return r;
}

static void a_snapshot_shows_what_is_there_and_what_came_meanwhile_follows(void **state) {
        const struct sovd_events_source options = { .with_snapshot = true,
                                                    .filter = { .severity_below = 2 } };
        struct fixture *f = *state;
        struct showing sink = { .base.ops = &show_ops, .f = f };
        struct reader r;

        sovd_events_set_faults(f->events, &sink.base);
        happen_often(f, 7);
        open_with(f, &r, &options);
        for (unsigned i = 0; i < N_PRESENT * 2 / 3; i++)
                next_says(&r, SOVD_STREAM_EVENT, "event: snapshot\ndata: {}\n\n");
        next_says(&r, SOVD_STREAM_EVENT, "id: 7\nevent: snapshot-end\ndata: {\"id\":7,\"faults\":100}\n\n");
        next_is(&r, 8);
        next_is(&r, 9);
        nothing_is_next(&r);
        r.reader = sovd_stream_close(r.reader);
}

static void who_comes_back_gets_a_snapshot_only_if_it_missed_something(void **state) {
        struct sovd_events_source options = { .with_snapshot = true, .is_resumed = true, .last_id = 90 };
        struct fixture *f = *state;
        struct showing sink = { .base.ops = &show_ops, .f = f };
        struct reader r;

        begin_anew(f, 4, 100000, 20);
        sovd_events_set_faults(f->events, &sink.base);
        happen_often(f, 100);
        open_with(f, &r, &options);
        next_is(&r, 91);
        r.reader = sovd_stream_close(r.reader);
        options.last_id = 50;
        open_with(f, &r, &options);
        next_says(&r, SOVD_STREAM_GAP, "event: gap\ndata: {\"from\":51,\"to\":80,\"missed\":30}\n\n");
        for (unsigned i = 0; i < N_PRESENT; i++)
                next_says(&r, SOVD_STREAM_EVENT, "event: snapshot\ndata: {}\n\n");
        next_says(&r, SOVD_STREAM_EVENT,
                  "id: 100\nevent: snapshot-end\ndata: {\"id\":100,\"faults\":150}\n\n");
        next_is(&r, 101);
        r.reader = sovd_stream_close(r.reader);
}

/* --- many threads --------------------------------------------------------------------------------------- */

#define N_EVENTS  1500u
#define N_READERS 6u

struct racer {
        struct fixture *f;
        uint64_t from;
        unsigned n_wrong;
};

static void *read_all(void *data) {
        struct racer *racer = data;
        uint64_t id = 0;
        struct reader r;

        open_behind(racer->f, &r, racer->from);
        for (uint64_t wanted = racer->from + 1; wanted <= N_EVENTS; wanted++)
                racer->n_wrong += next(&r, &id) != SOVD_STREAM_EVENT || id != wanted;
        r.reader = sovd_stream_close(r.reader);
        return NULL;
}

/* Comes, reads a little and goes, also while a page is being made for it. */
static void *come_and_go(void *data) {
        struct racer *racer = data;
        struct sovd_event *event;
        struct reader r;

        for (unsigned i = 0; sovd_events_newest(racer->f->events) < N_EVENTS; i++) {
                uint64_t newest = sovd_events_newest(racer->f->events);
                open_behind(racer->f, &r, newest > i % 64 ? newest - i % 64 : 0);
                for (unsigned k = 0; k < i % 5; k++)
                        if (sovd_stream_next(r.reader, &event) == SOVD_STREAM_EVENT)
                                sovd_event_unref(event);
                r.reader = sovd_stream_close(r.reader);
        }
        return NULL;
}

static void nothing_is_missed_and_nothing_comes_twice_while_events_go_on(void **state) {
        struct fixture *f = *state;
        struct racer racers[N_READERS + 2] = { 0 };
        pthread_t threads[N_READERS + 2];

        happen_often(f, 100);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(racers); i++) {
                racers[i] = (struct racer){ .f = f, .from = i * 19 };
                assert_int_equal(
                        pthread_create(&threads[i], NULL, i < N_READERS ? read_all : come_and_go, &racers[i]),
                        0);
        }
        happen_often(f, N_EVENTS - 100);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(racers); i++) {
                assert_int_equal(pthread_join(threads[i], NULL), 0);
                assert_int_equal(racers[i].n_wrong, 0);
        }
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(a_reader_gets_what_comes_after_it_came),
                T(a_reader_is_woken_for_what_passes_its_filter_only),
                T(the_ring_is_bounded_in_number_and_in_bytes),
                T(filters_say_what_passes),
                T(who_comes_back_gets_what_it_missed_once_and_in_order),
                T(the_filter_holds_for_what_is_told_later_too),
                T(a_reader_that_falls_behind_the_ring_misses_nothing),
                T(what_is_beyond_the_limit_is_one_gap_that_says_what_is_missing),
                T(what_was_deleted_is_a_gap),
                T(ids_go_on_after_a_restart),
                T(an_event_that_did_not_come_by_is_told_from_the_database),
                T(a_state_that_cannot_be_read_ends_the_stream_and_not_those_that_need_it_not),
                T(a_snapshot_shows_what_is_there_and_what_came_meanwhile_follows),
                T(who_comes_back_gets_a_snapshot_only_if_it_missed_something),
                T(nothing_is_missed_and_nothing_comes_twice_while_events_go_on),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
