#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Native backend - apps of this machine, over a Unix socket
 *
 * An app connects, says which entity it is, and registers what it has; the gateway asks it when a client does. Who may
 * be which entity stands in the configuration and is checked by the kernel's word on the peer (SO_PEERCRED). The
 * protocol is in docs/native-apps.md, and docs/native-app.schema.json.
 */
#include "sovd-core/backend.h"

enum sovd_native_access { SOVD_NATIVE_OWNER = 1, SOVD_NATIVE_GROUP };

/* Who may be an entity: what is given must all be true; nothing given = the user that the gateway runs as. */
struct sovd_native_app {
        const char *entity, *name; /* "apps/nav" */
        const char *user, *group;
        struct sovd_int uid, gid;
        struct sovd_strings cycles; /* kinds of operation cycles that it may begin */
};

/* The section `native` of the configuration. */
struct sovd_native_options {
        const char *name, *socket, *socket_group;
        int socket_access;     /* enum sovd_native_access */
        struct sovd_list apps; /* struct sovd_native_app */
        struct sovd_int max_connections, max_frame_bytes, max_queue_bytes, max_value_bytes, max_in_flight,
                max_resources, max_executions, frames_per_sec;
        struct sovd_number timeout_secs, heartbeat_secs, frame_timeout_secs;
};

extern const struct sovd_schema sovd_schema_native_options;

/* What the table cannot say: NULL when the options are good, else why (static text); *ret_pointer: of the bad member,
 * in the arena. */
const char *sovd_native_options_check(const struct sovd_native_options *options, struct sovd_arena *arena,
                                      const char **ret_pointer);

/* The options are checked ones, and are copied. */
int sovd_native_backend_new(struct sovd_backend **ret, const struct sovd_native_options *options);
