#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Evidence - which configuration is in force, without its secrets
 *
 * Kept as canonical JSON: members in the order of their names, no blanks, so that equal configurations have equal digests,
 * whoever wrote them and in which order. What came from the environment is in it; defaults are. Thread-safe.
 */
#include "sovd-core/base/digest.h"
#include "sovd-core/base/schema.h"

struct cJSON;
struct sovd_evidence;

/* These settings are in force from now on; *evidence is made when it is NULL. What the tables call a secret is left out. When
 * it fails there is none: -ENOMEM, -EIO. */
int sovd_evidence_set(struct sovd_evidence **evidence, const struct sovd_schema *schema, const void *settings);
struct sovd_evidence *sovd_evidence_free(struct sovd_evidence *evidence);

struct sovd_evidence_configuration {
        const struct cJSON *sections; /* in the arena; NULL = not known */
        char sha256[SOVD_SHA256_SIZE]; /* of the canonical text */
        uint64_t since_usec;          /* UTC: when it came into force */
};
/* evidence may be NULL. */
int sovd_evidence_read(struct sovd_evidence *evidence, struct sovd_arena *arena, struct sovd_evidence_configuration *ret);

/* The digest of the program that runs, read once; "" = it cannot be read. */
const char *sovd_evidence_executable(void);
