#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages - what an app may say, as tables: the same ones decode, name what is wrong, and are documented
 */
#include "sovd-core/base/schema.h"

#define NATIVE_VERSION     1
#define NATIVE_TEXT_MAX    256  /* bytes of a name */
#define NATIVE_MESSAGE_MAX 4096 /* bytes of a line of log or a reason */

enum native_type {
        NATIVE_HELLO,
        NATIVE_REGISTER,
        NATIVE_PUBLISH,
        NATIVE_FAULT,
        NATIVE_CONDITION,
        NATIVE_LOG,
        NATIVE_EXEC,
        NATIVE_HEARTBEAT,
        NATIVE_BYE,
        NATIVE_REPLY,
        NATIVE_ERROR,
        NATIVE_CYCLE,
        NATIVE_N_TYPES
};
extern const char *const native_type_names[]; /* ends with NULL */

struct native_data {
        const char *id, *name, *category, *unit, *data_type, *description;
        struct sovd_bool writable, published;
        struct sovd_strings groups, tags;
};
struct native_operation {
        const char *id, *name, *description;
        struct sovd_bool asynchronous, stoppable;
        struct sovd_strings tags;
};
struct native_mode {
        const char *id, *name;
        struct sovd_strings values, tags;
};
struct native_configuration {
        const char *id, *name;
        struct sovd_strings tags;
};

struct native_hello {
        struct sovd_int v;
        const char *entity, *name, *instance, *version, *located_on;
};
struct native_register {
        struct sovd_list data, operations, modes, configurations;
        const struct cJSON *faults; /* a catalogue */
};
struct native_publish {
        const struct cJSON *values;
};
struct native_fault {
        const char *code;
        int report; /* enum sovd_report + 1 */
        struct sovd_int n;
        const struct cJSON *environment;
};
struct native_cycle {
        const char *kind;
};
struct native_condition {
        const char *name;
        struct sovd_bool on;
};
struct native_log {
        int severity; /* position + 1 in fatal, error, warn, info, debug */
        const char *msg;
};
struct native_exec {
        const char *exec, *error;
        int status; /* enum sovd_execution_status */
        struct sovd_int progress;
        const struct cJSON *parameters;
};
struct native_reply {
        struct sovd_int re;
        const struct cJSON *value, *parameters;
        int status; /* enum sovd_execution_status */
        const char *error;
};
struct native_error {
        struct sovd_int re;
        const char *code, *message;
};

struct native_message {
        enum native_type type;
        struct sovd_int seq;
        union {
                struct native_hello hello;
                struct native_register reg;
                struct native_publish publish;
                struct native_fault fault;
                struct native_condition condition;
                struct native_cycle cycle;
                struct native_log log;
                struct native_exec exec;
                struct native_reply reply;
                struct native_error error;
        };
};

extern const struct sovd_schema *const native_schemas[NATIVE_N_TYPES]; /* NULL: no members of its own */

/* Why a text is no message; code is one of the protocol. */
struct native_refusal {
        const char *code, *reason;
        struct sovd_int seq; /* of the frame, when it could be read */
        bool fatal;          /* the peer cannot be trusted to speak the protocol */
};

/* Parses and decodes; all memory is in the arena. 0, SOVD_E_BAD_REQUEST with *refusal filled, -ENOMEM. */
int native_message_read(const char *text, size_t len, struct sovd_arena *arena, struct native_message *ret,
                        struct native_refusal *refusal);

/* What a table cannot say: ids can be used and come once, and are not too many. NULL, or why (in the arena). */
const char *native_register_check(const struct native_register *reg, size_t max, struct sovd_arena *arena);
