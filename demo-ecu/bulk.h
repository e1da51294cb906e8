#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bulk data - the files of the component 'bms', in memory
 *
 * Its own mutex guards the list. Bytes of an item never change; one that is being read is not deleted.
 */
#include "demo-ecu/problem.h"

#define BULK_ITEMS_MAX 32
#define BULK_BYTES_MAX (64 * 1024 * 1024) /* of all together */

struct bulk;

struct bulk_item {
        char id[32]; /* empty: the place is free */
        char category[32];
        char name[128], type[128], created[40];
        char *data; /* owned */
        size_t n_data;
        unsigned int n_readers;
};

extern const char *const bulk_categories[]; /* ends with NULL */

bool bulk_has(const char *component);
int bulk_new(struct bulk **ret);

/* Takes over data; 0 or the kind of the problem. */
int bulk_add(struct bulk *bulk, struct bulk_item *item, struct problem *problem);

/* The item, which stays until bulk_release(); NULL if there is none. */
const struct bulk_item *bulk_acquire(struct bulk *bulk, const char *category, const char *id);
void bulk_release(struct bulk *bulk, const struct bulk_item *item);

/* Copies of the items of a category, without their bytes; returns how many. */
size_t bulk_list(struct bulk *bulk, const char *category, struct bulk_item items[BULK_ITEMS_MAX]);

int bulk_delete(struct bulk *bulk, const char *category, const char *id, struct problem *problem);

struct bulk *bulk_free(struct bulk *bulk);

static inline void bulk_freep(struct bulk **bulk) {
        bulk_free(*bulk);
}
