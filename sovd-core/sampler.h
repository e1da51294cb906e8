#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sampler - inside of the observations: which is due, and what a reading becomes
 *
 * Only observations.c and sampler.c include this.
 */
#include "sovd-core/due_heap.h"
#include "sovd-core/observations.h"
#include <pthread.h>

/* One backend, as far as readings are concerned. */
struct sovd_reading_source {
        struct sovd_reading_source *next;
        struct sovd_due_heap due;
        unsigned in_flight;
        size_t n_users;
        char name[SOVD_SOURCE_SIZE];
};

struct sovd_record {
        struct sovd_record *next, **link; /* in the order of creation */
        unsigned n_refs;                  /* the list, and a reading that is under way */
        bool removed, in_flight;
        bool poked; /* look again as soon as the reading that is under way has ended */
        bool hidden; /* its row is on the way to the disk: nobody sees it yet */
        struct sovd_due due; /* in its source's heap while nothing is under way */
        struct sovd_due expiry; /* by the clock of the boot, which goes on while the machine sleeps */
        struct sovd_reading_source *source;
        uint64_t planned_usec; /* when the present reading was due */
        uint64_t period_usec;
        uint64_t expires_usec; /* of the state (state_clock.h) */
        int interval;
        char *last_error;

        /* Constant. */
        char id[SOVD_ID_SIZE];
        enum sovd_observation_kind kind;
        enum sovd_entity_type type;
        struct sovd_principal *principal; /* whose it is */
        const char *owner;                /* its id */
        char *entity, *base, *resource, *condition_text, *path;
        const char *behind_faults; /* trigger on faults: "", "?…" or "/CODE" at the end of the resource; else NULL */
        bool only_data, multishot, is_private, persistent;
        bool is_logged; /* has log settings; the marker is owned */
        struct sovd_trigger_log log;
        char *marker;
        struct sovd_stream *stream;

        /* Of the reading that is under way. */
        struct sovd_condition *condition;
        bool failing; /* a trigger told its error already */
        struct sovd_reading_note note;

        /* Of watched values. */
        sovd_take_value take;
        void (*release)(void *taker);
        void *taker;
        bool is_pushed, again; /* again: nudged while a reading is under way */
        uint64_t read_usec;    /* when the last reading began */

        bool terminated;
};

struct sovd_observations {
        struct sovd_observations_options options;
        pthread_mutex_t mutex;       /* everything below, and the records but for what is marked */
        pthread_cond_t lead, follow; /* one thread waits for what is due next, the others for it */
        bool has_leader, quit;
        uint64_t lead_until_usec;
        struct sovd_record *records, **last;
        struct sovd_reading_source *sources;
        struct sovd_due_heap expiry;
        struct sovd_observations_counters counters;
        uint64_t n_events; /* atomic */
        pthread_t *threads;
        unsigned n_threads;
};

/* Starts the threads. */
int sovd_sampler_start(struct sovd_observations *o);
void sovd_sampler_stop(struct sovd_observations *o);

/* With the mutex held: something is due at `when` that may be earlier than what is waited for. */
void sovd_sampler_wake(struct sovd_observations *o, uint64_t when_usec);

/* With the mutex held: puts a record under this source, due at `when`. -ENOMEM. */
int sovd_sampler_plan(struct sovd_observations *o, struct sovd_record *record, const char *source,
                      uint64_t when_usec);
void sovd_sampler_unplan(struct sovd_observations *o, struct sovd_record *record);

/* With the mutex held: takes those whose time is over out of the list; they are linked by `next`, for
 * sovd_sampler_end(), which needs the mutex free. */
struct sovd_record *sovd_sampler_expired(struct sovd_observations *o);
void sovd_sampler_end(struct sovd_observations *o, struct sovd_record *list);

/* With the mutex held: takes one out of the list and of all heaps. It keeps the list's reference. */
void sovd_sampler_take_out(struct sovd_observations *o, struct sovd_record *record);

/* --- observations.c, for lasting.c ------------------------------------------------------------------------- */

/* With the mutex held: changes one. SOVD_E_CONFLICT: it is terminated. */
int sovd_observations_apply(struct sovd_observations *o, struct sovd_record *r, const struct sovd_observation_change *c);

/* Puts one in that was there before, and that nothing is read for yet. Takes the condition over on success. */
int sovd_observations_restore(struct sovd_observations *o, const struct sovd_observation_spec *spec, const char *id,
                              struct sovd_record **ret);

/* --- lasting.c: persistent triggers; without the mutex -------------------------------------------------------- */

/* Writes a new, hidden one and begins to watch it. The caller's reference is taken over; when it fails the record is
 * gone, and its condition the caller's. */
int sovd_lasting_add(struct sovd_observations *o, struct sovd_record *record, const struct sovd_observation_spec *spec);
int sovd_lasting_change(struct sovd_observations *o, const char *id, const struct sovd_observation_change *change);
int sovd_lasting_remove(struct sovd_observations *o, const char *id);
int sovd_lasting_clear(struct sovd_observations *o, const struct sovd_entity *e, const char *who);

/* It is about to fire, and that is its end. */
void sovd_lasting_terminate(struct sovd_observations *o, struct sovd_record *record);
int sovd_lasting_load(struct sovd_observations *o);
