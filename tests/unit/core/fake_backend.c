/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/fake_backend.h"

static struct fake_backend *fake_of(struct sovd_backend *backend) {
        return (struct fake_backend *)backend;
}

static int fake_start(struct sovd_backend *backend) {
        atomic_fetch_add(&fake_of(backend)->n_started, 1);
        return fake_of(backend)->start_error;
}

static void fake_stop(struct sovd_backend *backend) {
        atomic_fetch_add(&fake_of(backend)->n_stopped, 1);
}

static void fake_free(struct sovd_backend *backend) {
        atomic_fetch_add(&fake_of(backend)->n_freed, 1);
}

static void fake_status(struct sovd_backend *backend, struct sovd_backend_status *ret) {
        *ret = (struct sovd_backend_status){ .discovered = fake_of(backend)->discovered };
}

static const struct sovd_backend_ops fake_ops = {
        .type = "fake",
        .start = fake_start,
        .stop = fake_stop,
        .free = fake_free,
        .status = fake_status,
};

void fake_backend_init(struct fake_backend *fake, const char *name) {
        *fake = (struct fake_backend){ .backend = { .ops = &fake_ops, .name = name, .n_refs = 1 } };
}

struct sovd_entity_spec fake_entity(enum sovd_entity_type type, const char *id) {
        return (struct sovd_entity_spec){ .type = type, .id = id, .name = id };
}

struct sovd_entity_spec fake_related(enum sovd_entity_type type, const char *id, enum sovd_relation relation,
                                     const struct sovd_strings *targets) {
        struct sovd_entity_spec spec = fake_entity(type, id);

        spec.relations[relation] = *targets;
        return spec;
}
