/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "backends/native/message.h"
#include "sovd-core/base/error.h"
#include "sovd-core/fault_sink.h"
#include "sovd-core/model/operations.h"
#include <stdio.h>

struct fixture {
        struct sovd_arena *arena;
        struct native_message message;
        struct native_refusal refusal;
};

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_int_equal(sovd_arena_new(&f->arena, 4096), 0);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        sovd_arena_free(f->arena);
        free(f);
        return 0;
}

static int take(struct fixture *f, const char *text) {
        return native_message_read(text, strlen(text), f->arena, &f->message, &f->refusal);
}

static void every_type_is_decoded(void **state) {
        struct fixture *f = *state;
        static const char *const texts[NATIVE_N_TYPES] = {
                [NATIVE_HELLO] = "{\"type\":\"hello\",\"v\":1,\"entity\":\"apps/a\",\"instance\":\"i\"}",
                [NATIVE_REGISTER] = "{\"type\":\"register\"}",
                [NATIVE_PUBLISH] = "{\"type\":\"publish\",\"values\":{}}",
                [NATIVE_FAULT] = "{\"type\":\"fault\",\"code\":\"c\",\"report\":\"passed\",\"n\":3}",
                [NATIVE_CONDITION] = "{\"type\":\"condition\",\"name\":\"n\",\"on\":false}",
                [NATIVE_LOG] = "{\"type\":\"log\",\"severity\":\"warn\",\"msg\":\"m\"}",
                [NATIVE_EXEC] = "{\"type\":\"exec\",\"exec\":\"e\",\"status\":\"failed\",\"error\":\"why\"}",
                [NATIVE_HEARTBEAT] = "{\"type\":\"heartbeat\"}",
                [NATIVE_BYE] = "{\"type\":\"bye\"}",
                [NATIVE_REPLY] = "{\"type\":\"reply\",\"re\":7,\"value\":[1]}",
                [NATIVE_CYCLE] = "{\"type\":\"cycle\",\"kind\":\"k\"}",
                [NATIVE_ERROR] = "{\"type\":\"error\",\"code\":\"c\",\"message\":\"m\"}",
        };

        for (int i = 0; i < NATIVE_N_TYPES; i++) {
                assert_int_equal(take(f, texts[i]), 0);
                assert_int_equal(f->message.type, i);
                assert_string_equal(native_type_names[i],
                                    strstr(texts[i], native_type_names[i]) ? native_type_names[i] : "");
        }
}

static void members_reach_their_places(void **state) {
        struct fixture *f = *state;

        assert_int_equal(
                take(f, "{\"type\":\"fault\",\"seq\":9,\"code\":\"c\",\"report\":\"prepassed\",\"n\":3}"), 0);
        assert_true(f->message.seq.set);
        assert_int_equal(f->message.seq.value, 9);
        assert_int_equal(f->message.fault.report - 1, SOVD_REPORT_PREPASSED);
        assert_int_equal(f->message.fault.n.value, 3);

        assert_int_equal(
                take(f, "{\"type\":\"exec\",\"exec\":\"e\",\"status\":\"completed\",\"progress\":100}"), 0);
        assert_int_equal(f->message.exec.status, SOVD_EXECUTION_COMPLETED);
        assert_int_equal(f->message.exec.progress.value, 100);

        assert_int_equal(take(f, "{\"type\":\"register\",\"data\":[{\"id\":\"d\",\"name\":\"n\"}]}"), 0);
        const struct native_data *d = f->message.reg.data.items;
        assert_string_equal(d->id, "d");
        assert_false(d->writable.value);
}

static void what_is_no_frame_is_refused_with_a_code(void **state) {
        struct fixture *f = *state;
        static const struct {
                const char *text, *code;
                bool fatal;
        } cases[] = {
                { "", "not-json", true },
                { "nonsense", "not-json", true },
                { "[]", "not-json", true },
                { "{\"type\":\"bye\",\"type\":\"bye\"}", "not-json", true },
                { "{}", "bad-frame", false },
                { "{\"type\":null}", "bad-frame", false },
                { "{\"type\":\"welcome\"}", "unknown-type", false },
                { "{\"type\":\"bye\",\"seq\":1.5}", "bad-frame", false },
                { "{\"type\":\"bye\",\"seq\":-1}", "bad-frame", false },
                { "{\"type\":\"hello\"}", "bad-version", true },
                { "{\"type\":\"hello\",\"v\":\"1\"}", "bad-version", true },
                { "{\"type\":\"hello\",\"v\":2,\"entity\":5}", "bad-version", true },
                { "{\"type\":\"hello\",\"v\":1}", "bad-frame", false },
                { "{\"type\":\"fault\",\"code\":\"\",\"report\":\"failed\"}", "bad-frame", false },
                { "{\"type\":\"fault\",\"code\":\"c\",\"report\":\"failed\",\"n\":0}", "bad-frame", false },
                { "{\"type\":\"fault\",\"code\":\"c\",\"report\":\"failed\",\"environment\":[]}", "bad-frame",
                  false },
                { "{\"type\":\"reply\"}", "bad-frame", false },
                { "{\"type\":\"publish\",\"values\":[]}", "bad-frame", false },
        };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(cases); i++) {
                assert_int_equal(take(f, cases[i].text), SOVD_E_BAD_REQUEST);
                assert_string_equal(f->refusal.code, cases[i].code);
                assert_int_equal(f->refusal.fatal, cases[i].fatal);
                assert_non_null(f->refusal.reason);
        }
}

static void a_refusal_carries_the_number_of_its_frame(void **state) {
        struct fixture *f = *state;

        assert_int_equal(take(f, "{\"seq\":12,\"type\":\"dance\"}"), SOVD_E_BAD_REQUEST);
        assert_true(f->refusal.seq.set);
        assert_int_equal(f->refusal.seq.value, 12);
}

static void ids_have_to_be_usable_and_come_once(void **state) {
        struct fixture *f = *state;
        static const struct {
                const char *list, *why;
        } cases[] = {
                { "[{\"id\":\"a\",\"name\":\"n\"},{\"id\":\"b\",\"name\":\"n\"}]", NULL },
                { "[{\"id\":\"a\",\"name\":\"n\"},{\"id\":\"a\",\"name\":\"n\"}]",
                  "/operations: the id 'a' comes twice" },
                { "[{\"id\":\"a/b\",\"name\":\"n\"}]", "/operations/0/id: 'a/b' cannot be an id" },
                { "[{\"id\":\"docs\",\"name\":\"n\"}]", "/operations/0/id: 'docs' cannot be an id" },
                { "[{\"id\":\"a\",\"name\":\"n\"},{\"id\":\"b\",\"name\":\"n\"},{\"id\":\"c\",\"name\":\"n\"}"
                  "]",
                  "3 resources are registered, and 2 are allowed" },
        };
        char text[512];

        for (size_t i = 0; i < SOVD_N_ELEMENTS(cases); i++) {
                (void)snprintf(text, sizeof(text), "{\"type\":\"register\",\"operations\":%s}",
                               cases[i].list);
                assert_int_equal(take(f, text), 0);
                const char *why = native_register_check(&f->message.reg, 2, f->arena);
                if (cases[i].why)
                        assert_string_equal(why, cases[i].why);
                else
                        assert_null(why);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(every_type_is_decoded, set_up, tear_down),
                cmocka_unit_test_setup_teardown(members_reach_their_places, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_is_no_frame_is_refused_with_a_code, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_refusal_carries_the_number_of_its_frame, set_up, tear_down),
                cmocka_unit_test_setup_teardown(ids_have_to_be_usable_and_come_once, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
