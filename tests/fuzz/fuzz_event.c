/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The input is what a client and a backend put into event streams: a line with a JSON pointer, a line with a
 * Last-Event-ID, and the rest as the data of an event
 *
 * Whatever the data are, an event stays one event: no line of them can pass for a field of its own. Whatever the id is, a
 * reader gets what is kept. A pointer leads into the value or nowhere.
 */
#include "sovd-core/base/json_reader.h"
#include "sovd-core/conditions.h"
#include "sovd-core/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition) {
        if (!condition)
                abort();
}

/* The next line without its end; NULL at the end of the text. */
static char *next_line(char **text) {
        return *text ? strsep(text, "\n") : NULL;
}

static void check_event(const struct sovd_event *event, bool gap) {
        const char *text = event->text + event->start, *end = text + event->len;

        must(event->len > 8 && memcmp(text, "id: ", 4) == 0 && memcmp(end - 2, "\n\n", 2) == 0);
        for (const char *line = text; line < end - 1;
             line = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1) {
                const char *field = line == text                           ? "id: "
                                    : gap && memcmp(line, "event", 5) == 0 ? "event: gap"
                                                                           : "data: ";
                must((size_t)(end - line) > strlen(field) && memcmp(line, field, strlen(field)) == 0);
        }
        must(!memchr(text, '\r', event->len));
}

static void ignore(void *data) {
        (void)data;
}

static void read_all(struct sovd_stream *stream, const char *last) {
        struct sovd_stream_reader *reader;
        enum sovd_stream_what what;
        unsigned n = 0;

        must(sovd_stream_open(&reader, stream, last, ignore, NULL) == 0);
        for (;;) {
                _cleanup_(sovd_event_unrefp) struct sovd_event *event = NULL;
                what = sovd_stream_next(reader, &event);
                if (what != SOVD_STREAM_EVENT && what != SOVD_STREAM_GAP)
                        break;
                check_event(event, what == SOVD_STREAM_GAP);
                must(++n <= 3); /* a gap and the two that are kept */
        }
        must(what == SOVD_STREAM_NOTHING);
        sovd_stream_close(reader);
}

static void check_stream(const char *last, const char *text) {
        _cleanup_(sovd_stream_unrefp) struct sovd_stream *stream = NULL;

        if (sovd_stream_new(&stream, 2, 1 << 20, 1))
                return;
        for (int i = 0; i < 4; i++)
                must(sovd_stream_push(stream, text, strlen(text)) == 0);
        read_all(stream, last);
        read_all(stream, NULL);
}

static void check_pointer(const char *pointer, const char *text) {
        _cleanup_(sovd_arena_freep) struct sovd_arena *arena = NULL;
        struct sovd_json_fault fault;
        struct cJSON *value;

        if (!sovd_pointer_is_valid(pointer) || sovd_arena_new(&arena, 4096) ||
            sovd_json_parse_in(arena, &value, text, strlen(text), NULL, &fault))
                return;
        const struct cJSON *found = sovd_pointer_get(value, pointer);
        must(*pointer || found == value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(sovd_freep) char *copy = strndup(size ? (const char *)data : "", size);
        char *rest = copy;

        if (!copy)
                return 0;
        const char *pointer = next_line(&rest), *last = next_line(&rest);
        if (!last || !rest)
                return 0;
        check_pointer(pointer, rest);
        check_stream(last, rest);
        return 0;
}
