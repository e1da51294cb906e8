/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "backends/native/frame.h"

static void feed(struct native_frames *f, const void *bytes, size_t n) {
        unsigned char *room;

        assert_int_equal(native_frames_room(f, n, &room), 0);
        memcpy(room, bytes, n);
        native_frames_add(f, n);
}

static void assert_next(struct native_frames *f, const char *wanted) {
        const char *text;
        size_t len;

        assert_int_equal(native_frames_next(f, &text, &len), NATIVE_FRAME_WHOLE);
        assert_int_equal(len, strlen(wanted));
        assert_memory_equal(text, wanted, len);
}

static enum native_frame_result next(struct native_frames *f) {
        const char *text;
        size_t len;

        return native_frames_next(f, &text, &len);
}

static void a_frame_comes_out_as_it_went_in(void **state) {
        struct native_frames f;
        unsigned char head[NATIVE_HEAD];

        native_frames_init(&f, 1000);
        native_frame_head(head, 2);
        feed(&f, head, sizeof(head));
        feed(&f, "{}", 2);
        assert_next(&f, "{}");
        assert_int_equal(next(&f), NATIVE_FRAME_NONE);
        assert_false(native_frames_is_partial(&f));
        native_frames_done(&f);
}

static void the_length_is_big_endian(void **state) {
        unsigned char head[NATIVE_HEAD];

        native_frame_head(head, 0x01020304);
        assert_memory_equal(head, "\1\2\3\4", NATIVE_HEAD);
}

static void a_frame_that_comes_byte_by_byte_is_one_frame(void **state) {
        static const char bytes[] = "\0\0\0\3abc";
        struct native_frames f;

        native_frames_init(&f, 1000);
        for (size_t i = 0; i + 1 < sizeof(bytes); i++) {
                assert_int_equal(next(&f), NATIVE_FRAME_NONE);
                assert_int_equal(native_frames_is_partial(&f), i > 0);
                feed(&f, bytes + i, 1);
        }
        assert_next(&f, "abc");
        native_frames_done(&f);
}

static void many_frames_at_once_come_out_one_by_one(void **state) {
        static const char bytes[] = "\0\0\0\1a\0\0\0\2bc\0\0\0\1";
        struct native_frames f;

        native_frames_init(&f, 1000);
        feed(&f, bytes, sizeof(bytes) - 1);
        assert_next(&f, "a");
        assert_next(&f, "bc");
        assert_int_equal(next(&f), NATIVE_FRAME_NONE);
        assert_true(native_frames_is_partial(&f));
        feed(&f, "d", 1);
        assert_next(&f, "d");
        native_frames_done(&f);
}

static void an_empty_frame_and_one_that_is_too_long_are_told_by_their_heads(void **state) {
        struct native_frames f;

        native_frames_init(&f, 5);
        feed(&f, "\0\0\0\0", 4);
        assert_int_equal(next(&f), NATIVE_FRAME_EMPTY);
        native_frames_done(&f);
        feed(&f, "\0\0\0\6", 4);
        assert_int_equal(next(&f), NATIVE_FRAME_TOO_LONG);
        native_frames_done(&f);
        feed(&f, "\377\377\377\377", 4);
        assert_int_equal(next(&f), NATIVE_FRAME_TOO_LONG);
        native_frames_done(&f);
        feed(&f, "\0\0\0\5abcde", 9);
        assert_next(&f, "abcde");
        native_frames_done(&f);
}

static void a_promised_length_takes_no_memory(void **state) {
        struct native_frames f;

        native_frames_init(&f, (size_t)1 << 30);
        feed(&f, "\77\0\0\0", 4);
        assert_int_equal(next(&f), NATIVE_FRAME_NONE);
        assert_true(f.size < 100);
        native_frames_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_frame_comes_out_as_it_went_in),
                cmocka_unit_test(the_length_is_big_endian),
                cmocka_unit_test(a_frame_that_comes_byte_by_byte_is_one_frame),
                cmocka_unit_test(many_frames_at_once_come_out_one_by_one),
                cmocka_unit_test(an_empty_frame_and_one_that_is_too_long_are_told_by_their_heads),
                cmocka_unit_test(a_promised_length_takes_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
