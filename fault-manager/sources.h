#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sources - what a file and what an app says of the faults of an entity, kept so that one can change without the other
 *
 * Thread-safe. The mutex is a leaf: whoever finds after defining that a text changed meanwhile, defines again.
 */
#include "fault-manager/fault_manager.h"
#include <pthread.h>

struct fm_source;

struct fm_sources {
        struct fm_manager *manager;
        pthread_mutex_t mutex; /* the list and what is in it; items stay until the end */
        struct fm_source *first;
};

void fm_sources_init(struct fm_sources *sources, struct fm_manager *manager);
void fm_sources_done(struct fm_sources *sources);

/* Takes what an app registered, a checked catalogue. SOVD_E_OVERLOAD: too many faults; -ENOMEM. Then the former one holds. */
int fm_sources_take_app(struct fm_sources *sources, const char *entity, const struct cJSON *catalog);

/* As fm_sink_set_catalogs(). */
int fm_sources_take_files(struct fm_sources *sources, const struct fm_catalog_source *files, size_t n);

bool fm_sources_has_file(struct fm_sources *sources, const char *entity);
