#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Support for the tests of the SOVD backend - a call without a gateway, and texts as upstream answers
 */
#include "backends/sovd/answer.h"
#include "sovd-core/call.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <cjson/cJSON.h>

static const struct sovd_entity bms = { .type = SOVD_COMPONENT, .id = "bms", .name = "Battery" };

struct fixture {
        struct sovd_arena *arena;
        struct sovd_call call;
};

static inline int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(sovd_arena_new(&f->arena, 1024), 0);
        f->call = (struct sovd_call){ .arena = f->arena, .entity = &bms, .request_id = "r" };
        *state = f;
        return 0;
}

static inline int tear_down(void **state) {
        struct fixture *f = *state;

        sovd_arena_free(f->arena);
        free(f);
        return 0;
}

static inline struct sovd_http_answer answer_of(unsigned status, const char *body) {
        return (struct sovd_http_answer){ .status = status, .body = body, .body_len = strlen(body) };
}

/* The tree of a text that is good. */
static inline struct cJSON *json_of(struct sovd_call *call, const char *text) {
        struct sovd_http_answer answer = answer_of(200, text);
        struct cJSON *json = NULL;

        assert_int_equal(answer_parse(call, &answer, &json), 0);
        return json;
}

#define SOVD_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
