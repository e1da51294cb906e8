#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reports of an app - faults, operation cycles and enabling conditions, judged in the order in which they came; all of this
 * is on the io thread
 *
 * A failure whose catalogue names values (freeze_frame) waits until the app has told them, at most for freeze_frame_secs;
 * a new operation cycle waits until it is on the disk. What the app reports meanwhile waits behind it, so that nothing is
 * judged before what it follows. Other apps do not wait.
 */
#include "backends/native/peer.h"

#define NATIVE_PENDING_MAX 64 /* reports of one app that wait */

/* One value of a freeze frame. */
struct native_frozen {
        const char *id;
        uint64_t seq;              /* of the question that is open; 0 = none is */
        const struct cJSON *value; /* NULL: there is none */
        const char *error;         /* why the app did not tell it */
};

struct native_pending {
        struct native_pending *next;
        struct sovd_arena *arena; /* owned, once it waits */
        const struct native_message *message;
        struct native_frozen *values;
        size_t n_values, n_open;
        uint64_t deadline_usec; /* for the values */
        bool posted;            /* a cycle that is on its way to the disk */
};

/* freeze.c: what the catalogue wants with a failure. Asks the app for what it has not published. -ENOMEM. */
int native_freeze(struct native_peer *p, struct native_pending *pending, struct sovd_arena *arena);
/* The environment of a report with its values, as text in the arena; NULL: there is none. -E2BIG: the app's own part is
 * too long. */
int native_freeze_text(const struct native_pending *pending, struct sovd_arena *arena, const char **ret);

/* Frames of an app. */
void native_on_fault(struct native_peer *p, struct native_message *m, struct sovd_arena **arena);
void native_on_cycle(struct native_peer *p, struct native_message *m, struct sovd_arena **arena);
void native_on_condition(struct native_peer *p, struct native_message *m, struct sovd_arena **arena);
