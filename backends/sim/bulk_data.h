#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bulk data of the simulation, inside - items, categories, and the recordings of communication logs
 *
 * All of it is under sim::mutex, but what never changes after an item was made: its texts, size, hash and bytes.
 */
#include "backends/sim/backend.h"
#include "sovd-core/base/digest.h"
#include "sovd-core/base/id.h"

#define SIM_BULK_ITEMS_MAX   256 /* of a category */
#define SIM_LOG_SEGMENTS_MAX 64  /* activations of one communication log */
#define SIM_LOG_CATEGORY     "communication-logs"

/* One activation: frames from number `first` on, the first of them at start_usec (realtime). */
struct log_segment {
        uint64_t start_usec, first;
};

/* What a recording is made of; a copy can be read without the lock. */
struct recording {
        const struct sim_comm_logs *source;
        struct log_segment segments[SIM_LOG_SEGMENTS_MAX];
        size_t n_segments;
        uint64_t n_frames; /* recorded when it was last looked at */
};

struct comm_log_state {
        struct comm_log_state *next;
        char id[SOVD_ID_SIZE];
        bool active;
        uint64_t activated_usec, deactivated_usec; /* realtime; 0 = never */
        struct bulk_item *item;
};

struct bulk_item {
        struct bulk_item *next;
        char id[SOVD_ID_SIZE];              /* of uploads and recordings */
        const struct sim_bulk_item *source; /* of the scenario, or NULL */
        char *name, *filename, *mimetype;   /* of an upload; owned */
        const char *bytes;           /* of an upload; mapped, so that none holds a descriptor; NULL = none */
        uint64_t size, created_usec; /* realtime */
        char hash[SOVD_SHA256_SIZE]; /* "" = none: a recording grows */
        struct recording *recording; /* or NULL; owned */
        const struct comm_log_state *log; /* that records into it; NULL = none any more */
        unsigned n_readers;
};

struct bulk_state {                    /* one category */
        const struct sim_bulk *source; /* NULL: that of the communication logs */
        struct bulk_item *items;
        size_t n_items;
        uint64_t used; /* bytes of uploads, those under way included */
};

const char *sim_bulk_item_id(const struct bulk_item *item);
const char *sim_bulk_category(const struct bulk_state *state);

/* NULL with the failure set: the unit has no such category. */
struct bulk_state *sim_bulk_find(struct sovd_call *call, const struct sim_call *c, const char *category);

/* Unlinks and frees an item that nobody reads. */
void sim_bulk_remove(struct bulk_state *state, struct bulk_item *item);
struct bulk_item *sim_bulk_item_free(struct bulk_item *item);
SOVD_DEFINE_CLEANUP(struct bulk_item *, sim_bulk_item_free)

/* May one more be kept? 0, or SOVD_E_CONFLICT with the failure set. */
int sim_bulk_has_place(struct sovd_call *call, const struct bulk_state *state);

/* Bytes of an item from offset on, which must lie in it. 0 or -errno. */
int sim_bulk_bytes(const struct bulk_item *item, const struct recording *recording, uint64_t offset,
                   char *buf, size_t n);

/* comm_logs.c: brings recordings up to date; with the lock. */
void sim_comm_logs_update(const struct sim_call *c);
uint64_t sim_recording_size(const struct recording *recording);
void sim_recording_bytes(const struct recording *recording, uint64_t offset, char *buf, size_t n);
