#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the tests of the HTTP client share: a server, a pool that calls it, and an arena for the answers
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/clock.h"
#include "sovd-core/base/http_client.h"
#include "tests/unit/base/scripted_server.h"

#define MSEC       SOVD_USEC_PER_MSEC
#define SEC        SOVD_USEC_PER_SEC
#define MAX_ANSWER ((size_t)4096)
#define OK_HEAD    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define OK_ANSWER  OK_HEAD "Content-Length: 4\r\n\r\ntrue"

struct fixture {
        struct server *server;
        struct sovd_http_pool *pool;
        struct sovd_arena *arena;
        struct sovd_http_answer answer;
};

static __attribute__((unused)) int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        *state = f;
        return sovd_arena_new(&f->arena, 1024);
}

static __attribute__((unused)) int teardown(void **state) {
        struct fixture *f = *state;

        sovd_http_pool_free(f->pool);
        server_stop(f->server);
        sovd_arena_free(f->arena);
        free(f);
        sovd_clock_replace(NULL);
        return 0;
}

static __attribute__((unused)) void make_pool(struct fixture *f, const struct sovd_http_pool_options *wish) {
        struct sovd_http_pool_options options = *wish;

        if (!options.base_url)
                options.base_url = server_url(f->server);
        if (!options.max_in_flight)
                options.max_in_flight = 4;
        if (!options.connect_timeout_usec)
                options.connect_timeout_usec = 2 * SEC;
        if (!options.max_answer)
                options.max_answer = MAX_ANSWER;
        assert_int_equal(sovd_http_pool_new(&f->pool, &options), 0);
}

static __attribute__((unused)) void start(struct fixture *f, server_script script) {
        f->server = server_start(script, NULL);
        make_pool(f, &(struct sovd_http_pool_options){ 0 });
}

static __attribute__((unused)) int call(struct fixture *f, const char *method, const char *body) {
        const struct sovd_http_request request = { .method = method,
                                                   .target = "/x",
                                                   .body = body,
                                                   .body_len = body ? strlen(body) : 0,
                                                   .deadline_usec = sovd_now_usec() + 5 * SEC };

        return sovd_http_call(f->pool, &request, &f->answer, f->arena);
}

static __attribute__((unused)) int get_within(struct fixture *f, uint64_t usec) {
        const struct sovd_http_request request = { .method = "GET",
                                                   .target = "/x",
                                                   .deadline_usec = sovd_now_usec() + usec };

        return sovd_http_call(f->pool, &request, &f->answer, f->arena);
}

static __attribute__((unused)) bool answer_true(struct server_request *request) {
        server_send(request, OK_ANSWER);
        return true;
}

static __attribute__((unused)) bool hang(struct server_request *request) {
        server_wait_for_close(request);
        return false;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static int init(void **state) {
        return sovd_http_global_init();
}
