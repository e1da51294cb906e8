#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sections - the whole configuration, and what the table of one of them cannot say
 */
#include "sovd-rest/arguments.h"
#include "sovd-rest/audit_settings.h"
#include "sovd-rest/backend_list.h"
#include "sovd-rest/catalog_settings.h"
#include "sovd-rest/fault_settings.h"
#include "sovd-rest/lock_settings.h"
#include "sovd-rest/native_apps.h"
#include "sovd-rest/settings.h"

#define SOVD_DEMO_NAME "demo" /* of the backend of --demo */

struct sovd_auth_settings;
struct sovd_policy;

struct sovd_sections {
        struct sovd_server_settings *server;
        struct sovd_logging_settings *logging;
        struct sovd_storage_settings *storage;
        struct sovd_limits_settings *limits;
        struct sovd_history_settings *history;
        struct sovd_events_settings *events;
        struct sovd_fault_mirror_settings *fault_mirror;
        struct sovd_lock_settings *locks;
        struct sovd_catalog_settings *catalog;
        struct sovd_auth_settings *auth;
        struct sovd_rate_settings *rate;
        struct sovd_audit_settings *audit;
        struct sovd_list backends; /* struct sovd_backend_settings */
        struct sovd_native_options *native; /* or NULL */
        struct sovd_fault_settings *faults;
        struct sovd_policy *policy; /* no section: what auth.policy_file says; NULL = nothing is enforced */
};

extern const struct sovd_schema sovd_schema_sections;

/* Reads and checks it, and the policy that it names, which is the caller's. 0, or a negative value after standard error was told
 * why. Strings are in the arena. */
int sovd_sections_load(const struct sovd_arguments *arguments, struct sovd_sections *ret, struct sovd_arena *arena);

/* Raises the limit of open files to what they may need, or warns. Each connection, event stream and call to a backend takes a
 * descriptor; the usual soft limit of 1024 is for select(). */
void sovd_sections_allow_files(const struct sovd_sections *s);
