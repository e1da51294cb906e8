#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Logs - what an entity wrote down, and what it writes down from now on (ISO 17978-3 7.21)
 *
 * A lower severity is worse. A context says who wrote: a process (RFC 5424) or an application (AUTOSAR DLT).
 */
#include "sovd-core/base/schema.h"

enum sovd_log_severity {
        SOVD_SEVERITY_FATAL = 1, /* position in the names + 1 */
        SOVD_SEVERITY_ERROR,
        SOVD_SEVERITY_WARN,
        SOVD_SEVERITY_INFO,
        SOVD_SEVERITY_DEBUG
};
/* "fatal", "error", … */
extern const char *const sovd_log_severity_names[];

enum sovd_log_context_type { SOVD_CONTEXT_RFC5424 = 1, SOVD_CONTEXT_AUTOSAR_DLT };
extern const char *const sovd_log_context_type_names[];

struct sovd_log_context {
        int type; /* enum sovd_log_context_type */
        const char *host, *process;
        struct sovd_int pid;
        const char *session, *session_id, *application_id, *context_id, *message_id;
        const struct cJSON *extra;
};
struct sovd_log_entry {
        const char *timestamp;
        struct sovd_log_context *context;
        int severity; /* enum sovd_log_severity */
        const char *msg, *href;
        const struct cJSON *extra;
};
struct sovd_log_list {
        struct sovd_list items; /* struct sovd_log_entry */
        const struct cJSON *schema;
};

struct sovd_log_configuration {
        struct sovd_log_context *context;
        int severity; /* entries of this severity or worse are kept */
};
struct sovd_log_config {
        struct sovd_list contexts; /* struct sovd_log_configuration */
};
/* GET wraps in contexts and PUT in items; a PUT that wraps as GET does is read too (defect D12). */
struct sovd_log_config_write {
        struct sovd_list items, contexts;
};

extern const struct sovd_schema sovd_schema_log_context, sovd_schema_log_entry, sovd_schema_log_list,
        sovd_schema_log_configuration, sovd_schema_log_config, sovd_schema_log_config_write;

/* Does an entry pass a filter by severity: that or worse? 0 = all pass. */
bool sovd_log_severity_passes(int severity, int least);

/* Does `wanted` name the context? What it leaves out may be anything. */
bool sovd_log_context_matches(const struct sovd_log_context *wanted, const struct sovd_log_context *context);
