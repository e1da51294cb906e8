#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events - their inside: events.c has the ring and the readers, event_pages.c what is read from the database for them
 */
#include "sovd-core/events.h"
#include "sovd-core/fault_sink.h"
#include <pthread.h>

#define SOVD_PAGE_EVENTS 64
#define SOVD_PAGE_BYTES  ((size_t)16 * 1024) /* an event more than this is in a page at the most */

/* Where a reader gets its next event from. */
enum sovd_events_phase { SOVD_EVENTS_LIVE, SOVD_EVENTS_REPLAY, SOVD_EVENTS_SNAPSHOT };

struct sovd_events_page {
        size_t n, given, n_bytes;
        bool is_gap;                                     /* its first event is a gap */
        struct sovd_event *events[SOVD_PAGE_EVENTS + 2]; /* and a gap in front, and the end of a snapshot */
};

struct sovd_events_reader {
        struct sovd_stream_reader base;
        struct sovd_events *events;
        struct sovd_arena *arena; /* of the words of the filter; NULL = it has none */
        struct sovd_event_filter filter;
        void (*wake)(void *data);
        void *data;

        /* Under the mutex of the bus. */
        struct sovd_events_reader *next, **link;
        struct sovd_events_reader *next_waiting;
        enum sovd_events_phase phase;
        uint64_t position; /* id of the last event that it was given, or that is not for it */
        bool sleeping;     /* wake() is due */
        bool waiting;      /* for a page: in the queue */
        bool working;      /* the thread makes a page; it frees the reader when that is `closed` meanwhile */
        bool closed, failed;
        struct sovd_events_page *page; /* or NULL */

        /* Of the thread while it is working. */
        bool snapshot_after_gap;
        bool has_begun; /* the snapshot has */
        uint64_t n_present;
        struct sovd_fault_place *place; /* where its next page begins, while it lasts; or NULL */
};

struct sovd_events_entry {
        struct sovd_event *event;
        struct sovd_fact fact; /* without the body; the strings follow */
        char text[];
};

struct sovd_events {
        struct sovd_events_options options;
        struct sovd_fault_sink *sink;
        pthread_t thread;
        bool has_thread;

        pthread_mutex_t mutex; /* everything below */
        pthread_cond_t wanted; /* a page is, or the end */
        void (*listener)(void *data, const struct sovd_fact *fact);
        void *listener_data;
        struct sovd_events_reader *readers;
        struct sovd_events_reader *waiting, **last_waiting;
        bool stopping;
        uint64_t newest;
        struct sovd_events_counters counters;
        size_t first; /* of the ring: the oldest is here, n_kept of the counters follow */
        struct sovd_events_entry *ring[];
};

/* With the mutex held: the id before the oldest in the ring: who has had it can go on there. */
uint64_t sovd_events_before_ring(const struct sovd_events *events);

/* With the mutex held: has a page made. */
void sovd_events_want_page(struct sovd_events_reader *reader);

/* With the mutex held: a page has been made, or could not be. */
void sovd_events_wake_reader(struct sovd_events_reader *reader);
void sovd_events_reader_free(struct sovd_events_reader *reader);
struct sovd_events_page *sovd_events_page_free(struct sovd_events_page *page);

int sovd_events_start_pages(struct sovd_events *events);
void sovd_events_stop_pages(struct sovd_events *events);
