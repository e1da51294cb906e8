#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Updates - packages of new software, and what becomes of them (ISO 17978-3 7.18)
 *
 * prepare, then execute, or both by automated. Updates belong to a server, not to an entity. References to entities
 * are "components/ID" or "apps/ID"; the front makes URIs of them.
 */
#include "sovd-core/model/error_body.h"

/* The server chooses the package. */
#define SOVD_UPDATE_AUTONOMOUS "autonomous"

enum sovd_update_phase { SOVD_UPDATE_PREPARE = 1, SOVD_UPDATE_EXECUTE };
extern const char *const sovd_update_phase_names[];

enum sovd_update_state { SOVD_UPDATE_PENDING = 1, SOVD_UPDATE_IN_PROGRESS, SOVD_UPDATE_FAILED, SOVD_UPDATE_COMPLETED };
extern const char *const sovd_update_state_names[];

enum sovd_update_action { SOVD_UPDATE_DO_PREPARE, SOVD_UPDATE_DO_EXECUTE, SOVD_UPDATE_DO_AUTOMATED };
/* "prepare", "execute", "automated" */
extern const char *const sovd_update_action_names[];

struct sovd_update_filter {
        const char *target_version; /* exact, or a pattern with '*'; NULL = any */
        const char *origin;         /* NULL = any */
};

struct sovd_update_ids {
        struct sovd_strings items;
};
struct sovd_update_registered {
        const char *id;
};

struct sovd_update_detail {
        const char *id, *update_name;
        struct sovd_int size; /* kB */
        struct sovd_bool automated;
        struct sovd_strings origin;
        const char *update_translation_id, *notes, *notes_translation_id, *user_activity, *user_activity_translation_id;
        const char *preconditions, *preconditions_translation_id, *execution_conditions;
        struct sovd_int duration; /* seconds that the vehicle cannot be used */
        struct sovd_strings updated_components, affected_components;
        const struct cJSON *schema, *extra;
};

struct sovd_update_part {
        const char *entity;
        int status; /* enum sovd_update_state */
        struct sovd_int progress;
        struct sovd_generic_error *error;
};
struct sovd_update_status {
        int phase, status;
        struct sovd_int progress;
        struct sovd_list subprogress; /* struct sovd_update_part */
        const char *step, *step_translation_id;
        struct sovd_generic_error *error;
        const struct cJSON *extra;
};

extern const struct sovd_schema sovd_schema_update_ids, sovd_schema_update_registered, sovd_schema_update_detail,
        sovd_schema_update_status;

/* "1.2.3" or a pattern in which '*' stands for any number of characters. */
bool sovd_version_matches(const char *pattern, const char *version);
