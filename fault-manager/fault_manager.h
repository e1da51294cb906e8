#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The fault manager as the rest of the program sees it: a sink for reports, and a thread that keeps time rules
 */
#include "fault-manager/manager.h"
#include "fault-manager/retention.h"
#include "sovd-core/fault_sink.h"

struct fm_sink;

/* Makes the manager and starts its thread. */
int fm_sink_new(struct fm_sink **ret, const struct fm_options *options);

/* Keeps history and faults within bounds from now on; once. */
int fm_sink_retain(struct fm_sink *sink, const struct fm_retention_options *options);
struct fm_sink *fm_sink_free(struct fm_sink *sink);
SOVD_DEFINE_CLEANUP(struct fm_sink *, fm_sink_free)

struct sovd_fault_sink *fm_sink_base(struct fm_sink *sink);
struct fm_manager *fm_sink_manager(struct fm_sink *sink);

/* The catalogue files of entities, as fm_catalog_file_read() gave them. They replace the former ones; what apps have
 * registered holds on under them. SOVD_E_OVERLOAD: too many faults are defined; -ENOMEM. Both are logged, and the entities
 * for which there was room have theirs. */
struct fm_catalog_source {
        const char *entity, *json;
};
int fm_sink_set_catalogs(struct fm_sink *sink, const struct fm_catalog_source *sources, size_t n);

/* A stored fault in the standard's words; in the arena. */
int fm_record_fault(const struct fm_record *record, struct sovd_arena *arena, struct sovd_fault *ret);
/* Its environment data, and the schema of a body with them. ignored: reports that were not judged; may be NULL. */
int fm_record_environment(const struct fm_record *record, const struct fm_ignored *ignored, struct sovd_arena *arena,
                          const struct cJSON **ret);
int fm_environment_schema(struct sovd_arena *arena, const struct cJSON **ret);
/* The bits that a status in the words of the standard tells of (NULL = none). */
uint8_t fm_status_bits(const struct cJSON *status);
/* It as the event of a snapshot: sovd_schema_fault_event. *ret is the caller's. */
int fm_record_body(const struct fm_record *record, struct sovd_arena *arena, char **ret);
/* Has a status byte this member with this value? Spelling counts as little as in the filter of lists. */
bool fm_status_matches(uint8_t status, const char *key, const char *value);
/* The names and values of a status byte, as a JSON object that lives as long as the program. */
int fm_status_object(const struct fm_state *state, const struct cJSON **ret);
/* Which status bytes a filter lets through: bit n of word n / 64 stands for the byte n. */
void fm_statuses_of(const struct sovd_fault_filter *filter, uint64_t ret[static 4]);

/* "apps/my%20app": the id of an entity's name is what may have to be encoded. NULL: no memory. */
const char *fm_entity_reference(const char *entity, struct sovd_arena *arena);
