/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/stream.h"
#include "sovd-core/base/error.h"
#include <pthread.h>
#include <stdio.h>

struct reader {
        struct sovd_stream_reader base;
        struct sovd_stream *stream; /* reference */
        struct reader *next;
        void (*wake)(void *data);
        void *data;
        uint64_t position; /* id of the next event to give */
        uint64_t missed;   /* unknown id: to be told as a gap */
        bool sleeping;     /* wake() is due when something comes */
};

struct sovd_stream {
        struct sovd_event_source base;
        unsigned n_refs; /* atomic */
        size_t kept, bytes_max;
        unsigned readers_max;
        pthread_mutex_t mutex; /* everything below */
        struct reader *readers;
        unsigned n_readers;
        uint64_t newest;    /* id; 0 = none yet */
        uint64_t delivered; /* the newest that a reader was given */
        size_t n, n_bytes;  /* in the ring: newest - n + 1 … newest */
        bool ended;
        struct sovd_event *ring[];
};

/* Its id is that of the last event that was missed, so that a client that comes back goes on from there. */
static struct sovd_event *gap_new(uint64_t id, uint64_t missed) {
        char data[64];
        int n = snprintf(data, sizeof(data), "{\"missed\":%llu}", (unsigned long long)missed);
        struct sovd_event *event = sovd_event_new("gap", data, (size_t)n);

        if (event)
                sovd_event_set_id(event, id);
        return event;
}

/* --- life ----------------------------------------------------------------------------------------------- */

static int open_source(struct sovd_event_source *source, struct sovd_stream_reader **ret, const char *last_event_id,
                       void (*wake)(void *data), void *data) {
        return sovd_stream_open(ret, (struct sovd_stream *)source, last_event_id, wake, data);
}

int sovd_stream_new(struct sovd_stream **ret, size_t kept, size_t bytes_max, unsigned readers_max) {
        struct sovd_stream *stream = calloc(1, sizeof(*stream) + kept * sizeof(stream->ring[0]));
        if (!stream)
                return sovd_error_origin(-ENOMEM);

        stream->base.open = open_source;
        stream->n_refs = 1;
        stream->kept = kept;
        stream->bytes_max = bytes_max;
        stream->readers_max = readers_max;
        (void)pthread_mutex_init(&stream->mutex, NULL);
        *ret = stream;
        return 0;
}

struct sovd_stream *sovd_stream_ref(struct sovd_stream *stream) {
        (void)__atomic_add_fetch(&stream->n_refs, 1, __ATOMIC_RELAXED);
        return stream;
}

struct sovd_stream *sovd_stream_unref(struct sovd_stream *stream) {
        if (!stream || __atomic_sub_fetch(&stream->n_refs, 1, __ATOMIC_ACQ_REL))
                return NULL;
        for (size_t i = 0; i < stream->kept; i++)
                sovd_event_unref(stream->ring[i]);
        (void)pthread_mutex_destroy(&stream->mutex);
        free(stream);
        return NULL;
}

/* --- writing -------------------------------------------------------------------------------------------- */

static struct sovd_event **place_of(struct sovd_stream *stream, uint64_t id) {
        return &stream->ring[id % stream->kept];
}

static uint64_t oldest(const struct sovd_stream *stream) {
        return stream->newest - stream->n + 1;
}

static void wake_all(struct sovd_stream *stream) {
        for (struct reader *r = stream->readers; r; r = r->next)
                if (r->sleeping) {
                        r->sleeping = false;
                        r->wake(r->data);
                }
}

static void drop_oldest(struct sovd_stream *stream) {
        struct sovd_event **place = place_of(stream, oldest(stream));

        stream->n_bytes -= (*place)->len;
        stream->n--;
        *place = sovd_event_unref(*place);
}

static void append(struct sovd_stream *stream, struct sovd_event *event) {
        sovd_event_set_id(event, stream->newest + 1);
        while (stream->n && (stream->n == stream->kept || stream->n_bytes + event->len > stream->bytes_max))
                drop_oldest(stream);
        stream->newest++;
        stream->n++;
        stream->n_bytes += event->len;
        *place_of(stream, event->id) = event;
        wake_all(stream);
}

int sovd_stream_push(struct sovd_stream *stream, const char *data, size_t len) {
        struct sovd_event *event = sovd_event_new(NULL, data, len);
        if (!event)
                return sovd_error_origin(-ENOMEM);

        (void)pthread_mutex_lock(&stream->mutex);
        if (!stream->ended)
                append(stream, SOVD_TAKE(event));
        (void)pthread_mutex_unlock(&stream->mutex);
        sovd_event_unref(event);
        return 0;
}

void sovd_stream_end(struct sovd_stream *stream) {
        (void)pthread_mutex_lock(&stream->mutex);
        stream->ended = true;
        wake_all(stream);
        (void)pthread_mutex_unlock(&stream->mutex);
}

/* --- reading -------------------------------------------------------------------------------------------- */

static bool parse_id(const char *s, uint64_t *ret) {
        uint64_t v = 0;

        if (!*s || strlen(s) > 19 || s[strspn(s, "0123456789")])
                return false;
        while (*s)
                v = v * 10 + (uint64_t)(*s++ - '0');
        *ret = v;
        return true;
}

static void set_position(struct reader *reader, const struct sovd_stream *stream,
                         const char *last) {
        uint64_t first = oldest(stream), id;

        reader->missed = 0;
        if (!last)
                reader->position =
                        SOVD_MAX(first, stream->delivered + 1); /* what nobody has seen is not missed */
        else if (parse_id(last, &id) && id <= stream->newest)
                reader->position = id + 1; /* next() sees by itself when that is kept no longer */
        else {
                reader->position = first; /* not an id of ours: everything that is kept */
                reader->missed = first - 1;
        }
}

static enum sovd_stream_what take_gap(struct reader *reader, uint64_t missed,
                                      struct sovd_event **ret) {
        reader->position = oldest(reader->stream);
        reader->missed = 0;
        *ret = gap_new(reader->position - 1, missed);
        return *ret ? SOVD_STREAM_GAP : SOVD_STREAM_END;
}

/* With the mutex held. */
static enum sovd_stream_what take(struct reader *reader, struct sovd_event **ret) {
        struct sovd_stream *stream = reader->stream;

        if (reader->position < oldest(stream))
                return take_gap(reader, reader->missed + oldest(stream) - reader->position, ret);
        if (reader->missed)
                return take_gap(reader, reader->missed, ret);
        if (reader->position > stream->newest) {
                reader->sleeping = !stream->ended;
                return stream->ended ? SOVD_STREAM_END : SOVD_STREAM_NOTHING;
        }
        *ret = sovd_event_ref(*place_of(stream, reader->position));
        stream->delivered = SOVD_MAX(stream->delivered, reader->position);
        reader->position++;
        return SOVD_STREAM_EVENT;
}

static enum sovd_stream_what next(struct sovd_stream_reader *base, struct sovd_event **ret) {
        struct reader *reader = (struct reader *)base;

        (void)pthread_mutex_lock(&reader->stream->mutex);
        enum sovd_stream_what what = take(reader, ret);
        (void)pthread_mutex_unlock(&reader->stream->mutex);
        return what;
}

static void close_reader(struct sovd_stream_reader *base) {
        struct reader *reader = (struct reader *)base, **link;
        struct sovd_stream *stream = reader->stream;

        (void)pthread_mutex_lock(&stream->mutex);
        for (link = &stream->readers; *link != reader; link = &(*link)->next)
                ;
        *link = reader->next;
        stream->n_readers--;
        (void)pthread_mutex_unlock(&stream->mutex);
        sovd_stream_unref(stream);
        free(reader);
}

static const struct sovd_stream_reader_ops reader_ops = { .next = next, .close = close_reader };

int sovd_stream_open(struct sovd_stream_reader **ret, struct sovd_stream *stream, const char *last_event_id,
                     void (*wake)(void *data), void *data) {
        struct reader *reader = calloc(1, sizeof(*reader));
        if (!reader)
                return sovd_error_origin(-ENOMEM);

        reader->base.ops = &reader_ops;
        reader->wake = wake;
        reader->data = data;
        (void)pthread_mutex_lock(&stream->mutex);
        bool full = stream->n_readers >= stream->readers_max;
        if (!full) {
                set_position(reader, stream, last_event_id);
                reader->next = stream->readers;
                stream->readers = reader;
                stream->n_readers++;
        }
        (void)pthread_mutex_unlock(&stream->mutex);
        if (full) {
                free(reader);
                return SOVD_E_OVERLOAD;
        }
        reader->stream = sovd_stream_ref(stream);
        *ret = &reader->base;
        return 0;
}
