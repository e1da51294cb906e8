#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings - the sections of the configuration that belong to the server itself
 *
 * The tables here are decoded by sovd-core/base/config.h; main.c puts them together with those of the backends.
 */
#include "sovd-core/base/schema.h"
#include "sovd-rest/cors.h"
#include "sovd-rest/http_server.h"
#include "sovd-rest/tls_settings.h"
#include "sovd-rest/rate_settings.h"

struct sovd_server_settings {
        const char *host;
        struct sovd_int port;
        const char *unix_socket;
        int unix_socket_access; /* 1 owner, 2 group, 3 everybody */
        struct sovd_tls_settings *tls; /* or NULL */
        struct sovd_bool allow_plain_http;
        struct sovd_strings allowed_hosts;
        struct sovd_strings trusted_proxies;
        struct sovd_cors_settings *cors; /* or NULL */
        struct sovd_int hsts_secs;
        const char *entity_id; /* "" = none */
};
struct sovd_logging_settings {
        int level;  /* position in its names + 1: enum sovd_log_level + 1 */
        int format; /* 1 auto, 2 text, 3 json, 4 journal */
        struct sovd_int kept;
};
struct sovd_storage_settings {
        const char *path; /* or NULL */
};
struct sovd_history_settings {
        struct sovd_number retention_days, compact;
        struct sovd_int events_max, faults_max;
};
struct sovd_limits_settings {
        struct sovd_int connections_per_address, executions_per_client;
        struct sovd_int connections, body_bytes, head_bytes, executions;
        struct sovd_int docs_bytes;
        struct sovd_int data_lists, data_lists_per_client, data_list_ids;
        struct sovd_number data_list_secs;
        struct sovd_int streams, streams_per_client, subscriptions, subscriptions_per_client, triggers,
                triggers_per_client;
        struct sovd_int bulk_bytes, bulk_transfers;
        struct sovd_number bulk_timeout;
        struct sovd_int fault_definitions;
        struct sovd_int fault_reports_per_sec, fault_events_per_sec;
        struct sovd_int watches, watch_values, catalog_items;
        struct sovd_number request_timeout, head_timeout, body_timeout, keep_alive, stop_timeout, execution_retention;
        struct sovd_int idempotency_keys, idempotency_keys_per_client;
        struct sovd_number idempotency_retention;
        struct sovd_int locks, locks_per_client, lock_secs;
        struct sovd_number lock_wait;
};
struct sovd_events_settings {
        struct sovd_number heartbeat, stall, retry, fast, normal, slow, trigger, read_timeout;
        struct sovd_int bus_kept, bus_bytes, replay_max;
        struct sovd_int watch_kept;
        struct sovd_number linger;
        struct sovd_int kept, readers, duration_max, lifetime_max, threads, per_backend;
};

struct sovd_fault_mirror_settings {
        struct sovd_number poll, poll_timeout, keep_days;
        struct sovd_int threads, per_backend, per_sec;
};

extern const struct sovd_schema sovd_schema_fault_mirror_settings;
extern const struct sovd_schema sovd_schema_events_settings;
extern const struct sovd_schema sovd_schema_server_settings, sovd_schema_logging_settings,
        sovd_schema_storage_settings, sovd_schema_limits_settings, sovd_schema_history_settings;

/* What the table of the server cannot say: NULL, or the message (in the arena). */
struct sovd_config_tree;
const char *sovd_server_settings_check(const struct sovd_server_settings *server, const struct sovd_config_tree *tree,
                                       struct sovd_arena *arena);

/* Seconds of the configuration in microseconds; of the polls of the mirror, 0 = none. */
uint64_t sovd_settings_poll_usec(const struct sovd_fault_mirror_settings *mirror);
/* Does only this machine reach what listens on this address? */
bool sovd_settings_is_local(const char *host);

uint64_t sovd_settings_usec(struct sovd_number seconds);

/* The options of the HTTP server, without those of TLS (tls_settings.h); strings stay with the settings. */
struct sovd_http_server_options sovd_settings_http(const struct sovd_server_settings *server,
                                                   const struct sovd_limits_settings *limits,
                                                   const struct sovd_rate_settings *rate);

/* The options of the streamer and of the observations; who reads is left to the caller. */
struct sovd_streamer_options;
struct sovd_observations_options;
void sovd_settings_streamer(const struct sovd_events_settings *events, const struct sovd_limits_settings *limits,
                            struct sovd_streamer_options *ret);
struct sovd_events_options;
void sovd_settings_bus(const struct sovd_events_settings *events, struct sovd_events_options *ret);
void sovd_settings_observations(const struct sovd_events_settings *events, const struct sovd_limits_settings *limits,
                                struct sovd_observations_options *ret);

/* The options of the data watches; observations and database are left to the caller. */
struct sovd_data_watches_options;
void sovd_settings_data_watches(const struct sovd_events_settings *events, const struct sovd_limits_settings *limits,
                                struct sovd_data_watches_options *ret);

/* The options of the descriptions. */
struct sovd_docs_options;
void sovd_settings_docs(const struct sovd_events_settings *events, const struct sovd_limits_settings *limits,
                        struct sovd_docs_options *ret);

/* How often an observation reads: of an enum sovd_interval, or of a trigger (interval 0). */
uint64_t sovd_settings_period(const struct sovd_events_settings *events, int interval);

/* Level and format of the log, for sovd_log_setup(). "auto" is the journal when standard error leads there. */
void sovd_settings_log(const struct sovd_logging_settings *logging);

/* Do two structs of a schema say the same? */
bool sovd_settings_same(const struct sovd_schema *schema, const void *a, const void *b);
