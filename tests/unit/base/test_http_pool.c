/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/base/http_fixture.h"
#include <pthread.h>
#include <sched.h>
#include <time.h>

/* The pool of the HTTP client: its connections, and many callers at once. */

#define N_THREADS 24

static uint64_t clock_offset;

static uint64_t moved_monotonic(void) {
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * SEC + (uint64_t)ts.tv_nsec / 1000 + clock_offset;
}

/* Connections. */

static void connection_is_reused_call_after_call(void **state) {
        struct fixture *f = *state;
        struct sovd_http_counters counters;

        start(f, answer_true);
        for (int i = 0; i < 100; i++)
                assert_int_equal(call(f, i % 3 ? "GET" : "POST", i % 3 ? NULL : "{}"), SOVD_HTTP_OK);

        sovd_http_pool_counters(f->pool, &counters);
        assert_int_equal(counters.in_flight, 0);
        assert_int_equal(server_n_connections(f->server), 1);
}

static bool answer_and_close(struct server_request *request) {
        server_send(request, OK_ANSWER);
        return false;
}

static void connection_that_the_server_closed_is_replaced_for_a_post_too(void **state) {
        struct fixture *f = *state;

        start(f, answer_and_close);
        for (unsigned i = 1; i <= 5; i++) {
                assert_int_equal(call(f, "POST", "{}"), SOVD_HTTP_OK);
                assert_true(server_await_closed(f->server, i));
        }
        assert_int_equal(server_n_requests(f->server), 5);
}

/* The second request is taken, not answered: to the client that looks like a keep-alive time that ran out. */
static bool close_at_the_second(struct server_request *request) {
        if (request->n == 2)
                return false;
        return answer_true(request);
}

static bool reset_at_the_second(struct server_request *request) {
        if (request->n == 2)
                server_reset(request);
        return close_at_the_second(request);
}

static void post_is_not_sent_again_on_a_stale_connection(void **state) {
        static const char *const methods[] = { "POST", "PUT", "DELETE", "PATCH" };
        static const server_script scripts[] = { close_at_the_second, reset_at_the_second };
        struct fixture *f = *state;

        for (size_t i = 0; i < SOVD_N_ELEMENTS(methods) * 2; i++) {
                start(f, scripts[i % 2]);
                assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
                assert_int_equal(call(f, methods[i / 2], i % 4 ? NULL : "{}"), SOVD_HTTP_LOST);
                assert_int_equal(server_n_requests(f->server), 2);

                assert_int_equal(call(f, methods[i / 2], NULL), SOVD_HTTP_OK); /* the pool is fit as before */
                assert_int_equal(server_n_requests(f->server), 3);
                f->pool = sovd_http_pool_free(f->pool);
                f->server = server_stop(f->server);
        }
}

static void get_is_not_sent_again_on_a_stale_connection(void **state) {
        struct fixture *f = *state;

        start(f, close_at_the_second);

        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_LOST); /* how often is the caller's business */
        assert_int_equal(server_n_requests(f->server), 2);
}

static void write_after_an_idle_time_takes_a_fresh_connection(void **state) {
        static const struct sovd_clock moved = { moved_monotonic, moved_monotonic };
        struct fixture *f = *state;

        sovd_clock_replace(&moved);
        start(f, answer_true);
        assert_int_equal(call(f, "POST", "{}"), SOVD_HTTP_OK);
        assert_int_equal(call(f, "POST", "{}"), SOVD_HTTP_OK);
        assert_int_equal(server_n_connections(f->server), 1);

        clock_offset = SEC;
        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        assert_int_equal(server_n_connections(f->server), 1);
        clock_offset = 2 * SEC;
        assert_int_equal(call(f, "POST", "{}"), SOVD_HTTP_OK);
        assert_int_equal(server_n_connections(f->server), 2);

        assert_true(server_await_closed(f->server, 1)); /* the old one is not kept beside the new one */
        assert_int_equal(call(f, "POST", "{}"), SOVD_HTTP_OK);
        assert_int_equal(server_n_connections(f->server), 2);
}

/* When the client has its answer, the first connection gets another one. */
static bool answer_with_a_forged_one_behind(struct server_request *request) {
        server_send(request, OK_ANSWER);
        if (request->n == 1) {
                server_wait_at_gate(request->server);
                server_send(request, OK_HEAD "Content-Length: 6\r\n\r\nforged");
                server_mark(request->server);
        }
        return true;
}

static void bytes_that_nobody_asked_for_are_no_answer(void **state) {
        struct fixture *f = *state;

        start(f, answer_with_a_forged_one_behind);
        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        server_open_gate(f->server);
        assert_true(server_await_marks(f->server, 1));

        assert_int_equal(call(f, "GET", NULL), SOVD_HTTP_OK);
        assert_string_equal(f->answer.body, "true");
        assert_int_equal(server_n_connections(f->server), 2);
}

/* Many callers. Each thread has an arena of its own. */

struct callers {
        struct fixture *f;
        uint64_t within_usec;
        unsigned n_calls;
        pthread_t threads[N_THREADS];
        pthread_mutex_t mutex; /* results */
        unsigned results[SOVD_HTTP_N_RESULTS];
};

static void *caller_thread(void *userdata) {
        struct callers *callers = userdata;
        struct sovd_arena *arena = NULL;
        struct sovd_http_answer answer;

        if (sovd_arena_new(&arena, 1024) < 0)
                return NULL;
        for (unsigned i = 0; i < callers->n_calls; i++) {
                const struct sovd_http_request request = { .method = "GET",
                                                           .target = "/x",
                                                           .deadline_usec =
                                                                   sovd_now_usec() + callers->within_usec };
                int r = sovd_http_call(callers->f->pool, &request, &answer, arena);
                (void)pthread_mutex_lock(&callers->mutex);
                callers->results[r < 0 ? 0 : r] += r >= 0;
                (void)pthread_mutex_unlock(&callers->mutex);
                sovd_arena_reset(arena);
        }
        sovd_arena_free(arena);
        return NULL;
}

static void callers_start(struct callers *c, struct fixture *f, unsigned n_calls, uint64_t within_usec) {
        *c = (struct callers){ .f = f, .n_calls = n_calls, .within_usec = within_usec };
        (void)pthread_mutex_init(&c->mutex, NULL);
        for (int i = 0; i < N_THREADS; i++)
                assert_int_equal(pthread_create(&c->threads[i], NULL, caller_thread, c), 0);
}

static void callers_join(struct callers *c) {
        for (int i = 0; i < N_THREADS; i++)
                (void)pthread_join(c->threads[i], NULL);
        (void)pthread_mutex_destroy(&c->mutex);
}

/* Yields until the pool's state is so; bounded by 10 s. */
static bool await_pool(struct sovd_http_pool *pool, unsigned in_flight, unsigned waiting) {
        uint64_t deadline = sovd_now_usec() + 10 * SEC;
        struct sovd_http_counters counters;

        do {
                sovd_http_pool_counters(pool, &counters);
                if (counters.in_flight == in_flight && counters.waiting == waiting)
                        return true;
                (void)sched_yield();
        } while (sovd_now_usec() < deadline);
        return false;
}

static bool await_busy(struct callers *c, unsigned n) {
        uint64_t deadline = sovd_now_usec() + 10 * SEC;
        bool reached;

        do {
                (void)pthread_mutex_lock(&c->mutex);
                reached = c->results[SOVD_HTTP_BUSY] >= n;
                (void)pthread_mutex_unlock(&c->mutex);
                (void)sched_yield();
        } while (!reached && sovd_now_usec() < deadline);
        return reached;
}

static bool answer_behind_the_gate(struct server_request *request) {
        server_wait_at_gate(request->server);
        return answer_true(request);
}

static void no_more_calls_than_slots_are_under_way(void **state) {
        struct fixture *f = *state;
        struct callers callers;

        f->server = server_start(answer_behind_the_gate, NULL);
        make_pool(f, &(struct sovd_http_pool_options){ .max_in_flight = 5, .max_waiting = N_THREADS });
        callers_start(&callers, f, 50, 10 * SEC);
        bool all_came = await_pool(f->pool, 5, N_THREADS - 5) && server_await_requests(f->server, 5);
        server_open_gate(f->server);
        callers_join(&callers);

        assert_true(all_came);
        assert_int_equal(callers.results[SOVD_HTTP_OK], N_THREADS * 50);
        assert_int_equal(server_max_at_once(f->server), 5);
        assert_int_equal(server_n_connections(f->server), 5);
}

static void caller_over_the_waiting_limit_is_busy_at_once(void **state) {
        struct fixture *f = *state;
        struct callers callers;

        f->server = server_start(answer_behind_the_gate, NULL);
        make_pool(f, &(struct sovd_http_pool_options){ .max_in_flight = 2, .max_waiting = 3 });
        callers_start(&callers, f, 1, 10 * SEC);
        bool others_left = await_busy(&callers, N_THREADS - 5) && await_pool(f->pool, 2, 3);
        server_open_gate(f->server);
        callers_join(&callers);

        assert_true(others_left);
        assert_int_equal(callers.results[SOVD_HTTP_OK], 5);
        assert_int_equal(callers.results[SOVD_HTTP_BUSY], N_THREADS - 5);
        assert_int_equal(server_n_requests(f->server), 5);
}

static void waiting_ends_as_busy_at_the_deadline(void **state) {
        struct fixture *f = *state;
        struct callers callers;

        f->server = server_start(hang, NULL);
        make_pool(f, &(struct sovd_http_pool_options){ .max_in_flight = 1, .max_waiting = N_THREADS });
        callers_start(&callers, f, 1, 8 * SEC);
        bool all_came = await_pool(f->pool, 1, N_THREADS - 1);
        uint64_t begin = sovd_now_usec();
        int r = get_within(f, 100 * MSEC);
        uint64_t took = sovd_now_usec() - begin;
        sovd_http_pool_stop(f->pool);
        callers_join(&callers);

        assert_true(all_came);
        assert_int_equal(r, SOVD_HTTP_BUSY);
        assert_in_range(took, 99 * MSEC, 300 * MSEC);
}

static void stop_wakes_who_waits_and_ends_calls_under_way(void **state) {
        struct fixture *f = *state;
        struct callers callers;

        f->server = server_start(hang, NULL);
        make_pool(f, &(struct sovd_http_pool_options){ .max_in_flight = 3, .max_waiting = N_THREADS });
        callers_start(&callers, f, 1, 8 * SEC);
        bool all_came = await_pool(f->pool, 3, N_THREADS - 3) && server_await_requests(f->server, 3);
        uint64_t begin = sovd_now_usec();
        sovd_http_pool_stop(f->pool);
        callers_join(&callers);

        assert_true(all_came);
        assert_in_range(sovd_now_usec() - begin, 0, 500 * MSEC);
        assert_int_equal(callers.results[SOVD_HTTP_TIMEOUT], 3);
        assert_int_equal(callers.results[SOVD_HTTP_BUSY], N_THREADS - 3);
        assert_int_equal(get_within(f, SEC), SOVD_HTTP_BUSY);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(connection_is_reused_call_after_call),
                TEST(connection_that_the_server_closed_is_replaced_for_a_post_too),
                TEST(post_is_not_sent_again_on_a_stale_connection),
                TEST(get_is_not_sent_again_on_a_stale_connection),
                TEST(write_after_an_idle_time_takes_a_fresh_connection),
                TEST(bytes_that_nobody_asked_for_are_no_answer),
                TEST(no_more_calls_than_slots_are_under_way),
                TEST(caller_over_the_waiting_limit_is_busy_at_once),
                TEST(waiting_ends_as_busy_at_the_deadline),
                TEST(stop_wakes_who_waits_and_ends_calls_under_way),
        };

        return cmocka_run_group_tests(tests, init, NULL);
}
