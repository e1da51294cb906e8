#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Data watches - values that are read for everybody who wants to hear of their changes
 *
 * There is one watch for each entity and interval, however many readers it has: it reads each value that one of them
 * wants once per interval (observations.h) and puts an event into its ring when the value differs from the one before.
 * Readers see the events of the values that they asked for. A watch, and each value of it, ends some time after nobody
 * wants it any more, so that a reader that comes back finds its events. Ids of events come from one sequence that
 * survives restarts; values do not (decision 0019). All functions are thread-safe; none waits for a reading.
 */
#include "sovd-core/model/entity.h"
#include "sovd-core/event.h"

struct sovd_data_watches;
struct sovd_db;
struct sovd_observations;

#define SOVD_WATCH_VALUE_MAX  (64 * 1024)   /* bytes of one value */
#define SOVD_WATCH_VALUES_MAX (1024 * 1024) /* of the values that one watch remembers */
#define SOVD_WATCH_EVENTS_MAX                                                                                \
        (256 * 1024) /* of the events that one watch keeps; the newest is kept in any case */

struct sovd_data_watches_options {
        struct sovd_observations *observations; /* outlives the watches */
        struct sovd_db *db;                     /* the same */
        size_t max;                             /* watches */
        size_t ids_max;                         /* values of one watch */
        size_t kept;                            /* events of one watch */
        unsigned readers_max;                   /* of one watch */
        uint64_t linger_usec;                   /* how long what nobody wants any more goes on */
};

int sovd_data_watches_new(struct sovd_data_watches **ret, const struct sovd_data_watches_options *options);

/* Ends every stream and every reading; opening is refused from now on. */
void sovd_data_watches_stop(struct sovd_data_watches *watches);

/* The readings have ended (sovd_observations_stop), and no reader is left. */
struct sovd_data_watches *sovd_data_watches_free(struct sovd_data_watches *watches);
SOVD_DEFINE_CLEANUP(struct sovd_data_watches *, sovd_data_watches_free)

struct sovd_watched_id {
        const char *id, *resource; /* resource: what is read, "/components/bms/data/soc" */
};

struct sovd_watch_request {
        const struct sovd_entity *entity;
        const char *source; /* the backend that is asked */
        const char *base;   /* what URIs in values begin with */
        int interval;       /* names the watch, together with the entity */
        uint64_t period_usec;
        const struct sovd_watched_id *ids; /* no id twice */
        size_t n_ids;
        bool snapshot; /* the present values come first */
        bool resumes;  /* the client got the events up to last_id */
        uint64_t last_id;
};

/* Starts to read; what the reader gets:
 *   not resuming       the id that it may resume from, or with snapshot the present values and their end; then changes
 *   resuming           the events since last_id; when they are not kept any more, a gap and a snapshot
 * Who wakes it is set before the first sovd_stream_next(). SOVD_E_OVERLOAD with *reason (static): a limit, or no id can be
 * reserved; -errno. */
int sovd_data_watches_open(struct sovd_data_watches *watches, const struct sovd_watch_request *request,
                           struct sovd_stream_reader **ret, const char **reason);
void sovd_data_watches_set_wake(struct sovd_stream_reader *reader, void (*wake)(void *data), void *data);

/* Is this value being watched for somebody now? Then it is one. */
bool sovd_data_watches_has(struct sovd_data_watches *watches, const struct sovd_entity *entity,
                           const char *id);

/* The newest id that was given; 0 = none. Waits for the disk when it is the first to ask. Errors of the database. */
int sovd_data_watches_last_id(struct sovd_data_watches *watches, uint64_t *ret);

/* A value of an entity has changed, or (id NULL) any of them may have: they are read at once. */
void sovd_data_watches_changed(struct sovd_data_watches *watches, enum sovd_entity_type type,
                               const char *entity, const char *id);

struct sovd_data_watches_counters {
        size_t watches, values, readers;     /* now */
        uint64_t events, errors, gaps, told; /* since start; told: changes that backends told of */
};
void sovd_data_watches_count(struct sovd_data_watches *watches, struct sovd_data_watches_counters *ret);
