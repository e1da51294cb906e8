/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/native/backend.h"
#include "sovd-core/base/json_reader.h"
#include "sovd-core/gateway.h"
#include <stdio.h>
#include <unistd.h>

struct native_app *native_find_app(struct native *b, enum sovd_entity_type type, const char *id) {
        for (size_t i = 0; i < b->n_apps; i++)
                if (b->apps[i].type == type && strcmp(b->apps[i].id, id) == 0)
                        return &b->apps[i];
        return NULL;
}

/* --- ops ------------------------------------------------------------------------------------------------ */

static int native_start(struct sovd_backend *base) {
        struct native *b = native_of(base);

        b->sink = sovd_gateway_fault_sink(base->gateway);
        int r = native_faults_recall(b);
        if (!r)
                r = native_offers_recall(b);
        if (!r)
                r = native_acks_start(b);
        return r ? r : native_io_start(b);
}

/* The io thread first: it may still hand reports over. */
static void native_stop(struct sovd_backend *base) {
        struct native *b = native_of(base);

        native_io_stop(b);
        native_acks_stop(b);
}

static void native_free(struct sovd_backend *base) {
        struct native *b = native_of(base);

        for (size_t i = 0; i < b->n_apps; i++)
                native_app_done(&b->apps[i]);
        if (b->epoll >= 0)
                (void)close(b->epoll);
        if (b->wake >= 0)
                (void)close(b->wake);
        native_socket_close(&b->listener);
        sovd_arena_free(b->arena);
        (void)pthread_cond_destroy(&b->acks_changed);
        (void)pthread_mutex_destroy(&b->mutex);
        free(b);
}

/* It listens, or it was not started: whether an app is there is a matter of the app. */
static void native_status(struct sovd_backend *base, struct sovd_backend_status *ret) {
        struct native *b = native_of(base);

        *ret = (struct sovd_backend_status){
                .connection = SOVD_CONNECTED,
                .n_entities = b->n_apps,
                .last_seen_usec = atomic_load(&b->last_seen_usec),
                .in_flight = atomic_load(&b->in_flight),
                .n_calls = atomic_load(&b->n_calls),
                .n_failures = atomic_load(&b->n_failures),
                .n_rejected = atomic_load(&b->n_rejected),
                .has_peers = true,
                .n_peers = atomic_load(&b->n_connected),
                .n_peers_refused = atomic_load(&b->n_peers_refused),
                .n_peers_lost = atomic_load(&b->n_peers_lost),
                .n_frames = atomic_load(&b->n_frames),
                .n_frames_refused = atomic_load(&b->n_frames_refused),
                .n_cycles = atomic_load(&b->n_cycles),
                .n_cycles_refused = atomic_load(&b->n_cycles_refused),
        };
        (void)pthread_mutex_lock(&b->mutex);
        for (size_t i = 0; i < b->n_apps; i++) {
                ret->n_log_entries += b->apps[i].ring.n_taken;
                ret->n_log_entries_lost += b->apps[i].ring.n_lost;
        }
        ret->discovered = b->discovered;
        ret->waiting = (unsigned)b->n_acks;
        (void)pthread_mutex_unlock(&b->mutex);
}

static bool native_peer_status(struct sovd_backend *base, size_t i, struct sovd_peer_status *ret) {
        struct native *b = native_of(base);

        if (i >= b->n_apps)
                return false;
        const struct native_app *app = &b->apps[i];
        (void)pthread_mutex_lock(&b->mutex);
        *ret = (struct sovd_peer_status){ .entity = app->key, .met = app->session > 0, .lost = *app->lost };
        (void)snprintf(ret->why, sizeof(ret->why), "%s", app->lost);
        (void)pthread_mutex_unlock(&b->mutex);
        return true;
}

static const struct sovd_backend_ops native_ops = {
        .type = "native",
        .uses_fault_sink = true,
        .peer = native_peer_status,
        .start = native_start,
        .stop = native_stop,
        .free = native_free,
        .status = native_status,
        .data_list = native_data_list,
        .data_read = native_data_read,
        .data_write = native_data_write,
        .data_is_pushed = native_data_is_pushed,
        .faults_list = native_faults_list,
        .faults_restored = native_faults_restored,
        .faults_history = native_faults_history,
        .fault_read = native_fault_read,
        .fault_clear = native_fault_clear,
        .faults_clear = native_faults_clear,
        .operations_list = native_operations_list,
        .operation_read = native_operation_read,
        .execution_start = native_execution_start,
        .executions_list = native_executions_list,
        .execution_read = native_execution_read,
        .execution_control = native_execution_control,
        .execution_stop = native_execution_stop,
        .modes_list = native_modes_list,
        .mode_read = native_mode_read,
        .mode_write = native_mode_write,
        .configurations_list = native_configurations_list,
        .configuration_read = native_configuration_read,
        .configuration_write = native_configuration_write,
        .describe = native_describe,
        .log_entries = native_log_entries,
        .log_config_read = native_log_config_read,
        .log_config_write = native_log_config_write,
        .log_config_reset = native_log_config_reset,
        .log_append = native_log_append,
};

/* --- making one ----------------------------------------------------------------------------------------- */

static bool copy(struct sovd_arena *arena, const char **text) {
        const char *s = sovd_arena_strdup(arena, *text);
        const bool ok = s || !*text;

        *text = s;
        return ok;
}

static bool copy_strings(struct sovd_arena *arena, const struct sovd_strings *strings,
                         struct sovd_strings *ret) {
        *ret = (struct sovd_strings){ .items = sovd_arena_array(arena, const char *, strings->n + 1),
                                      .n = strings->n };
        for (size_t i = 0; ret->items && i < strings->n; i++) {
                ret->items[i] = strings->items[i];
                if (!copy(arena, &ret->items[i]))
                        return false;
        }
        return ret->items;
}

/* Users and groups are looked up here once: their numbers hold while the backend lives. */
static int copy_apps(struct native *b, const struct sovd_native_options *options) {
        struct sovd_native_app *apps =
                sovd_arena_array(b->arena, struct sovd_native_app, options->apps.n + 1);

        b->apps = sovd_arena_array(b->arena, struct native_app, options->apps.n + 1);
        if (!apps || !b->apps)
                return sovd_error_origin(-ENOMEM);
        for (size_t i = 0; i < options->apps.n; i++) {
                const char *member;
                apps[i] = ((const struct sovd_native_app *)options->apps.items)[i];
                if (!copy(b->arena, &apps[i].entity) || !copy(b->arena, &apps[i].name) ||
                    !copy(b->arena, &apps[i].unit))
                        return sovd_error_origin(-ENOMEM);
                if (native_app_read(&apps[i], &b->apps[i], &member))
                        return sovd_error_origin(-EINVAL);
                if (!copy_strings(b->arena, &apps[i].cycles, &b->apps[i].cycles))
                        return sovd_error_origin(-ENOMEM);
                b->apps[i].key = apps[i].entity;
                b->apps[i].configured_name = apps[i].name;
                b->n_apps++;
        }
        return 0;
}

static int fill(struct native *b, const struct sovd_native_options *options) {
        int r = sovd_arena_new(&b->arena, 4096);
        if (r)
                return r;
        b->options = *options;
        b->options.apps = (struct sovd_list){ 0 };
        if (!copy(b->arena, &b->options.name) || !copy(b->arena, &b->options.socket) ||
            !copy(b->arena, &b->options.socket_group))
                return sovd_error_origin(-ENOMEM);
        b->base.name = b->options.name;
        b->timeout_usec = (uint64_t)(options->timeout_secs.value * (double)SOVD_USEC_PER_SEC);
        b->heartbeat_usec = (uint64_t)(options->heartbeat_secs.value * (double)SOVD_USEC_PER_SEC);
        b->frame_timeout_usec = (uint64_t)(options->frame_timeout_secs.value * (double)SOVD_USEC_PER_SEC);
        b->freeze_usec = (uint64_t)(options->freeze_frame_secs.value * (double)SOVD_USEC_PER_SEC);
        b->log_retention_usec = (uint64_t)(options->log_retention_secs.value * (double)SOVD_USEC_PER_SEC);
        b->ring_limits = (struct native_ring_limits){ .entries = (size_t)options->max_log_entries.value,
                                                      .bytes = (size_t)options->max_log_bytes.value,
                                                      .per_sec = (double)options->log_entries_per_sec.value };
        if (gethostname(b->host, sizeof(b->host) - 1) != 0 || !sovd_utf8_is_valid(b->host, strlen(b->host)))
                *b->host = '\0';
        return copy_apps(b, options);
}

int sovd_native_backend_new(struct sovd_backend **ret, const struct sovd_native_options *options) {
        struct native *b = calloc(1, sizeof(*b));
        if (!b)
                return sovd_error_origin(-ENOMEM);

        b->base.ops = &native_ops;
        b->base.n_refs = 1;
        b->epoll = b->wake = b->listener.fd = b->listener.folder = -1;
        (void)pthread_mutex_init(&b->mutex, NULL);
        (void)pthread_cond_init(&b->acks_changed, NULL);
        int r = fill(b, options);
        if (r) {
                native_free(&b->base);
                return r;
        }
        *ret = &b->base;
        return 0;
}
