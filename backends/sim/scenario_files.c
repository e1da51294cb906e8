/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of scripts, bulk data and recordings. */
#include "backends/sim/scenario_tables.h"

#define STEP(m, sentence)                                                                                    \
        {                                                                                                    \
                .name = #m, .type = SOVD_FIELD_STRING, .offset = offsetof(struct sim_step, m), .min = 1,     \
                .max = ID_MAX, .doc = sentence                                                               \
        }
static const struct sovd_field step_fields[] = {
        STEP(read, "Id of data whose value becomes a result."),
        STEP(write, "Id of data that get the value; they must be writable."),
        STEP(start, "Id of an operation that is run to its end; its failure is that of the script."),
        STEP(expect, "Id of data: the script fails when it is not value, or not from min to max."),
        { .name = "wait_ms",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_step, wait_ms),
          .min = 1,
          .max = 600000,
          .doc = "Milliseconds that pass." },
        STEP(as, "read, start: name of the result; the id when missing."),
        { .name = "value",
          .type = SOVD_FIELD_JSON,
          .offset = offsetof(struct sim_step, value),
          .doc = "write, expect: the value." },
        { .name = "parameters",
          .type = SOVD_FIELD_JSON,
          .offset = offsetof(struct sim_step, parameters),
          .flags = SOVD_ANY_OBJECT,
          .doc = "start: parameters of the operation." },
        NUMBER(sim_step, min, "expect: smallest value that will do."),
        NUMBER(sim_step, max, "expect: largest value that will do."),
        { 0 }
};
static const struct sovd_schema step_schema = { .name = "step",
                                                .size = sizeof(struct sim_step),
                                                .fields = step_fields,
                                                .doc = "One thing that a script does: read, write, start, "
                                                       "expect or wait_ms." };

#define SCRIPT_FIELDS                                                                                        \
        TEXT(sim_script, description, "A sentence."),                                                        \
        {                                                                                                    \
                .name = "steps", .type = SOVD_FIELD_LIST, .offset = offsetof(struct sim_script, steps),      \
                .flags = SOVD_REQUIRED, .of = &step_schema, .min = 1, .max = SIM_STEPS_MAX,                  \
                .doc = "What it does, one after the other."                                                  \
        }
static const struct sovd_field script_fields[] = { SCRIPT_FIELDS, { 0 } };
const struct sovd_schema sim_script_schema = { .name = "script",
                                                  .size = sizeof(struct sim_script),
                                                  .fields = script_fields,
                                                  .base = &sim_named_schema,
                                                  .doc = "Steps that clients have the entity do." };

static const struct sovd_field upload_fields[] = {
        TEXT(sim_named, name, "For people; the name of the file when it is missing."),
        TEXT(sim_named, translation_id, "Key of the name in a translation table."),
        TEXTS(sim_named, tags, "Labels to filter by."),
        SCRIPT_FIELDS,
        { 0 }
};
const struct sovd_schema sovd_schema_sim_upload = { .name = "script",
                                                    .size = sizeof(struct sim_script),
                                                    .fields = upload_fields };
static const struct sovd_field bulk_item_fields[] = {
        { .name = "mimetype",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_bulk_item, mimetype),
          .min = 1,
          .max = 255,
          .def = "application/octet-stream",
          .doc = "Media type." },
        { .name = "content",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_bulk_item, content),
          .max = 65536,
          .doc = "Its bytes as text; this or size_bytes." },
        { .name = "size_bytes",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_bulk_item, size_bytes),
          .min = 0,
          .max = 64 * 1024 * 1024,
          .doc = "So many bytes that look random and are the same at each start." },
        TEXT(sim_bulk_item, created, "When it was made, as 2026-01-31T12:00:00Z; the start when missing."),
        SECONDS(sim_bulk_item, ready_after_secs,
                "Time from the start until it can be downloaded; until then the answer is 202."),
        { 0 }
};
static const struct sovd_schema bulk_item_schema = { .name = "bulk_item",
                                                     .size = sizeof(struct sim_bulk_item),
                                                     .fields = bulk_item_fields,
                                                     .base = &sim_named_schema,
                                                     .doc = "A file." };

static const struct sovd_field bulk_fields[] = {
        { .name = "category",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_bulk, category),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = ID_MAX,
          .doc = "Unique in its list; communication-logs is taken by the recordings." },
        BOOLEAN(sim_bulk, writable, "false", "May clients upload and delete?"),
        { .name = "quota_bytes",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_bulk, quota_bytes),
          .min = 1,
          .max = INT64_C(1) << 40,
          .def = "16777216",
          .doc = "Most bytes that uploads may take together; they are kept in memory." },
        LIST(sim_bulk, items, bulk_item_schema, "What is there at the start."),
        { 0 }
};
const struct sovd_schema sim_bulk_schema = { .name = "bulk_data",
                                                .size = sizeof(struct sim_bulk),
                                                .fields = bulk_fields,
                                                .doc = "Files of one category. At most 256 are kept." };

static const struct sovd_field comm_logs_fields[] = {
        { .name = "interface",
          .type = SOVD_FIELD_STRING,
          .offset = offsetof(struct sim_comm_logs, interface),
          .min = 1,
          .max = 15,
          .def = "can0",
          .doc = "Name of the bus in the recording." },
        { .name = "rate_per_sec",
          .type = SOVD_FIELD_NUMBER,
          .offset = offsetof(struct sim_comm_logs, rate_per_sec),
          .max = 10000,
          .def = "10",
          .doc = "Frames in a second, at least 0.1." },
        { .name = "max_logs",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_comm_logs, max_logs),
          .min = 1,
          .max = 100,
          .def = "8",
          .doc = "Most logs at a time." },
        { .name = "max_frames",
          .type = SOVD_FIELD_INT,
          .offset = offsetof(struct sim_comm_logs, max_frames),
          .min = 1,
          .max = 1000000,
          .def = "100000",
          .doc = "Frames after which a recording ends by itself." },
        { .name = "frames",
          .type = SOVD_FIELD_STRINGS,
          .offset = offsetof(struct sim_comm_logs, frames),
          .flags = SOVD_REQUIRED,
          .min = 1,
          .max = 100,
          .doc = "Frames that are seen in turn, each as ID#DATA in hexadecimal digits, like 123#00FF." },
        { 0 }
};
const struct sovd_schema sim_comm_logs_schema = { .name = "communication_logs",
                                                     .size = sizeof(struct sim_comm_logs),
                                                     .fields = comm_logs_fields,
                                                     .doc = "What a recording of the bus shows." };
