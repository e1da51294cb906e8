#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The fault manager as the rest of the program sees it: a sink for reports, and a thread that keeps time rules
 */
#include "fault-manager/manager.h"
#include "sovd-core/fault_sink.h"

struct fm_sink;

/* Makes the manager and starts its thread. */
int fm_sink_new(struct fm_sink **ret, const struct fm_options *options);
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
/* What the writer holds, as a tree in the arena; the writer is done. */
int fm_tree_of(struct sovd_json_writer *w, struct sovd_arena *arena, const struct cJSON **ret);
/* The names and values of a status byte, as a JSON object. */
int fm_status_object(const struct fm_state *state, struct sovd_arena *arena, const struct cJSON **ret);
