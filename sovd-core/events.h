#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events - the bus of what happened to the faults of the vehicle
 *
 * Each event is durable before it is published, and its id is that of the database: it grows, also across restarts. The
 * bus keeps the last events, encoded once, in a ring that is bounded in number and bytes. Each reader has its own filter
 * and its own place. One that comes back with an older id, or falls behind the ring, is given what it lacks from the
 * database: a thread of the bus reads a page for it at a time, so that nobody else waits and memory stays small. Nothing
 * is missed and nothing comes twice; what is missing by a limit is told by an event `gap`.
 *
 * All functions are thread-safe. A reader belongs to one thread.
 */
#include "sovd-core/event.h"
#include "sovd-core/model/faults.h"

struct sovd_db;
struct sovd_events;
struct sovd_fault_sink;

#define SOVD_FACT_CLEARED (1u << 8) /* in `changed`; its other bits are the fault manager's */
#define SOVD_FACT_RESTORED (1u << 9) /* the same: everything was replaced; entity and code are "", and it is for everybody */

/* An event as filters see it; strings live as long as the call. */
struct sovd_fact {
        uint64_t id;
        const char *entity; /* "apps/nav", as it is called inside */
        const char *code;   /* "" = all of the entity */
        const char *scope;  /* "" = none, or all */
        int64_t severity;   /* 1 to 4; 0 = of none */
        uint8_t status;
        unsigned changed;
        const char *body; /* JSON, what clients get */
};

/* Which events a reader is given. A clear passes whatever severity and status say: what was shown before is gone. What
 * is about all of an entity passes every code, and every scope unless it names one itself. */
struct sovd_event_filter {
        const char *const *entities, *const *codes; /* one of them; none = all */
        size_t n_entities, n_codes;
        const char *scope;      /* NULL = all */
        int64_t severity_below; /* 0 = all */
        bool by_status;
        uint8_t statuses[32]; /* the status bytes that pass, a bit each */
        struct sovd_fault_sight sight;
        void *(*hold)(void *data); /* keeps the data of the sight for a reader, until it is released; or NULL */
        void (*release)(void *data);
};

bool sovd_event_filter_matches(const struct sovd_event_filter *filter, const struct sovd_fact *fact);

struct sovd_events_options {
        struct sovd_db *db;  /* with sovd_state_migrations; outlives the bus */
        size_t kept;         /* events in the ring */
        size_t bytes_max;    /* of them together; the newest is kept in any case */
        uint64_t replay_max; /* ids that a reader may lack; what is older is a gap */
};

int sovd_events_new(struct sovd_events **ret, const struct sovd_events_options *options);
/* No reader may be left, and nobody may publish any more. */
struct sovd_events *sovd_events_free(struct sovd_events *events);
SOVD_DEFINE_CLEANUP(struct sovd_events *, sovd_events_free)

/* Who knows what is present, for snapshots; it outlives the readers. Before the first of them. */
void sovd_events_set_faults(struct sovd_events *events, struct sovd_fault_sink *sink);

/* Calls f for each event that is published from now on, with no lock held. One of them; what it uses outlives the
 * publishing. */
void sovd_events_listen(struct sovd_events *events, void (*f)(void *data, const struct sovd_fact *fact),
                        void *data);

/* In the order of the ids, after the commit. Wakes the readers that it is for; does not wait for them. */
void sovd_events_publish(struct sovd_events *events, const struct sovd_fact *fact);

/* The id of the newest event, also of one before the start; 0 = there never was one. */
uint64_t sovd_events_newest(struct sovd_events *events);

/* What one reader shall get, for the time of sovd_events_source::base.open(), which copies it. */
struct sovd_events_source {
        struct sovd_event_source base;
        struct sovd_events *events;
        struct sovd_event_filter filter;
        bool is_resumed; /* go on behind last_id, which is at most the newest; else with what comes from now on */
        uint64_t last_id;
        bool with_snapshot; /* first what is present; when it is resumed, only if something was missed */
};
void sovd_events_source_init(struct sovd_events_source *source, struct sovd_events *events);

struct sovd_events_counters {
        size_t n_kept, n_bytes, n_readers, n_waiting; /* waiting: for a page */
        uint64_t n_published, n_replayed, n_missed;   /* from the database; told by gaps */
        uint64_t n_failed;                            /* pages that could not be read */
};
void sovd_events_count(struct sovd_events *events, struct sovd_events_counters *ret);
