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
#include "sovd-core/event.h"

struct sovd_stream; /* reference-counted; its first member is a struct sovd_event_source */

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
 * reader was given yet. An id that is unknown or no longer kept gives a gap event first. The rest is said in event.h.
 * SOVD_E_OVERLOAD: readers_max are there; -ENOMEM. */
int sovd_stream_open(struct sovd_stream_reader **ret, struct sovd_stream *stream, const char *last_event_id,
                     void (*wake)(void *data), void *data);
