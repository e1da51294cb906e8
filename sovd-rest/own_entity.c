/* SPDX-License-Identifier: Apache-2.0 */
#include "sovd-rest/own_entity.h"
#include "backends/self/self_backend.h"
#include "sovd-core/base/clock.h"
#include "sovd-core/base/db.h"
#include "sovd-core/base/error.h"
#include "sovd-core/base/log.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/own_faults.h"
#include "sovd-rest/process.h"
#include "sovd-rest/rest.h"
#include "sovd-rest/streamer.h"

struct sovd_own_entity {
        struct sovd_rest *rest;
        uint64_t started_usec; /* UTC */
};

/* --- values ---------------------------------------------------------------------------------------------- */

static struct sovd_rest *rest_of(void *data) {
        return ((struct sovd_own_entity *)data)->rest;
}

static void write_version(void *data, struct sovd_json_writer *w) {
        (void)data;
        sovd_json_string(w, SOVD_VERSION);
}

static void write_start(void *data, struct sovd_json_writer *w) {
        char when[SOVD_TIMESTAMP_SIZE];

        sovd_json_string(w, sovd_clock_format(when, ((struct sovd_own_entity *)data)->started_usec));
}

static void write_uptime(void *data, struct sovd_json_writer *w) {
        uint64_t up = sovd_now_usec() - sovd_gateway_started_usec(rest_of(data)->gateway);

        sovd_json_uint(w, up / SOVD_USEC_PER_SEC);
}

static void write_memory(void *data, struct sovd_json_writer *w) {
        (void)data;
        sovd_json_uint(w, sovd_process_resident_bytes());
}

static void write_open_files(void *data, struct sovd_json_writer *w) {
        (void)data;
        sovd_json_uint(w, sovd_process_open_files());
}

static void write_connections(void *data, struct sovd_json_writer *w) {
        struct sovd_http_server_counters c = { 0 };

        if (rest_of(data)->server)
                sovd_http_server_counters(rest_of(data)->server, &c);
        sovd_json_uint(w, c.connections);
}

static void write_streams(void *data, struct sovd_json_writer *w) {
        struct sovd_streamer_counters c = { 0 };

        sovd_streamer_count(rest_of(data)->streamer, &c);
        sovd_json_uint(w, c.open);
}

static void count_backends(void *data, size_t *ret_n, size_t *ret_connected) {
        struct sovd_backend *backends[SOVD_BACKENDS_MAX];

        *ret_n = sovd_gateway_backends(rest_of(data)->gateway, backends, SOVD_BACKENDS_MAX);
        *ret_connected = 0;
        for (size_t i = 0; i < *ret_n; i++) {
                struct sovd_backend_status status = { 0 };
                backends[i]->ops->status(backends[i], &status);
                *ret_connected += status.connection == SOVD_CONNECTED;
                sovd_backend_unref(backends[i]);
        }
}

static void write_backends(void *data, struct sovd_json_writer *w) {
        size_t n, connected;

        count_backends(data, &n, &connected);
        sovd_json_uint(w, n);
}

static void write_connected(void *data, struct sovd_json_writer *w) {
        size_t n, connected;

        count_backends(data, &n, &connected);
        sovd_json_uint(w, connected);
}

static void write_entities(void *data, struct sovd_json_writer *w) {
        struct sovd_tree *tree = sovd_gateway_tree(rest_of(data)->gateway);
        size_t n = 0;

        for (int type = 0; type < SOVD_N_ENTITY_TYPES; type++)
                n += sovd_tree_list(tree, (enum sovd_entity_type)type)->n;
        sovd_tree_unref(tree);
        sovd_json_uint(w, n);
}

static void write_state_size(void *data, struct sovd_json_writer *w) {
        struct sovd_db_status s;

        sovd_db_status(sovd_gateway_db(rest_of(data)->gateway), &s);
        sovd_json_uint(w, s.bytes);
}

static const struct sovd_self_datum values[] = {
        { "version", "Version of the gateway", "identData", NULL, write_version },
        { "start-time", "Time of the start", "identData", NULL, write_start },
        { "uptime", "Time since the start", "currentData", "s", write_uptime },
        { "memory", "Resident memory", "currentData", "B", write_memory },
        { "open-files", "Open file descriptors", "currentData", NULL, write_open_files },
        { "connections", "Open connections of clients", "currentData", NULL, write_connections },
        { "streams", "Open event streams", "currentData", NULL, write_streams },
        { "backends", "Backends", "currentData", NULL, write_backends },
        { "backends-connected", "Backends that are connected", "currentData", NULL, write_connected },
        { "entities", "Entities of the vehicle", "currentData", NULL, write_entities },
        { "state-size", "Size of the state file, 0 in memory", "currentData", "B", write_state_size },
        { 0 }
};

static bool unwritten(void *data, struct sovd_call *call, struct sovd_fault_detail *ret) {
        return sovd_own_faults_unwritten(rest_of(data)->own_faults, call, ret);
}

/* --- life ------------------------------------------------------------------------------------------------ */

static int add_backend(struct sovd_own_entity *own, const char *entity_id) {
        const struct sovd_self_options options = { .name = SOVD_OWN_BACKEND,
                                                   .entity_id = entity_id,
                                                   .values = values,
                                                   .unwritten = unwritten,
                                                   .data = own };
        struct sovd_backend *backend;

        int r = sovd_self_backend_new(&backend, &options);
        return r ? r : sovd_gateway_add(own->rest->gateway, backend);
}

int sovd_own_entity_start(struct sovd_own_entity **ret, const struct sovd_own_options *options) {
        const struct sovd_own_faults_options faults = { .gateway = options->rest->gateway,
                                                        .entity_id = options->entity_id,
                                                        .damaged = options->damaged };
        struct sovd_own_entity *own;

        *ret = NULL;
        if (!*options->entity_id)
                return 0;
        own = calloc(1, sizeof(*own));
        if (!own)
                return sovd_error_origin(-ENOMEM);
        own->rest = options->rest;
        own->started_usec = sovd_realtime_usec();
        *ret = own;
        int r = sovd_own_faults_new(&own->rest->own_faults, &faults);
        if (!r)
                r = add_backend(own, options->entity_id);
        if (r)
                sovd_log(SOVD_LOG_ERROR, "the gateway's own entity cannot be made: %s", strerror(-r));
        return r;
}

void sovd_own_entity_listening(struct sovd_own_entity *own) {
        if (!own)
                return;
        sovd_own_faults_set_auth(own->rest->own_faults, own->rest->auth);
        sovd_own_faults_set_tls(own->rest->own_faults, sovd_http_server_tls(own->rest->server));
}

uint64_t sovd_own_entity_tick(struct sovd_own_entity *own) {
        return own ? sovd_own_faults_tick(own->rest->own_faults) : UINT64_MAX;
}

struct sovd_own_entity *sovd_own_entity_free(struct sovd_own_entity *own) {
        if (!own)
                return NULL;
        own->rest->own_faults = sovd_own_faults_free(own->rest->own_faults);
        free(own);
        return NULL;
}
