#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fault - one fault of an entity in memory, and the table of them
 *
 * A fault stays until its table ends, so a pointer to it is good. Its definition is shared with whoever still works
 * with an older one.
 */
#include "fault-manager/store.h"
#include "sovd-core/due_heap.h"

struct fm_definition {
        unsigned n_refs; /* atomic */
        struct sovd_arena *arena;
        struct fm_descriptor *about;
        const char *json; /* of the descriptor */
        struct fm_rule rule;
};

/* Copies the descriptor; *ret has one reference. */
int fm_definition_new(struct fm_definition **ret, const struct fm_descriptor *about);
/* The same from JSON, as it was stored. */
int fm_definition_read(struct fm_definition **ret, const char *json);
struct fm_definition *fm_definition_ref(struct fm_definition *d);
struct fm_definition *fm_definition_unref(struct fm_definition *d);
SOVD_DEFINE_CLEANUP(struct fm_definition *, fm_definition_unref)

/* The descriptor from its JSON text, in the arena. */
int fm_descriptor_read(struct sovd_arena *arena, const char *text, struct fm_descriptor **ret);

struct fm_kind;
struct fm_reporter;

struct fm_fault {
        struct sovd_due due;               /* first member: of its time rule, or of an event that has to wait */
        struct fm_fault *next;             /* in its bucket */
        struct fm_fault *next_dirty;
        char *entity, *code;
        struct fm_definition *definition;  /* reference */
        struct fm_kind *kind;              /* of its operation cycles */
        struct fm_reporter *reporter;      /* who reports it */
        bool defined;                      /* in the entity's present catalogue */
        bool recalled;                     /* in no catalogue of this run */
        bool loaded;                       /* the state is that of the file, or later */
        bool listed;                       /* among the dirty ones */
        struct fm_state state;
        struct fm_state before_clear;      /* until the clear is durable, with what was not written then */
        unsigned changed_before_clear;
        uint64_t first_usec, last_usec, first_cycle, last_cycle;
        char *first_frame, *last_frame;    /* JSON objects, or NULL */
        char *waiting_frame;               /* of the failure that the time rule waits with */
        unsigned changed;                  /* what is not written yet; 0 = nothing */
        uint64_t seq;                      /* number of its last change */
        unsigned owed;                     /* what is written, and not told yet: too many events in this second */
        uint32_t n_untold;                 /* changes since the last event */
        uint64_t events_usec;              /* the second in which events are counted */
        unsigned n_events;
        uint64_t window_usec;              /* of the limit of reports */
        unsigned n_in_window;
        struct fm_ignored ignored;
};

struct fm_table {
        struct fm_fault **buckets;
        size_t n_buckets, n;
};

/* The first of a new table's buckets; -ENOMEM. */
int fm_table_init(struct fm_table *t);
void fm_table_done(struct fm_table *t);

struct fm_fault *fm_table_find(const struct fm_table *t, const char *entity, const char *code);

/* Finds or adds; a new one has the cleared state and no definition. */
int fm_table_add(struct fm_table *t, const char *entity, const char *code, struct fm_fault **ret);

/* Calls f for each fault of an entity (NULL = all). */
void fm_table_each(const struct fm_table *t, const char *entity, void (*f)(struct fm_fault *fault, void *data),
                   void *data);
