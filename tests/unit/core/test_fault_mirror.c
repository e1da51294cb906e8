/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/clock.h"
#include "sovd-core/call.h"
#include "sovd-core/fault_mirror.h"
#include "sovd-core/fault_sink.h"
#include "sovd-core/gateway.h"
#include "tests/unit/core/fake_backend.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>

#define PERIOD_USEC (20 * SOVD_USEC_PER_MSEC)

/* A backend whose lists of faults wait, fail or answer as a test wants. */
struct server {
        struct fake_backend fake; /* first */
        bool hangs, fails;
        unsigned in_flight, most; /* at the same time */
        unsigned n_reads;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* servers and notes */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct server servers[2];
static unsigned n_observed, n_forgotten, n_followed, n_tellings;
static int observe_result;
static size_t left_out;
static uint64_t last_fingerprint;
static char last_entity[64], last_forgotten[64];
static struct sovd_gateway *gateway;
static struct sovd_fault_mirror *mirror;

static int server_list(struct sovd_call *call, const struct sovd_entity *e, const struct sovd_fault_filter *filter,
                       struct sovd_fault_list *ret) {
        struct server *s = (struct server *)e->providers[SOVD_COLLECTION_FAULTS];

        assert_non_null(call->tree);
        assert_true(call->deadline_usec > sovd_now_usec());
        (void)pthread_mutex_lock(&mutex);
        s->n_reads++;
        s->in_flight++;
        s->most = SOVD_MAX(s->most, s->in_flight);
        while (s->hangs)
                (void)pthread_cond_wait(&changed, &mutex);
        s->in_flight--;
        bool fails = s->fails;
        (void)pthread_mutex_unlock(&mutex);
        return fails ? sovd_fail(call, SOVD_E_UNAVAILABLE, "as wanted") : 0;
}

static struct sovd_backend_ops server_ops, sink_ops_of_backend;

static int sink_observe(struct sovd_fault_sink *sink, struct sovd_observed_faults *observed, struct sovd_arena *arena) {
        (void)sink, (void)arena;
        (void)pthread_mutex_lock(&mutex);
        n_observed++;
        last_fingerprint = observed->fingerprint;
        (void)snprintf(last_entity, sizeof(last_entity), "%s", observed->entity);
        observed->n_left_out = left_out;
        int r = observe_result;
        if (!r)
                observed->fingerprint = 7;
        (void)pthread_mutex_unlock(&mutex);
        return r;
}

static int sink_forget(struct sovd_fault_sink *sink, const char *entity, const char *code, const char *scope) {
        (void)sink;
        (void)pthread_mutex_lock(&mutex);
        n_forgotten++;
        (void)snprintf(last_forgotten, sizeof(last_forgotten), "%s %s %s", entity, code ? code : "*", scope ? scope : "*");
        (void)pthread_mutex_unlock(&mutex);
        return SOVD_E_NOT_FOUND;
}

static int sink_followed(struct sovd_fault_sink *sink, const char *const *entities, size_t n, uint64_t keep_usec) {
        (void)sink, (void)keep_usec;
        (void)pthread_mutex_lock(&mutex);
        n_followed = (unsigned)n;
        n_tellings++;
        for (size_t i = 0; i < n; i++)
                assert_true(strlen(entities[i]) > 0);
        (void)pthread_mutex_unlock(&mutex);
        return 0;
}

static const struct sovd_fault_sink_ops sink_ops = {
        .observe = sink_observe, .forget = sink_forget, .followed = sink_followed
};
static struct sovd_fault_sink sink = { .ops = &sink_ops };

static void publish(struct server *s, const char *first, size_t n, enum sovd_connection connection) {
        struct sovd_entity_spec specs[200];
        char ids[200][16];
        struct sovd_view view = { .backend = &s->fake.backend, .entities = specs, .n_entities = n, .connection = connection };

        for (size_t i = 0; i < n; i++) {
                (void)snprintf(ids[i], sizeof(ids[i]), "%s%zu", first, i);
                specs[i] = fake_entity(SOVD_COMPONENT, ids[i]);
                specs[i].collections = 1u << SOVD_COLLECTION_FAULTS;
        }
        assert_int_equal(sovd_backend_publish(&s->fake.backend, &view), 0);
}

static int set_up(void **state) {
        static const char *const names[] = { "one", "two" };
        const struct sovd_gateway_options options = { .executions_max = 1, .executions_retention_usec = 1 };

        (void)state;
        memset(servers, 0, sizeof(servers));
        n_observed = n_forgotten = n_followed = n_tellings = 0;
        observe_result = 0;
        left_out = 0;
        assert_int_equal(sovd_gateway_new(&gateway, &options), 0);
        sovd_gateway_set_fault_sink(gateway, &sink);
        for (size_t i = 0; i < 2; i++) {
                fake_backend_init(&servers[i].fake, names[i]);
                server_ops = *servers[i].fake.backend.ops;
                server_ops.faults_list = server_list;
                servers[i].fake.backend.ops = &server_ops;
                assert_int_equal(sovd_gateway_add(gateway, &servers[i].fake.backend), 0);
        }
        sink_ops_of_backend = server_ops;
        sink_ops_of_backend.uses_fault_sink = true;
        return 0;
}

static void start(unsigned threads, unsigned per_backend, uint64_t gap_usec) {
        const struct sovd_fault_mirror_options options = { .gateway = gateway,
                                                           .period_usec = PERIOD_USEC,
                                                           .timeout_usec = SOVD_USEC_PER_SEC,
                                                           .threads = threads,
                                                           .per_backend = per_backend,
                                                           .gap_usec = gap_usec };

        assert_int_equal(sovd_fault_mirror_new(&mirror, &options), 0);
}

static void set(bool *flag, bool value) {
        (void)pthread_mutex_lock(&mutex);
        *flag = value;
        (void)pthread_cond_broadcast(&changed);
        (void)pthread_mutex_unlock(&mutex);
}

static int tear_down(void **state) {
        (void)state;
        set(&servers[0].hangs, false);
        set(&servers[1].hangs, false);
        mirror = sovd_fault_mirror_free(mirror);
        gateway = sovd_gateway_free(gateway);
        return 0;
}

static unsigned get(const unsigned *value) {
        (void)pthread_mutex_lock(&mutex);
        unsigned v = *value;
        (void)pthread_mutex_unlock(&mutex);
        return v;
}

/* Waits until a count has grown to this. */
static void until(const unsigned *value, unsigned least) {
        for (int i = 0; i < 20000 && get(value) < least; i++)
                (void)poll(NULL, 0, 1);
        assert_true(get(value) >= least);
}

static bool last_is(const char *entity) {
        (void)pthread_mutex_lock(&mutex);
        bool is = strcmp(last_entity, entity) == 0;
        (void)pthread_mutex_unlock(&mutex);
        return is;
}

static void pause_for(uint64_t usec) {
        (void)poll(NULL, 0, (int)(usec / 1000));
}

/* --- tests ----------------------------------------------------------------------------------------------- */

static void each_entity_is_read_again_and_again(void **state) {
        struct sovd_fault_mirror_counters c;
        (void)state;

        publish(&servers[0], "a", 3, SOVD_CONNECTED);
        start(2, 2, 0);
        until(&servers[0].n_reads, 15);
        until(&n_observed, 15);
        sovd_fault_mirror_count(mirror, &c);
        assert_int_equal(c.n_entities, 3);
        assert_int_equal(c.n_failed, 0);
        assert_true(c.n_readings >= 13);
}

static void entities_that_come_are_read_and_those_that_go_are_not(void **state) {
        struct sovd_fault_mirror_counters c;
        (void)state;

        start(2, 2, 0);
        publish(&servers[0], "a", 1, SOVD_CONNECTED);
        until(&n_observed, 3);
        assert_true(last_is("components/a0"));
        publish(&servers[0], "b", 1, SOVD_CONNECTED);
        bool is_b = false;
        for (int i = 0; i < 5000 && !is_b; i++) {
                until(&n_observed, get(&n_observed) + 1);
                is_b = last_is("components/b0");
        }
        assert_true(is_b);
        sovd_fault_mirror_count(mirror, &c);
        assert_int_equal(c.n_entities, 1);
}

static void those_that_are_not_connected_and_those_of_the_sink_are_not_read(void **state) {
        struct sovd_fault_mirror_counters c = { 0 };
        (void)state;

        servers[1].fake.backend.ops = &sink_ops_of_backend;
        publish(&servers[0], "a", 1, SOVD_DISCONNECTED);
        publish(&servers[1], "b", 1, SOVD_CONNECTED);
        start(2, 2, 0);
        for (int i = 0; i < 5000 && !c.n_entities; i++) {
                (void)poll(NULL, 0, 1);
                sovd_fault_mirror_count(mirror, &c);
        }
        pause_for(5 * PERIOD_USEC);
        assert_int_equal(get(&servers[0].n_reads), 0);
        assert_int_equal(get(&servers[1].n_reads), 0);
        publish(&servers[0], "a", 1, SOVD_CONNECTED);
        until(&servers[0].n_reads, 3);
}

static void a_backend_that_hangs_holds_its_places_only(void **state) {
        (void)state;

        servers[0].hangs = true;
        publish(&servers[0], "a", 10, SOVD_CONNECTED);
        publish(&servers[1], "b", 2, SOVD_CONNECTED);
        start(3, 2, 0);
        until(&servers[0].in_flight, 2);
        until(&servers[1].n_reads, 10);
        assert_int_equal(get(&servers[0].most), 2);
        assert_int_equal(get(&servers[0].n_reads), 2);
        set(&servers[0].hangs, false);
        until(&servers[0].n_reads, 20);
        assert_true(get(&servers[0].most) <= 2);
}

static void a_backend_is_read_so_many_times_a_second(void **state) {
        (void)state;

        publish(&servers[0], "a", 100, SOVD_CONNECTED);
        start(4, 4, 10 * SOVD_USEC_PER_MSEC);
        until(&servers[0].n_reads, 5);
        const unsigned before = get(&servers[0].n_reads);
        const uint64_t begin = sovd_now_usec();
        pause_for(500 * SOVD_USEC_PER_MSEC);
        const unsigned n = get(&servers[0].n_reads) - before;
        const uint64_t passed = sovd_now_usec() - begin;
        assert_true(n <= passed / (10 * SOVD_USEC_PER_MSEC) + 3);
        assert_true(n > 5);
}

static void who_fails_is_read_less_often_and_as_before_when_it_is_well(void **state) {
        struct sovd_fault_mirror_counters c;
        (void)state;

        servers[0].fails = true;
        publish(&servers[0], "a", 1, SOVD_CONNECTED);
        start(2, 2, 0);
        until(&servers[0].n_reads, 4);
        const uint64_t begin = sovd_now_usec();
        until(&servers[0].n_reads, 7);
        assert_true(sovd_now_usec() - begin > 2 * 6 * PERIOD_USEC);
        assert_int_equal(get(&n_observed), 0);
        sovd_fault_mirror_count(mirror, &c);
        assert_true(c.n_failed >= 6);
        set(&servers[0].fails, false);
        until(&n_observed, 5);
}

static void what_could_not_be_kept_is_tried_again(void **state) {
        struct sovd_fault_mirror_counters c;
        (void)state;

        observe_result = -ENOSPC;
        publish(&servers[0], "a", 1, SOVD_CONNECTED);
        start(2, 2, 0);
        until(&n_observed, 3);
        (void)pthread_mutex_lock(&mutex);
        assert_int_equal(last_fingerprint, 0);
        observe_result = 0;
        (void)pthread_mutex_unlock(&mutex);
        const unsigned n = get(&n_observed);
        until(&n_observed, n + 3);
        (void)pthread_mutex_lock(&mutex);
        assert_int_equal(last_fingerprint, 7);
        (void)pthread_mutex_unlock(&mutex);
        sovd_fault_mirror_count(mirror, &c);
        assert_true(c.n_failed >= 2);
}

static void what_was_read_before_a_clear_is_not_kept_after_it(void **state) {
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = NULL;
        (void)state;

        servers[0].hangs = true;
        publish(&servers[0], "a", 1, SOVD_CONNECTED);
        start(2, 2, 0);
        until(&servers[0].in_flight, 1);
        tree = sovd_gateway_tree(gateway);
        sovd_fault_mirror_cleared(mirror, sovd_tree_find(tree, SOVD_COMPONENT, "a0"), "P1", NULL);
        assert_string_equal(last_forgotten, "components/a0 P1 *");
        set(&servers[0].hangs, false);
        until(&n_observed, 1);
        assert_true(get(&servers[0].n_reads) >= 2); /* the first one was dropped */
        (void)pthread_mutex_lock(&mutex);
        assert_true(n_observed < servers[0].n_reads);
        (void)pthread_mutex_unlock(&mutex);
}

static void what_the_sink_keeps_itself_is_not_cleared_twice(void **state) {
        _cleanup_(sovd_tree_unrefp) struct sovd_tree *tree = NULL;
        (void)state;

        servers[1].fake.backend.ops = &sink_ops_of_backend;
        publish(&servers[1], "b", 1, SOVD_CONNECTED);
        start(1, 1, 0);
        tree = sovd_gateway_tree(gateway);
        sovd_fault_mirror_cleared(mirror, sovd_tree_find(tree, SOVD_COMPONENT, "b0"), NULL, "s");
        assert_int_equal(get(&n_forgotten), 0);
}

static void faults_that_are_left_out_are_counted_while_they_are_there(void **state) {
        struct sovd_fault_mirror_counters c = { 0 };
        (void)state;

        left_out = 3;
        publish(&servers[0], "a", 2, SOVD_CONNECTED);
        start(1, 1, 0);
        for (int i = 0; i < 5000 && c.n_left_out < 6; i++) {
                (void)poll(NULL, 0, 1);
                sovd_fault_mirror_count(mirror, &c);
        }
        assert_int_equal(c.n_left_out, 6);
        publish(&servers[0], "a", 0, SOVD_CONNECTED);
        for (int i = 0; i < 5000 && c.n_left_out; i++) {
                (void)poll(NULL, 0, 1);
                sovd_fault_mirror_count(mirror, &c);
        }
        assert_int_equal(c.n_left_out, 0);
}

static void the_sink_hears_who_is_followed(void **state) {
        (void)state;

        publish(&servers[0], "a", 3, SOVD_CONNECTED);
        publish(&servers[1], "b", 2, SOVD_DISCONNECTED);
        start(1, 1, 0);
        until(&n_followed, 5);
        publish(&servers[0], "a", 1, SOVD_CONNECTED);
        for (unsigned i = 0; i < 100 && get(&n_followed) != 3; i++)
                until(&n_tellings, get(&n_tellings) + 1);
        assert_int_equal(get(&n_followed), 3);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(each_entity_is_read_again_and_again),
                T(entities_that_come_are_read_and_those_that_go_are_not),
                T(those_that_are_not_connected_and_those_of_the_sink_are_not_read),
                T(a_backend_that_hangs_holds_its_places_only),
                T(a_backend_is_read_so_many_times_a_second),
                T(who_fails_is_read_less_often_and_as_before_when_it_is_well),
                T(what_could_not_be_kept_is_tried_again),
                T(what_was_read_before_a_clear_is_not_kept_after_it),
                T(what_the_sink_keeps_itself_is_not_cleared_twice),
                T(the_sink_hears_who_is_followed),
                T(faults_that_are_left_out_are_counted_while_they_are_there),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
