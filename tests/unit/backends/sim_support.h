#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Support for the tests of the simulation - one component under a clock that the test moves
 */
#include "backends/sim/sim_backend.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/call.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <cjson/cJSON.h>

#define START_USEC (1000 * SOVD_USEC_PER_SEC)
#define EPOCH_USEC UINT64_C(1767225600000000) /* 2026-01-01 */

static uint64_t passed_usec;

static inline uint64_t fake_monotonic(void) {
        return START_USEC + passed_usec;
}

static inline uint64_t fake_realtime(void) {
        return EPOCH_USEC + passed_usec;
}

static inline void at(double seconds) {
        passed_usec = (uint64_t)(seconds * 1e6);
}

struct fixture {
        struct sovd_arena *arena;
        struct sovd_backend *backend;
        struct sovd_entity ecu;
        struct sovd_call call;
};

static inline int set_up(void **state) {
        static const struct sovd_clock clock = { fake_monotonic, fake_realtime };
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        sovd_clock_replace(&clock);
        at(0);
        assert_int_equal(sovd_arena_new(&f->arena, 1024), 0);
        f->ecu = (struct sovd_entity){ .type = SOVD_COMPONENT, .id = "ecu", .name = "ecu" };
        f->call = (struct sovd_call){
                .arena = f->arena, .entity = &f->ecu, .request_id = "r", .deadline_usec = UINT64_MAX
        };
        *state = f;
        return 0;
}

static inline int tear_down(void **state) {
        struct fixture *f = *state;

        sovd_backend_unref(f->backend);
        sovd_arena_free(f->arena);
        free(f);
        sovd_clock_replace(NULL);
        return 0;
}

/* A vehicle whose component "ecu" has these keys; each line of them is indented by four. */
static inline const struct sovd_backend_ops *simulate(struct fixture *f, const char *keys) {
        const char *message, *text = sovd_arena_printf(f->arena, "components:\n  - id: ecu\n%s", keys);

        int r = sovd_sim_backend_parse(&f->backend, "sim", "test.yaml", text, strlen(text), f->arena,
                                       &message);
        if (r)
                fail_msg("%s", message);
        for (int i = 0; i < SOVD_N_COLLECTIONS; i++)
                f->ecu.providers[i] = f->backend;
        return f->backend->ops;
}

/* The tree of a text that is good; lives as long as the arena. */
static inline void delete_json(void *json) {
        cJSON_Delete(json);
}

static inline const struct cJSON *json_of(struct fixture *f, const char *text) {
        struct sovd_json_fault fault;
        struct cJSON *json;

        assert_int_equal(sovd_json_parse(&json, text, strlen(text), NULL, &fault), 0);
        assert_int_equal(sovd_arena_defer(f->arena, delete_json, json), 0);
        return json;
}

/* As JSON text, digits kept. */
static inline const char *text_of(struct fixture *f, const struct cJSON *json) {
        struct sovd_json_writer w;
        const char *text;
        size_t len;

        sovd_json_writer_init(&w, 0, 0);
        sovd_json_tree(&w, json);
        assert_int_equal(sovd_json_writer_finish(&w, &text, &len), 0);
        text = sovd_arena_strdup(f->arena, text);
        sovd_json_writer_done(&w);
        return text;
}

/* What a value is now. */
static inline const char *value_of(struct fixture *f, const char *id) {
        struct sovd_data_value value = { 0 };

        assert_int_equal(f->backend->ops->data_read(&f->call, &f->ecu, id, &value), 0);
        assert_string_equal(value.id, id);
        return text_of(f, value.data);
}

static inline int write_data(struct fixture *f, const char *id, const char *json) {
        f->call.failure = (struct sovd_failure){ 0 };
        return f->backend->ops->data_write(&f->call, &f->ecu, id, json_of(f, json), NULL);
}

#define SIM_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
