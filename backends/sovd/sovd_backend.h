#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * SOVD backend - entities of another SOVD server, over HTTP
 *
 * It speaks the dialect of ISO 17978-3 (items, flat GenericError) and that of the native server (value,
 * @odata.count, error.code), and finds out which. One thread per backend discovers and watches the server, so
 * a server that hangs delays nobody but its own callers; those are bounded by a deadline, a limit of calls in
 * flight and a circuit breaker. Writes and starts are sent once, never again.
 */
#include "sovd-core/backend.h"

enum sovd_dialect_option { SOVD_DIALECT_AUTO = 1, SOVD_DIALECT_ISO, SOVD_DIALECT_ODATA };

/* One element of the configuration's list `backends`. */
struct sovd_sovd_options {
        const char *name, *type, *base_url, *api_prefix, *unix_socket;
        struct sovd_strings component_ids; /* shown as disconnected until the server tells what it has */
        struct sovd_number timeout_secs, refresh_secs, connect_timeout_secs, breaker_open_secs;
        struct sovd_int max_in_flight, max_waiting, max_answer_bytes, breaker_failures;
        struct sovd_bool retry;
        int dialect; /* enum sovd_dialect_option */
        const char *bearer_token, *ca_file, *client_cert_file, *client_key_file;
};

extern const struct sovd_schema sovd_schema_sovd_options;

/* What the table cannot say: NULL when the options are good, else what is wrong (static text), with the bad
 * member's name in *ret_member. */
const char *sovd_sovd_options_check(const struct sovd_sovd_options *options, const char **ret_member);

/* The options are those of the schema with its defaults applied, and are copied. -EINVAL when they are not
 * good. */
int sovd_sovd_backend_new(struct sovd_backend **ret, const struct sovd_sovd_options *options);

/* Of all other backends than these the state forgets what entities they had. */
struct sovd_gateway;
void sovd_sovd_forget_others(struct sovd_gateway *gateway, const char *const *names, size_t n);
