/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/self/backend.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/log.h"
#include "sovd-core/gateway.h"

static int self_start(struct sovd_backend *base) {
        struct self *b = self_of(base);
        struct sovd_entity_spec entity = {
                .type = SOVD_APP,
                .id = b->options.entity_id,
                .name = "SOVD gateway",
                .collections = 1u << SOVD_COLLECTION_DATA,
        };
        const struct sovd_view view = {
                .backend = base, .entities = &entity, .n_entities = 1, .connection = SOVD_CONNECTED
        };

        b->sink = sovd_gateway_fault_sink(base->gateway);
        if (b->sink)
                entity.collections |= 1u << SOVD_COLLECTION_FAULTS | 1u << SOVD_COLLECTION_OPERATIONS;
        if (sovd_log_kept_max())
                entity.collections |= 1u << SOVD_COLLECTION_LOGS;
        return sovd_backend_publish(base, &view);
}

static void self_stop(struct sovd_backend *base) {
        (void)base; /* nothing runs */
}

static void self_free(struct sovd_backend *base) {
        free(self_of(base));
}

static void self_status(struct sovd_backend *base, struct sovd_backend_status *ret) {
        (void)base;
        *ret = (struct sovd_backend_status){ .connection = SOVD_CONNECTED,
                                             .discovered = true,
                                             .last_seen_usec = sovd_realtime_usec(),
                                             .n_entities = 1 };
}

static const struct sovd_backend_ops self_ops = {
        .type = "self",
        .is_gateway = true,
        .uses_fault_sink = true,
        .start = self_start,
        .stop = self_stop,
        .free = self_free,
        .status = self_status,
        .data_list = self_data_list,
        .data_read = self_data_read,
        .data_write = self_data_write,
        .faults_list = self_faults_list,
        .fault_read = self_fault_read,
        .fault_clear = self_fault_clear,
        .faults_clear = self_faults_clear,
        .operations_list = self_operations_list,
        .operation_read = self_operation_read,
        .execution_start = self_execution_start,
        .log_entries = self_log_entries,
        .log_config_read = self_log_config_read,
};

int sovd_self_backend_new(struct sovd_backend **ret, const struct sovd_self_options *options) {
        struct self *b = calloc(1, sizeof(*b));
        if (!b)
                return sovd_error_origin(-ENOMEM);

        b->base = (struct sovd_backend){ .ops = &self_ops, .name = options->name, .n_refs = 1 };
        b->options = *options;
        *ret = &b->base;
        return 0;
}
