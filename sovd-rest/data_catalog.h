#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Data catalogue - an index of the values of all entities
 *
 * Made on a thread of its own, which asks the backends a few entities at a time: when somebody wants it and the tree is
 * another one than that of the index, or the index is old. Requests read the index; they never ask a backend.
 */
#include "sovd-core/model/entity.h"
#include "sovd-core/model/error_body.h"
#include "sovd-core/vss.h"

struct sovd_rest;
struct sovd_data_catalog;

struct sovd_catalog_mapping {
        const char *entity, *id, *path; /* "components/bms", "soc", "Vehicle.…" */
};

/* All of it outlives the catalogue. */
struct sovd_data_catalog_options {
        const struct sovd_vss *vss;             /* or NULL */
        const char *vss_digest;                 /* of its files; or NULL */
        const struct sovd_catalog_mapping *map; /* by entity, then by id */
        size_t n_map;
        size_t items_max;
        uint64_t refresh_usec, timeout_usec; /* age of an index; time of one question to a backend */
};

int sovd_data_catalog_new(struct sovd_data_catalog **ret, struct sovd_rest *rest,
                          const struct sovd_data_catalog_options *options);
/* No question is begun any more, and nobody waits for an index. */
void sovd_data_catalog_quit(struct sovd_data_catalog *catalog);
/* The same, and waits for the questions that are under way. */
void sovd_data_catalog_stop(struct sovd_data_catalog *catalog);
struct sovd_data_catalog *sovd_data_catalog_free(struct sovd_data_catalog *catalog);
SOVD_DEFINE_CLEANUP(struct sovd_data_catalog *, sovd_data_catalog_free)

struct sovd_catalog_row {
        const char *key;    /* "components/bms/data/soc", in the order of the index; not encoded */
        const char *text;   /* ValueMetadata as JSON */
        const char *unit;   /* or NULL */
        const char *schema; /* of the value, as JSON; or NULL */
        const struct sovd_vss_leaf *vss; /* or NULL */
};

/* One entity; immutable. */
struct sovd_catalog_part {
        struct sovd_arena *arena;
        enum sovd_entity_type type;
        const char *id, *key; /* key: "components/bms" */
        struct sovd_catalog_row *rows;
        size_t n_rows, n_left_out;
        const struct sovd_generic_error *error; /* why it could not be asked, or NULL */
};

/* Immutable. */
struct sovd_catalog_index {
        unsigned n_refs;                  /* atomic */
        struct sovd_tree *tree;           /* reference: the one that it was made of */
        uint64_t made_usec;               /* monotonic */
        struct sovd_catalog_part **parts; /* owned */
        size_t n_parts, n_errors;
        const struct sovd_catalog_row **rows; /* of all parts, by key */
        size_t n_rows, n_left_out, n_mapped, n_unused;
        char version[33];
};
struct sovd_catalog_index *sovd_catalog_index_unref(struct sovd_catalog_index *index);

/* The index of the present tree, with a reference; waits until it is made, at most until the deadline. SOVD_E_OVERLOAD: it
 * was not made in time. */
int sovd_data_catalog_get(struct sovd_data_catalog *catalog, const struct sovd_tree *tree,
                          uint64_t deadline_usec, struct sovd_catalog_index **ret);

const struct sovd_data_catalog_options *sovd_data_catalog_options(const struct sovd_data_catalog *catalog);

struct sovd_data_catalog_counters {
        size_t items, incomplete, leaves; /* of the last index; of VSS */
        uint64_t builds, build_usec;      /* since start */
};
void sovd_data_catalog_count(struct sovd_data_catalog *catalog, struct sovd_data_catalog_counters *ret);

/* data_catalog_build.c: makes an index of a tree. *stop is looked at between two questions. */
struct sovd_catalog_job {
        struct sovd_rest *rest;
        const struct sovd_data_catalog_options *options;
        struct sovd_tree *tree;
        const bool *stop; /* atomic */
};
int sovd_data_catalog_build(struct sovd_catalog_index **ret, const struct sovd_catalog_job *job);
