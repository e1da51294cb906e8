#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings - the sections of the configuration that belong to the server itself
 *
 * The tables here are decoded by sovd-core/base/config.h; main.c puts them together with those of the backends.
 */
#include "sovd-core/base/schema.h"
#include "sovd-rest/http_server.h"

struct sovd_tls_settings {
        const char *certificate, *key;
};
struct sovd_server_settings {
        const char *host;
        struct sovd_int port;
        const char *unix_socket;
        struct sovd_tls_settings *tls; /* or NULL */
        struct sovd_strings allowed_hosts;
};
struct sovd_logging_settings {
        int level;  /* position in its names + 1: enum sovd_log_level + 1 */
        int format; /* 1 auto, 2 text, 3 json, 4 journal */
};
struct sovd_storage_settings {
        const char *path; /* or NULL */
};
struct sovd_limits_settings {
        struct sovd_int connections, body_bytes, head_bytes, executions;
        struct sovd_int fault_definitions;
        struct sovd_number request_timeout, head_timeout, body_timeout, keep_alive, stop_timeout, execution_retention;
};

extern const struct sovd_schema sovd_schema_server_settings, sovd_schema_logging_settings,
        sovd_schema_storage_settings, sovd_schema_limits_settings;

/* Seconds of the configuration in microseconds. */
uint64_t sovd_settings_usec(struct sovd_number seconds);

/* The options of the HTTP server; strings stay with the settings. */
struct sovd_http_server_options sovd_settings_http(const struct sovd_server_settings *server,
                                                   const struct sovd_limits_settings *limits);

/* Level and format of the log, for sovd_log_setup(). "auto" is the journal when standard error leads there. */
void sovd_settings_log(const struct sovd_logging_settings *logging);

/* Do two structs of a schema say the same? */
bool sovd_settings_same(const struct sovd_schema *schema, const void *a, const void *b);
