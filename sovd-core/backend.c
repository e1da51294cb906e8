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

bool sovd_backend_serves(const struct sovd_backend *backend, enum sovd_collection collection) {
        const struct sovd_backend_ops *ops = backend->ops;
        (void)ops;

        switch (collection) {
        case SOVD_COLLECTION_DATA:
        case SOVD_COLLECTION_FAULTS:
        case SOVD_COLLECTION_OPERATIONS:
        case SOVD_COLLECTION_MODES:
        case SOVD_COLLECTION_CONFIGURATIONS:
                return true;
        case SOVD_COLLECTION_SCRIPTS:
                return ops->scripts_list && ops->script_read;
        case SOVD_COLLECTION_LOGS:
                return ops->log_entries && ops->log_config_read;
        case SOVD_COLLECTION_CLEAR_DATA:
                return ops->clear_data_read && ops->clear_data_start && ops->clear_data_status;
        case SOVD_COLLECTION_STATUS:
                return ops->status_read && ops->status_control;
        case SOVD_COLLECTION_BULK_DATA:
                return ops->bulk_categories;
        case SOVD_COLLECTION_COMMUNICATION_LOGS:
                return ops->comm_logs_list;
        default:
                return false;
        }
}
