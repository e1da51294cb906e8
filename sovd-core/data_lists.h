#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Data lists - what clients want to read together (ISO 17978-3 7.9)
 *
 * The gateway keeps them itself: a list is the ids of data of one entity, under an unguessable name. It belongs to
 * the client that made it; for every other client it does not exist. It ends when it is deleted, when nobody used
 * it for a while, or with the gateway. All functions are thread-safe; none blocks.
 */
#include "sovd-core/base/id.h"
#include "sovd-core/model/entity.h"

struct sovd_arena;
struct sovd_data_lists;

struct sovd_data_lists_options {
        size_t max, max_per_client; /* lists */
        size_t ids_max;             /* in one list; the caller checks it */
        uint64_t idle_usec;         /* unused for so long, a list ends */
};

struct sovd_data_list_ref {
        const char *id;
        struct sovd_strings ids; /* of data */
};

int sovd_data_lists_new(struct sovd_data_lists **ret, const struct sovd_data_lists_options *options);
struct sovd_data_lists *sovd_data_lists_free(struct sovd_data_lists *lists);
SOVD_DEFINE_CLEANUP(struct sovd_data_lists *, sovd_data_lists_free)

size_t sovd_data_lists_ids_max(const struct sovd_data_lists *x);

/* Makes a list; all is copied. SOVD_E_OVERLOAD: all places are taken, those of this client when *ret_own is set;
 * *ret_wait_usec is the time until the first of them ends if nobody uses it. -ENOMEM, -errno of the random numbers. */
int sovd_data_lists_add(struct sovd_data_lists *x, const struct sovd_entity *e, const char *client,
                        const struct sovd_strings *ids, char ret_id[static SOVD_ID_SIZE], bool *ret_own,
                        uint64_t *ret_wait_usec);

/* One list of the client; its time begins anew. The result is in the arena. SOVD_E_NOT_FOUND, -ENOMEM. */
int sovd_data_lists_find(struct sovd_data_lists *x, const struct sovd_entity *e, const char *client, const char *id,
                         struct sovd_data_list_ref *ret, struct sovd_arena *arena);

/* The client's lists of an entity, oldest first: struct sovd_data_list_ref in the arena. -ENOMEM. */
int sovd_data_lists_list(struct sovd_data_lists *x, const struct sovd_entity *e, const char *client,
                         struct sovd_list *ret, struct sovd_arena *arena);

/* false: the client has no such list. */
bool sovd_data_lists_remove(struct sovd_data_lists *x, const struct sovd_entity *e, const char *client, const char *id);

/* Ends the client's lists of an entity, or of all entities when e is NULL. Returns how many. */
size_t sovd_data_lists_clear(struct sovd_data_lists *x, const char *client, const struct sovd_entity *e);

/* How many are kept. */
size_t sovd_data_lists_count(struct sovd_data_lists *x);
