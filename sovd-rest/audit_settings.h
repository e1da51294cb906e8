#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings of the audit log
 */
#include "sovd-core/base/schema.h"

struct sovd_audit;
struct sovd_db;

struct sovd_syslog_settings {
        int transport; /* enum sovd_syslog_transport */
        const char *host, *ca_file; /* ca_file: or NULL */
        const char *certificate, *key; /* or NULL */
        struct sovd_int port, queue, enterprise; /* port not set: that of the transport */
        struct sovd_number timeout;
};
struct sovd_audit_settings {
        struct sovd_syslog_settings *syslog; /* or NULL */
        struct sovd_bool enabled;
        const char *key_file; /* or NULL */
        struct sovd_number epoch, keep_days, verify_hours;
        struct sovd_int epoch_entries, max_bytes;
        int full; /* 1 refuse, 2 overwrite */
};
extern const struct sovd_schema sovd_schema_audit_settings;

/* What the table cannot say: NULL, or the complaint. */
struct sovd_config_tree;
const char *sovd_audit_settings_check(const struct sovd_audit_settings *settings, const struct sovd_config_tree *tree,
                                      struct sovd_arena *arena);

/* Opens the log as the settings say; *ret stays NULL when it is off. folder: of the state, NULL = in memory. */
int sovd_audit_settings_open(const struct sovd_audit_settings *settings, struct sovd_db *db, const char *folder,
                             struct sovd_audit **ret);
