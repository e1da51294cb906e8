#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Streamer - one thread that owns the sockets of all event streams
 *
 * A worker answers with the head of the response and hands its socket, and the TLS session on it, over; then it is free
 * again. The thread writes without ever waiting for a client: what a client does not take stays in the stream's
 * ring, and a client that takes nothing for too long is dropped. All functions are thread-safe.
 */
#include "sovd-core/event.h"

struct sovd_streamer;
struct sovd_json_writer;
struct ssl_st;

struct sovd_streamer_options {
        size_t streams_max, per_client_max;
        uint64_t heartbeat_usec; /* a comment is sent after so much silence */
        uint64_t stall_usec;     /* a client that takes nothing for so long is dropped */
        unsigned retry_msec;     /* how long a client shall wait before it connects again */
};

struct sovd_streamer_counters {
        size_t open;
        uint64_t opened, events, gaps, heartbeats,
                stalled; /* since start; stalled: dropped for taking nothing */
        uint64_t ended;  /* because they were not allowed any more */
};

int sovd_streamer_new(struct sovd_streamer **ret, const struct sovd_streamer_options *options);

/* Whether a stream may go on is asked about once a second, on the streamer's thread; when not, it is closed. It must not wait
 * for a client. release: when the stream is gone, also when it never began. */
struct sovd_stream_guard {
        bool (*holds)(void *data); /* NULL: nobody asks */
        void (*release)(void *data);
        void *data;
};

/* A place for one more stream of this client, reading from a source of events (event.h). It is then started
 * or cancelled. SOVD_E_OVERLOAD with *reason (static): a limit is reached; -errno. */
struct sovd_streamer_place;
int sovd_streamer_reserve(struct sovd_streamer *streamer, struct sovd_streamer_place **ret,
                          const char *client, struct sovd_event_source *source, const char *last_event_id,
                          const struct sovd_stream_guard *guard, const char **reason);
void sovd_streamer_cancel(struct sovd_streamer_place *place);

/* Streams whose clients its TLS does not trust any more are closed from now on. It outlives sovd_streamer_stop(). */
struct sovd_tls;
void sovd_streamer_set_tls(struct sovd_streamer *streamer, struct sovd_tls *tls);

/* Takes over the place, the socket and the session (NULL = plain). The head of the response has been sent. */
void sovd_streamer_start(struct sovd_streamer_place *place, int fd, struct ssl_st *ssl);

/* Sends what is queued, for at most grace_usec, and closes every stream; from now on all are refused. */
void sovd_streamer_stop(struct sovd_streamer *streamer, uint64_t grace_usec);

/* No request may be under way any more. */
struct sovd_streamer *sovd_streamer_free(struct sovd_streamer *streamer);
SOVD_DEFINE_CLEANUP(struct sovd_streamer *, sovd_streamer_free)

void sovd_streamer_count(const struct sovd_streamer *streamer, struct sovd_streamer_counters *ret);
