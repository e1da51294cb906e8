/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/clock.h"
#include "sovd-core/observations.h"
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define MSEC SOVD_USEC_PER_MSEC

/* What the readings do: those of "/slow" wait until they may go on. */
static atomic_uint n_reads, n_slow, n_slow_most, n_logs;
static atomic_bool hold;

static int read_fake(void *data, struct sovd_reading *reading) {
        bool slow = strncmp(reading->resource, "/slow", 5) == 0;

        atomic_fetch_add(&n_reads, 1);
        (void)snprintf(reading->source, sizeof(reading->source), "%s", slow ? "slow" : "fast");
        if (slow) {
                unsigned now = atomic_fetch_add(&n_slow, 1) + 1;
                if (now > atomic_load(&n_slow_most))
                        atomic_store(&n_slow_most, now);
                while (atomic_load(&hold))
                        (void)poll(NULL, 0, 1);
                atomic_fetch_sub(&n_slow, 1);
        }
        if (strcmp(reading->resource, "/fails") == 0) {
                sovd_json_rawf(reading->writer, "{\"error_code\":\"not-responding\",\"message\":\"gone\"}");
                return SOVD_E_NOT_RESPONDING;
        }
        sovd_json_rawf(reading->writer, "{\"data\":%u}", atomic_load(&n_reads));
        return 0;
}

static const struct sovd_entity entity = { .type = SOVD_COMPONENT, .id = "bms" };

static struct sovd_observations *observations_with(size_t max, sovd_log_firing log, void *data) {
        const struct sovd_observations_options options = {
                .max = { max, max },
                .per_client = { max - 1, max - 1 },
                .threads = 4,
                .per_source = 2,
                .read_timeout_usec = SOVD_USEC_PER_SEC,
                .kept = 8,
                .readers = 2,
                .read = read_fake,
                .log = log,
                .data = data,
        };
        struct sovd_observations *o = NULL;

        atomic_store(&hold, false);
        atomic_store(&n_slow_most, 0);
        assert_int_equal(sovd_observations_new(&o, &options), 0);
        return o;
}

static struct sovd_observations *observations_of(size_t max) {
        return observations_with(max, NULL, NULL);
}

static int try_add(struct sovd_observations *o, const char *owner, const char *resource, uint64_t period_usec,
                   uint64_t lifetime_usec, char *id) {
        const struct sovd_observation_spec spec = {
                .kind = SOVD_CYCLIC,
                .entity = &entity,
                .owner = { .id = owner },
                .base = "",
                .resource = resource,
                .source = strncmp(resource, "/slow", 5) == 0 ? "slow" : "fast",
                .period_usec = period_usec,
                .lifetime_usec = lifetime_usec,
                .interval = 1,
        };
        const char *reason;

        return sovd_observations_add(o, &spec, id, &reason);
}

static void await(atomic_uint *counter, unsigned value) {
        for (int i = 0; i < 5000 && atomic_load(counter) < value; i++)
                (void)poll(NULL, 0, 1);
        assert_true(atomic_load(counter) >= value);
}

static void one_is_found_by_its_entity_and_id_until_it_is_removed(void **state) {
        _cleanup_(sovd_observations_freep) struct sovd_observations *o = observations_of(8);
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        const struct sovd_entity other = { .type = SOVD_APP, .id = "bms" };
        struct sovd_observation found, *list;
        char id[SOVD_ID_SIZE];
        size_t n;

        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        assert_int_equal(try_add(o, "me", "/fast", MSEC, SOVD_USEC_PER_SEC * 60, id), 0);
        assert_int_equal(sovd_observations_find(o, SOVD_CYCLIC, &entity, id, &found, arena), 0);
        assert_string_equal(found.resource, "/fast");
        assert_int_equal(sovd_observations_find(o, SOVD_TRIGGER, &entity, id, &found, arena),
                         SOVD_E_NOT_FOUND);
        assert_int_equal(sovd_observations_find(o, SOVD_CYCLIC, &other, id, &found, arena), SOVD_E_NOT_FOUND);
        assert_int_equal(sovd_observations_list(o, SOVD_CYCLIC, &entity, &list, &n, arena), 0);
        assert_int_equal(n, 1);
        assert_int_equal(sovd_observations_remove(o, SOVD_CYCLIC, &entity, id, "you"), SOVD_E_FORBIDDEN);
        assert_int_equal(sovd_observations_remove(o, SOVD_CYCLIC, &entity, id, "me"), 0);
        assert_int_equal(sovd_observations_remove(o, SOVD_CYCLIC, &entity, id, "me"), SOVD_E_NOT_FOUND);
}

static void limits_hold_in_total_and_per_client(void **state) {
        _cleanup_(sovd_observations_freep) struct sovd_observations *o = observations_of(3);
        char id[SOVD_ID_SIZE];

        assert_int_equal(try_add(o, "me", "/fast", MSEC, SOVD_USEC_PER_SEC * 60, id), 0);
        assert_int_equal(try_add(o, "me", "/fast", MSEC, SOVD_USEC_PER_SEC * 60, id), 0);
        assert_int_equal(try_add(o, "me", "/fast", MSEC, SOVD_USEC_PER_SEC * 60, id), SOVD_E_OVERLOAD);
        assert_int_equal(try_add(o, "you", "/fast", MSEC, SOVD_USEC_PER_SEC * 60, id), 0);
        assert_int_equal(try_add(o, "he", "/fast", MSEC, SOVD_USEC_PER_SEC * 60, id), SOVD_E_OVERLOAD);
}

static void a_source_that_hangs_takes_its_share_of_threads_and_no_more(void **state) {
        _cleanup_(sovd_observations_freep) struct sovd_observations *o = observations_of(20);
        struct sovd_observations_counters counters;
        char id[SOVD_ID_SIZE];

        atomic_store(&hold, true);
        for (int i = 0; i < 10; i++)
                assert_int_equal(try_add(o, "me", "/slow", MSEC, SOVD_USEC_PER_SEC * 60, id), 0);
        await(&n_slow, 2);
        assert_int_equal(try_add(o, "me", "/fast", MSEC, SOVD_USEC_PER_SEC * 60, id), 0);
        await(&n_reads, atomic_load(&n_reads) + 20); /* the other goes on */
        assert_int_equal(atomic_load(&n_slow), 2);
        atomic_store(&hold, false);
        await(&n_reads, atomic_load(&n_reads) + 50);
        assert_true(atomic_load(&n_slow_most) <= 2);
        sovd_observations_count(o, &counters);
        assert_true(counters.skipped > 0); /* what was late was left out */
}

/* Adds a trigger that fires at each reading and is logged. */
static void add_logged(struct sovd_observations *o, const char *owner, char *id) {
        const struct sovd_trigger_condition condition = { .type = SOVD_CONDITION_ON_CHANGE };
        const struct sovd_trigger_log log = { .severity = 2, .resource = SOVD_BOOL(true), .marker = "mark" };
        struct sovd_condition *watched;
        const char *reason;

        assert_int_equal(sovd_condition_new(&watched, &condition), 0);
        const struct sovd_observation_spec spec = {
                .kind = SOVD_TRIGGER,
                .entity = &entity,
                .owner = { .id = owner },
                .base = "http://here",
                .resource = "/fast",
                .source = "fast",
                .period_usec = MSEC,
                .lifetime_usec = SOVD_USEC_PER_SEC * 60,
                .condition = watched,
                .condition_text = "{}",
                .log = &log,
                .only_data = true,
                .multishot = true,
        };
        assert_int_equal(sovd_observations_add(o, &spec, id, &reason), 0);
}

/* Every other entry is taken. */
static int log_fake(void *data, struct sovd_firing *firing) {
        bool ok = strcmp(firing->entity, "bms") == 0 && strcmp(firing->log->marker, "mark") == 0 &&
                  strcmp(firing->base, "http://here") == 0 && firing->log->severity == 2 && firing->value_len > 0 &&
                  strspn(firing->value, "0123456789") == firing->value_len &&
                  firing->deadline_usec > sovd_now_usec();

        if (ok && atomic_fetch_add((atomic_uint *)data, 1) % 2)
                return 0;
        sovd_json_rawf(firing->writer, "{\"error_code\":\"x\",\"message\":\"%s\"}", ok ? "full" : "wrong");
        return SOVD_E_CONFLICT;
}

static void a_trigger_that_fires_is_logged_and_says_when_it_could_not_be(void **state) {
        _cleanup_(sovd_observations_freep) struct sovd_observations *o = observations_with(8, log_fake, &n_logs);
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_observations_counters counters;
        struct sovd_observation found;
        char id[SOVD_ID_SIZE];

        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        add_logged(o, "me", id);
        await(&n_logs, 20);
        assert_int_equal(sovd_observations_find(o, SOVD_TRIGGER, &entity, id, &found, arena), 0);
        assert_string_equal(found.last_error, "{\"error_code\":\"x\",\"message\":\"full\"}");
        assert_string_equal(found.log->marker, "mark");
        assert_true(found.log->resource.value && found.log->condition.set && !found.log->condition.value);
        sovd_observations_count(o, &counters);
        assert_true(counters.logged >= 8 && counters.not_logged >= 8);
        assert_int_equal(counters.failed, 0);
        assert_int_equal(sovd_observations_remove(o, SOVD_TRIGGER, &entity, id, "me"), 0);
}

static void clearing_ends_those_of_one_client_at_one_entity(void **state) {
        _cleanup_(sovd_observations_freep) struct sovd_observations *o = observations_with(8, log_fake, &n_logs);
        const struct sovd_entity other = { .type = SOVD_APP, .id = "bms" };
        struct sovd_observations_counters counters;
        char id[SOVD_ID_SIZE];

        add_logged(o, "me", id);
        add_logged(o, "you", id);
        assert_int_equal(try_add(o, "me", "/fast", MSEC, SOVD_USEC_PER_SEC * 60, id), 0);
        assert_int_equal(try_add(o, "me", "/slow", MSEC, SOVD_USEC_PER_SEC * 60, id), 0);
        assert_int_equal(sovd_observations_clear(o, &other, "me"), 0);
        assert_int_equal(sovd_observations_clear(o, &entity, "me"), 3);
        assert_int_equal(sovd_observations_clear(o, &entity, "me"), 0);
        sovd_observations_count(o, &counters);
        assert_int_equal(counters.n[SOVD_TRIGGER], 1);
        assert_int_equal(counters.n[SOVD_CYCLIC], 0);
}

static void an_expired_one_is_gone_and_its_stream_has_ended(void **state) {
        _cleanup_(sovd_observations_freep) struct sovd_observations *o = observations_of(8);
        _cleanup_(sovd_stream_unrefp) struct sovd_stream *stream = NULL;
        struct sovd_observations_counters counters = { .n = { 1 } };
        char id[SOVD_ID_SIZE];

        assert_int_equal(try_add(o, "me", "/fast", SOVD_USEC_PER_SEC * 60, 50 * MSEC, id), 0);
        assert_int_equal(sovd_observations_stream(o, SOVD_CYCLIC, &entity, id, "a", &stream), 0);
        for (int i = 0; i < 5000 && counters.n[SOVD_CYCLIC]; i++) {
                (void)poll(NULL, 0, 1);
                sovd_observations_count(o, &counters);
        }
        assert_int_equal(counters.n[SOVD_CYCLIC], 0);
        sovd_stream_unref(SOVD_TAKE(stream));
        assert_int_equal(sovd_observations_stream(o, SOVD_CYCLIC, &entity, id, "a", &stream), SOVD_E_NOT_FOUND);
}

static _Atomic uint64_t slept_usec;

static uint64_t read_clock(clockid_t id) {
        struct timespec now;

        (void)clock_gettime(id, &now);
        return (uint64_t)now.tv_sec * SOVD_USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t awake(void) {
        return read_clock(CLOCK_MONOTONIC);
}

static uint64_t day(void) {
        return read_clock(CLOCK_REALTIME);
}

static uint64_t since_boot(void) {
        return awake() + atomic_load(&slept_usec);
}

static void one_ends_also_while_the_machine_sleeps(void **state) {
        static const struct sovd_clock clock = { awake, day, since_boot };
        sovd_clock_replace(&clock);
        _cleanup_(sovd_observations_freep) struct sovd_observations *o = observations_of(3);
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_observation found, *list;
        char id[SOVD_ID_SIZE];
        size_t n;

        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        assert_int_equal(try_add(o, "me", "/fast", SOVD_USEC_PER_SEC * 30, SOVD_USEC_PER_SEC * 60, id), 0);
        assert_int_equal(try_add(o, "me", "/fast", SOVD_USEC_PER_SEC * 30, SOVD_USEC_PER_SEC * 60, id), 0);
        atomic_store(&slept_usec, SOVD_USEC_PER_SEC * 60);
        assert_int_equal(sovd_observations_find(o, SOVD_CYCLIC, &entity, id, &found, arena), SOVD_E_NOT_FOUND);
        assert_int_equal(sovd_observations_list(o, SOVD_CYCLIC, &entity, &list, &n, arena), 0);
        assert_int_equal(n, 0);
        assert_int_equal(try_add(o, "me", "/fast", MSEC, SOVD_USEC_PER_SEC * 60, id), 0); /* there is room */
        assert_int_equal(sovd_observations_find(o, SOVD_CYCLIC, &entity, id, &found, arena), 0);
        o = sovd_observations_free(o); /* its threads look at the clock */
        sovd_clock_replace(NULL);
}

static void a_failure_is_kept(void **state) {
        _cleanup_(sovd_observations_freep) struct sovd_observations *o = observations_of(8);
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_observation found = { 0 };
        char id[SOVD_ID_SIZE];

        assert_int_equal(sovd_arena_new(&arena, 1024), 0);
        assert_int_equal(try_add(o, "me", "/fails", MSEC, SOVD_USEC_PER_SEC * 60, id), 0);
        for (int i = 0; i < 5000 && !found.last_error; i++) {
                (void)poll(NULL, 0, 1);
                assert_int_equal(sovd_observations_find(o, SOVD_CYCLIC, &entity, id, &found, arena), 0);
        }
        assert_string_equal(found.last_error, "{\"error_code\":\"not-responding\",\"message\":\"gone\"}");
}

/* Makes, changes, lists and removes while others do the same and everything is read. */
static void *make_trouble(void *data) {
        struct sovd_observations *o = data;
        struct sovd_arena *arena = NULL;
        unsigned long failed = sovd_arena_new(&arena, 1024) != 0;

        for (unsigned i = 0; i < 150 && !failed; i++) {
                const struct sovd_observation_change change = { .interval = 1,
                                                                .period_usec = MSEC * (1 + i % 3),
                                                                .lifetime_usec = SOVD_USEC_PER_SEC };
                struct sovd_observation *list;
                char id[SOVD_ID_SIZE];
                size_t n;
                failed += try_add(o, "me", i % 4 ? "/fast" : "/slow", MSEC, (1 + i % 50) * MSEC, id) != 0;
                failed += sovd_observations_list(o, SOVD_CYCLIC, &entity, &list, &n, arena) != 0;
                int r = sovd_observations_change(o, SOVD_CYCLIC, &entity, id, "me", &change);
                failed += r && r != SOVD_E_NOT_FOUND; /* it may have expired */
                r = i % 3 ? sovd_observations_remove(o, SOVD_CYCLIC, &entity, id, "me") : 0;
                failed += r && r != SOVD_E_NOT_FOUND;
                sovd_arena_reset(arena);
        }
        sovd_arena_free(arena);
        return (void *)failed;
}

static void many_threads_may_do_everything_at_once(void **state) {
        _cleanup_(sovd_observations_freep) struct sovd_observations *o = observations_of(2000);
        struct sovd_observations_counters counters;
        pthread_t threads[4];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, make_trouble, o), 0);
        for (size_t i = 0; i < SOVD_N_ELEMENTS(threads); i++) {
                void *failed;
                assert_int_equal(pthread_join(threads[i], &failed), 0);
                assert_null(failed);
        }
        sovd_observations_stop(o);
        sovd_observations_count(o, &counters);
        assert_int_equal(counters.n[SOVD_CYCLIC], 0);
        assert_int_equal(counters.in_flight, 0);
}

static void add_watch(struct sovd_observations *o, const char *resource) {
        const struct sovd_trigger_condition condition = { .type = SOVD_CONDITION_ON_CHANGE };
        struct sovd_condition *watched;
        char id[SOVD_ID_SIZE];
        const char *reason;

        assert_int_equal(sovd_condition_new(&watched, &condition), 0);
        const struct sovd_observation_spec spec = {
                .kind = SOVD_TRIGGER,
                .entity = &entity,
                .owner = { .id = "me" },
                .base = "",
                .resource = resource,
                .source = "fast",
                .period_usec = SOVD_USEC_PER_SEC * 3600,
                .lifetime_usec = SOVD_USEC_PER_SEC * 60,
                .condition = watched,
                .multishot = true,
        };
        assert_int_equal(sovd_observations_add(o, &spec, id, &reason), 0);
}

static void a_trigger_on_a_fault_looks_at_once_when_something_happens_to_it(void **state) {
        _cleanup_(sovd_observations_freep) struct sovd_observations *o = observations_of(8);
        unsigned before = atomic_load(&n_reads);

        (void)state;
        add_watch(o, "/components/bms/faults/P%201");
        add_watch(o, "/components/bms/faults?severity=2");
        add_watch(o, "/components/bms/data/faults");
        await(&n_reads, before + 2); /* at the beginning, for what happened while they were made */
        sovd_observations_poke(o, "components/bms", "P 1");
        await(&n_reads, before + 4);
        sovd_observations_poke(o, "components/bms", "P 12");
        await(&n_reads, before + 5);
        sovd_observations_poke(o, "components/bm", "");
        sovd_observations_poke(o, "apps/bms", "");
        sovd_observations_poke(o, "components/bms", "");
        await(&n_reads, before + 7);
        sovd_observations_stop(o);
        assert_int_equal(atomic_load(&n_reads), before + 7);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_is_found_by_its_entity_and_id_until_it_is_removed),
                cmocka_unit_test(limits_hold_in_total_and_per_client),
                cmocka_unit_test(a_source_that_hangs_takes_its_share_of_threads_and_no_more),
                cmocka_unit_test(a_trigger_that_fires_is_logged_and_says_when_it_could_not_be),
                cmocka_unit_test(clearing_ends_those_of_one_client_at_one_entity),
                cmocka_unit_test(one_ends_also_while_the_machine_sleeps),
                cmocka_unit_test(an_expired_one_is_gone_and_its_stream_has_ended),
                cmocka_unit_test(a_failure_is_kept),
                cmocka_unit_test(a_trigger_on_a_fault_looks_at_once_when_something_happens_to_it),
                cmocka_unit_test(many_threads_may_do_everything_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
