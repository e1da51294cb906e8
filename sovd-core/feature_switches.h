#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Features - what an admin can switch off while the gateway runs
 *
 * Few, and each in a safe form: what is off is refused before anything is done. Nothing here can switch off who is asked for
 * credentials, what is put on record, or a limit: whoever came in by a hole would use it first. A switch is durable before
 * it holds, and outlives a restart. Asking costs one atomic read.
 */
#include "sovd-core/base/util.h"

struct sovd_arena;
struct sovd_db;
struct sovd_features;

enum sovd_feature {
        SOVD_FEATURE_MUTATIONS,    /* whatever is not a GET: else the gateway is read-only */
        SOVD_FEATURE_STREAMS,      /* new event streams */
        SOVD_FEATURE_DATA_EXPORTS, /* exports, snapshots of entities, backups of the state */
        SOVD_FEATURE_NATIVE_APPS,  /* new connections of apps */
        SOVD_N_FEATURES
};
#define SOVD_FEATURE_REASON_MAX 200

struct sovd_feature_info {
        const char *id;   /* "mutations" */
        const char *doc;  /* what it is, a sentence */
        const char *what; /* "changes", as in "changes are switched off" */
};
extern const struct sovd_feature_info sovd_feature_infos[SOVD_N_FEATURES];

/* -1: there is none of this name. */
int sovd_feature_find(const char *id);

/* Reads how they were left. -errno of the database. */
int sovd_features_new(struct sovd_features **ret, struct sovd_db *db);
struct sovd_features *sovd_features_free(struct sovd_features *features);
SOVD_DEFINE_CLEANUP(struct sovd_features *, sovd_features_free)

/* features NULL: everything is on. */
bool sovd_features_is_on(const struct sovd_features *features, enum sovd_feature feature);

struct sovd_feature_state {
        bool on;
        uint64_t changed_usec;  /* UTC; 0 = never: it is as it always was */
        const char *changed_by; /* in the arena; NULL = the same */
        const char *reason;     /* in the arena; NULL = none was given */
};
/* -ENOMEM. */
int sovd_features_read(struct sovd_features *features, enum sovd_feature feature, struct sovd_arena *arena,
                       struct sovd_feature_state *ret);

/* Switches; returns when it is durable and holds. reason: at most SOVD_FEATURE_REASON_MAX bytes; or NULL. Results of base/db.h. */
int sovd_features_set(struct sovd_features *features, enum sovd_feature feature, bool on, const char *by, const char *reason);

/* Something was refused because it is off; how often since the start. */
void sovd_features_count_refused(struct sovd_features *features, enum sovd_feature feature);
uint64_t sovd_features_n_refused(const struct sovd_features *features, enum sovd_feature feature);
