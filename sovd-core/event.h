#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Event - what an event stream sends, encoded once for all who read it, and what a source of events has to offer
 *
 * Two sources implement the latter: a ring of its own for each subscription or trigger (stream.h), and the bus of the
 * faults of the whole vehicle, where every reader has a filter (events.h).
 */
#include "sovd-core/base/util.h"

/* One encoded server-sent event; immutable once somebody else sees it, reference-counted. */
struct sovd_event {
        unsigned n_refs;   /* atomic */
        uint64_t id;       /* 0 = none */
        size_t start, len; /* the text is text + start, len bytes */
        char text[];
};

/* name: of the event, or NULL. The data may have lines. It has no id yet. NULL: memory is out. */
struct sovd_event *sovd_event_new(const char *name, const char *data, size_t len);

/* Once, before anybody else sees it. */
void sovd_event_set_id(struct sovd_event *event, uint64_t id);

struct sovd_event *sovd_event_ref(struct sovd_event *event);
struct sovd_event *sovd_event_unref(struct sovd_event *event);
SOVD_DEFINE_CLEANUP(struct sovd_event *, sovd_event_unref)

/* --- reading -------------------------------------------------------------------------------------------- */

enum sovd_stream_what { SOVD_STREAM_NOTHING, SOVD_STREAM_EVENT, SOVD_STREAM_GAP, SOVD_STREAM_END };

struct sovd_stream_reader;
struct sovd_stream_reader_ops {
        enum sovd_stream_what (*next)(struct sovd_stream_reader *reader, struct sovd_event **ret);
        void (*close)(struct sovd_stream_reader *reader);
};
struct sovd_stream_reader { /* first member of the one who implements it */
        const struct sovd_stream_reader_ops *ops;
};

struct sovd_event_source { /* first member of the one who implements it */
        /* Starts to read. last_event_id: what the client says it got last, or NULL. wake(data) is called, from any
         * thread and with the source locked, when there is something to read after next said there is nothing; it
         * must not lock or wait. SOVD_E_OVERLOAD: too many read; -ENOMEM. */
        int (*open)(struct sovd_event_source *source, struct sovd_stream_reader **ret,
                    const char *last_event_id, void (*wake)(void *data), void *data);
};

/* The next event, with a reference in *ret, for EVENT and GAP. When memory is out it is END. Never waits. */
enum sovd_stream_what sovd_stream_next(struct sovd_stream_reader *reader, struct sovd_event **ret);

/* No wake() is called after this has returned. */
struct sovd_stream_reader *sovd_stream_close(struct sovd_stream_reader *reader);
