#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Streams - a source of events and whoever reads it
 *
 * A stream keeps the last events, already encoded as server-sent events, in a ring that is bounded in number and in
 * bytes. Each reader has a place of its own in it; one that falls behind the ring gets one `gap` event that says how
 * many it missed. Events are shared by all readers, never copied. Ids are 1, 2, 3, …
 *
 * All functions are thread-safe; none waits for a reader. A reader belongs to one thread.
 */
#include "sovd-core/base/util.h"

struct sovd_event;
struct sovd_stream; /* reference-counted */
struct sovd_stream_reader;

enum sovd_stream_what { SOVD_STREAM_NOTHING, SOVD_STREAM_EVENT, SOVD_STREAM_GAP, SOVD_STREAM_END };

/* What a reader takes its events from: a place in a stream, or whatever else makes events for this reader. next() and
 * close() are those of sovd_stream_next() and sovd_stream_close(). */
struct sovd_feed {
        enum sovd_stream_what (*next)(struct sovd_feed *feed, struct sovd_event **ret);
        void (*close)(struct sovd_feed *feed);
};

/* How a handler says where its events come from. open(): wake as with sovd_stream_open(); SOVD_E_OVERLOAD with *reason
 * (static), or -errno. The source lives as long as the request. */
struct sovd_feed_source {
        int (*open)(const struct sovd_feed_source *source, void (*wake)(void *data), void *data, struct sovd_feed **ret,
                    const char **reason);
};

/* One encoded event; immutable, reference-counted. */
struct sovd_event {
        unsigned n_refs; /* atomic */
        uint64_t id;
        size_t start, len; /* the text is text + start, len bytes */
        char text[];
};

/* kept: events in the ring; bytes_max: of their texts together, the newest is kept in any case. -ENOMEM. */
int sovd_stream_new(struct sovd_stream **ret, size_t kept, size_t bytes_max, unsigned readers_max);
struct sovd_stream *sovd_stream_ref(struct sovd_stream *stream);
struct sovd_stream *sovd_stream_unref(struct sovd_stream *stream);
SOVD_DEFINE_CLEANUP(struct sovd_stream *, sovd_stream_unref)

/* Adds an event with this text as its data; wakes the readers. After the end nothing happens. -ENOMEM. */
int sovd_stream_push(struct sovd_stream *stream, const char *data, size_t len);

/* No event follows any more: readers get what is kept, then the end. */
void sovd_stream_end(struct sovd_stream *stream);

/* Starts to read. last_event_id: what the client says it got last, or NULL; then it begins with the events that no
 * reader was given yet. An id that is unknown or no longer kept gives a gap event first. wake(data) is called, from
 * any thread and with the stream locked, when there is something to read after sovd_stream_next() said there is
 * nothing; it must not lock or wait. SOVD_E_OVERLOAD: readers_max are there; -ENOMEM. */
int sovd_stream_open(struct sovd_stream_reader **ret, struct sovd_stream *stream, const char *last_event_id,
                     void (*wake)(void *data), void *data);

/* The next event, with a reference in *ret, for EVENT and GAP. When memory for a gap event is out it is END. */
enum sovd_stream_what sovd_stream_next(struct sovd_stream_reader *reader, struct sovd_event **ret);

/* No wake() is called after this has returned. */
struct sovd_stream_reader *sovd_stream_close(struct sovd_stream_reader *reader);

/* The same reader as a feed. */
struct sovd_feed *sovd_stream_feed(struct sovd_stream_reader *reader);

/* An event for a feed; id, name and data may be NULL. With an id alone it only moves the reader's Last-Event-ID. One
 * reference; NULL when memory is out. */
struct sovd_event *sovd_event_new(const uint64_t *id, const char *name, const char *data, size_t len);

struct sovd_event *sovd_event_unref(struct sovd_event *event);
SOVD_DEFINE_CLEANUP(struct sovd_event *, sovd_event_unref)
