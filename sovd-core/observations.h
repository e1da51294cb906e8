#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Observations - cyclic subscriptions and triggers, and the threads that read for them
 *
 * Each observation reads one resource again and again, through a callback that answers like GET, and feeds a stream of
 * events. A pool of threads reads what is due. What a backend has under way is bounded, so that one that hangs delays
 * its own readings only; a reading that is late is skipped, never made up for. An observation ends by removal, by its
 * creator only, or at its expiry on the clock of the boot. All functions are thread-safe; none waits for a reading.
 *
 * A persistent trigger is in the state before its creator hears of it, and so is what becomes of it. It is there again
 * after a restart, by its id and with what is left of its time by the clock of the state; its condition starts from the first value.
 */
#include "sovd-core/base/db.h"
#include "sovd-core/base/id.h"
#include "sovd-core/call.h"
#include "sovd-core/conditions.h"
#include "sovd-core/stream.h"

struct sovd_observations;

enum sovd_observation_kind { SOVD_CYCLIC, SOVD_TRIGGER, SOVD_WATCHED, SOVD_N_OBSERVATION_KINDS };

#define SOVD_SOURCE_SIZE 64

/* What the callback has found out of the credentials behind an observation, for its next reading; 0 at first. */
struct sovd_reading_note {
        uint64_t generation, ends_usec;
};

/* What the callback is asked to read. */
struct sovd_reading {
        const char *resource;            /* behind the base: "/components/bms/data/soc?x=y" */
        struct sovd_principal principal; /* on whose behalf */
        struct sovd_reading_note *note;
        const char *base;                /* what URIs in the answer begin with */
        uint64_t deadline_usec;
        struct sovd_arena *arena;
        struct sovd_json_writer *writer; /* for the body of the answer, or the GenericError */
        char source
                [SOVD_SOURCE_SIZE]; /* to be filled with the name of the backend that was asked, "" = none */
        bool is_orphan; /* to be set when nobody has the principal's credentials any more: the observation ends */
        bool is_pushed; /* to be set when sovd_backend_value_changed() tells of changes: it need not be polled */
};

/* 0: the body is in the writer; positive: the GenericError is. */
typedef int (*sovd_read_resource)(void *data, struct sovd_reading *reading);

/* A trigger that fired, for the log of its entity. */
struct sovd_firing {
        const char *id, *entity, *base, *resource, *condition_text;
        const char *path; /* or NULL */
        enum sovd_entity_type type;
        struct sovd_principal principal;
        const struct sovd_trigger_log *log; /* what is to be written */
        const char *value;                  /* JSON, value_len bytes */
        size_t value_len;
        uint64_t deadline_usec;
        struct sovd_arena *arena;
        struct sovd_json_writer *writer; /* for the GenericError */
};

/* Writes the entry. Called on a reading thread, after the event was sent, with no lock held. 0; positive: the
 * GenericError is in the writer. */
typedef int (*sovd_log_firing)(void *data, struct sovd_firing *firing);

struct sovd_observations_options {
        struct sovd_db *db; /* the state; NULL = nothing is persistent */
        uint64_t trigger_period_usec; /* of triggers that are taken in */
        size_t max[SOVD_N_OBSERVATION_KINDS], per_client[SOVD_N_OBSERVATION_KINDS];
        unsigned threads;
        unsigned per_source; /* readings of one backend at the same time */
        uint64_t read_timeout_usec;
        size_t kept;      /* events per stream */
        unsigned readers; /* per stream */
        sovd_read_resource read;
        sovd_log_firing log; /* NULL: no trigger has log settings */
        void *data;
};

/* Takes in the persistent triggers; nothing is read for them before sovd_observations_resume(). */
int sovd_observations_new(struct sovd_observations **ret, const struct sovd_observations_options *options);
void sovd_observations_resume(struct sovd_observations *o);

/* No reading is begun any more. */
void sovd_observations_quit(struct sovd_observations *o);

/* Waits for the readings that are under way, and ends every stream. */
void sovd_observations_stop(struct sovd_observations *o);
struct sovd_observations *sovd_observations_free(struct sovd_observations *o);
SOVD_DEFINE_CLEANUP(struct sovd_observations *, sovd_observations_free)

/* What a new one is; everything is copied but the condition. */
struct sovd_observation_spec {
        enum sovd_observation_kind kind;
        const struct sovd_entity *entity;
        struct sovd_principal owner;
        const char *base, *resource;
        const char *source; /* the backend it will read from */
        uint64_t period_usec, lifetime_usec;
        int interval;                     /* cyclic: enum sovd_interval */
        struct sovd_condition *condition; /* trigger: taken over on success; it has seen the present value */
        const char *condition_text;       /* as JSON */
        const char *path;                 /* trigger: JSON pointer, or NULL */
        const struct sovd_trigger_log *log; /* trigger: written when it fires; or NULL */
        bool only_data;                   /* trigger: the value is the member `data` of the body */
        bool multishot;
        bool persistent;                  /* trigger: it outlives the process */
        bool is_private;                  /* the resource is its owner's alone, and so are the events */
};

/* What can be said of one; strings are in the arena. */
struct sovd_observation {
        char id[SOVD_ID_SIZE];
        const char *owner; /* id of its principal; for no client to see */
        const char *resource, *condition_text, *path,
                *last_error;   /* last_error: GenericError as JSON; or NULL */
        const struct sovd_trigger_log *log; /* every member is set; or NULL */
        uint64_t expires_usec; /* UTC */
        int interval;
        bool only_data, multishot, persistent, terminated;
};

/* Starts one; `id` is its name. SOVD_E_OVERLOAD with *reason (static): a limit; -errno. A persistent one that cannot be
 * written: what the database says, with *reason NULL; this holds for changes and removals too. */
int sovd_observations_add(struct sovd_observations *o, const struct sovd_observation_spec *spec,
                          char id[static SOVD_ID_SIZE], const char **reason);

/* SOVD_E_NOT_FOUND; -ENOMEM. */
int sovd_observations_find(struct sovd_observations *o, enum sovd_observation_kind kind,
                           const struct sovd_entity *e, const char *id, struct sovd_observation *ret,
                           struct sovd_arena *arena);

/* Those of an entity, oldest first. -ENOMEM. */
int sovd_observations_list(struct sovd_observations *o, enum sovd_observation_kind kind,
                           const struct sovd_entity *e, struct sovd_observation **ret, size_t *ret_n,
                           struct sovd_arena *arena);

/* period_usec and lifetime_usec: 0 = as it is; the lifetime counts from now. SOVD_E_NOT_FOUND; SOVD_E_FORBIDDEN: `who` is
 * not its creator; SOVD_E_CONFLICT: it is terminated. */
struct sovd_observation_change {
        int interval;
        uint64_t period_usec, lifetime_usec;
};
int sovd_observations_change(struct sovd_observations *o, enum sovd_observation_kind kind,
                             const struct sovd_entity *e, const char *id, const char *who,
                             const struct sovd_observation_change *change);

/* Ends it and its stream. SOVD_E_NOT_FOUND, SOVD_E_FORBIDDEN. */
int sovd_observations_remove(struct sovd_observations *o, enum sovd_observation_kind kind,
                             const struct sovd_entity *e, const char *id, const char *who);

/* Ends all that `who` has at an entity. Returns how many. */
size_t sovd_observations_clear(struct sovd_observations *o, const struct sovd_entity *e, const char *who);

/* Something happened to a fault (code "" = to any) of an entity ("apps/nav"): triggers on it look at once. Waits for
 * nobody. */
void sovd_observations_poke(struct sovd_observations *o, const char *entity, const char *code);

/* Its stream, with a reference. SOVD_E_NOT_FOUND; SOVD_E_FORBIDDEN: it is private, and not of `who`. */
int sovd_observations_stream(struct sovd_observations *o, enum sovd_observation_kind kind,
                             const struct sovd_entity *e, const char *id, const char *who,
                             struct sovd_stream **ret);

/* --- watched values (data_watches.h): read like the others, but whoever watches gets what was read ----------------- */

struct sovd_record;

/* What a reading found: the value as JSON, or a GenericError when `error` is not 0. On a reading thread, no lock held. */
typedef void (*sovd_take_value)(void *taker, int error, const char *text, size_t len);

struct sovd_watch_spec {
        const struct sovd_entity *entity;
        const char *base, *resource, *source; /* as above; the resource is a value of data */
        uint64_t period_usec;
        sovd_take_value take;
        void (*release)(void *taker); /* no take() comes any more; called once unless adding failed */
        void *taker;
};

/* Reads at once, then at its period until sovd_observations_unwatch(), and when it is nudged. A value that its backend
 * tells about is only looked at every SOVD_PUSHED_LOOK_USEC otherwise. *ret is a reference. -ENOMEM;
 * SOVD_E_OVERLOAD: the server is stopping. */
#define SOVD_PUSHED_LOOK_USEC (10 * SOVD_USEC_PER_SEC)
#define SOVD_NUDGE_GAP_USEC   (10 * SOVD_USEC_PER_MSEC) /* between two readings of one value, at least */
int sovd_observations_watch(struct sovd_observations *o, const struct sovd_watch_spec *spec, struct sovd_record **ret);

/* Ends it and gives the reference back. A reading that is under way may still call take(). */
void sovd_observations_unwatch(struct sovd_observations *o, struct sovd_record *record);

/* It is to be read now. sovd_record_ref() keeps it for a nudge without a lock of the caller's. */
void sovd_observations_nudge(struct sovd_observations *o, struct sovd_record *record);
struct sovd_record *sovd_record_ref(struct sovd_record *record);
struct sovd_record *sovd_record_unref(struct sovd_record *record);

struct sovd_observations_counters {
        size_t n[SOVD_N_OBSERVATION_KINDS];         /* now */
        uint64_t readings, failed, skipped, events; /* since start */
        uint64_t logged, not_logged;                /* the same: log entries of triggers */
        unsigned in_flight;
};
void sovd_observations_count(struct sovd_observations *o, struct sovd_observations_counters *ret);
