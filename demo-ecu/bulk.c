/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include "demo-ecu/bulk.h"

struct bulk {
        pthread_mutex_t mutex;
        unsigned int n_made;
        struct bulk_item items[BULK_ITEMS_MAX];
};

const char *const bulk_categories[] = { "logs", "maps", NULL };

bool bulk_has(const char *component) {
        return equal(component, "bms");
}

int bulk_new(struct bulk **ret) {
        static const char text[] = "0.000 contactors: closed\n12.500 cell 17: 3.61 V\n";
        struct bulk *bulk = calloc(1, sizeof(*bulk));
        struct bulk_item item = { .category = "logs",
                                  .name = "events.log",
                                  .type = "text/plain",
                                  .created = "2026-01-15T06:30:00Z" };
        struct problem problem = { 0 };

        if (!bulk)
                return -ENOMEM;
        pthread_mutex_init(&bulk->mutex, NULL);
        item.data = strdup(text);
        item.n_data = sizeof(text) - 1;
        if (!item.data || bulk_add(bulk, &item, &problem)) {
                bulk_free(bulk);
                return -ENOMEM;
        }
        *ret = bulk;
        return 0;
}

int bulk_add(struct bulk *bulk, struct bulk_item *item, struct problem *problem) {
        struct bulk_item *place = NULL;
        size_t n_used = item->n_data;
        int r = 0;

        pthread_mutex_lock(&bulk->mutex);
        for (size_t i = 0; i < BULK_ITEMS_MAX; ++i) {
                if (bulk->items[i].id[0])
                        n_used += bulk->items[i].n_data;
                else if (!place)
                        place = &bulk->items[i];
        }
        if (!place)
                r = problem_set(problem, PROBLEM_CONFLICT, "%d items are kept, the most", BULK_ITEMS_MAX);
        else if (n_used > BULK_BYTES_MAX)
                r = problem_set(problem, PROBLEM_CONFLICT, "%d bytes are kept, the most", BULK_BYTES_MAX);
        else {
                *place = *item;
                snprintf(place->id, sizeof(place->id), "file-%u", ++bulk->n_made);
                copy_text(item->id, sizeof(item->id), place->id);
                item->data = NULL;
        }
        pthread_mutex_unlock(&bulk->mutex);
        return r;
}

static struct bulk_item *find(struct bulk *bulk, const char *category, const char *id) {
        for (size_t i = 0; i < BULK_ITEMS_MAX; ++i)
                if (bulk->items[i].id[0] && equal(bulk->items[i].category, category) &&
                    equal(bulk->items[i].id, id))
                        return &bulk->items[i];
        return NULL;
}

const struct bulk_item *bulk_acquire(struct bulk *bulk, const char *category, const char *id) {
        struct bulk_item *item;

        pthread_mutex_lock(&bulk->mutex);
        item = find(bulk, category, id);
        if (item)
                ++item->n_readers;
        pthread_mutex_unlock(&bulk->mutex);
        return item;
}

void bulk_release(struct bulk *bulk, const struct bulk_item *item) {
        pthread_mutex_lock(&bulk->mutex);
        --bulk->items[item - bulk->items].n_readers;
        pthread_mutex_unlock(&bulk->mutex);
}

size_t bulk_list(struct bulk *bulk, const char *category, struct bulk_item items[BULK_ITEMS_MAX]) {
        size_t n = 0;

        pthread_mutex_lock(&bulk->mutex);
        for (size_t i = 0; i < BULK_ITEMS_MAX; ++i)
                if (bulk->items[i].id[0] && equal(bulk->items[i].category, category)) {
                        items[n] = bulk->items[i];
                        items[n++].data = NULL;
                }
        pthread_mutex_unlock(&bulk->mutex);
        return n;
}

int bulk_delete(struct bulk *bulk, const char *category, const char *id, struct problem *problem) {
        struct bulk_item *item;
        int r = 0;

        pthread_mutex_lock(&bulk->mutex);
        item = find(bulk, category, id);
        if (!item) {
                r = problem_set(problem, PROBLEM_NO_RESOURCE, "there is no item '%.64s'", id);
        } else if (item->n_readers) {
                r = problem_set(problem, PROBLEM_CONFLICT, "'%.64s' is being downloaded", id);
        } else {
                free(item->data);
                memset(item, 0, sizeof(*item));
        }
        pthread_mutex_unlock(&bulk->mutex);
        return r;
}

struct bulk *bulk_free(struct bulk *bulk) {
        if (!bulk)
                return NULL;

        for (size_t i = 0; i < BULK_ITEMS_MAX; ++i)
                free(bulk->items[i].data);
        pthread_mutex_destroy(&bulk->mutex);
        free(bulk);
        return NULL;
}
