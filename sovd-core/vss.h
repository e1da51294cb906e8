#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * VSS - what the Vehicle Signal Specification (COVESA) says of signals, by their paths
 *
 * Reads the JSON form of the specification and files that change or add to it. Only leaves are kept, and of them what the
 * data catalogue shows. Once read it does not change: then all functions but those that read are thread-safe.
 */
#include "sovd-core/base/arena.h"

struct cJSON;
struct sovd_vss;

#define SOVD_VSS_BYTES_MAX (8 * 1024 * 1024) /* of one file */
#define SOVD_VSS_PATH_MAX  512

enum sovd_vss_kind { SOVD_VSS_SENSOR = 1, SOVD_VSS_ACTUATOR, SOVD_VSS_ATTRIBUTE };
extern const char *const sovd_vss_kind_names[]; /* "sensor", "actuator", "attribute" */

/* Texts are NULL when the file does not have them. */
struct sovd_vss_leaf {
        const char *path; /* "Vehicle.Speed" */
        int kind;
        const char *datatype; /* "uint8", "string[]", …, or the name of a struct, with a dot */
        const char *unit, *description, *deprecation, *pattern;
        const char *min, *max, *def, *allowed; /* JSON; allowed is an array */
};

int sovd_vss_new(struct sovd_vss **ret);
struct sovd_vss *sovd_vss_free(struct sovd_vss *vss);
SOVD_DEFINE_CLEANUP(struct sovd_vss *, sovd_vss_free)

/* Reads a file over what was read before: a leaf that is there already takes over the members that the file has, one with
 * "delete": true is taken away. SOVD_E_BAD_REQUEST with *why, "/Vehicle/children/Speed/datatype: …", in the arena: then
 * the vss is of no use any more. -ENOMEM. */
int sovd_vss_read(struct sovd_vss *vss, const char *text, size_t len, struct sovd_arena *arena,
                  const char **why);

/* NULL: there is no such leaf. */
const struct sovd_vss_leaf *sovd_vss_find(const struct sovd_vss *vss, const char *path);

/* All leaves, by path. */
const struct sovd_vss_leaf *sovd_vss_leaves(const struct sovd_vss *vss, size_t *ret_n);

/* "6.0.0", as Vehicle.VersionVSS has it, or NULL. In the arena. */
const char *sovd_vss_version(const struct sovd_vss *vss, struct sovd_arena *arena);

/* What values of a leaf look like, as a JSON schema (OpenAPI 3.1) in the arena. -ENOMEM. */
int sovd_vss_schema(const struct sovd_vss_leaf *leaf, struct sovd_arena *arena, struct cJSON **ret);
