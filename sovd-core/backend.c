/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-core/backend.h"

struct sovd_backend *sovd_backend_ref(struct sovd_backend *backend) {
        (void)__atomic_add_fetch(&backend->n_refs, 1, __ATOMIC_RELAXED);
        return backend;
}

struct sovd_backend *sovd_backend_unref(struct sovd_backend *backend) {
        if (backend && !__atomic_sub_fetch(&backend->n_refs, 1, __ATOMIC_ACQ_REL))
                backend->ops->free(backend);
        return NULL;
}
