#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Data watch, inside - one entity at one interval
 *
 * Only data_watch*.c include this. One mutex, sovd_data_watches::mutex, is over all watches, their values, rings and
 * readers; it is held for a few lines and never while something is read, planned or sent.
 */
#include "sovd-core/data_watches.h"
#include "sovd-core/observations.h"
#include "sovd-core/sequence.h"
#include <pthread.h>

enum watch_state { WATCH_UNREAD, WATCH_READ, WATCH_FAILING };

struct watch_value {
        char *id;    /* owned; NULL = a free place */
        char *about; /* members of its events: "entity":…,"id":… */
        unsigned n_users;
        uint64_t idle_usec;         /* since when nobody wants it */
        uint64_t generation;        /* tells readings for a value that was here before */
        struct sovd_record *record; /* who reads it, or NULL */
        bool starting;              /* there will be a record in a moment */
        enum watch_state state;
        int error;  /* of FAILING */
        char *text; /* the value as JSON, or the GenericError; NULL = unread */
        size_t len;
        uint64_t read_usec; /* UTC: when it became what it is */
        uint64_t since_id;  /* every change behind this id is an event */
        uint64_t event_id;  /* of its last event; 0 = none */
};

struct watch_event {
        struct sovd_event *event;
        size_t value; /* position in values */
};

struct data_watch {
        struct data_watch *next;
        unsigned n_refs; /* atomic: the list, each reader, each record */
        struct sovd_data_watches *all;

        /* constant */
        enum sovd_entity_type type;
        char *entity, *base;
        int interval;
        uint64_t period_usec;

        struct watch_value *values;
        size_t n_values, n_value_bytes;
        struct watch_event *ring; /* options.kept places */
        size_t first, n_events, n_event_bytes;
        uint64_t dropped_id; /* the newest event that is not kept any more */
        struct watch_reader *readers;
        unsigned n_readers;
        bool ended;
};

/* What a reader is to be given next. */
enum watch_phase { WATCH_BEGIN, WATCH_GAP, WATCH_SNAPSHOT, WATCH_SNAPSHOT_END, WATCH_LIVE };

struct watch_reader {
        struct sovd_stream_reader base; /* first */
        struct data_watch *watch;
        struct watch_reader *next;
        void (*wake)(void *data);
        void *data;
        bool sleeping;
        enum watch_phase phase;
        uint64_t position; /* id of the last event that it was given */
        size_t step;       /* of the snapshot: the next value; 0 = not begun */
        size_t n_wanted;
        struct watch_wanted {
                size_t value;  /* position in values, ascending */
                uint64_t seen; /* events of it up to this id were in the snapshot */
                bool starts;   /* this reader is the one that has it read */
        } wanted[];
};

struct sovd_data_watches {
        struct sovd_data_watches_options options;
        struct sovd_sequence *sequence;
        pthread_mutex_t mutex;
        struct data_watch *list;
        size_t n_watches; /* atomic, so that a change nobody watches costs nothing */
        bool stopped;
        struct sovd_data_watches_counters counters;
};

struct data_watch *data_watch_new(struct sovd_data_watches *all, const struct sovd_watch_request *request);
struct data_watch *data_watch_ref(struct data_watch *watch);
struct data_watch *data_watch_unref(struct data_watch *watch);

/* Whose reading comes back: one per record. */
struct watch_taker {
        struct data_watch *watch; /* reference */
        size_t value;
        uint64_t generation;
};
void data_watch_take(void *taker, int error, const char *text, size_t len);
void data_watch_release(void *taker);

/* With the mutex held. Forgets what was read of a value, for another beginning. */
void data_watch_forget(struct data_watch *watch, struct watch_value *value);
/* With the mutex held. Takes the watch from the list when nothing of it is in use; the caller then gives this
 * reference back, without the mutex. */
struct data_watch *data_watch_take_unused(struct data_watch *watch);

/* The text of an event; the body is the value, or the GenericError. */
struct sovd_event *data_watch_event(const struct watch_value *value, const uint64_t *id, bool snapshot);

/* With the mutex held. */
const struct watch_wanted *watch_reader_wants(const struct watch_reader *reader, size_t value);
extern const struct sovd_stream_reader_ops watch_reader_ops;
