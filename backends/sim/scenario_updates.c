/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of update packages, as the scenario has them and as clients register them. */
#include "backends/sim/scenario.h"

#define ID_MAX      128
#define TEXT_MAX    1024
#define SECONDS_MAX 100000000
#define ITEMS_MAX   1000

#define TEXT(S, m, sentence)                                                                                 \
        {                                                                                                    \
                .name = #m, .type = SOVD_FIELD_STRING, .offset = offsetof(struct S, m), .min = 1,            \
                .max = TEXT_MAX, .doc = sentence                                                             \
        }
#define TEXTS(S, m, sentence)                                                                                \
        {                                                                                                    \
                .name = #m, .type = SOVD_FIELD_STRINGS, .offset = offsetof(struct S, m), .max = ITEMS_MAX,   \
                .doc = sentence                                                                              \
        }
#define BOOLEAN(S, m, d, sentence)                                                                           \
        { .name = #m, .type = SOVD_FIELD_BOOL, .offset = offsetof(struct S, m), .def = d, .doc = sentence }
#define LIST(S, m, schema, sentence)                                                                         \
        {                                                                                                    \
                .name = #m, .type = SOVD_FIELD_LIST, .offset = offsetof(struct S, m), .of = &schema,         \
                .max = ITEMS_MAX, .doc = sentence                                                            \
        }

static const char *const sim_fails_in_names[] = { "prepare", "execute", NULL };

static const struct sovd_field update_part_fields[] = {
        { .name = "component",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_update_part, component),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = ID_MAX,
          .doc = "Id of a component." },
        { .name = "data",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_update_part, data),
          .def = "software-version",
          .min = 1,
          .max = ID_MAX,
          .doc = "Id of its data, of category identData and type string, that tells the version." },
        TEXT(sim_update_part, version,
             "The version that it has afterwards; that of the package when missing."),
        { 0 }
};
static const struct sovd_schema update_part_schema = { .name = "update_part",
                                                       .size = sizeof(struct sim_update_part),
                                                       .fields = update_part_fields,
                                                       .doc = "What a package changes." };

static const struct sovd_field update_fields[] = {
        { .name = "id",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_update, named.id),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = ID_MAX,
          .doc = "Unique in its list." },
        { .name = "name",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_update, named.name),
          .min = 1,
          .max = TEXT_MAX,
          .doc = "For people; the id when it is missing." },
        { .name = "translation_id",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_update, named.translation_id),
          .min = 1,
          .max = TEXT_MAX,
          .doc = "Key of the name in a translation table." },
        { .name = "version",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_update, version),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = ID_MAX,
          .doc = "The version that it leads to." },
        { .name = "size_kb",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_update, size_kb),
          .min = 0,
          .max = INT32_MAX,
          .def = "1024",
          .doc = "Its size in kB." },
        BOOLEAN(sim_update, automated, "false", "Can it be prepared and executed in one go?"),
        { .name = "origins",
          .type = SOVD_FIELD_STRINGS,
          .offset = offsetof(struct sim_update, origins),
          .max = 10,
          .doc = "remote, proximity, or one that begins with x-; any when missing." },
        TEXTS(sim_update, affects, "Other entities that it touches, each as components/ID or apps/ID."),
        { .name = "components",
          .type = SOVD_FIELD_LIST,
          .offset = offsetof(struct sim_update, components),
          .of = &update_part_schema,
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = 100,
          .doc = "What it changes; each restarts when it is done." },
        { .name = "prepare_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = offsetof(struct sim_update, prepare_secs),
          .max = SECONDS_MAX,
          .def = "3",
          .doc = "How long preparing takes, in seconds." },
        { .name = "execute_secs",
          .type = SOVD_FIELD_NUMBER,
          .offset = offsetof(struct sim_update, execute_secs),
          .max = SECONDS_MAX,
          .def = "5",
          .doc = "How long executing takes, in seconds." },
        TEXTS(sim_update, prepare_steps, "Names of what is done one after the other while it prepares."),
        TEXTS(sim_update, execute_steps, "The same while it executes."),
        { .name = "fails_in",
          .type = SOVD_FIELD_ENUM,
          .offset = offsetof(struct sim_update, fails_in),
          .names = sim_fails_in_names,
          .doc = "prepare or execute: it fails there; never when missing." },
        { .name = "fails_at",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_update, fails_at),
          .min = 0,
          .max = 100,
          .def = "50",
          .doc = "How far it comes then, in percent." },
        { .name = "fails_times",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_update, fails_times),
          .min = 1,
          .max = 1000000,
          .def = "1",
          .doc = "How many times it fails before it succeeds." },
        { .name = "error",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_update, error),
          .min = 1,
          .max = TEXT_MAX,
          .def = "the update failed",
          .doc = "What a failure says." },
        LIST(sim_update, needs, sovd_schema_sim_need, "What must hold before it is executed."),
        TEXT(sim_update, notes, "What is new, or where that is written."),
        TEXT(sim_update, notes_translation_id, "Key of the notes in a translation table."),
        TEXT(sim_update, user_activity, "What the user has to do."),
        TEXT(sim_update, user_activity_translation_id, "Key of it in a translation table."),
        TEXT(sim_update, preconditions, "What must hold, for people."),
        TEXT(sim_update, preconditions_translation_id, "Key of it in a translation table."),
        TEXT(sim_update, execution_conditions, "What must hold while it executes, for people."),
        { 0 }
};
const struct sovd_schema sovd_schema_sim_update = { .name = "update",
                                                    .size = sizeof(struct sim_update),
                                                    .fields = update_fields,
                                                    .doc = "A package of new software." };
