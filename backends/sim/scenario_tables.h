#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scenario tables - what the files with the tables of a scenario share
 */
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
#define NUMBER(S, m, sentence)                                                                               \
        {                                                                                                    \
                .name = #m, .type = SOVD_FIELD_NUMBER, .offset = offsetof(struct S, m),                      \
                .min = -SIM_NUMBER_MAX, .max = SIM_NUMBER_MAX, .doc = sentence                               \
        }
#define SECONDS(S, m, sentence)                                                                              \
        {                                                                                                    \
                .name = #m, .type = SOVD_FIELD_NUMBER, .offset = offsetof(struct S, m), .max = SECONDS_MAX,  \
                .doc = sentence                                                                              \
        }
#define BOOLEAN(S, m, d, sentence)                                                                           \
        { .name = #m, .type = SOVD_FIELD_BOOL, .offset = offsetof(struct S, m), .def = d, .doc = sentence }
#define LIST(S, m, schema, sentence)                                                                         \
        {                                                                                                    \
                .name = #m, .type = SOVD_FIELD_LIST, .offset = offsetof(struct S, m), .of = &schema,         \
                .max = ITEMS_MAX, .doc = sentence                                                            \
        }

extern const struct sovd_schema sim_named_schema, sim_script_schema, sim_bulk_schema, sim_comm_logs_schema;
