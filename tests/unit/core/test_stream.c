/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sovd-core/base/error.h"
#include "sovd-core/stream.h"
#include <stdio.h>

static unsigned n_wakes;

static void count_wake(void *data) {
        n_wakes++;
}

static struct sovd_stream *stream_of(size_t kept) {
        struct sovd_stream *stream = NULL;

        n_wakes = 0;
        assert_int_equal(sovd_stream_new(&stream, kept, 1000, 2), 0);
        return stream;
}

static void push(struct sovd_stream *stream, const char *text) {
        assert_int_equal(sovd_stream_push(stream, text, strlen(text)), 0);
}

static void push_n(struct sovd_stream *stream, unsigned n) {
        for (unsigned i = 0; i < n; i++)
                push(stream, "x");
}

static struct sovd_stream_reader *reader_of(struct sovd_stream *stream, const char *last) {
        struct sovd_stream_reader *reader = NULL;

        assert_int_equal(sovd_stream_open(&reader, stream, last, count_wake, NULL), 0);
        return reader;
}

static void next_is(struct sovd_stream_reader *reader, enum sovd_stream_what what, const char *text) {
        _cleanup_(sovd_event_unrefp) struct sovd_event *event = NULL;

        assert_int_equal(sovd_stream_next(reader, &event), what);
        if (!text)
                return;
        assert_int_equal(event->len, strlen(text));
        assert_memory_equal(event->text + event->start, text, event->len);
}

static void an_event_has_its_number_and_its_text(void **state) {
        _cleanup_(sovd_stream_unrefp) struct sovd_stream *stream = stream_of(4);
        struct sovd_stream_reader *reader = reader_of(stream, NULL);

        push(stream, "{\"a\":1}");
        push(stream, "second");
        next_is(reader, SOVD_STREAM_EVENT, "id: 1\ndata: {\"a\":1}\n\n");
        next_is(reader, SOVD_STREAM_EVENT, "id: 2\ndata: second\n\n");
        next_is(reader, SOVD_STREAM_NOTHING, NULL);
        sovd_stream_close(reader);
}

static void every_line_end_in_the_data_begins_a_new_field(void **state) {
        _cleanup_(sovd_stream_unrefp) struct sovd_stream *stream = stream_of(4);
        struct sovd_stream_reader *reader = reader_of(stream, NULL);

        push(stream, "a\nb\rc\r\nid: 9\n");
        next_is(reader, SOVD_STREAM_EVENT, "id: 1\ndata: a\ndata: b\ndata: c\ndata: id: 9\ndata: \n\n");
        sovd_stream_close(reader);
}

static void a_reader_sleeps_only_after_it_was_told_that_there_is_nothing(void **state) {
        _cleanup_(sovd_stream_unrefp) struct sovd_stream *stream = stream_of(4);
        struct sovd_stream_reader *reader = reader_of(stream, NULL);

        push(stream, "a");
        assert_int_equal(n_wakes, 0);
        next_is(reader, SOVD_STREAM_EVENT, "id: 1\ndata: a\n\n");
        next_is(reader, SOVD_STREAM_NOTHING, NULL);
        push_n(stream, 2);
        assert_int_equal(n_wakes, 1);
        sovd_stream_close(reader);
        push(stream, "a");
        assert_int_equal(n_wakes, 1);
}

static void a_reader_that_falls_behind_gets_one_gap_that_counts(void **state) {
        _cleanup_(sovd_stream_unrefp) struct sovd_stream *stream = stream_of(3);
        struct sovd_stream_reader *reader = reader_of(stream, NULL);

        push_n(stream, 2);
        next_is(reader, SOVD_STREAM_EVENT, "id: 1\ndata: x\n\n");
        push_n(stream, 6); /* 6, 7 and 8 are kept */
        next_is(reader, SOVD_STREAM_GAP, "id: 5\nevent: gap\ndata: {\"missed\":4}\n\n");
        next_is(reader, SOVD_STREAM_EVENT, "id: 6\ndata: x\n\n");
        sovd_stream_close(reader);
}

static void a_last_id_goes_on_behind_it(void **state) {
        _cleanup_(sovd_stream_unrefp) struct sovd_stream *stream = stream_of(4);

        push_n(stream, 4);
        struct sovd_stream_reader *reader = reader_of(stream, "3");
        next_is(reader, SOVD_STREAM_EVENT, "id: 4\ndata: x\n\n");
        sovd_stream_close(reader);
        reader = reader_of(stream, "4");
        next_is(reader, SOVD_STREAM_NOTHING, NULL);
        sovd_stream_close(reader);
        push_n(stream, 4);
        reader = reader_of(stream, "2");
        next_is(reader, SOVD_STREAM_GAP, "id: 4\nevent: gap\ndata: {\"missed\":2}\n\n");
        next_is(reader, SOVD_STREAM_EVENT, "id: 5\ndata: x\n\n");
        sovd_stream_close(reader);
}

static void an_id_that_is_none_of_ours_is_a_gap(void **state) {
        static const char *const ids[] = { "x", "", "-1", "7", "18446744073709551615", "1 ", "0x1" };

        for (size_t i = 0; i < SOVD_N_ELEMENTS(ids); i++) {
                _cleanup_(sovd_stream_unrefp) struct sovd_stream *stream = stream_of(2);
                push_n(stream, 5);
                struct sovd_stream_reader *reader = reader_of(stream, ids[i]);
                next_is(reader, SOVD_STREAM_GAP, "id: 3\nevent: gap\ndata: {\"missed\":3}\n\n");
                next_is(reader, SOVD_STREAM_EVENT, "id: 4\ndata: x\n\n");
                sovd_stream_close(reader);
        }
}

static void without_an_id_a_reader_begins_with_what_nobody_was_given(void **state) {
        _cleanup_(sovd_stream_unrefp) struct sovd_stream *stream = stream_of(3);

        push_n(stream, 5);
        struct sovd_stream_reader *first = reader_of(stream, NULL);
        next_is(first, SOVD_STREAM_EVENT, "id: 3\ndata: x\n\n"); /* no gap: nobody missed 1 and 2 */
        next_is(first, SOVD_STREAM_EVENT, "id: 4\ndata: x\n\n");
        struct sovd_stream_reader *second = reader_of(stream, NULL);
        next_is(second, SOVD_STREAM_EVENT, "id: 5\ndata: x\n\n");
        sovd_stream_close(first);
        sovd_stream_close(second);
}

static void the_end_comes_behind_what_is_kept(void **state) {
        _cleanup_(sovd_stream_unrefp) struct sovd_stream *stream = stream_of(3);
        struct sovd_stream_reader *reader = reader_of(stream, NULL);

        next_is(reader, SOVD_STREAM_NOTHING, NULL);
        push(stream, "last");
        sovd_stream_end(stream);
        push(stream, "too late");
        assert_int_equal(n_wakes, 1);
        next_is(reader, SOVD_STREAM_EVENT, "id: 1\ndata: last\n\n");
        next_is(reader, SOVD_STREAM_END, NULL);
        sovd_stream_close(reader);
}

static void the_ring_is_bounded_in_bytes_but_keeps_the_newest(void **state) {
        _cleanup_(sovd_stream_unrefp) struct sovd_stream *stream = stream_of(8);
        char large[2000];

        memset(large, 'y', sizeof(large));
        push_n(stream, 3);
        assert_int_equal(sovd_stream_push(stream, large, sizeof(large)), 0);
        struct sovd_stream_reader *reader = reader_of(stream, "0");
        next_is(reader, SOVD_STREAM_GAP, "id: 3\nevent: gap\ndata: {\"missed\":3}\n\n");
        next_is(reader, SOVD_STREAM_EVENT, NULL);
        sovd_stream_close(reader);
}

static void readers_are_limited(void **state) {
        _cleanup_(sovd_stream_unrefp) struct sovd_stream *stream = stream_of(2);
        struct sovd_stream_reader *first = reader_of(stream, NULL), *second = reader_of(stream, NULL), *third;

        assert_int_equal(sovd_stream_open(&third, stream, NULL, count_wake, NULL), SOVD_E_OVERLOAD);
        sovd_stream_close(first);
        first = reader_of(stream, NULL);
        sovd_stream_close(first);
        sovd_stream_close(second);
}

static void an_event_outlives_its_place_in_the_ring(void **state) {
        _cleanup_(sovd_stream_unrefp) struct sovd_stream *stream = stream_of(1);
        struct sovd_stream_reader *reader = reader_of(stream, NULL);
        struct sovd_event *event = NULL;

        push(stream, "held");
        assert_int_equal(sovd_stream_next(reader, &event), SOVD_STREAM_EVENT);
        push_n(stream, 3);
        assert_memory_equal(event->text + event->start, "id: 1\ndata: held\n\n", event->len);
        sovd_event_unref(event);
        sovd_stream_close(reader);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_event_has_its_number_and_its_text),
                cmocka_unit_test(every_line_end_in_the_data_begins_a_new_field),
                cmocka_unit_test(a_reader_sleeps_only_after_it_was_told_that_there_is_nothing),
                cmocka_unit_test(a_reader_that_falls_behind_gets_one_gap_that_counts),
                cmocka_unit_test(a_last_id_goes_on_behind_it),
                cmocka_unit_test(an_id_that_is_none_of_ours_is_a_gap),
                cmocka_unit_test(without_an_id_a_reader_begins_with_what_nobody_was_given),
                cmocka_unit_test(the_end_comes_behind_what_is_kept),
                cmocka_unit_test(the_ring_is_bounded_in_bytes_but_keeps_the_newest),
                cmocka_unit_test(readers_are_limited),
                cmocka_unit_test(an_event_outlives_its_place_in_the_ring),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
