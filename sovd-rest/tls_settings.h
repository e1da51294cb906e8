#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS settings - server.tls and server.allow_plain_http: their tables, and what these cannot say
 */
#include "sovd-core/base/schema.h"
#include "sovd-rest/tls_load.h"

struct sovd_config_tree;
struct sovd_server_settings;

struct sovd_tls_settings {
        const char *certificate, *key;
        const char *client_ca, *crl; /* or NULL */
        struct sovd_bool require_client_certificate;
        int min_version;             /* position in its names + 1 */
        struct sovd_number watch;
};
extern const struct sovd_schema sovd_schema_tls_settings;

/* The options of the TLS; strings stay with the settings. */
void sovd_tls_settings_options(const struct sovd_tls_settings *settings, struct sovd_tls_options *ret);

/* What the tables cannot say: are the files good, is plain HTTP wanted where others can listen? NULL, or the complaint. */
const char *sovd_tls_settings_check(const struct sovd_server_settings *server, const struct sovd_config_tree *tree,
                                    struct sovd_arena *arena);

/* Can others read and change what clients send: plain HTTP on an address that other machines reach? */
bool sovd_server_is_open(const struct sovd_server_settings *server);
