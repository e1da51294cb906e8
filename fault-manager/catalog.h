#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Catalogue - which faults an entity can have, and how each is judged
 *
 * The same table reads a catalogue file (YAML) and what an app registers (JSON), prints the reference page, and
 * names what is wrong. A code that is in no catalogue cannot be reported.
 */
#include "fault-manager/debounce.h"
#include "sovd-core/base/schema.h"

#define FM_CODE_MAX  64    /* bytes of a code */
#define FM_KINDS_MAX 32    /* of operation cycles, of all catalogues together, with "power" */
#define FM_FAULTS_MAX 10000 /* of one catalogue */
#define FM_POWER_CYCLE "power" /* the kind of cycle that a boot of the machine begins */

struct fm_debounce_options {
        int kind; /* enum fm_debounce */
        struct sovd_int failed_at, passed_at, step_up, step_down;
        struct sovd_bool jump;
        struct sovd_number failed_secs, passed_secs, hold_secs;
};

struct fm_descriptor {
        const char *code, *name, *display_code, *scope, *translation_id, *symptom, *symptom_translation_id;
        struct sovd_int severity;               /* 1 FATAL, 2 ERROR, 3 WARN, 4 INFO */
        struct sovd_strings tags;
        struct fm_debounce_options *debounce;   /* NULL: edge, without an end of its own */
        struct sovd_int confirm_cycles, heal_cycles, age_cycles;
        struct sovd_strings freeze_frame;       /* ids of data that are kept with the first and the last occurrence */
        struct sovd_strings conditions;         /* names that all must be on, else reports are not judged */
        struct sovd_number reports_per_sec;     /* of one reporter; more are counted and dropped */
        const char *cycle;                      /* the kind of operation cycle that counts */
        const char *catalog_id, *catalog_version; /* of what it stands in, or NULL; only when it is stored */
        const struct cJSON *observed;           /* of a fault that a backend keeps: as it shows it; else NULL */
};

struct fm_catalog {
        const char *id, *version;
        struct sovd_list faults; /* struct fm_descriptor */
        struct sovd_bool closed; /* a file only: an app adds no codes to it */
};

extern const struct sovd_schema fm_schema_descriptor, fm_schema_catalog;
/* A descriptor as it is stored: with the catalogue that it stands in, or with what was observed. No catalogue has that. */
extern const struct sovd_schema fm_schema_stored;
extern const struct sovd_schema fm_schema_catalog_file;

/* What the table cannot say: codes come once, thresholds fit their rule, and no member is for another kind of debouncing
 * (json: what the catalogue was read from; NULL: that was checked). NULL when it is good, else why; *ret_path is the JSON
 * pointer of the bad member. Both in the arena. */
const char *fm_catalog_check(const struct fm_catalog *catalog, const struct cJSON *json, struct sovd_arena *arena,
                             const char **ret_path);

/* The rule of a checked descriptor. */
struct fm_rule fm_descriptor_rule(const struct fm_descriptor *d);
