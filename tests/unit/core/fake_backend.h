#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fake backend - counts what is done to it; it answers no resource
 */
#include "sovd-core/backend.h"
#include <stdatomic.h>

struct fake_backend {
        struct sovd_backend backend;
        atomic_uint n_started, n_stopped, n_freed;
        int start_error;
        bool discovered;
};

/* Prepares a backend with one reference, which is the caller's. */
void fake_backend_init(struct fake_backend *fake, const char *name);

/* Parts of views: entities whose name is their id. */
struct sovd_entity_spec fake_entity(enum sovd_entity_type type, const char *id);
struct sovd_entity_spec fake_related(enum sovd_entity_type type, const char *id, enum sovd_relation relation,
                                     const struct sovd_strings *targets);

#define FAKE_STRINGS(...)                                                                                    \
        (&(struct sovd_strings){ .items = (const char *[]){ __VA_ARGS__ },                                   \
                                 .n = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *),        \
                                 .set = true })

#define FAKE_VIEW(fake, ...)                                                                                 \
        ((struct sovd_view){ .backend = &(fake)->backend,                                                    \
                             .connection = SOVD_CONNECTED,                                                   \
                             .entities = (struct sovd_entity_spec[]){ __VA_ARGS__ },                         \
                             .n_entities = sizeof((struct sovd_entity_spec[]){ __VA_ARGS__ }) /              \
                                           sizeof(struct sovd_entity_spec) })
